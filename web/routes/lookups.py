"""Look-ups in departments' own systems (部门查询), from the agent desk. Every asking is in the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field

from calls.lookups import Because, LookupDesk
from ticketing.schemas import CallId
from web.access import CurrentSession, SignedInBefore, seat_of
from web.problems import DOCUMENTED

router = APIRouter(prefix="/api/lookups", tags=["lookups"], responses=DOCUMENTED)

Code = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
_Number = Annotated[str, Field(pattern=r"^[A-Z0-9]{1,40}$")]


class FieldOut(BaseModel):
    """What is typed for a look-up."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    label: str
    hint: str
    longest: int


class LookupOut(BaseModel):
    """A question that may be asked."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    name: str
    department: str
    fields: list[FieldOut]


class AskIn(BaseModel):
    """What is asked, and why: a call or a ticket, one of the two."""

    model_config = ConfigDict(extra="forbid")

    fields: dict[Annotated[str, Field(max_length=32)], Annotated[str, Field(max_length=400)]] = Field(max_length=12)
    call: CallId | None = Field(None, description="A call that is or just was the agent's.")
    ticket: _Number | None = Field(None, description="Number of an open ticket (工单号).")


class ShownOut(BaseModel):
    """A value of the answer; null: the answer does not have it."""

    model_config = ConfigDict(from_attributes=True)

    label: str
    value: str | None


class LookedOut(BaseModel):
    """What came of it; no fields: nothing was found (查无记录). `id` names it in the audit log."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    at: datetime
    fields: list[ShownOut]


def _desk(request: Request) -> LookupDesk:
    desk: LookupDesk = request.app.state.lookups
    return desk


@router.get("")
async def listed(signed_in: CurrentSession, request: Request) -> list[LookupOut]:
    """What the agent may ask."""
    seat_of(signed_in)
    return [LookupOut.model_validate(query) for query in _desk(request).open_to(signed_in.person)]


@router.post("/{code}")
async def ask(code: Code, body: AskIn, signed_in: SignedInBefore, request: Request) -> LookedOut:
    """Ask the department. Answered when it has answered: no transaction is open meanwhile."""
    seat_of(signed_in)
    looked = await _desk(request).ask(code, body.fields, Because(body.call, body.ticket), signed_in.person)
    return LookedOut.model_validate(looked)
