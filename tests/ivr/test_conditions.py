"""Conditions: every test, at its edges, and queues that tell or do not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from ivr.events import CallFacts, Do, LookAtQueue
from ivr.flow import DayKind
from tests.ivr.runs import SHANGHAI, City, Hand, flow_of

TRUE = [("is", "case 1"), ("yes", "end")]
FALSE = [("is", "otherwise"), ("no", "end")]
ENDS = {"yes": {"type": "return", "outcome": "yes"}, "no": {"type": "return", "outcome": "no"}}


def _hand(when: dict[str, Any], *more: dict[str, Any], before: dict[str, Any] | None = None, **how: Any) -> Hand:
    cases = [{"when": one, "next": "yes"} for one in (when, *more)]
    nodes = {"is": {"type": "condition", "cases": cases, "otherwise": "no"}, **ENDS}
    if before is not None:
        nodes = {"first": {**before, "next": "is"}, **nodes}
    return Hand(flow_of(nodes), **how)


def _at(text: str) -> datetime:
    """A time of the city, as calls have it: in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC)


@pytest.mark.parametrize(
    ("at", "true"),
    [
        ("2026-09-30T23:59:59", False),
        ("2026-10-01T00:00", True),
        ("2026-10-07T23:59:59", True),
        ("2026-10-08T00:00", False),
    ],
)
def test_by_calendar_is_local_and_both_days_count(at: str, true: bool) -> None:
    hand = _hand({"test": "calendar", "first": "2026-10-01", "last": "2026-10-07"}, at=_at(at))
    assert hand.path[-2:] == (TRUE if true else FALSE)


@pytest.mark.parametrize(
    ("opens", "closes", "at", "true"),
    [
        ("08:30", "18:00", "08:29:59", False),
        ("08:30", "18:00", "08:30", True),
        ("08:30", "18:00", "18:00", False),
        ("22:00", "06:00", "21:59", False),
        ("22:00", "06:00", "22:00", True),
        ("22:00", "06:00", "05:59", True),
        ("22:00", "06:00", "06:00", False),
        ("08:00", "08:00", "03:00", True),
    ],
)
def test_by_time_is_local_and_may_pass_midnight(opens: str, closes: str, at: str, true: bool) -> None:
    hand = _hand({"test": "time", "opens": opens, "closes": closes}, at=_at(f"2026-11-23T{at}"))
    assert hand.path[-2:] == (TRUE if true else FALSE)


@pytest.mark.parametrize(
    ("when", "how", "true"),
    [
        ({"test": "hours", "of": "day"}, {"city": City(open_now=["day"])}, True),
        ({"test": "hours", "of": "night"}, {"city": City(open_now=["day"])}, False),
        ({"test": "day", "kinds": ["holiday", "weekend"]}, {"city": City(DayKind.WEEKEND)}, True),
        ({"test": "day", "kinds": ["holiday", "weekend"]}, {"city": City(DayKind.WORKDAY)}, False),
        ({"test": "line", "lines": ["12333", "12345"]}, {}, True),
        ({"test": "line", "lines": ["12333"]}, {}, False),
        ({"test": "tag", "tags": ["repeat", "vip"]}, {"facts": CallFacts("1", "", frozenset({"repeat"}))}, True),
        ({"test": "tag", "tags": ["vip"]}, {"facts": CallFacts("1", "", frozenset({"repeat"}))}, False),
        ({"test": "language", "language": "en-US"}, {"facts": CallFacts("1", "", language="en-US")}, True),
        ({"test": "language", "language": "en-US"}, {}, False),
        ({"test": "answer", "variable": "line", "values": ["12345"]}, {}, True),
        ({"test": "answer", "variable": "line", "values": ["12333"]}, {}, False),
        ({"test": "answer", "variable": "never_set", "values": ["1"]}, {}, False),
    ],
)
def test_tests_that_ask_nobody(when: dict[str, Any], how: dict[str, Any], true: bool) -> None:
    hand = _hand(when, **how)
    assert hand.path[-2:] == (TRUE if true else FALSE)


def test_what_was_set_on_the_way_counts() -> None:
    switch = {"type": "set", "language": "en-US", "values": {"kind": "a{line}"}}
    assert _hand({"test": "language", "language": "en-US"}, before=switch).path[-2:] == TRUE
    assert _hand({"test": "answer", "variable": "language", "values": ["en-US"]}, before=switch).path[-2:] == TRUE
    assert _hand({"test": "answer", "variable": "kind", "values": ["a12345"]}, before=switch).path[-2:] == TRUE


def test_the_first_true_case_counts() -> None:
    hand = _hand({"test": "line", "lines": ["12333"]}, {"test": "line", "lines": ["12345"]})
    assert hand.path[-2] == ("is", "case 2")


@pytest.mark.parametrize(
    ("when", "waiting", "ready", "true"),
    [
        ({"waiting": 5}, 5, 0, True),
        ({"waiting": 5}, 4, 0, False),
        ({"nobody_ready": True}, 0, 0, True),
        ({"nobody_ready": True}, 99, 1, False),
        ({"nobody_ready": True, "waiting": 5}, 5, 1, True),
        ({}, 99, 0, False),
    ],
)
def test_a_queue_is_asked_first(when: dict[str, Any], waiting: int, ready: int, true: bool) -> None:
    hand = _hand({"test": "queue", "queue": "tax", **when})
    assert hand.work() == LookAtQueue("tax")
    hand.done(waiting=str(waiting), ready=str(ready))
    assert hand.path[-2:] == (TRUE if true else FALSE)


def test_a_queue_is_asked_once_in_a_visit_and_each_queue_for_itself() -> None:
    hand = _hand(
        {"test": "queue", "queue": "tax", "waiting": 9},
        {"test": "queue", "queue": "tax", "nobody_ready": True},
        {"test": "queue", "queue": "law", "waiting": 1},
    )
    hand.done(waiting="1", ready="1")
    assert hand.work() == LookAtQueue("law")
    hand.done(waiting="1", ready="1")
    assert hand.path[-2] == ("is", "case 3")
    assert sum(isinstance(one, Do) for one in hand.all) == 2


def test_a_case_before_a_queue_is_decided_without_it() -> None:
    hand = _hand({"test": "line", "lines": ["12345"]}, {"test": "queue", "queue": "tax", "waiting": 1})
    assert hand.path[-2:] == TRUE


@pytest.mark.parametrize("values", [None, {}, {"waiting": "many", "ready": "1"}, {"waiting": "1"}])
def test_a_queue_that_does_not_tell_leads_on_as_if_no_case_was_true(values: dict[str, str] | None) -> None:
    hand = _hand({"test": "queue", "queue": "tax", "waiting": 1}, {"test": "line", "lines": ["12345"]})
    if values is None:
        hand.failed()
    else:
        hand.done(**values)
    assert hand.path[-2:] == FALSE
