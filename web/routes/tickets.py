"""Tickets: register, read, list, correct, act."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, status
from pydantic import BaseModel, ConfigDict, Field

from directory.models import Role
from directory.numbers import normalise
from hotline.privacy import mask_number
from ticketing import lifecycle, repository
from ticketing.errors import NotYourUnitsTicket
from ticketing.events import TicketLinked
from ticketing.intake import IntakeDesk
from ticketing.repository import Filters
from ticketing.schemas import (
    Actor,
    Assignment,
    Body,
    CallId,
    Changes,
    Details,
    HistoryEntry,
    Intake,
    Ticket,
    TicketFile,
    UnitId,
)
from ticketing.vocabulary import Action, Confidentiality, State, TicketType
from web.access import CurrentActor, Parts, Transaction, Work, roles
from web.problems import DOCUMENTED
from web.services import Services

READERS = frozenset(Role) - {Role.KNOWLEDGE_EDITOR}
OF_THE_CENTRE = READERS - lifecycle.OF_A_UNIT

router = APIRouter(prefix="/api/tickets", tags=["tickets"], responses=DOCUMENTED, dependencies=[roles(*READERS)])

Number = Annotated[str, Path(pattern=r"^[A-Z0-9]{1,40}$", description="Ticket number, e.g. SMX20261121000001.")]
Version = Annotated[int, Field(ge=1, lt=2**31, description="The version that was read.")]


class TicketOut(Ticket):
    """A ticket, with the terms people read and what the asker may do with it."""

    model_config = ConfigDict(frozen=True, extra="ignore", from_attributes=True)

    type_term: str
    state_term: str
    stage_term: str
    possible: list[Action]


class TicketFileOut(BaseModel):
    """A ticket with all that belongs to it."""

    ticket: TicketOut
    history: list[HistoryEntry]
    assignments: list[Assignment]
    calls: list[str]


class TicketPage(BaseModel):
    """Newest first. `next` goes into `before` for the next page; null: there is none."""

    tickets: list[TicketOut]
    next: int | None


class Amendment(BaseModel):
    """A correction of a registered ticket."""

    model_config = ConfigDict(extra="forbid")

    version: Version
    changes: Changes


class Act(Details):
    """One action of the lifecycle with what it needs."""

    action: Action
    version: Version


class Answer(BaseModel):
    """A direct answer: answered and closed (TH 14)."""

    model_config = ConfigDict(extra="forbid")

    version: Version
    answer: Body


class CallLink(BaseModel):
    """A further call about the ticket."""

    model_config = ConfigDict(extra="forbid")

    call: CallId


class TicketQuery(BaseModel):
    """Which tickets, and which page of them; what is not given does not narrow."""

    model_config = ConfigDict(extra="forbid")

    state: State | None = None
    type: TicketType | None = None
    registered_by: str | None = Field(None, pattern=r"^[a-z0-9][a-z0-9._-]{0,31}$")
    unit_id: UnitId | None = Field(None, description="A unit with a part in the ticket.")
    unit_tag: str | None = Field(None, max_length=64, pattern=r"^[^\x00]*$")
    caller_number: str | None = Field(None, max_length=64, description="In any form.")
    call: CallId | None = None
    before: int | None = Field(None, ge=1, lt=2**63, description="`next` of the page before.")
    limit: int = Field(50, ge=1, le=200)


def _desk(services: Services) -> IntakeDesk:
    site = services.settings.site
    return IntakeDesk(site=site.id, zone=site.timezone, area_code=site.area_code, clock=services.clock)


def _out(ticket: Ticket, actor: Actor) -> TicketOut:
    fields = ticket.model_dump()
    if not actor.roles & OF_THE_CENTRE and ticket.confidentiality is not Confidentiality.OPEN:
        # TH 23: a unit does not learn who asked for confidence.
        fields["caller_number"], fields["caller_name"] = mask_number(ticket.caller_number), "*"
        fields["address"] = "*"
    return TicketOut(
        **fields,
        type_term=ticket.type.term,
        state_term=ticket.state.term,
        stage_term=ticket.state.stage.term,
        possible=list(lifecycle.possible(ticket.state, actor.roles)),
    )


def _file_out(file: TicketFile, actor: Actor) -> TicketFileOut:
    return TicketFileOut(
        ticket=_out(file.ticket, actor),
        history=list(file.history),
        assignments=list(file.assignments),
        calls=list(file.calls),
    )


async def _tell_of_link(services: Services, actor: Actor, call: str, ticket: Ticket) -> None:
    await services.events.publish(TicketLinked(call, ticket.number, actor.user, services.clock.now()))
    body = {"call": call, "number": ticket.number, "title": ticket.title, "state": ticket.state.value}
    await services.feed.publish(actor.user, "ticket", body)


@router.post("", status_code=status.HTTP_201_CREATED)
async def register(intake: Intake, actor: CurrentActor, work: Work, services: Parts) -> TicketOut:
    """Write a demand down. With `request_key` a repeated request gives the first one's ticket."""
    ticket = await _desk(services).register(work.session, intake, actor)
    if intake.call is not None:
        call = intake.call
        work.afterwards(lambda: _tell_of_link(services, actor, call, ticket))
    return _out(ticket, actor)


