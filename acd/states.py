"""States of an agent and of a call, and every move between them, as data.

The tables are rendered into the Redis scripts (`acd/scripting.py`), which refuse any move that is not listed here; the
diagrams in the docs are drawn from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class AgentState(StrEnum):
    """What an agent (话务员) is doing, as distribution sees it."""

    SIGNED_OUT = "SIGNED_OUT"
    """签出: no session, no extension."""
    READY = "READY"
    """示闲: may be offered a call now."""
    NOT_READY = "NOT_READY"
    """示忙: asked for by the agent (no deadline), or put there by policy (with one)."""
    RESERVED = "RESERVED"
    """A call is reserved for the agent; the phone does not ring yet."""
    RINGING = "RINGING"
    """The phone rings."""
    TALKING = "TALKING"
    """In a talk."""
    HOLD = "HOLD"
    """In a talk whose citizen hears music (保持)."""
    CONSULT = "CONSULT"
    """In a talk, asking a third party while the citizen is held (咨询)."""
    CONFERENCE = "CONFERENCE"
    """In a talk of three (三方通话)."""
    WRAP_UP = "WRAP_UP"
    """话后整理: after-call work."""
    UNREACHABLE = "UNREACHABLE"
    """Wants calls, but the phone is unregistered, of unknown state, in other use, or rests after a failed offer."""


class CallState(StrEnum):
    """Where a queued call is."""

    WAITING = "WAITING"
    RESERVED = "RESERVED"
    RINGING = "RINGING"
    TALKING = "TALKING"
    ENDED = "ENDED"
    """Out of distribution. The record stays for a while, so that an answered call is never queued again."""


class Outcome(StrEnum):
    """Why an offer did not become a talk."""

    NO_ANSWER = "NO_ANSWER"
    BUSY = "BUSY"
    REJECTED = "REJECTED"
    UNREGISTERED = "UNREGISTERED"
    FAILED = "FAILED"
    CALLER_GONE = "CALLER_GONE"
    EXPIRED = "EXPIRED"
    AGENT_WITHDRAWN = "AGENT_WITHDRAWN"


_A = AgentState
_FREED = frozenset({_A.READY, _A.NOT_READY, _A.UNREACHABLE, _A.SIGNED_OUT})
"""Where an agent may go when nothing holds it: what it wants, as far as its phone allows."""

TALKS = frozenset({_A.TALKING, _A.HOLD, _A.CONSULT, _A.CONFERENCE})
"""What an agent may be doing in a talk; the call itself is TALKING."""

AGENT_MOVES: Mapping[AgentState, frozenset[AgentState]] = {
    _A.SIGNED_OUT: frozenset({_A.NOT_READY, _A.READY, _A.UNREACHABLE}),
    _A.READY: frozenset({_A.RESERVED, _A.NOT_READY, _A.UNREACHABLE, _A.SIGNED_OUT}),
    # RESERVED only for a call the agent picked.
    _A.NOT_READY: frozenset({_A.RESERVED, _A.READY, _A.NOT_READY, _A.UNREACHABLE, _A.SIGNED_OUT}),
    _A.RESERVED: frozenset({_A.RINGING, _A.TALKING}) | _FREED,
    _A.RINGING: frozenset({_A.TALKING}) | _FREED,
    **{talk: (TALKS - {talk}) | {_A.WRAP_UP} | _FREED for talk in TALKS},
    _A.WRAP_UP: _FREED,
    _A.UNREACHABLE: frozenset({_A.READY, _A.NOT_READY, _A.UNREACHABLE, _A.SIGNED_OUT}),
}

_C = CallState

CALL_MOVES: Mapping[CallState, frozenset[CallState]] = {
    _C.WAITING: frozenset({_C.RESERVED, _C.ENDED}),
    _C.RESERVED: frozenset({_C.RINGING, _C.TALKING, _C.WAITING, _C.ENDED}),
    _C.RINGING: frozenset({_C.TALKING, _C.WAITING, _C.ENDED}),
    _C.TALKING: frozenset({_C.ENDED}),
    _C.ENDED: frozenset({_C.WAITING}),
    # ENDED -> WAITING only for a call that was never answered (a caller that left the queue and came back), and for one
    # that its agent gives on to another (`requeue`).
}

HELD = TALKS | {_A.RESERVED, _A.RINGING}
"""States in which an agent belongs to one call and its reservation."""


OCCUPIED = HELD | {_A.WRAP_UP}
"""States that count as work in an agent's occupancy."""
