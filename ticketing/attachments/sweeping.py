"""Files that no attachment speaks of are taken away: of a crash before the commit, of attachments that were removed."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog
from sqlalchemy import select

from hotline.clock import Clock
from hotline.database import Database
from hotline.tasks import through_outages
from ticketing.attachments.blobs import BlobStore
from ticketing.attachments.tables import AttachmentRow

_log = structlog.get_logger(__name__)

_PAUSE_SECONDS: Final = 3600.0
_BATCH: Final = 1_000
_ANSWER_SECONDS: Final = 15.0


class Sweep:
    """Looks through the store once an hour. Any number of hosts may."""

    def __init__(self, database: Database, store: BlobStore, clock: Clock) -> None:
        self._database = database
        self._store = store
        self._clock = clock

    async def run(self) -> None:
        """Sweep until cancelled, through outages of the database and the disk."""
        await through_outages(self.step, every=_PAUSE_SECONDS, waits="attachments.sweep_waits")

    async def step(self) -> int:
        """Take away what is a day old and spoken of by no row; returns how many files."""
        now = self._clock.now().timestamp()
        loop = asyncio.get_running_loop()
        old = await asyncio.to_thread(lambda: self._store.old(now=now))
        removed = 0
        for first in range(0, len(old), _BATCH):
            batch = old[first : first + _BATCH]
            spoken_of = await self._spoken_of(batch)
            for digest in batch:
                if digest not in spoken_of:
                    removed += await asyncio.to_thread(self._remove, digest, now, loop)
        if removed:
            _log.info("attachments.swept", files=removed)
        return removed

    def _remove(self, digest: str, now: float, loop: asyncio.AbstractEventLoop) -> bool:
        def kept_after_all() -> bool:
            asked = asyncio.run_coroutine_threadsafe(self._spoken_of([digest]), loop)
            return bool(asked.result(_ANSWER_SECONDS))

        return self._store.remove(digest, now=now, unless=kept_after_all)

    async def _spoken_of(self, digests: list[str]) -> set[str]:
        wanted = select(AttachmentRow.sha256).where(
            AttachmentRow.sha256.in_(digests), AttachmentRow.removed_at.is_(None)
        )
        async with self._database.transaction() as session:
            return set(await session.scalars(wanted))
