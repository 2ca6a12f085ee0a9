"""督办: raised by people here and on tickets, by rule when a clock has run out; answered, and lifted."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, status
from pydantic import BaseModel, ConfigDict, Field

from ticketing import repository
from ticketing.errors import NotYourUnitsTicket
from ticketing.handling import records, supervision
from ticketing.handling.records import Said
from ticketing.handling.supervision import SUPERVISION_MOVES
from ticketing.handling.tables import SupervisionRow
from ticketing.handling.words import (
    RecordKind,
    SupervisionAction,
    SupervisionForm,
    SupervisionGround,
    SupervisionState,
)
from ticketing.people import CENTRE, ORDERERS, UNIT
from ticketing.schemas import Actor, Body, SupervisionOrder, UnitId
from web.access import CurrentActor, Parts, Transaction, roles
from web.conditional import Expected
from web.paging import Paged
from web.problems import DOCUMENTED
from web.routes.ticket_parts import StepOut
from web.routes.tickets import OF_THE_CENTRE, READERS, Version, reach

router = APIRouter(prefix="/api/supervisions", tags=["tickets"], responses=DOCUMENTED, dependencies=[roles(*READERS)])

SupervisionId = Annotated[int, Path(ge=1, lt=2**63)]


class NewSupervision(SupervisionOrder):
    """One that is about no ticket: a unit's knowledge, tickets it refuses."""

    unit_id: UnitId
    words: Annotated[Body, Field(min_length=1)]


class SupervisionAct(Said):
    """One step with what it needs."""

    action: SupervisionAction
    version: Version = None


class SupervisionOut(BaseModel):
    """A supervision as it stands. `unit_id` null: the centre's; `raised_by` `system`: by a clock that ran out."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    ticket_id: int | None
    unit_id: int | None
    state: SupervisionState
    version: int
    ground: SupervisionGround
    form: SupervisionForm
    words: str
    deadline: datetime
    raised_by: str
    raised_at: datetime
    answer: str
    answered_at: datetime | None
    lifted_at: datetime | None
    state_term: str = ""
    ground_term: str = ""
    form_term: str = ""
    possible: list[SupervisionAction] = []


class SupervisionQuery(BaseModel):
    """Which ones; what is not given does not narrow."""

    model_config = ConfigDict(extra="forbid")

    number: str | None = Field(None, pattern=r"^[A-Z0-9]{1,40}$", description="Of this ticket.")
    unit_id: UnitId | None = None
    state: SupervisionState | None = None
    before: int | None = Field(None, ge=1, lt=2**63, description="The last id of the page before.")
    limit: int = Field(50, ge=1, le=200)


def _out(row: SupervisionRow, actor: Actor) -> SupervisionOut:
    found = SupervisionOut.model_validate(row)
    possible = SUPERVISION_MOVES.possible(found.state, actor.roles, supervision.sides_of(row, actor))
    return found.model_copy(
        update={
            "state_term": found.state.term,
            "ground_term": found.ground.term,
            "form_term": found.form.term,
            "possible": [one for one in possible if supervision.may(row, one, actor)],
        }
    )


@router.get("")
async def newest(
    query: Annotated[SupervisionQuery, Query()], actor: CurrentActor, session: Transaction, pages: Paged
) -> list[SupervisionOut]:
    """Newest first. People of a unit see their unit's."""
    unit = query.unit_id
    if not actor.roles & OF_THE_CENTRE:
        reached = await reach(session, actor)
        if actor.unit_id is None or unit not in (None, *reached):
            raise NotYourUnitsTicket("another unit's supervisions")
        unit = unit or actor.unit_id
    ticket = None if query.number is None else await repository.row(session, query.number)
    rows = await supervision.newest(
        session,
        ticket_id=None if ticket is None else ticket.id,
        unit_id=unit,
        state=query.state,
        before=query.before,
        limit=query.limit + 1,
    )
    return [_out(row, actor) for row in pages.shown(rows, query.limit, before=lambda row: row.id)]


@router.post("", status_code=status.HTTP_201_CREATED, dependencies=[roles(*ORDERERS)])
async def issue(body: NewSupervision, actor: CurrentActor, session: Transaction, services: Parts) -> SupervisionOut:
    """Raise one that is about no ticket; on a ticket it is the action `supervise`."""
    order = SupervisionOrder.model_validate(body.model_dump(exclude={"words"}))
    row = await supervision.issue(session, order, body.words, ticket=None, by=actor, at=services.clock.now())
    return _out(row, actor)


@router.post("/{supervision_id}/actions", dependencies=[roles(*(ORDERERS | UNIT | CENTRE))])
async def act(
    supervision_id: SupervisionId,
    body: SupervisionAct,
    *,
    expected: Expected,
    actor: CurrentActor,
    session: Transaction,
    services: Parts,
) -> SupervisionOut:
    """The addressee answers; whoever supervises sends the answer back, or lifts it."""
    row = await supervision.act(
        session,
        supervision_id,
        body.action,
        actor,
        version=expected.version(body.version),
        at=services.clock.now(),
        said=Said(note=body.note),
    )
    return _out(row, actor)


@router.get("/{supervision_id}/steps")
async def steps(supervision_id: SupervisionId, actor: CurrentActor, session: Transaction) -> list[StepOut]:
    """What was done, oldest first."""
    row = await records.found(session, SupervisionRow, supervision_id)
    if not actor.roles & OF_THE_CENTRE and row.unit_id not in await reach(session, actor):
        raise NotYourUnitsTicket("another unit's supervision")
    return [StepOut.model_validate(step) for step in await records.steps(session, RecordKind.SUPERVISION, row.id)]
