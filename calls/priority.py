"""Head starts (优先): by how much a call is placed as if it had come in earlier, and why.

A head start is bounded by the policy of distribution, so that nobody starves. What makes good for an earlier wait is
never more than that wait: nobody gains by hanging up and dialling again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from calls.caller_record import CallerRecord
from calls.story import CallSummary
from hotline.clock import to_ms
from hotline.settings import Priority


class Reason(StrEnum):
    """Why a call is placed before its time, as the journal has it."""

    EMERGENCY = "emergency"
    """No emergency desk took the call."""
    VULNERABLE = "vulnerable"
    """The number is marked as a vulnerable caller's (特殊群体)."""
    REPEAT = "repeat"
    """Calls again about an open ticket, or after a call that nobody answered."""
    REDIAL = "redial"
    """Dials again soon after giving up."""
    CALLBACK_DUE = "callback_due"
    """Calls while we owe a callback."""


@dataclass(frozen=True, slots=True)
class HeadStart:
    """Milliseconds and their reasons, largest first."""

    ms: int = 0
    reasons: tuple[Reason, ...] = ()


def head_start(
    record: CallerRecord | None, policy: Priority, *, emergency: bool, now: datetime, at_most_ms: int
) -> HeadStart:
    """What a call is given; without a record of the caller (unknown number, no answer in time) only what the call
    itself shows."""
    given = {Reason.EMERGENCY: policy.emergency_ms if emergency else 0}
    limited = record is not None and record.treatment is not None and record.treatment.without_head_start
    if record is not None and not limited:
        given |= {Reason.VULNERABLE: policy.vulnerable_ms if record.vulnerable else 0}
        given |= {Reason.REPEAT: policy.repeat_ms if _repeats(record, policy, now) else 0}
        given |= _owed(record, policy, now)
    reasons = sorted((reason for reason, ms in given.items() if ms), key=lambda reason: (-given[reason], reason))
    return HeadStart(min(sum(given.values()), at_most_ms), tuple(reasons))


def _repeats(record: CallerRecord, policy: Priority, now: datetime) -> bool:
    recent = [call for call in record.earlier if _since(call.entered_at, now, timedelta(hours=policy.repeat_hours))]
    return bool(recent and record.open_tickets) or any(_unanswered(call) for call in recent)


def _owed(record: CallerRecord, policy: Priority, now: datetime) -> dict[Reason, int]:
    """Giving up and the callback owed for it are one wait: the larger counts."""
    redial = max(
        (
            _waited_ms(call)
            for call in record.earlier
            if call.outcome == "abandoned" and _since(call.ended_at, now, timedelta(minutes=policy.redial_minutes))
        ),
        default=0,
    )
    due = 0 if record.callback_since_ms is None else max(0, to_ms(now) - record.callback_since_ms)
    owed = {Reason.REDIAL: min(redial, policy.redial_ms), Reason.CALLBACK_DUE: min(due, policy.callback_due_ms)}
    larger = max(owed, key=lambda reason: owed[reason])
    return {larger: owed[larger]}


def _unanswered(call: CallSummary) -> bool:
    return call.answered_at is None and call.ended_at is not None


def _since(at: datetime | None, now: datetime, ago: timedelta) -> bool:
    return at is not None and now - ago <= at <= now


def _waited_ms(call: CallSummary) -> int:
    if call.entered_at is None or call.ended_at is None:
        return 0
    return max(0, (call.ended_at - call.entered_at) // timedelta(milliseconds=1))
