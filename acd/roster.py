"""The roster (排班): who is due when, at the seats and among the units' experts (专家选派), and who is missing.

Shifts are moments in UTC. A shift laid down in local time (a day, from when, until when) is read in the site's zone and
may run over midnight. Nothing here commits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from acd.model import AgentView
from acd.roster_tables import NO_OVERLAP, RosterShift
from acd.states import AgentState
from directory.models import AgentGroup, AgentProfile, User
from hotline.errors import Conflict, InvalidInput, NotAllowed, NotFound
from hotline.ids import group_id

LONGEST_SHIFT = timedelta(hours=16)
"""A longer one is a slip of the pen."""


class ShiftsOverlap(Conflict):
    """The person has another shift at that time."""

    code = "roster.overlap"


class UnknownShift(NotFound):
    """No such shift, or it was cancelled."""

    code = "roster.unknown_shift"


class UnknownAgent(NotFound):
    """Nobody with that work number takes calls here."""

    code = "roster.unknown_agent"


class NotInGroup(InvalidInput):
    """The person does not have the skill group the shift is for."""

    code = "roster.not_in_group"


class ShiftBegan(Conflict):
    """The shift has begun: what happened is not rewritten."""

    code = "roster.shift_began"


class NotYourUnit(NotAllowed):
    """A unit lays down the shifts of its own experts only."""

    code = "roster.not_your_unit"


@dataclass(frozen=True, slots=True)
class NewShift:
    """A shift to lay down: work number, skill group, and its span."""

    agent: str
    group: str
    starts_at: datetime
    ends_at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class Shift:
    """A shift as it is read. `unit_id` is the person's unit, for experts that a unit sends."""

    id: int
    agent: str
    name: str
    unit_id: int | None
    group: str
    starts_at: datetime
    ends_at: datetime
    note: str
    assigned_by: str


@dataclass(frozen=True, slots=True)
class Missing:
    """Somebody who is due and not signed in; `late_s` is since the shift began."""

    shift: Shift
    late_s: float