@router.get("")
async def newest(
    query: Annotated[TicketQuery, Query()], actor: CurrentActor, session: Transaction, services: Parts
) -> TicketPage:
    """Tickets, newest first. People of a unit see their unit's."""
    area_code = services.settings.site.area_code
    unit_id = query.unit_id
    if not actor.roles & OF_THE_CENTRE:
        if actor.unit_id is None or unit_id not in (None, actor.unit_id):
            raise NotYourUnitsTicket("another unit's tickets")
        unit_id = actor.unit_id
    filters = Filters(
        state=query.state,
        type=query.type,
        registered_by=query.registered_by,
        unit_id=unit_id,
        unit_tag=query.unit_tag,
        caller_number=None if query.caller_number is None else normalise(query.caller_number, area_code),
        call=query.call,
    )
    page, following = await repository.newest(session, filters, before=query.before, limit=query.limit)
    return TicketPage(tickets=[_out(ticket, actor) for ticket in page], next=following)


@router.get("/{number}")
async def one(number: Number, actor: CurrentActor, session: Transaction) -> TicketFileOut:
    """A ticket with history, assignments and calls."""
    file = await repository.file(session, number)
    units = {part.unit_id for part in file.assignments if part.withdrawn_at is None}
    if not actor.roles & OF_THE_CENTRE and actor.unit_id not in units:
        raise NotYourUnitsTicket(f"{number} is with another unit")
    return _file_out(file, actor)


@router.patch("/{number}")
async def amend(
    number: Number, body: Amendment, actor: CurrentActor, session: Transaction, services: Parts
) -> TicketOut:
    """Correct a ticket that is still 已登记."""
    ticket = await _desk(services).amend(session, number, body.changes, actor, version=body.version)
    return _out(ticket, actor)


@router.post("/{number}/answer")
async def answer(number: Number, body: Answer, actor: CurrentActor, session: Transaction, services: Parts) -> TicketOut:
    """能直接答复的直接答复: answered and closed in one go."""
    desk = _desk(services)
    return _out(await desk.answer_directly(session, number, body.answer, actor, version=body.version), actor)


@router.post("/{number}/calls", status_code=status.HTTP_204_NO_CONTENT)
async def link_call(number: Number, body: CallLink, actor: CurrentActor, work: Work, services: Parts) -> None:
    """Tie a further call to the ticket."""
    await _desk(services).link_call(work.session, number, body.call, actor)
    ticket = Ticket.model_validate(await repository.row(work.session, number))
    work.afterwards(lambda: _tell_of_link(services, actor, body.call, ticket))


@router.post("/{number}/actions")
async def act(number: Number, body: Act, actor: CurrentActor, session: Transaction, services: Parts) -> TicketOut:
    """Take one action of the lifecycle."""
    ticket = await lifecycle.apply(
        session,
        number,
        body.action,
        actor,
        version=body.version,
        at=services.clock.now(),
        details=Details.model_validate(body.model_dump(exclude={"action", "version"})),
    )
    return _out(ticket, actor)
