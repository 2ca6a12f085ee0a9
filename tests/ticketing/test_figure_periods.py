"""Periods on the city's clocks, and how likely a rise is by chance."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from hotline.workdays import Workdays
from ticketing.figures.chance import rise
from ticketing.figures.errors import PeriodUnknown, TooManyPeriods
from ticketing.figures.hot_words import grown
from ticketing.figures.periods import Period, PeriodKind, periods
from ticketing.figures.rises import Watch
from ticketing.reports.wording import due

ZONE = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("key", "term", "first", "last", "before", "a_year_before"),
    [
        ("2026-03-01", "2026年3月1日", "2026-03-01", "2026-03-01", "2026-02-28", "2025-03-01"),
        ("2024-02-29", "2024年2月29日", "2024-02-29", "2024-02-29", "2024-02-28", "2023-02-28"),
        ("2026-W01", "2026年第1周", "2025-12-29", "2026-01-04", "2025-W52", "2025-W01"),
        ("2026-02", "2026年2月", "2026-02-01", "2026-02-28", "2026-01", "2025-02"),
        ("2026-Q1", "2026年第一季度", "2026-01-01", "2026-03-31", "2025-Q4", "2025-Q1"),
        ("2026-Q4", "2026年第四季度", "2026-10-01", "2026-12-31", "2026-Q3", "2025-Q4"),
        ("2026-H1", "2026年上半年", "2026-01-01", "2026-06-30", "2025-H2", "2025-H1"),
        ("2026-H2", "2026年下半年", "2026-07-01", "2026-12-31", "2026-H1", "2025-H2"),
        ("2026", "2026年", "2026-01-01", "2026-12-31", "2025", "2025"),
    ],
)
def test_a_period(*, key: str, term: str, first: str, last: str, before: str, a_year_before: str) -> None:
    period = Period.named(key)
    assert (period.key, period.term) == (key, term)
    assert (period.first.isoformat(), period.last.isoformat()) == (first, last)
    assert period.before().key == before
    assert period.a_year_before().key == a_year_before
    assert Period.of(period.kind, period.last) == period


def test_a_period_ends_at_midnight_of_the_city() -> None:
    october = Period.named("2026-10")
    assert october.start(ZONE) == datetime(2026, 9, 30, 16, tzinfo=UTC)
    assert october.end(ZONE) == datetime(2026, 10, 31, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    "key", ["", "2026-13", "2026-W54", "2026-Q5", "2026-H3", "2026-02-30", "1999", "20261", "2026-1"]
)
def test_no_period(key: str) -> None:
    with pytest.raises(PeriodUnknown):
        Period.named(key)


def test_too_many_periods() -> None:
    assert len(Period.named("2026").split(PeriodKind.MONTH)) == 12
    with pytest.raises(TooManyPeriods):
        list(periods(PeriodKind.DAY, date(2020, 1, 1), date(2026, 1, 1)))


def _binomial_tail(hits: int, draws: int, share: float) -> float:
    return sum(math.comb(draws, n) * share**n * (1 - share) ** (draws - n) for n in range(hits, draws + 1))


@pytest.mark.parametrize("observed", [0, 1, 5, 12, 40])
@pytest.mark.parametrize("baseline", [(0,), (0, 0, 0), (3, 4, 5, 4), (10, 12, 9, 11, 10, 8, 12, 10)])
def test_the_chance_of_a_rise(observed: int, baseline: tuple[int, ...]) -> None:
    found = rise(observed, baseline)
    exact = _binomial_tail(observed, observed + sum(baseline), 1 / (len(baseline) + 1))
    assert found.chance == pytest.approx(exact, rel=1e-9, abs=1e-12)


def test_a_rise_from_nothing_and_of_nothing() -> None:
    assert rise(8, (0,) * 8).chance < 1e-6
    assert rise(8, (0,) * 8).times is None
    assert rise(8, ()).chance == 1.0
    assert rise(0, (5, 5)).chance == 1.0
    assert rise(100_000, (90_000,) * 8).chance < 1e-6


def test_weeks_that_were_worked_otherwise_are_passed_over() -> None:
    watch = Watch(last=date(2026, 10, 18), days=7, weeks=4)
    newest, *earlier = watch.windows(Workdays())
    assert newest[0] == date(2026, 10, 12)
    # National Day's week (off 10-01 to 10-07) and those with make-up days (09-20, 10-10) were worked otherwise.
    assert [days[0] for days in earlier] == [
        date(2026, 9, 7),
        date(2026, 8, 31),
        date(2026, 8, 24),
        date(2026, 8, 17),
    ]


def test_a_pair_grows_into_the_word_that_demands_share() -> None:
    texts = [f"{place}突然停水停电到现在" for place in ("东街", "西街小区", "开发区", "我家")]
    assert grown("停水", texts) == "突然停水停电到现"
    assert grown("停水", ["小区停水了", "单位停水三天", "昨晚停水", "停水好久"]) == "停水"


def test_a_limit_ends_at_24_of_its_last_day() -> None:
    assert due(datetime(2026, 10, 14, tzinfo=ZONE)) == "2026-10-13 24:00"
    assert due(datetime(2026, 10, 1, 8, 30, tzinfo=ZONE)) == "2026-10-01 08:30"
