"""Tickets: register, read, list, correct, act."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response, status
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Role
from directory.unit_tree import with_those_below
from hotline.errors import NotAllowed
from ticketing import lifecycle, people, repository
from ticketing.errors import NotYourUnitsTicket
from ticketing.events import TicketLinked
from ticketing.intake import IntakeDesk
from ticketing.models import TicketRow
from ticketing.progress import typed_number
from ticketing.schemas import (
    Actor,
    Assignment,
    Body,
    CallId,
    Changes,
    Clock,
    Details,
    HistoryEntry,
    Intake,
    Ticket,
    TicketFile,
)
from ticketing.vocabulary import Action, Confidentiality, Part
from web import conditional
from web.access import CurrentActor, Parts, Transaction, Work, roles
from web.administration import Reason
from web.conditional import Expected, IfNoneMatch
from web.problems import DOCUMENTED
from web.readings import Readings, masked, names_somebody, shows_caller, without_caller
from web.services import Services

READERS = frozenset(Role) - {Role.KNOWLEDGE_EDITOR}
OF_THE_CENTRE = READERS - people.OF_A_UNIT
"""Who reads every ticket."""

router = APIRouter(prefix="/api/tickets", tags=["tickets"], responses=DOCUMENTED, dependencies=[roles(*READERS)])

Number = Annotated[str, Path(pattern=r"^[A-Z0-9]{1,40}$", description="Ticket number, e.g. SMX20261121000001.")]
Version = Annotated[
    int | None, Field(ge=1, lt=2**31, description="The version that was read; may be named by If-Match instead.")
]


class TicketOut(Ticket):
    """A ticket, with the terms people read and what the asker may do with it."""

    model_config = ConfigDict(frozen=True, extra="ignore", from_attributes=True)

    type_term: str
    state_term: str
    stage_term: str
    possible: list[Action]


class RegisteredOut(TicketOut):
    """A new ticket, with what the citizen is told of it."""

    typed_number: str
    """The digits that are typed on a telephone to ask for its progress."""
    query_code: str | None
    """The query code (查询码), shown this once; null in the answer to a repeated request."""


class TicketFileOut(BaseModel):
    """A ticket with all that belongs to it."""

    ticket: TicketOut
    history: list[HistoryEntry]
    assignments: list[Assignment]
    clocks: list[Clock]
    calls: list[str]


class Amendment(BaseModel):
    """A correction of a registered ticket."""

    model_config = ConfigDict(extra="forbid")

    version: Version = None
    changes: Changes


class Act(Details):
    """One action of the lifecycle with what it needs."""

    action: Action
    version: Version = None


class WhyUnmasked(BaseModel):
    """Why the citizen is to be seen."""

    model_config = ConfigDict(extra="forbid")

    reason: Reason


class CallerOut(BaseModel):
    """Who a ticket is from."""

    model_config = ConfigDict(from_attributes=True)

    caller_number: str
    caller_name: str
    address: str


class Answer(BaseModel):
    """A direct answer: answered and closed (TH 14)."""

    model_config = ConfigDict(extra="forbid")

    version: Version = None
    answer: Body


class CallLink(BaseModel):
    """A further call about the ticket."""

    model_config = ConfigDict(extra="forbid")

    call: CallId


def desk_of(services: Services) -> IntakeDesk:
    """Where this line's tickets begin."""
    site = services.settings.site
    return IntakeDesk(site=site.id, zone=site.timezone, area_code=site.area_code, clock=services.clock)


async def reach(session: AsyncSession, actor: Actor) -> frozenset[int]:
    """The units whose tickets somebody of a unit reads: the own one; of a county's body all below it as well."""
    if actor.unit_id is None:
        return frozenset()
    if actor.roles & people.COUNTY:
        return await with_those_below(session, [actor.unit_id])
    return frozenset({actor.unit_id})


