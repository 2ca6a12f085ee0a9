"""Looks after follow-up rounds in the jobs process: items of agents who vanished, rounds that have come to an end."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from calls import round_items, rounds
from hotline.clock import Clock
from hotline.database import Database

_log = structlog.get_logger(__name__)

_LOOK_SECONDS: Final = 5.0


class RoundKeeper:
    """Any number may run: each takes what no other has locked."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Look every few seconds until cancelled, through outages of the database."""
        while True:
            try:
                await self.step()
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                _log.info("rounds.keeper_waits", reason=type(error).__name__)
            await asyncio.sleep(_LOOK_SECONDS)

    async def step(self) -> list[int]:
        """Give items back and finish rounds; returns the rounds that are finished."""
        now = self._clock.now()
        async with self._database.transaction() as session:
            await round_items.give_back(session, now)
        async with self._database.transaction() as session:
            return await rounds.finish(session, now)
