"""Figures: of now, and of the past by hotline, queue or agent, as JSON or as a table for a spreadsheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel

from calls.figure_board import FigureBoard
from calls.figure_sheets import agent_table, as_csv, call_table
from calls.figures import Scope, agent_figures, call_figures
from calls.history import (
    AgentReport,
    CallReport,
    Period,
    Step,
    agent_history,
    call_history,
    total_agents,
    total_calls,
)
from ticketing.schemas import Moment
from web.access import Parts, Transaction, roles
from web.administration import Administration
from web.figures_socket import READERS, board_body
from web.problems import DOCUMENTED

router = APIRouter(prefix="/api/figures", tags=["figures"], responses=DOCUMENTED, dependencies=[roles(*READERS)])


class By(StrEnum):
    """What the rows are about."""

    HOTLINE = "hotline"
    QUEUE = "queue"
    AGENT = "agent"


class Live(BaseModel):
    """The board as it is now. Moments are milliseconds since 1970; `kept_up` is false while nobody works it out."""

    queues: dict[str, dict[str, Any]]
    agents: dict[str, dict[str, Any]]
    line: dict[str, Any]
    kept_up: bool
    at_ms: int


class Row(BaseModel):
    """One hotline, queue or agent in one step. Rates are 0 to 1 and null where nothing was there to measure."""

    subject: str
    starts_at: datetime
    counts: dict[str, int]
    figures: dict[str, float | None]
    times: dict[str, int] | None = None
    """Of an agent: milliseconds by state."""
    not_ready: dict[str, int] | None = None
    """Of an agent: milliseconds not ready (示忙) by reason."""


class Total(BaseModel):
    """All rows together. Of queues: a call that was moved is in it once for each queue."""

    counts: dict[str, int]
    figures: dict[str, float | None]
    times: dict[str, int] | None = None


class History(BaseModel):
    """Oldest first. What had no calls, and no agent's time, has no row."""

    rows: list[Row]
    total: Total


def _period(
    services: Parts,
    start: Annotated[Moment, Query(alias="from", description="Intervals that begin then or later.")],
    end: Annotated[Moment, Query(alias="to", description="Intervals that begin before.")],
    step: Step = Step.HALF_HOUR,
) -> Period:
    return Period(start, end, step, ZoneInfo(services.settings.site.timezone))


Asked = Annotated[Period, Depends(_period)]
Subjects = Annotated[Sequence[str], Query(alias="subject", max_length=100, description="Only these; any number.")]


@router.get("/live")
async def live(services: Parts) -> Live:
    """Queues, agents and the line as they are now."""
    board = await FigureBoard(services.redis, services.settings.site.id).read()
    return Live(**board_body(board), at_ms=services.clock.now_ms())


@router.get("/history")
async def history(by: By, period: Asked, session: Transaction, services: Parts, subject: Subjects = ()) -> History:
    """Figures of a period, in half hours or longer steps."""
    if by is By.AGENT:
        return _agents(await agent_history(session, period, now=services.clock.now(), agents=subject))
    return _calls(await call_history(session, Scope(by), period, subject))


@router.get("/history.csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def history_csv(
    *, by: By, period: Asked, session: Transaction, services: Parts, who: Administration, subject: Subjects = ()
) -> Response:
    """The same as a table. Moments are in the city's zone, durations seconds, an empty cell is nothing to measure. Who
    takes it out of the house is audited."""
    if by is By.AGENT:
        table = agent_table(await agent_history(session, period, now=services.clock.now(), agents=subject), period.zone)
    else:
        table = call_table(await call_history(session, Scope(by), period, subject), Scope(by), period.zone)
    told = {"from": period.start, "to": period.end, "step": period.step, "subjects": list(subject)}
    await who.record("figures.exported", f"figures:{by}", None, told)
    return Response(
        as_csv(table),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="figures-{by}-{period.start:%Y%m%d}.csv"'},
    )


def _calls(reports: Sequence[CallReport]) -> History:
    total = total_calls(reports)
    return History(
        rows=[
            Row(
                subject=report.subject,
                starts_at=report.starts_at,
                counts=asdict(report.counts),
                figures=asdict(report.figures),
            )
            for report in reports
        ],
        total=Total(counts=asdict(total), figures=asdict(call_figures(total))),
    )


def _agents(reports: Sequence[AgentReport]) -> History:
    counts, times = total_agents(reports)
    return History(
        rows=[
            Row(
                subject=report.subject,
                starts_at=report.starts_at,
                counts=asdict(report.counts),
                figures=asdict(report.figures),
                times=dict(report.times),
                not_ready=dict(report.not_ready),
            )
            for report in reports
        ],
        total=Total(counts=asdict(counts), figures=asdict(agent_figures(counts, times)), times=dict(times)),
    )
