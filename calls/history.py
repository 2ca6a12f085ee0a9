"""Figures of the past, read from half-hour intervals: by hotline, queue or agent, in steps of the reader's choice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, ColumnElement, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from acd.states import AgentState
from calls.figure_tables import AgentIntervalRow, AgentStateRow, AgentTimeRow, CallIntervalRow
from calls.figures import (
    AgentCounts,
    AgentFigures,
    CallCounts,
    CallFigures,
    Scope,
    agent_figures,
    call_figures,
)
from calls.interval_counts import INTERVAL, split
from hotline.errors import InvalidInput


class Step(StrEnum):
    """How long the rows of an answer are."""

    HALF_HOUR = "half_hour"
    HOUR = "hour"
    DAY = "day"
    """From midnight to midnight in the city's zone."""
    WHOLE = "whole"
    """One row for the whole period."""


LONGEST: Final = {
    Step.HALF_HOUR: timedelta(days=31),
    Step.HOUR: timedelta(days=62),
    Step.DAY: timedelta(days=400),
    Step.WHOLE: timedelta(days=400),
}
"""The longest period of an answer, so that its rows stay a number that a page can hold."""


class PeriodTooLong(InvalidInput):
    """More rows than an answer holds."""

    code = "figures.period_too_long"


@dataclass(frozen=True, slots=True)
class Period:
    """The intervals that begin at `start` or later and before `end`. Raises InvalidInput, PeriodTooLong."""

    start: datetime
    end: datetime
    step: Step
    zone: ZoneInfo

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise InvalidInput("a moment needs its zone", remedy="for instance 2026-11-21T00:00:00+08:00")
        if not self.start < self.end:
            raise InvalidInput("a period ends after its beginning")
        if self.end - self.start > LONGEST[self.step]:
            days = LONGEST[self.step].days
            raise PeriodTooLong(f"at most {days} days by {self.step}", remedy="a shorter period, or longer steps")

    def row_of(self, starts_at: datetime) -> datetime:
        """The beginning of the row that an interval is part of."""
        local = starts_at.astimezone(self.zone)
        match self.step:
            case Step.HALF_HOUR:
                return starts_at
            case Step.HOUR:
                return local.replace(minute=0).astimezone(starts_at.tzinfo)
            case Step.DAY:
                return local.replace(hour=0, minute=0).astimezone(starts_at.tzinfo)
            case Step.WHOLE:
                return self.start

    def column(self, starts_at: InstrumentedAttribute[datetime] | ColumnElement[datetime]) -> ColumnElement[datetime]:
        """`row_of`, in SQL."""
        match self.step:
            case Step.HALF_HOUR:
                return starts_at.label("row_at")
            case Step.HOUR | Step.DAY:
                return func.date_trunc(self.step.value, starts_at, self.zone.key).label("row_at")
            case Step.WHOLE:
                return cast(self.start, starts_at.type).label("row_at")


@dataclass(frozen=True, slots=True)
class CallReport:
    """A hotline or queue in one step."""

    subject: str
    starts_at: datetime
    counts: CallCounts
    figures: CallFigures


@dataclass(frozen=True, slots=True)
class AgentReport:
    """An agent in one step. Calls count where they were offered, times where they passed."""

    subject: str
    starts_at: datetime
    counts: AgentCounts
    times: Mapping[str, int]
    """Milliseconds by state; nothing of the time signed out."""
    not_ready: Mapping[str, int]
    """Of it, NOT_READY (示忙) by reason."""
    figures: AgentFigures


async def call_history(
    session: AsyncSession, scope: Scope, period: Period, subjects: Collection[str] = ()
) -> list[CallReport]:
    """By hotline or queue, of all or of some; oldest first. What had no calls has no row."""
    row_at = period.column(CallIntervalRow.starts_at)
    query = (
        select(CallIntervalRow.subject, row_at, *_sums(CallIntervalRow, CallCounts))
        .where(CallIntervalRow.scope == scope, *_within(CallIntervalRow.starts_at, period))
        .group_by(CallIntervalRow.subject, "row_at")
        .order_by("row_at", CallIntervalRow.subject)
    )
    if subjects:
        query = query.where(CallIntervalRow.subject.in_(subjects))
    reports = []
    for subject, at, *sums in await session.execute(query):
        counts = CallCounts(*sums)
        reports.append(CallReport(subject, at, counts, call_figures(counts)))
    return reports


