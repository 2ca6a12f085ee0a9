"""Weekly opening hours in the city's own time."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from directory.hours import InvalidHours, Span, SpecialDay, WeeklyHours, weekdays
from hotline.workdays import Workdays

OFFICE = weekdays("08:00", "18:00", "Asia/Shanghai")
NIGHT = WeeklyHours("Asia/Shanghai", (Span(5, 22 * 60, 1440), Span(6, 0, 6 * 60)))


@pytest.mark.parametrize(
    ("hours", "utc", "is_open"),
    [
        (OFFICE, "2026-11-20T00:00:00+00:00", True),  # Friday 08:00 in Sanmenxia
        (OFFICE, "2026-11-19T23:59:59+00:00", False),
        (OFFICE, "2026-11-20T09:59:59+00:00", True),
        (OFFICE, "2026-11-20T10:00:00+00:00", False),
        (OFFICE, "2026-11-21T02:00:00+00:00", False),  # Saturday
        (NIGHT, "2026-11-20T15:59:59+00:00", True),  # Friday 23:59:59
        (NIGHT, "2026-11-20T16:00:00+00:00", True),  # Saturday 00:00
        (NIGHT, "2026-11-20T22:00:00+00:00", False),  # Saturday 06:00
        (WeeklyHours("Asia/Shanghai", ()), "2026-11-20T02:00:00+00:00", False),
    ],
)
def test_is_open(hours: WeeklyHours, utc: str, is_open: bool) -> None:
    assert hours.is_open(datetime.fromisoformat(utc)) is is_open


@pytest.mark.parametrize("span", [(0, 0, 60), (8, 0, 60), (1, 60, 60), (1, 61, 60), (1, -1, 60), (1, 0, 1441)])
def test_no_span(span: tuple[int, int, int]) -> None:
    with pytest.raises(InvalidHours):
        Span(*span)


@pytest.mark.parametrize("zone", ["Asia/Sanmenxia", "", "../etc/passwd", "/etc/localtime"])
def test_no_zone(zone: str) -> None:
    with pytest.raises(InvalidHours):
        WeeklyHours(zone, ())


@pytest.mark.parametrize("text", ["8", "08:60", "25:00", "x:00", "08:", "०८:००"])
def test_no_time_of_day(text: str) -> None:
    with pytest.raises(InvalidHours):
        weekdays(text, "24:00", "Asia/Shanghai")


def test_the_end_of_the_day_is_24_00() -> None:
    assert weekdays("00:00", "24:00", "Asia/Shanghai", (7,)).spans == (Span(7, 0, 1440),)


CALENDAR = Workdays({date(2027, 2, 6): False})
FOLLOWING = WeeklyHours(
    "Asia/Shanghai",
    (*OFFICE.spans, Span(6, 9 * 60, 12 * 60)),
    (SpecialDay(date(2026, 10, 2), ((600, 660), (840, 900))), SpecialDay(date(2026, 11, 23))),
).following(CALENDAR.exceptional(), CALENDAR.known_until)


@pytest.mark.parametrize(
    ("local", "is_open"),
    [
        ("2026-10-01T10:00", False),  # National Day
        ("2026-10-03T10:00", False),  # its Saturday, although Saturdays are open
        ("2026-11-21T10:00", True),  # a plain Saturday
        ("2026-11-21T15:00", False),
        ("2026-10-10T15:00", True),  # a Saturday worked for the holiday: as on a Monday
        ("2026-09-20T10:00", True),  # a Sunday worked
        ("2026-11-22T10:00", False),  # a plain Sunday
        ("2026-10-02T10:30", True),  # own hours on a holiday
        ("2026-10-02T11:00", False),
        ("2026-10-02T14:00", True),
        ("2026-11-23T10:00", False),  # closed on a plain Monday
        ("2027-02-06T10:00", False),  # laid down here before the year was published
        ("2027-02-08T10:00", True),
    ],
)
def test_holidays_and_special_days_go_before_the_week(local: str, is_open: bool) -> None:
    assert FOLLOWING.is_open(datetime.fromisoformat(f"{local}+08:00")) is is_open


def test_what_the_holidays_are_is_provisional_where_nobody_knows() -> None:
    def moment(day: str) -> datetime:
        return datetime.fromisoformat(f"{day}T00:00+08:00")

    assert [FOLLOWING.is_provisional(moment(day)) for day in ("2026-12-28", "2027-02-08", "2027-02-06")] == [
        False,
        True,
        False,
    ]
    assert not OFFICE.is_provisional(moment("2027-02-08"))


def test_a_special_day_lies_within_itself() -> None:
    with pytest.raises(InvalidHours):
        SpecialDay(date(2026, 10, 1), ((600, 600),))
