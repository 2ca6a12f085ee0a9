"""Citizens' requests to have their data erased (个人信息删除申请)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Query, status
from pydantic import BaseModel, ConfigDict

from calls import erasing as of_calls
from calls.erasing_tables import CallErasureRow
from directory.models import Role
from directory.numbers import normalise
from ticketing import erasing
from ticketing.handling.tables import PersonalErasureRow
from ticketing.schemas import WrittenNumber
from web.access import Transaction, roles
from web.administration import Administration, Reason
from web.problems import DOCUMENTED

router = APIRouter(prefix="/api/erasures", tags=["erasures"], responses=DOCUMENTED)

_ASKERS = (Role.SUPERVISOR, Role.ADMIN)


class ErasureIn(BaseModel):
    """Whose data, and how they asked for it."""

    model_config = ConfigDict(extra="forbid")

    caller_number: WrittenNumber
    reason: Reason


class ErasureOut(BaseModel):
    """A request; never whose. `done_at` is null while a ticket of theirs is not finished, `calls_done_at` while a
    promise of ours is open or a recording is held by law."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    reason: str
    asked_by: str
    asked_at: datetime
    tickets: int
    """How many were erased so far."""
    done_at: datetime | None
    calls: int
    """How many calls, promises, messages and calls out were."""
    calls_done_at: datetime | None

    @classmethod
    def of(cls, row: PersonalErasureRow, beside: CallErasureRow | None) -> Self:
        told = {name: getattr(row, name) for name in cls.model_fields if not name.startswith("calls")}
        return cls(**told, calls=beside.records if beside else 0, calls_done_at=beside.done_at if beside else None)


@router.post("", status_code=status.HTTP_202_ACCEPTED, dependencies=[roles(*_ASKERS)])
async def ask(body: ErasureIn, change: Administration) -> ErasureOut:
    """Have everything erased that finished tickets and calls of this number hold of the citizen; what is under way
    follows when it is over.

    The jobs process does it, within ten minutes.
    """
    site, at = change.services.settings.site, change.services.clock.now()
    number = normalise(body.caller_number, site.area_code)
    row = await of_calls.ask(change.session, number, body.reason, by=change.actor, at=at)
    await change.record("erasure.asked", f"erasure:{row.id}", after={"reason": body.reason})
    return ErasureOut.of(row, (await of_calls.progress(change.session, [row.id])).get(row.id))


@router.get("", dependencies=[roles(*_ASKERS, Role.AUDITOR)])
async def listed(
    session: Transaction,
    before: Annotated[int | None, Query(ge=1, lt=2**63, description="`id` of the last one of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
) -> list[ErasureOut]:
    """Requests, newest first."""
    rows = await erasing.requests(session, before=before, limit=limit)
    beside = await of_calls.progress(session, [row.id for row in rows])
    return [ErasureOut.of(row, beside.get(row.id)) for row in rows]
