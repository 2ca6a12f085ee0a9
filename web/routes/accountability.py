"""问责线索 and 无理重复诉求认定: raised by rules or people, decided by people."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, status
from pydantic import BaseModel, ConfigDict, Field

from directory.models import Role
from ticketing import repository
from ticketing.handling import leads, records, repeats
from ticketing.handling.contacts import OF_THE_CENTRE
from ticketing.handling.leads import DECIDERS, LEAD_MOVES, LeadSaid
from ticketing.handling.repeats import REPEAT_MOVES, Proposal, RepeatSaid
from ticketing.handling.tables import AccountabilityLeadRow, UnreasonableRepeatRow
from ticketing.handling.words import (
    AccountabilityGround,
    ContactWay,
    HandedTo,
    LeadAction,
    LeadState,
    RecordKind,
    RepeatAction,
    RepeatState,
)
from ticketing.people import SUPERVISION
from ticketing.schemas import Actor, Body, UnitId
from web.access import CurrentActor, Parts, Transaction, roles
from web.conditional import Expected
from web.paging import Paged
from web.problems import DOCUMENTED
from web.routes.ticket_parts import RecordId, StepOut
from web.routes.tickets import Number, Version

LOOKERS = SUPERVISION | {Role.AUDITOR}
"""Who reads leads: not the units they are about."""

router = APIRouter(prefix="/api", tags=["accountability"], responses=DOCUMENTED)

LeadId = Annotated[int, Path(ge=1, lt=2**63)]


class NewLead(BaseModel):
    """A lead that a person raises."""

    model_config = ConfigDict(extra="forbid")

    number: str = Field(pattern=r"^[A-Z0-9]{1,40}$", description="The ticket.")
    unit_id: UnitId
    ground: AccountabilityGround
    facts: Annotated[Body, Field(min_length=1)]


class LeadAct(LeadSaid):
    """One step with what it needs."""

    action: LeadAction
    version: Version = None


class LeadOut(BaseModel):
    """A lead as it stands; `raised_by` `system`: by a rule."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    ticket_id: int
    unit_id: int | None
    state: LeadState
    version: int
    ground: AccountabilityGround
    facts: str
    first_month: date | None
    last_month: date | None
    raised_by: str
    raised_at: datetime
    handed_to: HandedTo | None
    state_term: str = ""
    ground_term: str = ""
    possible: list[LeadAction] = []


class LeadQuery(BaseModel):
    """Which ones; what is not given does not narrow."""

    model_config = ConfigDict(extra="forbid")

    number: str | None = Field(None, pattern=r"^[A-Z0-9]{1,40}$")
    state: LeadState | None = None
    before: int | None = Field(None, ge=1, lt=2**63, description="The last id of the page before.")
    limit: int = Field(50, ge=1, le=200)


class RepeatAct(RepeatSaid):
    """One step with what it needs."""

    action: RepeatAction
    version: Version = None


class RepeatOut(BaseModel):
    """A determination as it stands."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    state: RepeatState
    version: int
    facts: str
    earlier: list[str]
    proposed_by: str
    proposed_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    way: ContactWay | None
    notified_at: datetime | None
    state_term: str = ""
    possible: list[RepeatAction] = []


def _lead(row: AccountabilityLeadRow, actor: Actor) -> LeadOut:
    lead = LeadOut.model_validate(row)
    possible = list(LEAD_MOVES.possible(lead.state, actor.roles, leads.sides_of(row, actor)))
    terms = {"state_term": lead.state.term, "ground_term": lead.ground.term, "possible": possible}
    return lead.model_copy(update=terms)


def _repeat(row: UnreasonableRepeatRow, actor: Actor) -> RepeatOut:
    found = RepeatOut.model_validate(row)
    possible = list(REPEAT_MOVES.possible(found.state, actor.roles, repeats.sides_of(row, actor)))
    return found.model_copy(update={"state_term": found.state.term, "possible": possible})


@router.get("/accountability-leads", dependencies=[roles(*LOOKERS)])
async def newest(
    query: Annotated[LeadQuery, Query()], actor: CurrentActor, session: Transaction, pages: Paged
) -> list[LeadOut]:
    """Newest first."""
    ticket = None if query.number is None else await repository.row(session, query.number)
    rows = await leads.newest(
        session,
        ticket_id=None if ticket is None else ticket.id,
        state=query.state,
        before=query.before,
        limit=query.limit + 1,
    )
    return [_lead(row, actor) for row in pages.shown(rows, query.limit, before=lambda row: row.id)]


@router.post("/accountability-leads", status_code=status.HTTP_204_NO_CONTENT, dependencies=[roles(*SUPERVISION)])
async def raise_lead(body: NewLead, actor: CurrentActor, session: Transaction, services: Parts) -> None:
    """A person sees a reason. Of the same ground one person raises one a ticket."""
    ticket = await repository.row(session, body.number)
    await leads.raised(
        session,
        ticket.id,
        body.unit_id,
        body.ground,
        body.facts,
        occasion=f"by:{actor.user}",
        by=actor.user,
        at=services.clock.now(),
    )


@router.post("/accountability-leads/{lead_id}/actions", dependencies=[roles(*DECIDERS)])
async def act(
    lead_id: LeadId, body: LeadAct, *, expected: Expected, actor: CurrentActor, session: Transaction, services: Parts
) -> LeadOut:
    """Look into one, and decide."""
    said = LeadSaid.model_validate(body.model_dump(exclude={"action", "version"}))
    row = await leads.act(
        session, lead_id, body.action, actor, version=expected.version(body.version), at=services.clock.now(), said=said
    )
    return _lead(row, actor)


@router.get("/accountability-leads/{lead_id}/steps", dependencies=[roles(*LOOKERS)])
async def steps(lead_id: LeadId, session: Transaction) -> list[StepOut]:
    """What was done, oldest first."""
    row = await records.found(session, AccountabilityLeadRow, lead_id)
    return [StepOut.model_validate(step) for step in await records.steps(session, RecordKind.LEAD, row.id)]


@router.get("/tickets/{number}/repeat-determinations", dependencies=[roles(*(OF_THE_CENTRE | LOOKERS))])
async def determinations(number: Number, actor: CurrentActor, session: Transaction) -> list[RepeatOut]:
    """The ticket's, oldest first."""
    ticket = await repository.row(session, number)
    return [_repeat(row, actor) for row in await repeats.of(session, ticket.id)]


@router.post(
    "/tickets/{number}/repeat-determinations",
    status_code=status.HTTP_201_CREATED,
    dependencies=[roles(*OF_THE_CENTRE)],
)
async def propose(
    number: Number, body: Proposal, actor: CurrentActor, session: Transaction, services: Parts
) -> RepeatOut:
    """Propose that the ticket repeats, without reason, what was settled."""
    return _repeat(await repeats.propose(session, number, body, actor, at=services.clock.now()), actor)


@router.post("/tickets/{number}/repeat-determinations/{repeat}/actions", dependencies=[roles(*OF_THE_CENTRE)])
async def determine(
    number: Number,
    repeat: RecordId,
    body: RepeatAct,
    *,
    expected: Expected,
    actor: CurrentActor,
    session: Transaction,
    services: Parts,
) -> RepeatOut:
    """Approve it, tell the citizen, revoke it."""
    said = RepeatSaid.model_validate(body.model_dump(exclude={"action", "version"}))
    row = await repeats.act(
        session,
        number,
        repeat,
        body.action,
        actor,
        version=expected.version(body.version),
        at=services.clock.now(),
        said=said,
    )
    return _repeat(row, actor)
