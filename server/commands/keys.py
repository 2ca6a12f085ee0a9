"""`hotline keys`: the keys that personal data are sealed with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from directory import audit
from hotline import resealing, sealed
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.keys import add_key
from hotline.settings import Settings
from server.commands.on_database import on_database

app = typer.Typer(help="Keys of personal data (个人信息密钥): which are in use, rotate.", no_args_is_help=True)


@app.command()
def status() -> None:
    """How many values each key has sealed, field by field."""

    async def work(database: Database, _settings: Settings) -> None:
        ids = sealed.keys().ids
        table = Table("field", *(f"{key} (newest)" if key == ids[-1] else key for key in ids), "unknown key")
        for place in resealing.places():
            counts = await resealing.counted(database, place)
            unknown = sum(number for key, number in counts.items() if key not in ids)
            table.add_row(place.name, *(str(counts.get(key, 0)) for key in ids), str(unknown))
        Console().print(table)

    on_database(work)


@app.command()
def rotate(
    new: Annotated[bool, typer.Option(help="Make a new key first; without, go on with what a former run left.")] = True,
) -> None:
    """Seal with a new key from now on, and what former keys have sealed anew, in batches. When it was broken off, go on
    with `--no-new`. Every host needs the new key file before it reads what is new."""

    async def work(database: Database, _settings: Settings) -> None:
        keys = sealed.keys()
        if new:
            sealed.keys().seal("key.check", "0")
            typer.echo(f"{keys.path}: {add_key(keys.path).current.id} seals from now on; keep a copy of this file")
        resealed = 0
        for place in resealing.places():
            behind: Sequence[Any] = ()
            while True:
                some, behind = await resealing.some(database, place, behind)
                if not some:
                    break
                resealed += some
        async with database.transaction() as session:
            await audit.record(
                session,
                at=SystemClock().now(),
                actor="cli",
                action="keys.rotated",
                subject="keys:personal",
                after={"key": keys.ids[-1], "resealed": resealed},
            )
        typer.echo(f"{resealed} values sealed anew")

    on_database(work)
