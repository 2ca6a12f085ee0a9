"""当日归档: what was closed today is archived before the day ends (TH 19), what an outage left behind as it can be.

Until shortly before midnight a closed ticket still takes the citizen's evaluation.
"""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Role
from hotline.clock import Clock
from hotline.database import Database
from hotline.errors import HotlineError
from hotline.tasks import through_outages
from ticketing import clocks, lifecycle
from ticketing.models import TicketHistoryRow, TicketRow
from ticketing.schemas import Actor
from ticketing.vocabulary import Action, State

_log = structlog.get_logger(__name__)

_BATCH: Final = 50
_PAUSE_SECONDS: Final = 30.0
ARCHIVIST: Final = Actor("archive", frozenset({Role.VISIT_AGENT}))
"""Who acts where nobody did."""


class Archiving:
    """Archives closed tickets. Any number of processes may look: a ticket is taken by one (`SKIP LOCKED`)."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Look every half minute until cancelled, through outages of the database."""
        await through_outages(self.step, every=_PAUSE_SECONDS, waits="archiving.wait")

    async def step(self) -> int:
        """Everything that is due; returns how many tickets were archived."""
        archived = 0
        last: int | None = 0
        while last is not None:
            async with self._database.transaction() as session:
                some, last = await self._some(session, last)
            archived += some
        if archived:
            _log.info("archiving.archived", tickets=archived)
        return archived

    async def _some(self, session: AsyncSession, after: int) -> tuple[int, int | None]:
        """Of the next batch by id from `after` on, how many were archived, and its last id; None: there is no more."""
        now = self._clock.now()
        closed_before = await _due(session, now)
        closed = (
            select(TicketHistoryRow.ticket_id)
            .where(TicketHistoryRow.ticket_id == TicketRow.id, TicketHistoryRow.action == Action.CLOSE.value)
            .where(TicketHistoryRow.at < closed_before)
        )
        due = (
            select(TicketRow.id, TicketRow.number, TicketRow.version)
            .where(TicketRow.state == State.CLOSED.value, TicketRow.id > after, closed.exists())
            .order_by(TicketRow.id)
            .limit(_BATCH)
            .with_for_update(skip_locked=True, key_share=True)
        )
        rows = (await session.execute(due)).all()
        archived = 0
        for _, number, version in rows:
            try:
                async with session.begin_nested():
                    await lifecycle.apply(session, number, Action.ARCHIVE, ARCHIVIST, version=version, at=now)
                archived += 1
            except (HotlineError, IntegrityError) as error:
                # One that cannot be archived keeps no other one from it.
                _log.error("archiving.refused", ticket=number, reason=type(error).__name__)
        return archived, rows[-1].id if len(rows) == _BATCH else None


async def _due(session: AsyncSession, now: datetime) -> datetime:
    """Closed before this: midnight of today, or near the end of the day the one to come."""
    policies = await clocks.policies(session)
    day = now.astimezone(ZoneInfo(policies.in_force(now.date()).policy.zone)).date()
    policy = policies.in_force(day).policy
    zone = ZoneInfo(policy.zone)
    ahead = now.astimezone(zone) + timedelta(minutes=policy.archive_minutes)
    return datetime.combine(ahead.date(), time(), zone)
