"""The database's schema: Alembic's migrations in `server/migrations`, applied under a lock."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from directory.importer import SANMENXIA, import_hotlines
from directory.loader import load_snapshot
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.errors import PartUnavailable
from hotline.settings import Settings, load_settings, project_root


def _config(settings: Settings) -> Config:
    config = Config()
    config.set_main_option("script_location", str(project_root() / "server" / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = settings.postgres.url
    return config


def migrate(settings: Settings) -> None:
    """Bring the schema to the newest revision. Safe to call twice, and from two processes at once.

    Raises PartUnavailable when the database cannot be reached.
    """
    try:
        _apart(settings, lambda config: command.upgrade(config, "head"))
    except OSError as error:
        raise PartUnavailable(
            f"no PostgreSQL on {settings.postgres.host}:{settings.postgres.port} ({error})", remedy="hotline doctor"
        ) from error


async def revision(settings: Settings) -> str | None:
    """The revision the database is at; None for one without schema. Raises OSError or SQLAlchemyError."""
    engine = create_async_engine(settings.postgres.url, poolclass=NullPool, connect_args={"timeout": 3})
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
    finally:
        await engine.dispose()


async def fill_empty_directory(settings: Settings) -> int:
    """Give a line without a single number the list that ships with the project; returns how many numbers came in.

    The list is Sanmenxia's: a line of another city starts empty, and its operator imports the city's own.
    """
    if settings.site.id != "smx":
        return 0
    database = Database(settings.postgres.url)
    now = SystemClock().now()
    try:
        async with database.transaction() as session:
            if (await load_snapshot(session, settings)).lines:
                return 0
            report = await import_hotlines(
                session, SANMENXIA.read_bytes(), settings.site, now=now, effective_from=now, good_rows_only=False
            )
            return len(report.added)
    finally:
        await database.close()


def newest(settings: Settings) -> str | None:
    """The revision that the code needs; None while there is no migration at all."""
    return ScriptDirectory.from_config(_config(settings)).get_current_head()


def _apart(settings: Settings, work: Callable[[Config], object]) -> None:
    """env.py runs a loop of its own, which a caller inside a loop must not see."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(work, _config(settings)).result()


def main() -> None:
    """`python -m server.provision.database "what changes"`: write a migration from the models, to be reviewed."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("message")
    message = parser.parse_args().message
    settings = load_settings()
    _apart(settings, lambda config: command.upgrade(config, "head"))
    _apart(settings, lambda config: command.revision(config, message, autogenerate=True))


if __name__ == "__main__":
    main()
