"""Audit (审计): who changed what in the administration and who read which personal data (`directory.reads`), in a
chain that shows tampering.

Each row's hash covers the row and the hash before it (SHA-256). Changing, removing or inserting a row breaks every hash
after it. Cutting off the newest rows, or hashing all of them anew, leaves an intact chain, but another one than was
witnessed: each head is written down outside the database (`hotline.witness`) before whoever wrote the row is answered,
and to the log besides. PostgreSQL refuses UPDATE, DELETE and TRUNCATE of the table.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypedDict, Unpack

import orjson
import structlog
from sqlalchemy import Select, event, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from directory.models.audit import AuditRow
from hotline.errors import HotlineError
from hotline.locks import Lock, one_at_a_time
from hotline.witness import Witness

_log = structlog.get_logger(__name__)

_START = b"\x00" * 32
HEAD: Final = "head"
"""A head, among what is witnessed."""
_BATCH = 1_000


class AuditBroken(HotlineError):
    """The chain does not hold: somebody changed what is written."""

    code = "audit.broken"

    def __init__(self, seq: int, detail: str) -> None:
        super().__init__(f"{detail} at {seq}", remedy="compare with a backup of the audit log")
        self.seq = seq


@dataclass(frozen=True, slots=True)
class Head:
    """The newest row: what a log line or a note on paper fixes. `seq` 0: nothing is written yet."""

    seq: int
    hash: str


async def record(
    session: AsyncSession, *, at: datetime, actor: str, action: str, subject: str, before: Any = None, after: Any = None
) -> Head:
    """Append a row in the transaction of the change itself, so that neither is kept without the other.

    `before` and `after` are what was and what is, in any form JSON knows; dataclasses too. Writers take turns until
    their transaction ends, so this comes last in it. `subject` and the two must not hold a citizen's number in clear.
    """
    entry = AuditRow(at=at, actor=actor, action=action, subject=subject, before=plain(before), after=plain(after))
    return await append(session, [entry])


async def append(session: AsyncSession, rows: Sequence[AuditRow]) -> Head:
    """Append rows, at least one, that have all but their place in the chain. Writers take turns as in `record`."""
    await one_at_a_time(session, Lock.AUDIT)
    head = await newest(session)
    seq, last = head.seq, bytes.fromhex(head.hash) if head.seq else _START
    for row in rows:
        row.seq = seq = seq + 1
        row.hash = last = _hash(row, last)
    session.add_all(rows)
    await session.flush()
    head = Head(seq, last.hex())
    _on_commit(session, head)
    return head


def _on_commit(session: AsyncSession, head: Head) -> None:
    def note(committed: Session) -> None:
        outside: Witness | None = committed.info.get("witness")
        if outside is not None:
            outside.note(HEAD, head.seq, head.hash)
        _log.info("audit.recorded", seq=head.seq, hash=head.hash)

    # Only what is kept is a head: one that was rolled back would look like a row cut off.
    event.listen(session.sync_session, "after_commit", note, once=True)


async def witness(session: AsyncSession) -> Head:
    """Have the present head written down outside the database; the head."""
    head = await newest(session)
    if head.seq:
        _on_commit(session, head)
    return head


async def newest(session: AsyncSession) -> Head:
    """The head as it is now."""
    query = select(AuditRow.seq, AuditRow.hash).order_by(AuditRow.seq.desc()).limit(1)
    found = (await session.execute(query)).one_or_none()
    return Head(found.seq, found.hash.hex()) if found else Head(0, "")


_SHORT: Final = timedelta(days=31)
"""What of the log is sorted for an answer."""


class Sought(TypedDict, total=False):
    """Which rows; an empty text is whatever it is."""

    subject: str
    """Of this one, or of all whose subject begins with it and a colon."""
    actor: str
    action: str
    """Of this one, or of all that begin with it and a dot."""
    start: datetime | None
    end: datetime | None
    """From `start` until before `end`."""


def sought(**wanted: Unpack[Sought]) -> Select[AuditRow]:
    """The rows of the log that are wanted, newest first."""
    start, end = wanted.get("start"), wanted.get("end")
    short = start is not None and end is not None and end - start <= _SHORT
    # Of a short time an order that no index has: PostgreSQL would else walk the log from its newest row down to that
    # time, for it does not know that rows lie in the order of time.
    query = select(AuditRow).order_by((AuditRow.seq + 0 if short else AuditRow.seq).desc())
    if subject := wanted.get("subject"):
        query = query.where((AuditRow.subject == subject) | AuditRow.subject.startswith(subject + ":", autoescape=True))
    if actor := wanted.get("actor"):
        query = query.where(AuditRow.actor == actor)
    if action := wanted.get("action"):
        query = query.where((AuditRow.action == action) | AuditRow.action.startswith(action + ".", autoescape=True))
    if start is not None:
        query = query.where(AuditRow.at >= start)
    if end is not None:
        query = query.where(AuditRow.at < end)
    return query


async def entries(
    session: AsyncSession, *, before_seq: int | None = None, limit: int = 100, **wanted: Unpack[Sought]
) -> list[AuditRow]:
    """The newest of what is wanted, before `before_seq` if that is given."""
    query = sought(**wanted).limit(limit)
    if before_seq is not None:
        query = query.where(AuditRow.seq < before_seq)
    return list(await session.scalars(query))


async def verify(session: AsyncSession, *, noted: Head | None = None) -> Head:
    """Go through the whole chain; returns its head. Raises AuditBroken with the first row that does not fit.

    `noted` is a head that was written down elsewhere: it must still be in the chain, as it was.
    """
    seq, last = 0, _START
    found = noted is None or noted.seq == 0
    while rows := list(
        await session.scalars(
            select(AuditRow)
            .where(AuditRow.seq > seq)
            .order_by(AuditRow.seq)
            .limit(_BATCH)
            .execution_options(populate_existing=True)
        )
    ):
        for row in rows:
            if row.seq != seq + 1:
                raise AuditBroken(seq + 1, "a row is missing")
            if row.hash != _hash(row, last):
                raise AuditBroken(row.seq, "a row is not what was written")
            seq, last = row.seq, row.hash
            if noted is not None and noted.seq == seq:
                if noted.hash != last.hex():
                    raise AuditBroken(seq, "another row stands where one was noted")
                found = True
            session.expunge(row)
    if not found and noted is not None:
        raise AuditBroken(noted.seq, "the newest rows are missing: one was noted")
    return Head(seq, last.hex() if seq else "")


def plain(value: Any) -> Any:
    """As JSON gives it back: what is hashed must be what is stored."""
    return orjson.loads(orjson.dumps(value, default=_frozen, option=orjson.OPT_NON_STR_KEYS))


def _frozen(value: Any) -> Any:
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _hash(row: AuditRow, last: bytes) -> bytes:
    told = [row.seq, row.at.astimezone(UTC).isoformat(), row.actor, row.action, row.subject, row.before, row.after]
    if row.read_id is not None:
        told.append(row.read_id)
    return hashlib.sha256(last + orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).digest()
