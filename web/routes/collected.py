"""归集: branches and departments push their own calls and tickets, signed; the centre finds and counts them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from directory.models import Role
from directory.models.targets import PARTNER_CODE
from directory.numbers import normalise
from hotline.errors import InvalidInput
from hotline.signing import BadSignature
from ticketing.collected import collecting, finding
from ticketing.collected.collecting import Sender
from ticketing.collected.records import Push
from ticketing.collected.words import RecordKind, Taken
from ticketing.schemas import Moment
from web.access import Parts, Transaction, roles
from web.administration import Administration
from web.paging import Paged
from web.problems import DOCUMENTED
from web.signed import described, signed_request, where_wrong

router = APIRouter(prefix="/api/collected", tags=["collected"], responses=DOCUMENTED)

_READERS = (Role.SUPERVISOR, Role.DISPATCHER, Role.INSPECTOR, Role.AUDITOR, Role.ADMIN)


class PushInvalid(InvalidInput):
    """What was pushed does not have the form of records. Nothing of it was kept."""

    code = "collected.invalid"


class OutcomeOut(BaseModel):
    """What became of a record."""

    model_config = ConfigDict(from_attributes=True)

    kind: RecordKind
    number: str
    taken: Taken
    version: int
    """The one that counts now."""


class PushOut(BaseModel):
    """What became of a push, in its order."""

    outcomes: list[OutcomeOut]


class CollectedOut(BaseModel):
    """A record as its last version says; who called is not in a list."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    partner: str
    kind: RecordKind
    number: str
    version: int
    unit_id: int | None
    began_at: datetime
    ended_at: datetime | None
    type: str
    state: str
    area_code: str
    category: str
    received_at: datetime


class FormerOut(BaseModel):
    """What a record said before."""

    version: int
    received_at: datetime
    replaced_at: datetime
    said: dict[str, Any]


class CollectedFileOut(CollectedOut):
    """A record with all that was said, and its history, oldest first."""

    said: dict[str, Any]
    former: list[FormerOut]


class CollectedCountOut(BaseModel):
    """How many records of one sender, unit, kind, type and state."""

    model_config = ConfigDict(from_attributes=True)

    partner: str
    unit_id: int | None
    kind: RecordKind
    type: str
    state: str
    records: int


class CollectedQuery(BaseModel):
    """Which records; what is not given does not narrow."""

    model_config = ConfigDict(extra="forbid")

    kind: RecordKind | None = None
    partner: str | None = Field(None, pattern=f"^{PARTNER_CODE}$")
    unit_id: int | None = Field(None, ge=1, lt=2**63)
    type: str | None = Field(None, max_length=16, pattern=r"^[a-z_]+$")
    state: str | None = Field(None, max_length=16, pattern=r"^[a-z_]+$")
    since: Moment | None = Field(None, description="Began from here on.")
    before: Moment | None = Field(None, description="Began before.")
    caller_number: str | None = Field(None, max_length=64, description="In any form.")
    q: str = Field("", max_length=60, pattern=r"^[^\x00]*$", description="Words, each to be found as it stands.")


class CollectedListQuery(CollectedQuery):
    """The same, and which page."""

    below: int | None = Field(None, ge=1, lt=2**63, description="Ids below this one: for the next page.")
    limit: int = Field(50, ge=1, le=200)


@router.post("/push", openapi_extra=described(Push))
async def push(request: Request, services: Parts) -> PushOut:
    """Take a platform's records. Signed with the platform's key; each record is known by its own number and version, so
    a push may be repeated, come late or out of order."""
    signed = await signed_request(request, services, services.partner_keys)
    directory = services.directory.snapshot
    partner = directory.partner(signed.sender)
    if partner is None:
        raise BadSignature("the signature does not fit")
    try:
        sent = Push.model_validate_json(signed.body)
    except ValidationError as error:
        raise PushInvalid(where_wrong(error)) from None
    line = directory.line(partner.line) if partner.line else None
    sender = Sender(partner.code, line.unit_id if line else None)
    async with services.database.transaction() as session:
        outcomes = await collecting.take(
            session, sender, sent.records, area_code=directory.area_code, now=services.clock.now()
        )
    return PushOut(outcomes=[OutcomeOut.model_validate(one) for one in outcomes])


@router.get("", dependencies=[roles(*_READERS)])
async def listed(
    query: Annotated[CollectedListQuery, Query()],
    session: Transaction,
    services: Parts,
    pages: Paged,
) -> list[CollectedOut]:
    """Records, the last collected first."""
    filters = _filters(query, services.settings.site.area_code)
    rows = await finding.newest(session, filters, below=query.below, limit=query.limit)
    shown = pages.shown(rows, query.limit, below=lambda row: row.id)
    return [CollectedOut.model_validate(row) for row in shown]


@router.get("/counts", dependencies=[roles(*_READERS)])
async def counts(
    query: Annotated[CollectedQuery, Query()], session: Transaction, services: Parts
) -> list[CollectedCountOut]:
    """How many records there are, by sender, unit, kind, type and state."""
    found = await finding.counts(session, _filters(query, services.settings.site.area_code))
    return [CollectedCountOut.model_validate(one) for one in found]


@router.get("/{record}", dependencies=[roles(*_READERS)])
async def one(record: Annotated[int, Path(ge=1, lt=2**63)], change: Administration) -> CollectedFileOut:
    """A record with what it said before. It names a citizen: the reading is in the audit log."""
    row, former = await finding.one(change.session, record)
    await change.record("collected.read", f"collected:{record}")
    return CollectedFileOut(
        **CollectedOut.model_validate(row).model_dump(),
        said=orjson.loads(row.said),
        former=[
            FormerOut(
                version=one.version,
                received_at=one.received_at,
                replaced_at=one.replaced_at,
                said=orjson.loads(one.said),
            )
            for one in former
        ],
    )


def _filters(query: CollectedQuery, area_code: str) -> finding.Filters:
    return finding.Filters(
        kind=query.kind,
        partner=query.partner,
        unit_id=query.unit_id,
        type=query.type,
        state=query.state,
        since=query.since,
        before=query.before,
        caller=None if query.caller_number is None else normalise(query.caller_number, area_code),
        words=query.q,
    )
