"""The journal: every fact of a call, kept exactly once, whatever dies.

A worker appends each entry to its own spool file first and to the site's Redis stream second. The jobs process
copies the stream into PostgreSQL and tells the worker, which then forgets the entry. What stays unconfirmed (Redis
flushed, jobs down) the worker writes to PostgreSQL itself. Both paths insert with "do nothing on conflict" on
(call, seq) and on (call, fact), so a fact told twice is kept once.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import orjson
import structlog
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from calls.facts import Entry, stream_key
from calls.ingest import insert_entries
from hotline.clock import Clock
from hotline.database import Database
from hotline.redis import Redis

_log = structlog.get_logger(__name__)


class Journal:
    """A worker's pen. `write` never waits for a server and never fails because of one."""

    UNCONFIRMED_AFTER = 5.0
    """Seconds after which an entry nobody confirmed is written to PostgreSQL by the worker itself."""

    GATHER = 0.05
    """Seconds from a fact to the stream: what is written meanwhile goes with it. The spool has it at once."""

    COMPACT_ABOVE = 4 * 2**20
    """Bytes above which the spool file is rewritten."""

    def __init__(self, *, spool: Path, process: str, site: str, redis: Redis, database: Database, clock: Clock) -> None:
        self._path = spool / f"{process.replace('/', '.')}.jsonl"
        self._process = process
        self._stream = stream_key(site)
        self._redis = redis
        self._database = database
        self._clock = clock
        self._pending: dict[tuple[str, int], tuple[float, Entry]] = {}
        self._to_send: asyncio.Queue[bytes] = asyncio.Queue()
        spool.mkdir(parents=True, exist_ok=True)
        self._recover()
        # A line cut off by a crash has no end: the next one must not grow on to it.
        self._torn = self._path.exists() and not self._path.read_bytes().endswith(b"\n")
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def _recover(self) -> None:
        """Take up what an earlier run of this worker left; a line cut off by a crash was never promised."""
        if not self._path.exists():
            return
        for line in self._path.read_bytes().split(b"\n"):
            try:
                entry = Entry.load(line)
            except (orjson.JSONDecodeError, TypeError):
                continue
            self._pending[(entry.call_id, entry.seq)] = (0.0, entry)
        if self._pending:
            _log.info("journal.recovered", entries=len(self._pending))

    @property
    def unconfirmed(self) -> int:
        """Entries PostgreSQL has not confirmed yet."""
        return len(self._pending)

    def write(self, entry: Entry) -> None:
        """Keep a fact. On return it survives the death of this process, unless the disk takes nothing more: then it
        is kept in memory until PostgreSQL has it."""
        dumped = entry.dump()
        line = (b"\n" if self._torn else b"") + dumped + b"\n"
        try:
            self._torn = os.write(self._file, line) < len(line)
        except OSError as error:
            _log.error("journal.spool_not_written", reason=error.strerror)
        self._pending[(entry.call_id, entry.seq)] = (self._clock.monotonic(), entry)
        self._to_send.put_nowait(dumped)

    def confirm(self, entries: list[tuple[str, int]]) -> None:
        """PostgreSQL has these; the spool file is emptied when nothing is left to confirm."""
        for call_id, seq in entries:
            self._pending.pop((call_id, seq), None)
        try:
            if not self._pending:
                os.ftruncate(self._file, 0)
                self._torn = False
            elif os.fstat(self._file).st_size > self.COMPACT_ABOVE:
                self._compact()
        except OSError as error:
            # A spool that stays too long is read again at the next start, and kept once all the same.
            _log.error("journal.spool_not_shortened", reason=error.strerror)

    def _compact(self) -> None:
        """A line that is never idle never empties its spool: keep only what is unconfirmed."""
        fresh = self._path.with_suffix(".new")
        fresh.write_bytes(b"".join(entry.dump() + b"\n" for _, entry in self._pending.values()))
        fresh.chmod(0o600)
        fresh.replace(self._path)
        former, self._file = self._file, os.open(self._path, os.O_WRONLY | os.O_APPEND)
        os.close(former)
        self._torn = False

    async def run(self) -> None:
        """Feed the stream and look after what stays unconfirmed, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._send())
            group.create_task(self._look_after())

    async def _send(self) -> None:
        while True:
            batch = [await self._to_send.get()]
            await asyncio.sleep(self.GATHER)
            while not self._to_send.empty():
                batch.append(self._to_send.get_nowait())
            try:
                async with self._redis.pipeline(transaction=False) as pipe:
                    for dumped in batch:
                        pipe.xadd(self._stream, {"entry": dumped})
                    await pipe.execute()
            except RedisError:
                # The spool has it: `_look_after` takes it from there.
                _log.warning("journal.stream_unavailable")

    async def _look_after(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            await self.flush(older_than=self.UNCONFIRMED_AFTER)

    async def flush(self, *, older_than: float = 0.0) -> None:
        """Write entries unconfirmed for `older_than` seconds straight to PostgreSQL; kept for later if it is down."""
        limit = self._clock.monotonic() - older_than
        late = [entry for since, entry in self._pending.values() if since <= limit][:500]
        if not late:
            return
        try:
            async with self._database.transaction() as session:
                await insert_entries(session, late)
        except (SQLAlchemyError, OSError, TimeoutError):
            _log.warning("journal.database_unavailable", entries=len(self._pending))
            return
        self.confirm([(entry.call_id, entry.seq) for entry in late])

    async def close(self) -> None:
        """Last try to get everything to PostgreSQL; what it does not take stays in the spool for the next run."""
        await self.flush()
        os.close(self._file)
