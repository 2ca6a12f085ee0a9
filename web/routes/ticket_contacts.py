"""双向答复: that the citizen was answered, how, by whom, and what came of it."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, status
from pydantic import BaseModel, ConfigDict

from calls import masked_calls
from ticketing import repository
from ticketing.handling import contacts
from ticketing.handling.contacts import Contact
from ticketing.handling.tables import CitizenContactRow
from ticketing.handling.words import ContactOutcome, ContactWay
from ticketing.models import TicketRow
from ticketing.people import UNIT
from ticketing.schemas import Actor
from web.access import CurrentActor, Parts, Transaction, roles
from web.problems import DOCUMENTED
from web.readings import without_caller
from web.routes.tickets import READERS, Number, check_reader, hides_caller

router = APIRouter(prefix="/api/tickets", tags=["tickets"], responses=DOCUMENTED, dependencies=[roles(*READERS)])


class ContactOut(BaseModel):
    """A contact on record. `unit_id` null: the centre's."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    unit_id: int | None
    at: datetime
    way: ContactWay
    by: str
    outcome: ContactOutcome
    note: str
    call_id: str | None
    recorded_by: str
    recorded_at: datetime


def _out(row: CitizenContactRow, ticket: TicketRow, actor: Actor) -> ContactOut:
    contact = ContactOut.model_validate(row)
    if hides_caller(ticket.confidentiality, actor):
        return contact.model_copy(update={"note": without_caller(contact.note, ticket)})
    return contact


@router.get("/{number}/contacts")
async def of_a_ticket(number: Number, actor: CurrentActor, session: Transaction) -> list[ContactOut]:
    """Contacts with the citizen, oldest first."""
    ticket = await repository.row(session, number)
    await check_reader(session, ticket, actor)
    return [_out(row, ticket, actor) for row in await contacts.of(session, ticket.id)]


@router.post(
    "/{number}/contacts",
    status_code=status.HTTP_201_CREATED,
    dependencies=[roles(*(contacts.OF_THE_CENTRE | UNIT))],
)
async def record(
    number: Number, contact: Contact, actor: CurrentActor, session: Transaction, services: Parts
) -> ContactOut:
    """Write down that the citizen was answered, or could not be. Of a unit's own masked call: what became of it."""
    unit = None if actor.roles & contacts.OF_THE_CENTRE else actor.unit_id
    await masked_calls.check_evidence(session, contact.call, contact.outcome, unit_id=unit)
    row = await contacts.record(session, number, contact, actor, at=services.clock.now())
    return _out(row, await repository.row(session, number), actor)
