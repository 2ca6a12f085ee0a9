"""Who supervises whom now: a record for each supervisor, in Redis, for the pages that show the floor (座席大厅).

The voice process that carries a supervision out writes its record and renews it. One that is not renewed is a process
that died; the supervisor's phone may be in the call still, and whoever has the call now takes the supervision up.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final

import orjson

from calls.supervising_states import SupervisionState
from hotline.clock import Clock
from hotline.redis import Redis, key

LEASE_MS: Final = 15_000
"""A record that was not renewed for so long is of a process that died."""
SHOWN_MS: Final = 60_000
"""How long a supervision that ended is shown, with why."""


@dataclass(frozen=True, slots=True)
class FloorRecord:
    """A supervisor in an agent's call. Moments are milliseconds since 1970-01-01 UTC."""

    supervisor: str
    agent: str
    call: str
    state: SupervisionState
    since_ms: int
    until_ms: int
    extension: str
    leg: str
    """Unique id of the supervisor's leg."""
    process: str
    why: str = ""
    """Why it ended, or why the last step came to nothing: a `SupervisionEnd`."""

    @property
    def over(self) -> bool:
        return self.state is SupervisionState.ENDED


class FloorBoard:
    """The records of one site."""

    def __init__(self, redis: Redis, site: str, clock: Clock) -> None:
        self._redis = redis
        self._key = key(site, "floor")
        self._clock = clock

    async def put(self, record: FloorRecord) -> None:
        """Write a supervisor's record; it replaces an older one."""
        await self._redis.hset(self._key, record.supervisor, orjson.dumps(asdict(record)).decode())

    async def drop(self, record: FloorRecord) -> None:
        """Take a record away, unless it is of another supervision by now."""
        found = (await self.all()).get(record.supervisor)
        if found is not None and found.leg == record.leg:
            await self._redis.hdel(self._key, record.supervisor)

    async def all(self) -> dict[str, FloorRecord]:
        """Every record, out of date or not, by supervisor."""
        found: Any = await self._redis.hgetall(self._key)
        return {supervisor: _record(orjson.loads(text)) for supervisor, text in found.items()}

    async def current(self) -> list[FloorRecord]:
        """Those that are in date: what goes on, and what ended a moment ago."""
        now_ms = self._clock.now_ms()
        return [record for record in (await self.all()).values() if record.until_ms > now_ms]


def _record(told: dict[str, Any]) -> FloorRecord:
    return FloorRecord(**told | {"state": SupervisionState(told["state"])})
