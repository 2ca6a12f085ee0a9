"""Administration of people (人员): who they are, what they may do, and whether they may sign in.

A change names the version it rests on. What gives or takes rights ends the person's sessions. At least one
administrator who may sign in is left at every moment. A work number (工号), once given, stays its person's: calls,
tickets and figures are kept under it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from directory import account_repository, users
from directory.models import AgentProfile, Role, Unit, User
from directory.passwords import Passwords
from directory.users import NewUser, Person, UnknownUser
from hotline.errors import Conflict, InvalidInput, Stale


class StaffStale(Stale):
    """Somebody changed this person's record meanwhile."""

    code = "staff.stale"


class LastAdministrator(Conflict):
    """Nobody would be left who can administer people."""

    code = "staff.last_admin"


class WorkNumberFixed(Conflict):
    """This person has a work number, and calls and tickets are kept under it."""

    code = "staff.work_number_fixed"


class UnknownUnit(InvalidInput):
    """No such unit."""

    code = "staff.unit_unknown"


@dataclass(frozen=True, slots=True)
class Member:
    """A person as administrators see one. `first_password`: chosen by an administrator and not changed yet. `locked`:
    after wrong passwords or codes, at this moment."""

    person: Person
    version: int
    first_password: bool
    locked: bool


async def members(session: AsyncSession, *, now: datetime) -> list[Member]:
    """Everybody by login, those who are disabled as well."""
    people = await users.people(session)
    # Read after the people: whoever came in between is in no answer yet.
    rows = {user.id: user for user in await account_repository.users(session)}
    return [_member(rows[person.id], person, now) for person in people]


async def member(session: AsyncSession, login: str, *, now: datetime) -> Member:
    """One of them; raises UnknownUser."""
    user = await users.get(session, login)
    return _member(user, await users.person(session, user), now)


async def enter(session: AsyncSession, new: NewUser, password: str, passwords: Passwords, *, now: datetime) -> Member:
    """Enter a person. Raises InvalidInput, UnknownUnit, WeakPassword, LoginTaken, WorkNumberTaken."""
    await _refuse_unknown(session, new.unit_id)
    await users.add_user(session, new, password, passwords, now=now)
    return await member(session, new.login, now=now)


async def change(session: AsyncSession, wanted: NewUser, *, version: int, now: datetime) -> Member:
    """Make the person of that login what `wanted` says; skill levels and password stay. Other rights, another unit, and
    the first work number end the person's sessions.

    Raises InvalidInput, UnknownUnit, UnknownUser, StaffStale, LastAdministrator, WorkNumberFixed, WorkNumberTaken.
    """
    users.check(wanted)
    await _refuse_unknown(session, wanted.unit_id)
    user = await _taken(session, wanted.login, version)
    before = await users.person(session, user)
    if Role.ADMIN in before.roles - wanted.roles:
        await _leave_an_administrator(session, user)
    rights = before.roles != wanted.roles or before.unit_id != wanted.unit_id
    user.name, user.unit_id = wanted.name.strip(), wanted.unit_id
    await account_repository.replace_roles(session, user.id, wanted.roles)
    rights |= await _seated(session, user, wanted)
    if rights:
        await account_repository.revoke(session, now=now, user_id=user.id)
    return await _changed(session, user, now)


async def disable(session: AsyncSession, login: str, *, version: int, now: datetime) -> Member:
    """No sign-in any more, and every session ends. The person stays for history.

    Raises UnknownUser, StaffStale, LastAdministrator.
    """
    user = await _taken(session, login, version)
    if Role.ADMIN in await account_repository.roles(session, user.id):
        await _leave_an_administrator(session, user)
    await users.disable(session, user, now=now)
    return await _changed(session, user, now)


async def enable(session: AsyncSession, login: str, *, version: int, now: datetime) -> Member:
    """Let a person sign in again, with the password there was. Raises UnknownUser, StaffStale."""
    user = await _taken(session, login, version)
    user.disabled_at = None
    return await _changed(session, user, now)


async def give_password(
    session: AsyncSession, login: str, password: str, passwords: Passwords, *, now: datetime
) -> Member:
    """A password that must be changed at the next sign-in, say for one that was forgotten. Lifts a lock, and ends the
    person's sessions. Raises UnknownUser, WeakPassword."""
    user = await users.get(session, login)
    await users.set_password(session, user, password, passwords, now=now, first=True)
    return await member(session, login, now=now)


async def _seated(session: AsyncSession, user: User, wanted: NewUser) -> bool:
    """Give the person the seat that is wanted; whether the work number is new. One who takes no calls any more keeps
    the number, for what is kept under it."""
    profile = await account_repository.profile(session, user.id)
    if wanted.agent is None:
        if profile is not None:
            raise WorkNumberFixed("a work number is not taken away")
        return False
    if profile is None:
        await users.refuse_taken(session, wanted.agent.work_number)
        session.add(
            AgentProfile(
                user_id=user.id, work_number=wanted.agent.work_number, default_extension=wanted.agent.extension
            )
        )
        await session.flush()
        return True
    if profile.work_number != wanted.agent.work_number:
        raise WorkNumberFixed("a work number is not changed", remedy="disable this person and enter another login")
    profile.default_extension = wanted.agent.extension
    return False


async def _taken(session: AsyncSession, login: str, version: int) -> User:
    """The user, for this transaction alone. Raises UnknownUser, StaffStale."""
    user = await account_repository.locked_user(session, login)
    if user is None:
        raise UnknownUser("no such user")
    if user.version != version:
        raise StaffStale("somebody changed this person meanwhile", remedy="read it again")
    return user


async def _changed(session: AsyncSession, user: User, now: datetime) -> Member:
    user.version += 1
    await session.flush()
    return _member(user, await users.person(session, user), now)


async def _leave_an_administrator(session: AsyncSession, user: User) -> None:
    if not await account_repository.other_holders(session, Role.ADMIN, user.id):
        raise LastAdministrator("nobody else is an administrator", remedy="make somebody else one first")


async def _refuse_unknown(session: AsyncSession, unit_id: int | None) -> None:
    if unit_id is not None and await session.get(Unit, unit_id) is None:
        raise UnknownUnit("no such unit")


def _member(user: User, person: Person, now: datetime) -> Member:
    locked = user.locked_until is not None and user.locked_until > now
    return Member(person, user.version, user.first_password, locked)
