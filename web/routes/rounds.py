"""Follow-up rounds (回访轮次): made and led by supervisors, worked on by visit agents."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Path, Query, status
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import select

from calls import round_items, round_texts, rounds
from calls.round_models import VisitItemRow, VisitRoundRow
from calls.round_states import ItemState, Mode, Result, RoundState
from directory.models import Role
from hotline.errors import NotFound
from ticketing import repository
from ticketing.repository import Filters
from ticketing.schemas import UnitId
from ticketing.vocabulary import State, TicketType
from web.access import CurrentActor, CurrentAgent, CurrentSession, Transaction, roles
from web.administration import Administration, Name
from web.paging import ByKeyset
from web.problems import DOCUMENTED
from web.routes.calls_out import CallOutOut

VISITORS = (Role.VISIT_AGENT, Role.SUPERVISOR)
_PAGE = 500

router = APIRouter(
    prefix="/api/rounds", tags=["rounds"], responses=DOCUMENTED, dependencies=[roles(*VISITORS, Role.ADMIN)]
)
LEAD = roles(Role.SUPERVISOR, Role.ADMIN)
"""Rounds are led by these."""

RoundId = Annotated[int, Path(ge=1, lt=2**63)]
ItemId = Annotated[int, Path(ge=1, lt=2**63)]
TicketNumber = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,40}$")]
Words = Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$")]


class TicketFilter(BaseModel):
    """Which tickets; what is not given does not narrow."""

    model_config = ConfigDict(extra="forbid")

    state: State = State.REPLIED
    type: TicketType | None = None
    unit_id: UnitId | None = None


class RoundIn(BaseModel):
    """A new round: of these tickets in their order, or of those a filter finds, oldest first."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    mode: Mode = Mode.AGENT
    tickets: list[TicketNumber] = Field([], max_length=rounds.LONGEST)
    filter: TicketFilter | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if bool(self.tickets) == (self.filter is not None):
            raise ValueError("either tickets or a filter")
        return self


class RoundOut(BaseModel):
    """A round."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    mode: Mode
    state: RoundState
    made_by: str
    made_at: datetime
    closed_at: datetime | None


class ReportOut(BaseModel):
    """A round in numbers; rates leave out who could not be reached, or may not be called."""

    model_config = ConfigDict(from_attributes=True)

    total: int
    open: int
    attempts: int
    states: dict[ItemState, int]
    results: dict[Result, int]
    reached: int
    rated: int
    satisfaction: float | None
    response: float | None


class ItemOut(BaseModel):
    """A ticket of a round."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    round_id: int
    position: int
    ticket: str
    state: ItemState
    attempts: int
    failures: int
    last_at: datetime | None
    next_at: datetime
    agent: str | None
    lease_until: datetime | None
    outcome: str | None
    result: Result | None
    note: str
    on_ticket: bool | None
    sms_due_at: datetime | None
    sms_sent_at: datetime | None


