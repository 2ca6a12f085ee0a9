"""归档: a ticket's file as it was archived. It holds the citizen's data: each reading is in the audit log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson
from fastapi import APIRouter
from pydantic import BaseModel

from directory.models import Role
from ticketing.handling import archive
from web.access import roles
from web.problems import DOCUMENTED
from web.readings import Readings
from web.routes.tickets import Number

ARCHIVE_READERS = frozenset({Role.SUPERVISOR, Role.INSPECTOR, Role.AUDITOR})

router = APIRouter(
    prefix="/api/tickets", tags=["tickets"], responses=DOCUMENTED, dependencies=[roles(*ARCHIVE_READERS)]
)


class ArchiveOut(BaseModel):
    """The file, which is what `sha256` (hexadecimal) was taken of."""

    number: str
    archived_at: datetime
    sha256: str
    complete: bool
    """Whether the citizen is in it; no longer once their data are erased."""
    file: dict[str, Any]


@router.get("/{number}/archive")
async def of_a_ticket(number: Number, reading: Readings) -> ArchiveOut:
    """The archived file, checked against its hash."""
    row = await archive.of(reading.session, number)
    await reading.note("ticket.archive_read", f"ticket:{number}", {"complete": row.complete})
    return ArchiveOut(
        number=row.number,
        archived_at=row.archived_at,
        sha256=row.sha256.hex(),
        complete=row.complete,
        file=orjson.loads(row.file),
    )
