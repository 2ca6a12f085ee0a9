"""States of a promise to call back (回拨), and every move between them, as data."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from hotline.errors import Conflict


class CallbackKind(StrEnum):
    """How a promise came about."""

    QUEUED = "queued"
    """排队回拨: the citizen asked for it while waiting; the place is kept."""
    MISSED = "missed"
    """漏接电话回拨: the citizen gave up before anybody answered."""
    SPOOL = "spool"
    """Promised by the dialplan while nobody of ours was there."""
    SURVEY = "survey"
    """不满意回访: the citizen was dissatisfied after a talk."""


class CallbackState(StrEnum):
    """Where a promise is."""

    OPEN = "open"
    """Due at its time; no process holds it."""
    WAITING = "waiting"
    """In the queue, at its place, for an agent."""
    PLACING = "placing"
    """An agent's phone rings, or the citizen's."""
    TALKING = "talking"
    """Kept: citizen and agent talk."""
    ANSWERED = "answered"
    """The talk is over."""
    EXHAUSTED = "exhausted"
    """The citizen could not be reached in all attempts, or in time."""
    CANCELLED = "cancelled"
    """No longer wanted: the citizen got through, or a supervisor said so."""


class CallbackOutcome(StrEnum):
    """What became of an attempt, or of a promise."""

    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    UNREACHABLE = "unreachable"
    """Switched off, out of reach, no such number, or the trunk is away."""
    AGENT_LEFT = "agent_left"
    """The agent hung up while the citizen's phone rang."""
    LOST = "lost"
    """The process that dialled died, and nobody knows of a talk."""
    EXPIRED = "expired"
    """Too old to be kept."""
    NOT_CALLABLE = "not_callable"
    """The number may not be called (any more)."""
    GOT_THROUGH = "got_through"
    """The citizen called again and was answered."""
    WITHDRAWN = "withdrawn"
    """A supervisor took the promise back."""


_S = CallbackState

CALLBACK_MOVES: Mapping[CallbackState, frozenset[CallbackState]] = {
    _S.OPEN: frozenset({_S.WAITING, _S.CANCELLED, _S.EXHAUSTED, _S.ANSWERED}),
    _S.WAITING: frozenset({_S.OPEN, _S.PLACING, _S.CANCELLED, _S.EXHAUSTED, _S.ANSWERED}),
    _S.PLACING: frozenset({_S.WAITING, _S.OPEN, _S.TALKING, _S.ANSWERED, _S.EXHAUSTED, _S.CANCELLED}),
    _S.TALKING: frozenset({_S.ANSWERED}),
    _S.ANSWERED: frozenset(),
    _S.EXHAUSTED: frozenset(),
    _S.CANCELLED: frozenset(),
    # WAITING or PLACING -> ANSWERED without TALKING: what a process that died did not live to write.
}

CLOSED = frozenset(state for state, targets in CALLBACK_MOVES.items() if not targets)
"""Nothing more happens to these."""

CANCELLABLE = frozenset(state for state, targets in CALLBACK_MOVES.items() if _S.CANCELLED in targets)
"""Before the talk a promise can be taken back."""


class CallbackMoved(Conflict):
    """The promise is not in a state from which this is possible: somebody else moved it meanwhile."""

    code = "callback.moved"


def sources(target: CallbackState) -> frozenset[CallbackState]:
    """The states from which a promise may come into `target`."""
    return frozenset(state for state, targets in CALLBACK_MOVES.items() if target in targets)
