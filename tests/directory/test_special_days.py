"""Special days and working days laid down here reach the snapshot a call is decided by."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from directory import lines, repository, special_days
from directory.hours import InvalidHours, SpecialDay, weekdays
from directory.importer import SANMENXIA, import_hotlines
from directory.loader import load_snapshot
from directory.snapshot import DirectorySnapshot
from directory.snapshot_json import from_json, to_json
from directory.special_days import NotedDay, UnknownSchedule
from hotline.clock import ManualClock
from hotline.database import Database
from hotline.errors import InvalidInput
from hotline.settings import Settings

OFFICE = weekdays("08:00", "18:00", "Asia/Shanghai")
NATIONAL_DAY = date(2026, 10, 1)
NOON = {day: datetime.fromisoformat(f"{day}T12:00+08:00") for day in ("2026-10-01", "2026-10-10", "2026-11-23")}


@pytest.fixture
async def office(database: Database, settings: Settings, clock: ManualClock) -> Database:
    """The 12333 keeps office hours and follows the holidays."""
    async with database.transaction() as session:
        await import_hotlines(session, SANMENXIA.read_bytes(), settings.site, now=clock.now())
        await lines.define_schedule(session, "上班时间", OFFICE, now=clock.now(), follows_holidays=True)
        line = await lines.get(session, "12333", settings.site.area_code)
        await lines.set_hours(session, line, "上班时间", now=clock.now())
    return database


async def snapshot_of(database: Database, settings: Settings) -> DirectorySnapshot:
    async with database.transaction() as session:
        return await load_snapshot(session, settings)


async def open_at(database: Database, settings: Settings) -> dict[str, bool]:
    line = (await snapshot_of(database, settings)).line("12333")
    assert line is not None
    return {day: line.is_open(at) for day, at in NOON.items()}


async def test_a_line_follows_the_holidays_and_its_own_days(
    office: Database, settings: Settings, clock: ManualClock
) -> None:
    assert await open_at(office, settings) == {"2026-10-01": False, "2026-10-10": True, "2026-11-23": True}
    seen = [(await snapshot_of(office, settings)).version]
    async with office.transaction() as session:
        on_duty = SpecialDay(NATIONAL_DAY, ((13 * 60, 15 * 60), (9 * 60, 13 * 60)))
        await special_days.set_special_day(session, "上班时间", on_duty, note="国庆值班", now=clock.now())
        await special_days.set_special_day(session, "上班时间", SpecialDay(date(2026, 11, 23)), now=clock.now())
    assert await open_at(office, settings) == {"2026-10-01": True, "2026-10-10": True, "2026-11-23": False}
    async with office.transaction() as session:
        kept = SpecialDay(NATIONAL_DAY, ((9 * 60, 13 * 60), (13 * 60, 15 * 60)))
        assert (await special_days.special_days(session, "上班时间"))[0] == NotedDay(kept, "国庆值班")
        assert await special_days.clear_special_day(session, "上班时间", NATIONAL_DAY, now=clock.now())
        assert not await special_days.clear_special_day(session, "上班时间", NATIONAL_DAY, now=clock.now())
    assert await open_at(office, settings) == {"2026-10-01": False, "2026-10-10": True, "2026-11-23": False}
    seen.append((await snapshot_of(office, settings)).version)
    assert seen[0] < seen[1]


async def test_a_day_laid_down_here_goes_before_the_published_calendar(
    office: Database, settings: Settings, clock: ManualClock
) -> None:
    async with office.transaction() as session:
        await special_days.lay_down(session, NATIONAL_DAY, True, note="本市照常", now=clock.now())
        await special_days.lay_down(session, date(2026, 10, 10), False, now=clock.now())
        assert [(row.day, row.worked) for row in await special_days.overrides(session)] == [
            (NATIONAL_DAY, True),
            (date(2026, 10, 10), False),
        ]
    assert await open_at(office, settings) == {"2026-10-01": True, "2026-10-10": False, "2026-11-23": True}
    async with office.transaction() as session:
        await special_days.lay_down(session, NATIONAL_DAY, None, now=clock.now())
    assert not (await open_at(office, settings))["2026-10-01"]


async def test_a_year_entered_by_hand_is_known(office: Database, settings: Settings, clock: ManualClock) -> None:
    async with office.transaction() as session:
        await special_days.lay_down(session, date(2027, 1, 1), False, now=clock.now())
        assert (await repository.workdays(session)).is_workday(date(2027, 1, 4)) is None
        await special_days.complete_year(session, 2027, complete=True, now=clock.now())
        assert (await repository.workdays(session)).is_workday(date(2027, 1, 4)) is True
        await special_days.complete_year(session, 2027, complete=False, now=clock.now())
        assert (await repository.workdays(session)).is_workday(date(2027, 1, 4)) is None
        with pytest.raises(InvalidInput):
            await special_days.complete_year(session, 1999, complete=True, now=clock.now())


async def test_special_days_are_in_the_copy_that_is_kept_for_bad_times(
    office: Database, settings: Settings, clock: ManualClock
) -> None:
    async with office.transaction() as session:
        special = SpecialDay(date(2026, 11, 23), ((540, 600),))
        await special_days.set_special_day(session, "上班时间", special, now=clock.now())
    snapshot = await snapshot_of(office, settings)
    assert from_json(to_json(snapshot)) == snapshot


async def test_wrong_days_are_refused(office: Database, clock: ManualClock) -> None:
    async with office.transaction() as session:
        with pytest.raises(UnknownSchedule):
            await special_days.set_special_day(session, "没有", SpecialDay(NATIONAL_DAY), now=clock.now())
        with pytest.raises(InvalidInput):
            await special_days.lay_down(session, NATIONAL_DAY, True, note="\n", now=clock.now())
        with pytest.raises(InvalidHours):
            SpecialDay(NATIONAL_DAY, ((0, 1441),))
