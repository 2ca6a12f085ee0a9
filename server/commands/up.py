"""`hotline up`, `stop`, `status`, `restart`, `follow`: the line as a whole."""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from hotline.settings import Settings, load_settings
from server.processes import Stack
from server.provision.supervisor import State

_RUNS = {"RUNNING", "STARTING"}


def up(
    only: Annotated[list[str] | None, typer.Argument(help="Only these programs, e.g. postgres redis.")] = None,
) -> None:
    """Start everything that does not run yet, bring the schema up to date, and return when all of it serves."""
    started = time.monotonic()
    stack = Stack(load_settings())
    stack.start(only or None, progress=lambda told: typer.echo(f"  {told}"))
    typer.echo(f"The line is up after {time.monotonic() - started:.1f} s.")


def stop(
    only: Annotated[list[str] | None, typer.Argument(help="Only these programs; without any: all of it.")] = None,
) -> None:
    """Stop the line in order. Nothing of it is left afterwards, whatever state it was in."""
    stack = Stack(load_settings())
    stack.stop(only or None)
    typer.echo(f"Stopped: {', '.join(only) if only else 'the whole line'}.")


def restart(program: Annotated[str, typer.Argument(help="A name that `hotline status` shows.")]) -> None:
    """Stop one program in order and start it again."""
    Stack(load_settings()).restart(program)
    typer.echo(f"{program} is up again.")


def status() -> None:
    """Every program of the line: its state, process and since when. Exit status 1 unless all of them run."""
    settings = load_settings()
    states = Stack(settings).status()
    Console().print(_table(states, settings))
    if any(state.name not in _RUNS for state in states):
        raise typer.Exit(1)


def follow() -> None:
    """Stay in the foreground and show the state of the line until Ctrl-C; the line itself stays up.

    With HOTLINE_DETACH=1, or without a terminal, it returns at once.
    """
    settings = load_settings()
    typer.echo("The line stays up. Look: .venv/bin/hotline status; end it: make stop")
    if os.environ.get("HOTLINE_DETACH") == "1" or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return
    stack = Stack(settings)
    try:
        with Live(_table(stack.status(), settings), auto_refresh=False) as live:
            while True:
                time.sleep(1)
                live.update(_table(stack.status(), settings), refresh=True)
    except KeyboardInterrupt:
        typer.echo("\nNo longer shown; the line is still up. End it: make stop")


def _table(states: list[State], settings: Settings) -> Table:
    table = Table("program", "state", "process", "since", box=None)
    zone = ZoneInfo(settings.site.timezone)
    for state in states:
        runs = state.pid != 0
        since = datetime.fromtimestamp(state.since, UTC).astimezone(zone).strftime("%m-%d %H:%M:%S") if runs else ""
        colour = "green" if state.name in _RUNS else "red"
        table.add_row(state.program, f"[{colour}]{state.name.lower()}[/]", str(state.pid) if runs else "", since)
    return table
