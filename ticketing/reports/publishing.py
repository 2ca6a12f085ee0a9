"""Publication (发布): from then on a report is what it is. A mistake is corrected by a further revision beside it, with
the reason and with what it changes; the first one stays as it was read.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from directory.models import Role
from hotline.locks import Lock, one_at_a_time
from ticketing.errors import ActionNotAllowed
from ticketing.figures.periods import Period
from ticketing.reports import asking
from ticketing.reports.content import Content
from ticketing.reports.document import document
from ticketing.reports.errors import (
    NotMadeYet,
    PeriodNotOver,
    PublicationNotFound,
    PublishedAlready,
    ReasonMissing,
    ReasonUnexpected,
)
from ticketing.reports.tables import PublicationRow
from ticketing.reports.words import ReportKind
from ticketing.reports.workbook import workbook
from ticketing.schemas import Actor

PUBLISHERS: Final = frozenset({Role.SUPERVISOR})


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure that a revision changed. `unit` empty: the city's."""

    unit: str
    figure: str
    before: float | None
    after: float | None


async def publish(session: AsyncSession, report_id: int, reason: str, actor: Actor, *, at: datetime) -> PublicationRow:
    """Publish a report that was made; `reason` is why the period's earlier publication is corrected, else empty.

    Raises ActionNotAllowed, ReportNotFound, NotMadeYet, PeriodNotOver, PublishedAlready, ReasonMissing,
    ReasonUnexpected. The caller commits.
    """
    if not actor.roles & PUBLISHERS:
        raise ActionNotAllowed("for those who publish")
    report = await asking.made(session, report_id)
    if report.content is None or report.document is None or report.workbook is None or report.counted_at is None:
        raise NotMadeYet(str(report_id))
    content = Content.model_validate_json(report.content)
    if report.counted_at < Period.named(report.period).end(ZoneInfo(content.zone)):
        raise PeriodNotOver(f"{report.period} was counted before it was over", remedy="have it made anew")
    await one_at_a_time(session, Lock.REPORT_REVISIONS)
    earlier = await revisions(session, ReportKind(report.kind), report.period)
    if any(one.report_id == report.id for one in earlier):
        raise PublishedAlready(f"report {report.id}")
    if earlier and not reason:
        raise ReasonMissing(f"{report.period} is published: revision {len(earlier) + 1} says why it is corrected")
    if reason and not earlier:
        raise ReasonUnexpected(f"of {report.period} nothing is published yet")
    pages, sheets = report.document, report.workbook
    revision = len(earlier) + 1
    if earlier:
        told = f"第{revision}版（更正）：{reason}"
        pages = await asyncio.to_thread(document, content, revision=told)
        sheets = await asyncio.to_thread(workbook, content, revision=told)
    row = PublicationRow(
        report_id=report.id,
        kind=report.kind,
        period=report.period,
        revision=revision,
        reason=reason,
        published_by=actor.user,
        published_at=at,
        content=report.content,
        sha256=hashlib.sha256(report.content.encode()).digest(),
        document=pages,
        document_sha256=hashlib.sha256(pages).digest(),
        workbook=sheets,
        workbook_sha256=hashlib.sha256(sheets).digest(),
    )
    session.add(row)
    try:
        await session.flush()
    except IntegrityError:
        raise PublishedAlready(f"report {report.id}") from None
    return row


async def revisions(session: AsyncSession, kind: ReportKind, period: str) -> Sequence[PublicationRow]:
    """Everything published of a period, the first one first."""
    wanted = select(PublicationRow).where(PublicationRow.kind == kind.value, PublicationRow.period == period)
    return (await session.scalars(wanted.order_by(PublicationRow.revision))).all()


async def newest(session: AsyncSession, *, before: int | None = None, limit: int = 50) -> Sequence[PublicationRow]:
    """The newest first; `before` is the id of the last one read."""
    wanted = select(PublicationRow).order_by(PublicationRow.id.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(PublicationRow.id < before)
    return (await session.scalars(wanted)).all()


async def found(session: AsyncSession, publication_id: int) -> PublicationRow:
    """With its documents. Raises PublicationNotFound."""
    wanted = (
        select(PublicationRow)
        .where(PublicationRow.id == publication_id)
        .options(undefer(PublicationRow.document), undefer(PublicationRow.workbook))
    )
    row = (await session.scalars(wanted)).one_or_none()
    if row is None:
        raise PublicationNotFound(str(publication_id))
    return row


def intact(row: PublicationRow) -> bool:
    """Whether content and documents are still what their hashes were taken of."""
    kept = (
        (row.content.encode(), row.sha256),
        (row.document, row.document_sha256),
        (row.workbook, row.workbook_sha256),
    )
    return all(hashlib.sha256(what).digest() == digest for what, digest in kept)


def differences(before: Content, after: Content) -> list[Difference]:
    """Figures that are not what they were, of the city and of each unit, and units' points (`points`)."""
    return list(_changed("", _city(before), _city(after))) + [
        one
        for unit in dict.fromkeys([*_units(before), *_units(after)])
        for one in _changed(unit, _units(before).get(unit, {}), _units(after).get(unit, {}))
    ]


def _city(report: Content) -> dict[str, float | None]:
    return {one.name: one.value for one in (*report.line, *report.tickets)}


def _units(report: Content) -> dict[str, dict[str, float | None]]:
    return {line.unit: {one.name: one.value for one in line.figures} | {"points": line.points} for line in report.units}


def _changed(unit: str, before: dict[str, float | None], after: dict[str, float | None]) -> Iterator[Difference]:
    for name in dict.fromkeys([*before, *after]):
        if before.get(name) != after.get(name):
            yield Difference(unit, name, before.get(name), after.get(name))
