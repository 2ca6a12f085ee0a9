"""`hotline figures`: the board of live figures in the terminal, and figures of the past."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from redis.exceptions import RedisError
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from calls import figure_sheets
from calls.figure_board import AGENT, LINE, QUEUE, Board, Entry, FigureBoard
from calls.figures import Scope
from calls.history import Period, Step, agent_history, call_history
from hotline import redis
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.errors import InvalidInput, PartUnavailable
from hotline.settings import Settings, load_settings
from server.commands.agent_screen import STATES, plain

app = typer.Typer(help="Live figures of queues and agents; with `history`, figures of the past.")

_SECOND_MS = 1_000


class By(StrEnum):
    """What the rows are about."""

    HOTLINE = "hotline"
    QUEUE = "queue"
    AGENT = "agent"


@app.callback(invoke_without_command=True)
def live(
    context: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Print the board once, for scripts.")] = False,
) -> None:
    """Show what queues and agents do now, until Ctrl-C."""
    if context.invoked_subcommand is None:
        try:
            asyncio.run(_show(load_settings(), once=once))
        except KeyboardInterrupt:
            return


@app.command()
def history(
    *,
    from_: Annotated[str, typer.Option("--from", help="2026-11-21, or 2026-11-21T08:00, by the city's clock.")] = "",
    to: Annotated[str, typer.Option(help="As --from; default: a day later.")] = "",
    by: Annotated[By, typer.Option(help="What the rows are about.")] = By.QUEUE,
    step: Annotated[Step, typer.Option(help="How long each row is.")] = Step.HALF_HOUR,
    subject: Annotated[list[str] | None, typer.Option(help="Only this one; may be given again.")] = None,
    csv: Annotated[bool, typer.Option("--csv", help="As a table for a spreadsheet.")] = False,
) -> None:
    """Figures of a period (default: today) by hotline, queue or agent."""
    settings = load_settings()
    zone = ZoneInfo(settings.site.timezone)
    start = _moment(from_, zone) if from_ else datetime.combine(datetime.now(zone).date(), datetime.min.time(), zone)
    end = _moment(to, zone) if to else start + timedelta(days=1)
    table = asyncio.run(_past(settings, by, Period(start, end, step, zone), subject or []))
    if csv:
        typer.echo(figure_sheets.as_csv(table), nl=False)
    else:
        Console().print(_drawn(table))


def _away(part: str, error: Exception) -> PartUnavailable:
    return PartUnavailable(f"{part} does not serve us ({type(error).__name__})", remedy="hotline doctor")


def _moment(text: str, zone: ZoneInfo) -> datetime:
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"not a moment: {plain(text)}", remedy="2026-11-21, or 2026-11-21T08:00") from None
    return given if given.tzinfo else given.replace(tzinfo=zone)


async def _past(settings: Settings, by: By, period: Period, subjects: list[str]) -> figure_sheets.Table:
    database = Database.of(settings)
    try:
        async with database.transaction() as session:
            if by is By.AGENT:
                reports = await agent_history(session, period, now=SystemClock().now(), agents=subjects)
                return figure_sheets.agent_table(reports, period.zone)
            scope = Scope(by)
            return figure_sheets.call_table(await call_history(session, scope, period, subjects), scope, period.zone)
    except (SQLAlchemyError, OSError) as error:
        raise PartUnavailable(
            f"PostgreSQL does not serve us ({type(error).__name__})", remedy="hotline doctor"
        ) from None
    finally:
        await database.close()


def _drawn(cells: figure_sheets.Table) -> Table:
    """For the terminal: columns of nothing but zeros are left out, they are many."""
    headings, *rows = cells
    shown = [at for at in range(len(headings)) if at < 2 or any(row[at] not in ("", "0", "0.0") for row in rows)]
    table = Table()
    for at in shown:
        table.add_column(headings[at], justify="left" if at < 2 else "right")
    for row in rows:
        table.add_row(*(plain(row[at]) for at in shown))
    return table


async def _show(settings: Settings, *, once: bool) -> None:
    client = redis.connect(settings.redis.url)
    board = FigureBoard(client, settings.site.id)
    console = Console(highlight=False, markup=False)
    clock = SystemClock()
    try:
        if once:
            console.print(screen(await board.read(), clock.now_ms()))
            return
        with Live(console=console, screen=True, auto_refresh=False) as shown:
            while True:
                shown.update(screen(await board.read(), clock.now_ms()), refresh=True)
                await asyncio.sleep(1.0)
    except (RedisError, OSError) as error:
        raise _away("Redis", error) from None
    finally:
        await client.aclose()


def screen(board: Board, now_ms: int) -> Group:
    """The whole board as it is drawn."""
    stale = [] if board.kept_up else ["没有进程在更新实时指标，以下可能已过时: hotline status"]
    return Group(*stale, _line(board.entries.get(LINE, {}), now_ms), _queues(board, now_ms), _agents(board, now_ms))


def _line(line: Entry, now_ms: int) -> str:
    states = "  ".join(f"{STATES.get(state, state)} {agents}" for state, agents in line.get("agents", {}).items())
    return (
        f"排队 {line.get('waiting', 0)}  最长等待 {_since(line.get('longest_since_ms'), now_ms)}  "
        f"24小时接通率 {_rate(line.get('connection_rate_24h'))}  今日呼入人工 {line.get('offered', 0)}  "
        f"15秒及时率 {_rate(line.get('promptness'))}\n{states}"
    )


def _queues(board: Board, now_ms: int) -> Table:
    now = ("队列", "排队", "最长等待", "示闲", "通话", "整理")
    table = _columns([*now, "今日", "接通", "放弃", "短放弃", "接通率", "服务水平", "放弃率", "平均应答"])
    for queue, entry in sorted(board.of(QUEUE).items()):
        counts = (str(entry[name]) for name in ("ready", "talking", "wrap_up", "offered", "answered"))
        table.add_row(
            f"{plain(entry['name'])} {queue}",
            str(entry["waiting"]),
            _since(entry["longest_since_ms"], now_ms),
            *counts,
            str(entry["abandoned"]),
            str(entry["short_abandoned"]),
            *(_rate(entry[name]) for name in ("connection_rate", "service_level", "abandonment")),
            _seconds(entry["average_answer_ms"]),
        )
    return table


def _agents(board: Board, now_ms: int) -> Table:
    table = _columns(["工号", "分机", "状态", "已有", "队列", "今日接听", "未接", "通话时长"])
    for agent, entry in sorted(board.of(AGENT).items()):
        reason = f"（{plain(entry['reason'])}）" if entry["reason"] else ""
        table.add_row(
            agent,
            entry["extension"],
            f"{STATES.get(entry['state'], entry['state'])}{reason}",
            _since(entry["since_ms"], now_ms),
            entry["queue"],
            str(entry["calls"]),
            str(entry["missed"]),
            _clock(entry["talk_ms"]),
        )
    return table


def _columns(headings: list[str]) -> Table:
    table = Table()
    for nth, heading in enumerate(headings):
        table.add_column(heading, justify="left" if nth == 0 else "right")
    return table


def _since(moment_ms: int | None, now_ms: int) -> str:
    return "—" if moment_ms is None else _clock(max(0, now_ms - moment_ms))


def _clock(milliseconds: int) -> str:
    minutes, seconds = divmod(milliseconds // _SECOND_MS, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _rate(rate: float | None) -> str:
    return "—" if rate is None else f"{rate:.1%}"


def _seconds(milliseconds: float | None) -> str:
    return "—" if milliseconds is None else f"{milliseconds / _SECOND_MS:.1f} 秒"
