"""A hand-written Asterisk manager at the AmiClient's interface: it says what the test tells it to, and remembers what
it was asked to do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ami.errors import AmiDisconnected, AmiRefused
from ami.events import (
    AmiEvent,
    BridgeEnter,
    BridgeLeave,
    DeviceState,
    DeviceStateChange,
    DialBegin,
    DialEnd,
    DTMFBegin,
    DTMFEnd,
    Hangup,
)
from ami.replies import ChannelInfo, QueueInfo, QueueMember

QUEUE = "hl-native"


@dataclass(frozen=True)
class Called:
    """A phone that rings by an originate."""

    phone: str
    leg: str
    variables: dict[str, str]
    exten: str = "s"


@dataclass
class FakeAsterisk:
    """What is true in Asterisk (channels, devices, queue members), and the events it sends."""

    connected: bool = True
    live: dict[str, ChannelInfo] = field(default_factory=dict)
    devices: dict[str, DeviceState] = field(default_factory=dict)
    members: dict[str, QueueMember] = field(default_factory=dict)
    globals: dict[tuple[str, str | None], str] = field(default_factory=dict)
    done: list[tuple[str, ...]] = field(default_factory=list)
    """Actions that change something, in order."""
    called: asyncio.Queue[Called] = field(default_factory=asyncio.Queue)
    """Phones that were originated to, in order."""
    unregistered: set[str] = field(default_factory=set)
    """Phones that cannot be called at all."""
    refused: set[str] = field(default_factory=set)
    """Actions that come to nothing: `bridge`, `redirect`."""
    on_hangup: Callable[[str], Awaitable[None]] | None = None
    on_look: Callable[[], Awaitable[None]] | None = None
    """What happens after the phones' states were read, and before the answer is there."""
    on_channels: Callable[[], Awaitable[None]] | None = None
    """The same of the channels."""
    on_stop: Callable[[str], None] | None = None
    """Told that the prompt on a channel is to end."""
    _handlers: dict[type[AmiEvent], list[Callable[[Any], Awaitable[None]]]] = field(default_factory=dict)
    _hooks: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    async def unregister(self, extension: str) -> None:
        """A REGISTER that takes the phone's contact back."""
        self.done.append(("unregister", extension))
        self.devices[f"PJSIP/{extension}"] = DeviceState.UNAVAILABLE
        await self.say(DeviceStateChange(f"PJSIP/{extension}", DeviceState.UNAVAILABLE))

    # the client's interface

    async def start(self) -> None:
        for hook in self._hooks:
            await hook()

    async def close(self) -> None: ...

    def on_connect(self, hook: Callable[[], Awaitable[None]]) -> None:
        self._hooks.append(hook)

    def on_gap(self, hook: Callable[[], Awaitable[None]]) -> None: ...

    def on_disconnect(self, hook: Callable[[], Awaitable[None]]) -> None: ...

    def subscribe(self, kind: type[AmiEvent], handler: Callable[[Any], Awaitable[None]]) -> None:
        self._handlers.setdefault(kind, []).append(handler)

    async def channels(self) -> list[ChannelInfo]:
        self._there()
        channels = list(self.live.values())
        if self.on_channels is not None:
            await self.on_channels()
        return channels

    async def device_states(self) -> dict[str, DeviceState]:
        self._there()
        states = dict(self.devices)
        if self.on_look is not None:
            await self.on_look()
        return states

    async def hangup(self, channel: str, cause: int = 16) -> None:
        self._there()
        self.done.append(("hangup", channel))
        if self.on_hangup is not None:
            await self.on_hangup(channel)

    async def bridge(self, first: str, second: str) -> None:
        self._there()
        self.done.append(("bridge", first, second))
        if "bridge" in self.refused:
            raise AmiRefused("no such channel")

    async def redirect(
        self,
        channel: str,
        context: str,
        exten: str = "s",
        *,
        extra_channel: str | None = None,
        extra_context: str | None = None,
        extra_exten: str = "s",
    ) -> None:
        self._there()
        extra = () if extra_channel is None else (extra_channel, extra_context or context, extra_exten)
        self.done.append(("redirect", channel, context, exten, *extra))
        if "redirect" in self.refused:
            raise AmiRefused("no such channel")
        self.globals["CONTEXT", channel] = context

    async def setvar(self, variable: str, value: str, channel: str | None = None) -> None:
        self._there()
        self.globals[variable, channel] = value

    async def stop_playback(self, channel: str) -> None:
        self._there()
        self.done.append(("stop", channel))
        if self.on_stop is not None:
            self.on_stop(channel)

    async def originate(
        self,
        channel: str,
        *,
        channel_id: str,
        context: str,
        exten: str = "s",
        variables: Mapping[str, str],
        caller_id: str,
        ring_seconds: float,
    ) -> None:
        self._there()
        self.done.append(("originate", channel, channel_id, context, caller_id))
        if channel in self.unregistered:
            raise AmiRefused("the leg could not be made (reason 0)")
        self.called.put_nowait(Called(channel, channel_id, dict(variables), exten))

    async def getvar(self, variable: str, channel: str | None = None) -> str:
        self._there()
        return self.globals.get((variable, channel), "")

    async def queue_status(self, queue: str) -> QueueInfo:
        self._there()
        return QueueInfo(queue, tuple(self.members.values()), ())

    async def queue_add(
        self, queue: str, interface: str, *, member_name: str, paused: bool = False, state_interface: str | None = None
    ) -> bool:
        self._there()
        self.done.append(("add", interface, str(paused)))
        if interface in self.members:
            return False
        self.members[interface] = member(interface, member_name, paused=paused)
        return True

    async def queue_remove(self, queue: str, interface: str) -> bool:
        self._there()
        self.done.append(("remove", interface))
        return self.members.pop(interface, None) is not None

    async def queue_pause(self, queue: str, interface: str, paused: bool, reason: str = "") -> None:
        self._there()
        self.done.append(("pause", interface, str(paused)))
        if interface not in self.members:
            raise AmiRefused("not a member")
        self.members[interface] = member(interface, self.members[interface].member_name, paused=paused)

    def _there(self) -> None:
        if not self.connected:
            raise AmiDisconnected("not connected")

    # what the test makes happen

    async def say(self, *events: AmiEvent) -> None:
        """Events, one after the other, as the dispatcher delivers them."""
        for event in events:
            for handler in self._handlers.get(type(event), []):
                await handler(event)

    async def rings(self, uniqueid: str, seat: str, **variables: str) -> None:
        await self.say(dial_begin(uniqueid, seat, variables))

    async def bridges(self, uniqueid: str, *, at_ms: int | None = None, **variables: str) -> None:
        await self.say(replace(bridge_enter(uniqueid, variables), at_ms=at_ms))

    async def presses(self, uniqueid: str, keys: str, *, direction: str = "Received") -> None:
        """The party on a channel presses keys, one after the other, as SIP INFO tells of them."""
        for digit in keys:
            await self.say(DTMFEnd(channel_of(uniqueid), uniqueid, uniqueid, digit, direction, {}))

    async def presses_by_events(self, uniqueid: str, keys: str, *, ends: int = 1) -> None:
        """The same by RTP events: down, and up; Asterisk tells the end of a short key twice."""
        for digit in keys:
            await self.say(DTMFBegin(channel_of(uniqueid), uniqueid, uniqueid, digit, "Received", {}))
            for _ in range(ends):
                await self.presses(uniqueid, digit)

    async def parts(self, uniqueid: str, *, at_ms: int | None = None) -> None:
        leave = BridgeLeave("b-" + uniqueid, "basic", 1, channel_of(uniqueid), uniqueid, uniqueid, {}, at_ms=at_ms)
        await self.say(leave)

    async def fails(self, uniqueid: str, seat: str, status: str, cause: int = 0) -> None:
        """The callee's leg ends: its hang-up, and the end of the Dial."""
        await self.say(
            DialEnd(channel_of(uniqueid), uniqueid, uniqueid, f"PJSIP/{seat}-1", f"{uniqueid}9", status, {}, {}),
            Hangup(f"PJSIP/{seat}-1", f"{uniqueid}9", uniqueid, cause, "", {}),
        )

    async def caller_gone(self, uniqueid: str, phase: str = "", **variables: str) -> None:
        self.live.pop(uniqueid, None)
        told = {"HL_CALL": uniqueid, "HL_PHASE": phase, **variables}
        await self.say(Hangup(channel_of(uniqueid), uniqueid, uniqueid, 16, "", told))

    def channel(self, uniqueid: str, application: str, *, bridged: bool = False) -> None:
        """A citizen's channel is in `application` now."""
        self.live[uniqueid] = ChannelInfo(
            channel=channel_of(uniqueid),
            uniqueid=uniqueid,
            linkedid=uniqueid,
            state="Up",
            context="hl-supervise",
            exten="s",
            application=application,
            bridge_id="b-1" if bridged else "",
            duration=5,
            variables={"HL_CALL": uniqueid},
        )


def channel_of(uniqueid: str) -> str:
    return f"PJSIP/carrier-{uniqueid.rsplit('.', 1)[1]}"


def member(interface: str, name: str, *, paused: bool = False) -> QueueMember:
    return QueueMember(interface, name, interface, DeviceState.NOT_INUSE, True, paused, "", False, 0)


def dial_begin(uniqueid: str, seat: str, variables: Mapping[str, str] | None = None) -> DialBegin:
    return DialBegin(
        channel_of(uniqueid), uniqueid, uniqueid, f"PJSIP/{seat}-1", f"{uniqueid}9", seat, variables or {}, {}
    )


def bridge_enter(uniqueid: str, variables: Mapping[str, str] | None = None) -> BridgeEnter:
    return BridgeEnter("b-" + uniqueid, "basic", 2, channel_of(uniqueid), uniqueid, uniqueid, variables or {})
