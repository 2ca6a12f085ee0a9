"""The audit log (审计日志): who changed what in the administration, and whether the chain holds."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from directory import audit, witnessed
from directory.audit import AuditBroken, Head
from directory.models import Role
from directory.witnessed import NotWitnessed
from hotline.witness import WitnessBroken
from web.access import Parts, Transaction, roles
from web.paging import Paged
from web.problems import DOCUMENTED

router = APIRouter(
    prefix="/api/audit", tags=["audit"], responses=DOCUMENTED, dependencies=[roles(Role.AUDITOR, Role.ADMIN)]
)

_SEQ = {"ge": 0, "lt": 2**63}


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


@router.get("")
async def entries(
    session: Transaction,
    subject: Annotated[str, Query(max_length=96, description="`queue:night`, or `queue` for all of them.")] = "",
    actor: Annotated[str, Query(max_length=32)] = "",
    before: Annotated[int | None, Query(**_SEQ)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    *,
    pages: Paged,
) -> Entries:
    """Changes of one subject or person, or of all."""
    read = await audit.entries(session, subject=subject, actor=actor, before_seq=before, limit=limit + 1)
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
