"""`hotline simulate`: a day of calls through the real matcher on a virtual clock, beside Erlang C and A."""

from __future__ import annotations

import asyncio
import json
import math
import sys
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from acd import roster
from acd.erlang import Load, Service
from acd.needs import Need
from acd.queue_store import default_rules
from acd.queues import QueueRule
from acd.staffing import Forecast, read_forecast
from directory.modes import GENERAL_GROUP
from hotline.clock import to_ms
from hotline.database import Database
from hotline.errors import InvalidInput
from hotline.settings import Settings, load_settings
from server.simulation.day import Day, Simulation
from server.simulation.demand import Call, Seat, Spread, Stretch, draw_calls, team
from server.simulation.line import VirtualLine
from server.simulation.outcome import Comparison, Outcome, compare, measure
from server.simulation.private_redis import private_redis

_EXPERTS = "expert-"


def simulate(
    forecast: Annotated[
        Path | None,
        typer.Argument(help="CSV: start, calls, handling_s by half hour. Without it: --calls-per-hour.", exists=True),
    ] = None,
    *,
    calls_per_hour: Annotated[float, typer.Option(min=0, help="Even demand, where there is no forecast.")] = 120,
    hours: Annotated[float, typer.Option(min=0.1, max=24 * 31, help="How long it goes on.")] = 8,
    handling: Annotated[float, typer.Option(min=1, help="Mean handling, wrap-up included, seconds.")] = 240,
    agents: Annotated[
        list[str] | None,
        typer.Option(help="How many of which skills: `20`, `20=general:5`, `3=expert-12333:7+general:2`; repeatable."),
    ] = None,
    from_roster: Annotated[
        bool, typer.Option("--roster", help="Agents as the roster has them, in the forecast's time.")
    ] = False,
    mix: Annotated[
        list[str] | None, typer.Option(help="Queues with their share of the calls, `expert-12333=0.2`; repeatable.")
    ] = None,
    service: Annotated[Spread, typer.Option(help="How talks scatter.")] = Spread.EXPONENTIAL,
    variation: Annotated[float, typer.Option(min=0.01, help="Coefficient of variation of lognormal talks.")] = 1.0,
    patience: Annotated[float, typer.Option(min=0, help="Callers' mean patience, seconds; 0: nobody gives up.")] = 180,
    wrap_up: Annotated[float, typer.Option(min=0, help="Of the handling: after-call work (话后整理), seconds.")] = 0,
    within: Annotated[float, typer.Option(min=0, help="Seconds of the service level.")] = 20,
    seed: Annotated[int, typer.Option(help="The same seed draws the same callers.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")] = False,
) -> None:
    """Run calls through the real matcher in a private Redis, as fast as it goes, and compare with Erlang C and A."""
    settings = load_settings()
    zone = ZoneInfo(settings.site.timezone)
    demand = read_forecast(forecast.read_text(encoding="utf-8"), zone) if forecast else []
    stretches = _stretches(demand, calls_per_hour, hours, handling, wrap_up)
    shares = _shares(mix or [f"{GENERAL_GROUP}=1"])
    calls = draw_calls(
        stretches, seed=seed, mix=shares, spread=service, variation=variation, patience_s=patience or None
    )
    if from_roster:
        if not demand:
            raise InvalidInput("the roster has days: give a forecast", remedy="hotline simulate FORECAST.csv --roster")
        seats = asyncio.run(_rostered(settings, demand[0].start, demand[-1].end))
    else:
        seats = team([_kind(text) for text in agents or ["10"]])
    rules = _rules(shares, settings, round(1000 * wrap_up))
    day = asyncio.run(_run(rules, calls, seats))
    loads = [(one, Load(one.calls_per_s, one.talk_s + wrap_up, patience or None)) for one in stretches]
    compared = [compare(day, load, within, one.from_ms, one.until_ms) for one, load in loads]
    whole = measure(day, within)
    if as_json:
        told: dict[str, Any] = {"seed": seed, "whole": asdict(whole), "stretches": [asdict(one) for one in compared]}
        typer.echo(json.dumps(told))
        return
    _print(whole, compared, [one.start.astimezone(zone).strftime("%m-%d %H:%M") for one in demand], within, seed)


