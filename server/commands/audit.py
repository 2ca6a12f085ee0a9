"""`hotline audit`: whether the audit log is what was written, and what this host has written down of it."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from directory import audit, witnessed
from directory.audit import Head
from hotline.database import Database
from hotline.errors import InvalidInput
from hotline.settings import Settings
from hotline.witness import Witness, witness_file
from server.commands.on_database import on_database

app = typer.Typer(help="The audit log (审计日志): verify it, witness it on this host.", no_args_is_help=True)

_HEAD = re.compile(r"([1-9][0-9]{0,17}):([0-9a-f]{64})")


@app.command()
def verify(
    noted: Annotated[str, typer.Option(help="seq:hash of a head noted elsewhere, as the logs have it.")] = "",
) -> None:
    """Look at every row, and at all that this host has written down; status 1, and which row, when one was changed."""

    async def work(database: Database, settings: Settings) -> None:
        head = _head(noted) if noted else None
        async with database.transaction() as session:
            found = await witnessed.verify(session, Witness(witness_file(settings)), noted=head)
        typer.echo(f"{found.head.seq} rows are what was written; witnessed up to {found.witnessed}")
        typer.echo(f"{found.pending} readings not in the chain yet")
        if found.head.seq:
            typer.echo(f"head {found.head.seq}:{found.head.hash}")

    on_database(work)


@app.command()
def witness() -> None:
    """Write the log's present head down on this host, as where it begins to be witnessed."""

    async def work(database: Database, settings: Settings) -> None:
        async with database.transaction() as session:
            await audit.verify(session)
            head = await audit.witness(session)
        typer.echo(f"{witness_file(settings)}: {head.seq}:{head.hash}" if head.seq else "the log has no row yet")

    on_database(work)


def _head(noted: str) -> Head:
    if (found := _HEAD.fullmatch(noted)) is None:
        raise InvalidInput("a head is seq:hash, as `hotline audit verify` shows it")
    return Head(int(found[1]), found[2])
