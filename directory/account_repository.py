"""SQL of users and sessions. Nothing here commits: the caller's transaction does."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Interval, case, delete, exists, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import AgentGroup, AgentProfile, Role, SessionState, User, UserRole, UserSession
from hotline.database import UtcDateTime


async def user(session: AsyncSession, login: str) -> User | None:
    """The user of that login."""
    return await session.scalar(select(User).where(User.login == login))


async def user_by_id(session: AsyncSession, user_id: int) -> User | None:
    """The user of that id."""
    return await session.get(User, user_id)


async def users(session: AsyncSession) -> Sequence[User]:
    """All users by login."""
    return (await session.scalars(select(User).order_by(User.login))).all()


async def roles(session: AsyncSession, user_id: int) -> frozenset[Role]:
    """A user's roles."""
    return frozenset(await session.scalars(select(UserRole.role).where(UserRole.user_id == user_id)))


async def all_roles(session: AsyncSession) -> dict[int, frozenset[Role]]:
    """The roles of everybody who has one, by the user's id."""
    rows = await session.execute(select(UserRole.user_id, func.array_agg(UserRole.role)).group_by(UserRole.user_id))
    return {user_id: frozenset(Role(role) for role in found) for user_id, found in rows}


async def profiles(session: AsyncSession) -> dict[int, AgentProfile]:
    """Every agent profile by the user's id."""
    return {row.user_id: row for row in await session.scalars(select(AgentProfile))}


async def all_groups(session: AsyncSession) -> dict[int, dict[str, int]]:
    """The skill groups with their level of every agent who has one, by the user's id."""
    found: dict[int, dict[str, int]] = {}
    for row in await session.scalars(select(AgentGroup).order_by(AgentGroup.user_id, AgentGroup.group)):
        found.setdefault(row.user_id, {})[row.group] = row.level
    return found


async def locked_user(session: AsyncSession, login: str) -> User | None:
    """The user of that login as the database has it; nobody else changes it until the transaction ends."""
    query = select(User).where(User.login == login).with_for_update()
    return await session.scalar(query.execution_options(populate_existing=True))


async def other_holders(session: AsyncSession, role: Role, user_id: int) -> int:
    """How many others have this role and may sign in. Whoever else asks for the same role waits until the transaction
    ends, so that two who take it from one another do not both find the other."""
    await session.execute(select(UserRole).where(UserRole.role == role).order_by(UserRole.user_id).with_for_update())
    count = (
        select(func.count())
        .select_from(UserRole)
        .join(User, User.id == UserRole.user_id)
        .where(UserRole.role == role, UserRole.user_id != user_id, User.disabled_at.is_(None))
    )
    return await session.scalar(count) or 0


async def profile(session: AsyncSession, user_id: int) -> AgentProfile | None:
    """A user's agent profile."""
    return await session.get(AgentProfile, user_id)


async def profile_by_work_number(session: AsyncSession, work_number: str) -> AgentProfile | None:
    """The profile with that work number."""
    return await session.scalar(select(AgentProfile).where(AgentProfile.work_number == work_number))


async def groups(session: AsyncSession, user_id: int) -> dict[str, int]:
    """An agent's skill groups with their level."""
    rows = select(AgentGroup).where(AgentGroup.user_id == user_id).order_by(AgentGroup.group)
    return {row.group: row.level for row in await session.scalars(rows)}


async def seats(session: AsyncSession) -> list[tuple[str, str, frozenset[Role]]]:
    """Work number, name and roles of every agent who is not disabled, by work number."""
    rows = await session.execute(
        select(AgentProfile.work_number, User.name, func.array_agg(UserRole.role))
        .join(User, User.id == AgentProfile.user_id)
        .join(UserRole, UserRole.user_id == User.id)
        .where(User.disabled_at.is_(None))
        .group_by(AgentProfile.work_number, User.name)
        .order_by(AgentProfile.work_number)
    )
    return [(number, name, frozenset(Role(role) for role in found)) for number, name, found in rows]


async def replace_roles(session: AsyncSession, user_id: int, wanted: Iterable[Role]) -> None:
    """Make `wanted` the user's only roles."""
    await session.execute(delete(UserRole).where(UserRole.user_id == user_id))
    session.add_all(UserRole(user_id=user_id, role=role) for role in sorted(set(wanted)))
    await session.flush()


