"""Device truth: what Asterisk says of each seat's phone decides whether the seat may be offered a call."""

from __future__ import annotations

import asyncio
import re

import structlog

from ami.events import AgentCalled, DeviceState, DeviceStateChange
from calls.switchboard import Switchboard

_log = structlog.get_logger(__name__)

_SEAT = re.compile(r"PJSIP/([0-9]{2,8})")

_REACHABLE = frozenset(
    {DeviceState.NOT_INUSE, DeviceState.INUSE, DeviceState.BUSY, DeviceState.RINGING, DeviceState.RINGINUSE,
     DeviceState.ONHOLD}
)  # fmt: skip
_IN_USE = _REACHABLE - {DeviceState.NOT_INUSE}


class Devices:
    """Carries device states from AMI to the ACD: each change as it comes, all of them after a gap."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board
        self._news: dict[tuple[str, bool], DeviceState] = {}
        self._there_is_news = asyncio.Event()
        board.ami.subscribe(DeviceStateChange, self._changed)
        board.ami.subscribe(AgentCalled, self._called_by_native_queue)

    async def reconcile(self) -> None:
        """Tell the ACD of every seat's phone. A seat Asterisk does not know stays unreachable."""
        for device, state in (await self._board.ami.device_states()).items():
            await self._tell(device, state)

    async def run(self) -> None:
        """Tell the ACD what changed, until cancelled. Apart from the events: a Redis that hangs must not hold up those
        that say who talks."""
        while True:
            await self._there_is_news.wait()
            self._there_is_news.clear()
            while self._news:
                (device, elsewhere), state = next(iter(self._news.items()))
                del self._news[device, elsewhere]
                await (self._taken(device) if elsewhere else self._tell(device, state))

    async def _changed(self, event: DeviceStateChange) -> None:
        self._note(event.device, event.state, elsewhere=False)

    def _note(self, device: str, state: DeviceState, *, elsewhere: bool) -> None:
        self._news[device, elsewhere] = state
        self._there_is_news.set()

    async def _tell(self, device: str, state: DeviceState) -> None:
        seat = _SEAT.fullmatch(device)
        if seat:
            await self._board.acd_step(
                self._board.acd.device_state(seat[1], reachable=state in _REACHABLE, in_use=state in _IN_USE)
            )

    async def _called_by_native_queue(self, event: AgentCalled) -> None:
        """Somebody is served by the native queue while we live: that seat is taken, at once."""
        self._note(event.interface, DeviceState.RINGING, elsewhere=True)

    async def _taken(self, device: str) -> None:
        seat = _SEAT.fullmatch(device)
        if seat:
            _log.info("acd.seat_rung_by_native_queue")
            await self._board.acd_step(self._board.acd.busy_elsewhere(seat[1]))
