"""Units' parts in a ticket (主办, 协办, 向下交办): what each unit does with its own."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict

from ticketing import repository
from ticketing.handling import parts, records
from ticketing.handling.parts import PART_MOVES, PartSaid
from ticketing.handling.words import PartAction, PartState, RecordKind
from ticketing.models import TicketAssignmentRow
from ticketing.people import CENTRE, UNIT
from ticketing.schemas import Actor, Assignment
from web import conditional
from web.access import CurrentActor, Parts, Transaction, roles
from web.conditional import Expected, IfNoneMatch
from web.problems import DOCUMENTED
from web.readings import without_caller
from web.routes.tickets import READERS, Number, Version, check_reader, hides_caller

router = APIRouter(prefix="/api/tickets", tags=["tickets"], responses=DOCUMENTED, dependencies=[roles(*READERS)])

RecordId = Annotated[int, Path(ge=1, lt=2**63)]


class PartAct(PartSaid):
    """One step of a part with what it needs."""

    action: PartAction
    version: Version = None


class PartOut(Assignment):
    """A part, with the term people read and what the asker may do with it."""

    state_term: str
    possible: list[PartAction]


class StepOut(BaseModel):
    """One step of a record."""

    model_config = ConfigDict(from_attributes=True)

    version: int
    action: str
    actor: str
    from_state: str
    to_state: str
    at: datetime
    note: str
    details: dict[str, Any]


async def _out(session: Transaction, number: str, row: TicketAssignmentRow, actor: Actor) -> PartOut:
    part = Assignment.model_validate(row)
    sides = await parts.sides_of(session, number, row.id, actor)
    possible = list(PART_MOVES.possible(PartState(row.state), actor.roles, sides))
    return PartOut(**part.model_dump(), state_term=part.state.term, possible=possible)


@router.post("/{number}/parts/{part}/actions", dependencies=[roles(*(CENTRE | UNIT))])
async def act(
    number: Number,
    part: RecordId,
    body: PartAct,
    *,
    expected: Expected,
    actor: CurrentActor,
    session: Transaction,
    services: Parts,
) -> PartOut:
    """Take one step of a unit's part: sign for it, reply to the lead unit, hand it down, return it."""
    said = PartSaid.model_validate(body.model_dump(exclude={"action", "version"}))
    row = await parts.act(
        session,
        number,
        part,
        body.action,
        actor,
        version=expected.version(body.version),
        at=services.clock.now(),
        said=said,
    )
    return await _out(session, number, row, actor)


@router.get("/{number}/parts/{part}", response_model=PartOut)
async def one(
    number: Number, part: RecordId, actor: CurrentActor, session: Transaction, if_none_match: IfNoneMatch = None
) -> Response:
    """A unit's part and what the asker may do with it."""
    ticket = await repository.row(session, number)
    row = await records.found(session, TicketAssignmentRow, part, ticket)
    await check_reader(session, ticket, actor)
    return conditional.answer(await _out(session, number, row, actor), row.version, if_none_match)


@router.get("/{number}/parts/{part}/steps")
async def steps(number: Number, part: RecordId, actor: CurrentActor, session: Transaction) -> list[StepOut]:
    """What was done to a part, oldest first: the reply of an assisting unit stands here."""
    ticket = await repository.row(session, number)
    await records.found(session, TicketAssignmentRow, part, ticket)
    await check_reader(session, ticket, actor)
    found = [StepOut.model_validate(step) for step in await records.steps(session, RecordKind.PART, part)]
    if not hides_caller(ticket.confidentiality, actor):
        return found
    return [step.model_copy(update={"note": without_caller(step.note, ticket)}) for step in found]
