"""PostgreSQL: a block is a transaction, and a time without a zone is no moment."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError, StatementError

from calls.models import CallRow, SiteEpochRow
from hotline.database import Database
from tests.conftest import free_port

MOMENT = datetime(2026, 11, 22, 8, 30, tzinfo=timezone(timedelta(hours=8)))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


async def _numbers(database: Database) -> list[int]:
    async with database.transaction() as session:
        return list(await session.scalars(select(SiteEpochRow.number)))


async def test_the_end_of_the_block_commits(database: Database) -> None:
    async with database.transaction() as session:
        session.add(SiteEpochRow(id=1, number=7))
        assert await _numbers(database) == []  # nobody else sees it before
    assert await _numbers(database) == [7]


async def test_an_error_inside_takes_everything_back(database: Database) -> None:
    async def fails() -> None:
        async with database.transaction() as session:
            session.add(SiteEpochRow(id=1, number=7))
            await session.flush()
            raise LookupError

    with pytest.raises(LookupError):
        await fails()
    assert await _numbers(database) == []


async def test_a_cancelled_block_takes_everything_back_and_gives_its_connection_back(database_url: str) -> None:
    database = Database(database_url, pool_size=1)
    written = asyncio.Event()

    async def hangs() -> None:
        async with database.transaction() as session:
            session.add(SiteEpochRow(id=1, number=7))
            await session.flush()
            written.set()
            await asyncio.Event().wait()

    for _ in range(3):  # more than the pool and its overflow hold
        written.clear()
        task = asyncio.create_task(hangs())
        await asyncio.wait_for(written.wait(), 5)
        task.cancel()
        await asyncio.wait([task])
    assert await _numbers(database) == []
    await database.close()


async def test_a_naive_datetime_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="naive"):
        async with database.transaction() as session:
            session.add(CallRow(call_id="ast1-1.1", entered_at=MOMENT.replace(tzinfo=None)))


async def test_a_moment_comes_back_in_utc_and_none_as_none(database: Database) -> None:
    async with database.transaction() as session:
        session.add(CallRow(call_id="ast1-1.1", entered_at=MOMENT))
    async with database.transaction() as session:
        row = (await session.scalars(select(CallRow))).one()
    assert row.entered_at == MOMENT
    assert row.entered_at is not None
    assert row.entered_at.tzinfo is UTC
    assert row.ended_at is None


async def test_a_hung_statement_is_given_up(database_url: str) -> None:
    database = Database(database_url, statement_timeout=0.2)
    began = time.monotonic()
    with pytest.raises((TimeoutError, SQLAlchemyError)):
        async with database.transaction() as session:
            await session.execute(text("SELECT pg_sleep(20)"))
    assert time.monotonic() - began < 5
    await database.close()


async def test_a_connection_that_the_server_has_closed_costs_nobody_a_step(
    database: Database, database_url: str
) -> None:
    async def own_pid() -> int:
        async with database.transaction() as session:
            pid: int = (await session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            return pid

    before = await own_pid()
    other = Database(database_url)
    async with asyncio.timeout(5), other.transaction() as session:
        await session.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": before})
        alive = text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid")
        # Once more after it is gone: its last word was sent before.
        for _ in range(2):
            while (await session.execute(alive, {"pid": before})).scalar_one():
                pass
    await other.close()
    assert await own_pid() != before


async def test_a_server_that_is_away_is_told_at_once() -> None:
    database = Database(f"postgresql+asyncpg://nobody@127.0.0.1:{free_port()}/none", connect_timeout=2.0)
    with pytest.raises(OSError):  # noqa: PT011 - refused, in whatever form the system says it
        async with database.transaction() as session:
            await session.execute(text("SELECT 1"))
    await database.close()


async def test_a_notice_is_heard_at_its_commit_and_not_before(database: Database) -> None:
    heard = asyncio.Event()
    async with database.listening("news", heard.set) as lost:
        async with database.transaction() as session:
            await session.execute(text("NOTIFY news"))
            await session.execute(text("SELECT pg_sleep(0.05)"))
            assert not heard.is_set()
        async with asyncio.timeout(5):
            await heard.wait()
        heard.clear()
        async with database.transaction() as session:
            await session.execute(text("NOTIFY other_news"))
            await session.execute(text("NOTIFY news"))
        async with asyncio.timeout(5):
            await heard.wait()
        assert not lost.is_set()


async def test_a_listener_learns_that_its_connection_is_gone(database: Database) -> None:
    async with database.listening("news", lambda: None) as lost:
        async with database.transaction() as session:
            await session.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
            )
        async with asyncio.timeout(5):
            await lost.wait()


async def test_whoever_listens_no_more_hears_nothing(database: Database) -> None:
    heard = asyncio.Event()
    async with database.listening("news", heard.set):
        pass
    again = asyncio.Event()
    async with database.listening("news", again.set):
        async with database.transaction() as session:
            await session.execute(text("NOTIFY news"))
        async with asyncio.timeout(5):
            await again.wait()
    assert not heard.is_set()
