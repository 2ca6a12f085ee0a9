"""Who takes part in the demonstration: the seeded directory, and the password its people sign in with."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from directory import account_repository, users
from directory.demo import TRUNKS, seed_demo
from directory.passwords import Passwords
from hotline import ids
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.errors import Conflict, NotFound, NotSignedIn, SettingsError
from hotline.settings import Settings, settings_file
from server.asterisk.apply import apply
from server.emergency import emergency_routes

EXPERT = "2001"
"""The login of the seeded expert of 12333."""

PASSWORD_VARIABLE = "HOTLINE_AGENT_PASSWORD"  # noqa: S105 - the name of a variable
PASSWORD_FILE = "demo-password"  # noqa: S105 - the name of a file


def password_file(settings: Settings) -> Path:
    """Where the demonstration's password is kept, for its owner alone."""
    return settings.var_dir / PASSWORD_FILE


async def seeded(database: Database, settings: Settings) -> bool:
    """Fill the directory for the demonstration unless it is there; returns whether it was filled now.

    Raises Conflict for a line that has people of its own, SettingsError when a test target has no trunk.
    """
    async with database.transaction() as session:
        if await account_repository.user(session, EXPERT) is not None:
            return False
        if await users.people(session):
            raise Conflict(
                "this line has people of its own, and the demonstration would add test logins to them",
                remedy="try it on a line of its own (HOTLINE_CONFIG), or add them all the same: hotline directory demo",
            )
    missing = sorted(set(TRUNKS.values()) - {trunk.name for trunk in settings.asterisk.trunks})
    if missing:
        raise SettingsError(
            f"the demonstration's targets need the trunks {', '.join(missing)}",
            remedy=f"add a block [[asterisk.trunks]] for each to {settings_file()}, with a contact on 127.0.0.1",
        )
    # Kept before it is used: a run cut off in between must not leave logins nobody has the password of.
    password = _kept_password(settings)
    await seed_demo(database, settings, Passwords(), SystemClock(), password=password)
    # The emergency numbers' test targets are part of the dialplan.
    routes = await asyncio.to_thread(emergency_routes, settings)
    await asyncio.to_thread(apply, settings, routes)
    return True


def password(settings: Settings) -> str:
    """The demonstration's password. Raises NotSignedIn when the logins were made some other way."""
    given = os.environ.get(PASSWORD_VARIABLE)
    if given:
        return given
    try:
        return password_file(settings).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise NotSignedIn(
            f"the password of {EXPERT} is not known here",
            remedy=f"set {PASSWORD_VARIABLE}, or give a new one: hotline directory users password {EXPERT}",
        ) from None


async def extension(database: Database) -> str:
    """The expert's own seat (分机). Raises NotFound."""
    async with database.transaction() as session:
        person = await users.person(session, await users.get(session, EXPERT))
    if person.agent is None or person.agent.extension is None:
        raise NotFound(f"{EXPERT} has no extension", remedy="hotline directory users list")
    return person.agent.extension


def _kept_password(settings: Settings) -> str:
    """Made at first use; a link, not a rename, so that of two runs at once both use the same one."""
    kept = password_file(settings)
    draft = kept.with_name(f"{kept.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(ids.token(9) + "\n")
    try:
        os.link(draft, kept)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return kept.read_text(encoding="utf-8").strip()
