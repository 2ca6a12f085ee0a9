"""The State Council's calendar: what is published, what a city lays down itself, and what nobody knows yet."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from hotline.errors import InvalidInput
from hotline.workdays import Due, Exceptional, Workdays

PUBLISHED = Workdays()
# What 2027 might bring: as an administrator would enter a notice this copy does not hold yet.
ENTERED = {date(2027, 1, 1): False, date(2027, 2, 7): True, date(2026, 12, 31): False, date(2026, 12, 27): True}


def days(first: str, last: str) -> list[date]:
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return [start + timedelta(days=number) for number in range((end - start).days + 1)]


@pytest.mark.parametrize(
    ("first", "last", "worked"),
    [
        ("2026-09-25", "2026-09-27", False),  # Mid-Autumn
        ("2026-10-01", "2026-10-07", False),  # National Day
        ("2026-02-15", "2026-02-23", False),  # Spring Festival
        ("2026-09-20", "2026-09-20", True),  # a Sunday that is worked
        ("2026-10-10", "2026-10-10", True),  # a Saturday that is worked
        ("2026-02-14", "2026-02-14", True),
        ("2026-02-28", "2026-02-28", True),
        ("2026-11-21", "2026-11-22", False),  # a plain weekend
        ("2026-11-23", "2026-11-27", True),
    ],
)
def test_2026_as_published(first: str, last: str, worked: bool) -> None:
    assert {PUBLISHED.is_workday(day) for day in days(first, last)} == {worked}


@pytest.mark.parametrize("day", ["2027-01-01", "2027-03-01", "2040-07-06", "2003-12-31", "2026-12-29", "2026-12-31"])
def test_an_unpublished_day_is_unknown(day: str) -> None:
    assert PUBLISHED.is_workday(date.fromisoformat(day)) is None


def test_a_notice_reaches_back_into_december() -> None:
    """2018-12-29, a Saturday, was worked, and Monday the 31st was off: the notice for 2019 said so."""
    assert PUBLISHED.is_workday(date(2018, 12, 29)) is True
    assert PUBLISHED.is_workday(date(2018, 12, 31)) is False
    assert PUBLISHED.known_until == date(2026, 12, 28)


@pytest.mark.parametrize(
    ("start", "limit", "due", "provisional"),
    [
        ("2026-11-20", 5, "2026-11-27", False),  # a Friday: the weekend does not count
        ("2026-11-20", 0, "2026-11-20", False),
        ("2026-09-30", 5, "2026-10-13", False),  # over National Day, with the Saturday that is worked
        ("2026-09-24", 2, "2026-09-29", False),
        ("2026-02-13", 2, "2026-02-24", False),  # Saturday 14 is worked, then the festival
        ("2026-12-24", 2, "2026-12-28", False),
        ("2026-12-24", 3, "2026-12-29", True),
        ("2027-03-01", 5, "2027-03-08", True),
    ],
)
def test_the_last_day_of_a_limit(start: str, limit: int, due: str, provisional: bool) -> None:
    assert PUBLISHED.due(date.fromisoformat(start), limit) == Due(date.fromisoformat(due), provisional)


def test_a_limit_ends_at_midnight_of_its_last_day() -> None:
    assert PUBLISHED.due(date(2026, 11, 20), 5).end("Asia/Shanghai") == datetime(2026, 11, 27, 16, 0, tzinfo=UTC)


@pytest.mark.parametrize("limit", [-1, 1001])
def test_no_limit(limit: int) -> None:
    with pytest.raises(InvalidInput):
        PUBLISHED.due(date(2026, 11, 20), limit)


def test_what_is_laid_down_here_goes_before_what_is_published() -> None:
    city = Workdays({date(2026, 10, 10): False, date(2026, 11, 23): False, date(2026, 10, 1): True})
    assert [city.is_workday(day) for day in (date(2026, 10, 10), date(2026, 11, 23), date(2026, 10, 1))] == [
        False,
        False,
        True,
    ]
    assert city.due(date(2026, 11, 20), 1).day == date(2026, 11, 24)
    found = city.exceptional(2026)
    assert (found[date(2026, 11, 23)], found[date(2026, 10, 10)]) == (Exceptional.HOLIDAY, Exceptional.HOLIDAY)
    assert date(2026, 10, 1) not in found


def test_single_days_of_an_unpublished_year_leave_the_rest_unknown() -> None:
    some = Workdays(ENTERED)
    assert (some.is_workday(date(2027, 1, 1)), some.is_workday(date(2027, 2, 7))) == (False, True)
    assert some.is_workday(date(2027, 1, 4)) is None
    assert some.due(date(2026, 12, 31), 1) == Due(date(2027, 1, 4), True)
    assert some.exceptional()[date(2027, 2, 7)] is Exceptional.MAKE_UP
    assert some.known_until == date(2026, 12, 28)


def test_a_year_that_is_declared_complete_is_known() -> None:
    whole = Workdays(ENTERED, {2027})
    assert whole.due(date(2026, 12, 30), 1) == Due(date(2027, 1, 4), False)
    assert whole.is_workday(date(2027, 1, 3)) is False
    assert whole.known_until == date(2027, 12, 28)
    found = whole.exceptional(2027)
    assert found == {date(2027, 1, 1): Exceptional.HOLIDAY, date(2027, 2, 7): Exceptional.MAKE_UP}


def test_exceptional_days_are_those_the_weekday_does_not_tell() -> None:
    found = PUBLISHED.exceptional(2026)
    assert found[date(2026, 10, 10)] is Exceptional.MAKE_UP
    # The Saturday in a holiday counts as holiday: who is open on Saturdays is closed on that one.
    assert found[date(2026, 10, 3)] is Exceptional.HOLIDAY
    assert date(2026, 11, 21) not in found
    assert {day for day in days("2026-10-01", "2026-10-10") if day in found} == {
        *days("2026-10-01", "2026-10-07"),
        date(2026, 10, 10),
    }
