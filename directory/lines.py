"""Changes to lines: names, modes by effective date, targets, hours, access numbers. Each counts the version up."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from directory import repository
from directory.hours import WeeklyHours
from directory.models import AccessNumber, Hotline, HotlineMode, Schedule, TransferTarget, Unit, UnitLevel
from directory.models.lines import RING_SECONDS, TARGET_ENDPOINT, TARGET_USER
from directory.modes import MAIN_LINE, Mode, Platform, check_line
from directory.numbers import normalise
from directory.snapshot import UnknownLine
from hotline.errors import Conflict, InvalidInput, NotFound, Stale

_ENDPOINT = re.compile(TARGET_ENDPOINT)
_USER = re.compile(TARGET_USER)
_MAIN_SOURCE = "12345政务服务便民热线"


class UnknownMode(NotFound):
    """The line has no such change of mode."""

    code = "mode.unknown"


class ModeBegun(Conflict):
    """A mode that was in force stays in history."""

    code = "mode.begun"


class ModeTaken(Conflict):
    """Another mode of the line begins at that very moment."""

    code = "mode.moment_taken"


class DirectoryStale(Stale):
    """The directory is no longer the version that a change rests on."""

    code = "directory.stale"


@dataclass(frozen=True, slots=True)
class NewTarget:
    """A transfer target to enter: a trunk's endpoint name, the digits dialled there, how long it rings (RING_SECONDS).

    `schedule`: the name of its opening hours, None for always.
    """

    endpoint: str
    user: str
    ring_seconds: int = 20
    schedule: str | None = None


def readable_name(text: str) -> bool:
    """Whether `text` can be a name: 1 to 64 printable characters."""
    return 0 < len(text.strip()) <= 64 and text.isprintable()


async def get(session: AsyncSession, number: str, area_code: str) -> Hotline:
    """The line of `number` in any form; raises InvalidNumber, UnknownLine."""
    line = await repository.hotline(session, normalise(number, area_code))
    if line is None:
        raise UnknownLine("no such line", remedy="`hotline directory list` shows them")
    return line


def main_line_name(city: str) -> str:
    """How 12345 itself is called in this city."""
    return f"{city}{_MAIN_SOURCE}"


async def ensure_main_line(session: AsyncSession, city: str, *, now: datetime) -> bool:
    """Enter 12345 itself, which no list of merged numbers holds; False if it is there. The caller bumps the version."""
    if await repository.hotline(session, MAIN_LINE):
        return False
    line = Hotline(number=MAIN_LINE, name_source=_MAIN_SOURCE, name_spoken=main_line_name(city), name_confirmed=True)
    session.add(line)
    await session.flush()
    session.add(
        HotlineMode(
            hotline_id=line.id,
            mode=Mode.MAIN,
            platform=Platform.OURS,
            expert_seats=False,
            effective_from=now,
            recorded_at=now,
            recorded_by="system",
        )
    )
    return True


async def confirm_name(session: AsyncSession, line: Hotline, name_spoken: str | None, *, now: datetime) -> None:
    """An operator confirms the spoken name, or gives the right one. Raises InvalidInput."""
    if name_spoken is not None and not readable_name(name_spoken):
        raise InvalidInput("a spoken name has 1 to 64 printable characters")
    await repository.begin_change(session, now)
    line.name_spoken = (name_spoken or line.name_spoken).strip()
    line.name_confirmed = True
    await repository.changed(session, now)


async def rest_on(session: AsyncSession, version: int, *, now: datetime) -> None:
    """Hold the directory until the transaction ends, for a change that rests on `version`. Raises DirectoryStale."""
    await repository.begin_change(session, now)
    if await repository.version(session) != version:
        raise DirectoryStale("somebody changed the directory meanwhile")


async def change_mode(
    session: AsyncSession,
    line: Hotline,
    mode: Mode,
    platform: Platform,
    *,
    expert_seats: bool,
    effective_from: datetime,
    actor: str,
    now: datetime,
) -> bool:
    """Let another mode be in force from `effective_from` on; False if it would be already.

    The past is never rewritten: calls that entered before keep their path. Raises InvalidInput (a moment that has
    passed), UnsupportedMode, ModeTaken (another mode is planned for that very moment).
    """
    check_line(line.number, mode, platform, expert_seats=expert_seats)
    if effective_from < now:
        raise InvalidInput("a mode cannot begin in the past")
    await repository.begin_change(session, now)
    before = [row for row in await repository.modes(session, line.id) if row.effective_from <= effective_from]
    if before and (before[-1].mode, before[-1].platform, before[-1].expert_seats) == (mode, platform, expert_seats):
        return False
    if before and before[-1].effective_from == effective_from:
        raise ModeTaken("another mode is planned for that moment", remedy="cancel the planned change first")
    session.add(
        HotlineMode(
            hotline_id=line.id,
            mode=mode,
            platform=platform,
            expert_seats=expert_seats,
            effective_from=effective_from,
            recorded_at=now,
            recorded_by=actor,
        )
    )
    await repository.changed(session, now)
    return True


async def cancel_planned_mode(session: AsyncSession, line: Hotline, mode_id: int, *, now: datetime) -> HotlineMode:
    """Take back one change of mode that has not begun; the row that was. What was in force stays in history.

    Raises UnknownMode, ModeBegun.
    """
    await repository.begin_change(session, now)
    row = next((one for one in await repository.modes(session, line.id) if one.id == mode_id), None)
    if row is None:
        raise UnknownMode("no such change of this line's mode")
    if row.effective_from <= now:
        raise ModeBegun("the mode is in force or was: plan another change instead")
    await session.delete(row)
    await repository.changed(session, now)
    return row


def checked_targets(targets: Sequence[NewTarget]) -> None:
    """Raises InvalidInput for what cannot be dialled."""
    for target in targets:
        if not _ENDPOINT.fullmatch(target.endpoint) or not _USER.fullmatch(target.user):
            raise InvalidInput("a target is a trunk's endpoint name and at most 15 digits")
        if target.ring_seconds not in RING_SECONDS:
            raise InvalidInput(f"a target rings {RING_SECONDS[0]} to {RING_SECONDS[-1]} seconds")


async def set_targets(session: AsyncSession, line: Hotline, targets: Sequence[NewTarget], *, now: datetime) -> bool:
    """Replace a line's transfer targets, in the order to try them; False if nothing changes. Raises InvalidInput."""
    checked_targets(targets)
    await repository.begin_change(session, now)
    rows = [
        TransferTarget(
            hotline_id=line.id,
            position=position,
            endpoint=target.endpoint,
            user_part=target.user,
            ring_seconds=target.ring_seconds,
            schedule_id=await _schedule_id(session, target.schedule),
        )
        for position, target in enumerate(targets)
    ]
    if not await repository.replace_targets(session, line.id, rows):
        return False
    await repository.changed(session, now)
    return True


