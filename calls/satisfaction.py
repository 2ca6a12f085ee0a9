"""满意率 (TH 19, 20): what citizens said of talks, by agent, queue or hotline, in steps of the reader's choice.

满意率 is satisfied over rated, 参评率 rated over asked; with nobody rated or asked there is none (null), and not 0. An
answer counts at the moment it was given.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from calls.history import Period
from calls.interval_counts import INTERVAL
from calls.survey_policy import LEVELS
from calls.survey_tables import SurveyRow
from directory.modes import MAIN_LINE
from hotline.database import UtcDateTime

_ANY_HALF_HOUR: Final = datetime(2020, 1, 1, tzinfo=UTC)


class About(StrEnum):
    """Whom the rows are about."""

    LINE = "line"
    """All of it together, under the main line's number."""
    HOTLINE = "hotline"
    QUEUE = "queue"
    AGENT = "agent"


_COLUMNS: Mapping[About, InstrumentedAttribute[str | None]] = {
    About.HOTLINE: SurveyRow.line,
    About.QUEUE: SurveyRow.queue,
    About.AGENT: SurveyRow.agent,
}


@dataclass(frozen=True, slots=True)
class Answers:
    """How often what was answered. `levels` has a count for each of the five, 非常满意 first."""

    asked: int = 0
    levels: tuple[int, ...] = (0,) * len(LEVELS)

    @property
    def rated(self) -> int:
        return sum(self.levels)

    def __add__(self, other: Answers) -> Answers:
        return Answers(self.asked + other.asked, tuple(a + b for a, b in zip(self.levels, other.levels, strict=True)))

    def satisfied(self, levels: int) -> int:
        """Answers in the best so many levels (`survey.satisfied_levels`)."""
        return sum(self.levels[:levels])

    def satisfaction(self, levels: int) -> float | None:
        """满意率: 0 to 1; None when nobody gave a level."""
        return self.satisfied(levels) / self.rated if self.rated else None

    @property
    def participation(self) -> float | None:
        """参评率: 0 to 1; None when nobody was asked."""
        return self.rated / self.asked if self.asked else None


@dataclass(frozen=True, slots=True)
class SatisfactionReport:
    """One agent, queue or hotline in one step; `subject` is empty where nobody knows whom it was about."""

    subject: str
    starts_at: datetime
    answers: Answers


async def satisfaction(
    session: AsyncSession, about: About, period: Period, subjects: Collection[str] = ()
) -> list[SatisfactionReport]:
    """Oldest first. Where nobody was asked there is no row."""
    row_at = _row_at(period)
    column = _COLUMNS.get(about)
    subject: ColumnElement[str] = func.coalesce(column, "") if column is not None else literal(MAIN_LINE)
    counts = [func.count().filter(SurveyRow.level == level) for level in LEVELS]
    query = (
        select(subject.label("subject"), row_at, func.count(), *counts)
        .where(SurveyRow.at >= period.start, SurveyRow.at < period.end)
        .group_by("subject", "row_at")
        .order_by("row_at", "subject")
    )
    if subjects and column is not None:
        query = query.where(column.in_(subjects))
    rows = await session.execute(query)
    return [SatisfactionReport(who, at, Answers(asked, tuple(levels))) for who, at, asked, *levels in rows]


def total(reports: Iterable[SatisfactionReport]) -> Answers:
    """All of it together."""
    return sum((report.answers for report in reports), Answers())


def _row_at(period: Period) -> ColumnElement[datetime]:
    """The beginning of the row an answer is part of; answers come at any time, half hours begin at fixed ones."""
    return period.column(func.date_bin(INTERVAL, SurveyRow.at, _ANY_HALF_HOUR, type_=UtcDateTime()))
