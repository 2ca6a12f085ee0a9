"""Call ids of callbacks and calls out: each attempt is a call of its own in the queue and in the journal.

`call-back-<promise>.<attempt>` has the form of every call id and can be nobody else's: Asterisk's unique ids begin with
a systemname, and that has no hyphen. The id of an attempt stays the same until the citizen was dialled, whichever
process holds the promise.
"""

from __future__ import annotations

import re
from typing import Final

from hotline.ids import call_id

CALL_PREFIX: Final = "call-back-"
OUT_PREFIX: Final = "call-out-"
_CALLED_IN: Final = re.compile(r"[A-Za-z0-9_]+-in-[0-9]+\.[0-9]+")


def attempt_id(callback: int, number: int) -> str:
    """The call id of a promise's attempt, counted from 1."""
    return call_id(f"{CALL_PREFIX}{callback}.{number}")


def is_outward(call: str) -> bool:
    """Whether the channel of a call is the agent's: of a callback, or of a call out."""
    return call.startswith((CALL_PREFIX, OUT_PREFIX))


def call_out_id(call_out: int) -> str:
    """The call id of a call out."""
    return call_id(f"{OUT_PREFIX}{call_out}.1")


def called_in_id(process: str, at_ms: int, serial: int) -> str:
    """The call id under which `process` (`<systemname>/voice-<n>`) calls the next agent of a group into a talk."""
    host, _, name = process.partition("/")
    number = int(name.rpartition("-")[2]) if name[-1:].isdecimal() else 0
    return call_id(f"{host}-in-{at_ms // 1000}.{at_ms % 1000:03d}{number % 100:02d}{serial % 100:02d}")


def is_called_in(call: str) -> bool:
    """Whether no citizen is in this call: its only channel is that of somebody who is called into a talk."""
    return _CALLED_IN.fullmatch(call) is not None


def survey_leg_id(call_out: int) -> str:
    """The channel id of the citizen's leg of an automated survey: from here on a call id like those of calls that
    came in, for a citizen who asks for an agent becomes one."""
    return call_id(f"ivr-visit-{call_out}.1")


def leg_id(call: str) -> str:
    """The channel id of the agent's leg of an attempt: known beforehand, so that whoever adopts the call finds it.
    Asterisk refuses a second live channel of that id."""
    return f"{call}-agent"
