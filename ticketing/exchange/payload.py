"""What a receiver is told of an event, by its right.

The event's own words (action, note, details) are as they were written then; the ticket beside them is as it stands when
it is told, with its version. Nothing personal is kept twice, and what was erased is not told by a late repeat.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from hotline.privacy import mask_number, without_person
from ticketing.exchange.tables import (
    ExchangeEventRow,
    ExchangeIncomingRow,
    ExchangeReceiverRow,
    ExchangeTransferRow,
)
from ticketing.exchange.words import EventKind, Personal, Scope, Told, TransferState
from ticketing.handling.tables import CitizenContactRow, RecordStepRow
from ticketing.models import TicketAssignmentRow, TicketHistoryRow, TicketRow
from ticketing.vocabulary import Action, Confidentiality, Source, State, TicketType, Urgency


async def payload_of(
    session: AsyncSession, receiver: ExchangeReceiverRow, event: ExchangeEventRow, *, position: int, site: str
) -> dict[str, Any]:
    """One line of a receiver's feed, as JSON knows it."""
    ticket = await session.get_one(TicketRow, event.ticket_id)
    words = _Words(receiver, ticket)
    kind = EventKind(event.kind)
    return {
        "id": event.uid,
        "site": site,
        "receiver": receiver.code,
        "position": position,
        "kind": kind.value,
        "kind_term": kind.term,
        "at": event.at.isoformat(),
        "version": event.ticket_version,
        **(await _told(session, event, words)),
        "ticket": words.of_ticket() | {"their_number": await _their_number(session, receiver, ticket)},
        "parts": await _parts(session, receiver, ticket),
    }


class _Words:
    """What somebody wrote, as far as a receiver may read it."""

    def __init__(self, receiver: ExchangeReceiverRow, ticket: TicketRow) -> None:
        self._ticket = ticket
        self._confidential = ticket.confidentiality != Confidentiality.OPEN
        self._personal = Personal(receiver.personal)
        self._placed = not self._confidential and self._personal is not Personal.NONE
        """Whether the address is told: where a confidential caller lives tells who it is."""
        self._whole = self._personal is Personal.FULL and not self._confidential

    def text(self, written: str) -> str:
        """Without the caller's number and name, unless all may be told."""
        if self._whole:
            return written
        ticket = self._ticket
        address = "" if self._placed else ticket.address
        return without_person(written, number=ticket.caller_number, name=ticket.caller_name, address=address)

    def anything(self, value: Any) -> Any:
        """The same for every text in a value of JSON."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {name: self.anything(one) for name, one in value.items()}
        return [self.anything(one) for one in value] if isinstance(value, list) else value

    def of_ticket(self) -> dict[str, Any]:
        """The ticket as it stands."""
        ticket = self._ticket
        number, name = ticket.caller_number, ticket.caller_name
        if not self._whole:
            number = "" if self._personal is Personal.NONE else mask_number(number)
            name = ""
        return {
            "number": ticket.number,
            "version": ticket.version,
            "type": ticket.type,
            "type_term": TicketType(ticket.type).term,
            "title": self.text(ticket.title),
            "content": self.text(ticket.content),
            "source": ticket.source,
            "source_term": Source(ticket.source).term,
            "address": ticket.address if self._placed else "",
            "area_code": ticket.area_code,
            "category": ticket.category,
            "urgency": ticket.urgency,
            "urgency_term": Urgency(ticket.urgency).term,
            "confidentiality": ticket.confidentiality,
            "state": ticket.state,
            "state_term": State(ticket.state).term,
            "caller_number": number,
            "caller_name": name,
            "registered_at": ticket.registered_at.isoformat(),
            "updated_at": ticket.updated_at.isoformat(),
        }


async def _told(session: AsyncSession, event: ExchangeEventRow, words: _Words) -> dict[str, Any]:
    """What happened, in the words of whoever did it. Nobody of the house is named."""
    said: dict[str, Any] = {"record": event.told, "action": event.action, "note": "", "details": {}}
    match Told(event.told):
        case Told.TICKET:
            found = await session.scalar(
                select(TicketHistoryRow).where(
                    TicketHistoryRow.ticket_id == event.ticket_id, TicketHistoryRow.version == event.ticket_version
                )
            )
            said["action_term"] = Action(event.action).term
            if found is not None:
                said |= {"note": words.text(found.note), "details": words.anything(found.details)}
                said |= {"from_state": found.from_state, "to_state": found.to_state}
        case Told.PART:
            step = await session.scalar(
                select(RecordStepRow).where(
                    RecordStepRow.record == Told.PART.value,
                    RecordStepRow.record_id == event.told_id,
                    RecordStepRow.version == event.told_version,
                )
            )
            if step is not None:
                said |= {"note": words.text(step.note), "details": words.anything(step.details)}
                said |= {"part": step.record_id, "from_state": step.from_state, "to_state": step.to_state}
        case Told.CONTACT:
            contact = await session.get(CitizenContactRow, event.told_id)
            if contact is not None:
                said |= {"note": words.text(contact.note), "unit_id": contact.unit_id}
                said["details"] = {
                    "way": contact.way,
                    "outcome": contact.outcome,
                    "contacted_at": contact.at.isoformat(),
                }
        case Told.TRANSFER:
            transfer = await session.get(ExchangeTransferRow, event.told_id)
            said["action_term"] = TransferState(event.action).term
            if transfer is not None:
                sent = event.action == TransferState.SENT
                said |= {"transfer": transfer.id, "partner": transfer.partner}
                said["note"] = words.text(transfer.reason if sent else transfer.result)
    return said


async def _their_number(session: AsyncSession, receiver: ExchangeReceiverRow, ticket: TicketRow) -> str:
    """The number a platform itself knows the ticket by; empty: none, or another's."""
    if receiver.scope != Scope.PARTNER:
        return ""
    incoming = select(ExchangeIncomingRow.number).where(
        ExchangeIncomingRow.partner == receiver.partner, ExchangeIncomingRow.ticket_id == ticket.id
    )
    if (found := await session.scalar(incoming.limit(1))) is not None:
        return found
    handed_over = select(ExchangeTransferRow.their_number).where(
        ExchangeTransferRow.partner == receiver.partner, ExchangeTransferRow.ticket_id == ticket.id
    )
    return await session.scalar(handed_over.order_by(ExchangeTransferRow.id.desc()).limit(1)) or ""


async def _parts(session: AsyncSession, receiver: ExchangeReceiverRow, ticket: TicketRow) -> list[dict[str, Any]]:
    """The units' parts as they stand; a unit is told of its own alone."""
    wanted = select(TicketAssignmentRow).where(TicketAssignmentRow.ticket_id == ticket.id)
    if receiver.scope == Scope.UNIT:
        wanted = wanted.where(TicketAssignmentRow.unit_id == receiver.unit_id)
    return [
        {
            "id": part.id,
            "unit_id": part.unit_id,
            "part": part.part,
            "state": part.state,
            "delivered_at": part.delivered_at.isoformat(),
            "due_at": part.due_at and part.due_at.isoformat(),
            "replied_at": part.replied_at and part.replied_at.isoformat(),
            "withdrawn_at": part.withdrawn_at and part.withdrawn_at.isoformat(),
        }
        for part in await session.scalars(wanted.order_by(TicketAssignmentRow.id))
    ]
