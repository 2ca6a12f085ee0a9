"""The figures' part of the jobs process: calls counted, agents' states kept, the board of live figures, reports."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any
from zoneinfo import ZoneInfo

from acd.service import Acd
from calls.agent_log import AgentLog
from calls.figure_board import FigureBoard
from calls.intervals import Intervals
from calls.line_figures import LineFigures
from calls.live_figures import LiveFigures
from directory.loader import CurrentDirectory
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.redis import Redis
from hotline.settings import Settings
from server.runtime.parts import acd_policy
from ticketing.reports.making import ReportMaker

_LONGEST_STATEMENT_SECONDS = 600.0
"""A year of a city is counted at once."""


def figure_jobs(
    settings: Settings, *, redis: Redis, database: Database, directory: CurrentDirectory, process: str
) -> list[Callable[[], Coroutine[Any, Any, None]]]:
    """What is to run for ever. `redis` must allow reads that wait a second; `process` only reads distribution."""
    site, clock = settings.site.id, SystemClock()
    acd = Acd(redis, site=site, process=process, clock=clock, policy=acd_policy(settings))
    log = AgentLog(acd=acd, redis=redis, database=database, site=site, clock=clock)
    live = LiveFigures(
        acd=acd,
        board=FigureBoard(redis, site),
        database=database,
        directory=directory,
        zone=ZoneInfo(settings.site.timezone),
        process=process,
        clock=clock,
    )

    async def reports() -> None:
        patient = Database(settings.postgres.url, pool_size=2, statement_timeout=_LONGEST_STATEMENT_SECONDS)
        city, zone = settings.site.name, ZoneInfo(settings.site.timezone)
        try:
            await ReportMaker(patient, clock, LineFigures(), city=city, zone=zone).run()
        finally:
            await patient.close()

    return [Intervals(database).run, log.run, live.run, reports]
