"""嘉宾接听: guests who answer calls under supervision (SMX 四(四))."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, status
from pydantic import BaseModel, ConfigDict

from directory.models import Role
from ticketing.guests import sittings
from ticketing.guests.sittings import LEADERS, SITTING_MOVES, Plan
from ticketing.guests.tables import GuestSittingRow
from ticketing.guests.words import SittingAction, SittingState, Standing
from ticketing.handling.records import Said
from ticketing.schemas import Actor
from web.access import CurrentActor, Parts, Transaction, roles
from web.conditional import Expected
from web.problems import DOCUMENTED
from web.routes.ticket_parts import RecordId
from web.routes.tickets import Version

router = APIRouter(
    prefix="/api/guest-sittings",
    tags=["guests"],
    responses=DOCUMENTED,
    dependencies=[roles(*LEADERS, Role.AUDITOR, Role.ADMIN)],
)


class SittingAct(Said):
    """One step with what it needs."""

    action: SittingAction
    version: Version = None


class SittingOut(BaseModel):
    """A sitting as it stands."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    guest: str
    standing: Standing
    seat: str
    host: str
    state: SittingState
    version: int
    planned_by: str
    planned_at: datetime
    begun_at: datetime | None
    ended_at: datetime | None
    state_term: str = ""
    standing_term: str = ""
    possible: list[SittingAction] = []


def _out(row: GuestSittingRow, actor: Actor) -> SittingOut:
    out = SittingOut.model_validate(row)
    possible = list(SITTING_MOVES.possible(out.state, actor.roles, frozenset()))
    terms = {"state_term": out.state.term, "standing_term": out.standing.term}
    return out.model_copy(update={**terms, "possible": possible})


@router.get("")
async def newest(
    actor: CurrentActor, session: Transaction, limit: Annotated[int, Query(ge=1, le=500)] = 100
) -> list[SittingOut]:
    """Sittings, newest first."""
    return [_out(row, actor) for row in await sittings.newest(session, limit=limit)]


@router.post("", status_code=status.HTTP_201_CREATED, dependencies=[roles(*LEADERS)])
async def plan(body: Plan, actor: CurrentActor, session: Transaction, services: Parts) -> SittingOut:
    """Plan one: who the guest is, at which seat, and who sits by."""
    return _out(await sittings.plan(session, body, actor, at=services.clock.now()), actor)


@router.post("/{sitting}/actions", dependencies=[roles(*LEADERS)])
async def act(
    sitting: RecordId,
    body: SittingAct,
    *,
    expected: Expected,
    actor: CurrentActor,
    session: Transaction,
    services: Parts,
) -> SittingOut:
    """Begin, end or cancel it. What is taken down meanwhile, who sits by decides on."""
    row = await sittings.act(
        session,
        sitting,
        body.action,
        actor,
        version=expected.version(body.version),
        at=services.clock.now(),
        said=Said(note=body.note),
    )
    return _out(row, actor)
