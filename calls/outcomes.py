"""What a Dial that did not become a talk means: one table from Asterisk's words to ours."""

from __future__ import annotations

from acd.states import Outcome

_BUSY_CAUSE = 17
_REJECTED_CAUSE = 21
_NO_ANSWER_CAUSES = frozenset({18, 19})
_UNREGISTERED_CAUSES = frozenset({3, 20})

# Q.850 causes as chan_pjsip reports them: 486 -> 17, 603 -> 21, 480/408 -> 18/19, no contact -> 20 (or 3).


def offer_outcome(dial_status: str, cause: int) -> Outcome:
    """The outcome of an offer from DIALSTATUS and HANGUPCAUSE (Q.850) of the caller's channel after `Dial`."""
    if cause == _REJECTED_CAUSE:
        return Outcome.REJECTED
    match dial_status:
        case "BUSY":
            return Outcome.BUSY
        case "NOANSWER":
            return Outcome.NO_ANSWER
        case "CANCEL":
            return Outcome.CALLER_GONE
        case "CHANUNAVAIL" if cause in _UNREGISTERED_CAUSES or cause == 0:
            # Asterisk refuses to make a channel to an endpoint without a contact before any cause exists.
            return Outcome.UNREGISTERED
        case "CHANUNAVAIL" | "CONGESTION" if cause in _NO_ANSWER_CAUSES:
            return Outcome.NO_ANSWER
        case "CHANUNAVAIL" | "CONGESTION" if cause == _BUSY_CAUSE:
            return Outcome.BUSY
        case _:
            return Outcome.FAILED
