"""按策略自动派单: dispatch without a person, where the city's policy asks for it; it does not unless it says so.

Only what is plain goes: the first dispatch of an open matter whose own category and area stand in the dispatch
catalogue, which is suggested with the confidence the policy asks for, and for which nothing else speaks. What the
system judged, and why, is kept for each ticket it looked at. A person of the centre takes it back by `recall`, and it
is never dispatched without one again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Final

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from directory import audit
from directory.models import Role
from hotline.clock import Clock
from hotline.database import Database
from hotline.errors import HotlineError
from hotline.tasks import through_outages
from ticketing import clocks, lifecycle, repository
from ticketing.catalogue import accused, suggesting
from ticketing.catalogue.suggesting import From, Suggestion
from ticketing.catalogue.tables import UnattendedRow
from ticketing.catalogue.words import Hindrance
from ticketing.models import TicketAssignmentRow, TicketRow
from ticketing.policy import TicketPolicy
from ticketing.schemas import Actor, Details
from ticketing.vocabulary import Action, Confidentiality, State, TicketType, Urgency

_log = structlog.get_logger(__name__)

SYSTEM: Final = Actor(clocks.SYSTEM, frozenset({Role.DISPATCHER}))
"""Who dispatches where no person does."""
_BATCH: Final = 20
_PAUSE_SECONDS: Final = 5.0
_RIVAL: Final = 0.5
"""Another unit that is suggested with this confidence makes a matter ambiguous."""


async def judge(
    session: AsyncSession, ticket: TicketRow, policy: TicketPolicy, *, at: datetime
) -> tuple[Suggestion | None, Hindrance | None]:
    """The suggestion that is best, and what stands against following it without a person; None: nothing does."""
    if (hindrance := await _barred(session, ticket, policy)) is not None:
        return None, hindrance
    suggested = (await suggesting.suggest(session, ticket.number, at=at)).suggested
    if not suggested or not any(one.source is From.CATALOGUE for one in suggested[0].grounds):
        return (suggested[0] if suggested else None), Hindrance.NOT_IN_CATALOGUE
    best, *others = suggested
    entry = await suggesting.catalogued(
        session,
        ticket.category,
        ticket.area_code,
        (await clocks.Rules.of(session, ticket)).limits.day_of(at),
    )
    if entry is None or entry[1] < suggesting.EXACT:
        return best, Hindrance.NOT_ITS_OWN_ENTRY
    if any(one.confidence >= _RIVAL for one in others):
        return best, Hindrance.AMBIGUOUS
    if best.confidence * 100 < policy.auto_dispatch_percent:
        return best, Hindrance.NOT_SURE_ENOUGH
    return best, None


async def _barred(session: AsyncSession, ticket: TicketRow, policy: TicketPolicy) -> Hindrance | None:
    """What no confidence outweighs."""
    if ticket.type == TicketType.REPORT or await accused.of(session, [ticket.id]):
        return Hindrance.ACCUSES
    if ticket.confidentiality != Confidentiality.OPEN:
        return Hindrance.CONFIDENTIAL
    if ticket.urgency == Urgency.URGENT and not policy.auto_dispatch_urgent:
        return Hindrance.URGENT
    earlier = select(TicketAssignmentRow.id).where(TicketAssignmentRow.ticket_id == ticket.id).limit(1)
    if await session.scalar(earlier) is not None:
        return Hindrance.CAME_BACK
    return None


async def of(session: AsyncSession, ticket_id: int) -> Sequence[UnattendedRow]:
    """What the system judged of a ticket, oldest first."""
    return await repository.rows_of(session, UnattendedRow, ticket_id)


class Unattended:
    """Dispatches by policy, in the jobs process. Any number may look: each takes what no other has."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Look every five seconds until cancelled, through outages of the database."""
        await through_outages(self.step, every=_PAUSE_SECONDS, waits="unattended.wait")

    async def step(self) -> int:
        """Judge everything that waits and was not judged as it stands; returns how many were dispatched."""
        dispatched = 0
        while True:
            async with self._database.transaction() as session:
                waiting = await self._waiting(session)
            for number in waiting:
                dispatched += await self._one(number)
            if len(waiting) < _BATCH:
                return dispatched

    async def _waiting(self, session: AsyncSession) -> Sequence[str]:
        willing = [one.number for one in (await clocks.policies(session)).all() if one.policy.auto_dispatch]
        if not willing:
            return []
        judged = (
            select(UnattendedRow.id)
            .where(UnattendedRow.ticket_id == TicketRow.id, UnattendedRow.ticket_version == TicketRow.version)
            .exists()
        )
        wanted = (
            select(TicketRow.number)
            .where(TicketRow.state == State.TO_DISPATCH.value, TicketRow.policy.in_(willing), ~judged)
            .order_by(TicketRow.id)
            .limit(_BATCH)
        )
        return (await session.scalars(wanted)).all()

    async def _one(self, number: str) -> bool:
        try:
            async with self._database.transaction() as session:
                return await self._judged(session, number)
        except HotlineError as error:
            # Somebody was faster, or a rule is against it that only the dispatch itself knows: it is a person's.
            _log.info("unattended.refused", code=error.code)
        async with self._database.transaction() as session:
            await self._left(session, number)
        return False

    async def _judged(self, session: AsyncSession, number: str) -> bool:
        now = self._clock.now()
        ticket = await self._locked(session, number)
        if ticket is None:
            return False
        policy = (await clocks.Rules.of(session, ticket)).policy
        best, hindrance = await judge(session, ticket, policy, at=now)
        version = ticket.version
        session.add(_row(ticket, best, hindrance, now))
        if best is None or hindrance is not None:
            return False
        reasons = "；".join(ground.text for ground in best.grounds)
        await lifecycle.apply(
            session,
            number,
            Action.DISPATCH,
            SYSTEM,
            version=version,
            at=now,
            details=Details(
                note=f"按策略自动派单（置信度{best.confidence:.0%}）：{reasons}",
                lead_unit=best.lead_unit,
                assisting_units=best.assisting_units,
            ),
        )
        after = {"lead_unit": best.lead_unit, "confidence": best.confidence, "version": version}
        await audit.record(
            session,
            at=now,
            actor=SYSTEM.user,
            action="ticket.dispatched_unattended",
            subject=f"ticket:{number}",
            after=after,
        )
        _log.info("unattended.dispatched", confidence=best.confidence)
        return True

    async def _left(self, session: AsyncSession, number: str) -> None:
        ticket = await self._locked(session, number)
        if ticket is not None:
            session.add(_row(ticket, None, Hindrance.REFUSED, self._clock.now()))

    async def _locked(self, session: AsyncSession, number: str) -> TicketRow | None:
        """The ticket, if it waits still, nobody else has it in hand, and nobody has judged it as it stands."""
        wanted = (
            select(TicketRow)
            .where(TicketRow.number == number, TicketRow.state == State.TO_DISPATCH.value)
            .with_for_update(skip_locked=True, key_share=True)
        )
        ticket = await session.scalar(wanted.execution_options(populate_existing=True))
        if ticket is None:
            return None
        judged = select(UnattendedRow.id).where(
            UnattendedRow.ticket_id == ticket.id, UnattendedRow.ticket_version == ticket.version
        )
        return None if await session.scalar(judged) is not None else ticket


def _row(ticket: TicketRow, best: Suggestion | None, hindrance: Hindrance | None, at: datetime) -> UnattendedRow:
    return UnattendedRow(
        ticket_id=ticket.id,
        ticket_version=ticket.version,
        lead_unit_id=None if best is None else best.lead_unit,
        confidence=None if best is None else best.confidence,
        grounds=[] if best is None else [asdict(ground) for ground in best.grounds],
        hindrance=None if hindrance is None else hindrance.value,
        at=at,
    )
