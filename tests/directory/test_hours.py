"""Weekly opening hours in the city's own time."""

from __future__ import annotations

from datetime import datetime

import pytest

from directory.hours import InvalidHours, Span, WeeklyHours, weekdays

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
