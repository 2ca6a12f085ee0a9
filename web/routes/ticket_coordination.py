"""专题协调会, 联席会议, 首接负责: meetings about a ticket, and the unit that had it first."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, status
from pydantic import BaseModel, ConfigDict

from ticketing import repository
from ticketing.coordination import first_unit, meetings
from ticketing.coordination.first_unit import FIRST_MOVES
from ticketing.coordination.meetings import MEETING_MOVES, MeetingReport, MeetingSaid
from ticketing.coordination.tables import FirstUnitRow, MeetingRow
from ticketing.coordination.words import FirstAction, FirstState, MeetingAction, MeetingKind, MeetingState
from ticketing.handling.errors import RecordNotFound
from ticketing.handling.records import Said
from ticketing.people import CENTRE, GOVERNMENT, OF_A_UNIT, UNIT
from ticketing.schemas import Actor
from ticketing.vocabulary import State
from web.access import CurrentActor, Parts, Transaction, roles
from web.conditional import Expected
from web.problems import DOCUMENTED
from web.routes.ticket_parts import RecordId
from web.routes.tickets import READERS, Number, Version, check_reader

router = APIRouter(prefix="/api", tags=["tickets"], responses=DOCUMENTED, dependencies=[roles(*READERS)])


class MeetingAct(MeetingSaid):
    """One step of a meeting with what it needs."""

    action: MeetingAction
    version: Version = None


class MeetingOut(BaseModel):
    """A meeting as it stands. `unit_id` null: the centre asked for it."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    kind: MeetingKind
    state: MeetingState
    version: int
    unit_id: int | None
    report: str
    reported_by: str
    reported_at: datetime
    convener: str
    held_at: datetime | None
    units: list[int]
    outcome: str
    concluded_at: datetime | None
    kind_term: str = ""
    state_term: str = ""
    possible: list[MeetingAction] = []


class FirstAct(Said):
    """One step with what it needs."""

    action: FirstAction
    version: Version = None


class FirstUnitOut(BaseModel):
    """Who answers for a ticket since when. `handed_to`: the unit that has taken it up."""

    model_config = ConfigDict(from_attributes=True)

    unit_id: int
    state: FirstState
    version: int
    since: datetime
    until: datetime | None
    handed_to: int | None
    state_term: str = ""
    possible: list[FirstAction] = []


class HeldOut(FirstUnitOut):
    """What a unit answers for, wherever the ticket is now; `id` goes into `after` for the next page."""

    id: int
    number: str
    ticket_state: State


def _meeting(row: MeetingRow, actor: Actor) -> MeetingOut:
    out = MeetingOut.model_validate(row)
    possible = list(MEETING_MOVES.possible(out.state, actor.roles, frozenset()))
    return out.model_copy(update={"kind_term": out.kind.term, "state_term": out.state.term, "possible": possible})


def _first(row: FirstUnitRow, actor: Actor) -> FirstUnitOut:
    out = FirstUnitOut.model_validate(row)
    possible = FIRST_MOVES.possible(out.state, actor.roles, first_unit.sides_of(row, actor))
    taken_here = [action for action in possible if action not in first_unit.WITH_THE_TICKET]
    return out.model_copy(update={"state_term": out.state.term, "possible": taken_here})


@router.get("/tickets/{number}/meetings")
async def of_a_ticket(number: Number, actor: CurrentActor, session: Transaction) -> list[MeetingOut]:
    """Meetings about a ticket, oldest first."""
    ticket = await repository.row(session, number)
    await check_reader(session, ticket, actor)
    return [_meeting(row, actor) for row in await meetings.of(session, ticket.id)]


@router.post(
    "/tickets/{number}/meetings",
    status_code=status.HTTP_201_CREATED,
    dependencies=[roles(*(CENTRE | OF_A_UNIT))],
)
async def report(
    number: Number, body: MeetingReport, actor: CurrentActor, session: Transaction, services: Parts
) -> MeetingOut:
    """A special meeting: the unit that leads reports after its last extension. A joint one: the centre asks for it."""
    return _meeting(await meetings.report(session, number, body, actor, at=services.clock.now()), actor)


@router.post("/tickets/{number}/meetings/{meeting}/actions", dependencies=[roles(*(CENTRE | GOVERNMENT))])
async def act(
    number: Number,
    meeting: RecordId,
    body: MeetingAct,
    *,
    expected: Expected,
    actor: CurrentActor,
    session: Transaction,
    services: Parts,
) -> MeetingOut:
    """Call it, write its outcome down, or cancel it."""
    said = MeetingSaid.model_validate(body.model_dump(exclude={"action", "version"}))
    row = await meetings.act(
        session,
        number,
        meeting,
        body.action,
        actor,
        version=expected.version(body.version),
        at=services.clock.now(),
        said=said,
    )
    return _meeting(row, actor)


@router.get("/tickets/{number}/first-unit")
async def first(number: Number, actor: CurrentActor, session: Transaction) -> FirstUnitOut:
    """The unit that had the ticket first, which reads this wherever that is now; 404 before the first dispatch."""
    ticket = await repository.row(session, number)
    row = await first_unit.of(session, ticket.id)
    if row is None or row.unit_id != actor.unit_id:
        await check_reader(session, ticket, actor)
    if row is None:
        raise RecordNotFound(number)
    return _first(row, actor)


@router.post("/tickets/{number}/first-unit/actions", dependencies=[roles(*(CENTRE | UNIT))])
async def act_first(
    number: Number,
    body: FirstAct,
    *,
    expected: Expected,
    actor: CurrentActor,
    session: Transaction,
    services: Parts,
) -> FirstUnitOut:
    """The unit says what it has done about the matter; the centre releases it."""
    row = await first_unit.act(
        session,
        number,
        body.action,
        actor,
        version=expected.version(body.version),
        at=services.clock.now(),
        said=Said(note=body.note),
    )
    return _first(row, actor)


@router.get("/first-units/mine", dependencies=[roles(*OF_A_UNIT)])
async def mine(
    actor: CurrentActor,
    session: Transaction,
    after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
) -> list[HeldOut]:
    """What the asker's unit answers for as the first one, oldest first."""
    if actor.unit_id is None:
        return []
    return [
        HeldOut(**_first(row, actor).model_dump(), id=row.id, number=ticket.number, ticket_state=State(ticket.state))
        for row, ticket in await first_unit.held_by(session, actor.unit_id, after=after, limit=limit)
    ]
