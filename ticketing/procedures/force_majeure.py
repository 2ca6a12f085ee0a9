"""不可抗力: an urgent matter's hours do not bind a unit that a disaster keeps from acting (TH 16).

The unit claims it with the facts, the centre finds it so or not. Where it does, the general limit counts from the same
handover by telephone: the matter is not without one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import Field
from sqlalchemy.ext.asyncio import AsyncSession

from ticketing import clocks, repository
from ticketing.clocks import Rules
from ticketing.errors import ActionNotPossible
from ticketing.handling import records
from ticketing.handling.records import Move, Moves, Said
from ticketing.handling.words import RecordKind
from ticketing.people import CENTRE
from ticketing.procedures.errors import MajeureClaimed, NotUrgent
from ticketing.procedures.leading import lead_part
from ticketing.procedures.tables import MajeureRow
from ticketing.procedures.words import MajeureAction, MajeureState
from ticketing.schemas import Actor, Body
from ticketing.vocabulary import MovedBy, Urgency

_S, _A = MajeureState, MajeureAction
_NOTE = frozenset({"note"})

MAJEURE_MOVES: Final = Moves(
    RecordKind.MAJEURE,
    MappingProxyType(
        {
            (_S.CLAIMED, _A.ACKNOWLEDGE): Move(_S.ACKNOWLEDGED, CENTRE, needs=_NOTE),
            (_S.CLAIMED, _A.REFUSE): Move(_S.REFUSED, CENTRE, needs=_NOTE),
        }
    ),
)

Facts = Annotated[Body, Field(min_length=1)]


async def claim(session: AsyncSession, number: str, facts: str, actor: Actor, *, at: datetime) -> MajeureRow:
    """The lead unit claims it while its hours run. Raises TicketNotFound, ActionNotAllowed, NotYourUnitsTicket,
    ActionNotPossible, NotUrgent, MajeureClaimed. The caller commits.
    """
    ticket = await records.locked_ticket(session, number)
    part = await lead_part(session, ticket, actor, what=RecordKind.MAJEURE.term)
    if ticket.urgency != Urgency.URGENT or not await clocks.of_the_lead(session, ticket):
        raise NotUrgent(number)
    if any(row.part_id == part.id for row in await of(session, ticket.id)):
        raise MajeureClaimed(number)
    row = MajeureRow(
        ticket_id=ticket.id,
        unit_id=part.unit_id,
        part_id=part.id,
        state=MajeureState.CLAIMED.value,
        version=1,
        facts=facts,
        claimed_by=actor.user,
        claimed_at=at,
    )
    session.add(row)
    await session.flush()
    return row


async def act(
    session: AsyncSession,
    number: str,
    majeure_id: int,
    action: MajeureAction,
    actor: Actor,
    *,
    version: int,
    at: datetime,
    said: Said,
) -> MajeureRow:
    """One step by the centre. Raises what `records.step` raises, TicketNotFound, RecordNotFound; ActionNotPossible when
    the hours of that handling do not run any more. The caller commits.
    """
    ticket = await records.locked_ticket(session, number)
    row = await records.found(session, MajeureRow, majeure_id, ticket)
    running = await clocks.of_the_lead(session, ticket)
    await records.step(
        session,
        MAJEURE_MOVES,
        row,
        action,
        actor,
        sides=frozenset(),
        version=version,
        at=at,
        said=said,
    )
    if action is MajeureAction.ACKNOWLEDGE:
        own = [clock for clock in running if clock.begun_at <= row.claimed_at]
        if not any(clock.unit_id == row.unit_id for clock in own):
            raise ActionNotPossible("the hours of that handling do not run any more")
        rules = await Rules.of(session, ticket)
        for clock in own:
            limit = rules.limits.handling(clock.begun_at, Urgency.GENERAL, rules.policy)
            clocks.move(session, clock, limit, rules, why=MovedBy.FORCE_MAJEURE, by=actor.user, at=at)
    return row


async def of(session: AsyncSession, ticket_id: int) -> Sequence[MajeureRow]:
    """The ticket's, oldest first."""
    return await repository.rows_of(session, MajeureRow, ticket_id)
