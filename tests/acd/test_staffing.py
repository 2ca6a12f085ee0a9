"""Agents by half hour from a forecast: what is read, what is refused, shrinkage, and what a roster achieves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acd.staffing import Forecast, ForecastRefused, Target, overall, read_forecast, staff
from hotline.errors import InvalidInput

SHANGHAI = ZoneInfo("Asia/Shanghai")
HEAD = "start,calls,handling_s\n"
NINE = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


def test_a_forecast_is_read_in_local_time_and_order() -> None:
    rows = read_forecast("\ufeff" + HEAD + "2026-11-23T09:30,80.5,240\n2026-11-23T01:00Z,100,180\n", SHANGHAI)
    assert rows == [Forecast(NINE, 100, 180), Forecast(NINE + timedelta(minutes=30), 80.5, 240)]
    assert rows[0].load().erlangs == pytest.approx(10)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("start,calls\n2026-11-23T09:00,1\n", "columns are missing: handling_s"),
        (HEAD, "there is no row"),
        (HEAD + "2026-11-23T09:00,1,240\n2026-11-23T09:10,1,240\n", "line 3: a half hour begins"),
        (HEAD + "2026-11-23T09:00,1,240\n2026-11-23T01:00Z,1,240\n", "line 3: this half hour is there twice"),
        (HEAD + "nine,1,240\n", "line 2: Invalid isoformat"),
        (HEAD + "2026-11-23T09:00,many,240\n", "line 2: could not convert"),
        (HEAD + "2026-11-23T09:00,nan,240\n", "line 2: calls and handling are numbers"),
        (HEAD + "2026-11-23T09:00,-1,240\n", "line 2: calls are at least 0"),
        (HEAD + "2026-11-23T09:00,1\n", "line 2: could not convert"),
    ],
)
def test_a_row_that_cannot_be_meant_is_named(text: str, why: str) -> None:
    with pytest.raises(ForecastRefused) as refused:
        read_forecast(text, SHANGHAI)
    assert str(refused.value).startswith(why)


def test_a_day_beside_its_roster() -> None:
    """100 calls of 180 s in half an hour are 10 Erlang: 14 agents by Erlang C (88.8 % within 20 s)."""
    busy, quiet = Forecast(NINE, 100, 180), Forecast(NINE + timedelta(minutes=30), 0, 180)
    enough, idle = staff([busy, quiet], Target(shrinkage=0.3), [20, 3])
    assert (enough.patient.agents, idle.patient.agents) == (14, 0)
    assert enough.impatient.agents < 14
    assert enough.achieved_patient is not None
    assert enough.achieved_patient.agents == 14
    assert enough.achieved_patient.service_level == pytest.approx(0.888, abs=5e-4)
    assert enough.achieved_impatient is not None
    assert enough.achieved_impatient.service_level > enough.achieved_patient.service_level
    assert idle.achieved_patient is not None
    assert overall([(busy, enough.achieved_patient), (quiet, idle.achieved_patient)]) == pytest.approx(0.888, abs=5e-4)
    assert overall([(quiet, idle.achieved_patient)]) is None
    (alone,) = staff([busy], Target(max_occupancy=0.6))
    assert (alone.patient.agents, alone.rostered, alone.achieved_patient) == (17, None, None)


def test_shrinkage_in_whole_people() -> None:
    target = Target(shrinkage=0.3)
    assert (target.to_roster(14), target.at_work(20), target.at_work(19)) == (20, 14, 13)
    with pytest.raises(InvalidInput):
        Target(shrinkage=1.0)


@given(st.integers(0, 5_000), st.integers(0, 99))
def test_as_many_on_the_roster_as_are_needed_at_work_and_no_more(needed: int, percent: int) -> None:
    target = Target(shrinkage=percent / 100)
    rostered = target.to_roster(needed)
    assert target.at_work(rostered) >= needed
    assert rostered == 0 or target.at_work(rostered - 1) < needed
