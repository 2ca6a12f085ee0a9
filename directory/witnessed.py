"""Whether the audit log is what was witnessed outside the database, row by row."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from directory import audit, reads
from directory.audit import AuditBroken, Head
from directory.models.audit import AuditRow, PendingReadRow
from hotline.errors import HotlineError
from hotline.witness import Seen, Witness

_BATCH: Final = 1_000


class NotWitnessed(HotlineError):
    """Nothing of the audit log was witnessed on this host, or its file is gone."""

    code = "audit.not_witnessed"


class ReadingBroken(AuditBroken):
    """A reading of personal data is not what was witnessed, or gone. `seq` is its number among readings."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """An intact log. Rows after `witnessed` (0: none) are known by the chain alone; `pending` readings come into it."""

    head: Head
    witnessed: int
    pending: int


async def verify(session: AsyncSession, witness: Witness, *, noted: Head | None = None) -> Verdict:
    """Look at the whole chain, and at every row that this host has witnessed.

    Raises AuditBroken with the first row that is not what was written, ReadingBroken with the first reading;
    WitnessBroken if the witness's file was changed, NotWitnessed if there is none though there are rows. `noted` is as
    for `audit.verify`.
    """
    head = await audit.verify(session, noted=noted)
    lines = _lines(witness)
    last = 0
    # Whatever is in the file was committed before: each question sees it.
    while some := await asyncio.to_thread(lambda: list(islice(lines, _BATCH))):
        last = max(last, await _heads(session, [one for one in some if one.kind == audit.HEAD]))
        await _readings(session, [one for one in some if one.kind == reads.READ])
    if head.seq and not last:
        raise NotWitnessed(f"{witness.path} tells of no row", remedy="hotline audit witness begins one")
    pending = await session.scalar(select(func.count()).select_from(PendingReadRow))
    return Verdict(head, last, pending or 0)


def _lines(witness: Witness) -> Iterator[Seen]:
    try:
        yield from witness.lines()
    except FileNotFoundError:
        return


async def _heads(session: AsyncSession, seen: Sequence[Seen]) -> int:
    """The newest of these. Raises AuditBroken."""
    if not seen:
        return 0
    found = select(AuditRow.seq, AuditRow.hash).where(AuditRow.seq.in_([one.number for one in seen]))
    hashes = {seq: hash_.hex() for seq, hash_ in await session.execute(found)}
    for one in sorted(seen, key=lambda one: one.number):
        if one.number not in hashes:
            raise AuditBroken(one.number, "the newest rows are missing: one was witnessed")
        if hashes[one.number] != one.hash:
            raise AuditBroken(one.number, "another row stands where one was witnessed")
    return max(one.number for one in seen)


async def _readings(session: AsyncSession, seen: Sequence[Seen]) -> None:
    """Raises ReadingBroken."""
    numbers = [one.number for one in seen]
    # Pending ones first: meanwhile they move into the chain, and never back.
    pending = await session.scalars(select(PendingReadRow).where(PendingReadRow.id.in_(numbers)))
    found = {row.id: reads.digest_of(row) for row in pending}
    chained = await session.scalars(select(AuditRow).where(AuditRow.read_id.in_(numbers)))
    found |= {row.read_id: reads.digest_of(row) for row in chained if row.read_id is not None}
    for one in sorted(seen, key=lambda one: one.number):
        if one.number not in found:
            raise ReadingBroken(one.number, "a reading is missing that was witnessed")
        if found[one.number] != one.hash:
            raise ReadingBroken(one.number, "a reading is not what was witnessed")