class Skip(BaseModel):
    """Why the citizen is not called; `until`: put off until then, else left out for good."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$")]
    until: datetime | None = None

    @model_validator(mode="after")
    def _a_moment(self) -> Self:
        if self.until is not None and self.until.tzinfo is None:
            raise ValueError("a time without its zone is not a moment")
        return self


class Outcome(BaseModel):
    """What came of the talk: a result, or `again_at`, when the citizen wants to be called instead."""

    model_config = ConfigDict(extra="forbid")

    result: Result | None = None
    again_at: datetime | None = None
    note: Words = ""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.result is None) == (self.again_at is None):
            raise ValueError("either a result or again_at")
        if self.result in (Result.TO_AGENT, Result.NO_RESULT):
            raise ValueError("not a result an agent gives")
        if self.again_at is not None and self.again_at.tzinfo is None:
            raise ValueError("a time without its zone is not a moment")
        return self


@router.post("", status_code=status.HTTP_201_CREATED, dependencies=[LEAD])
async def make(body: RoundIn, change: Administration) -> RoundOut:
    """A round as a draft; it is begun with `start`."""
    services = change.services
    tickets = body.tickets or await _matching(change, body.filter or TicketFilter())
    row = await rounds.make(
        change.session,
        body.name,
        body.mode,
        tickets,
        directory=services.directory.snapshot,
        forbidden=services.settings.calls_out.forbidden_prefixes,
        by=change.actor,
        now=services.clock.now(),
    )
    await change.record(
        "round.made", f"round:{row.id}", after={"name": row.name, "mode": row.mode, "tickets": len(tickets)}
    )
    return RoundOut.model_validate(row)


async def _matching(change: Administration, wanted: TicketFilter) -> list[str]:
    filters = Filters(state=wanted.state, type=wanted.type, unit_id=wanted.unit_id)
    found: list[str] = []
    before: int | None = None
    while len(found) <= rounds.LONGEST:
        page, before = await repository.newest(change.session, filters, before=before, limit=_PAGE)
        found += [ticket.number for ticket in page]
        if before is None:
            return found[::-1]
    raise rounds.RoundLength(f"more than {rounds.LONGEST} tickets", remedy="narrow the filter")


@router.get("")
async def listed(
    session: Transaction, pages: ByKeyset, limit: Annotated[int, Query(ge=1, le=500)] = 100
) -> list[RoundOut]:
    """Rounds, newest first."""
    rows = await pages.rows(session, select(VisitRoundRow), VisitRoundRow.id, limit=limit)
    return [RoundOut.model_validate(row) for row in rows]


@router.post("/next")
async def next_item(
    change: Administration,
    agent: CurrentAgent,
    round_id: Annotated[int | None, Query(alias="round", ge=1, lt=2**63)] = None,
) -> ItemOut | None:
    """The item the agent has, or the next one that is due and may be called now; null: there is none. It stays with the
    agent for a while (`lease_until`)."""
    services, now = change.services, change.services.clock.now()
    await round_items.give_back(change.session, now)
    policy = await rounds.policy_of(change.session, services.settings)
    row = await round_items.next_item(change.session, agent.work_number, policy, now, round_id=round_id)
    return None if row is None else ItemOut.model_validate(row)


@router.get("/sms", dependencies=[LEAD])
async def sms_due(session: Transaction) -> list[ItemOut]:
    """Items whose citizens were not reached and are to be told by SMS: for the gateway, which says so when it has."""
    rows = await session.scalars(
        select(VisitItemRow)
        .where(VisitItemRow.sms_due_at.is_not(None), VisitItemRow.sms_sent_at.is_(None))
        .order_by(VisitItemRow.id)
        .limit(1_000)
    )
    return [ItemOut.model_validate(row) for row in rows]


@router.get("/{round_id}")
async def one(session: Transaction, round_id: RoundId) -> RoundOut:
    """A round."""
    row = await session.get(VisitRoundRow, round_id)
    if row is None:
        raise NotFound("no such round")
    return RoundOut.model_validate(row)


@router.get("/{round_id}/report")
async def report(session: Transaction, round_id: RoundId) -> ReportOut:
    """A round in numbers."""
    return ReportOut.model_validate(await rounds.report(session, round_id))


@router.get("/{round_id}/items")
async def items(session: Transaction, round_id: RoundId, state: ItemState | None = None) -> list[ItemOut]:
    """The tickets of a round in their order."""
    query = select(VisitItemRow).where(VisitItemRow.round_id == round_id).order_by(VisitItemRow.position)
    if state is not None:
        query = query.where(VisitItemRow.state == state)
    return [ItemOut.model_validate(row) for row in await session.scalars(query)]


@router.post("/{round_id}/start", dependencies=[LEAD])
async def begin(round_id: RoundId, change: Administration) -> RoundOut:
    """Begin it, or go on after a pause."""
    return await _turn(change, round_id, RoundState.RUNNING, "round.started")


@router.post("/{round_id}/pause", dependencies=[LEAD])
async def pause(round_id: RoundId, change: Administration) -> RoundOut:
    """No new calls; those on the line go on."""
    return await _turn(change, round_id, RoundState.PAUSED, "round.paused")


@router.post("/{round_id}/close", dependencies=[LEAD])
async def close(round_id: RoundId, change: Administration) -> RoundOut:
    """End it: what has not been called is withdrawn."""
    return await _turn(change, round_id, RoundState.CLOSED, "round.closed")


async def _turn(change: Administration, round_id: int, to: RoundState, action: str) -> RoundOut:
    row = await rounds.turn(change.session, round_id, to, change.services.clock.now())
    await change.record(action, f"round:{round_id}")
    return RoundOut.model_validate(row)


@router.get("/items/{item_id}")
async def item(session: Transaction, item_id: ItemId) -> ItemOut:
    """A ticket of a round: where it is, say after a call."""
    row = await session.get(VisitItemRow, item_id)
    if row is None:
        raise NotFound("no such item")
    return ItemOut.model_validate(row)


@router.post("/items/{item_id}/start", status_code=status.HTTP_201_CREATED)
async def start(item_id: ItemId, change: Administration, agent: CurrentAgent, by: CurrentSession) -> CallOutOut:
    """Call the citizen of the item the agent looks at."""
    services = change.services
    call = await rounds.start(
        change.session,
        item_id,
        agent=agent.work_number,
        roles={role.value for role in by.person.roles},
        directory=services.directory.snapshot,
        settings=services.settings,
        now=services.clock.now(),
    )
    await change.record("round.item_called", f"round_item:{item_id}", after={"call_out": call.id})
    return CallOutOut.of(call)


@router.post("/items/{item_id}/skip")
async def skip(item_id: ItemId, body: Skip, change: Administration, agent: CurrentAgent) -> ItemOut:
    """Do not call; the reason stays with the item."""
    now = change.services.clock.now()
    policy = await rounds.policy_of(change.session, change.services.settings)
    row = await round_items.own(change.session, item_id, agent.work_number)
    await round_items.skip(change.session, row, reason=body.reason, until=body.until, policy=policy, now=now)
    await change.record("round.item_skipped", f"round_item:{item_id}", after={"state": row.state})
    return ItemOut.model_validate(row)


@router.post("/items/{item_id}/outcome")
async def outcome(
    item_id: ItemId, body: Outcome, change: Administration, agent: CurrentAgent, actor: CurrentActor
) -> ItemOut:
    """What the citizen said, on the item and on the ticket (`on_ticket` says whether that took it)."""
    now = change.services.clock.now()
    policy = await rounds.policy_of(change.session, change.services.settings)
    row = await round_items.own(change.session, item_id, agent.work_number)
    await round_items.result(
        change.session,
        row,
        actor,
        body.result,
        note=body.note,
        again_at=body.again_at,
        policy=policy,
        now=now,
    )
    await change.record("round.item_outcome", f"round_item:{item_id}", after={"state": row.state, "result": row.result})
    return ItemOut.model_validate(row)


@router.post("/items/{item_id}/sms-sent", status_code=status.HTTP_204_NO_CONTENT, dependencies=[LEAD])
async def sms_sent(item_id: ItemId, change: Administration) -> None:
    """The citizen was told by SMS."""
    row = await round_items.item(change.session, item_id)
    if row.sms_due_at is None:
        raise NotFound("no SMS is due for this item")
    row.sms_sent_at = row.sms_sent_at or change.services.clock.now()
    await round_texts.told_otherwise(change.session, row.ticket, by=change.actor, at=row.sms_sent_at)
    await change.record("round.sms_sent", f"round_item:{item_id}")
