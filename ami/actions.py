"""The AMI actions in use, typed. Every value is checked against its field's grammar before anything is sent."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import TypeVar

from ami import grammar
from ami.errors import AmiProtocolError, AmiRefused, AmiRefusedValue
from ami.events import DeviceState
from ami.grammar import checked
from ami.message import Message
from ami.protocol import Headers
from ami.replies import BridgeInfo, ChannelInfo, QueueEntry, QueueInfo, QueueMember

T = TypeVar("T")


class AmiActions(ABC):
    """Actions of a manager connection.

    Each raises AmiRefusedValue (nothing was sent), AmiDisconnected or AmiTimeout (it may or may not have been carried
    out; it is not sent again) or AmiRefused (Asterisk said no). `timeout` is in seconds; None takes the client's.
    """

    @abstractmethod
    async def _ask(
        self, headers: Headers, *, ends: str | None = None, timeout: float | None = None
    ) -> tuple[Message, list[Message]]:
        """Send an action; its reply, and its list up to the event `ends`."""

    async def _list(
        self, headers: Headers, row: str, ends: str, read: Callable[[Message], T], timeout: float | None
    ) -> list[T]:
        _, rows = await self._ask(headers, ends=ends, timeout=timeout)
        return _read_rows(rows, row, read)

    async def redirect(
        self,
        channel: str,
        context: str,
        exten: str = "s",
        priority: int | str = 1,
        *,
        extra_channel: str | None = None,
        extra_context: str | None = None,
        extra_exten: str = "s",
        extra_priority: int | str = 1,
        timeout: float | None = None,
    ) -> None:
        """Send a channel, or the two legs of a bridge at once (ExtraChannel), to a place in the dialplan.

        Asterisk does not check that the place exists: it answers Success and the channel is hung up. Only contexts of
        our own configuration may be named. A talking channel's other leg is cut unless it is the extra channel.
        """
        headers: Headers = {
            "Action": "Redirect",
            "Channel": checked("channel", grammar.CHANNEL, channel),
            "Context": checked("context", grammar.CONTEXT, context),
            "Exten": checked("extension", grammar.EXTENSION, exten),
            "Priority": checked("priority", grammar.PRIORITY, str(priority)),
        }
        if extra_channel is not None:
            headers["ExtraChannel"] = checked("channel", grammar.CHANNEL, extra_channel)
            headers["ExtraContext"] = checked("context", grammar.CONTEXT, extra_context or context)
            headers["ExtraExten"] = checked("extension", grammar.EXTENSION, extra_exten)
            headers["ExtraPriority"] = checked("priority", grammar.PRIORITY, str(extra_priority))
        await self._ask(headers, timeout=timeout)

    async def bridge(self, first: str, second: str, *, timeout: float | None = None) -> None:
        """Put two channels into a new bridge: `first` out of whatever it does, then `second` out of its own bridge.

        If `first` is gone nothing has happened to `second`. A bridge of two that `second` leaves is over: its other leg
        is hung up. Afterwards each goes on in its dialplan, behind the application it was in: a Dial that an AGI
        session runs ends, and the session with it. AmiRefused if either is gone.
        """
        await self._ask(
            {
                "Action": "Bridge",
                "Channel1": checked("channel", grammar.CHANNEL, first),
                "Channel2": checked("channel", grammar.CHANNEL, second),
                "Tone": "no",
            },
            timeout=timeout,
        )

    async def hangup(self, channel: str, cause: int = 16, *, timeout: float | None = None) -> None:
        """Hang up one channel, with a Q.850 cause (16: normal clearing). AmiRefused if there is no such channel."""
        await self._ask(
            {
                "Action": "Hangup",
                "Channel": checked("channel", grammar.CHANNEL, channel),
                "Cause": grammar.whole_number("cause", cause, 1, 127),
            },
            timeout=timeout,
        )

    async def setvar(
        self, variable: str, value: str, channel: str | None = None, *, timeout: float | None = None
    ) -> None:
        """Set a variable of a channel, or a global one. The value is taken as it is, nothing in it is expanded."""
        headers: Headers = {
            "Action": "Setvar",
            "Variable": grammar.variable(variable),
            "Value": checked("value", grammar.VALUE, value),
        }
        if channel is not None:
            headers["Channel"] = checked("channel", grammar.CHANNEL, channel)
        await self._ask(headers, timeout=timeout)

    async def getvar(self, variable: str, channel: str | None = None, *, timeout: float | None = None) -> str:
        """A variable of a channel, or a global one; empty if it is not set."""
        headers: Headers = {"Action": "Getvar", "Variable": grammar.variable(variable)}
        if channel is not None:
            headers["Channel"] = checked("channel", grammar.CHANNEL, channel)
        reply, _ = await self._ask(headers, timeout=timeout)
        return reply.fields.get("Value", "")

    async def channels(self, *, timeout: float | None = None) -> list[ChannelInfo]:
        """Every live channel."""
        return await self._list(
            {"Action": "CoreShowChannels"},
            "CoreShowChannel",
            "CoreShowChannelsComplete",
            ChannelInfo.read,
            timeout,
        )

    async def bridges(self, *, timeout: float | None = None) -> list[BridgeInfo]:
        """Every live bridge; which channels are in it is told by `channels()`."""
        return await self._list(
            {"Action": "BridgeList"}, "BridgeListItem", "BridgeListComplete", BridgeInfo.read, timeout
        )

    async def device_states(self, *, timeout: float | None = None) -> dict[str, DeviceState]:
        """State of every device Asterisk knows of, e.g. `PJSIP/8001`; native queues are listed as `Queue:...`."""
        rows = await self._list(
            {"Action": "DeviceStateList"},
            "DeviceStateChange",
            "DeviceStateListComplete",
            lambda message: (message.fields["Device"], DeviceState.of(message.fields["State"])),
            timeout,
        )
        return dict(rows)

    async def queue_status(self, queue: str, *, timeout: float | None = None) -> QueueInfo:
        """A native queue's members and callers. AmiRefused if there is no such queue (Asterisk gives an empty list)."""
        _, rows = await self._ask(
            {"Action": "QueueStatus", "Queue": checked("queue", grammar.QUEUE, queue)},
            ends="QueueStatusComplete",
            timeout=timeout,
        )
        if not any(row.fields.get("Event") == "QueueParams" for row in rows):
            raise AmiRefused("no such queue", remedy="define it in queues.conf and reload")
        return QueueInfo(
            queue=queue,
            members=tuple(_read_rows(rows, "QueueMember", QueueMember.read)),
            entries=tuple(_read_rows(rows, "QueueEntry", QueueEntry.read)),
        )

    async def queue_add(
        self,
        queue: str,
        interface: str,
        *,
        member_name: str,
        paused: bool = False,
        state_interface: str | None = None,
        penalty: int = 0,
        timeout: float | None = None,
    ) -> bool:
        """Make a device a member of a native queue; False if it was one already (and then nothing was changed)."""
        headers: Headers = {
            "Action": "QueueAdd",
            "Queue": checked("queue", grammar.QUEUE, queue),
            "Interface": checked("interface", grammar.INTERFACE, interface),
            "MemberName": checked("member name", grammar.MEMBER, member_name),
            "Paused": "true" if paused else "false",
            "Penalty": grammar.whole_number("penalty", penalty, 0, 1_000_000),
            "StateInterface": checked("interface", grammar.INTERFACE, state_interface or interface),
        }
        try:
            await self._ask(headers, timeout=timeout)
        except AmiRefused:
            if not await self._is_member(queue, interface, timeout):
                raise
            return False
        return True

    async def queue_remove(self, queue: str, interface: str, *, timeout: float | None = None) -> bool:
        """End a membership; False if there was none."""
        headers: Headers = {
            "Action": "QueueRemove",
            "Queue": checked("queue", grammar.QUEUE, queue),
            "Interface": checked("interface", grammar.INTERFACE, interface),
        }
        try:
            await self._ask(headers, timeout=timeout)
        except AmiRefused:
            if await self._is_member(queue, interface, timeout):
                raise
            return False
        return True

    async def _is_member(self, queue: str, interface: str, timeout: float | None) -> bool:
        """Asked after a refusal, because its English text is no interface."""
        info = await self.queue_status(queue, timeout=timeout)
        return any(member.interface == interface for member in info.members)

    async def queue_pause(
        self, queue: str, interface: str, paused: bool, reason: str = "", *, timeout: float | None = None
    ) -> None:
        """Pause a member of a native queue or end its pause. AmiRefused if it is not a member."""
        headers: Headers = {
            "Action": "QueuePause",
            "Queue": checked("queue", grammar.QUEUE, queue),
            "Interface": checked("interface", grammar.INTERFACE, interface),
            "Paused": "true" if paused else "false",
        }
        if reason:
            headers["Reason"] = checked("reason", grammar.REASON, reason)
        await self._ask(headers, timeout=timeout)

    async def stop_playback(self, channel: str, *, timeout: float | None = None) -> None:
        """End the prompt that a channel's `CONTROL STREAM FILE` plays, at once. No error when nothing plays."""
        await self._ask(
            {
                "Action": "ControlPlayback",
                "Channel": checked("channel", grammar.CHANNEL, channel),
                "Control": "stop",
            },
            timeout=timeout,
        )

    async def mixmonitor_mute(self, channel: str, *, on: bool, timeout: float | None = None) -> None:
        """Record silence of all parties, or their sound again; time goes on. AmiRefused: no such channel, or nothing
        is recorded on it."""
        await self._ask(
            {
                "Action": "MixMonitorMute",
                "Channel": checked("channel", grammar.CHANNEL, channel),
                "Direction": "both",
                "State": "1" if on else "0",
            },
            timeout=timeout,
        )

    async def originate(
        self,
        channel: str,
        *,
        channel_id: str,
        context: str | None = None,
        exten: str = "s",
        priority: int | str = 1,
        app: str | None = None,
        data: str = "",
        variables: Mapping[str, str] | None = None,
        caller_id: str | None = None,
        other_channel_id: str | None = None,
        ring_seconds: float = 30.0,
        timeout: float | None = None,
    ) -> None:
        """Call `channel` (a dial string) and, once it answers, send it to a place in the dialplan or into `app`.

        Returns when the leg exists and is being called; how it ends is told by OriginateResponse and Hangup events.
        AmiRefused if the leg could not be made: the device is unknown or unreachable, or a live channel has
        `channel_id` already, so that trying again after an unknown outcome never calls twice.

        `variables` are set on the new channel; Asterisk splits them at commas, so commas, quotes, backslashes,
        brackets, `;` and `|` are refused in their values. `caller_id` is a number. `ring_seconds`: longest ringing.
        """
        headers: Headers = {
            "Action": "Originate",
            "Async": "true",
            "Channel": checked("dial string", grammar.INTERFACE, channel),
            "ChannelId": checked("channel id", grammar.CHANNEL_ID, channel_id),
            "Timeout": grammar.whole_number("ring time", round(ring_seconds * 1000), 1000, 600_000),
        }
        if (context is None) == (app is None):
            raise AmiRefusedValue("either a context or an application")
        if context is not None:
            headers["Context"] = checked("context", grammar.CONTEXT, context)
            headers["Exten"] = checked("extension", grammar.EXTENSION, exten)
            headers["Priority"] = checked("priority", grammar.PRIORITY, str(priority))
        if app is not None:
            headers["Application"] = checked("application", grammar.APPLICATION, app)
            headers["Data"] = checked("application data", grammar.APPLICATION_DATA, data)
        if other_channel_id is not None:
            headers["OtherChannelId"] = checked("channel id", grammar.CHANNEL_ID, other_channel_id)
        if caller_id is not None:
            headers["CallerID"] = checked("caller number", grammar.CALLER_NUMBER, caller_id)
        if variables:
            headers["Variable"] = [
                f"{grammar.variable(name)}={checked('variable value', grammar.ORIGINATE_VALUE, value)}"
                for name, value in variables.items()
            ]
        await self._originate(headers, channel_id, timeout)

    @abstractmethod
    async def _originate(self, headers: Headers, channel_id: str, timeout: float | None) -> None:
        """Send it and wait for the first sign of the leg, or of the failure."""


def _read_rows(rows: list[Message], row: str, read: Callable[[Message], T]) -> list[T]:
    try:
        return [read(message) for message in rows if message.fields.get("Event") == row]
    except (KeyError, ValueError, IndexError):
        raise AmiProtocolError(f"a {row} lacks a field") from None
