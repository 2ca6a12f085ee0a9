"""`hotline privacy`: personal data whose time is over, and citizens who want to be forgotten."""

from __future__ import annotations

from typing import Annotated

import typer

from calls import erasing as of_calls
from calls.erasing import CallErasing
from directory import audit
from directory.numbers import normalise
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.errors import InvalidInput
from hotline.settings import Settings
from server.commands.on_database import on_database
from ticketing import erasing
from ticketing.erasing import Erasing

app = typer.Typer(help="Personal data (个人信息): what is due, erase it, forget a citizen.", no_args_is_help=True)


@app.command("erase-due")
def erase_due(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how much would be erased.")] = False,
) -> None:
    """Erase what was kept long enough or was asked for; the jobs process does so by itself. May be broken off."""

    async def work(database: Database, settings: Settings) -> None:
        clock = SystemClock()
        async with database.transaction() as session:
            due = await erasing.waiting(session, clock.now())
            calls = await of_calls.waiting(session, clock.now())
        for kind, number in due.items():
            typer.echo(f"{kind}: {number} tickets due")
        typer.echo(f"calls: {calls} due")
        if not dry_run:
            typer.echo(f"{await Erasing(database, clock).step()} erased")
            typer.echo(f"{await _of_calls(database, settings).step()} records of calls erased")

    on_database(work)


@app.command()
def forget(
    number: Annotated[str, typer.Argument(help="The citizen's number, in any form.")],
    reason: Annotated[str, typer.Option("--reason", help="How they asked; it goes into the audit log.")],
) -> None:
    """Erase what finished tickets and calls hold of a citizen; what is under way follows when it is over."""
    if not 1 <= len(reason.strip()) <= 64:
        raise InvalidInput("a reason has 1 to 64 characters")

    async def work(database: Database, settings: Settings) -> None:
        clock = SystemClock()
        async with database.transaction() as session:
            whose = normalise(number, settings.site.area_code)
            row = await of_calls.ask(session, whose, reason.strip(), by="cli", at=clock.now())
            await audit.record(
                session,
                at=clock.now(),
                actor="cli",
                action="erasure.asked",
                subject=f"erasure:{row.id}",
                after={"reason": reason.strip()},
            )
        erased = await Erasing(database, clock).step()
        records = await _of_calls(database, settings).step()
        typer.echo(f"request {row.id}; {erased} tickets, {records} records of calls erased")

    on_database(work)


def _of_calls(database: Database, settings: Settings) -> CallErasing:
    host, sounds = settings.asterisk.systemname, settings.var_dir / "messages"
    return CallErasing(database, SystemClock(), host=host, sounds=sounds)
