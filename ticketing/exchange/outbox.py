"""The outbox: what happens to a ticket is kept for all who are to be told, in the transaction it happens in.

Nothing of it can be lost and nothing told that was not kept. Who is told is found later (`ticketing.exchange.sharing`),
so that no ticket waits for it.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import func, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from ticketing.exchange.tables import ExchangeEventRow, ExchangeIncomingRow, ExchangeTransferRow
from ticketing.exchange.words import EventKind, Told, kind_of
from ticketing.models import TicketAssignmentRow, TicketRow
from ticketing.vocabulary import Action, Term


async def of_action(session: AsyncSession, ticket_id: int, version: int, action: Action, at: datetime) -> None:
    """An action of the ticket's lifecycle, after its parts have followed it."""
    await _keep(session, ticket_id, kind_of(action), Told.TICKET, action, at=at, version=version)


async def of_part(
    session: AsyncSession, ticket_id: int, action: Term, at: datetime, *, part_id: int, part_version: int
) -> None:
    """A step of a unit's part."""
    await _keep(
        session, ticket_id, EventKind.RECORD, Told.PART, action, at=at, told_id=part_id, told_version=part_version
    )


async def of_contact(session: AsyncSession, ticket_id: int, outcome: Term, at: datetime, *, contact_id: int) -> None:
    """A contact with the citizen was written down."""
    await _keep(session, ticket_id, EventKind.RECORD, Told.CONTACT, outcome, at=at, told_id=contact_id)


async def of_transfer(
    session: AsyncSession, ticket_id: int, state: Term, at: datetime, *, transfer_id: int, transfer_version: int
) -> None:
    """The ticket is handed over to another platform, or that says something of it."""
    await _keep(
        session,
        ticket_id,
        EventKind.TRANSFER,
        Told.TRANSFER,
        state,
        at=at,
        told_id=transfer_id,
        told_version=transfer_version,
    )


async def _keep(
    session: AsyncSession,
    ticket_id: int,
    kind: EventKind,
    told: Told,
    action: Term,
    *,
    at: datetime,
    version: int | None = None,
    told_id: int | None = None,
    told_version: int | None = None,
) -> None:
    parts = select(TicketAssignmentRow.unit_id).where(
        TicketAssignmentRow.ticket_id == ticket_id,
        # A unit is told that its part has ended, and nothing after that.
        or_(TicketAssignmentRow.withdrawn_at.is_(None), TicketAssignmentRow.withdrawn_at == at),
    )
    came_from = select(ExchangeIncomingRow.partner).where(ExchangeIncomingRow.ticket_id == ticket_id)
    went_to = select(ExchangeTransferRow.partner).where(ExchangeTransferRow.ticket_id == ticket_id)
    stands = select(TicketRow.version).where(TicketRow.id == ticket_id).scalar_subquery()
    await session.execute(
        insert(ExchangeEventRow).values(
            uid=uuid.uuid4().hex,
            ticket_id=ticket_id,
            ticket_version=stands if version is None else version,
            kind=kind.value,
            told=told.value,
            told_id=told_id,
            told_version=told_version,
            action=action.value,
            at=at,
            units=func.array(parts.distinct().scalar_subquery()),
            partners=func.array(came_from.union(went_to).scalar_subquery()),
        )
    )