async def check_reader(session: AsyncSession, ticket: TicketRow, actor: Actor) -> None:
    """People of a unit read what their unit has a part in; raises NotYourUnitsTicket."""
    if actor.roles & OF_THE_CENTRE:
        return
    if not await repository.have_part(session, ticket.id, await reach(session, actor)):
        raise NotYourUnitsTicket(f"{ticket.number} is with another unit")


def hides_caller(confidentiality: str, actor: Actor) -> bool:
    """TH 23: a unit does not learn who asked for confidence, nor does the government's leader."""
    return not actor.roles & (OF_THE_CENTRE - people.GOVERNMENT) and confidentiality != Confidentiality.OPEN


def ticket_out(ticket: Ticket, actor: Actor, *, clear: bool = False) -> TicketOut:
    """A ticket with its caller masked, or `clear`."""
    return TicketOut(**told_of(ticket, actor, clear=clear))


def told_of(ticket: Ticket, actor: Actor, *, clear: bool = False) -> dict[str, Any]:
    """The fields of `TicketOut`, which answers with more have as well."""
    return {
        **(ticket.model_dump() if clear else masked(ticket)),
        "type_term": ticket.type.term,
        "state_term": ticket.state.term,
        "stage_term": ticket.state.stage.term,
        "possible": list(lifecycle.possible(ticket.state, actor.roles)),
    }


def _file_out(file: TicketFile, actor: Actor, *, clear: bool) -> TicketFileOut:
    ticket = ticket_out(file.ticket, actor, clear=clear)
    return TicketFileOut(
        ticket=ticket.model_copy(update={"possible": _open_to(ticket.possible, file, actor)}),
        history=[
            entry if clear else entry.model_copy(update={"note": without_caller(entry.note, file.ticket)})
            for entry in file.history
        ],
        assignments=list(file.assignments),
        clocks=list(file.clocks),
        calls=list(file.calls),
    )


def _open_to(possible: list[Action], file: TicketFile, actor: Actor) -> list[Action]:
    """What of it somebody may do who is of a unit: all of it where that leads; elsewhere a county's body supervises."""
    lead = next((one for one in file.assignments if one.withdrawn_at is None and _leads(one)), None)
    if actor.roles & OF_THE_CENTRE or (lead is not None and lead.unit_id == actor.unit_id):
        return possible
    return [action for action in possible if action is Action.SUPERVISE]


def _leads(part: Assignment) -> bool:
    return part.part is Part.LEAD and part.parent_id is None


async def _tell_of_link(services: Services, actor: Actor, call: str, ticket: Ticket) -> None:
    await services.events.publish(TicketLinked(call, ticket.number, actor.user, services.clock.now()))
    body = {"call": call, "number": ticket.number, "title": ticket.title, "state": ticket.state.value}
    await services.feed.publish(actor.user, "ticket", body)


async def must_have_part(session: AsyncSession, number: str, actor: Actor) -> None:
    """Whose ticket it is comes before what state it is in: a unit is told nothing of one it has no part in. Raises
    NotYourUnitsTicket, and TicketNotFound for people of a unit."""
    if not actor.roles & OF_THE_CENTRE:
        await check_reader(session, await repository.row(session, number), actor)


async def must_reach(session: AsyncSession, number: str, actor: Actor) -> None:
    """People of a unit reach the tickets their unit has a part in. Raises NotYourUnitsTicket, TicketNotFound."""
    await _must_reach(session, await repository.file(session, number), actor)


async def _must_reach(session: AsyncSession, file: TicketFile, actor: Actor) -> None:
    units = {part.unit_id for part in file.assignments if part.withdrawn_at is None}
    if not actor.roles & OF_THE_CENTRE and not units & await reach(session, actor):
        raise NotYourUnitsTicket(f"{file.ticket.number} is with another unit")


