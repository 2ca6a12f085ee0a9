"""The menus in force at a process: by the clock, by news, without a database, and when something cannot be read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from hotline.clock import ManualClock, SystemClock
from hotline.database import Database
from hotline.tasks import end
from ivr import assignments, releases
from ivr.menu_errors import NotPublished, UnknownDraft, UnknownMenu
from ivr.published import Published
from ivr.tables import EVERY_LINE
from tests.ivr.menus import NOON, flow, published

LATER = NOON + timedelta(hours=1)
SOON = 10.0


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
def hands() -> ManualClock:
    return ManualClock(NOON)


async def _assign(database: Database, line: str, key: str | None, hands: ManualClock, **later: float) -> int:
    now = hands.now()
    async with database.transaction() as session:
        at = now + timedelta(**later) if later else None
        return (await assignments.assign(session, line, key, effective_at=at, by="li", now=now)).id


def _version(menus: Published, line: str = "12345") -> int | None:
    pinned = menus.for_line(line)
    return pinned.version if pinned else None


async def test_a_line_has_what_is_assigned_to_it_and_others_are_direct(database: Database, hands: ManualClock) -> None:
    menus = Published(database, hands)
    assert menus.for_line("12345") is None
    await published(database, flow())
    await _assign(database, "12345", "main", hands)
    assert await menus.refresh()
    pinned = menus.for_line("12345")
    assert pinned is not None
    assert (pinned.flow, pinned.version, pinned.flows) == ("main", 1, {"main": flow()})
    assert menus.for_line("12333") is None
    assert menus.of("main") == pinned
    assert menus.of("none") is None
    assert not await menus.refresh()


async def test_versions_and_assignments_come_into_force_by_the_clock_alone(
    database: Database, hands: ManualClock
) -> None:
    await published(database, flow(text="一"))
    await published(database, flow(text="二"), effective_at=LATER)
    await _assign(database, "12345", "main", hands, minutes=30)
    await _assign(database, "12345", None, hands, hours=2)
    menus = Published(database, hands)
    await menus.refresh()
    seen = []
    for _ in range(6):
        seen.append(_version(menus))
        hands.advance(30 * 60 - 0.001)
        seen.append(_version(menus))
        hands.advance(0.001)
    assert seen == [None, None, 1, 1, 2, 2, 2, 2, None, None, None, None]
    assert menus.of("main", NOON) != menus.of("main", LATER)


async def test_a_call_stays_on_the_versions_it_began_with_sub_flows_too(database: Database, hands: ManualClock) -> None:
    await published(database, flow("part", "部分一"))
    await published(database, flow("main", sub="part"))
    menus = Published(database, hands)
    await menus.refresh()
    began = menus.of("main")
    hands.advance(60)
    await published(database, flow("part", "部分二"), hands.now())
    await menus.refresh()
    assert began is not None
    assert (began.versions, began.flows["part"]) == ({"main": 1, "part": 1}, flow("part", "部分一"))
    following = menus.of("main")
    assert following is not None
    assert (following.versions, following.flows["part"]) == ({"main": 1, "part": 2}, flow("part", "部分二"))


async def test_one_switch_for_a_line_and_one_for_all(database: Database, hands: ManualClock) -> None:
    await published(database, flow())
    for line in ("12345", "12333"):
        await _assign(database, line, "main", hands)
    menus = Published(database, hands)

    async def seen() -> list[int | None]:
        await menus.refresh()
        return [_version(menus, line) for line in ("12345", "12333")]

    assert await seen() == [1, 1]
    for line, off in (("12333", [1, None]), (EVERY_LINE, [None, None])):
        async with database.transaction() as session:
            await assignments.switch_off(session, line, by="li", reason="演练", now=hands.now())
        assert await seen() == off
    async with database.transaction() as session:
        assert [one.line for one in await assignments.switched_off(session)] == [EVERY_LINE, "12333"]
    for line, on in ((EVERY_LINE, [1, None]), ("12333", [1, 1])):
        async with database.transaction() as session:
            await assignments.switch_on(session, line, now=hands.now())
        assert await seen() == on


async def test_only_what_will_be_in_force_can_be_assigned(database: Database, hands: ManualClock) -> None:
    await published(database, flow(), effective_at=LATER)
    async with database.transaction() as session:
        for key, refusal in (("main", NotPublished), ("none", UnknownMenu)):
            with pytest.raises(refusal):
                await assignments.assign(session, "12345", key, effective_at=None, by="li", now=NOON)
    assignment = await _assign(database, "12345", "main", hands, hours=2)
    async with database.transaction() as session:
        (line,) = await assignments.assignments(session, NOON)
        assert (line.flow, [one.flow for one in line.upcoming]) == (None, ["main"])
        await assignments.cancel(session, assignment, now=NOON)
        with pytest.raises(UnknownDraft):
            await assignments.cancel(session, assignment, now=NOON)


async def test_a_withdrawn_version_never_comes(database: Database, hands: ManualClock) -> None:
    await published(database, flow(text="一"))
    await published(database, flow(text="二"), effective_at=LATER)
    await _assign(database, "12345", "main", hands)
    menus = Published(database, hands)
    async with database.transaction() as session:
        await releases.withdraw(session, "main", 2, by="li", now=NOON)
    await menus.refresh()
    hands.advance(7200)
    assert _version(menus) == 1


@pytest.mark.parametrize("broken", ["main", "part"])
async def test_a_version_that_cannot_be_read_leaves_the_line_direct(
    database: Database, hands: ManualClock, broken: str
) -> None:
    await published(database, flow("part"))
    await published(database, flow("main", sub="part"))
    await published(database, flow("other"))
    for line, key in (("12345", "main"), ("12333", "other")):
        await _assign(database, line, key, hands)
    async with database.transaction() as session:
        # As if by a later release of the programme, which knows more kinds of nodes.
        await session.execute(text("ALTER TABLE menu_versions DISABLE TRIGGER immutable"))
        await session.execute(
            text("UPDATE menu_versions SET document = :d WHERE flow = :f"),
            {"d": '{"flow": "x", "nodes": {"a": {"type": "hologram"}}}', "f": broken},
        )
    menus = Published(database, hands)
    await menus.refresh()
    with capture_logs() as logs:
        assert [_version(menus), _version(menus)] == [None, None]
        assert _version(menus, "12333") == 1
    told = [(one["event"], one["log_level"]) for one in logs]
    assert told == [("menus.unreadable", "error"), ("menus.not_whole", "error")]


async def test_a_host_whose_clock_is_behind_has_what_was_published_at_once(
    database: Database, hands: ManualClock
) -> None:
    await published(database, flow())
    await _assign(database, "12345", "main", hands)
    menus = Published(database, ManualClock(NOON - timedelta(seconds=20)))
    await menus.refresh()
    assert _version(menus) == 1


async def test_without_a_database_the_last_menus_serve(
    database: Database, hands: ManualClock, tmp_path: Path, database_url: str
) -> None:
    await published(database, flow(text="一"))
    await published(database, flow(text="二"), effective_at=LATER)
    await _assign(database, "12345", "main", hands)
    menus = Published(database, hands, tmp_path / "menus.json")
    await menus.refresh()
    away = Database(database_url.rpartition("@")[0] + "@127.0.0.1:1/none", connect_timeout=0.2)
    started = Published(away, hands, tmp_path / "menus.json")
    for one in (menus, started):
        one._database = away
        assert not await one.refresh()
        assert one.for_line("12345") is not None
        assert one.for_line("12345") == menus.for_line("12345")
        assert one.of("main", LATER) != one.of("main", NOON)
    (tmp_path / "menus.json").write_text("{")
    nothing = Published(away, hands, tmp_path / "menus.json")
    assert not await nothing.refresh()
    assert nothing.for_line("12345") is None
    await away.close()


@asynccontextmanager
async def _at_work(*menus: Published) -> AsyncIterator[None]:
    jobs = [asyncio.create_task(one.run()) for one in menus]
    try:
        yield
    finally:
        await end(jobs)


async def _until(holds: Callable[[], bool]) -> float:
    """Seconds until something holds that others bring about."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    async with asyncio.timeout(SOON):
        while not holds():
            await asyncio.sleep(0.002)
    return loop.time() - begun


async def test_a_publish_reaches_every_process_within_a_second(database: Database, database_url: str) -> None:
    clock = SystemClock()
    databases = [Database(database_url) for _ in range(2)]
    processes = [Published(one, clock) for one in databases]
    await published(database, flow(text="0"), clock.now())
    async with database.transaction() as session:
        await assignments.assign(session, "12345", "main", effective_at=None, by="li", now=clock.now())
    took = []
    async with _at_work(*processes):
        await _until(lambda: all(_version(one) == 1 for one in processes))
        for version in range(2, 8):
            await published(database, flow(text=str(version)), clock.now())
            took.append(await _until(lambda version=version: all(_version(one) == version for one in processes)))  # type: ignore[misc]
    assert sorted(took)[len(took) // 2] < 1.0, took
    for one in databases:
        await one.close()


async def test_news_that_are_not_heard_are_seen(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the connection that listens is dead and nobody has noticed."""
    clock = SystemClock()
    menus = Published(database, clock)

    async def deaf() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(menus, "_listen", deaf)
    other = Database(database_url)
    async with _at_work(menus):
        await _until(lambda: menus.version == 0)
        await published(other, flow(), clock.now())
        await _until(lambda: menus.of("main") is not None)
    await other.close()
