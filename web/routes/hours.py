"""Opening hours (工作时间) by week, special days, and the working days (工作日) of the city."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Query, status
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession

from directory import lines, repository, special_days
from directory.hours import DAY_MINUTES, Span, SpecialDay, WeeklyHours
from directory.models import Role, Schedule
from hotline.errors import InvalidInput, Stale
from hotline.versions import version_of
from ticketing import on_calendar
from web.access import Parts, Transaction, roles
from web.administration import Administration, Note
from web.conditional import Expected
from web.problems import DOCUMENTED

router = APIRouter(prefix="/api/hours", tags=["hours"], responses=DOCUMENTED)

_READERS = (Role.AGENT, Role.EXPERT, Role.SUPERVISOR, Role.DISPATCHER, Role.AUDITOR, Role.ADMIN)
_MOST_DAYS = 400


class HoursStale(Stale):
    """A schedule, or a day of the calendar, is no longer as it was read."""

    code = "hours.stale"


ScheduleName = Annotated[str, Path(min_length=1, max_length=64)]
Minute = Annotated[int, Field(ge=0, le=DAY_MINUTES, description="Minutes after local midnight.")]


class OpenSpan(BaseModel):
    """Open from `opens` until before `closes`."""

    model_config = ConfigDict(extra="forbid")

    opens: Minute
    closes: Minute


class WeekSpan(OpenSpan):
    """A span of an ISO weekday, Monday 1."""

    weekday: Annotated[int, Field(ge=1, le=7)]


class Week(BaseModel):
    """A week's hours. With `follows_holidays` closed on the State Council's holidays, and open on weekends worked."""

    model_config = ConfigDict(extra="forbid")

    spans: list[WeekSpan] = Field(max_length=70)
    timezone: Annotated[str, Field(max_length=64)] | None = Field(None, description="IANA zone; the site's.")
    follows_holidays: bool = False


class DayHours(BaseModel):
    """A day's own hours; no span: closed."""

    model_config = ConfigDict(extra="forbid")

    spans: list[OpenSpan] = Field(max_length=10)
    note: Note = ""


class SpecialDayOut(DayHours):
    """A special day."""

    day: date


class ScheduleOut(Week):
    """A schedule by name, with its own special days. `version` is to be named when changing it."""

    name: str
    special_days: list[SpecialDayOut]
    version: int = 0


class Worked(BaseModel):
    """Whether a day is worked."""

    model_config = ConfigDict(extra="forbid")

    worked: bool
    note: Note = ""


class WorkdayOut(BaseModel):
    """A day; `worked` null: nobody has laid it down yet. `here`: laid down by this city. `version` is to be named when
    changing it."""

    day: date
    worked: bool | None
    here: bool
    note: str
    version: int = 0


_Record = TypeVar("_Record", ScheduleOut, WorkdayOut)


class DueOut(BaseModel):
    """The last day of a limit in working days, the start not counted; `ends_at` is its 24:00 in the city.

    `provisional`: a day on the way is not laid down yet.
    """

    day: date
    ends_at: datetime
    provisional: bool


class EffectOut(BaseModel):
    """Limits of tickets in progress that would end sooner or later, and how many tickets have such limits."""

    model_config = ConfigDict(from_attributes=True)

    sooner: int
    later: int
    tickets: int


class YearsOut(BaseModel):
    """Every day up to `known_until` is laid down; of the years `complete` that was said here."""

    known_until: date
    complete: list[int]


class Complete(BaseModel):
    """Whether every exceptional day of a year has been entered."""

    model_config = ConfigDict(extra="forbid")

    complete: bool


@router.get("/schedules", dependencies=[roles(*_READERS)])
async def schedules(session: Transaction) -> list[ScheduleOut]:
    """Every schedule."""
    return await _schedules(session)


@router.put("/schedules/{name}", dependencies=[roles(Role.ADMIN)])
async def save_schedule(name: ScheduleName, body: Week, expected: Expected, change: Administration) -> ScheduleOut:
    """Enter a schedule or replace its week; lines, targets and queues that use it follow. If-Match names its version,
    `"0"` that it is a new one; without it whatever is there is replaced."""
    session, services = change.session, change.services
    before = await _resting(change, name, expected)
    spans = tuple(sorted(Span(span.weekday, span.opens, span.closes) for span in body.spans))
    if len({(span.weekday, span.opens) for span in spans}) != len(spans):
        raise InvalidInput("two spans of a day begin together")
    hours = WeeklyHours(body.timezone or services.settings.site.timezone, spans)
    await lines.define_schedule(session, name, hours, now=services.clock.now(), follows_holidays=body.follows_holidays)
    return await _saved(change, name, before)


@router.put("/schedules/{name}/days/{day}", dependencies=[roles(Role.ADMIN)])
async def save_day(
    name: ScheduleName, day: date, body: DayHours, expected: Expected, change: Administration
) -> ScheduleOut:
    """Give a schedule hours of its own on a day, or close it."""
    before = await _resting(change, name, expected)
    special = SpecialDay(day, tuple((span.opens, span.closes) for span in body.spans))
    now = change.services.clock.now()
    await special_days.set_special_day(change.session, name, special, note=body.note, now=now)
    return await _saved(change, name, before)


@router.delete("/schedules/{name}/days/{day}", dependencies=[roles(Role.ADMIN)])
async def clear_day(name: ScheduleName, day: date, expected: Expected, change: Administration) -> ScheduleOut:
    """Let the week's hours hold on a day again."""
    before = await _resting(change, name, expected)
    await special_days.clear_special_day(change.session, name, day, now=change.services.clock.now())
    return await _saved(change, name, before)


