"""A report asked for, and where the making of it is: it takes its time, so a job makes it and a request only asks."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from directory.models import Role
from ticketing.errors import ActionNotAllowed
from ticketing.figures.periods import Period
from ticketing.reports.errors import NotMadeYet, ReportNotFound, WrongPeriod
from ticketing.reports.tables import ReportRow
from ticketing.reports.words import PERIODS, ReportKind, ReportState
from ticketing.schemas import Actor

ASKERS: Final = frozenset({Role.SUPERVISOR, Role.INSPECTOR, Role.ADMIN})


async def ask(session: AsyncSession, kind: ReportKind, period: Period, actor: Actor, *, at: datetime) -> ReportRow:
    """Have a report made. Of a period that has not ended it is a draft of what is known so far.

    Raises ActionNotAllowed, WrongPeriod. The caller commits.
    """
    if not actor.roles & ASKERS:
        raise ActionNotAllowed("for those who have reports made")
    if period.kind not in PERIODS[kind]:
        fitting = ", ".join(sorted(PERIODS[kind]))
        raise WrongPeriod(f"{kind} ({kind.term}) is of a {fitting}, not of {period.key}")
    row = ReportRow(
        kind=kind.value,
        period=period.key,
        state=ReportState.QUEUED.value,
        stage="",
        steps_done=0,
        steps=0,
        attempts=0,
        asked_by=actor.user,
        asked_at=at,
    )
    session.add(row)
    await session.flush()
    return row


async def found(session: AsyncSession, report_id: int) -> ReportRow:
    """Raises ReportNotFound."""
    row = await session.get(ReportRow, report_id, populate_existing=True)
    if row is None:
        raise ReportNotFound(str(report_id))
    return row


async def made(session: AsyncSession, report_id: int) -> ReportRow:
    """With its documents. Raises ReportNotFound, NotMadeYet."""
    wanted = (
        select(ReportRow)
        .where(ReportRow.id == report_id)
        .options(undefer(ReportRow.document), undefer(ReportRow.workbook))
    )
    row = (await session.scalars(wanted.execution_options(populate_existing=True))).one_or_none()
    if row is None:
        raise ReportNotFound(str(report_id))
    if row.state != ReportState.DONE:
        raise NotMadeYet(f"report {report_id} is {row.state} ({ReportState(row.state).term})")
    return row


async def newest(session: AsyncSession, *, before: int | None = None, limit: int = 50) -> Sequence[ReportRow]:
    """The newest first; `before` is the id of the last one read."""
    wanted = select(ReportRow).order_by(ReportRow.id.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(ReportRow.id < before)
    return (await session.scalars(wanted)).all()
