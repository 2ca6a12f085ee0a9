"""回访 and 合规认定: what is due, what came of each visit, and whether a reply complies with the law (TH 19, 20)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, status
from pydantic import BaseModel, ConfigDict

from directory.models import Role
from ticketing import repository
from ticketing.people import VISITORS
from ticketing.schemas import Actor
from ticketing.visits import findings, visiting
from ticketing.visits.findings import AUDITORS, FINDING_MOVES, FindingSaid
from ticketing.visits.tables import ComplianceFindingRow, VisitRow
from ticketing.visits.words import AttemptWay, FindingAction, FindingState, VisitOutcome, VisitState
from ticketing.vocabulary import Satisfaction
from web.access import CurrentActor, Parts, Transaction, roles
from web.conditional import Expected
from web.paging import Paged
from web.problems import DOCUMENTED
from web.routes.ticket_parts import RecordId
from web.routes.tickets import READERS, Number, Version, check_reader

FINDERS = VISITORS | AUDITORS

router = APIRouter(prefix="/api", tags=["tickets"], responses=DOCUMENTED)


class VisitOut(BaseModel):
    """The visit of one handling (`cycle`). `item`: where it stands in a round."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    cycle: int
    unit_id: int | None
    state: VisitState
    version: int
    due_since: datetime
    item: int | None
    outcome: VisitOutcome | None
    contacted: bool | None
    solved: bool | None
    satisfaction: Satisfaction | None
    visited_by: str | None
    visited_at: datetime | None
    state_term: str = ""
    outcome_term: str | None = None


class DueVisit(VisitOut):
    """A visit that is due and in no round; `id` goes into `after` for the next page."""

    number: str
    title: str


class AttemptOut(BaseModel):
    """One attempt to reach the citizen."""

    model_config = ConfigDict(from_attributes=True)

    way: AttemptWay
    by: str
    at: datetime


class VisitsOut(BaseModel):
    """All visits of a ticket and the attempts at them, oldest first."""

    visits: list[VisitOut]
    attempts: list[AttemptOut]


class FindingIn(BaseModel):
    """What the citizen holds against the reply, and what speaks for it."""

    model_config = ConfigDict(extra="forbid")

    facts: findings.Facts


class FindingAct(FindingSaid):
    """One step of a finding with what it needs."""

    action: FindingAction
    version: Version = None


class FindingOut(BaseModel):
    """A finding as it stands."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    cycle: int
    state: FindingState
    version: int
    facts: str
    asked_by: str
    asked_at: datetime
    basis: str
    found_by: str | None
    found_at: datetime | None
    state_term: str = ""
    possible: list[FindingAction] = []


class FindingToMake(FindingOut):
    """One that waits for an auditor; `id` goes into `after` for the next page."""

    number: str


def _visit(row: VisitRow) -> VisitOut:
    out = VisitOut.model_validate(row)
    terms = {"state_term": out.state.term, "outcome_term": None if out.outcome is None else out.outcome.term}
    return out.model_copy(update=terms)


def _finding(row: ComplianceFindingRow, actor: Actor) -> FindingOut:
    out = FindingOut.model_validate(row)
    possible = list(FINDING_MOVES.possible(out.state, actor.roles, findings.sides_of(row, actor)))
    return out.model_copy(update={"state_term": out.state.term, "possible": possible})


@router.get("/visits/due", dependencies=[roles(*VISITORS, Role.ADMIN)])
async def due(
    session: Transaction,
    pages: Paged,
    after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[DueVisit]:
    """Handlings that are to be visited and that no round has, oldest first."""
    found = await visiting.due(session, after=after, limit=limit + 1)
    page = pages.shown(found, limit, after=lambda one: one[0].id)
    return [DueVisit(**_visit(row).model_dump(), number=number, title=title) for row, number, title in page]


@router.get("/tickets/{number}/visits", dependencies=[roles(*READERS)])
async def of_a_ticket(number: Number, actor: CurrentActor, session: Transaction) -> VisitsOut:
    """Visits of a ticket, one for each handling, with the attempts to reach the citizen."""
    ticket = await repository.row(session, number)
    await check_reader(session, ticket, actor)
    return VisitsOut(
        visits=[_visit(row) for row in await visiting.of(session, ticket.id)],
        attempts=[AttemptOut.model_validate(row) for row in await visiting.attempts(session, ticket.id)],
    )


@router.get("/tickets/{number}/findings", dependencies=[roles(*READERS)])
async def findings_of(number: Number, actor: CurrentActor, session: Transaction) -> list[FindingOut]:
    """Whether replies of a ticket were found to comply with the law, oldest first."""
    ticket = await repository.row(session, number)
    await check_reader(session, ticket, actor)
    return [_finding(row, actor) for row in await findings.of(session, ticket.id)]


@router.post("/tickets/{number}/findings", status_code=status.HTTP_201_CREATED, dependencies=[roles(*VISITORS)])
async def ask(
    number: Number, body: FindingIn, actor: CurrentActor, session: Transaction, services: Parts
) -> FindingOut:
    """Ask an auditor whether the reply complies, where the citizen is dissatisfied with it."""
    return _finding(await findings.ask(session, number, body.facts, actor, at=services.clock.now()), actor)


@router.post("/tickets/{number}/findings/{finding}/actions", dependencies=[roles(*FINDERS)])
async def act(
    number: Number,
    finding: RecordId,
    body: FindingAct,
    *,
    expected: Expected,
    actor: CurrentActor,
    session: Transaction,
    services: Parts,
) -> FindingOut:
    """An auditor finds that it complies, with the basis, or that it does not; who visits withdraws the question."""
    row = await findings.act(
        session,
        number,
        finding,
        body.action,
        actor,
        version=expected.version(body.version),
        at=services.clock.now(),
        said=FindingSaid.model_validate(body.model_dump(exclude={"action", "version"})),
    )
    return _finding(row, actor)


@router.get("/findings/waiting", dependencies=[roles(*FINDERS)])
async def waiting(
    actor: CurrentActor,
    session: Transaction,
    pages: Paged,
    after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
) -> list[FindingToMake]:
    """What auditors were asked and have not found, oldest first."""
    found = await findings.waiting(session, after=after, limit=limit + 1)
    page = pages.shown(found, limit, after=lambda one: one[0].id)
    return [FindingToMake(**_finding(row, actor).model_dump(), number=number) for row, number in page]
