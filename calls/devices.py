"""Device truth: what Asterisk says of each seat's phone decides whether the seat may be offered a call."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable

import structlog

from acd.model import Phone
from ami.errors import AmiError
from ami.events import AgentCalled, ContactStatus, DeviceState, DeviceStateChange
from calls.switchboard import Switchboard
from hotline.errors import PartUnavailable

_log = structlog.get_logger(__name__)

_SEAT = re.compile(r"PJSIP/([0-9]{2,8})")
_SEATS_AOR = re.compile(r"[0-9]{2,8}")

_REACHABLE = frozenset(
    {DeviceState.NOT_INUSE, DeviceState.INUSE, DeviceState.BUSY, DeviceState.RINGING, DeviceState.RINGINUSE,
     DeviceState.ONHOLD}
)  # fmt: skip
_IN_USE = _REACHABLE - {DeviceState.NOT_INUSE}


_LOOKS = 6
"""Of so many looks one tells the ACD everything."""

Unregister = Callable[[str], Awaitable[None]]
"""Takes the registration of an extension back from this host's Asterisk. Raises PartUnavailable."""


class Devices:
    """Carries device states from AMI to the ACD: each change as it comes, all of them after a gap."""

    def __init__(self, board: Switchboard, unregister: Unregister) -> None:
        self._board = board
        self._unregister = unregister
        self._elsewhere: set[str] = set()
        """Free phones of this host that another host had news of since, as found at the last look."""
        self._looks: list[set[str]] = []
        """For each look at all phones that is under way: those that had news since it began."""
        self._look = 0
        self._news: dict[tuple[str, bool], DeviceState] = {}
        self._there_is_news = asyncio.Event()
        board.ami.subscribe(DeviceStateChange, self._changed)
        board.ami.subscribe(ContactStatus, self._contact_changed)
        board.ami.subscribe(AgentCalled, self._called_by_native_queue)

    async def reconcile(self) -> None:
        """Make true what the ACD knows of every seat's phone; now and then it is told of all, whatever it knows. A seat
        Asterisk does not know stays unreachable.

        A phone that has moved to another host is still registered here until that runs out, and would be called here
        if the other host lost it: on the second look its registration is taken back.
        """
        elsewhere, heard = set(), set[str]()
        self._looks.append(heard)
        try:
            states = await self._board.ami.device_states()
            told = await self._told()
            for device, state in states.items():
                seat = _SEAT.fullmatch(device)
                # Telling of all takes its time. What an event said meanwhile is newer, and must not be taken back: an
                # agent after a talk would be in use until the next look.
                if seat is None or device in heard:
                    continue
                if told.get(seat[1]) == Phone(state in _REACHABLE, state in _IN_USE, alone=True):
                    continue
                home = await self._tell(device, state, standing=True)
                if state is DeviceState.NOT_INUSE and home not in ("", self._board.settings.asterisk.systemname):
                    elsewhere.add(seat[1])
        finally:
            self._looks = [look for look in self._looks if look is not heard]
        moved, self._elsewhere = elsewhere & self._elsewhere, elsewhere
        for extension in moved:
            try:
                await self._unregister(extension)
            except PartUnavailable as error:
                _log.warning("devices.old_registration_stays", reason=error.detail)
            else:
                _log.info("devices.moved_to_another_host")

    async def _told(self) -> dict[str, Phone]:
        """What need not be said again at this look."""
        self._look += 1
        try:
            return await self._board.acd.phones() if self._look % _LOOKS else {}
        except PartUnavailable:
            return {}

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

    async def _contact_changed(self, event: ContactStatus) -> None:
        """A phone that unregisters while it rings keeps its device state: only this event tells that nobody answers."""
        if event.status != "Removed" or not _SEATS_AOR.fullmatch(event.aor):
            return
        try:
            left = await self._board.ami.getvar(f"PJSIP_AOR({event.aor},contact)")
        except AmiError:
            # Every state is read again when AMI is back.
            return
        if not left:
            self._note(f"PJSIP/{event.aor}", DeviceState.UNAVAILABLE, elsewhere=False)

    def _note(self, device: str, state: DeviceState, *, elsewhere: bool) -> None:
        self._news[device, elsewhere] = state
        for heard in self._looks:
            heard.add(device)
        self._there_is_news.set()

    async def _tell(self, device: str, state: DeviceState, *, standing: bool = False) -> str:
        """Returns the host that the phone counts for; empty when that is not known."""
        seat = _SEAT.fullmatch(device)
        home = ""

        async def tell(extension: str) -> None:
            nonlocal home
            reachable, in_use = state in _REACHABLE, state in _IN_USE
            home = await self._board.acd.device_state(extension, reachable, in_use, standing=standing)

        if seat:
            await self._board.acd_step(tell(seat[1]))
        return home

    async def _called_by_native_queue(self, event: AgentCalled) -> None:
        """Somebody is served by the native queue while we live: that seat is taken, at once."""
        self._note(event.interface, DeviceState.RINGING, elsewhere=True)

    async def _taken(self, device: str) -> None:
        seat = _SEAT.fullmatch(device)
        if seat:
            _log.info("acd.seat_rung_by_native_queue")
            await self._board.acd_step(self._board.acd.busy_elsewhere(seat[1]))
