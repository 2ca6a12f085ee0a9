"""A process that is killed (SIGKILL) while it publishes leaves the old version or the new one, whole."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from directory import audit
from directory.models.audit import AuditRow
from hotline.clock import SystemClock
from hotline.database import Database
from ivr.flow import Flow
from ivr.published import Published
from ivr.tables import MenuFlowRow, MenuRevisionRow, MenuStateRow, MenuVersionRow
from tests.ivr.menus import flow, published

_ROOT = Path(__file__).resolve().parents[2]
_SOON = 60.0


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@asynccontextmanager
async def _publisher(url: str, moment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.ivr.publisher", url, moment),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=_ROOT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            await _kill(process)


async def _line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(_SOON):
        return (await process.stdout.readline()).decode().strip()


async def _kill(process: asyncio.subprocess.Process) -> list[int]:
    """Versions it had said were there, after what was read already."""
    os.kill(process.pid, signal.SIGKILL)
    assert process.stdout is not None
    rest = (await process.stdout.read()).decode().split()
    assert await process.wait() == -signal.SIGKILL
    return [int(word) for word in rest if word.isdecimal()]


async def _whole(database: Database) -> list[int]:
    """The versions, after a look that everything of each is there and nothing besides."""
    async with database.transaction() as session:
        rows = (await session.scalars(select(MenuVersionRow).order_by(MenuVersionRow.version))).all()
        versions = [row.version for row in rows]
        assert versions == list(range(1, len(rows) + 1))
        for row in rows:
            assert Flow.model_validate(row.document) == flow(text=str(row.version))
        assert await session.scalar(select(MenuStateRow.version)) == len(rows)
        assert await session.scalar(select(MenuFlowRow.revision)) == len(rows)
        assert len((await session.scalars(select(MenuRevisionRow.revision))).all()) == len(rows)
        told = await session.scalars(select(AuditRow.after).order_by(AuditRow.seq))
        assert [one["version"] for one in told] == versions
        await audit.verify(session)
    return versions


@pytest.mark.parametrize(("moment", "there"), [("statements", 1), ("before_commit", 1), ("after_commit", 2)])
async def test_killed_at_a_known_moment(database: Database, database_url: str, moment: str, there: int) -> None:
    async with _publisher(database_url, moment) as process:
        assert await _line(process) == "1"
        assert await _line(process) == moment
        await _kill(process)
    menus = Published(database, SystemClock())
    # Whoever publishes next waits for nobody: what the dead process held, PostgreSQL has let go.
    assert (await published(database, flow(text="下"), SystemClock().now())).version == there + 1
    await menus.refresh()
    pinned = menus.of("main")
    assert pinned is not None
    assert pinned.flows["main"] == flow(text="下")


async def test_killed_at_any_moment(database: Database, database_url: str) -> None:
    chance = random.Random(25)
    said: list[int] = []
    for _ in range(6):
        async with _publisher(database_url, "any") as process:
            first = await _line(process)
            # No event to wait for: the moment of the kill is what varies.
            await asyncio.sleep(chance.random() * 0.3)
            said += [int(first), *await _kill(process)]
        versions = await _whole(database)
        # What was said to be published is; at most one more was kept whose word was not heard.
        assert said == versions[: len(said)]
        assert len(versions) - len(said) <= 1
        said = versions
