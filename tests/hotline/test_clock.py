"""Time: aware, in UTC, the same forwards and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.clock import ManualClock, SystemClock, from_ms, to_ms

CHINA = timezone(timedelta(hours=8))


def test_both_hands_of_the_manual_clock_move_only_when_told() -> None:
    clock = ManualClock(datetime(2026, 11, 22, 8, 0, tzinfo=CHINA))
    assert clock.now() == datetime(2026, 11, 22, 0, 0, tzinfo=UTC)
    assert clock.now().utcoffset() == timedelta(0)
    before = clock.now_ms(), clock.monotonic()
    clock.advance(1.5)
    assert (clock.now_ms() - before[0], clock.monotonic() - before[1]) == (1500, 1.5)
    assert clock.now() == datetime(2026, 11, 22, 0, 0, 1, 500_000, tzinfo=UTC)


def test_a_naive_start_is_no_moment() -> None:
    with pytest.raises(ValueError, match="aware"):
        ManualClock(datetime(2026, 11, 22))


def test_the_system_s_clocks_agree_with_each_other() -> None:
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert abs(to_ms(clock.now()) - clock.now_ms()) < 1_000
    first = clock.monotonic()
    assert clock.monotonic() >= first


@given(st.integers(min_value=0, max_value=4_102_444_800_000))
def test_milliseconds_survive_the_way_to_a_datetime_and_back(milliseconds: int) -> None:
    assert to_ms(from_ms(milliseconds)) == milliseconds


@given(st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2100, 1, 1)), st.integers(-12, 12))
def test_a_moment_has_one_number_in_whatever_zone_it_is_written(moment: datetime, hours: int) -> None:
    utc = moment.replace(tzinfo=UTC)
    assert to_ms(utc.astimezone(timezone(timedelta(hours=hours)))) == to_ms(utc)
