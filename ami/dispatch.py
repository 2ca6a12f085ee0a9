"""From the reader to the handlers: a bounded queue and one task that empties it, in order.

The reader only appends. When the queue is full the oldest event goes, is counted, and once the backlog is worked off
(or after a second at the latest) the hooks that compare our picture with Asterisk's run again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Any, TypeVar

import structlog

from ami.counters import AmiCounters
from ami.events import AmiEvent
from ami.limits import AmiLimits

_log = structlog.get_logger(__name__)

_TURN = 64
"""Events handled before other tasks get a turn even if no handler waits."""

E = TypeVar("E", bound=AmiEvent)
Handler = Callable[[E], Awaitable[None]]
Hook = Callable[[], Awaitable[None]]


class _Mark(Enum):
    """Connects and losses travel in the queue, so that hooks run in order with the events."""

    UP = "up"
    DOWN = "down"


class Dispatcher:
    """Subscriptions, hooks and the queue between them and the reader."""

    def __init__(self, limits: AmiLimits, counters: AmiCounters) -> None:
        self._limits = limits
        self._counters = counters
        self._handlers: dict[type[AmiEvent], list[Handler[Any]]] = {}
        self._on_connect: list[Hook] = []
        self._on_disconnect: list[Hook] = []
        self._on_gap: list[Hook] = []
        self._queue: deque[AmiEvent | _Mark] = deque()
        self._wake = asyncio.Event()
        self._up = False
        self._dropped = 0
        self._stale_since: float | None = None
        self._not_before = 0.0

    def subscribe(self, kind: type[E], handler: Handler[E]) -> None:
        self._handlers.setdefault(kind, []).append(handler)

    def on_connect(self, hook: Hook) -> None:
        self._on_connect.append(hook)

    def on_disconnect(self, hook: Hook) -> None:
        self._on_disconnect.append(hook)

    def on_gap(self, hook: Hook) -> None:
        self._on_gap.append(hook)

    def offer(self, event: AmiEvent) -> None:
        """Called by the reader: keep the event for its handlers, if it has any."""
        if type(event) not in self._handlers:
            return
        if len(self._queue) >= self._limits.queue_limit:
            self._drop_oldest()
        self._counters.events.inc()
        self._queue.append(event)
        self._wake.set()

    def _drop_oldest(self) -> None:
        marks = []
        while self._queue and isinstance(self._queue[0], _Mark):
            marks.append(self._queue.popleft())
        if self._queue:
            self._queue.popleft()
            self._dropped += 1
            self._counters.events_dropped.inc()
            self._mark_stale(pause=0)
        self._queue.extendleft(reversed(marks))

    def _mark_stale(self, pause: float) -> None:
        if self._stale_since is None:
            now = asyncio.get_running_loop().time()
            self._stale_since = now
            self._not_before = max(self._not_before, now + pause)
            self._wake.set()

    def connected(self) -> None:
        """Logged in: run the hooks before any event that came after."""
        self._up = True
        self._queue.append(_Mark.UP)
        self._wake.set()

    def disconnected(self) -> None:
        """The connection is gone."""
        self._up = False
        self._queue.append(_Mark.DOWN)
        self._wake.set()

    async def run(self) -> None:
        """Empty the queue until cancelled."""
        turn = 0
        while True:
            now = asyncio.get_running_loop().time()
            if self._gap_due(now):
                await self._close_gap()
            elif self._queue:
                await self._deliver(self._queue.popleft())
                turn = (turn + 1) % _TURN
                if turn == 0:
                    await asyncio.sleep(0)
            else:
                await self._woken(now)

    async def _woken(self, now: float) -> None:
        self._wake.clear()
        if self._stale_since is None or not self._up:
            await self._wake.wait()
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, self._not_before - now)):
                await self._wake.wait()

    def _gap_due(self, now: float) -> bool:
        if self._stale_since is None or not self._up or now < self._not_before:
            return False
        return not self._queue or now - self._stale_since >= self._limits.gap_delay

    async def _close_gap(self) -> None:
        self._stale_since = None
        self._counters.gaps.inc()
        _log.warning("ami.reconciling", dropped_so_far=self._dropped)
        await self._hooks([*self._on_gap, *(hook for hook in self._on_connect if hook not in self._on_gap)])
        self._not_before = asyncio.get_running_loop().time() + self._limits.gap_delay

    async def _deliver(self, item: AmiEvent | _Mark) -> None:
        if item is _Mark.UP:
            self._stale_since = None
            await self._hooks(self._on_connect)
        elif item is _Mark.DOWN:
            await self._hooks(self._on_disconnect)
        else:
            for handler in self._handlers[type(item)]:
                await self._guarded(type(item).__name__, handler(item), self._limits.handler_timeout)

    async def _hooks(self, hooks: list[Hook]) -> None:
        done = [await self._guarded("hook", hook(), self._limits.hook_timeout) for hook in hooks]
        if not all(done) and self._up:
            # Nobody has compared our picture with Asterisk's: do it again, after a pause.
            self._mark_stale(pause=self._limits.gap_delay)

    async def _guarded(self, kind: str, work: Awaitable[None], seconds: float) -> bool:
        """Run it to its end or its deadline; a failure is counted and logged and does not stop the others."""
        try:
            async with asyncio.timeout(seconds):
                await work
        except Exception:  # noqa: BLE001 - a handler's failure must not end the dispatching of all others
            self._counters.handler_failures.labels(kind).inc()
            _log.exception("ami.handler_failed", kind=kind)
            return False
        return True
