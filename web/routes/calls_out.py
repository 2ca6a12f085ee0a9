"""Calls out (外呼): click to dial from a ticket, what became of it, and numbers that are not called (免打扰名单)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Path, Query, status
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import select

from calls import call_out_store as store
from calls import calls_out, round_items, rounds
from calls.call_out_models import CallOutRow, DoNotCallRow
from calls.call_out_policy import OutPolicy
from calls.call_out_states import CallOutState, Purpose, Whom
from calls.callback_ids import call_out_id
from calls.calls_out import Wanted
from directory.models import Role
from directory.numbers import normalise
from hotline.errors import NotAllowed
from hotline.privacy import mask_number
from ticketing.schemas import WrittenNumber
from web.access import CurrentAgent, CurrentSession, Parts, Transaction, roles
from web.administration import Administration, Reason
from web.paging import ByKeyset
from web.problems import DOCUMENTED

CALLERS = (Role.AGENT, Role.EXPERT, Role.VISIT_AGENT, Role.SUPERVISOR)

router = APIRouter(
    prefix="/api/calls-out", tags=["calls out"], responses=DOCUMENTED, dependencies=[roles(*CALLERS, Role.ADMIN)]
)

CallOutId = Annotated[int, Path(ge=1, lt=2**63)]
TicketNumber = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,40}$")]
RecordId = Annotated[int, Field(ge=1, lt=2**63)]


class CallOutIn(BaseModel):
    """Whom to call about a ticket. `contact` goes with `contact`, `unit` with `duty`, `typed` with `typed`."""

    model_config = ConfigDict(extra="forbid")

    ticket: TicketNumber
    purpose: Purpose = Purpose.VISIT
    whom: Whom = Whom.CITIZEN
    contact: RecordId | None = None
    unit: RecordId | None = None
    typed: WrittenNumber = ""

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        given = {Whom.CONTACT: self.contact, Whom.DUTY: self.unit, Whom.TYPED: self.typed or None}
        if {whom for whom, value in given.items() if value is not None} != {self.whom} & given.keys():
            raise ValueError(f"{self.whom} goes with its own field and no other")
        if self.purpose is Purpose.SURVEY:
            raise ValueError("a survey is begun by its round")
        if self.purpose is Purpose.UNIT:
            raise ValueError("a unit asks for its own calls")
        return self


class CallOutOut(BaseModel):
    """A call out. `outcome` is how the party answered once it is `ended`, or why nobody was called once it is
    `not_placed`; the number is masked: the screen has the ticket."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    call: str
    purpose: Purpose
    whom: Whom
    number: str
    ticket: str | None
    item_id: int | None
    agent: str | None
    unit_id: int | None
    """Of a unit's masked call: the unit; then `asked_by` is who of it asked."""
    asked_by: str | None
    state: CallOutState
    requested_at: datetime
    dialled_at: datetime | None
    talk_ms: int | None
    outcome: str | None
    closed_at: datetime | None

    @classmethod
    def of(cls, row: CallOutRow) -> Self:
        told = {name: getattr(row, name) for name in cls.model_fields if name not in ("call", "number")}
        return cls(**told, call=call_out_id(row.id), number=mask_number(row.number))


class NotCalledIn(BaseModel):
    """A number for the list."""

    model_config = ConfigDict(extra="forbid")

    number: WrittenNumber
    reason: Reason


class NotCalledOut(BaseModel):
    """A number on the list."""

    model_config = ConfigDict(from_attributes=True)

    number: str
    reason: str
    added_by: str
    added_at: datetime


@router.post("", status_code=status.HTTP_201_CREATED)
async def call_out(
    body: CallOutIn, agent: CurrentAgent, by: CurrentSession, change: Administration, services: Parts
) -> CallOutOut:
    """The agent's own phone rings, then the party's. 409 with `call_out.not_allowed` when the limits are against it:
    its `remedy` says until when. What becomes of it comes as frames `call_out`."""
    row = await calls_out.request(
        change.session,
        Wanted(body.purpose, body.whom, body.ticket, body.contact, body.unit, body.typed),
        agent=agent.work_number,
        roles={role.value for role in by.person.roles},
        directory=services.directory.snapshot,
        keys=services.settings.calls_out,
        policy=OutPolicy.of(services.settings),
        now=services.clock.now(),
    )
    await change.record("call_out.requested", f"ticket:{body.ticket}", after={"whom": body.whom, "call_out": row.id})
    return CallOutOut.of(row)


@router.get("")
async def of_ticket(
    session: Transaction,
    ticket: Annotated[str, Query(pattern=r"^[A-Z0-9]{1,40}$")],
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    *,
    pages: ByKeyset,
) -> list[CallOutOut]:
    """The calls out about a ticket, newest first."""
    query = select(CallOutRow).where(CallOutRow.ticket == ticket)
    return [CallOutOut.of(row) for row in await pages.rows(session, query, CallOutRow.id, limit=limit)]


@router.get("/not-called", dependencies=[roles(Role.SUPERVISOR, Role.ADMIN)])
async def not_called(session: Transaction) -> list[NotCalledOut]:
    """Numbers that are not called, newest first."""
    rows = await session.scalars(select(DoNotCallRow).order_by(DoNotCallRow.added_at.desc()).limit(1_000))
    return [NotCalledOut.model_validate(row) for row in rows]


@router.post("/not-called", status_code=status.HTTP_204_NO_CONTENT)
async def bar(body: NotCalledIn, change: Administration) -> None:
    """Put a number on the list: its owner said so. One that is there stays as it is."""
    number = normalise(body.number, change.services.settings.site.area_code)
    await store.bar(change.session, number, reason=body.reason, by=change.actor, now=change.services.clock.now())
    await change.record("do_not_call.added", "do_not_call", after={"reason": body.reason})


@router.post(
    "/not-called/remove",
    status_code=status.HTTP_204_NO_CONTENT,
    dependencies=[roles(Role.SUPERVISOR, Role.ADMIN)],
)
async def unbar(body: NotCalledIn, change: Administration) -> None:
    """Take a number off the list, with the reason."""
    await store.unbar(change.session, normalise(body.number, change.services.settings.site.area_code))
    await change.record("do_not_call.removed", "do_not_call", after={"reason": body.reason})


@router.get("/{call_out}")
async def one(session: Transaction, call_out: CallOutId) -> CallOutOut:
    """A call out."""
    return CallOutOut.of(await store.found(session, call_out))


@router.post("/{call_out}/withdraw")
async def withdraw(session: Transaction, call_out: CallOutId, agent: CurrentAgent, services: Parts) -> CallOutOut:
    """Take back one's own, as long as no phone rings for it; 409 afterwards: then the phone is hung up."""
    row = await store.found(session, call_out)
    if row.agent != agent.work_number:
        raise NotAllowed("another agent's call")
    now = services.clock.now()
    withdrawn = await store.withdraw(session, call_out, now)
    # An item of a round is with the agent again.
    policy = await rounds.policy_of(session, services.settings)
    await round_items.call_over(session, withdrawn, policy, now)
    return CallOutOut.of(withdrawn)
