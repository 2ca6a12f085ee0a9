"""A process's copy of the directory: current while PostgreSQL answers, kept while it does not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from directory import lines, repository
from directory.importer import SANMENXIA, import_hotlines
from directory.loader import CurrentDirectory, load_snapshot
from hotline.clock import ManualClock
from hotline.database import Database
from hotline.errors import PartUnavailable
from hotline.settings import Settings
from tests.conftest import free_port


@pytest.fixture
async def filled(database: Database, settings: Settings, clock: ManualClock) -> Database:
    async with database.transaction() as session:
        await import_hotlines(session, SANMENXIA.read_bytes(), settings.site, now=clock.now())
    return database


@pytest.fixture
async def away() -> Database:
    """A database whose server does not answer: nobody listens there."""
    return Database(f"postgresql+asyncpg://nobody@127.0.0.1:{free_port()}/nothing", connect_timeout=1)


async def rename(database: Database, clock: ManualClock, name: str) -> None:
    async with database.transaction() as session:
        line = await lines.get(session, "12333", "0398")
        await lines.confirm_name(session, line, name, now=clock.now())


async def test_a_change_is_taken_over_once(
    filled: Database, settings: Settings, clock: ManualClock, tmp_path: Path
) -> None:
    current = CurrentDirectory(filled, settings, tmp_path / "voice" / "directory.json")
    with pytest.raises(PartUnavailable):
        _ = current.snapshot
    assert await current.refresh()
    assert not await current.refresh()
    first = current.snapshot
    await rename(filled, clock, "社保热线")
    assert await current.refresh()
    assert current.snapshot.version == first.version + 1
    assert current.snapshot.plan("12333", clock.now()).name_spoken == "社保热线"
    assert first.plan("12333", clock.now()).name_spoken != "社保热线", "a call keeps the directory it began with"


async def test_a_process_starts_without_the_database(
    filled: Database, away: Database, settings: Settings, clock: ManualClock, tmp_path: Path
) -> None:
    copy = tmp_path / "directory.json"
    before = CurrentDirectory(filled, settings, copy)
    await before.refresh()
    without = CurrentDirectory(away, settings, copy)
    assert not await without.refresh()
    assert without.snapshot == before.snapshot
    assert list(tmp_path.iterdir()) == [copy]


@pytest.mark.parametrize("damage", [None, b"", b"{"])
async def test_neither_database_nor_copy_is_said_so(
    away: Database, settings: Settings, tmp_path: Path, damage: bytes | None
) -> None:
    copy = tmp_path / "directory.json"
    if damage is not None:
        copy.write_bytes(damage)
    with pytest.raises(PartUnavailable):
        await CurrentDirectory(away, settings, copy).refresh()


async def test_a_copy_that_cannot_be_written_stops_nothing(
    filled: Database, settings: Settings, clock: ManualClock, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    current = CurrentDirectory(filled, settings, tmp_path / "file" / "directory.json")
    assert await current.refresh()
    assert current.snapshot.plan("12333", clock.now()).number == "12333"


async def test_a_snapshot_is_of_one_moment(filled: Database, settings: Settings, clock: ManualClock) -> None:
    """A change that lands between the loader's queries is not half seen."""

    async def first_and_last_name(*, one_view: bool) -> tuple[str, str]:
        async with filled.transaction() as session:
            if one_view:
                await repository.one_view(session)
            before = (await repository.hotlines(session))["12333"].name_spoken
            session.expunge_all()
            await rename(filled, clock, f"{before}改")
            return before, (await repository.hotlines(session))["12333"].name_spoken

    before, after = await first_and_last_name(one_view=True)
    assert after == before
    before, after = await first_and_last_name(one_view=False)
    assert after != before, "without the guard the fault is seen"


async def test_the_version_counts_every_change_of_many_writers(
    filled: Database, settings: Settings, clock: ManualClock
) -> None:
    async with filled.transaction() as session:
        version = (await load_snapshot(session, settings)).version
    await asyncio.gather(*(rename(filled, clock, f"名称{i}") for i in range(5)))
    async with filled.transaction() as session:
        assert await repository.version(session) == version + 5


async def test_an_empty_directory_is_version_0(database: Database, settings: Settings) -> None:
    async with database.transaction() as session:
        snapshot = await load_snapshot(session, settings)
    assert (snapshot.version, snapshot.lines) == (0, ())
