"""A citizen's call as Asterisk's records show it: when it came, when a talk began, how it ended."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from calls.cel import Position, Record
from hotline.errors import InvalidInput
from hotline.ids import call_id

_ENTRANCES: Final = frozenset({"hl-inbound", "hl-web"})
_EMERGENCY: Final = "hl-emergency"
_QUEUE: Final = "Queue"
_SEAT: Final = re.compile(r"PJSIP/([0-9]{2,8})-[0-9a-f]+")
_NEWCOMERS_MS: Final = 1_000
"""A restarted Asterisk takes longer than that to its first call. Those that come at once with it are not in order: what
threads of their own write may stand before it."""
_BRIDGE: Final = re.compile(r"[0-9A-Za-z-]{1,64}")


@dataclass(frozen=True, slots=True)
class Partner:
    """The other channel in a talk."""

    uniqueid: str
    channel: str

    @property
    def extension(self) -> str | None:
        """The seat's extension; None for a trunk."""
        seat = _SEAT.fullmatch(self.channel)
        return seat[1] if seat else None


@dataclass(slots=True, repr=False)
class PastCall:
    """One call. Times are milliseconds since 1970 (None: not so far). Has no repr: the numbers are personal."""

    begins: Position
    call: str
    channel: str
    entered_ms: int
    dialled: str
    last_ms: int
    caller: str = ""
    directly: bool = False
    """An emergency that the dialplan sent straight out."""
    bridge: str = ""
    bridged_ms: int | None = None
    in_queue: bool = False
    """The talk began in the native queue."""
    parted_ms: int | None = None
    over_ms: int | None = None
    hung_up_by: str = ""
    """The channel that did, if it was one."""
    partners: dict[str, Partner] = field(default_factory=dict)

    @property
    def partner(self) -> Partner | None:
        """Whom the citizen talked with."""
        return self.partners.get(self.bridge)

    @property
    def talk_without_us(self) -> bool:
        """Whether there was a talk, of a kind that none of ours conducts."""
        return self.bridged_ms is not None and (self.in_queue or self.directly)

    def note(self, record: Record) -> None:
        """Take in one more event of the citizen's channel."""
        self.last_ms = record.at_ms
        if record.context == _EMERGENCY:
            self.directly, self.dialled = True, record.dialled
        match record.event:
            case "BRIDGE_ENTER" if not self.bridge:
                self.bridge, self.bridged_ms = _bridge(record), record.at_ms
                self.in_queue = record.application == _QUEUE
            case "BRIDGE_EXIT":
                self.parted_ms = record.at_ms
            case "HANGUP":
                # By now the dialplan has put away a number that is none.
                self.caller, self.over_ms = record.caller, record.at_ms
                self.hung_up_by = str(record.extra.get("hangupsource", ""))


class PastCalls:
    """Puts events together to calls; a call stays until it is removed by whoever uses this."""

    def __init__(self) -> None:
        self.calls: dict[str, PastCall] = {}
        """By call id, in order of their beginning."""

    def note(self, record: Record) -> None:
        """Take in the next event of the line."""
        call = self.calls.get(record.uniqueid)
        if call is not None:
            call.note(record)
        elif record.event == "CHAN_START":
            self._channel_starts(record)
        elif record.event == "BRIDGE_ENTER" and record.linkedid in self.calls:
            self.calls[record.linkedid].partners[_bridge(record)] = Partner(record.uniqueid, record.channel)

    def _channel_starts(self, record: Record) -> None:
        if record.uniqueid.endswith(".0"):
            # Asterisk began anew: what was on the line before ended with it, and no event says so.
            for call in self.calls.values():
                if call.entered_ms < record.at_ms - _NEWCOMERS_MS:
                    call.over_ms = call.over_ms or call.last_ms
        if record.context not in _ENTRANCES:
            return
        try:
            own = call_id(record.uniqueid)
        except InvalidInput:
            return
        self.calls[own] = PastCall(
            begins=record.at,
            call=own,
            channel=record.channel,
            entered_ms=record.at_ms,
            dialled=_dialled(record.dialled),
            last_ms=record.at_ms,
        )


def _bridge(record: Record) -> str:
    bridge = str(record.extra.get("bridge_id", ""))
    return bridge if _BRIDGE.fullmatch(bridge) else "unnamed"


def _dialled(extension: str) -> str:
    """HL_DID as the dialplan makes it: digits and a leading `+` only."""
    return ("+" if extension.startswith("+") else "") + "".join(c for c in extension if c in "0123456789")