@router.get("/workdays", dependencies=[roles(*Role)])
async def workdays(session: Transaction, first: date, last: date) -> list[WorkdayOut]:
    """The days from `first` to `last`, both in, at most 400."""
    if not 0 <= (last - first).days < _MOST_DAYS:
        raise InvalidInput(f"1 to {_MOST_DAYS} days at a time")
    calendar = await repository.workdays(session)
    notes = {row.day: row.note for row in await special_days.overrides(session)}
    days = (date.fromordinal(number) for number in range(first.toordinal(), last.toordinal() + 1))
    return [
        _versioned(WorkdayOut(day=day, worked=calendar.is_workday(day), here=day in notes, note=notes.get(day, "")))
        for day in days
    ]


@router.get("/workdays/due", dependencies=[roles(*Role)])
async def due(
    session: Transaction, services: Parts, start: date, days: Annotated[int, Query(ge=0, le=1_000)]
) -> DueOut:
    """The last day of a limit that begins on `start`."""
    found = (await repository.workdays(session)).due(start, days)
    ends_at = found.end(services.settings.site.timezone)
    return DueOut(day=found.day, ends_at=ends_at, provisional=found.provisional)


@router.get("/workdays/years", dependencies=[roles(*Role)])
async def years(session: Transaction) -> YearsOut:
    """How far the calendar is laid down."""
    known_until = (await repository.workdays(session)).known_until
    return YearsOut(known_until=known_until, complete=await special_days.complete_years(session))


@router.get("/workdays/{day}/effect", dependencies=[roles(Role.ADMIN)])
async def effect(
    day: date,
    session: Transaction,
    services: Parts,
    worked: Annotated[bool | None, Query(description="None: as the published calendar says.")] = None,
) -> EffectOut:
    """What laying a day down so would change for tickets in progress; nothing is changed by asking."""
    before = await repository.workdays(session)
    zone = services.settings.site.timezone
    found = await on_calendar.effect(session, day, before, before.amended(day, worked), zone)
    return EffectOut.model_validate(found)


@router.put("/workdays/{day}", dependencies=[roles(Role.ADMIN)])
async def lay_down(day: date, body: Worked, expected: Expected, change: Administration) -> WorkdayOut:
    """Say that a day is worked or not, whatever the published calendar says. If-Match as with schedules."""
    return await _laid_down(change, day, body, expected)


@router.delete("/workdays/{day}", dependencies=[roles(Role.ADMIN)])
async def take_back(day: date, expected: Expected, change: Administration) -> WorkdayOut:
    """Let the published calendar hold for a day again."""
    return await _laid_down(change, day, None, expected)


@router.put("/workdays/years/{year}", status_code=status.HTTP_204_NO_CONTENT, dependencies=[roles(Role.ADMIN)])
async def complete_year(year: Annotated[int, Path(ge=2004, le=2999)], body: Complete, change: Administration) -> None:
    """Say that every exceptional day of a year has been entered: its other days are as their weekday says."""
    now = change.services.clock.now()
    await special_days.complete_year(change.session, year, complete=body.complete, now=now)
    await change.record("workdays.year", f"workdays:{year}", None, body.model_dump())


async def _laid_down(change: Administration, day: date, wanted: Worked | None, expected: Expected) -> WorkdayOut:
    session, now = change.session, change.services.clock.now()
    # Our turn comes first: nobody changes the day between the look and the change.
    await repository.begin_change(session, now)
    (before,) = await workdays(session, day, day)
    if not expected.rests_on(before.version):
        raise HoursStale("somebody changed this day meanwhile", remedy="read it again")
    worked, note = (wanted.worked, wanted.note) if wanted else (None, "")
    await special_days.lay_down(session, day, worked, note=note, now=now)
    (after,) = await workdays(session, day, day)
    await change.record("workdays.day", f"workdays:{day}", _plain(before), _plain(after))
    return after


async def _schedules(session: AsyncSession) -> list[ScheduleOut]:
    return [await _schedule(session, row, spans) for row, spans in await repository.weeks(session)]


async def _schedule(session: AsyncSession, row: Schedule, spans: Iterable[Span]) -> ScheduleOut:
    own = await special_days.special_days(session, row.name)
    return _versioned(
        ScheduleOut(
            name=row.name,
            timezone=row.timezone,
            follows_holidays=row.follows_holidays,
            spans=[WeekSpan(weekday=one.weekday, opens=one.opens, closes=one.closes) for one in spans],
            special_days=[
                SpecialDayOut(
                    day=one.special.day,
                    spans=[OpenSpan(opens=opens, closes=closes) for opens, closes in one.special.spans],
                    note=one.note,
                )
                for one in own
            ],
        )
    )


def _versioned(record: _Record) -> _Record:
    return record.model_copy(update={"version": version_of(record.model_dump_json())})


def _plain(record: ScheduleOut | WorkdayOut | None) -> dict[str, Any] | None:
    """As the audit log has it: a version says nothing there."""
    return record.model_dump(mode="json", exclude={"version"}) if record else None


async def _resting(change: Administration, name: str, expected: Expected) -> ScheduleOut | None:
    """The schedule that a change rests on, held until the transaction ends. Raises HoursStale."""
    await repository.begin_change(change.session, change.services.clock.now())
    before = _find(await _schedules(change.session), name)
    if not expected.rests_on(before.version if before else 0):
        raise HoursStale("somebody changed this schedule meanwhile", remedy="read it again")
    return before


def _find(found: list[ScheduleOut], name: str) -> ScheduleOut | None:
    return next((one for one in found if one.name == name), None)


async def _saved(change: Administration, name: str, before: ScheduleOut | None) -> ScheduleOut:
    after = _find(await _schedules(change.session), name)
    if after is None:
        raise special_days.UnknownSchedule("no such schedule")
    await change.record("schedule.saved", f"schedule:{name}", _plain(before), _plain(after))
    return after
