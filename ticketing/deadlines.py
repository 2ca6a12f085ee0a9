"""Clocks that run out: those concerned are told when a share of the time has gone and when all of it has, once each.

What is due is a row's `next_at`: nothing is kept in memory, so that a restart loses nothing, and two processes that
look at the same time tell once (`SKIP LOCKED`, and a notice is unique).
"""

from __future__ import annotations

from typing import Final

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from directory import repository as directory
from hotline.clock import Clock
from hotline.database import Database
from hotline.tasks import through_outages
from ticketing import clocks, on_calendar
from ticketing.clock_tables import TicketClockRow, TicketNoticeRow
from ticketing.handling.overdue import follow as follow_overdue
from ticketing.limits import Limits
from ticketing.vocabulary import MovedBy, NoticeKind

_log = structlog.get_logger(__name__)

_BATCH: Final = 200
_PAUSE_SECONDS: Final = 5.0
_SYSTEM: Final = "system"


class Deadlines:
    """Tells of clocks that run out, and moves their ends when the calendar is amended."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._version: int | None = None
        """Of the directory, the calendar in it, when all ends were computed last by this process."""

    async def run(self) -> None:
        """Look every five seconds until cancelled, through outages of the database."""
        await through_outages(self.step, every=_PAUSE_SECONDS, waits="deadlines.wait")

    async def step(self) -> int:
        """Everything that is due; returns how many notices were given."""
        await self._amend()
        told = 0
        while True:
            async with self._database.transaction() as session:
                found = await self._tell(session)
            told += found
            if found < _BATCH:
                return told

    async def _tell(self, session: AsyncSession) -> int:
        now = self._clock.now()
        due = (
            select(TicketClockRow)
            .where(TicketClockRow.next_at <= now)
            .order_by(TicketClockRow.next_at)
            .limit(_BATCH)
            .with_for_update(skip_locked=True)
        )
        rows = (await session.scalars(due)).all()
        if not rows:
            return 0
        notices = [
            {
                "ticket_id": clock.ticket_id,
                "clock_id": clock.id,
                "unit_id": clock.unit_id,
                "kind": (NoticeKind.OVERDUE if now >= clock.ends_at else NoticeKind.WARNING).value,
                "ends_at": clock.ends_at,
                "at": now,
            }
            for clock in rows
        ]
        await session.execute(insert(TicketNoticeRow).values(notices).on_conflict_do_nothing())
        await follow_overdue(session, [clock for clock in rows if now >= clock.ends_at], now)
        for clock in rows:
            clock.next_at = None if now >= clock.ends_at else clock.ends_at
        return len(rows)

    async def _amend(self) -> None:
        """After a change of the calendar: every end that depends on it, in batches by id."""
        async with self._database.transaction() as session:
            # The version first: what is changed between the two is looked at again. And not the calendar itself, which
            # may be changed and changed back between two looks: clocks begun meanwhile would keep its days.
            version = await directory.version(session)
            if version == self._version:
                return
            calendar, policies = await directory.workdays(session), await clocks.policies(session)
        last, moved = 0, 0
        while True:
            async with self._database.transaction() as session:
                some = await on_calendar.running(session, after=last, limit=_BATCH)
                for one in some:
                    policy = policies.numbered(one.policy).policy
                    rules = clocks.Rules(policy, Limits(calendar, policy.zone))
                    limit = one.limit(rules)
                    one.clock.provisional = limit.provisional
                    if limit.ends_at != one.clock.ends_at:
                        moved += 1
                        clocks.move(
                            session, one.clock, limit, rules, why=MovedBy.CALENDAR, by=_SYSTEM, at=self._clock.now()
                        )
            if not some:
                break
            last = some[-1].clock.id
        self._version = version
        if moved:
            _log.info("deadlines.moved", clocks=moved)
