"""Readings of personal data (个人信息查阅): each is one row of the audit log, whose chain it does not wait for.

The row of `directory.audit` is written under a lock that all writers of the site share, and a city's agents open
tickets all day. So a reading is first a pending row, in the transaction that reads, and witnessed outside the database
by number and hash before anything is given out; the jobs process brings pending rows into the chain, in order and many
at a time. One that is changed or gone before that differs from what was witnessed, as one in the chain does.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any, Final

import orjson
import structlog
from sqlalchemy import delete, event, insert, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from directory import audit
from directory.models.audit import AuditRow, PendingReadRow
from hotline.database import Database
from hotline.tasks import through_outages
from hotline.witness import Witness

_log = structlog.get_logger(__name__)

READ: Final = "read"
"""A reading, among what is witnessed."""
_BATCH: Final = 500
_PAUSE_SECONDS: Final = 2.0


async def note(session: AsyncSession, *, at: datetime, actor: str, action: str, subject: str, why: Any = None) -> int:
    """Write a reading down in the transaction that reads; its number. `why`: the reason, what was asked for.

    `action` is as `ticket.unmasked`. Neither `subject` nor `why` may hold a citizen's number in clear.
    """
    told = audit.plain(why)
    values = {"at": at, "actor": actor, "action": action, "subject": subject, "why": told}
    number = (await session.execute(insert(PendingReadRow).values(**values).returning(PendingReadRow.id))).scalar_one()
    digest = _digest(number, at, actor, action, subject, told)

    def witnessed(committed: Session) -> None:
        witness: Witness | None = committed.info.get("witness")
        if witness is not None:
            witness.note(READ, number, digest)

    event.listen(session.sync_session, "after_commit", witnessed, once=True)
    return number


def digest_of(row: AuditRow | PendingReadRow) -> str:
    """What a reading was witnessed by, wherever it is now."""
    if isinstance(row, PendingReadRow):
        return _digest(row.id, row.at, row.actor, row.action, row.subject, row.why)
    return _digest(row.read_id, row.at, row.actor, row.action, row.subject, row.after)


def _digest(*told: Any) -> str:
    number, at, *rest = told
    form = [number, at.astimezone(UTC).isoformat(), *rest]
    return hashlib.sha256(orjson.dumps(form, option=orjson.OPT_SORT_KEYS)).hexdigest()


async def chain(session: AsyncSession, *, limit: int = _BATCH) -> int:
    """Bring pending readings into the chain, oldest first; how many."""
    wanted = select(PendingReadRow).order_by(PendingReadRow.id).limit(limit).with_for_update(skip_locked=True)
    pending = (await session.scalars(wanted)).all()
    if not pending:
        return 0
    rows = [
        AuditRow(
            at=row.at,
            actor=row.actor,
            action=row.action,
            subject=row.subject,
            before=None,
            after=row.why,
            read_id=row.id,
        )
        for row in pending
    ]
    await audit.append(session, rows)
    await session.execute(delete(PendingReadRow).where(PendingReadRow.id.in_([row.id for row in pending])))
    return len(rows)


class ReadKeeper:
    """Brings readings into the chain, in the jobs process. Any number of processes may."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def run(self) -> None:
        """Look every second until cancelled, through outages of the database and of the witness's disk."""
        await through_outages(self.step, every=_PAUSE_SECONDS, waits="reads.wait")

    async def step(self) -> int:
        """All that are pending; how many."""
        chained = 0
        while True:
            async with self._database.transaction() as session:
                some = await chain(session)
            chained += some
            if some < _BATCH:
                break
        if chained:
            _log.info("reads.chained", readings=chained)
        return chained
