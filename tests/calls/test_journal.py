"""The journal keeps every fact exactly once, whatever dies between its steps. Real Redis and PostgreSQL."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select

from calls.facts import Entry, Kind, stream_key
from calls.ingest import JournalIngest, insert_entries
from calls.journal import Journal
from calls.live import Scribe
from calls.models import CallRow, JournalRow
from hotline import redis
from hotline.clock import ManualClock
from hotline.database import Database
from hotline.feed import inbox_key

SITE = "smx"
PROCESS = "ast1/voice-1"
NOWHERE = "postgresql+asyncpg://nobody@127.0.0.1:1/none"
START = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
CALL = "ast1-1763761000.1"


class Desk:
    """A worker's journal, the jobs processes, and the servers between them."""

    def __init__(self, redis_url: str, database_url: str, spool: Path) -> None:
        self.redis = redis.connect(redis_url)
        self.database = Database(database_url)
        self.spool = spool
        self.clock = ManualClock(START)

    def journal(self, *, database: Database | None = None, client: redis.Redis | None = None) -> Journal:
        return Journal(
            spool=self.spool,
            process=PROCESS,
            site=SITE,
            redis=client or self.redis,
            database=database or self.database,
            clock=self.clock,
        )

    def jobs(self, name: str = "ast1/jobs") -> JournalIngest:
        return JournalIngest(
            redis=self.redis, database=self.database, site=SITE, stream=stream_key(SITE), consumer=name
        )

    @property
    def file(self) -> Path:
        return self.spool / "ast1.voice-1.jsonl"

    async def kept(self) -> list[tuple[str, str]]:
        async with self.database.transaction() as session:
            rows = await session.execute(select(JournalRow.call_id, JournalRow.fact).order_by(JournalRow.seq))
            return [(row.call_id, row.fact) for row in rows]

    async def send(self, *entries: Entry) -> None:
        for entry in entries:
            await self.redis.xadd(stream_key(SITE), {"entry": entry.dump()})