async def replace_groups(session: AsyncSession, user_id: int, wanted: Mapping[str, int]) -> None:
    """Make `wanted` the agent's only skill groups."""
    await session.execute(delete(AgentGroup).where(AgentGroup.user_id == user_id))
    session.add_all(AgentGroup(user_id=user_id, group=group, level=level) for group, level in sorted(wanted.items()))
    await session.flush()


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt to sign in that was counted; `locked` if no other one is let through after it."""

    user_id: int
    password_hash: str
    locked: bool


async def count_attempt(
    session: AsyncSession, login: str, *, now: datetime, attempts: int, lock: timedelta, longest: timedelta
) -> Attempt | None:
    """Count an attempt to sign in, before its password is looked at.

    None without counting if there is no such user, it is disabled or locked. The attempt that reaches `attempts`
    still counts as allowed and locks the login for `lock`, twice as long each time in a row, up to `longest`; one
    atomic statement, so that attempts at the same time cannot slip past. A lock that has run out starts the count anew.
    """
    expired = User.locked_until.is_not(None) & (User.locked_until <= now)
    count = case((expired, 1), else_=User.failed_attempts + 1)
    full = count >= attempts
    seconds = func.least(lock.total_seconds() * func.power(2.0, func.least(User.locks, 16)), longest.total_seconds())
    lasts = func.make_interval(0, 0, 0, 0, 0, 0, seconds, type_=Interval)
    row = (
        await session.execute(
            update(User)
            .where(
                User.login == login,
                User.disabled_at.is_(None),
                or_(User.locked_until.is_(None), User.locked_until <= now),
            )
            .values(
                failed_attempts=count,
                locked_until=case((full, literal(now, UtcDateTime) + lasts), else_=None),
                locks=case((full, User.locks + 1), else_=User.locks),
            )
            .returning(User.id, User.password_hash, User.locked_until.is_not(None))
            .execution_options(synchronize_session=False)
        )
    ).one_or_none()
    return Attempt(*row) if row else None


async def clear_attempts(session: AsyncSession, user_id: int, password_hash: str) -> bool:
    """After a right password: no failed attempts, no lock; False if the password changed or the user was disabled."""
    cleared = await session.execute(
        update(User)
        .where(User.id == user_id, User.password_hash == password_hash, User.disabled_at.is_(None))
        .values(failed_attempts=0, locked_until=None, locks=0)
        .returning(User.id)
        .execution_options(synchronize_session=False)
    )
    return cleared.one_or_none() is not None


async def take_attempt_back(session: AsyncSession, attempt: Attempt) -> bool:
    """After a right password that a second step follows: the attempt itself does not count, the ones before it do."""
    locks = User.locks - 1 if attempt.locked else User.locks
    left = await session.execute(
        update(User)
        .where(User.id == attempt.user_id, User.password_hash == attempt.password_hash, User.disabled_at.is_(None))
        .values(
            failed_attempts=func.greatest(User.failed_attempts - 1, 0),
            locked_until=None if attempt.locked else User.locked_until,
            locks=func.greatest(locks, 0),
        )
        .returning(User.id)
        .execution_options(synchronize_session=False)
    )
    return left.one_or_none() is not None


async def set_password_hash(session: AsyncSession, user_id: int, password_hash: str) -> None:
    """Replace a hash by one of the same password with newer parameters."""
    await session.execute(update(User).where(User.id == user_id).values(password_hash=password_hash))


async def live_session(
    session: AsyncSession, token_hash: bytes, *, now: datetime, idle: timedelta, browser: bool = False
) -> tuple[UserSession, User] | None:
    """The session of that token and its user, if neither has ended; it may not be open yet."""
    row = (
        await session.execute(
            select(UserSession, User)
            .join(User, User.id == UserSession.user_id)
            .where(
                UserSession.token_hash == token_hash,
                UserSession.browser == browser,
                UserSession.revoked_at.is_(None),
                UserSession.expires_at > now,
                UserSession.seen_at > now - idle,
                User.disabled_at.is_(None),
            )
        )
    ).one_or_none()
    return (row[0], row[1]) if row else None


async def live_sessions(
    session: AsyncSession, user_id: int, *, now: datetime, idle: timedelta
) -> Sequence[UserSession]:
    """A user's open sessions, oldest first."""
    rows = (
        select(UserSession)
        .where(
            UserSession.user_id == user_id,
            UserSession.state == SessionState.OPEN,
            UserSession.revoked_at.is_(None),
            UserSession.expires_at > now,
            UserSession.seen_at > now - idle,
        )
        .order_by(UserSession.id)
    )
    return (await session.scalars(rows)).all()


async def renew_session(
    session: AsyncSession, session_id: int, token_hash: bytes, state: SessionState, *, now: datetime, ends: datetime
) -> tuple[UserSession, User] | None:
    """Go on with a session in `state` under a new token, if it has not ended; None if it has."""
    row = await session.get(UserSession, session_id, populate_existing=True, with_for_update=True)
    user = await session.get(User, row.user_id) if row else None
    if row is None or user is None or row.revoked_at is not None or row.expires_at <= now or user.disabled_at:
        return None
    row.token_hash, row.state, row.seen_at, row.expires_at = token_hash, state, now, ends
    await session.flush()
    return row, user


async def seen(session: AsyncSession, session_id: int, now: datetime) -> None:
    """The session was used. Never moves back: two processes may see the same token."""
    await session.execute(
        update(UserSession)
        .where(UserSession.id == session_id, UserSession.seen_at < now)
        .values(seen_at=now)
        .execution_options(synchronize_session=False)
    )


async def used_sessions(
    session: AsyncSession, session_ids: Collection[int], *, now: datetime, idle: timedelta
) -> set[int]:
    """Those of these sessions that live, with their users; all of them are used now."""
    live = await session.scalars(
        update(UserSession)
        .where(
            UserSession.id.in_(session_ids),
            UserSession.state == SessionState.OPEN,
            UserSession.revoked_at.is_(None),
            UserSession.expires_at > now,
            UserSession.seen_at > now - idle,
            exists().where(User.id == UserSession.user_id, User.disabled_at.is_(None)),
        )
        .values(seen_at=func.greatest(UserSession.seen_at, now))
        .returning(UserSession.id)
        .execution_options(synchronize_session=False)
    )
    return set(live)


async def revoke(
    session: AsyncSession, *, now: datetime, session_id: int | None = None, user_id: int | None = None, keep: int = 0
) -> int:
    """End one session by its id, or all of a user's but `keep`; returns how many ended now."""
    which = UserSession.id == session_id if session_id is not None else UserSession.user_id == user_id
    ended = await session.execute(
        update(UserSession)
        .where(which, UserSession.id != keep, UserSession.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(UserSession.id)
        .execution_options(synchronize_session=False)
    )
    return len(ended.all())


async def forget_sessions(session: AsyncSession, before: datetime) -> int:
    """Delete sessions whose absolute life ended before that moment; returns how many."""
    gone = await session.execute(delete(UserSession).where(UserSession.expires_at < before).returning(UserSession.id))
    return len(gone.all())
