"""How a command works on the configured database, and what its person reads when that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import typer
from sqlalchemy.exc import SQLAlchemyError

from hotline.database import Database
from hotline.errors import HotlineError
from hotline.settings import Settings, load_settings

T = TypeVar("T")


def on_database(work: Callable[[Database, Settings], Awaitable[T]]) -> T:
    """Run `work` on the configured database; a domain error ends the command with its remedy and status 1."""

    async def with_database() -> T:
        settings = load_settings()
        database = Database.of(settings)
        try:
            return await work(database, settings)
        finally:
            await database.close()

    try:
        return asyncio.run(with_database())
    except HotlineError as error:
        typer.echo(f"{error.code}: {error}" + (f"\n  {error.remedy}" if error.remedy else ""), err=True)
    except (OSError, SQLAlchemyError) as error:
        typer.echo(f"PostgreSQL does not serve us ({type(error).__name__}): `hotline doctor` says why", err=True)
    raise typer.Exit(1)
