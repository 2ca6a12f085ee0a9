"""The AMI events in use, as values. Only the fields somebody needs.

`variables` are the channel variables named by `channelvars` in manager.conf (HL_CALL, HL_PHASE, HL_VOICE), as they
stood when the event was made; unset ones are absent. Headers as documented in Asterisk's "AMI Events" pages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Final

from ami.message import Message


class DeviceState(StrEnum):
    """State of a device such as `PJSIP/8001`. Anything we do not know is UNKNOWN, which is not offerable."""

    UNKNOWN = "UNKNOWN"
    NOT_INUSE = "NOT_INUSE"
    INUSE = "INUSE"
    BUSY = "BUSY"
    INVALID = "INVALID"
    UNAVAILABLE = "UNAVAILABLE"
    RINGING = "RINGING"
    RINGINUSE = "RINGINUSE"
    ONHOLD = "ONHOLD"

    @classmethod
    def of(cls, text: str) -> DeviceState:
        """The state of that name, or UNKNOWN."""
        return cls._value2member_map_.get(text, cls.UNKNOWN)  # type: ignore[return-value]


@dataclass(frozen=True, slots=True)
class AmiEvent:
    """Base of all events. `at_ms` is when Asterisk made it, in milliseconds since 1970-01-01 UTC by its host's clock;
    None if it does not say. Two events are the same whenever they were made."""

    at_ms: int | None = field(default=None, kw_only=True, compare=False)


@dataclass(frozen=True, slots=True)
class FullyBooted(AmiEvent):
    """Asterisk has loaded everything. Comes after each login, and at the end of a start."""


@dataclass(frozen=True, slots=True)
class DialBegin(AmiEvent):
    """A leg is being called. `channel` and `uniqueid` are empty when no channel dials (Originate)."""

    channel: str
    uniqueid: str
    linkedid: str
    dest_channel: str
    dest_uniqueid: str
    dial_string: str
    variables: Mapping[str, str]
    dest_variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DialEnd(AmiEvent):
    """An attempt to call a leg is over. `dial_status`: ANSWER, BUSY, CANCEL, CHANUNAVAIL, CONGESTION, NOANSWER, ..."""

    channel: str
    uniqueid: str
    linkedid: str
    dest_channel: str
    dest_uniqueid: str
    dial_status: str
    variables: Mapping[str, str]
    dest_variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BridgeEnter(AmiEvent):
    """A channel joined a bridge. `channels_in_bridge` counts it."""

    bridge_id: str
    bridge_type: str
    channels_in_bridge: int
    channel: str
    uniqueid: str
    linkedid: str
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BridgeLeave(AmiEvent):
    """A channel left a bridge. `channels_in_bridge` no longer counts it."""

    bridge_id: str
    bridge_type: str
    channels_in_bridge: int
    channel: str
    uniqueid: str
    linkedid: str
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Hangup(AmiEvent):
    """A channel is gone. `cause` is the Q.850 code, 0 when none was given."""

    channel: str
    uniqueid: str
    linkedid: str
    cause: int
    cause_text: str
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True, repr=False)
class DTMFBegin(AmiEvent):
    """A key went down, as RTP events (RFC 4733) and tones tell of it; SIP INFO tells of the whole press at its end.

    Has no repr, as `DTMFEnd`.
    """

    channel: str
    uniqueid: str
    linkedid: str
    digit: str
    direction: str
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True, repr=False)
class DTMFEnd(AmiEvent):
    """A key was released. `direction` is `Received` (pressed by the party on the channel) or `Sent`.

    Has no repr: the digit may be part of a citizen's number or password and must not reach a log.
    """

    channel: str
    uniqueid: str
    linkedid: str
    digit: str
    direction: str
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DeviceStateChange(AmiEvent):
    """A device, e.g. `PJSIP/8001`, changed state."""

    device: str
    state: DeviceState


@dataclass(frozen=True, slots=True)
class ContactStatus(AmiEvent):
    """A registration changed. `status`: NonQualified, Reachable, Unreachable, Removed, Updated, Created, Unknown. `uri`
    tells registrations of one AOR apart."""

    aor: str
    status: str
    uri: str = ""


@dataclass(frozen=True, slots=True)
class AgentCalled(AmiEvent):
    """A native queue rings a member: `channel` is the caller, `interface` the member."""

    queue: str
    interface: str
    member: str
    channel: str
    uniqueid: str
    linkedid: str
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AgentConnect(AmiEvent):
    """A native queue put a caller through. Times in whole seconds."""

    queue: str
    interface: str
    member: str
    channel: str
    uniqueid: str
    linkedid: str
    dest_channel: str
    dest_uniqueid: str
    hold_time: int
    ring_time: int
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AgentComplete(AmiEvent):
    """A talk from a native queue is over. Times in whole seconds; `reason`: caller, agent or transfer."""

    queue: str
    interface: str
    member: str
    channel: str
    uniqueid: str
    linkedid: str
    hold_time: int
    talk_time: int
    reason: str
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AgentRingNoAnswer(AmiEvent):
    """A native queue rang a member in vain, for `ring_ms` milliseconds."""

    queue: str
    interface: str
    member: str
    channel: str
    uniqueid: str
    linkedid: str
    ring_ms: int
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OriginateResponse(AmiEvent):
    """How an originate ended: answered, or not. `reason` is Asterisk's control frame: 4 answered, 5 busy,
    3 rang without answer, 8 congestion, 0 not even tried (unreachable, unknown, channel id in use)."""

    action_id: str
    channel_id: str
    answered: bool
    reason: int


Read = Callable[[Message], object]
Parser = Callable[[Message], AmiEvent]


def _text(header: str, absent: str | None = None) -> Read:
    if absent is None:
        return lambda message: message.fields[header]
    return lambda message: message.fields.get(header, absent)


def _number(header: str) -> Read:
    return lambda message: int(message.fields[header])


_READ: Final[Mapping[str, Read]] = {
    "action_id": _text("ActionID", ""),
    "answered": lambda message: message.fields["Response"] == "Success",
    "aor": _text("AOR"),
    "bridge_id": _text("BridgeUniqueid"),
    "bridge_type": _text("BridgeType", ""),
    "cause": _number("Cause"),
    "cause_text": _text("Cause-txt", ""),
    "channel": _text("Channel"),
    "channel_id": _text("Uniqueid"),
    "channels_in_bridge": _number("BridgeNumChannels"),
    "dest_channel": _text("DestChannel"),
    "dest_uniqueid": _text("DestUniqueid"),
    "dest_variables": lambda message: message.dest_variables,
    "device": _text("Device"),
    "dial_status": _text("DialStatus"),
    "dial_string": _text("DialString", ""),
    "digit": _text("Digit"),
    "direction": _text("Direction"),
    "hold_time": _number("HoldTime"),
    "interface": _text("Interface"),
    "linkedid": _text("Linkedid"),
    "member": _text("MemberName"),
    "queue": _text("Queue"),
    "reason": _text("Reason", ""),
    "ring_ms": _number("RingTime"),
    "ring_time": _number("RingTime"),
    "state": lambda message: DeviceState.of(message.fields["State"]),
    "status": _text("ContactStatus"),
    "talk_time": _number("TalkTime"),
    "uniqueid": _text("Uniqueid"),
    "uri": _text("URI", ""),
    "variables": lambda message: message.variables,
}
"""Field of an event -> how to read it from the headers."""

_DIAL: Final[Mapping[str, Read]] = {
    "channel": _text("Channel", ""),
    "uniqueid": _text("Uniqueid", ""),
    "linkedid": lambda message: message.fields.get("Linkedid") or message.fields["DestLinkedid"],
}
"""In a dial event the dialling channel may be missing (Originate)."""


def _parser(kind: type[AmiEvent], special: Mapping[str, Read] | None = None) -> Parser:
    names = [one.name for one in fields(kind) if not one.kw_only]
    reads = [(special or {}).get(name) or _READ[name] for name in names]
    return lambda message: kind(*[read(message) for read in reads], at_ms=_made(message))


def _made(message: Message) -> int | None:
    """Of `timestampevents` in manager.conf."""
    stamp = message.fields.get("Timestamp")
    return round(float(stamp) * 1000) if stamp else None


PARSERS: Final[Mapping[str, Parser]] = {
    "AgentCalled": _parser(AgentCalled),
    "AgentComplete": _parser(AgentComplete),
    "AgentConnect": _parser(AgentConnect),
    "AgentRingNoAnswer": _parser(AgentRingNoAnswer),
    "BridgeEnter": _parser(BridgeEnter),
    "BridgeLeave": _parser(BridgeLeave),
    "ContactStatus": _parser(ContactStatus),
    "DTMFBegin": _parser(DTMFBegin),
    "DTMFEnd": _parser(DTMFEnd),
    "DeviceStateChange": _parser(DeviceStateChange),
    "DialBegin": _parser(DialBegin, _DIAL),
    "DialEnd": _parser(DialEnd, _DIAL),
    "FullyBooted": _parser(FullyBooted),
    "Hangup": _parser(Hangup),
    "OriginateResponse": _parser(OriginateResponse, {"reason": _number("Reason")}),
}
"""Name of an event -> how to read it; raises KeyError or ValueError for one that lacks a field it must have."""

SUBSCRIBED: Final = (*PARSERS, "Shutdown")
"""Events that manager.conf lets through to us (`eventfilter`), by exact name. Shutdown only ends the connection."""
