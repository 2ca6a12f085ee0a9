"""The audit log (审计日志): who changed what in the administration, and whether the chain holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

import orjson
from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict

from calls.figure_sheets import as_csv, plain_cell
from directory import audit, witnessed
from directory.audit import AuditBroken, Head
from directory.models import Role
from directory.models.audit import AuditRow
from directory.witnessed import NotWitnessed
from hotline.errors import InvalidInput
from hotline.witness import WitnessBroken
from ticketing.schemas import Moment
from web.access import Parts, Transaction, roles
from web.administration import Administration
from web.paging import Paged
from web.problems import DOCUMENTED

router = APIRouter(
    prefix="/api/audit", tags=["audit"], responses=DOCUMENTED, dependencies=[roles(Role.AUDITOR, Role.ADMIN)]
)

_SEQ = {"ge": 0, "lt": 2**63}
TAKEN_AT_MOST: Final = 20_000
"""Rows of a table that is taken out of the house: what one answer still holds."""


class TooManyRows(InvalidInput):
    """More rows than a table has."""

    code = "audit.too_many_rows"


class EntryOut(BaseModel):
    """One change: from `before` to `after`."""

    model_config = ConfigDict(from_attributes=True)

    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    before: Any
    after: Any
    hash: str


class Entries(BaseModel):
    """Newest first. `next` goes on from here with `before`; None: these are the oldest."""

    entries: list[EntryOut]
    next: int | None


class Verdict(BaseModel):
    """Whether the log holds, up to the newest row; else where it breaks first, and how.

    Rows up to `witnessed` are as this host wrote them down outside the database; so many readings are `pending` before
    they come into the chain.
    """

    intact: bool
    seq: int
    hash: str
    witnessed: int = 0
    pending: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Sought:
    """Which rows; an empty text is whatever it is."""

    subject: str
    actor: str
    action: str
    start: datetime | None
    end: datetime | None


def _sought(
    subject: Annotated[str, Query(max_length=96, description="`queue:night`, or `queue` for all of them.")] = "",
    actor: Annotated[str, Query(max_length=32)] = "",
    action: Annotated[str, Query(max_length=48, description="`queue.saved`, or `queue` for whatever was done.")] = "",
    start: Annotated[Moment | None, Query(alias="from", description="Written then or later.")] = None,
    end: Annotated[Moment | None, Query(alias="to", description="Written before.")] = None,
) -> Sought:
    return Sought(subject, actor, action, start, end)


Wanted = Annotated[Sought, Depends(_sought)]


@router.get("")
async def entries(
    session: Transaction,
    wanted: Wanted,
    before: Annotated[int | None, Query(**_SEQ)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    *,
    pages: Paged,
) -> Entries:
    """Changes of one subject, person or kind, of a time, or all."""
    read = await audit.entries(session, **asdict(wanted), before_seq=before, limit=limit + 1)
    rows = pages.shown(read, limit, before=lambda row: row.seq)
    found = [
        EntryOut(
            seq=row.seq,
            at=row.at,
            actor=row.actor,
            action=row.action,
            subject=row.subject,
            before=row.before,
            after=row.after,
            hash=row.hash.hex(),
        )
        for row in rows
    ]
    return Entries(entries=found, next=found[-1].seq if len(read) > limit else None)


@router.get(
    "/entries.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}}},
    dependencies=[roles(Role.AUDITOR)],
)
async def entries_csv(session: Transaction, services: Parts, wanted: Wanted, who: Administration) -> Response:
    """The same as a table, moments in the city's zone. Who takes it out of the house is audited. Raises
    TooManyRows."""
    rows = await audit.entries(session, **asdict(wanted), limit=TAKEN_AT_MOST + 1)
    if len(rows) > TAKEN_AT_MOST:
        raise TooManyRows(f"more than {TAKEN_AT_MOST}", remedy="ask for a shorter time")
    zone = ZoneInfo(services.settings.site.timezone)
    table = [
        ["序号", "时间", "人员", "动作", "对象", "变更前", "变更后", "校验值"],
        *(_line(row, zone) for row in rows),
    ]
    told = {"subject": wanted.subject, "actor": wanted.actor, "action": wanted.action, "rows": len(rows)}
    await who.record("audit.exported", "audit", None, told | {"from": wanted.start, "to": wanted.end})
    return Response(
        as_csv(table),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="audit.csv"'},
    )


def _line(row: AuditRow, zone: ZoneInfo) -> list[str]:
    told = ["" if part is None else orjson.dumps(part).decode() for part in (row.before, row.after)]
    words = [row.actor, row.action, row.subject, *told]
    return [str(row.seq), f"{row.at.astimezone(zone):%Y-%m-%d %H:%M:%S}", *map(plain_cell, words), row.hash.hex()]


@router.get("/verify")
async def verify(
    session: Transaction,
    services: Parts,
    seq: Annotated[int | None, Query(**_SEQ, description="A head noted elsewhere, as the logs have it.")] = None,
    hash: Annotated[str, Query(max_length=64, pattern="^[0-9a-f]*$")] = "",
) -> Verdict:
    """Go through the whole chain, and compare it with what this host has written down of it."""
    try:
        found = await witnessed.verify(session, services.witness, noted=None if seq is None else Head(seq, hash))
    except AuditBroken as broken:
        return Verdict(intact=False, seq=broken.seq, hash="", why=str(broken))
    except (NotWitnessed, WitnessBroken) as broken:
        return Verdict(intact=False, seq=0, hash="", why=broken.code)
    return Verdict(
        intact=True,
        seq=found.head.seq,
        hash=found.head.hash,
        witnessed=found.witnessed,
        pending=found.pending,
    )
