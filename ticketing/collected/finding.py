"""What was collected (归集), found and counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, cast, func, select, type_coerce
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncSession

from hotline import search
from hotline.errors import NotFound
from hotline.sealed import Indexed
from ticketing.collected.tables import CollectedRow, CollectedVersionRow
from ticketing.collected.words import RecordKind


class RecordNotFound(NotFound):
    """No such record was collected."""

    code = "collected.not_found"


@dataclass(frozen=True, slots=True)
class Filters:
    """Which records; None does not narrow. They began from `since` until before `before`; `caller` as
    `directory.numbers.normalise` has it."""

    kind: RecordKind | None = None
    partner: str | None = None
    unit_id: int | None = None
    type: str | None = None
    state: str | None = None
    since: datetime | None = None
    before: datetime | None = None
    caller: str | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Count:
    """How many records of one sender, unit, kind, type and state began in the time."""

    partner: str
    unit_id: int | None
    kind: RecordKind
    type: str
    state: str
    records: int


async def newest(session: AsyncSession, filters: Filters, *, below: int | None, limit: int) -> Sequence[CollectedRow]:
    """Records, the last collected first, beginning below an id; one more than `limit` where the list goes on."""
    wanted = select(CollectedRow).where(*_matching(filters)).order_by(CollectedRow.id.desc()).limit(limit + 1)
    if below is not None:
        wanted = wanted.where(CollectedRow.id < below)
    return (await session.scalars(wanted)).all()


async def counts(session: AsyncSession, filters: Filters) -> Sequence[Count]:
    """How many there are; every record counts once, as its last version says."""
    keys = (CollectedRow.partner, CollectedRow.unit_id, CollectedRow.kind, CollectedRow.type, CollectedRow.state)
    wanted = select(*keys, func.count()).where(*_matching(filters)).group_by(*keys).order_by(*keys)
    return [
        Count(partner, unit_id, RecordKind(kind), of_type, state, number)
        for partner, unit_id, kind, of_type, state, number in await session.execute(wanted)
    ]


async def one(session: AsyncSession, record: int) -> tuple[CollectedRow, Sequence[CollectedVersionRow]]:
    """A record and what it said before, oldest first. Raises RecordNotFound."""
    row = await session.get(CollectedRow, record, populate_existing=True)
    if row is None:
        raise RecordNotFound("no such record")
    wanted = select(CollectedVersionRow).where(CollectedVersionRow.record_id == record)
    return row, (await session.scalars(wanted.order_by(CollectedVersionRow.version))).all()


def _matching(filters: Filters) -> list[ColumnElement[bool]]:
    asked: list[tuple[Any, Any]] = [
        (CollectedRow.kind, filters.kind.value if filters.kind else None),
        (CollectedRow.partner, filters.partner),
        (CollectedRow.unit_id, filters.unit_id),
        (CollectedRow.type, filters.type),
        (CollectedRow.state, filters.state),
    ]
    conditions: list[ColumnElement[bool]] = [column == value for column, value in asked if value is not None]
    if filters.since is not None:
        conditions.append(CollectedRow.began_at >= filters.since)
    if filters.before is not None:
        conditions.append(CollectedRow.began_at < filters.before)
    if filters.caller is not None:
        conditions.append(CollectedRow.caller_index == type_coerce(filters.caller, Indexed()))
    if terms := search.terms(filters.words):
        conditions.append(CollectedRow.search.bool_op("@@")(cast(search.query(terms), TSQUERY)))
        conditions.extend(CollectedRow.text.contains(term, autoescape=True) for term in terms)
    return conditions
