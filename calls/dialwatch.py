"""What AMI tells of one caller's Dial: answered, bridged, parted. Talk time comes from bridges, not ANSWEREDTIME."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from ami.client import AmiClient
from ami.events import AmiEvent, BridgeEnter, BridgeLeave, DialBegin, DialEnd, Hangup
from hotline.clock import Clock

_SETTLED_MS = 500
"""A bridge that the callee leaves sooner was not a talk."""


@dataclass(slots=True)
class DialWatch:
    """One Dial of one caller, as events arrive. Times are milliseconds since 1970 (None: not seen yet)."""

    callee_channel: str | None = None
    callee_uniqueid: str | None = None
    dial_status: str | None = None
    bridged_ms: int | None = None
    parted_ms: int | None = None
    callee_cause: int | None = None
    caller_gone_ms: int | None = None
    settled: bool = False
    """Somebody was told that it is a talk: it stays one, whatever late events say."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def talked(self) -> bool:
        """Whether it was a talk: bridged, and not dropped by the callee in the same breath.

        Asterisk bridges within milliseconds of an answer; an agent whose phone answers and drops has served nobody,
        and the citizen must not be thanked for it. A citizen who hangs up at once has ended a talk.
        """
        if self.bridged_ms is None or self.settled:
            return self.settled
        dropped = self.parted_ms is not None and self.parted_ms - self.bridged_ms < _SETTLED_MS
        return not dropped or self.caller_gone_ms is not None

    async def until_settled(self) -> int:
        """Waits until it is a talk; returns when it began."""
        began_ms = await self.until_bridged()
        try:
            async with asyncio.timeout(_SETTLED_MS / 1000):
                await self.until_over()
        except TimeoutError:
            pass
        while not self.talked:
            self.changed.clear()
            await self.changed.wait()
        self.settled = True
        return began_ms

    async def until_bridged(self) -> int:
        """Waits for the talk to begin; returns when."""
        while self.bridged_ms is None:
            self.changed.clear()
            await self.changed.wait()
        return self.bridged_ms

    async def until_called(self) -> str:
        """Waits until there is a leg to the callee; returns its channel."""
        while self.callee_channel is None:
            self.changed.clear()
            await self.changed.wait()
        return self.callee_channel

    async def until_over(self) -> None:
        """Waits until the Dial has failed or the two have parted."""
        while not self.over:
            self.changed.clear()
            await self.changed.wait()

    @property
    def over(self) -> bool:
        failed = self.dial_status not in (None, "ANSWER")
        gone = self.caller_gone_ms is not None or self.callee_cause is not None
        return failed or gone or self.parted_ms is not None


class DialWatches:
    """All watched Dials of this process, by the caller's uniqueid."""

    def __init__(self, ami: AmiClient, clock: Clock) -> None:
        self._watches: dict[str, DialWatch] = {}
        self._clock = clock
        ami.subscribe(DialBegin, self._dial_begin)
        ami.subscribe(DialEnd, self._dial_end)
        ami.subscribe(BridgeEnter, self._bridge_enter)
        ami.subscribe(BridgeLeave, self._bridge_leave)
        ami.subscribe(Hangup, self._hangup)

    def open(self, caller_uniqueid: str) -> DialWatch:
        """Begin to watch a caller; a second watch of the same caller replaces the first."""
        watch = self._watches[caller_uniqueid] = DialWatch()
        return watch

    def close(self, caller_uniqueid: str, watch: DialWatch) -> None:
        """End a watch; one that has replaced it goes on."""
        if self._watches.get(caller_uniqueid) is watch:
            del self._watches[caller_uniqueid]

    def _made(self, event: AmiEvent) -> int:
        """When it happened, not when we heard of it: in a busy moment half a second's talk would look like none."""
        return event.at_ms if event.at_ms is not None else self._clock.now_ms()

    async def _dial_begin(self, event: DialBegin) -> None:
        if watch := self._watches.get(event.uniqueid):
            watch.callee_channel = event.dest_channel
            watch.callee_uniqueid = event.dest_uniqueid
            watch.changed.set()

    async def _dial_end(self, event: DialEnd) -> None:
        if watch := self._watches.get(event.uniqueid):
            watch.dial_status = event.dial_status
            watch.changed.set()

    async def _bridge_enter(self, event: BridgeEnter) -> None:
        watch = self._watches.get(event.uniqueid)
        if watch and watch.bridged_ms is None:
            watch.bridged_ms = self._made(event)
            watch.changed.set()

    async def _bridge_leave(self, event: BridgeLeave) -> None:
        watch = self._watches.get(event.uniqueid)
        if watch and watch.parted_ms is None:
            watch.parted_ms = self._made(event)
            watch.changed.set()

    async def _hangup(self, event: Hangup) -> None:
        if watch := self._watches.get(event.uniqueid):
            watch.caller_gone_ms = self._made(event)
            watch.changed.set()
            return
        watch = self._watches.get(event.linkedid)
        if watch and watch.callee_uniqueid == event.uniqueid:
            watch.callee_cause = event.cause
            watch.changed.set()