@router.post("", status_code=status.HTTP_201_CREATED)
async def register(intake: Intake, actor: CurrentActor, work: Work, services: Parts) -> RegisteredOut:
    """Write a demand down. With `request_key` a repeated request gives the first one's ticket."""
    ticket = await desk_of(services).register(work.session, intake, actor)
    codes = services.progress.codes
    code = await codes.first(work.session, ticket.number, by=actor.user, at=services.clock.now())
    if intake.call is not None:
        call = intake.call
        work.afterwards(lambda: _tell_of_link(services, actor, call, ticket))
    return RegisteredOut(
        **told_of(ticket, actor, clear=True),
        typed_number=typed_number(ticket.number, services.settings.site.id),
        query_code=code,
    )


@router.get("/{number}", response_model=TicketFileOut)
async def one(number: Number, actor: CurrentActor, reading: Readings, if_none_match: IfNoneMatch = None) -> Response:
    """A ticket with history, assignments and calls. Who sees the citizen in it leaves a row in the audit log."""
    file = await repository.file(reading.session, number)
    await _must_reach(reading.session, file, actor)
    clear = shows_caller(file.ticket.confidentiality, actor)
    answer = conditional.answer(_file_out(file, actor, clear=clear), file.ticket.version, if_none_match)
    if clear and names_somebody(file.ticket) and answer.status_code == status.HTTP_200_OK:
        await reading.note("ticket.read", f"ticket:{number}")
    return answer


@router.post("/{number}/unmask")
async def unmask(number: Number, body: WhyUnmasked, reading: Readings) -> CallerOut:
    """See the citizen of a ticket where they are masked. The reason goes into the audit log.

    A unit does not learn who asked for confidence, whatever its reason (TH 23).
    """
    file = await repository.file(reading.session, number)
    await _must_reach(reading.session, file, reading.actor)
    if hides_caller(file.ticket.confidentiality, reading.actor):
        raise NotAllowed("the caller asked for confidence", remedy="the centre speaks with them")
    await reading.note("ticket.unmasked", f"ticket:{number}", {"reason": body.reason})
    return CallerOut.model_validate(file.ticket)


@router.patch("/{number}")
async def amend(
    number: Number, body: Amendment, *, expected: Expected, actor: CurrentActor, session: Transaction, services: Parts
) -> TicketOut:
    """Correct a ticket that is still 已登记."""
    await must_have_part(session, number, actor)
    ticket = await desk_of(services).amend(session, number, body.changes, actor, version=expected.version(body.version))
    return ticket_out(ticket, actor)


@router.post("/{number}/answer")
async def answer(
    number: Number, body: Answer, *, expected: Expected, actor: CurrentActor, session: Transaction, services: Parts
) -> TicketOut:
    """能直接答复的直接答复: answered and closed in one go."""
    await must_have_part(session, number, actor)
    desk = desk_of(services)
    return ticket_out(
        await desk.answer_directly(session, number, body.answer, actor, version=expected.version(body.version)), actor
    )


@router.post("/{number}/calls", status_code=status.HTTP_204_NO_CONTENT)
async def link_call(number: Number, body: CallLink, actor: CurrentActor, work: Work, services: Parts) -> None:
    """Tie a further call to the ticket."""
    await desk_of(services).link_call(work.session, number, body.call, actor)
    ticket = Ticket.model_validate(await repository.row(work.session, number))
    work.afterwards(lambda: _tell_of_link(services, actor, body.call, ticket))


@router.post("/{number}/actions")
async def act(
    number: Number, body: Act, *, expected: Expected, actor: CurrentActor, session: Transaction, services: Parts
) -> TicketOut:
    """Take one action of the lifecycle."""
    await must_have_part(session, number, actor)
    ticket = await lifecycle.apply(
        session,
        number,
        body.action,
        actor,
        version=expected.version(body.version),
        at=services.clock.now(),
        details=Details.model_validate(body.model_dump(exclude={"action", "version"})),
    )
    return ticket_out(ticket, actor)
