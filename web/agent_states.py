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

_log = structlog.get_logger(__name__)

_KEPT_FOR_A_SLOW_SOCKET = 100
_AGAIN_AFTER = 0.5


class AgentStates:
    """One reader of the stream for all sockets: three hundred of them must not each read every agent's changes."""

    def __init__(self, acd: Acd) -> None:
        self._acd = acd
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
        """Follow the stream for ever. When Redis is away the sockets close by themselves and greet anew."""
        while True:
            try:
                async for event in self._acd.follow_events():
                    self._hand_out(event)
            except (RedisError, OSError, PartUnavailable):
                _log.warning("web.agent_states_interrupted")
            await asyncio.sleep(_AGAIN_AFTER)

    def _hand_out(self, event: AgentEvent) -> None:
        for queue in self._listening.get(event.agent, ()):
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(event)
