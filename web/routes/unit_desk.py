"""承办单位工作台: a unit's inbox by boxes, and who works on what."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, status
from pydantic import BaseModel, ConfigDict, Field

from ticketing import repository
from ticketing.errors import NotYourUnitsTicket
from ticketing.handling import records
from ticketing.handling.words import PartState
from ticketing.models import TicketAssignmentRow
from ticketing.people import OF_A_UNIT, UNIT
from ticketing.schemas import Actor, Name
from ticketing.unit_desk import handlers, inbox
from ticketing.unit_desk.handlers import HANDLER_MOVES, HandlerSaid
from ticketing.unit_desk.inbox import Entry
from ticketing.unit_desk.tables import HandlerRow
from ticketing.unit_desk.words import Box, HandlerAction, HandlerState
from ticketing.vocabulary import Part, State, TicketType, Urgency
from web.access import CurrentActor, Parts, Transaction, roles
from web.conditional import Expected
from web.paging import Paged
from web.problems import DOCUMENTED
from web.readings import without_caller
from web.routes.ticket_parts import RecordId
from web.routes.tickets import READERS, Number, Version, check_reader, hides_caller

router = APIRouter(prefix="/api", tags=["tickets"], responses=DOCUMENTED, dependencies=[roles(*READERS)])


class BoxOut(BaseModel):
    """One box of the inbox and how much lies in it."""

    box: Box
    term: str
    count: int


class EntryOut(BaseModel):
    """One part in a box. `due_at`: when the limit it is worked on within ends; null: none runs. `part_id` goes into
    `after` for the next page."""

    number: str
    title: str
    type: TicketType
    urgency: Urgency
    state: State
    state_term: str
    version: int
    part_id: int
    part: Part
    part_state: PartState
    part_version: int
    delivered_at: datetime
    due_at: datetime | None
    provisional: bool


class HandlerIn(BaseModel):
    """Who takes the part on: oneself, or whom the unit's head gives it to."""

    model_config = ConfigDict(extra="forbid")

    person: Name = Field("", description="Work number or login; empty: oneself.")


class HandlerAct(HandlerSaid):
    """One step with what it needs."""

    action: HandlerAction
    version: Version = None


class HandlerOut(BaseModel):
    """Somebody's work on a part."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    part_id: int
    person: str
    state: HandlerState
    version: int
    given_by: str
    since: datetime
    until: datetime | None
    state_term: str = ""
    possible: list[HandlerAction] = []


def _entry(entry: Entry, actor: Actor) -> EntryOut:
    ticket, part = entry.ticket, entry.part
    state = State(ticket.state)
    hidden = hides_caller(ticket.confidentiality, actor)
    return EntryOut(
        number=ticket.number,
        title=without_caller(ticket.title, ticket) if hidden else ticket.title,
        type=TicketType(ticket.type),
        urgency=Urgency(ticket.urgency),
        state=state,
        state_term=state.term,
        version=ticket.version,
        part_id=part.id,
        part=Part(part.part),
        part_state=PartState(part.state),
        part_version=part.version,
        delivered_at=part.delivered_at,
        due_at=entry.due_at,
        provisional=entry.provisional,
    )


def _handler(row: HandlerRow, part: TicketAssignmentRow, actor: Actor) -> HandlerOut:
    out = HandlerOut.model_validate(row)
    possible = list(HANDLER_MOVES.possible(out.state, actor.roles, handlers.sides_of(row, part, actor)))
    return out.model_copy(update={"state_term": out.state.term, "possible": possible})


def _unit(actor: Actor) -> int:
    if actor.unit_id is None:
        raise NotYourUnitsTicket("of no unit")
    return actor.unit_id


@router.get("/unit-desk", dependencies=[roles(*OF_A_UNIT)])
async def boxes(actor: CurrentActor, session: Transaction, services: Parts) -> list[BoxOut]:
    """The boxes of the asker's unit (待签收, 办理中, 将超期, 退回, 待审 …) with how much lies in each."""
    found = await inbox.counts(session, _unit(actor), actor, at=services.clock.now())
    return [BoxOut(box=box, term=box.term, count=count) for box, count in found.items()]


@router.get("/unit-desk/{box}", dependencies=[roles(*OF_A_UNIT)])
async def entries(
    box: Box,
    *,
    actor: CurrentActor,
    session: Transaction,
    services: Parts,
    pages: Paged,
    after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[EntryOut]:
    """What lies in a box, oldest part first."""
    found = await inbox.entries(
        session, _unit(actor), box, actor, at=services.clock.now(), after=after, limit=limit + 1
    )
    page = pages.shown(found, limit, after=lambda entry: entry.part.id)
    return [_entry(entry, actor) for entry in page]


@router.get("/tickets/{number}/handlers")
async def of_a_ticket(number: Number, actor: CurrentActor, session: Transaction) -> list[HandlerOut]:
    """Who of the units works, or worked, on a ticket, oldest first."""
    ticket = await repository.row(session, number)
    await check_reader(session, ticket, actor)
    parts: dict[int, TicketAssignmentRow] = {}
    found = []
    for row in await handlers.of(session, ticket.id):
        if row.part_id not in parts:
            parts[row.part_id] = await records.found(session, TicketAssignmentRow, row.part_id)
        found.append(_handler(row, parts[row.part_id], actor))
    return found


@router.post(
    "/tickets/{number}/parts/{part}/handlers", status_code=status.HTTP_201_CREATED, dependencies=[roles(*UNIT)]
)
async def claim(
    number: Number, part: RecordId, body: HandlerIn, *, actor: CurrentActor, session: Transaction, services: Parts
) -> HandlerOut:
    """Take the unit's part on; its head gives it to somebody."""
    row = await handlers.claim(session, number, part, actor, person=body.person, at=services.clock.now())
    return _handler(row, await records.found(session, TicketAssignmentRow, part), actor)


@router.post("/tickets/{number}/handlers/{handler}/actions", dependencies=[roles(*UNIT)])
async def act(
    number: Number,
    handler: RecordId,
    body: HandlerAct,
    *,
    expected: Expected,
    actor: CurrentActor,
    session: Transaction,
    services: Parts,
) -> HandlerOut:
    """Hand it over to somebody of the unit, or leave it."""
    row = await handlers.act(
        session,
        number,
        handler,
        body.action,
        actor,
        version=expected.version(body.version),
        at=services.clock.now(),
        said=HandlerSaid.model_validate(body.model_dump(exclude={"action", "version"})),
    )
    return _handler(row, await records.found(session, TicketAssignmentRow, row.part_id), actor)
