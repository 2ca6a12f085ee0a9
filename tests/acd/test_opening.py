"""Which queue takes a call now: hours, holidays, closed routes one after the other, and never a closed door."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd import opening
from acd.needs import Need
from acd.opening import Opening, UnknownOpening, load_openings, queue_now, save_opening, stored_openings
from acd.queue_store import QueueInUse, StaleRule, load_rules, remove_rule, rules_version, save_rule
from acd.queues import QueueRule, QueueStep
from directory import lines, repository, special_days
from directory.hours import SpecialDay, WeeklyHours, weekdays
from directory.special_days import UnknownSchedule
from hotline.database import Database
from hotline.errors import InvalidInput
from hotline.workdays import Workdays

NOW = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
ZONE = "Asia/Shanghai"
KNOWN = {"general", "night", "enterprise", "expert-12333", "lang-en"}
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)
DAY = weekdays("08:00", "20:00", ZONE, EVERY_DAY)
NIGHT = WeeklyHours(
    ZONE, (*weekdays("00:00", "08:00", ZONE, EVERY_DAY).spans, *weekdays("20:00", "24:00", ZONE, EVERY_DAY).spans)
)
OFFICE = weekdays("09:00", "17:00", ZONE).following(Workdays().exceptional(), Workdays().known_until)

OPENINGS = {
    "general": Opening(DAY, "night"),
    "night": Opening(NIGHT, "general"),
    "expert-12333": Opening(OFFICE, "general"),
    "lang-en": Opening(weekdays("00:00", "00:01", ZONE)),
}


@pytest.mark.parametrize(
    ("queue", "local", "taken_by"),
    [
        ("expert-12333", "2026-11-20T10:00", "expert-12333"),
        ("expert-12333", "2026-11-20T17:00", "general"),  # closed: experts' calls go to the general queue
        ("expert-12333", "2026-11-20T23:00", "night"),  # and that is closed too
        ("expert-12333", "2026-10-01T10:00", "general"),  # a holiday
        ("expert-12333", "2026-10-10T10:00", "expert-12333"),  # a Saturday worked for it
        ("general", "2026-11-20T19:59", "general"),
        ("general", "2026-11-20T20:00", "night"),
        ("night", "2026-11-21T07:59", "night"),
        ("night", "2026-11-21T08:00", "general"),
        ("enterprise", "2026-11-21T03:00", "enterprise"),  # without hours: always
        ("lang-en", "2026-11-20T12:00", "lang-en"),  # closed, and nowhere to go: it waits there
    ],
)
def test_the_queue_that_takes_a_call(queue: str, local: str, taken_by: str) -> None:
    assert queue_now(queue, datetime.fromisoformat(f"{local}+08:00"), OPENINGS) == taken_by


def test_where_all_are_closed_and_name_each_other_the_call_stays() -> None:
    never = WeeklyHours(ZONE, ())
    ring = {"a": Opening(never, "b"), "b": Opening(never, "c"), "c": Opening(never, "b"), "own": Opening(never, "own")}
    assert [queue_now(queue, NOW, ring) for queue in ("a", "b", "c", "own")] == ["a", "b", "c", "own"]


_QUEUES = st.sampled_from(["a", "b", "c", "d", "e"])
_HOURS = st.sampled_from([WeeklyHours(ZONE, ()), weekdays("00:00", "24:00", ZONE, EVERY_DAY)])


@given(_QUEUES, st.dictionaries(_QUEUES, st.builds(Opening, _HOURS, _QUEUES | st.just("nowhere") | st.just(""))))
def test_every_route_ends_at_an_open_queue_or_where_no_way_leads_on(queue: str, openings: dict[str, Opening]) -> None:
    taken_by = queue_now(queue, NOW, openings)

    def is_open(name: str) -> bool:
        return name not in openings or openings[name].hours.is_open(NOW)

    reached, here = [queue], queue
    while not is_open(here) and openings[here].closed_queue and openings[here].closed_queue not in reached:
        here = openings[here].closed_queue
        reached.append(here)
    assert taken_by in reached
    if not is_open(taken_by):
        assert not any(is_open(name) for name in reached)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    async with database.transaction() as session:
        await lines.define_schedule(session, "白班", DAY, now=NOW)
        await lines.define_schedule(session, "夜班", NIGHT, now=NOW)
    yield database
    await database.close()


async def lay_down(
    database: Database, queue: str = "general", schedule: str = "白班", closed: str = "night", *, version: int = 0
) -> int:
    async with database.transaction() as session:
        return await save_opening(session, queue, schedule, closed, version=version, known=KNOWN, now=NOW)


async def test_openings_come_back_as_they_were_laid_down_and_count_the_version_up(database: Database) -> None:
    versions = []

    async def taken_by(queue: str, local: str) -> str:
        async with database.transaction() as session:
            openings = await load_openings(session)
            versions.append(await rules_version(session, await repository.version(session)))
        return queue_now(queue, datetime.fromisoformat(f"{local}+08:00"), openings)

    assert await taken_by("general", "2026-11-20T23:00") == "general"
    assert await lay_down(database) == 1
    assert await lay_down(database, "night", "夜班", "general") == 1
    assert await taken_by("general", "2026-11-20T23:00") == "night"
    assert await lay_down(database, closed="", version=1) == 2
    assert await taken_by("general", "2026-11-20T23:00") == "general"
    async with database.transaction() as session:
        # Closed for a day, by its schedule: the queue follows, and whoever polls the version sees it.
        await special_days.set_special_day(session, "夜班", SpecialDay(date(2026, 11, 20)), now=NOW)
    assert await taken_by("night", "2026-11-20T23:00") == "general"
    async with database.transaction() as session:
        assert (await stored_openings(session))["general"] == opening.StoredOpening("白班", "", 2)
        await opening.remove_opening(session, "general", version=2, now=NOW)
    assert await taken_by("general", "2026-11-20T23:00") == "general"
    assert versions == sorted(set(versions))


async def test_wrong_openings_are_refused(database: Database) -> None:
    await lay_down(database)
    with pytest.raises(StaleRule):
        await lay_down(database)
    with pytest.raises(InvalidInput):
        await lay_down(database, closed="general", version=1)
    with pytest.raises(InvalidInput):
        await lay_down(database, closed="nowhere", version=1)
    with pytest.raises(UnknownSchedule):
        await lay_down(database, schedule="没有", version=1)
    async with database.transaction() as session:
        with pytest.raises(StaleRule):
            await opening.remove_opening(session, "general", version=9, now=NOW)
        with pytest.raises(UnknownOpening):
            await opening.remove_opening(session, "night", version=1, now=NOW)


async def test_a_queue_that_takes_calls_for_a_closed_one_is_not_taken_away(database: Database) -> None:
    english = QueueRule("lang-en", "英语", (QueueStep(0, (Need("lang-en"),)),))
    async with database.transaction() as session:
        await save_rule(session, english, version=0, known=KNOWN, now=NOW)
    await lay_down(database, closed="lang-en")
    await lay_down(database, "lang-en", "白班", "general")

    async def remove() -> None:
        async with database.transaction() as session:
            await remove_rule(session, "lang-en", version=1, is_default=False, now=NOW)

    with pytest.raises(QueueInUse):
        await remove()
    await lay_down(database, closed="night", version=1)
    await remove()
    async with database.transaction() as session:
        assert "lang-en" not in await stored_openings(session)
        assert "lang-en" not in {rule.queue for rule in (await load_rules(session, [], directory_version=1)).rules}
