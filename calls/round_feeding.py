"""Every handling that is due for a visit (TH 20: 全部覆盖) comes into a round: one a day, made when one is due."""

from __future__ import annotations

from typing import Final

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from calls import rounds
from calls.round_models import VisitItemRow, VisitRoundRow
from calls.round_states import ROUND_CLOSED, Mode, RoundState
from directory.loader import CurrentDirectory
from hotline.clock import Clock
from hotline.database import Database
from hotline.errors import PartUnavailable
from hotline.locks import Lock, one_at_a_time
from hotline.settings import Settings
from hotline.tasks import through_outages
from ticketing.visits import visiting

_log = structlog.get_logger(__name__)

_PAUSE_SECONDS: Final = 30.0
_BATCH: Final = 200
BY: Final = "visits"


class RoundFeeding:
    """Fills the day's round. Any number may run: one at a time does."""

    def __init__(self, *, database: Database, directory: CurrentDirectory, settings: Settings, clock: Clock) -> None:
        self._database = database
        self._directory = directory
        self._settings = settings
        self._clock = clock

    async def run(self) -> None:
        """Look every half minute until cancelled, through outages of the database."""
        await through_outages(self.step, every=_PAUSE_SECONDS, waits="rounds.feeding_waits", also=(PartUnavailable,))

    async def step(self) -> int:
        """Put everything that is due into today's round; returns how many tickets."""
        if self._settings.rounds.feed == "off":
            return 0
        await self._directory.refresh()
        fed, after = 0, 0
        while True:
            async with self._database.transaction() as session:
                await one_at_a_time(session, Lock.ROUND_FEEDING)
                found = await visiting.due(session, limit=_BATCH, after=after)
                if found:
                    fed += await self._fill(session, [number for _, number, _ in found])
                    after = found[-1][0].id
            if len(found) < _BATCH:
                break
        if fed:
            _log.info("rounds.fed", tickets=fed)
        return fed

    async def _fill(self, session: AsyncSession, tickets: list[str]) -> int:
        now, keys = self._clock.now(), self._settings
        day = (await rounds.policy_of(session, keys)).out.day(now)
        name = f"每日回访 {day}"
        snapshot, forbidden = self._directory.snapshot, keys.calls_out.forbidden_prefixes
        row = await session.scalar(
            select(VisitRoundRow)
            .where(VisitRoundRow.name == name, VisitRoundRow.made_by == BY)
            .order_by(VisitRoundRow.id.desc())
            .limit(1)
            .with_for_update()
        )
        if row is not None:
            had = set(await session.scalars(select(VisitItemRow.ticket).where(VisitItemRow.round_id == row.id)))
            # What was left out of today's round today is for tomorrow's, and so is all if somebody closed it.
            tickets = [] if row.state == RoundState.CLOSED else [number for number in tickets if number not in had]
        if not tickets:
            return 0
        if row is None or row.state in ROUND_CLOSED:
            row = await rounds.make(
                session, name, Mode(keys.rounds.feed), tickets, directory=snapshot, forbidden=forbidden, by=BY, now=now
            )
            await rounds.turn(session, row.id, RoundState.RUNNING, now)
        else:
            await rounds.lengthen(session, row, tickets, directory=snapshot, forbidden=forbidden, now=now)
        return len(tickets)
