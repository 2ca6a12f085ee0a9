"""SQL of lines, units and their version. Nothing here commits: the caller's transaction does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from directory.hours import Span, SpecialDay, WeeklyHours
from directory.models import (
    AccessNumber,
    Contact,
    DirectoryVersion,
    DutyNumber,
    Hotline,
    HotlineMode,
    HourSpan,
    Partner,
    PartnerNumber,
    Schedule,
    SpecialDayRow,
    TransferTarget,
    Unit,
    UnitLevel,
    WorkdayOverride,
    WorkdayYear,
)
from hotline.workdays import Workdays

_VERSION_ROW = 1
_MOST_PARTICULAR = (DutyNumber.to_day - DutyNumber.from_day, DutyNumber.id)


@dataclass(frozen=True, slots=True)
class DirectoryRows:
    """All rows a snapshot is made of, as one transaction saw them."""

    version: int
    hotlines: Sequence[Hotline]
    modes: Sequence[HotlineMode]
    targets: Sequence[TransferTarget]
    schedules: dict[int, WeeklyHours]
    units: Sequence[Unit]
    access_numbers: Sequence[tuple[str, str]]
    contacts: Sequence[Contact]
    duties: Sequence[DutyNumber]
    partners: Sequence[Partner]
    partner_numbers: Sequence[PartnerNumber]


async def version(session: AsyncSession) -> int:
    """The directory's version; 0 while it is empty."""
    return await session.scalar(select(DirectoryVersion.version)) or 0


async def begin_change(session: AsyncSession, now: datetime) -> None:
    """Wait for our turn to write: holds the version row until the transaction ends."""
    row = {"id": _VERSION_ROW, "version": 0, "changed_at": now}
    await session.execute(insert(DirectoryVersion).values(row).on_conflict_do_nothing())
    await session.execute(select(DirectoryVersion.version).with_for_update())


async def changed(session: AsyncSession, now: datetime) -> None:
    """Count the version up. Every change of lines or units ends with it."""
    await session.flush()
    await session.execute(update(DirectoryVersion).values(version=DirectoryVersion.version + 1, changed_at=now))


async def one_view(session: AsyncSession) -> None:
    """Let every query of this transaction see the same moment. Must be the transaction's first statement."""
    await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))


async def all_rows(session: AsyncSession) -> DirectoryRows:
    """Everything a snapshot needs."""
    return DirectoryRows(
        version=await version(session),
        hotlines=(await session.scalars(select(Hotline).order_by(Hotline.number))).all(),
        modes=(await session.scalars(select(HotlineMode).order_by(HotlineMode.effective_from))).all(),
        targets=(await session.scalars(select(TransferTarget).order_by(TransferTarget.position))).all(),
        schedules=await schedules(session),
        units=(await session.scalars(select(Unit).order_by(Unit.id))).all(),
        access_numbers=[
            (access, line)
            for access, line in await session.execute(
                select(AccessNumber.number, Hotline.number)
                .join(Hotline, Hotline.id == AccessNumber.hotline_id)
                .order_by(AccessNumber.number)
            )
        ],
        contacts=(await session.scalars(select(Contact).order_by(Contact.unit_id, Contact.position, Contact.id))).all(),
        duties=(await session.scalars(select(DutyNumber).order_by(*_MOST_PARTICULAR))).all(),
        partners=(await session.scalars(select(Partner).order_by(Partner.code))).all(),
        partner_numbers=(await session.scalars(select(PartnerNumber).order_by(PartnerNumber.position))).all(),
    )


async def schedules(session: AsyncSession) -> dict[int, WeeklyHours]:
    """Every schedule's hours by id, special days and followed holidays included."""
    special: dict[int, list[SpecialDay]] = {}
    for day in await session.scalars(select(SpecialDayRow)):
        own = SpecialDay(day.day, tuple((opens, closes) for opens, closes in day.spans))
        special.setdefault(day.schedule_id, []).append(own)
    calendar = await workdays(session)
    exceptional, known_until = calendar.exceptional(), calendar.known_until
    found = {}
    for schedule, spans in await weeks(session):
        own_days = tuple(sorted(special.get(schedule.id, ())))
        hours = WeeklyHours(schedule.timezone, tuple(spans), own_days)
        found[schedule.id] = hours.following(exceptional, known_until) if schedule.follows_holidays else hours
    return found


async def weeks(session: AsyncSession) -> list[tuple[Schedule, list[Span]]]:
    """Every schedule by name with the spans of its week, special days left out."""
    spans: dict[int, list[Span]] = {}
    for row in await session.scalars(select(HourSpan)):
        spans.setdefault(row.schedule_id, []).append(Span(row.weekday, row.opens, row.closes))
    found = await session.scalars(select(Schedule).order_by(Schedule.name).execution_options(populate_existing=True))
    return [(row, sorted(spans.get(row.id, ()))) for row in found]


async def workdays(session: AsyncSession) -> Workdays:
    """The State Council's calendar with what was laid down here."""
    overrides = {row.day: row.worked for row in await session.scalars(select(WorkdayOverride))}
    return Workdays(overrides, await session.scalars(select(WorkdayYear.year)))


