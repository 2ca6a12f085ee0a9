"""双向答复: the unit answers the citizen and reports to the centre; both are on record (TH 17).

Evidence of each contact is kept: when, how, by whom, and what came of it. A report is reviewed by another person than
who wrote it. A unit does not call a confidential caller: a call masked by 12345 is recorded, or the centre answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ticketing import repository
from ticketing.errors import ActionNotAllowed, ActionNotPossible, DetailMissing, DetailUnexpected, NotYourUnitsTicket
from ticketing.exchange import outbox
from ticketing.handling import records
from ticketing.handling.errors import (
    CallerIsConfidential,
    CallNotOfTicket,
    CitizenNotAnswered,
    ContactWhen,
    SamePerson,
)
from ticketing.handling.tables import CitizenContactRow
from ticketing.handling.words import ContactOutcome, ContactWay
from ticketing.models import TicketCallRow, TicketHistoryRow, TicketRow
from ticketing.people import CENTRE, DESK, UNIT, VISITORS
from ticketing.schemas import Actor, Body, CallId, Moment, Name
from ticketing.vocabulary import Action, Confidentiality, State

OF_THE_CENTRE: Final = CENTRE | DESK | VISITORS
"""Who answers citizens in the centre's name."""

_WHILE: Final = frozenset(
    {
        State.TO_SIGN,
        State.HANDLING,
        State.RETURN_ASKED,
        State.EXTENSION_ASKED,
        State.REPLY_TO_REVIEW,
        State.REPLIED,
        State.VISITED,
    }
)


class Contact(BaseModel):
    """One contact with the citizen. Never with a number: who was called is known by the ticket."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: Moment
    way: ContactWay
    by: Name = Field(min_length=1, description="Who spoke with the citizen.")
    outcome: ContactOutcome
    note: Body = Field("", description="What the citizen was told, or why nobody could be reached.")
    call: CallId | None = Field(None, description="The masked call, which the ticket is linked to.")


async def record(
    session: AsyncSession, number: str, contact: Contact, actor: Actor, *, at: datetime
) -> CitizenContactRow:
    """Write a contact down; rows are only ever added. `at` is now.

    Raises TicketNotFound, ActionNotPossible before dispatch and after the close, ActionNotAllowed, NotYourUnitsTicket,
    ContactWhen, CallerIsConfidential, DetailMissing, DetailUnexpected, CallNotOfTicket. The caller commits.
    """
    ticket = await records.locked_ticket(session, number)
    state = State(ticket.state)
    if state not in _WHILE:
        raise ActionNotPossible(f"citizens are answered while a ticket is handled, not in state {state} ({state.term})")
    unit = await _unit(session, ticket, actor)
    if not ticket.registered_at <= contact.at <= at:
        raise ContactWhen("between registration and now")
    masked = contact.way is ContactWay.MASKED_CALL
    if unit is not None and ticket.confidentiality != Confidentiality.OPEN and not masked:
        raise CallerIsConfidential("by a masked call, or the centre answers")
    if masked and contact.call is None:
        raise DetailMissing("a masked call is named by its id")
    if not masked and contact.call is not None:
        raise DetailUnexpected("only a masked call has one")
    if contact.call is not None:
        linked = select(TicketCallRow.call_id).where(
            TicketCallRow.ticket_id == ticket.id, TicketCallRow.call_id == contact.call
        )
        if (await session.execute(linked)).scalar_one_or_none() is None:
            raise CallNotOfTicket(contact.call)
    row = CitizenContactRow(
        ticket_id=ticket.id,
        unit_id=unit,
        at=contact.at,
        way=contact.way.value,
        by=contact.by,
        outcome=contact.outcome.value,
        note=contact.note,
        call_id=contact.call,
        recorded_by=actor.user,
        recorded_at=at,
    )
    session.add(row)
    await session.flush()
    await outbox.of_contact(session, ticket.id, contact.outcome, at, contact_id=row.id)
    return row


async def of(session: AsyncSession, ticket_id: int) -> Sequence[CitizenContactRow]:
    """The ticket's, oldest first."""
    return await repository.rows_of(session, CitizenContactRow, ticket_id)


async def before(session: AsyncSession, ticket: TicketRow, action: Action, actor: Actor) -> None:
    """A report passes only from a second person and after the citizen was answered; a confidential caller's ticket is
    closed only then. Raises SamePerson, CitizenNotAnswered.
    """
    if action is Action.APPROVE_REPLY:
        if await _written_by(session, ticket.id) == actor.user:
            raise SamePerson("the unit's head reviews what another person wrote")
        if ticket.confidentiality == Confidentiality.OPEN and not await _answered(session, ticket, by_lead=True):
            raise CitizenNotAnswered("the unit answers the citizen before it reports")
    closing = action is Action.CLOSE and ticket.state == State.VISITED and _hidden(ticket)
    if closing and not await _answered(session, ticket, by_lead=False):
        raise CitizenNotAnswered("a confidential caller is answered by the centre or by a masked call")


def _hidden(ticket: TicketRow) -> bool:
    """Somebody who can be answered and is not to be known to the unit."""
    return ticket.confidentiality != Confidentiality.OPEN and ticket.caller_number != ""


async def _unit(session: AsyncSession, ticket: TicketRow, actor: Actor) -> int | None:
    """The unit that the person writes for; None: the centre."""
    if actor.roles & OF_THE_CENTRE:
        return None
    if not actor.roles & UNIT:
        raise ActionNotAllowed("for people who answer citizens")
    if actor.unit_id is None or not await repository.has_part(session, ticket.id, actor.unit_id):
        raise NotYourUnitsTicket(f"{ticket.number} is with another unit")
    return actor.unit_id


async def _written_by(session: AsyncSession, ticket_id: int) -> str | None:
    reports = (
        select(TicketHistoryRow.actor)
        .where(TicketHistoryRow.ticket_id == ticket_id, TicketHistoryRow.action == Action.REPLY.value)
        .order_by(TicketHistoryRow.version.desc())
        .limit(1)
    )
    return (await session.execute(reports)).scalar_one_or_none()


async def _answered(session: AsyncSession, ticket: TicketRow, *, by_lead: bool) -> bool:
    """Whether a contact was written down in this handling, `by_lead`: by the lead unit or one it handed down to."""
    part = await repository.lead_part(session, ticket.id)
    since = ticket.registered_at if part is None else part.delivered_at
    wanted = select(CitizenContactRow.id).where(
        CitizenContactRow.ticket_id == ticket.id, CitizenContactRow.recorded_at >= since
    )
    if by_lead and part is not None:
        units = (part.unit_id, *await repository.units_below_lead(session, ticket.id))
        wanted = wanted.where(CitizenContactRow.unit_id.in_(units))
    return (await session.execute(wanted.limit(1))).scalar_one_or_none() is not None
