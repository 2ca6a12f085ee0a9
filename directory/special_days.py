"""Changes to days: special days of schedules, and working days laid down here. Each counts the directory up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from directory import repository
from directory.hours import SpecialDay
from directory.models import Schedule, SpecialDayRow, WorkdayOverride, WorkdayYear
from hotline.errors import InvalidInput, NotFound

_LONGEST_NOTE = 64


class UnknownSchedule(NotFound):
    """No schedule of that name."""

    code = "schedule.unknown"


@dataclass(frozen=True, slots=True)
class NotedDay:
    """A special day with what is said of it, e.g. 国庆值班."""

    special: SpecialDay
    note: str


async def schedule(session: AsyncSession, name: str) -> Schedule:
    """The schedule of that name; raises UnknownSchedule."""
    found = await repository.schedule(session, name)
    if found is None:
        raise UnknownSchedule("no such schedule")
    return found


async def special_days(session: AsyncSession, name: str) -> list[NotedDay]:
    """A schedule's own special days, in order; raises UnknownSchedule."""
    rows = select(SpecialDayRow).where(SpecialDayRow.schedule_id == (await schedule(session, name)).id)
    return [
        NotedDay(SpecialDay(row.day, tuple((opens, closes) for opens, closes in row.spans)), row.note)
        for row in await session.scalars(rows.order_by(SpecialDayRow.day))
    ]


async def set_special_day(
    session: AsyncSession, name: str, special: SpecialDay, *, note: str = "", now: datetime
) -> None:
    """Give a schedule hours of its own on a day; without spans it is closed. Raises UnknownSchedule, InvalidInput."""
    _check_note(note)
    await repository.begin_change(session, now)
    values = {"spans": [list(span) for span in sorted(special.spans)], "note": note}
    row = {"schedule_id": (await schedule(session, name)).id, "day": special.day}
    await session.execute(
        insert(SpecialDayRow).values(row | values).on_conflict_do_update(index_elements=list(row), set_=values)
    )
    await repository.changed(session, now)


async def clear_special_day(session: AsyncSession, name: str, day: date, *, now: datetime) -> bool:
    """Let the week's hours hold on that day again; False if they did. Raises UnknownSchedule."""
    await repository.begin_change(session, now)
    row = SpecialDayRow.schedule_id == (await schedule(session, name)).id, SpecialDayRow.day == day
    gone = await session.execute(delete(SpecialDayRow).where(*row).returning(SpecialDayRow.day))
    if gone.one_or_none() is None:
        return False
    await repository.changed(session, now)
    return True


async def overrides(session: AsyncSession) -> Sequence[WorkdayOverride]:
    """Every day laid down here, in order."""
    rows = select(WorkdayOverride).order_by(WorkdayOverride.day).execution_options(populate_existing=True)
    return (await session.scalars(rows)).all()


async def lay_down(session: AsyncSession, day: date, worked: bool | None, *, note: str = "", now: datetime) -> None:
    """Say that a day is worked or not, whatever the published calendar says; None takes the word back."""
    _check_note(note)
    await repository.begin_change(session, now)
    if worked is None:
        await session.execute(delete(WorkdayOverride).where(WorkdayOverride.day == day))
    else:
        values = {"worked": worked, "note": note}
        await session.execute(
            insert(WorkdayOverride).values(day=day, **values).on_conflict_do_update(index_elements=["day"], set_=values)
        )
    await repository.changed(session, now)


async def complete_year(session: AsyncSession, year: int, *, complete: bool, now: datetime) -> None:
    """Say that every exceptional day of a year has been entered, or that it has not. Raises InvalidInput."""
    if not 2004 <= year <= 2999:
        raise InvalidInput("not a year of this calendar")
    await repository.begin_change(session, now)
    if complete:
        await session.execute(insert(WorkdayYear).values(year=year, entered_at=now).on_conflict_do_nothing())
    else:
        await session.execute(delete(WorkdayYear).where(WorkdayYear.year == year))
    await repository.changed(session, now)


async def complete_years(session: AsyncSession) -> list[int]:
    """Years whose exceptional days were all entered here, in order."""
    return list(await session.scalars(select(WorkdayYear.year).order_by(WorkdayYear.year)))


def _check_note(note: str) -> None:
    if len(note) > _LONGEST_NOTE or not (note.isprintable()):
        raise InvalidInput(f"a note has at most {_LONGEST_NOTE} printable characters")
