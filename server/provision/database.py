"""The database's schema: Alembic's migrations in `server/migrations`, applied under a lock."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from hotline.settings import Settings, load_settings, project_root


def _config(settings: Settings) -> Config:
    config = Config()
    config.set_main_option("script_location", str(project_root() / "server" / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = settings.postgres.url
    return config


def migrate(settings: Settings) -> None:
    """Bring the schema to the newest revision. Safe to call twice, and from two processes at once."""
    _apart(settings, lambda config: command.upgrade(config, "head"))


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
