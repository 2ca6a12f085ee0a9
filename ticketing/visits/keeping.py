"""办结 of tickets that nobody of ours visited: where the machine heard that the citizen is satisfied (TH 19), or where
nobody could be reached and the citizen was told by SMS (requirements 3). What a person visited, a person closes.
"""

from __future__ import annotations

from typing import Final

import structlog
from sqlalchemy import and_, exists, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from directory.models import Role
from hotline.clock import Clock
from hotline.database import Database
from hotline.errors import HotlineError
from hotline.tasks import through_outages
from ticketing import clocks, lifecycle
from ticketing.models import TicketRow
from ticketing.refusals.tables import CitizenNoticeRow
from ticketing.schemas import Actor
from ticketing.visits.tables import VisitRow
from ticketing.visits.words import VisitOutcome
from ticketing.vocabulary import Action, CitizenNoticeKind, State

_log = structlog.get_logger(__name__)

_BATCH: Final = 50
_PAUSE_SECONDS: Final = 10.0
BY_MACHINE: Final = "ivr"
"""Who visits where nobody of ours is on the line."""
KEEPER: Final = Actor("visits", frozenset({Role.VISIT_AGENT}))
"""Who closes where nobody did."""


class VisitKeeper:
    """Closes what may be closed. Any number of processes may look: a ticket is taken by one (`SKIP LOCKED`)."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Look every ten seconds until cancelled, through outages of the database."""
        await through_outages(self.step, every=_PAUSE_SECONDS, waits="visits.wait")

    async def step(self) -> int:
        """Everything that may be closed; returns how many tickets were."""
        closed = 0
        last: int | None = 0
        while last is not None:
            async with self._database.transaction() as session:
                some, last = await self._some(session, last)
            closed += some
        if closed:
            _log.info("visits.closed", tickets=closed)
        return closed

    async def _some(self, session: AsyncSession, after: int) -> tuple[int, int | None]:
        """Of the next batch by id, how many were closed, and its last id; None: there is no more."""
        later, now = aliased(VisitRow), self._clock.now()
        policies = await clocks.policies(session)
        told = exists().where(
            CitizenNoticeRow.ticket_id == TicketRow.id,
            CitizenNoticeRow.kind == CitizenNoticeKind.UNREACHABLE.value,
            CitizenNoticeRow.made_at >= VisitRow.visited_at,
            CitizenNoticeRow.told_at.is_not(None),
        )
        unheard = and_(
            VisitRow.satisfaction.is_(None),
            or_(
                VisitRow.outcome == VisitOutcome.INVALID.value,
                and_(VisitRow.outcome == VisitOutcome.UNREACHABLE.value, told),
            ),
        )
        heard = and_(VisitRow.visited_by == BY_MACHINE, VisitRow.satisfaction.is_not(None))
        found = (
            select(TicketRow.id, TicketRow.number, TicketRow.version, TicketRow.policy, VisitRow.satisfaction)
            .join(VisitRow, VisitRow.ticket_id == TicketRow.id)
            .where(
                TicketRow.state == State.VISITED.value,
                TicketRow.id > after,
                ~exists().where(later.ticket_id == VisitRow.ticket_id, later.cycle > VisitRow.cycle),
                or_(unheard, heard),
            )
            .order_by(TicketRow.id)
            .limit(_BATCH)
            .with_for_update(of=TicketRow, skip_locked=True, key_share=True)
        )
        rows = (await session.execute(found)).all()
        closed = 0
        for _, number, version, policy, said in rows:
            if said is not None and said not in policies.numbered(policy).policy.satisfied:
                continue
            try:
                async with session.begin_nested():
                    await lifecycle.apply(session, number, Action.CLOSE, KEEPER, version=version, at=now)
                closed += 1
            except (HotlineError, IntegrityError) as error:
                # A confidential caller whom nobody answered, for one: people look at it.
                _log.debug("visits.not_closed", ticket=number, reason=type(error).__name__)
        return closed, rows[-1].id if len(rows) == _BATCH else None
