"""`hotline roster`: shifts (排班) from a file or one by one, who is due, who is missing."""

from __future__ import annotations

import asyncio
import csv
import io
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, TypeVar
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table

from acd import roster
from acd.roster import NewShift, Shift
from acd.service import Acd
from directory import audit
from hotline import redis
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.errors import HotlineError, InvalidInput
from hotline.settings import Settings, load_settings
from server.runtime.parts import acd_policy, process_id

T = TypeVar("T")

app = typer.Typer(help="Shifts (排班) of seats and of the units' experts.", no_args_is_help=True)

_COLUMNS = ("agent", "group", "day", "begins", "ends")
_BY = "cli"


def _run(work: Callable[[Database, Settings], Awaitable[T]]) -> T:
    async def with_database() -> T:
        settings = load_settings()
        database = Database.of(settings)
        try:
            return await work(database, settings)
        finally:
            await database.close()

    return asyncio.run(with_database())


@app.command("import")
def import_file(
    file: Annotated[
        Path, typer.Argument(help="CSV: agent, group, day, begins, ends[, note]; local time.", exists=True)
    ],
) -> None:
    """Bring shifts from a file onto the roster, all or none. An end not after the beginning is on the next day."""

    async def work(database: Database, settings: Settings) -> None:
        new = read_shifts(file.read_text(encoding="utf-8"), ZoneInfo(settings.site.timezone))
        now = SystemClock().now()
        async with database.transaction() as session:
            for line, shift in new:
                try:
                    await roster.assign(session, [shift], by=_BY, now=now)
                except HotlineError as error:
                    raise type(error)(f"line {line}: {error.detail}", remedy="nothing was imported") from None
            told = [{"agent": shift.agent, "starts_at": shift.starts_at, "ends_at": shift.ends_at} for _, shift in new]
            await audit.record(
                session, at=now, actor=_BY, action="roster.assigned", subject="roster:import", after=told
            )
        typer.echo(f"{len(new)} shifts on the roster")

    _run(work)


@app.command("list")
def list_shifts(
    day: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="From this day on; default today.")] = None,
    days: Annotated[int, typer.Option(min=1, max=92)] = 1,
    group: Annotated[str | None, typer.Option(help="Only this skill group.")] = None,
) -> None:
    """Shifts of a day or more."""

    async def work(database: Database, settings: Settings) -> None:
        zone = ZoneInfo(settings.site.timezone)
        first = day.date() if day else SystemClock().now().astimezone(zone).date()
        begin, end = (datetime.combine(at, time(0), zone) for at in (first, first + timedelta(days=days)))
        async with database.transaction() as session:
            _print(await roster.shifts(session, begin, end, group=group), zone)

    _run(work)


@app.command("now")
def due_now() -> None:
    """Whose shift it is, and who of them is not signed in (未到岗). Exit status 1 if anybody is missing."""

    async def work(database: Database, settings: Settings) -> bool:
        now = SystemClock().now()
        async with database.transaction() as session:
            due = await roster.due(session, now)
        client = redis.connect(settings.redis.url)
        try:
            acd = Acd(
                client,
                site=settings.site.id,
                process=process_id(settings, "cli"),
                clock=SystemClock(),
                policy=acd_policy(settings),
            )
            missing = {one.shift.id: one.late_s for one in roster.missing(due, await acd.agents(), now)}
        finally:
            await client.aclose()
        _print(due, ZoneInfo(settings.site.timezone), missing)
        return bool(missing)

    if _run(work):
        raise typer.Exit(1)


def read_shifts(text: str, zone: ZoneInfo) -> list[tuple[int, NewShift]]:
    """Shifts with the lines they stand in; raises InvalidInput naming the first bad one."""
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    lacking = set(_COLUMNS) - set(rows.fieldnames or ())
    if lacking:
        raise InvalidInput(f"columns are missing: {', '.join(sorted(lacking))}")
    found = []
    for row in rows:
        agent, group, day, begins, ends = (str(row[name] or "").strip() for name in _COLUMNS)
        try:
            span = roster.local_span(date.fromisoformat(day), _clock(begins), _clock(ends), zone)
        except (ValueError, InvalidInput) as error:
            raise InvalidInput(f"line {rows.line_num}: {error}", remedy="nothing was imported") from None
        found.append((rows.line_num, NewShift(agent, group, *span, str(row.get("note") or "").strip()[:200])))
    return found


def _clock(text: str) -> time:
    at = time.fromisoformat(text)
    if at.tzinfo is not None:
        raise ValueError("times are local")
    return at


def _print(shifts: list[Shift], zone: ZoneInfo, missing: dict[int, float] | None = None) -> None:
    table = Table(
        "agent 工号", "name", "group", "from", "until", "note", *(["here"] if missing is not None else []), box=None
    )
    for shift in shifts:
        cells = [
            shift.agent,
            shift.name,
            shift.group,
            _local(shift.starts_at, zone),
            _local(shift.ends_at, zone),
            shift.note,
        ]
        if missing is not None:
            late = missing.get(shift.id)
            cells.append("[green]yes[/]" if late is None else f"[red]missing for {late // 60:.0f} min[/]")
        table.add_row(*cells)
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _local(moment: datetime, zone: ZoneInfo) -> str:
    return moment.astimezone(UTC).astimezone(zone).strftime("%m-%d %H:%M")
