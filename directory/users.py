"""Users (用户): who they are, their roles, and their seat if they take calls."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from directory import account_repository
from directory.lines import readable_name
from directory.models import AgentProfile, Role, User
from directory.passwords import Passwords
from directory.targets import Seat
from hotline import ids
from hotline.errors import Conflict, InvalidInput, NotFound

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")


class UnknownUser(NotFound):
    """No such user."""

    code = "user.unknown"


class LoginTaken(Conflict):
    """Somebody has this login, or had it: the records of what was done under it stay."""

    code = "user.login_taken"


class WorkNumberTaken(Conflict):
    """Somebody has this work number, or had it: calls and tickets are kept under it."""

    code = "user.work_number_taken"


@dataclass(frozen=True, slots=True)
class Agent:
    """A user who takes calls: work number (工号), skill groups with level (1 to 9, the best), the usual extension."""

    work_number: str
    groups: Mapping[str, int]
    extension: str | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """A user as the rest of the house sees one."""

    id: int
    login: str
    name: str
    roles: frozenset[Role]
    unit_id: int | None
    agent: Agent | None
    disabled: bool


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user to enter. `login` is lower-case letters, digits, `.`, `_`, `-`, at most 32."""

    login: str
    name: str
    roles: frozenset[Role] = field(default_factory=frozenset)
    unit_id: int | None = None
    agent: Agent | None = None
    first_password: bool = False
    """Whether the password must be changed at the first sign-in."""


async def add_user(
    session: AsyncSession, new: NewUser, password: str, passwords: Passwords, *, now: datetime
) -> Person:
    """Enter a user. Raises InvalidInput, WeakPassword, LoginTaken, WorkNumberTaken."""
    check(new)
    if await account_repository.user(session, new.login):
        raise LoginTaken("this login is taken")
    if new.agent:
        await refuse_taken(session, new.agent.work_number)
    user = User(
        login=new.login,
        name=new.name.strip(),
        password_hash=await passwords.hash(password, login=new.login),
        password_changed_at=now,
        unit_id=new.unit_id,
        created_at=now,
        first_password=new.first_password,
    )
    session.add(user)
    await session.flush()
    await account_repository.replace_roles(session, user.id, new.roles)
    if new.agent:
        profile = AgentProfile(
            user_id=user.id, work_number=new.agent.work_number, default_extension=new.agent.extension
        )
        session.add(profile)
        await session.flush()
        await account_repository.replace_groups(session, user.id, new.agent.groups)
    return await person(session, user)


async def refuse_taken(session: AsyncSession, work_number: str) -> None:
    """Raises WorkNumberTaken if somebody has it already, be it somebody who is disabled."""
    if await account_repository.profile_by_work_number(session, work_number):
        raise WorkNumberTaken("this work number is taken")


async def get(session: AsyncSession, login: str) -> User:
    """The user of that login; raises UnknownUser."""
    user = await account_repository.user(session, login)
    if user is None:
        raise UnknownUser("no such user")
    return user


async def of_work_number(session: AsyncSession, work_number: str) -> User:
    """The user who takes calls under that work number (工号); raises UnknownUser."""
    profile = await account_repository.profile_by_work_number(session, work_number)
    user = await account_repository.user_by_id(session, profile.user_id) if profile else None
    if user is None:
        raise UnknownUser("nobody has this work number")
    return user


async def person(session: AsyncSession, user: User) -> Person:
    """A user with roles and agent profile."""
    profile = await account_repository.profile(session, user.id)
    groups = await account_repository.groups(session, user.id) if profile else {}
    return _person(user, await account_repository.roles(session, user.id), profile, groups)


def _person(user: User, roles: frozenset[Role], profile: AgentProfile | None, groups: Mapping[str, int]) -> Person:
    return Person(
        id=user.id,
        login=user.login,
        name=user.name,
        roles=roles,
        unit_id=user.unit_id,
        agent=Agent(profile.work_number, groups, profile.default_extension) if profile else None,
        disabled=user.disabled_at is not None,
    )


async def people(session: AsyncSession) -> list[Person]:
    """Every user by login."""
    roles = await account_repository.all_roles(session)
    profiles = await account_repository.profiles(session)
    groups = await account_repository.all_groups(session)
    return [
        _person(user, roles.get(user.id, frozenset()), profiles.get(user.id), groups.get(user.id, {}))
        for user in await account_repository.users(session)
    ]


async def seats(session: AsyncSession) -> list[Seat]:
    """Everybody who takes calls and may sign in, by work number: whom a call can be transferred to."""
    return [Seat(number, name, roles) for number, name, roles in await account_repository.seats(session)]


async def set_password(
    session: AsyncSession,
    user: User,
    password: str,
    passwords: Passwords,
    *,
    now: datetime,
    keep_session: int = 0,
    first: bool = False,
) -> None:
    """A new password: lifts a lock and ends the user's sessions but `keep_session`. Raises WeakPassword.

    `first`: somebody else chose it, and it must be changed at the next sign-in.
    """
    user.password_hash = await passwords.hash(password, login=user.login)
    user.password_changed_at = now
    user.first_password = first
    await unlock(session, user)
    await account_repository.revoke(session, now=now, user_id=user.id, keep=keep_session)


async def unlock(session: AsyncSession, user: User) -> bool:
    """Lift a lock and forget failed attempts; False if there were none."""
    await session.flush()
    await session.refresh(user)
    counted = user.failed_attempts > 0 or user.locked_until is not None or user.locks > 0
    user.failed_attempts, user.locked_until, user.locks = 0, None, 0
    await session.flush()
    return counted


async def set_roles(session: AsyncSession, user: User, roles: Iterable[Role], *, now: datetime) -> None:
    """Replace a user's roles, and end the user's sessions: they were opened under others' rules."""
    await account_repository.replace_roles(session, user.id, roles)
    await account_repository.revoke(session, now=now, user_id=user.id)


async def set_groups(session: AsyncSession, user: User, groups: Mapping[str, int]) -> None:
    """Replace an agent's skill groups. Raises InvalidInput, UnknownUser if the user takes no calls."""
    _check_groups(groups)
    if await account_repository.profile(session, user.id) is None:
        raise UnknownUser("this user takes no calls")
    await account_repository.replace_groups(session, user.id, groups)


async def disable(session: AsyncSession, user: User, *, now: datetime) -> None:
    """No sign-in any more, and every session ends. The user stays for history."""
    user.disabled_at = now
    await session.flush()
    await account_repository.revoke(session, now=now, user_id=user.id)


def check(new: NewUser) -> None:
    """Raises InvalidInput for what cannot be a user."""
    if not _LOGIN.fullmatch(new.login):
        raise InvalidInput("a login has lower-case letters, digits, '.', '_' or '-', at most 32")
    if not readable_name(new.name):
        raise InvalidInput("a name has 1 to 64 printable characters")
    takes_calls = not new.roles.isdisjoint({Role.AGENT, Role.EXPERT})
    if takes_calls and new.agent is None:
        raise InvalidInput("agents and experts need a work number")
    if new.agent:
        ids.agent_id(new.agent.work_number)
        if new.agent.extension is not None:
            ids.extension(new.agent.extension)
        _check_groups(new.agent.groups)


def _check_groups(groups: Mapping[str, int]) -> None:
    for group, level in groups.items():
        ids.group_id(group)
        if not 1 <= level <= 9:
            raise InvalidInput("a level is 1 to 9 (the best)")
