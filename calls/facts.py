"""The facts a journal is made of: what can happen to a call, and the form in which it is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import orjson

from hotline.clock import from_ms
from hotline.redis import key

_PER_MS = 1_000


class Kind(StrEnum):
    """What can happen to a call."""

    ENTERED = "entered"
    GREETED = "greeted"
    MENU_ENTERED = "menu_entered"
    """The caller is in a menu (菜单): `flow`, its `version`, and `versions` of every flow it leads into."""
    MENU = "menu"
    """A node of it was left: `flow`, `version`, `node`, `branch`, `ms` spent there. A menu's key is in `branch`; digits
    that were collected are nowhere."""
    MENU_LEFT = "menu_left"
    """`end` (human, talked, over, back, gone), `why`, and where to: `queue` or `outcome`; `ms` in all."""
    NUISANCE = "nuisance"
    """The caller's number is flagged (恶意骚扰电话); `over_limit`: told of the limit, and nothing else."""
    QUEUED = "queued"
    MOVED = "moved"
    """Into another queue, named by `queue`; place and waiting time are kept."""
    RESERVED = "reserved"
    POPPED = "popped"
    RINGING = "ringing"
    ANSWERED = "answered"
    TALK = "talk"
    """What citizen, agent and a third party do from this moment on (`calls.talk.states`)."""
    OFFER_FAILED = "offer_failed"
    ROUTED = "routed"
    ROUTE_FAILED = "route_failed"
    ADOPTED = "adopted"
    ABANDONED = "abandoned"
    ENDED = "ended"
    WRAP_UP = "wrap_up"
    TICKET = "ticket"
    CALLBACK_REQUESTED = "callback_requested"
    CALLBACK = "callback"
    """The beginning of an attempt to call a citizen back, a call of its own; `of` names the call it was promised in."""
    CALLBACK_DIALLED = "callback_dialled"
    """The agent is on the line, the citizen's phone is called."""
    CALLBACK_OUTCOME = "callback_outcome"
    """On the call it was promised in: what became of an attempt."""
    HANDOVER = "handover"
    """Data go with the call (数据随话务) to `target`, under the id in the fact's name; see `calls.handover`."""
    CALL_OUT = "call_out"
    """The beginning of a call of ours to somebody: `purpose`, `whom`, `called`, `ticket`."""
    CALL_OUT_DIALLED = "call_out_dialled"
    """The agent is on the line, if one is needed; the party's phone is called."""
    RECORDING = "recording"
    """Of the recording (录音): its `state` is sealed, damaged, paused or resumed; see `calls.recording`."""
    MESSAGE = "message"
    """The citizen left a message (留言)."""
    SURVEY = "survey"
    """The citizen was asked after the talk (满意度评价): `outcome`, and `level` from 1 if one was given."""
    SURVEY_REASON = "survey_reason"
    """Why it was a bad level, as far as a key tells."""
    SUPERVISION = "supervision"
    """A step of a supervisor's part in the call (`calls.supervising_states`); `agent` is whose call it is."""


CALLBACK_PROMISED: Final = "callback_promised"
"""The outcome of a call that nobody could answer and that ended with the promise to call back."""


PERSONAL: Final = frozenset({"caller", "called", "summary", "location"})
"""Attributes that name a citizen, or say of one what goes with the call: the table holds them sealed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One fact. `seq` orders the facts of one call; `fact` names it so that it cannot be kept twice."""

    call_id: str
    seq: int
    fact: str
    kind: str
    at_ms: int
    process: str
    agent: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def at(self) -> datetime:
        return from_ms(self.at_ms)

    @property
    def plain(self) -> dict[str, Any]:
        """The attributes that the table holds in clear."""
        if PERSONAL.isdisjoint(self.attributes):
            return self.attributes
        return {name: value for name, value in self.attributes.items() if name not in PERSONAL}

    @property
    def personal(self) -> dict[str, Any] | None:
        """The others; None if there are none."""
        if PERSONAL.isdisjoint(self.attributes):
            return None
        return {name: value for name, value in self.attributes.items() if name in PERSONAL and value} or None

    def dump(self) -> bytes:
        return orjson.dumps(self)

    @classmethod
    def load(cls, line: bytes | str) -> Entry:
        return cls(**orjson.loads(line))


def seq_at(at_ms: int, lane: int = 0) -> int:
    """The first `seq` of a teller that begins at `at_ms`: facts sort by time, and a millisecond has room for a
    thousand. `lane` sets tellers of one millisecond apart."""
    return at_ms * _PER_MS + lane


def stream_key(site: str) -> str:
    """The stream that carries entries from workers to the jobs process."""
    return key(site, "journal")
