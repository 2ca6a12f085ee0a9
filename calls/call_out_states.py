"""States of a call out (外呼), every move between them, and what became of it: from cause and status, as data."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from hotline.errors import Conflict


class Purpose(StrEnum):
    """What a call out is for."""

    VISIT = "visit"
    """回访: an agent asks the citizen what became of their matter (TH 20)."""
    CONTACT = "contact"
    """A unit (责任单位) is asked or told something about a ticket (TH 12(6))."""
    SURVEY = "survey"
    """自动回访: nobody of ours is on the line; the citizen answers by key."""
    UNIT = "unit"
    """隐号通话: a unit's handler and the citizen, joined by the line; neither sees the other's number (TH 17)."""


class Whom(StrEnum):
    """Where the number comes from."""

    CITIZEN = "citizen"
    """The ticket's caller."""
    CONTACT = "contact"
    """A named contact (联络员) of a unit, from the directory."""
    DUTY = "duty"
    """A unit's number on duty today (值班电话), from the directory."""
    TYPED = "typed"
    """Typed by somebody who may."""


class CallOutState(StrEnum):
    """Where a call out is."""

    REQUESTED = "requested"
    """No process holds it yet."""
    PLACING = "placing"
    """The agent's own phone rings."""
    DIALLED = "dialled"
    """The party's phone is called: an attempt that counts."""
    TALKING = "talking"
    ENDED = "ended"
    """The party was called; `outcome` is a `PartyOutcome`."""
    NOT_PLACED = "not_placed"
    """The party was not called; `outcome` is a `NotPlaced`."""


_S = CallOutState

CALL_OUT_MOVES: Mapping[CallOutState, frozenset[CallOutState]] = {
    # Straight to DIALLED: a survey, which rings no agent.
    _S.REQUESTED: frozenset({_S.PLACING, _S.DIALLED, _S.NOT_PLACED}),
    _S.PLACING: frozenset({_S.DIALLED, _S.NOT_PLACED}),
    _S.DIALLED: frozenset({_S.TALKING, _S.ENDED}),
    _S.TALKING: frozenset({_S.ENDED}),
    _S.ENDED: frozenset(),
    _S.NOT_PLACED: frozenset(),
}

CLOSED: Final = frozenset(state for state, targets in CALL_OUT_MOVES.items() if not targets)


class PartyOutcome(StrEnum):
    """How the party answered. Tones heard before an answer are not judged: only what the network says in words."""

    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    UNALLOCATED = "unallocated"
    """空号: no such number (any more)."""
    POWERED_OFF = "powered_off"
    """关机: switched off or out of reach."""
    FAILED = "failed"
    """Ours or the carrier's fault: the party's phone did not ring."""
    AGENT_LEFT = "agent_left"
    """The agent hung up while the party's phone rang."""
    LOST = "lost"
    """The process that dialled died, and nobody knows of a talk."""


class NotPlaced(StrEnum):
    """Why the party was not called."""

    AGENT_NOT_FREE = "agent_not_free"
    """In a talk, offered a call, signed out, or the phone is away."""
    AGENT_NO_ANSWER = "agent_no_answer"
    """The agent did not take the own phone off the hook."""
    NOT_ALLOWED = "not_allowed"
    """The number was called by somebody else meanwhile."""
    EXPIRED = "expired"
    """No process took it up in time: a click is not to be heard minutes later."""
    LOST = "lost"
    """The process that held it died before the party was called."""
    UNAVAILABLE = "unavailable"
    """A part of ours was away."""


class CallOutMoved(Conflict):
    """The call out is not in a state from which this is possible, or another process holds it."""

    code = "call_out.moved"


def sources(target: CallOutState) -> frozenset[CallOutState]:
    """The states from which a call out may come into `target`."""
    return frozenset(state for state, targets in CALL_OUT_MOVES.items() if target in targets)


_CAUSES: Mapping[int, PartyOutcome] = {
    1: PartyOutcome.UNALLOCATED,
    17: PartyOutcome.BUSY,
    18: PartyOutcome.NO_ANSWER,
    19: PartyOutcome.NO_ANSWER,
    20: PartyOutcome.POWERED_OFF,
    21: PartyOutcome.REJECTED,
    22: PartyOutcome.UNALLOCATED,
    28: PartyOutcome.UNALLOCATED,
}
"""Q.850 causes as chan_pjsip reports them of SIP answers: 404 and 604 are 1, 410 (changed) is 22, 484 is 28, 486 and
600 are 17, 408 is 18, 480 is 19, 603 is 21; 20 (subscriber absent) comes in a carrier's Reason header."""

_STATUS: Mapping[str, PartyOutcome] = {"BUSY": PartyOutcome.BUSY, "NOANSWER": PartyOutcome.NO_ANSWER}


def party_outcome(dial_status: str, cause: int, *, called: bool) -> PartyOutcome:
    """The outcome of a Dial that did not become a talk, from DIALSTATUS and HANGUPCAUSE. `called`: there was a leg to
    the party; without one the trunk is away, whatever cause Asterisk gives for it."""
    if not called:
        return PartyOutcome.FAILED
    if cause in _CAUSES and dial_status != "NOANSWER":
        return _CAUSES[cause]
    return _STATUS.get(dial_status, PartyOutcome.FAILED)