async def targets_of(session: AsyncSession, line: Hotline) -> list[NewTarget]:
    """A line's targets as they were entered, in the order to try them."""
    rows = await repository.line_targets(session, line.id)
    return [NewTarget(row.endpoint, row.user_part, row.ring_seconds, hours) for row, hours in rows]


async def define_schedule(
    session: AsyncSession, name: str, hours: WeeklyHours, *, now: datetime, follows_holidays: bool = False
) -> None:
    """Enter or replace weekly hours under a name; every line, target and queue that uses the name follows.

    Special days are `directory.special_days`' and stay. With `follows_holidays` they are closed on holidays (节假日)
    and open on weekends worked for them (调休).
    """
    if not readable_name(name):
        raise InvalidInput("a schedule's name has 1 to 64 printable characters")
    await repository.begin_change(session, now)
    schedule = await repository.schedule(session, name)
    if schedule is None:
        schedule = Schedule(name=name, timezone=hours.timezone)
        session.add(schedule)
        await session.flush()
    schedule.timezone, schedule.follows_holidays = hours.timezone, follows_holidays
    await repository.replace_spans(session, schedule.id, hours.spans)
    await repository.changed(session, now)


async def set_hours(session: AsyncSession, line: Hotline, schedule: str | None, *, now: datetime) -> None:
    """When the line's own seats answer: a schedule's name, None for always."""
    await repository.begin_change(session, now)
    line.schedule_id = await _schedule_id(session, schedule)
    await repository.changed(session, now)


async def map_access_number(
    session: AsyncSession, number: str, line: Hotline, area_code: str, *, now: datetime, note: str = ""
) -> None:
    """Let `number` (an old landline, or the access number its calls land on) stand for `line`.

    Raises InvalidNumber, Conflict if the number is a line itself.
    """
    access = normalise(number, area_code)
    await repository.begin_change(session, now)
    if await repository.hotline(session, access):
        raise Conflict("this number is a line of its own")
    rule = await repository.access_number(session, access)
    if rule is None:
        session.add(AccessNumber(number=access, hotline_id=line.id, note=note))
    else:
        rule.hotline_id, rule.note = line.id, note
    await repository.changed(session, now)


async def ensure_unit(
    session: AsyncSession, name: str, level: UnitLevel, parent: Unit | None, *, now: datetime
) -> Unit:
    """The unit of that name below `parent`, entered if it is not there. A county unit has a parent."""
    if not readable_name(name):
        raise InvalidInput("a unit's name has 1 to 64 printable characters")
    if level is UnitLevel.COUNTY and parent is None:
        raise InvalidInput("a county's unit lies below another")
    await repository.begin_change(session, now)
    unit = await repository.unit(session, name, parent.id if parent else None)
    if unit is None:
        unit = Unit(name=name, level=level, parent_id=parent.id if parent else None)
        session.add(unit)
        await repository.changed(session, now)
    return unit


async def _schedule_id(session: AsyncSession, name: str | None) -> int | None:
    if name is None:
        return None
    schedule = await repository.schedule(session, name)
    if schedule is None:
        raise InvalidInput(f"no schedule {name!r}", remedy="define it first")
    return schedule.id