async def agent_history(
    session: AsyncSession, period: Period, *, now: datetime, agents: Collection[str] = ()
) -> list[AgentReport]:
    """By agent; states that agents are in `now` are counted up to then."""
    counts = await agent_counts(session, period, agents)
    times = await _agent_times(session, period, agents, now)
    reports = []
    for at, agent in sorted(counts.keys() | times.keys()):
        counted, spent = counts.get((at, agent), AgentCounts()), times.get((at, agent), {})
        states: dict[str, int] = defaultdict(int)
        for (state, _), ms in spent.items():
            states[state] += ms
        not_ready = {reason: ms for (state, reason), ms in spent.items() if state == AgentState.NOT_READY}
        reports.append(AgentReport(agent, at, counted, dict(states), not_ready, agent_figures(counted, states)))
    return reports


def total_calls(reports: Iterable[CallReport]) -> CallCounts:
    """All of it together. Of queues: a call that was moved is in it once for each queue."""
    return sum((report.counts for report in reports), CallCounts())


def total_agents(reports: Iterable[AgentReport]) -> tuple[AgentCounts, Mapping[str, int]]:
    """All of it together, with the time by state."""
    counts, times = AgentCounts(), dict[str, int]()
    for report in reports:
        counts += report.counts
        for state, ms in report.times.items():
            times[state] = times.get(state, 0) + ms
    return counts, times


def _sums(table: type[CallIntervalRow | AgentIntervalRow], counts: type[Any]) -> list[ColumnElement[int]]:
    return [cast(func.sum(getattr(table, count.name)), BigInteger) for count in fields(counts)]


def _within(starts_at: InstrumentedAttribute[datetime], period: Period) -> list[ColumnElement[bool]]:
    return [starts_at >= period.start, starts_at < period.end]


async def agent_counts(
    session: AsyncSession, period: Period, agents: Collection[str] = ()
) -> dict[tuple[datetime, str], AgentCounts]:
    """The calls of agents, without their times, by row and agent."""
    row_at = period.column(AgentIntervalRow.starts_at)
    query = (
        select(row_at, AgentIntervalRow.agent, *_sums(AgentIntervalRow, AgentCounts))
        .where(*_within(AgentIntervalRow.starts_at, period))
        .group_by("row_at", AgentIntervalRow.agent)
    )
    if agents:
        query = query.where(AgentIntervalRow.agent.in_(agents))
    return {(at, agent): AgentCounts(*sums) for at, agent, *sums in await session.execute(query)}


_Spent = dict[tuple[str, str], int]
"""Milliseconds by state and reason."""


async def _agent_times(
    session: AsyncSession, period: Period, agents: Collection[str], now: datetime
) -> dict[tuple[datetime, str], _Spent]:
    row_at = period.column(AgentTimeRow.starts_at)
    over = (
        select(
            row_at,
            AgentTimeRow.agent,
            AgentTimeRow.state,
            AgentTimeRow.reason,
            cast(func.sum(AgentTimeRow.ms), BigInteger),
        )
        .where(*_within(AgentTimeRow.starts_at, period))
        .group_by("row_at", AgentTimeRow.agent, AgentTimeRow.state, AgentTimeRow.reason)
    )
    going_on = select(AgentStateRow).where(
        AgentStateRow.until.is_(None), AgentStateRow.state != AgentState.SIGNED_OUT, AgentStateRow.since < period.end
    )
    if agents:
        over = over.where(AgentTimeRow.agent.in_(agents))
        going_on = going_on.where(AgentStateRow.agent.in_(agents))
    times: dict[tuple[datetime, str], _Spent] = defaultdict(lambda: defaultdict(int))
    for at, agent, state, reason, ms in await session.execute(over):
        times[at, agent][state, reason] += ms
    for row in await session.scalars(going_on):
        for starts_at, ms in split(max(row.since, period.start), min(now, period.end + INTERVAL)):
            if period.start <= starts_at < period.end:
                times[period.row_of(starts_at), row.agent][row.state, row.reason] += ms
    return times