def _stretches(
    demand: list[Forecast], calls_per_hour: float, hours: float, handling: float, wrap_up: float
) -> list[Stretch]:
    if min([one.handling_s for one in demand] or [handling]) <= wrap_up:
        raise InvalidInput("handling includes the wrap-up: it must be longer")
    if not demand:
        return [Stretch(0, round(hours * 3_600_000), calls_per_hour / 3600, handling - wrap_up)]
    begin = demand[0].start
    return [
        Stretch(
            to_ms(one.start) - to_ms(begin),
            to_ms(one.end) - to_ms(begin),
            one.load().calls_per_s,
            one.handling_s - wrap_up,
        )
        for one in demand
    ]


def _shares(texts: list[str]) -> dict[str, float]:
    shares = {}
    for text in texts:
        queue, _, share = text.partition("=")
        try:
            shares[queue] = float(share)
        except ValueError:
            raise InvalidInput("a share is `queue=number`") from None
    return shares


def _kind(text: str) -> tuple[int, Mapping[str, int]]:
    count, _, groups = text.partition("=")
    if not count.isdecimal() or int(count) > 10_000:
        raise InvalidInput("agents are `number` or `number=group:level+group:level`")
    return int(count), Need.parse(groups or f"{GENERAL_GROUP}:5").skills


def _rules(shares: Mapping[str, float], settings: Settings, wrap_up_ms: int) -> list[QueueRule]:
    """The rules that hold where nobody has laid down others."""
    lines = [
        (queue.removeprefix(_EXPERTS), settings.acd.general_after_ms) for queue in shares if queue.startswith(_EXPERTS)
    ]
    rules = {rule.queue: rule for rule in default_rules(lines, wrap_up_ms=wrap_up_ms)}
    unknown = sorted(shares.keys() - rules.keys())
    if unknown:
        raise InvalidInput(f"no such queue: {', '.join(unknown)}", remedy=f"there are: {', '.join(rules)}")
    return list(rules.values())


async def _rostered(settings: Settings, begin: datetime, end: datetime) -> list[Seat]:
    database = Database(settings.postgres.url)
    try:
        async with database.transaction() as session:
            shifts = await roster.shifts(session, begin, end)
            levels = await roster.levels(session, {shift.agent for shift in shifts})
    finally:
        await database.close()
    start = to_ms(begin)
    return [
        Seat(shift.agent, levels[shift.agent], max(to_ms(shift.starts_at) - start, 0), to_ms(shift.ends_at) - start)
        for shift in shifts
    ]


async def _run(rules: list[QueueRule], calls: list[Call], seats: list[Seat]) -> Day:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    async with private_redis() as redis:
        line = await VirtualLine.open(redis, rules)
        with Progress(*columns, console=Console(stderr=True)) as progress:
            task = progress.add_task("calls", total=len(calls))

            def told(decided: int) -> None:
                progress.update(task, completed=decided)

            return await Simulation(line, rules, calls, seats, progress=told).run()


def _print(whole: Outcome, compared: list[Comparison], starts: list[str], within: float, seed: int) -> None:
    console = Console(width=None if sys.stdout.isatty() else 160)
    console.print(
        f"{whole.offered:,} calls (seed {seed}), {whole.answered:,} answered, {whole.gave_up:,} gave up, "
        f"longest wait {_seconds(whole.longest_wait_s)}; drawn at random, so other seeds give other waits"
    )
    table = Table("", "", "agents", f"within {within:g} s", "answered after", "gave up", "occupancy", box=None)
    for n, one in enumerate(compared):
        _add(table, starts[n] if starts else "", f"simulated, {one.outcome.offered:,} calls", one.outcome)
        for name, said in (("Erlang C", one.patient), ("Erlang A", one.impatient)):
            if said is not None:
                _add(table, "", name, said)
    if len(compared) > 1:
        _add(table, "all of it", f"simulated, {whole.offered:,} calls", whole)
    console.print(table)


def _add(table: Table, when: str, what: str, got: Outcome | Service) -> None:
    table.add_row(
        when,
        what,
        f"{got.agents:.1f}",
        _percent(got.service_level),
        _seconds(got.asa_s),
        _percent(got.abandoned),
        _percent(got.occupancy),
    )


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds:.1f} s" if math.isfinite(seconds) else "ever later"
