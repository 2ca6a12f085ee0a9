"""Callbacks (回拨): what citizens were promised, and what a supervisor does about it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from calls import callback_store as store
from calls.callback_models import CallbackAttemptRow, CallbackRow
from calls.callback_states import CallbackKind, CallbackState
from directory.models import Role
from web.access import roles
from web.administration import Administration
from web.paging import ByKeyset
from web.problems import DOCUMENTED
from web.readings import Readings

router = APIRouter(
    prefix="/api/callbacks",
    tags=["callbacks"],
    responses=DOCUMENTED,
    dependencies=[roles(Role.SUPERVISOR, Role.ADMIN)],
)

CallbackId = Annotated[int, Path(ge=1, lt=2**63)]


class CallbackOut(BaseModel):
    """A promise. `outcome` is the last attempt's while it is open, the whole's once it is closed; `next_at` counts
    while it is `open`; `agent` is who was on the line with the citizen, or tried to be."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    kind: CallbackKind
    state: CallbackState
    caller: str
    line: str
    dialled: str | None
    queue: str
    call_id: str
    requested_at: datetime
    next_at: datetime
    attempts: int
    outcome: str | None
    agent: str | None
    owner: str | None
    closed_at: datetime | None
    closed_by: str | None


class AttemptOut(BaseModel):
    """The citizen was dialled. `call_id` is where the journal tells of it."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    call_id: str
    agent: str
    dialled_at: datetime
    outcome: str | None


class CallbackStoryOut(CallbackOut):
    """A promise with its attempts, first one first."""

    tried: list[AttemptOut] = []


@router.get("")
async def listed(
    reading: Readings,
    closed: Annotated[bool, Query(description="Those that are kept, given up or cancelled, instead.")] = False,
    kind: CallbackKind | None = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
    *,
    pages: ByKeyset,
) -> list[CallbackOut]:
    """Open ones in the order in which they are due; closed ones newest first."""
    query = select(CallbackRow)
    if kind is not None:
        query = query.where(CallbackRow.kind == kind)
    if closed:
        query, order = query.where(CallbackRow.closed_at.is_not(None)), CallbackRow.closed_at
    else:
        query, order = query.where(CallbackRow.closed_at.is_(None)), CallbackRow.next_at
    rows = await pages.rows(reading.session, query, order, CallbackRow.id, limit=limit, newest=closed)
    await reading.listed("callbacks", (row.caller for row in rows))
    return [CallbackOut.model_validate(row) for row in rows]


@router.get("/{callback}")
async def one(reading: Readings, callback: CallbackId) -> CallbackStoryOut:
    """A promise and every attempt to keep it."""
    row = await store.found(reading.session, callback)
    await reading.listed(f"callback:{callback}", [row.caller])
    tried = await reading.session.scalars(
        select(CallbackAttemptRow).where(CallbackAttemptRow.callback_id == callback).order_by(CallbackAttemptRow.number)
    )
    told = CallbackOut.model_validate(row)
    return CallbackStoryOut(**told.model_dump(), tried=[AttemptOut.model_validate(attempt) for attempt in tried])


@router.post("/{callback}/cancel")
async def cancel(callback: CallbackId, change: Administration) -> CallbackOut:
    """Take a promise back; whoever is called for it now is not dialled any more. 409 once the talk has begun."""
    row = await store.cancel(change.session, callback, by=change.actor, now=change.services.clock.now())
    await change.record("callback.cancelled", f"callback:{callback}")
    return CallbackOut.model_validate(row)


@router.post("/{callback}/now")
async def do_now(callback: CallbackId, change: Administration) -> CallbackOut:
    """Ask for an agent at once, whatever spacing and quiet hours say. 409 unless it is open."""
    row = await store.do_now(change.session, callback, now=change.services.clock.now())
    await change.record("callback.now", f"callback:{callback}")
    return CallbackOut.model_validate(row)
