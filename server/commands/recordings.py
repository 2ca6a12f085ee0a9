"""`hotline recordings`: whether the files are what was sealed, legal holds, what is due, keys."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from calls.recording import keeping
from calls.recording.files import Vault
from calls.recording.states import RecordingState
from calls.recording.tables import RecordingRow
from directory import audit
from hotline.clock import SystemClock, from_ms
from hotline.database import Database
from hotline.errors import InvalidInput, NotFound
from hotline.ids import call_id
from hotline.keys import add_key
from hotline.settings import Settings, load_settings
from server.commands.on_database import on_database

app = typer.Typer(help="Recordings (录音): verify, hold by law (依法保全), erase what is due.", no_args_is_help=True)

_BY = "cli"
_BATCH = 500
_Call = Annotated[str, typer.Argument(help="Call id, as in the journal.")]
_Reason = Annotated[str, typer.Option("--reason", help="Whose order that is; it goes into the audit log.")]


@app.command("list")
def list_recordings(call: _Call) -> None:
    """The segments of a call's recording."""

    async def work(database: Database, _settings: Settings) -> None:
        async with database.transaction() as session:
            rows = await keeping.of_call(session, call_id(call))
        table = Table("id", "state", "from", "seconds", "missing ms", "kept until", "hold")
        for row in rows:
            table.add_row(
                str(row.id),
                f"{row.state} {row.why or ''}".strip(),
                f"{from_ms(row.started_ms):%Y-%m-%d %H:%M:%S} UTC",
                f"{row.length_ms / 1000:.1f}",
                str(row.gap_ms),
                f"{row.retain_until:%Y-%m-%d}",
                row.hold_reason or "",
            )
        Console(width=None if sys.stdout.isatty() else 160).print(table)

    on_database(work)


@app.command()
def verify(
    call: Annotated[str, typer.Argument(help="One call; without it every recording of this host.")] = "",
) -> None:
    """Read files whole and compare them with their hashes; status 1 when one is damaged. What is found is noted."""

    async def work(database: Database, settings: Settings) -> int:
        vault, host = Vault.of(settings), settings.asterisk.systemname
        looked = damaged = 0
        last = 0
        while True:
            async with database.transaction() as session:
                query = select(RecordingRow.id).where(
                    RecordingRow.id > last,
                    RecordingRow.host == host,
                    RecordingRow.sha256.is_not(None),
                    RecordingRow.state.in_((RecordingState.SEALED.value, RecordingState.DAMAGED.value)),
                )
                if call:
                    query = query.where(RecordingRow.call_id == call_id(call))
                numbers = list(await session.scalars(query.order_by(RecordingRow.id).limit(_BATCH)))
            for number in numbers:
                fault = await _verify_one(database, vault, number)
                looked += 1
                if fault:
                    damaged += 1
                    typer.echo(f"{number}: {fault}", err=True)
            if not numbers:
                break
            last = numbers[-1]
        typer.echo(f"{looked} looked at, {damaged} damaged")
        return damaged

    if on_database(work):
        raise typer.Exit(1)


async def _verify_one(database: Database, vault: Vault, number: int) -> str:
    async with database.transaction() as session:
        row = await keeping.recording(session, number, lock=True)
        if row.state == RecordingState.ERASED.value:
            return ""
        fault = await asyncio.to_thread(keeping.fault_of, vault, row)
        keeping.found(row, fault)
        return fault


@app.command()
def hold(call: _Call, reason: _Reason) -> None:
    """Keep every segment of a call whatever its time."""
    _change_hold(call, reason, "recording.held")


@app.command()
def lift(call: _Call, reason: _Reason) -> None:
    """End the hold of a call's recording."""
    _change_hold(call, reason, "recording.hold_lifted")


def _change_hold(call: str, reason: str, action: str) -> None:
    if not 1 <= len(reason.strip()) <= 64:
        raise InvalidInput("a reason has 1 to 64 characters")

    async def work(database: Database, _settings: Settings) -> None:
        now = SystemClock().now()
        async with database.transaction() as session:
            rows = [
                row
                for row in await keeping.of_call(session, call_id(call))
                if (row.held_at is None) == (action == "recording.held") and row.state != RecordingState.ERASED.value
            ]
            if not rows:
                raise NotFound("no recording of this call to which that would change anything")
            for row in rows:
                if action == "recording.held":
                    keeping.hold(row, by=_BY, reason=reason.strip(), at=now)
                else:
                    keeping.lift(row)
            for row in rows:
                subject = f"recording:{row.id}"
                await audit.record(session, at=now, actor=_BY, action=action, subject=subject, after={"reason": reason})
        typer.echo(f"{len(rows)} changed")

    on_database(work)


@app.command("erase-due")
def erase_due(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be erased.")] = False,
) -> None:
    """Erase the recordings of this host whose time is over; the jobs process does this by itself."""

    async def work(database: Database, settings: Settings) -> None:
        vault, host, now = Vault.of(settings), settings.asterisk.systemname, SystemClock().now()
        if dry_run:
            async with database.transaction() as session:
                rows = await keeping.due(session, host=host, now=now, limit=1_000_000)
            for row in rows:
                typer.echo(f"{row.id} {row.call_id} {row.retain_until:%Y-%m-%d}")
            typer.echo(f"{len(rows)} due, {sum(row.size for row in rows) / 1e6:.1f} MB")
            return
        erased = 0
        while some := await keeping.erase_some(database, vault, host=host, now=now, by=_BY):
            erased += some
        typer.echo(f"{erased} erased")

    on_database(work)


@app.command("new-key")
def new_key() -> None:
    """Seal with a new key from now on; the old ones still open what they have sealed. Copy the key file afterwards."""
    path = Vault.of(load_settings()).key_file
    typer.echo(f"{path}: {add_key(path).current.id} seals from now on; keep a copy of this file elsewhere")
