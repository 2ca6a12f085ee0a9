"""From the journal's facts to the figures of a menu, in a real PostgreSQL."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from calls.facts import Entry, Kind
from calls.ingest import insert_entries
from calls.models import JournalRow
from hotline.database import Database
from ivr import visits
from ivr.tables import MenuVisitRow
from ivr.visits import BranchFigures

START = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
NEXT_DAY = START + timedelta(days=1)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


def _fact(call: int, seq: int, *, version: int | None = 1, ms: int = 1000, minutes: int = 0, **told: Any) -> Entry:
    at = START + timedelta(minutes=minutes)
    about: dict[str, Any] = {"flow": "main", "version": version, "node": "ask", "branch": "key 2", "ms": ms} | told
    return Entry(
        f"ast1-1.{call}", seq, f"menu:{seq}", Kind.MENU, round(at.timestamp() * 1000), "ast1/voice-1", None, about
    )


async def _keep(database: Database, *facts: Entry) -> None:
    async with database.transaction() as session:
        await insert_entries(session, facts)


async def test_visits_exits_and_time_by_version(database: Database) -> None:
    await _keep(
        database,
        *(_fact(call, 1, ms=1000 * call) for call in (1, 2, 3)),
        _fact(4, 1, branch="hung_up", ms=500),
        _fact(5, 1, version=2, branch="human", ms=100),
        _fact(1, 2, node="hello", branch="next", ms=10),
        _fact(6, 1, flow="other"),
        _fact(7, 1, minutes=24 * 60),
    )
    async with database.transaction() as session:
        found = await visits.figures(session, "main", begin=START, end=NEXT_DAY)
        assert found == [
            BranchFigures(2, "ask", "human", 1, 100, 100, 100),
            BranchFigures(1, "ask", "key 2", 3, 2000, 2000, 3000),
            BranchFigures(1, "ask", "hung_up", 1, 500, 500, 500),
            BranchFigures(1, "hello", "next", 1, 10, 10, 10),
        ]
        assert await visits.figures(session, "main", begin=START, end=NEXT_DAY, version=2) == found[:1]
        assert await visits.calls(session, "main", begin=START, end=NEXT_DAY) == {1: 4, 2: 1}


async def test_a_fact_told_twice_is_one_visit(database: Database) -> None:
    facts = [_fact(1, seq, node=f"n{seq}") for seq in range(1, 6)]
    await _keep(database, *facts)
    await _keep(database, *reversed(facts), _fact(1, 9))
    async with database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(MenuVisitRow)) == 6


@pytest.mark.parametrize(
    "told",
    [{"version": None}, {"node": "n" * 41}, {"branch": 2}, {"ms": "soon"}, {"version": True, "flow": None}],
)
async def test_a_fact_that_cannot_be_counted_holds_nothing_up(database: Database, told: dict[str, Any]) -> None:
    await _keep(database, _fact(1, 1, **told), _fact(1, 2))
    async with database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(JournalRow)) == 2
        assert await session.scalar(select(func.count()).select_from(MenuVisitRow)) == 1


async def test_a_clock_that_jumped_is_no_time(database: Database) -> None:
    await _keep(database, _fact(1, 1, ms=-5), _fact(2, 1, ms=2**40))
    async with database.transaction() as session:
        (figures,) = await visits.figures(session, "main", begin=START, end=NEXT_DAY)
    assert figures.visits == 2
    assert figures.mean_ms == pytest.approx((2**31 - 1) / 2)


async def test_percentiles_of_many_times_are_nearly_exact(database: Database) -> None:
    chance = random.Random(5)
    times = sorted(round(chance.lognormvariate(8, 1)) for _ in range(2_000))
    await _keep(database, *(_fact(1, seq, ms=ms) for seq, ms in enumerate(times, 1)))
    async with database.transaction() as session:
        (found,) = await visits.figures(session, "main", begin=START, end=NEXT_DAY)
    assert found.visits == len(times)
    assert found.mean_ms == pytest.approx(sum(times) / len(times))
    assert found.p50_ms == pytest.approx(times[1_000], rel=0.03)
    assert found.p95_ms == pytest.approx(times[1_900], rel=0.03)
