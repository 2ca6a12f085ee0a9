"""归集: records of branches and departments are kept under their own numbers; the latest version counts.

A version that came before is answered as it was; another content under its number is refused. An older one is ignored:
pushes come late and out of order. What a record said before stays as its history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import cast, select
from sqlalchemy.dialects.postgresql import TSVECTOR, insert
from sqlalchemy.ext.asyncio import AsyncSession

from directory.numbers import caller
from hotline import search
from hotline.errors import Conflict, PartUnavailable
from hotline.privacy import without_person
from ticketing.collected.records import CallRecord, TicketRecord
from ticketing.collected.tables import CollectedRow, CollectedVersionRow
from ticketing.collected.words import RecordKind, Taken


class ContentChanged(Conflict):
    """Another content was sent under this number and version before. Nothing of the push was kept."""

    code = "collected.content_changed"


@dataclass(frozen=True, slots=True)
class Sender:
    """Who pushes: the platform's code, and the unit of the line that it answers."""

    code: str
    unit_id: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a record; `version` is the one that counts now."""

    kind: RecordKind
    number: str
    taken: Taken
    version: int


async def take(
    session: AsyncSession,
    sender: Sender,
    records: Sequence[CallRecord | TicketRecord],
    *,
    area_code: str,
    now: datetime,
) -> Sequence[Outcome]:
    """Keep a push, in the caller's transaction; outcomes in its order. `area_code`: numbers without one are read in it.
    Raises ContentChanged."""
    outcomes: dict[int, Outcome] = {}
    # In one order for all, so that two pushes that meet do not wait for each other.
    for at, record in sorted(enumerate(records), key=lambda one: (one[1].kind, one[1].number, one[1].version)):
        outcomes[at] = await _take(session, sender, record, area_code=area_code, now=now)
    return [outcomes[at] for at in range(len(records))]


async def _take(
    session: AsyncSession, sender: Sender, record: CallRecord | TicketRecord, *, area_code: str, now: datetime
) -> Outcome:
    kind, number = RecordKind(record.kind), record.number
    new = _values(sender, record, area_code=area_code, now=now)
    statement = insert(CollectedRow).values(partner=sender.code, kind=kind.value, number=number, **new)
    made = await session.execute(statement.on_conflict_do_nothing().returning(CollectedRow.id))
    if made.scalar_one_or_none() is not None:
        return Outcome(kind, number, Taken.KEPT, record.version)
    row = await _held(session, sender.code, kind, number)
    if record.version < row.version:
        return Outcome(kind, number, Taken.OLDER, row.version)
    if record.version == row.version:
        if record.digest() != row.digest:
            raise ContentChanged(f"{kind} of this number and version said something else before")
        return Outcome(kind, number, Taken.REPEATED, row.version)
    session.add(
        CollectedVersionRow(
            record_id=row.id, version=row.version, said=row.said, received_at=row.received_at, replaced_at=now
        )
    )
    for column, value in new.items():
        setattr(row, column, value)
    await session.flush()
    return Outcome(kind, number, Taken.REPLACED, record.version)


async def _held(session: AsyncSession, partner: str, kind: RecordKind, number: str) -> CollectedRow:
    wanted = select(CollectedRow).where(
        CollectedRow.partner == partner, CollectedRow.kind == kind.value, CollectedRow.number == number
    )
    row = (await session.scalars(wanted.with_for_update().execution_options(populate_existing=True))).one_or_none()
    if row is None:
        raise PartUnavailable("the record is being erased")
    return row


def _values(sender: Sender, record: CallRecord | TicketRecord, *, area_code: str, now: datetime) -> dict[str, Any]:
    known = caller(record.caller_number, area_code).number or ""
    if isinstance(record, CallRecord):
        began, ended, kind, state = record.began_at, record.ended_at, "", record.outcome.value
        texts = [(record.summary, "B")]
    else:
        began, ended, kind, state = record.registered_at, record.closed_at, record.type.value, record.state.value
        texts = [(record.title, "A"), (f"{record.content} {record.answer}", "B")]
    nameless = [(without_person(text, number=known, name=record.caller_name), weight) for text, weight in texts]
    return {
        "version": record.version,
        "digest": record.digest(),
        "unit_id": sender.unit_id,
        "began_at": began,
        "ended_at": ended,
        "type": kind,
        "state": state,
        "caller": known,
        "caller_index": known,
        "area_code": record.area_code,
        "category": record.category,
        "text": search.normal(" ".join(text for text, _ in nameless)),
        "search": cast(search.vector(*nameless), TSVECTOR),
        "said": record.model_dump_json(),
        "received_at": now,
    }