def local_span(day: date, begins: time, ends: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """A shift by the clock on the wall: from `begins` on that day; an end not after it is on the next day.

    Where the clock is put back, the first of two equal times is meant. Raises InvalidInput for a time that is skipped.
    """
    until = day if ends > begins else day + timedelta(days=1)
    return _moment(day, begins, zone), _moment(until, ends, zone)


def _moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    local = datetime.combine(day, at.replace(tzinfo=None), zone)
    moment = local.astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise InvalidInput(f"on {day} the clock skips {at:%H:%M}")
    return moment


async def assign(
    session: AsyncSession, new: Sequence[NewShift], *, by: str, now: datetime, of_unit: int | None = None
) -> list[Shift]:
    """Lay down shifts, all or none. `of_unit`: only people of that unit.

    Raises UnknownAgent, NotInGroup, NotYourUnit, ShiftsOverlap, and InvalidInput for a span that cannot be meant.
    """
    rows = []
    for shift in new:
        group_id(shift.group)
        if not timedelta(0) < shift.ends_at - shift.starts_at <= LONGEST_SHIFT:
            raise InvalidInput(
                f"a shift lasts at most {LONGEST_SHIFT.total_seconds() / 3600:.0f} hours, and more than 0"
            )
        if shift.ends_at <= now:
            raise InvalidInput("the shift is over already")
        user = await _who(session, shift.agent)
        if of_unit is not None and user.unit_id != of_unit:
            raise NotYourUnit("not one of your unit's experts")
        await require_group(session, user.id, shift.group)
        rows.append(
            RosterShift(
                user_id=user.id,
                group=shift.group,
                starts_at=shift.starts_at,
                ends_at=shift.ends_at,
                note=shift.note,
                assigned_by=by,
                assigned_at=now,
            )
        )
    await add(session, rows)
    return await _read(session, _shifts().where(RosterShift.id.in_([row.id for row in rows])))


async def add(session: AsyncSession, rows: Sequence[RosterShift]) -> None:
    """Write shifts; raises ShiftsOverlap, and nothing of it is kept then."""
    try:
        async with session.begin_nested():
            session.add_all(rows)
            await session.flush()
    except IntegrityError as error:
        if NO_OVERLAP not in str(error.orig):
            raise
        raise ShiftsOverlap("the person has another shift at that time") from None


async def cancel(session: AsyncSession, shift_id: int, *, by: str, now: datetime, of_unit: int | None = None) -> Shift:
    """Take a shift off the roster, before it begins. Raises UnknownShift, ShiftBegan, NotYourUnit."""
    row = await locked(session, shift_id)
    (shift,) = await _read(session, _shifts().where(RosterShift.id == shift_id))
    if of_unit is not None and shift.unit_id != of_unit:
        raise NotYourUnit("not one of your unit's experts")
    if shift.starts_at <= now:
        raise ShiftBegan("the shift has begun")
    row.cancelled_by, row.cancelled_at = by, now
    await session.flush()
    return shift


async def locked(session: AsyncSession, shift_id: int) -> RosterShift:
    """A shift that is on the roster, held until the transaction ends; raises UnknownShift."""
    wanted = select(RosterShift).where(RosterShift.id == shift_id, RosterShift.cancelled_at.is_(None))
    shift = await session.scalar(wanted.with_for_update().execution_options(populate_existing=True))
    if shift is None:
        raise UnknownShift("no such shift on the roster")
    return shift


async def require_group(session: AsyncSession, user_id: int, group: str) -> None:
    """Raises NotInGroup unless the person has the skill group."""
    if await session.get(AgentGroup, (user_id, group)) is None:
        raise NotInGroup(f"the person is not in {group}")


async def shifts(
    session: AsyncSession,
    begin: datetime,
    end: datetime,
    *,
    agent: str | None = None,
    group: str | None = None,
    of_unit: int | None = None,
) -> list[Shift]:
    """Shifts of which any part lies in `begin` to `end`, in the order of their beginnings."""
    query = _shifts().where(RosterShift.starts_at < end, RosterShift.ends_at > begin)
    if agent is not None:
        query = query.where(AgentProfile.work_number == agent)
    if group is not None:
        query = query.where(RosterShift.group == group)
    if of_unit is not None:
        query = query.where(User.unit_id == of_unit)
    return await _read(session, query)


async def due(session: AsyncSession, at: datetime, *, of_unit: int | None = None) -> list[Shift]:
    """Whose shift it is at that moment."""
    found = await shifts(session, at, at + timedelta(microseconds=1), of_unit=of_unit)
    return [shift for shift in found if shift.starts_at <= at < shift.ends_at]


async def levels(session: AsyncSession, agents: Collection[str]) -> dict[str, dict[str, int]]:
    """Skill groups with levels by work number."""
    found: dict[str, dict[str, int]] = {agent: {} for agent in agents}
    rows = select(AgentProfile.work_number, AgentGroup).join(AgentGroup, AgentGroup.user_id == AgentProfile.user_id)
    for agent, group in await session.execute(rows.where(AgentProfile.work_number.in_(agents))):
        found[agent][group.group] = group.level
    return found


def missing(due_now: Iterable[Shift], agents: Iterable[AgentView], at: datetime) -> list[Missing]:
    """Who is due and not signed in (未到岗), the latest first."""
    here = {agent.agent for agent in agents if agent.state is not AgentState.SIGNED_OUT}
    found = [Missing(shift, (at - shift.starts_at).total_seconds()) for shift in due_now if shift.agent not in here]
    return sorted(found, key=lambda one: (-one.late_s, one.shift.agent))


def fewest_due(rostered: Iterable[Shift], begin: datetime, end: datetime) -> int:
    """The smallest number due at any moment from `begin` until `end`."""
    changes: dict[datetime, int] = {begin: 0}
    for shift in rostered:
        if shift.starts_at < end and shift.ends_at > begin:
            start = max(shift.starts_at, begin)
            changes[start] = changes.get(start, 0) + 1
            if shift.ends_at < end:
                changes[shift.ends_at] = changes.get(shift.ends_at, 0) - 1
    now, fewest = 0, None
    for moment in sorted(changes):
        now += changes[moment]
        fewest = now if fewest is None else min(fewest, now)
    return fewest or 0


async def _who(session: AsyncSession, agent: str) -> User:
    query = select(User).join(AgentProfile, AgentProfile.user_id == User.id)
    user = await session.scalar(query.where(AgentProfile.work_number == agent, User.disabled_at.is_(None)))
    if user is None:
        raise UnknownAgent("nobody with that work number takes calls here")
    return user


def _shifts() -> Select[RosterShift, str, str, int | None]:
    return (
        select(RosterShift, AgentProfile.work_number, User.name, User.unit_id)
        .join(AgentProfile, AgentProfile.user_id == RosterShift.user_id)
        .join(User, User.id == RosterShift.user_id)
        .where(RosterShift.cancelled_at.is_(None))
        .order_by(RosterShift.starts_at, AgentProfile.work_number)
    )


async def _read(session: AsyncSession, query: Select[RosterShift, str, str, int | None]) -> list[Shift]:
    return [
        Shift(row.id, agent, name, unit_id, row.group, row.starts_at, row.ends_at, row.note, row.assigned_by)
        for row, agent, name, unit_id in await session.execute(query)
    ]
