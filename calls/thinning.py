"""What nobody asks for any more is removed a batch at a time, in the jobs process: events for other systems whose
tickets were finished long ago, and callers' ways through menus (`privacy.exchange_days`, `menu_visits_days`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from hotline.clock import Clock
from hotline.database import Database
from hotline.settings import Privacy
from hotline.tasks import through_outages
from ivr import visits
from ticketing.exchange import thinning

_log = structlog.get_logger(__name__)

_PAUSE_SECONDS: Final = 3_600.0


class Thinning:
    """Removes what is older than the settings say. Any number of processes may."""

    def __init__(self, database: Database, clock: Clock, keys: Privacy) -> None:
        self._database = database
        self._clock = clock
        self._kinds: dict[str, tuple[int, Callable[[AsyncSession, datetime], Awaitable[int]]]] = {
            "exchange_event": (keys.exchange_days, thinning.some),
            "menu_visits": (keys.menu_visits_days, visits.forget),
        }

    async def run(self) -> None:
        """Look every hour until cancelled, through outages of the database."""
        await through_outages(self.step, every=_PAUSE_SECONDS, waits="thinning.wait")

    async def step(self) -> int:
        """Everything that is old enough; how many rows. Each batch is a transaction of its own."""
        removed = 0
        for kind, (days, some) in self._kinds.items():
            before, of_kind = self._clock.now() - timedelta(days=days), 0
            while found := await self._batch(some, before):
                of_kind += found
            if of_kind:
                _log.info("thinning.removed", table=kind, rows=of_kind)
            removed += of_kind
        return removed

    async def _batch(self, some: Callable[[AsyncSession, datetime], Awaitable[int]], before: datetime) -> int:
        async with self._database.transaction() as session:
            return await some(session, before)
