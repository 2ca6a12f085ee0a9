"""What list actions answer, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ami.events import DeviceState
from ami.message import Message

_MEMBER_STATES: Final = (
    DeviceState.UNKNOWN,
    DeviceState.NOT_INUSE,
    DeviceState.INUSE,
    DeviceState.BUSY,
    DeviceState.INVALID,
    DeviceState.UNAVAILABLE,
    DeviceState.RINGING,
    DeviceState.RINGINUSE,
    DeviceState.ONHOLD,
)
"""`Status` of a queue member is the number of its device state (devicestate.h)."""


@dataclass(frozen=True, slots=True)
class ChannelInfo:
    """A live channel. `state` as Asterisk spells it (`Up`, `Ringing`, `Ring`, `Down`); `duration` in whole seconds;
    `bridge_id` is empty outside a bridge; `variables` as in events."""

    channel: str
    uniqueid: str
    linkedid: str
    state: str
    context: str
    exten: str
    application: str
    bridge_id: str
    duration: int
    variables: Mapping[str, str]

    @classmethod
    def read(cls, message: Message) -> ChannelInfo:
        fields = message.fields
        hours, minutes, seconds = fields["Duration"].split(":")
        return cls(
            channel=fields["Channel"],
            uniqueid=fields["Uniqueid"],
            linkedid=fields["Linkedid"],
            state=fields["ChannelStateDesc"],
            context=fields.get("Context", ""),
            exten=fields.get("Exten", ""),
            application=fields.get("Application", ""),
            bridge_id=fields.get("BridgeId", ""),
            duration=int(hours) * 3600 + int(minutes) * 60 + int(seconds),
            variables=message.variables,
        )


@dataclass(frozen=True, slots=True)
class BridgeInfo:
    """A live bridge. `kind`: `basic` for two parties, `base` for a conference; `channels` counts its members."""

    bridge_id: str
    kind: str
    technology: str
    name: str
    channels: int

    @classmethod
    def read(cls, message: Message) -> BridgeInfo:
        fields = message.fields
        return cls(
            bridge_id=fields["BridgeUniqueid"],
            kind=fields["BridgeType"],
            technology=fields["BridgeTechnology"],
            name=fields["BridgeName"].replace("<unknown>", ""),
            channels=int(fields["BridgeNumChannels"]),
        )


@dataclass(frozen=True, slots=True)
class QueueMember:
    """A member of a native queue. `dynamic` members were added over AMI, others stand in queues.conf."""

    interface: str
    member_name: str
    state_interface: str
    state: DeviceState
    dynamic: bool
    paused: bool
    paused_reason: str
    in_call: bool
    penalty: int

    @classmethod
    def read(cls, message: Message) -> QueueMember:
        fields = message.fields
        status = int(fields["Status"])
        return cls(
            interface=fields["Location"],
            member_name=fields["Name"],
            state_interface=fields["StateInterface"],
            state=_MEMBER_STATES[status] if 0 <= status < len(_MEMBER_STATES) else DeviceState.UNKNOWN,
            dynamic=fields["Membership"] == "dynamic",
            paused=fields["Paused"] == "1",
            paused_reason=fields.get("PausedReason", ""),
            in_call=fields.get("InCall", "0") == "1",
            penalty=int(fields["Penalty"]),
        )


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """A caller in a native queue. `position` from 1; `waited` in whole seconds."""

    channel: str
    uniqueid: str
    position: int
    waited: int
    priority: int

    @classmethod
    def read(cls, message: Message) -> QueueEntry:
        fields = message.fields
        return cls(
            channel=fields["Channel"],
            uniqueid=fields["Uniqueid"],
            position=int(fields["Position"]),
            waited=int(fields["Wait"]),
            priority=int(fields.get("Priority", "0")),
        )


@dataclass(frozen=True, slots=True)
class QueueInfo:
    """A native queue with its members and callers."""

    queue: str
    members: tuple[QueueMember, ...]
    entries: tuple[QueueEntry, ...]
