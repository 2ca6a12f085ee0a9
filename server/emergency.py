"""Emergency routes for the dialplan, from the directory: 110, 119, 120 and 122 go out even when all of ours is dead."""

from __future__ import annotations

import asyncio

from directory.loader import CurrentDirectory
from directory.modes import EMERGENCY_NUMBERS
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.errors import PartUnavailable
from hotline.settings import Settings
from server.asterisk.render import EmergencyRoute


def emergency_routes(settings: Settings) -> list[EmergencyRoute]:
    """Each emergency number's targets in the directory's order; empty while there is no directory yet."""
    return asyncio.run(_routes(settings))


async def _routes(settings: Settings) -> list[EmergencyRoute]:
    database = Database(settings.postgres.url)
    directory = CurrentDirectory(database, settings, settings.var_dir / "directory-dialplan.json")
    try:
        await directory.refresh()
    except PartUnavailable:
        return []
    finally:
        await database.close()
    now = SystemClock().now()
    lines = [line for number in sorted(EMERGENCY_NUMBERS) if (line := directory.snapshot.line(number))]
    return [
        EmergencyRoute(line.number, target.endpoint, target.user, target.ring_seconds)
        for line in lines
        if line.mode_at(now)
        for target in directory.snapshot.plan(line.number, now).targets
    ]
