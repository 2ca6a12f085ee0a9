"""Data that go with calls (数据随话务): taken from other platforms, and what became of ours.

A platform signs what it sends with its key (`calls.handover_signature` says how) instead of signing in. Repeats under
the same id get the first one's answer.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, status
from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import select

from calls import handover_store
from calls.handover_intake import HandoverIn, Received, receive
from calls.handover_models import HandoverRow, HandoverState, ReceivedHandoverRow
from calls.handover_signature import ID, SENDER, SIGNATURE, TIMESTAMP, BadSignature, claimed, verify
from directory.models import Role
from hotline.errors import InvalidInput
from web.access import Parts, Transaction, roles
from web.administration import Administration
from web.paging import ByKeyset
from web.problems import DOCUMENTED
from web.routes.tickets import desk_of

_ARRIVALS = (ReceivedHandoverRow.received_at, ReceivedHandoverRow.partner, ReceivedHandoverRow.partner_id)

router = APIRouter(prefix="/api/handovers", tags=["handovers"], responses=DOCUMENTED)

_READERS = (Role.SUPERVISOR, Role.AUDITOR, Role.ADMIN)
_HEADERS = [
    {"name": name, "in": "header", "required": True, "schema": {"type": "string"}}
    for name in (SENDER, TIMESTAMP, ID, SIGNATURE)
]

HandoverId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")]


class InvalidHandover(InvalidInput):
    """What was sent does not have the form of a hand-over."""

    code = "handover.invalid"


class ReceivedOut(BaseModel):
    """The answer to a hand-over, the same for every repeat."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    ticket: str
    """Number of the ticket it became (工单号)."""
    received_at: datetime


class HandoverOut(BaseModel):
    """Data that went with a call, or are on their way. What they say of the citizen is in the ticket."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    partner: str
    call_id: str
    target: str
    agent: str | None
    ordered_at: datetime
    state: HandoverState
    attempts: int
    next_at: datetime
    """Counts while it is `pending`."""
    closed_at: datetime | None
    why: str
    """What was in the way last."""


class ArrivedOut(BaseModel):
    """What a platform sent us, and the ticket and the call that belong to it."""

    model_config = ConfigDict(from_attributes=True)

    partner: str
    partner_id: str
    case_number: str
    received_at: datetime
    ticket: str
    call_id: str | None


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    response_model=ReceivedOut,
    openapi_extra={
        "parameters": _HEADERS,
        "requestBody": {"required": True, "content": {"application/json": {"schema": HandoverIn.model_json_schema()}}},
    },
)
async def take(request: Request, session: Transaction, services: Parts) -> Received:
    """A platform sends what goes with a call it transfers to us: it becomes a ticket. Signed; a repeat is welcome."""
    body = await request.body()
    signed = claimed(request.headers)
    keys = services.partner_keys.of(signed.sender)
    now = services.clock.now()
    verify(
        keys,
        signed,
        request.headers.get(SIGNATURE, ""),
        body,
        now=now.timestamp(),
        window_seconds=services.settings.handovers.window_seconds,
    )
    directory = services.directory.snapshot
    partner = directory.partner(signed.sender)
    if partner is None:
        raise BadSignature("the signature does not fit")
    try:
        sent = HandoverIn.model_validate_json(body)
    except ValidationError as error:
        # Where, and never what: it is somebody's demand.
        where = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['type']}" for one in error.errors()[:10])
        raise InvalidHandover(where) from None
    return await receive(session, desk_of(services), directory, partner, partner_id=signed.id, sent=sent, now=now)


@router.get("", dependencies=[roles(*_READERS)])
async def sent(
    session: Transaction,
    state: HandoverState | None = None,
    partner: Annotated[str | None, Query(max_length=24)] = None,
    call: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
    *,
    pages: ByKeyset,
) -> list[HandoverOut]:
    """What we sent or are to send, newest first."""
    query = select(HandoverRow)
    for column, value in ((HandoverRow.state, state), (HandoverRow.partner, partner), (HandoverRow.call_id, call)):
        if value is not None:
            query = query.where(column == value)
    rows = await pages.rows(session, query, HandoverRow.ordered_at, HandoverRow.id, limit=limit)
    return [HandoverOut.model_validate(row) for row in rows]


@router.get("/received", dependencies=[roles(*_READERS)])
async def arrived(
    session: Transaction,
    partner: Annotated[str | None, Query(max_length=24)] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
    *,
    pages: ByKeyset,
) -> list[ArrivedOut]:
    """What platforms sent us, newest first."""
    query = select(ReceivedHandoverRow)
    if partner is not None:
        query = query.where(ReceivedHandoverRow.partner == partner)
    rows = await pages.rows(session, query, *_ARRIVALS, limit=limit)
    return [ArrivedOut.model_validate(row) for row in rows]


@router.post("/{handover}/now", dependencies=[roles(Role.SUPERVISOR, Role.ADMIN)])
async def try_now(handover: HandoverId, change: Administration) -> HandoverOut:
    """Send it at once; one that was given up begins anew. 409 once it is delivered."""
    row = await handover_store.try_now(change.session, handover, now=change.services.clock.now())
    await change.record("handover.now", f"handover:{handover}")
    return HandoverOut.model_validate(row)