@pytest.fixture
async def desk(redis_url: str, database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(redis_url, database_url, tmp_path)
    yield desk
    await desk.redis.aclose()
    await desk.database.close()


def entry(number: int, fact: str = "", call: str = CALL, **attributes: Any) -> Entry:
    return Entry(
        call, number, fact or f"ringing:{number}", "ringing", 1763761000000 + number, PROCESS, None, attributes
    )


async def sent(journal: Journal) -> None:
    """Let the journal feed its stream until it has nothing more to send."""
    there = await journal._redis.xlen(journal._stream) + journal._to_send.qsize()
    task = asyncio.create_task(journal._send())
    async with asyncio.timeout(15):
        while await journal._redis.xlen(journal._stream) < there:
            await asyncio.sleep(0.001)
    task.cancel()


async def test_a_fact_goes_through_the_stream_and_the_worker_forgets_it(desk: Desk) -> None:
    journal = desk.journal()
    running = asyncio.create_task(journal.run())
    journal.write(entry(1))
    async with asyncio.timeout(15):
        while not await desk.jobs().step():
            await asyncio.sleep(0.001)
    note = await desk.redis.rpop(inbox_key(SITE, PROCESS))
    assert note == '{"type":"journaled","entries":[["ast1-1763761000.1",1]]}'
    assert (journal.unconfirmed, desk.file.stat().st_size > 0) == (1, True)
    journal.confirm([(CALL, 1)])
    assert (journal.unconfirmed, desk.file.stat().st_size) == (0, 0)
    assert await desk.kept() == [(CALL, "ringing:1")]
    running.cancel()


async def test_what_nobody_confirms_the_worker_writes_itself_and_it_is_kept_once(desk: Desk) -> None:
    journal = desk.journal()
    journal.write(entry(1))
    await sent(journal)
    await journal.flush(older_than=5)
    assert await desk.kept() == [], "not before its time"
    desk.clock.advance(5)
    await journal.flush(older_than=5)
    assert journal.unconfirmed == 0
    await desk.jobs().step()
    assert await desk.kept() == [(CALL, "ringing:1")]


async def test_a_fact_told_twice_under_two_numbers_is_kept_once(desk: Desk) -> None:
    await desk.send(entry(1, "ended"), entry(2, "ended"))
    await desk.jobs().step()
    assert await desk.kept() == [(CALL, "ended")]


async def test_without_its_unique_facts_the_journal_would_tell_a_thing_twice(desk: Desk) -> None:
    """Mutant: facts that do not name themselves are kept twice."""
    await desk.send(entry(1, "ended:1"), entry(2, "ended:2"))
    await desk.jobs().step()
    assert len(await desk.kept()) == 2


async def test_postgresql_away_then_back(desk: Desk) -> None:
    journal = desk.journal(database=Database(NOWHERE))
    journal.write(entry(1))
    await journal.flush()
    assert journal.unconfirmed == 1
    journal._database = desk.database
    await journal.flush()
    assert journal.unconfirmed == 0
    assert await desk.kept() == [(CALL, "ringing:1")]


async def test_redis_away(desk: Desk) -> None:
    away = redis.connect("redis://127.0.0.1:1/0")
    journal = desk.journal(client=away)
    running = asyncio.create_task(journal.run())
    journal.write(entry(1))
    async with asyncio.timeout(15):
        while journal._to_send.qsize():
            await asyncio.sleep(0.001)
    await journal.flush()
    assert await desk.kept() == [(CALL, "ringing:1")]
    running.cancel()
    await away.aclose()


async def test_a_worker_that_died_takes_up_its_spool(desk: Desk) -> None:
    first = desk.journal(database=Database(NOWHERE))
    first.write(entry(1))
    first.write(entry(2))
    second = desk.journal()
    assert second.unconfirmed == 2
    await second.flush()
    assert await desk.kept() == [(CALL, "ringing:1"), (CALL, "ringing:2")]


async def test_a_torn_last_line_was_never_promised_and_spoils_nothing_that_follows(desk: Desk) -> None:
    first = desk.journal()
    first.write(entry(1))
    first.write(entry(2))
    with desk.file.open("r+b") as file:
        file.truncate(desk.file.stat().st_size - 7)
    second = desk.journal()
    assert second.unconfirmed == 1
    second.write(entry(3))
    third = desk.journal()
    assert sorted(seq for _, seq in third._pending) == [1, 3]


async def test_without_a_line_end_after_a_torn_line_the_next_fact_would_be_lost(desk: Desk) -> None:
    """Mutant: the guard is off."""
    desk.journal().write(entry(1))
    with desk.file.open("r+b") as file:
        file.truncate(desk.file.stat().st_size - 7)
    second = desk.journal()
    second._torn = False
    second.write(entry(3))
    assert desk.journal().unconfirmed == 0


async def test_a_full_disk_costs_no_call(desk: Desk) -> None:
    journal = desk.journal()
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, journal._file)
    journal.write(entry(1))
    await journal.flush()
    assert await desk.kept() == [(CALL, "ringing:1")]
    os.close(full)


async def test_a_line_that_is_never_idle_rewrites_its_spool(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Journal, "COMPACT_ABOVE", 600)
    journal = desk.journal()
    for number in range(10):
        journal.write(entry(number))
    journal.confirm([(CALL, number) for number in range(9)])
    assert len(desk.file.read_bytes().splitlines()) == 1
    journal.write(entry(10))
    assert sorted(seq for _, seq in desk.journal()._pending) == [9, 10]


async def test_two_jobs_processes_share_the_work(desk: Desk) -> None:
    for number in range(1_200):
        await desk.send(entry(number, call=f"ast1-1763761000.{number % 7}"))
    first, second = desk.jobs("ast1/jobs"), desk.jobs("ast2/jobs")
    await first.step()  # the group is there
    while await desk.redis.xlen(stream_key(SITE)):
        await asyncio.gather(first.step(), second.step())
    assert len(await desk.kept()) == 1_200


