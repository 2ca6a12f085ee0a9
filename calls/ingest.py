"""From the Redis stream into PostgreSQL: the journal itself and the summary row of each call."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import orjson
import structlog
from redis.exceptions import RedisError, ResponseError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from calls.facts import Entry
from calls.journal_rows import insert_rows
from hotline.database import Database
from hotline.feed import inbox_key
from hotline.redis import Redis, stream_entries

_log = structlog.get_logger(__name__)

_GROUP = "ingest"
_BATCH = 500

_VALUE_AT_FAULT = frozenset({"22", "23"})
"""Classes of SQLSTATE (PostgreSQL, appendix A): data exception, integrity constraint violation."""

_GATHER_SECONDS = 1.0
"""From one batch to the next, so that facts which come one by one share a transaction."""


async def insert_entries(session: AsyncSession, entries: Sequence[Entry]) -> None:
    """Keep facts; one already kept is left as it is, one that PostgreSQL will never take is logged and left out, so
    that it cannot hold up all others. The caller commits."""
    if not entries:
        return
    # Rows are taken in one order by every writer, so that two writers of the same calls cannot deadlock.
    ordered = sorted(entries, key=lambda e: (e.call_id, e.seq))
    if await _taken(session, ordered):
        return
    for entry in ordered:
        if not await _taken(session, [entry]):
            _log.error("journal.entry_refused", call=entry.call_id, kind=entry.kind)


async def _taken(session: AsyncSession, entries: Sequence[Entry]) -> bool:
    """Insert all or none; False if a value in them is at fault."""
    try:
        async with session.begin_nested():
            await insert_rows(session, entries)
    except DBAPIError as error:
        if str(getattr(error.orig, "sqlstate", None))[:2] not in _VALUE_AT_FAULT:
            raise
        return False
    return True


class JournalIngest:
    """The jobs process' side of the journal. Any number may run: a consumer group shares the work."""

    def __init__(self, *, redis: Redis, database: Database, site: str, stream: str, consumer: str) -> None:
        self._redis = redis
        self._database = database
        self._site = site
        self._stream = stream
        self._consumer = consumer
        self._unfinished = True
        """Whether this consumer may have read entries, in this life or an earlier one, that it has not kept."""

    async def run(self) -> None:
        """Copy until cancelled, through outages of either server."""
        while True:
            try:
                if await self.step(block_ms=2_000) < _BATCH:
                    await asyncio.sleep(_GATHER_SECONDS)
            except (RedisError, SQLAlchemyError, OSError, TimeoutError) as error:
                _log.warning("journal.ingest_waits", reason=type(error).__name__)
                await asyncio.sleep(0.5)

    async def step(self, *, block_ms: int | None = None) -> int:
        """Copy one batch; returns how many entries it held. Entries are acknowledged only after the commit."""
        batch = await self._read("0", None) if self._unfinished else []
        if not batch:
            self._unfinished = False
            batch = await self._read(">", block_ms)
        if batch:
            self._unfinished = True
            await self._keep(batch)
            self._unfinished = False
        return len(batch)

    async def _read(self, start: str, block_ms: int | None) -> list[tuple[str, Entry]]:
        try:
            answer: Any = await self._redis.xreadgroup(
                _GROUP, self._consumer, {self._stream: start}, count=_BATCH, block=block_ms
            )
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            # First start, or Redis was flushed: the group begins with whatever the stream holds.
            await self._redis.xgroup_create(self._stream, _GROUP, id="0", mkstream=True)
            return []
        return await self._readable([(at, fields) for at, fields in stream_entries(answer) if fields])

    async def _readable(self, found: list[tuple[str, dict[str, str]]]) -> list[tuple[str, Entry]]:
        batch = []
        for at, fields in found:
            try:
                batch.append((at, Entry.load(fields["entry"])))
            except (ValueError, TypeError, KeyError):
                # Nothing of ours, or of another version: it must not hold up what follows.
                _log.error("journal.stream_entry_refused", at=at)
                await self._redis.xack(self._stream, _GROUP, at)
                await self._redis.xdel(self._stream, at)
        return batch

    async def _keep(self, batch: list[tuple[str, Entry]]) -> None:
        async with self._database.transaction() as session:
            await insert_entries(session, [entry for _, entry in batch])
        by_process: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for _, entry in batch:
            by_process[entry.process].append((entry.call_id, entry.seq))
        async with self._redis.pipeline(transaction=False) as pipe:
            ids = [at for at, _ in batch]
            pipe.xack(self._stream, _GROUP, *ids)
            pipe.xdel(self._stream, *ids)
            for process, entries in by_process.items():
                note = orjson.dumps({"type": "journaled", "entries": entries})
                pipe.lpush(inbox_key(self._site, process), note)
            await pipe.execute()
