"""Finding answers in the knowledge base, and what in it has grown old.

What counts on a day is, of each entry, the newest published version that has begun; once it has ended the entry has no
answer, for what it replaced is older still.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, and_, case, cast, exists, func, literal, or_, select
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from directory.models import Unit
from hotline import search
from ticketing.knowledge.errors import EntryNotFound, NotSearchable
from ticketing.knowledge.states import VersionState
from ticketing.knowledge.tables import EntryRow, ReportRow, VersionRow

_NEAR_SHARE: Final = 0.5
"""A text that is only near has this share of the question's pairs of characters at least."""


@dataclass(frozen=True, slots=True)
class Found:
    """An answer that counts today."""

    code: str
    version: int
    version_id: int
    title: str
    answer: str
    spoken: str
    category: str
    unit: str
    public: bool
    valid_from: date
    valid_until: date | None
    review_on: date
    exact: bool = True
    """Whether it holds every term as it was typed; False: only much of them."""


class Staleness(StrEnum):
    """Why an entry has to be looked at."""

    REVIEW_DUE = "review_due"
    ENDED = "ended"
    """What was published last holds no more."""
    REPORTED = "reported"
    """Somebody found it wrong, and nobody has settled that."""
    NEVER_PUBLISHED = "never_published"


@dataclass(frozen=True, slots=True)
class Stale:
    """An entry that has grown old."""

    code: str
    title: str
    unit: str
    review_on: date
    valid_until: date | None
    open_reports: int
    why: tuple[Staleness, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A version that somebody has to check or publish."""

    code: str
    unit_id: int
    number: int
    state: VersionState
    title: str
    comment: str
    written_by: str
    written_at: datetime


@dataclass(frozen=True, slots=True)
class Kept:
    """An entry as who keeps it lists it, by its newest version."""

    id: int
    code: str
    unit_id: int
    unit: str
    number: int
    state: VersionState
    title: str
    category: str
    public: bool
    review_on: date
    valid_until: date | None


async def find(
    session: AsyncSession,
    question: str,
    *,
    today: date,
    public_only: bool = False,
    unit_id: int | None = None,
    category: str = "",
    limit: int = 20,
    offset: int = 0,
) -> list[Found]:
    """The answers that hold every term of the question, best first: terms in the title before terms in the text, a
    title that begins with them first of all. Where there is none, those that hold much of it, told apart by `exact`.

    Raises NotSearchable for a question without a letter or digit.
    """
    wanted = search.terms(question)
    if not wanted:
        raise NotSearchable("a question has letters or digits")
    base = _current(today, public_only=public_only)
    if unit_id is not None:
        base = base.where(EntryRow.unit_id == unit_id)
    if category:
        base = base.where(VersionRow.category == category)
    held = base.where(
        VersionRow.search.op("@@")(cast(search.query(wanted), TSQUERY)),
        *(func.strpos(VersionRow.compared, term) > 0 for term in wanted),
    )
    in_title = sum((_count(func.strpos(func.lower(VersionRow.title), term) > 0) for term in wanted), literal(0))
    begins = func.starts_with(func.lower(VersionRow.title), wanted[0])
    ranked = held.order_by(
        begins.desc(), in_title.desc(), func.length(VersionRow.title), VersionRow.published_at.desc(), EntryRow.id
    )
    rows = (await session.execute(ranked.limit(limit).offset(offset))).all()
    if rows or offset:
        return [_found(row) for row in rows]
    return await _near(session, base, wanted, limit)


async def current(session: AsyncSession, code: str, *, today: date, public_only: bool = False) -> Found:
    """What an entry says today. Raises EntryNotFound."""
    row = (await session.execute(_current(today, public_only=public_only).where(EntryRow.code == code))).one_or_none()
    if row is None:
        raise EntryNotFound(code)
    return _found(row)


async def spoken_texts(session: AsyncSession, *, today: date) -> list[tuple[str, str]]:
    """What can be read aloud, each text with its entry's code: of every published version that counts today or will, so
    that its sound can be made before it does."""
    later = and_(VersionRow.state == VersionState.PUBLISHED.value, VersionRow.valid_from > today)
    statement = (
        select(EntryRow.code, VersionRow.spoken)
        .join(VersionRow, VersionRow.entry_id == EntryRow.id)
        .where(VersionRow.spoken != "", or_(_counts(today), later))
        .order_by(EntryRow.code, VersionRow.number)
    )
    return [(code, spoken) for code, spoken in await session.execute(statement)]


async def stale(session: AsyncSession, *, today: date, unit_id: int | None = None) -> list[Stale]:
    """Entries that somebody has to look at, the longest overdue first."""
    last = (
        select(VersionRow.entry_id, func.max(VersionRow.number).label("number"))
        .where(VersionRow.state == VersionState.PUBLISHED.value)
        .group_by(VersionRow.entry_id)
        .subquery()
    )
    newest = (
        select(VersionRow.entry_id, VersionRow.title, VersionRow.valid_until)
        .join(last, and_(last.c.entry_id == VersionRow.entry_id, last.c.number == VersionRow.number))
        .subquery()
    )
    reports = (
        select(ReportRow.entry_id, func.count().label("open"))
        .where(ReportRow.settled_at.is_(None))
        .group_by(ReportRow.entry_id)
        .subquery()
    )
    drafted = select(VersionRow.title).where(VersionRow.entry_id == EntryRow.id, VersionRow.number == EntryRow.latest)
    statement = (
        select(
            EntryRow.code,
            func.coalesce(newest.c.title, drafted.scalar_subquery()).label("title"),
            Unit.name.label("unit"),
            EntryRow.review_on,
            newest.c.valid_until,
            newest.c.entry_id.label("published"),
            func.coalesce(reports.c.open, 0).label("open"),
        )
        .join(Unit, Unit.id == EntryRow.unit_id)
        .outerjoin(newest, newest.c.entry_id == EntryRow.id)
        .outerjoin(reports, reports.c.entry_id == EntryRow.id)
        .where(
            or_(
                EntryRow.review_on <= today,
                newest.c.valid_until < today,
                newest.c.entry_id.is_(None),
                reports.c.open > 0,
            )
        )
        .order_by(EntryRow.review_on, EntryRow.id)
    )
    if unit_id is not None:
        statement = statement.where(EntryRow.unit_id == unit_id)
    return [_stale(row, today) for row in await session.execute(statement)]


async def waiting(session: AsyncSession, *, unit_id: int | None = None) -> list[Waiting]:
    """Versions that wait to be checked or published, oldest first."""
    statement = (
        select(EntryRow.code, EntryRow.unit_id, VersionRow)
        .join(VersionRow, VersionRow.entry_id == EntryRow.id)
        .where(VersionRow.state.in_([VersionState.DRAFT.value, VersionState.CHECKED.value]))
        .order_by(VersionRow.written_at, VersionRow.id)
    )
    if unit_id is not None:
        statement = statement.where(EntryRow.unit_id == unit_id)
    return [
        Waiting(
            code=code,
            unit_id=unit,
            number=version.number,
            state=VersionState(version.state),
            title=version.title,
            comment=version.comment,
            written_by=version.written_by,
            written_at=version.written_at,
        )
        for code, unit, version in await session.execute(statement)
    ]


async def kept(
    session: AsyncSession, *, words: str = "", unit_id: int | None = None, after: int = 0, limit: int = 100
) -> list[Kept]:
    """Entries by id above `after`, with their newest version; `words` stand as they are in its title or in the code."""
    statement = (
        select(EntryRow, Unit.name, VersionRow)
        .join(Unit, Unit.id == EntryRow.unit_id)
        .join(VersionRow, and_(VersionRow.entry_id == EntryRow.id, VersionRow.number == EntryRow.latest))
        .where(EntryRow.id > after)
        .order_by(EntryRow.id)
        .limit(limit)
    )
    if words:
        statement = statement.where(
            or_(VersionRow.title.icontains(words, autoescape=True), EntryRow.code.icontains(words, autoescape=True))
        )
    if unit_id is not None:
        statement = statement.where(EntryRow.unit_id == unit_id)
    return [
        Kept(
            id=entry.id,
            code=entry.code,
            unit_id=entry.unit_id,
            unit=unit,
            number=version.number,
            state=VersionState(version.state),
            title=version.title,
            category=version.category,
            public=version.public,
            review_on=entry.review_on,
            valid_until=version.valid_until,
        )
        for entry, unit, version in await session.execute(statement)
    ]


async def _near(
    session: AsyncSession, base: Select[VersionRow, str, date, str], wanted: list[str], limit: int
) -> list[Found]:
    pairs = search.pairs(wanted)
    shared = sum((_count(VersionRow.search.op("@@")(cast(pair, TSQUERY))) for pair in pairs), literal(0))
    statement = (
        base.where(
            VersionRow.search.op("@@")(cast(search.query(wanted, every=False), TSQUERY)),
            shared >= max(1, round(len(pairs) * _NEAR_SHARE)),
        )
        .order_by(shared.desc(), func.length(VersionRow.title), EntryRow.id)
        .limit(limit)
    )
    return [_found(row, exact=False) for row in await session.execute(statement)]


def _current(today: date, *, public_only: bool) -> Select[VersionRow, str, date, str]:
    statement = (
        select(VersionRow, EntryRow.code, EntryRow.review_on, Unit.name)
        .join(EntryRow, EntryRow.id == VersionRow.entry_id)
        .join(Unit, Unit.id == EntryRow.unit_id)
        .where(_counts(today))
    )
    return statement.where(VersionRow.public) if public_only else statement


def _counts(today: date) -> ColumnElement[bool]:
    """That a version is its entry's answer on this day."""
    newer = aliased(VersionRow)
    published = VersionState.PUBLISHED.value
    return and_(
        VersionRow.state == published,
        VersionRow.valid_from <= today,
        or_(VersionRow.valid_until.is_(None), VersionRow.valid_until >= today),
        ~exists().where(
            newer.entry_id == VersionRow.entry_id,
            newer.number > VersionRow.number,
            newer.state == published,
            newer.valid_from <= today,
        ),
    )


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)


def _found(row: Row[VersionRow, str, date, str], *, exact: bool = True) -> Found:
    version, code, review_on, unit = row
    return Found(
        code=code,
        version=version.number,
        version_id=version.id,
        title=version.title,
        answer=version.answer,
        spoken=version.spoken,
        category=version.category,
        unit=unit,
        public=version.public,
        valid_from=version.valid_from,
        valid_until=version.valid_until,
        review_on=review_on,
        exact=exact,
    )


def _stale(row: Any, today: date) -> Stale:
    reasons = {
        Staleness.REVIEW_DUE: row.review_on <= today,
        Staleness.ENDED: row.valid_until is not None and row.valid_until < today,
        Staleness.REPORTED: row.open > 0,
        Staleness.NEVER_PUBLISHED: row.published is None,
    }
    return Stale(
        code=row.code,
        title=row.title,
        unit=row.unit,
        review_on=row.review_on,
        valid_until=row.valid_until,
        open_reports=row.open,
        why=tuple(reason for reason, holds in reasons.items() if holds),
    )
