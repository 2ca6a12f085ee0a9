"""Limits against nuisance: what may be called when, for every moment and history, and the tables around it."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calls.call_out_policy import Allowed, OutPolicy, Refused, Why, may_call
from calls.call_out_states import CALL_OUT_MOVES, CallOutState, PartyOutcome, party_outcome
from hotline.workdays import Workdays

ZONE = ZoneInfo("Asia/Shanghai")
NUMBER = "+8613812345678"
CALENDAR = Workdays()


def policy(**changed: object) -> OutPolicy:
    values = {
        "zone": ZONE,
        "opens": time(8),
        "closes": time(21),
        "per_day": 4,
        "spacing": timedelta(minutes=15),
    } | changed
    return OutPolicy(**values)  # type: ignore[arg-type]


def at(day: int, hour: int, minute: int = 0, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=ZONE).astimezone(UTC)


@pytest.mark.parametrize(
    ("moment", "history", "changed", "expected"),
    [
        (at(23, 8), [], {}, Allowed()),
        (at(23, 20, 59), [], {}, Allowed()),
        (at(23, 7, 59), [], {}, Refused(Why.QUIET_HOURS, at(23, 8))),
        (at(23, 21), [], {}, Refused(Why.QUIET_HOURS, at(24, 8))),
        (at(23, 3), [], {"opens": time(8), "closes": time(8)}, Allowed()),
        (at(23, 9), [at(23, 8, 50)], {}, Refused(Why.TOO_SOON, at(23, 9, 5))),
        (at(23, 9, 5), [at(23, 8, 50)], {}, Allowed()),
        (at(23, 12), [at(23, h) for h in (8, 9, 10, 11)], {}, Refused(Why.TOO_OFTEN, at(24, 8))),
        (at(23, 12), [at(22, h) for h in (8, 9, 10, 11)], {}, Allowed()),
        # The spacing ends in the quiet hours.
        (at(23, 20, 50), [at(23, 20, 49)], {}, Refused(Why.TOO_SOON, at(24, 8))),
        (at(23, 9), [], {"do_not_call": frozenset({NUMBER})}, Refused(Why.DO_NOT_CALL, None)),
        (at(28, 9), [], {"workdays": CALENDAR}, Refused(Why.DAY_OFF, at(30, 8))),
        # 10 October 2026 is a Saturday that is worked; 1 to 7 October are off.
        (at(10, 9, month=10), [], {"workdays": CALENDAR}, Allowed()),
        (at(30, 22, month=9), [], {"workdays": CALENDAR}, Refused(Why.QUIET_HOURS, at(8, 8, month=10))),
    ],
)
def test_a_number_is_called_within_the_limits(
    moment: datetime, history: list[datetime], changed: dict[str, object], expected: Allowed | Refused
) -> None:
    assert may_call(NUMBER, moment, history, policy(**changed)) == expected


_MOMENTS = st.integers(0, 20 * 24 * 60).map(lambda minutes: at(1, 0) + timedelta(minutes=minutes))


@settings(max_examples=150, deadline=None)
@given(
    moment=_MOMENTS,
    history=st.lists(_MOMENTS, max_size=6),
    hours=st.tuples(st.integers(0, 23), st.integers(0, 23)).map(sorted),
    limited=st.tuples(st.integers(1, 3), st.integers(0, 600), st.booleans()),
)
def test_the_next_moment_is_the_first_that_is_allowed(
    moment: datetime, history: list[datetime], hours: list[int], limited: tuple[int, int, bool]
) -> None:
    """Against the rules as they are said, minute by minute."""
    per_day, spacing, workdays = limited
    history = [called for called in history if called <= moment]
    limits = policy(
        opens=time(hours[0]),
        closes=time(hours[1]),
        per_day=per_day,
        spacing=timedelta(minutes=spacing),
        workdays=CALENDAR if workdays else None,
    )

    def allowed(when: datetime) -> bool:
        local = when.astimezone(ZONE)
        within = hours[0] == hours[1] or hours[0] <= local.hour < hours[1]
        day_works = not workdays or CALENDAR.is_workday(local.date()) is True
        today = [called for called in history if called.astimezone(ZONE).date() == local.date()]
        apart = all((when - called) >= timedelta(minutes=spacing) for called in history)
        return within and day_works and len(today) < per_day and apart

    answer = may_call(NUMBER, moment, history, limits)
    assert isinstance(answer, Allowed) == allowed(moment)
    if isinstance(answer, Refused):
        assert answer.when_next is not None
        when = moment
        while not allowed(when):
            when += timedelta(minutes=1)
        assert answer.when_next == when


def test_a_day_nobody_has_laid_down_is_what_its_weekday_says() -> None:
    limits = policy(workdays=CALENDAR)
    assert limits.works(date(2099, 1, 5))
    assert not limits.works(date(2099, 1, 3))


@pytest.mark.parametrize(
    ("status", "cause", "expected"),
    [
        ("BUSY", 17, PartyOutcome.BUSY),
        ("BUSY", 0, PartyOutcome.BUSY),
        ("NOANSWER", 0, PartyOutcome.NO_ANSWER),
        ("NOANSWER", 21, PartyOutcome.NO_ANSWER),
        ("CONGESTION", 21, PartyOutcome.REJECTED),
        ("BUSY", 21, PartyOutcome.REJECTED),
        ("CHANUNAVAIL", 1, PartyOutcome.UNALLOCATED),
        ("CONGESTION", 22, PartyOutcome.UNALLOCATED),
        ("CHANUNAVAIL", 28, PartyOutcome.UNALLOCATED),
        ("CHANUNAVAIL", 20, PartyOutcome.POWERED_OFF),
        ("CONGESTION", 19, PartyOutcome.NO_ANSWER),
        ("CONGESTION", 34, PartyOutcome.FAILED),
        ("CHANUNAVAIL", 0, PartyOutcome.FAILED),
    ],
)
def test_what_the_network_says_is_the_outcome(status: str, cause: int, expected: PartyOutcome) -> None:
    assert party_outcome(status, cause, called=True) is expected


def test_without_a_leg_it_is_our_fault_whatever_cause_there_is() -> None:
    assert party_outcome("CHANUNAVAIL", 20, called=False) is PartyOutcome.FAILED
    assert party_outcome("BUSY", 17, called=False) is PartyOutcome.FAILED


def test_every_call_out_can_end_and_only_a_dialled_one_counts() -> None:
    reachable = {CallOutState.REQUESTED}
    while (more := reachable | {t for s in reachable for t in CALL_OUT_MOVES[s]}) != reachable:
        reachable = more
    assert reachable == set(CallOutState)
    into_ended = {s for s, targets in CALL_OUT_MOVES.items() if CallOutState.ENDED in targets}
    assert into_ended == {CallOutState.DIALLED, CallOutState.TALKING}
    assert CallOutState.NOT_PLACED not in CALL_OUT_MOVES[CallOutState.DIALLED]
