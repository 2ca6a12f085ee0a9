"""Agents' changes of state, from distribution's event stream to the sockets of this web process."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from redis.exceptions import RedisError

from acd.model import AgentEvent
from acd.service import Acd
from hotline.errors import PartUnavailable
from hotline.redis import Redis, key

_log = structlog.get_logger(__name__)

_KEPT_FOR_A_SLOW_SOCKET = 100
_AGAIN_AFTER = 0.5
_GATHER_MS = 30
"""Sooner than anybody sees."""


class AgentStates:
    """One reader of the stream for all sockets: three hundred of them must not each read every agent's changes."""

    def __init__(self, acd: Acd, redis: Redis, site: str) -> None:
        self._acd = acd
        self._redis = redis
        self._events = key(site, "acd", "events")
        self._listening: defaultdict[str, set[asyncio.Queue[AgentEvent]]] = defaultdict(set)

    @contextmanager
    def listen(self, agent: str) -> Iterator[asyncio.Queue[AgentEvent]]:
        """Changes of one agent from now on. A queue that is full loses its oldest: only the newest state counts."""
        queue: asyncio.Queue[AgentEvent] = asyncio.Queue(_KEPT_FOR_A_SLOW_SOCKET)
        self._listening[agent].add(queue)
        try:
            yield queue
        finally:
            self._listening[agent].discard(queue)
            if not self._listening[agent]:
                del self._listening[agent]

    async def run(self) -> None:
        """Follow the stream for ever, from now on; after a break go on where it was."""
        cursor: str | None = None
        while True:
            try:
                # Not "from now on" a second time: what happened during the break would be lost.
                cursor = cursor or await self._newest()
                async for event in self._acd.follow_events(cursor, gather_ms=_GATHER_MS):
                    cursor = event.cursor
                    self._hand_out(event)
            except (RedisError, OSError, PartUnavailable):
                _log.warning("web.agent_states_interrupted")
            await asyncio.sleep(_AGAIN_AFTER)

    async def _newest(self) -> str:
        newest = await self._redis.xrevrange(self._events, count=1)
        return str(newest[0][0]) if newest else "0-0"

    def _hand_out(self, event: AgentEvent) -> None:
        for queue in self._listening.get(event.agent, ()):
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(event)
