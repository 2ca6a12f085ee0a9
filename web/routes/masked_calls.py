"""隐号通话: a unit's handler calls the citizen of a ticket by way of 12345, and sees no number of theirs (TH 17)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, status
from pydantic import BaseModel, ConfigDict, Field

from calls import masked_calls
from calls.call_out_models import CallOutRow
from calls.call_out_policy import OutPolicy
from calls.call_out_states import CallOutState, NotPlaced, PartyOutcome
from calls.callback_ids import call_out_id
from ticketing import repository
from ticketing.people import UNIT
from web.access import CurrentActor, Parts, Transaction, roles
from web.administration import Administration
from web.problems import DOCUMENTED
from web.routes.tickets import OF_THE_CENTRE, READERS, Number, check_reader

router = APIRouter(prefix="/api", tags=["tickets"], responses=DOCUMENTED)

_STATES = {
    CallOutState.REQUESTED: "等待呼叫",
    CallOutState.PLACING: "正在呼叫办公电话",
    CallOutState.DIALLED: "正在呼叫诉求人",
    CallOutState.TALKING: "通话中",
    CallOutState.ENDED: "已结束",
    CallOutState.NOT_PLACED: "未呼出",
}
_OUTCOMES = {
    PartyOutcome.ANSWERED: "已接通",
    PartyOutcome.BUSY: "诉求人忙",
    PartyOutcome.NO_ANSWER: "诉求人无人接听",
    PartyOutcome.REJECTED: "诉求人拒接",
    PartyOutcome.UNALLOCATED: "号码为空号",
    PartyOutcome.POWERED_OFF: "诉求人关机",
    PartyOutcome.FAILED: "线路故障，未能呼通",
    PartyOutcome.AGENT_LEFT: "办公电话先挂机",
    PartyOutcome.LOST: "通话结果不明",
    NotPlaced.AGENT_NO_ANSWER: "办公电话无人接听",
    NotPlaced.NOT_ALLOWED: "防打扰限制，未呼叫诉求人",
    NotPlaced.EXPIRED: "系统未及时呼出，请重试",
    NotPlaced.UNAVAILABLE: "系统故障，未能呼出",
}


class MaskedCallIn(BaseModel):
    """Which phone of the own unit is called first."""

    model_config = ConfigDict(extra="forbid")

    contact: Annotated[int, Field(ge=1, lt=2**63, description="One of `GET /api/unit-phones`.")]


class UnitPhoneOut(BaseModel):
    """An office phone of the own unit."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    duty: str
    number: str


class MaskedCallOut(BaseModel):
    """A masked call, without any number of the citizen's. `call` goes into the contact that is written down of it."""

    id: int
    call: str
    unit_id: int
    asked_by: str
    state: CallOutState
    state_term: str
    requested_at: datetime
    dialled_at: datetime | None
    talk_ms: int | None
    outcome: str | None
    outcome_term: str
    closed_at: datetime | None

    @classmethod
    def of(cls, row: CallOutRow) -> Self:
        """A call as people of the unit see it."""
        computed = {"call", "state_term", "outcome_term"}
        told = {name: getattr(row, name) for name in cls.model_fields if name not in computed}
        terms: dict[str, str] = {word.value: term for word, term in _OUTCOMES.items()}
        return cls(
            **told,
            call=call_out_id(row.id),
            state_term=_STATES[CallOutState(row.state)],
            outcome_term=terms.get(row.outcome or "", ""),
        )


@router.get("/unit-phones", dependencies=[roles(*UNIT)])
async def phones(actor: CurrentActor, session: Transaction) -> list[UnitPhoneOut]:
    """The office phones of the asker's own unit, as the directory has them."""
    if actor.unit_id is None:
        return []
    return [UnitPhoneOut.model_validate(row) for row in await masked_calls.phones(session, actor.unit_id)]


@router.post("/tickets/{number}/masked-calls", status_code=status.HTTP_201_CREATED, dependencies=[roles(*UNIT)])
async def ask(
    number: Number, body: MaskedCallIn, actor: CurrentActor, change: Administration, services: Parts
) -> MaskedCallOut:
    """The office phone rings, then the citizen's; both see 12345. For a unit that has signed for the ticket. 409 with
    `call_out.not_allowed` when the limits against nuisance forbid it: its `remedy` says until when."""
    await check_reader(change.session, await repository.row(change.session, number), actor)
    row = await masked_calls.request(
        change.session,
        number,
        body.contact,
        actor,
        directory=services.directory.snapshot,
        keys=services.settings.calls_out,
        policy=OutPolicy.of(services.settings),
        now=services.clock.now(),
    )
    await change.record("masked_call.requested", f"ticket:{number}", after={"call_out": row.id, "unit": row.unit_id})
    return MaskedCallOut.of(row)


@router.get("/tickets/{number}/masked-calls", dependencies=[roles(*READERS)])
async def of_ticket(number: Number, actor: CurrentActor, session: Transaction) -> list[MaskedCallOut]:
    """Masked calls about a ticket, newest first; people of a unit see their own unit's."""
    await check_reader(session, await repository.row(session, number), actor)
    own = None if actor.roles & OF_THE_CENTRE else actor.unit_id
    return [MaskedCallOut.of(row) for row in await masked_calls.of_ticket(session, number, unit_id=own)]