async def hotline(session: AsyncSession, number: str) -> Hotline | None:
    """The line of a normalised number."""
    return await session.scalar(select(Hotline).where(Hotline.number == number))


async def hotlines(session: AsyncSession) -> dict[str, Hotline]:
    """Every line by its number."""
    return {row.number: row for row in await session.scalars(select(Hotline))}


async def modes(session: AsyncSession, hotline_id: int) -> Sequence[HotlineMode]:
    """A line's modes, past, present and planned, oldest first."""
    rows = select(HotlineMode).where(HotlineMode.hotline_id == hotline_id).order_by(HotlineMode.effective_from)
    return (await session.scalars(rows)).all()


async def modes_in_force(session: AsyncSession, at: datetime) -> dict[int, HotlineMode]:
    """The mode in force at `at` by hotline id."""
    rows = select(HotlineMode).where(HotlineMode.effective_from <= at).order_by(HotlineMode.effective_from)
    # The latest of a line's rows wins.
    return {row.hotline_id: row for row in await session.scalars(rows)}


async def city_units(session: AsyncSession) -> dict[str, Unit]:
    """The units of city level by name."""
    return {row.name: row for row in await session.scalars(select(Unit).where(Unit.level == UnitLevel.CITY))}


async def unit(session: AsyncSession, name: str, parent_id: int | None) -> Unit | None:
    """The unit of that name right below `parent_id` (None: at the top)."""
    return await session.scalar(
        select(Unit).where(Unit.name == name, Unit.parent_id.is_not_distinct_from(parent_id)),
    )


async def replace_targets(session: AsyncSession, hotline_id: int, targets: Sequence[TransferTarget]) -> bool:
    """Make `targets` the line's targets; False if they were already."""
    old = (
        await session.scalars(
            select(TransferTarget).where(TransferTarget.hotline_id == hotline_id).order_by(TransferTarget.position)
        )
    ).all()

    def content(row: TransferTarget) -> tuple[str, str, int, int | None]:
        return row.endpoint, row.user_part, row.ring_seconds, row.schedule_id

    if [content(row) for row in old] == [content(row) for row in targets]:
        return False
    for row in old:
        await session.delete(row)
    await session.flush()
    session.add_all(targets)
    return True


async def line_targets(session: AsyncSession, hotline_id: int) -> Sequence[tuple[TransferTarget, str | None]]:
    """A line's targets in the order to try them, each with the name of its hours."""
    rows = await session.execute(
        select(TransferTarget, Schedule.name)
        .outerjoin(Schedule, Schedule.id == TransferTarget.schedule_id)
        .where(TransferTarget.hotline_id == hotline_id)
        .order_by(TransferTarget.position)
        .execution_options(populate_existing=True)
    )
    return [(row, hours) for row, hours in rows]


async def replace_partner_numbers(session: AsyncSession, code: str, numbers: Sequence[PartnerNumber]) -> None:
    """Make `numbers` the platform's only ones of its own."""
    await session.execute(delete(PartnerNumber).where(PartnerNumber.partner == code))
    session.add_all(numbers)


async def schedule(session: AsyncSession, name: str) -> Schedule | None:
    """The schedule of that name."""
    return await session.scalar(select(Schedule).where(Schedule.name == name))


async def replace_spans(session: AsyncSession, schedule_id: int, spans: Sequence[Span]) -> None:
    """Make `spans` the schedule's only ones."""
    await session.execute(delete(HourSpan).where(HourSpan.schedule_id == schedule_id))
    session.add_all(
        HourSpan(schedule_id=schedule_id, weekday=span.weekday, opens=span.opens, closes=span.closes) for span in spans
    )


async def access_number(session: AsyncSession, number: str) -> AccessNumber | None:
    """The rule for an access number."""
    return await session.get(AccessNumber, number)


async def contacts(session: AsyncSession, unit_id: int) -> Sequence[Contact]:
    """A unit's contacts in the order to try them."""
    rows = select(Contact).where(Contact.unit_id == unit_id).order_by(Contact.position, Contact.id)
    return (await session.scalars(rows)).all()


async def duty_numbers(session: AsyncSession, unit_id: int, day: date) -> Sequence[DutyNumber]:
    """A unit's numbers on duty that day, the shortest duty (the most particular) first."""
    rows = (
        select(DutyNumber)
        .where(DutyNumber.unit_id == unit_id, DutyNumber.from_day <= day, DutyNumber.to_day >= day)
        .order_by(*_MOST_PARTICULAR)
    )
    return (await session.scalars(rows)).all()


async def unconfirmed(session: AsyncSession) -> int:
    """How many spoken names nobody has confirmed."""
    return await session.scalar(select(func.count()).where(Hotline.name_confirmed.is_(False))) or 0


async def lines_with_targets(session: AsyncSession) -> set[int]:
    """Ids of the lines that have a transfer target."""
    return set(await session.scalars(select(TransferTarget.hotline_id).distinct()))
