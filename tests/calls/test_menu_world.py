"""What a menu can name, as PostgreSQL has it; and flows that would break because another one changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from calls.menu_world import MenuWorld, load_world
from directory.importer import SANMENXIA, import_hotlines
from directory.loader import load_snapshot
from hotline.database import Database
from hotline.settings import Settings
from ivr.flow import DayKind, Flow
from ivr.judging import must_be_sound
from ivr.menu_errors import NotSound
from tests.ivr.menus import published

MONDAY_NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


def _flow(key: str, nodes: dict[str, Any], *cases: dict[str, Any]) -> Flow:
    whole = {"start": {"type": "entry", "next": "first"}, **nodes}
    return Flow.model_validate({"flow": key, "name": key, "entry": "start", "nodes": whole, "cases": list(cases)})


PART = _flow("part", {"first": {"type": "return"}})
OUTER = _flow(
    "outer",
    {"first": {"type": "subflow", "flow": "part", "next": "human"}, "human": {"type": "queue", "queue": "general"}},
    {"name": "到综合", "at": "2026-11-23T10:00", "line": "12345", "expect": {"at": "queue", "of": "general"}},
)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    async with database.transaction() as session:
        await import_hotlines(session, SANMENXIA.read_bytes(), Settings().site, now=MONDAY_NOON)
    yield database
    await database.close()


async def _world(database: Database) -> MenuWorld:
    async with database.transaction() as session:
        directory = await load_snapshot(session, Settings())
    async with database.transaction() as session:
        return await load_world(session, directory, Settings(), MONDAY_NOON)


async def test_everything_a_city_has_can_be_named(database: Database) -> None:
    await published(database, PART, MONDAY_NOON)
    world = await _world(database)
    assert {"general", "night", "expert-12333"} <= set(world.queues)
    assert {"12345", "12333"} <= set(world.lines)
    assert "line:12366" in world.targets
    assert {"12345", "night"} <= set(world.hours)
    assert {"general", "expert-12333"} <= set(world.skills)
    assert dict(world.flows) == {"part": PART}
    assert world.name_of("12345") != "12345"
    assert world.name_of("99999") == "99999"
    assert world.days.day(MONDAY_NOON) is DayKind.WORKDAY
    assert world.days.is_open("night", MONDAY_NOON)
    assert not world.days.is_open("moon", MONDAY_NOON)


async def test_a_flow_that_would_break_others_is_refused_and_they_are_named(database: Database) -> None:
    await published(database, PART, MONDAY_NOON)
    await published(database, OUTER, MONDAY_NOON)
    world = await _world(database)
    assert (await world.judge(PART)).led_here == {}
    elsewhere = _flow("part", {"first": {"type": "queue", "queue": "night"}})
    verdict = await world.judge(elsewhere)
    assert not verdict.errors
    assert verdict.led_here == {"outer": ("用例“到综合”未通过",)}
    with pytest.raises(NotSound, match="outer") as refused:
        must_be_sound(verdict, {one.rule for one in verdict.findings})
    assert [where for where, _ in refused.value.wrong] == ["flow:outer"]


async def test_what_was_wrong_with_others_before_stands_in_nobodys_way(database: Database) -> None:
    await published(database, PART, MONDAY_NOON)
    wrong = _flow(
        "outer",
        {"first": {"type": "subflow", "flow": "part", "next": "human"}, "human": {"type": "queue", "queue": "moon"}},
    )
    await published(database, wrong, MONDAY_NOON)
    world = await _world(database)
    noted = _flow("part", {"first": {"type": "return", "note": "改"}})
    assert (await world.judge(noted)).led_here == {}
