"""The facts a journal is made of: what can happen to a call, and the form in which it is kept."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
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
    QUEUED = "queued"
    RESERVED = "reserved"
    POPPED = "popped"
    RINGING = "ringing"
    ANSWERED = "answered"
    OFFER_FAILED = "offer_failed"
    ROUTED = "routed"
    ROUTE_FAILED = "route_failed"
    ADOPTED = "adopted"
    ABANDONED = "abandoned"
    ENDED = "ended"
    WRAP_UP = "wrap_up"
    TICKET = "ticket"
    CALLBACK_REQUESTED = "callback_requested"


CALLBACK_PROMISED: Final = "callback_promised"
"""The outcome of a call that nobody could answer and that ended with the promise to call back."""


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

    def dump(self) -> bytes:
        return orjson.dumps(asdict(self))

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
