"""职责裁定: who rules a second return dispute, and what was ruled."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from ticketing import repository
from ticketing.handling import rulings
from ticketing.handling.rulings import RULING_MOVES, RulingSaid
from ticketing.handling.tables import RulingRow
from ticketing.handling.words import Authority, RulingAction, RulingState
from ticketing.people import CENTRE, GOVERNMENT
from ticketing.schemas import Actor
from web.access import CurrentActor, Parts, Transaction, roles
from web.conditional import Expected
from web.problems import DOCUMENTED
from web.routes.ticket_parts import RecordId
from web.routes.tickets import READERS, Number, Version, check_reader

router = APIRouter(prefix="/api/tickets", tags=["tickets"], responses=DOCUMENTED, dependencies=[roles(*READERS)])


class RulingAct(RulingSaid):
    """One step of a ruling with what it needs."""

    action: RulingAction
    version: Version = None


class RulingOut(BaseModel):
    """A ruling as it stands; what was not ruled yet is null or empty."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    state: RulingState
    version: int
    disputed_unit_id: int | None
    asked_at: datetime
    authority: Authority | None
    unit_id: int | None
    ruled_by: str
    document: str
    ruled_at: datetime | None
    state_term: str = ""
    possible: list[RulingAction] = []


def _out(row: RulingRow, actor: Actor) -> RulingOut:
    ruling = RulingOut.model_validate(row)
    possible = RULING_MOVES.possible(ruling.state, actor.roles, frozenset())
    taken_here = [action for action in possible if action is not RulingAction.APPLY]
    return ruling.model_copy(update={"state_term": ruling.state.term, "possible": taken_here})


@router.get("/{number}/rulings")
async def of_a_ticket(number: Number, actor: CurrentActor, session: Transaction) -> list[RulingOut]:
    """The rulings on a ticket's return disputes, oldest first."""
    ticket = await repository.row(session, number)
    await check_reader(session, ticket, actor)
    return [_out(row, actor) for row in await rulings.of(session, ticket.id)]


@router.post("/{number}/rulings/{ruling}/actions", dependencies=[roles(*(CENTRE | GOVERNMENT))])
async def act(
    number: Number,
    ruling: RecordId,
    body: RulingAct,
    *,
    expected: Expected,
    actor: CurrentActor,
    session: Transaction,
    services: Parts,
) -> RulingOut:
    """Submit a dispute to those who rule, or write down what they ruled: it binds the next dispatch."""
    said = RulingSaid.model_validate(body.model_dump(exclude={"action", "version"}))
    row = await rulings.act(
        session,
        number,
        ruling,
        body.action,
        actor,
        version=expected.version(body.version),
        at=services.clock.now(),
        said=said,
    )
    return _out(row, actor)
