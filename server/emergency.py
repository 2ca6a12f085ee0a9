"""Emergency routes for the dialplan, from the directory: 110, 119, 120 and 122 go out even when all of ours is dead."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from directory.loader import CurrentDirectory
from directory.modes import EMERGENCY_NUMBERS
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.errors import PartUnavailable
from hotline.settings import Settings
from server.asterisk.render import EmergencyRoute

_log = structlog.get_logger(__name__)


def emergency_routes(settings: Settings) -> list[EmergencyRoute]:
    """Each emergency number's targets in the directory's order; empty while there is no directory yet.

    A target whose trunk `hotline.toml` does not have is left out: one wrong name must not keep Asterisk from starting.
    """
    routes = asyncio.run(_routes(settings))
    lost = without_trunk(settings, routes)
    for route in lost:
        _log.error("emergency.no_such_trunk", number=route.number, trunk=route.trunk)
    return [route for route in routes if route not in lost]


def all_routes(settings: Settings) -> list[EmergencyRoute]:
    """The same with those that cannot be dialled."""
    return asyncio.run(_routes(settings))


def without_trunk(settings: Settings, routes: Sequence[EmergencyRoute]) -> list[EmergencyRoute]:
    """Those whose trunk is not in `asterisk.trunks`."""
    known = {trunk.name for trunk in settings.asterisk.trunks}
    return [route for route in routes if route.trunk not in known]


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
