"""Head starts and their reasons, and who is asked first, from what is known of a caller."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from calls.affinity import preferred
from calls.caller_record import CallerRecord
from calls.priority import HeadStart, Reason, head_start
from calls.story import CallSummary
from hotline.clock import to_ms
from hotline.settings import Priority
from ticketing.schemas import Ticket

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
POLICY = Priority()
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def call(
    ago: timedelta, *, lasted: timedelta = 2 * MINUTE, agent: str | None = None, outcome: str = "abandoned"
) -> CallSummary:
    """An earlier call, which ended `ago`; answered as soon as it came if there is an agent."""
    empty: dict[str, Any] = dict.fromkeys(CallSummary.__dataclass_fields__)
    ended = NOW - ago
    return CallSummary(
        **empty
        | {
            "call_id": "ast1-1.1",
            "entered_at": ended - lasted,
            "answered_at": ended - lasted if agent else None,
            "ended_at": ended,
            "agent": agent,
            "outcome": "answered" if agent else outcome,
        }
    )


def ticket(registered_by: str) -> Ticket:
    return Ticket.model_construct(number="20260301-0001", registered_by=registered_by)  # type: ignore[call-arg]


def given(record: CallerRecord | None, *, emergency: bool = False, at_most_ms: int = 600_000) -> HeadStart:
    return head_start(record, POLICY, emergency=emergency, now=NOW, at_most_ms=at_most_ms)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (CallerRecord(), HeadStart()),
        (CallerRecord(vulnerable=True), HeadStart(120_000, (Reason.VULNERABLE,))),
        # About an open ticket: only if there was a call about it within the day.
        (CallerRecord([call(2 * HOUR, agent="1001")], [ticket("1001")]), HeadStart(60_000, (Reason.REPEAT,))),
        (CallerRecord([call(30 * HOUR, agent="1001")], [ticket("1001")]), HeadStart()),
        (CallerRecord([call(2 * HOUR, agent="1001")]), HeadStart()),
        # After a call nobody answered.
        (CallerRecord([call(2 * HOUR)]), HeadStart(60_000, (Reason.REPEAT,))),
        (CallerRecord([call(2 * HOUR, outcome="callback_promised")]), HeadStart(60_000, (Reason.REPEAT,))),
        (CallerRecord([call(25 * HOUR)]), HeadStart()),
        # Dials again: as long as was waited then, three minutes at most.
        (CallerRecord([call(MINUTE)]), HeadStart(180_000, (Reason.REDIAL, Reason.REPEAT))),
        (CallerRecord([call(MINUTE, lasted=HOUR)]), HeadStart(240_000, (Reason.REDIAL, Reason.REPEAT))),
        (CallerRecord([call(31 * MINUTE, lasted=HOUR)]), HeadStart(60_000, (Reason.REPEAT,))),
        # A callback is owed.
        (CallerRecord(callback_since_ms=to_ms(NOW - HOUR)), HeadStart(180_000, (Reason.CALLBACK_DUE,))),
        (CallerRecord(callback_since_ms=to_ms(NOW - MINUTE)), HeadStart(60_000, (Reason.CALLBACK_DUE,))),
    ],
)
def test_reasons(record: CallerRecord, expected: HeadStart) -> None:
    assert given(record) == expected


def test_the_wait_that_was_given_up_and_the_callback_owed_for_it_are_one() -> None:
    gave_up = call(MINUTE, lasted=HOUR)
    assert gave_up.entered_at is not None
    both = given(CallerRecord([gave_up], callback_since_ms=to_ms(gave_up.entered_at)))
    assert both == given(CallerRecord([gave_up]))


def test_nobody_gains_by_hanging_up_and_dialling_again() -> None:
    """Five times in a row, a second each: what is made good is a second."""
    redials = [call(timedelta(seconds=2 * n), lasted=timedelta(seconds=1)) for n in range(5)]
    assert given(CallerRecord(redials)).ms == POLICY.repeat_ms + 1_000


def test_the_sum_is_bounded() -> None:
    record = CallerRecord([call(MINUTE, lasted=HOUR)], [ticket("1001")], vulnerable=True)
    reasons = (Reason.EMERGENCY, Reason.REDIAL, Reason.VULNERABLE, Reason.REPEAT)
    assert given(record, emergency=True) == HeadStart(600_000, reasons)
    assert given(record, at_most_ms=100_000).ms == 100_000


def test_without_a_record_there_is_only_what_the_call_itself_shows() -> None:
    assert given(None) == HeadStart()
    assert given(None, emergency=True) == HeadStart(600_000, (Reason.EMERGENCY,))


@pytest.mark.parametrize(
    ("record", "agent"),
    [
        (None, ""),
        (CallerRecord(), ""),
        (CallerRecord([call(HOUR)]), ""),
        (CallerRecord([call(MINUTE), call(HOUR, agent="1002"), call(2 * HOUR, agent="1003")]), "1002"),
        (CallerRecord([call(80 * HOUR, agent="1002")]), ""),
        (CallerRecord([call(80 * HOUR, agent="1002")], [ticket("1007"), ticket("1008")]), "1007"),
        (CallerRecord([call(HOUR, agent="1002")], [ticket("1007")]), "1002"),
        # Registered by a platform, or by a supervisor's login.
        (CallerRecord((), [ticket("partner:110"), ticket("zhang.san")]), ""),
        (CallerRecord((), [ticket("partner:110"), ticket("1007")]), "1007"),
    ],
)
def test_who_is_asked_first(record: CallerRecord | None, agent: str) -> None:
    assert preferred(record, within=72 * HOUR, now=NOW) == agent