async def test_jobs_that_died_after_the_commit_begin_again_without_harm(desk: Desk) -> None:
    await desk.send(entry(1))
    jobs = desk.jobs()
    assert await jobs._read(">", None) == []  # makes the group
    ((_, read),) = await jobs._read(">", None)
    async with desk.database.transaction() as session:
        await insert_entries(session, [read])
    assert await jobs.step() == 1, "read before, not acknowledged: read again"
    assert await jobs.step() == 0
    assert await desk.kept() == [(CALL, "ringing:1")]


@pytest.mark.parametrize("poison", [{"text": "a\x00b"}, None], ids=["a NUL", "a fact too long"])
async def test_one_entry_that_cannot_be_kept_does_not_stop_the_others(
    desk: Desk, poison: dict[str, str] | None
) -> None:
    bad = entry(2, **poison) if poison else entry(2, "x" * 200)
    await desk.send(entry(1), bad, entry(3))
    await desk.jobs().step()
    await desk.jobs().step()
    assert await desk.kept() == [(CALL, "ringing:1"), (CALL, "ringing:3")]
    journal = desk.journal()
    journal.write(bad)
    journal.write(entry(4))
    await journal.flush()
    assert (await desk.kept())[-1] == (CALL, "ringing:4")
    assert journal.unconfirmed == 0


async def test_nobody_stops_the_journal_by_dialling_sixty_digits(desk: Desk) -> None:
    scribe = Scribe(desk.journal(), desk.clock, call=CALL, process=PROCESS)
    scribe.write(Kind.ENTERED, caller=None, dialled="9" * 60, line="12345")
    await sent(scribe._journal)
    await desk.jobs().step()
    await desk.jobs().step()
    async with desk.database.transaction() as session:
        row = await session.get(CallRow, CALL)
        assert row is not None
        assert row.dialled == "9" * 32


async def test_what_is_no_entry_is_passed_over(desk: Desk) -> None:
    await desk.redis.xadd(stream_key(SITE), {"entry": "{not json"})
    await desk.redis.xadd(stream_key(SITE), {"other": "1"})
    await desk.send(entry(1))
    jobs = desk.jobs()
    for _ in range(4):
        await jobs.step()
    assert await desk.kept() == [(CALL, "ringing:1")]
    assert await desk.redis.xlen(stream_key(SITE)) == 0


_STEPS = st.lists(
    st.sampled_from(
        ["write", "again", "send", "ingest", "ingest-dies", "flush", "confirm", "crash", "flushdb", "torn"]
    ),
    min_size=4,
    max_size=30,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_STEPS)
async def test_exactly_once_whatever_happens_in_whatever_order(  # noqa: PLR0912
    desk: Desk, steps: list[str]
) -> None:
    """Property: every promised fact is kept once at the end."""
    await desk.redis.flushall()
    desk.file.unlink(missing_ok=True)
    async with desk.database.transaction() as session:
        await session.execute(delete(JournalRow))
        await session.execute(delete(CallRow))
    journal, number, promised = desk.journal(), 0, set[str]()
    for step in steps:
        match step:
            case "write":
                number += 1
                journal.write(entry(number))
                promised.add(f"ringing:{number}")
            case "again" if number:
                journal.write(entry(1_000 + number, f"ringing:{number}"))
            case "send":
                await sent(journal)
            case "ingest":
                await desk.jobs().step()
            case "ingest-dies":
                await desk.jobs()._read(">", None)
            case "flush":
                await journal.flush()
            case "confirm":
                while (note := await desk.redis.rpop(inbox_key(SITE, PROCESS))) is not None:
                    journal.confirm([(call, seq) for call, seq in orjson.loads(note)["entries"]])
            case "crash":
                journal = desk.journal()
            case "flushdb":
                await desk.redis.flushall()
            case "torn":
                with desk.file.open("ab") as file:
                    file.write(b'{"call_id": "ast1-17')
                journal = desk.journal()
    last = desk.journal()
    await last.flush()
    for _ in range(len(steps) + 2):
        await desk.jobs().step()
    async with desk.database.transaction() as session:
        facts = (await session.scalars(select(JournalRow.fact))).all()
        calls = await session.scalar(select(func.count()).select_from(CallRow))
    assert sorted(facts) == sorted(promised)
    assert calls == (1 if promised else 0)
