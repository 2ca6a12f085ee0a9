"""`hotline staffing`: agents needed by half hour (人力测算), and what those on the roster will achieve."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table

from acd import roster
from acd.roster import Shift, fewest_due
from acd.staffing import Forecast, Staffing, Target, overall, read_forecast, staff
from calls.forecasting import from_history
from directory.modes import GENERAL_GROUP
from hotline.database import Database
from hotline.errors import InvalidInput
from hotline.settings import Settings, load_settings


def staffing(
    forecast: Annotated[
        Path | None, typer.Argument(help="CSV: start, calls, handling_s, one row a half hour.", exists=True)
    ] = None,
    *,
    service_level: Annotated[float, typer.Option(min=0, max=1, help="Share of calls answered in time.")] = 0.8,
    within: Annotated[float, typer.Option(min=0, help="In how many seconds.")] = 20,
    patience: Annotated[float, typer.Option(min=1, help="Callers' mean patience for Erlang A, seconds.")] = 180,
    shrinkage: Annotated[
        float, typer.Option(min=0, max=0.99, help="Share of rostered time lost to breaks, training, absence (损耗).")
    ] = 0.0,
    max_abandoned: Annotated[float, typer.Option(min=0, max=1, help="Largest share that gives up (Erlang A).")] = 1.0,
    max_occupancy: Annotated[float, typer.Option(min=0, max=1, help="Largest share of agents' time at work.")] = 1.0,
    rostered: Annotated[
        int | None, typer.Option(min=0, help="So many are on the roster all the time, instead of --roster.")
    ] = None,
    from_roster: Annotated[bool, typer.Option("--roster", help="Who is on the roster, from PostgreSQL.")] = False,
    group: Annotated[str, typer.Option(help="Skill group of the roster, queue of the history.")] = GENERAL_GROUP,
    history_day: Annotated[
        datetime | None,
        typer.Option("--like", formats=["%Y-%m-%d"], help="Forecast this day from the same weekdays before it."),
    ] = None,
    weeks: Annotated[int, typer.Option(min=1, max=26, help="How many weeks --like looks back.")] = 4,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
) -> None:
    """Agents needed by half hour by Erlang C (nobody gives up) and Erlang A, and what the roster will achieve."""
    settings = load_settings()
    zone = ZoneInfo(settings.site.timezone)
    if (forecast is None) == (history_day is None):
        raise InvalidInput("give a forecast file, or --like DAY", remedy="hotline staffing --help")
    target = Target(service_level, within, patience, shrinkage, max_abandoned, max_occupancy)
    if forecast is not None:
        demand = read_forecast(forecast.read_text(encoding="utf-8"), zone)
    else:
        demand = asyncio.run(_history(settings, group, history_day.date() if history_day else date.min, weeks, zone))
    numbers = None
    if from_roster:
        shifts = asyncio.run(_shifts(settings, demand[0].start, demand[-1].end, group))
        numbers = [fewest_due(shifts, one.start, one.end) for one in demand]
    elif rostered is not None:
        numbers = [rostered] * len(demand)
    rows = staff(demand, target, numbers)
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in rows], default=datetime.isoformat))
        return
    _print(rows, target, zone)


async def _shifts(settings: Settings, begin: datetime, end: datetime, group: str) -> list[Shift]:
    database = Database(settings.postgres.url)
    try:
        async with database.transaction() as session:
            return await roster.shifts(session, begin, end, group=group)
    finally:
        await database.close()


async def _history(settings: Settings, queue: str, day: date, weeks: int, zone: ZoneInfo) -> list[Forecast]:
    midnight = datetime.combine(day, time(0), zone).astimezone(UTC)
    database = Database(settings.postgres.url)
    try:
        async with database.transaction() as session:
            return await from_history(session, queue, midnight, midnight + timedelta(days=1), weeks=weeks)
    finally:
        await database.close()


def _print(rows: list[Staffing], target: Target, zone: ZoneInfo) -> None:
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(
        f"{target.service_level:.0%} within {target.within_s:g} s, shrinkage {target.shrinkage:.0%}, "
        f"patience {target.patience_s:g} s; each half hour as if it went on for long"
    )
    table = Table(
        *("half hour", "calls", "handling", "Erlang", "C: at work", "on roster", "A: at work", "on roster"), box=None
    )
    with_roster = any(row.rostered is not None for row in rows)
    if with_roster:
        for title in ("rostered", "C: in time", "A: in time", "A: gave up", "occupancy"):
            table.add_column(title)
    for row in rows:
        load = row.forecast.load()
        cells = [
            row.forecast.start.astimezone(zone).strftime("%m-%d %H:%M"),
            f"{row.forecast.calls:g}",
            f"{row.forecast.handling_s:.0f} s",
            f"{load.erlangs:.1f}",
            str(row.patient.agents),
            str(target.to_roster(row.patient.agents)),
            str(row.impatient.agents),
            str(target.to_roster(row.impatient.agents)),
        ]
        if row.achieved_patient is not None and row.achieved_impatient is not None:
            enough = row.achieved_patient.service_level >= target.service_level
            cells += [
                f"[{'green' if enough else 'red'}]{row.rostered}[/]",
                f"{row.achieved_patient.service_level:.1%}",
                f"{row.achieved_impatient.service_level:.1%}",
                f"{row.achieved_impatient.abandoned:.1%}",
                f"{row.achieved_impatient.occupancy:.0%}",
            ]
        table.add_row(*cells)
    console.print(table)
    peak = max(rows, key=lambda row: row.patient.agents)
    console.print(
        f"most at once: {target.to_roster(peak.patient.agents)} on the roster at "
        f"{peak.forecast.start.astimezone(zone):%m-%d %H:%M} (Erlang C)"
    )
    if with_roster:
        by_c = overall((row.forecast, row.achieved_patient) for row in rows if row.achieved_patient)
        by_a = overall((row.forecast, row.achieved_impatient) for row in rows if row.achieved_impatient)
        if by_c is not None and by_a is not None:
            console.print(
                f"with this roster, of all calls within {target.within_s:g} s: Erlang C {by_c:.1%}, Erlang A {by_a:.1%}"
            )
