"""Dated scenarios of every limit: literal dates, as the calendar of 2026 has them."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from hotline.workdays import Workdays
from ticketing.limits import Limits
from ticketing.policy import DayCount, Policies, PolicyVersion, TicketPolicy
from ticketing.vocabulary import Urgency

ZONE = "Asia/Shanghai"
LIMITS = Limits(Workdays(), ZONE)
TONGHUA = TicketPolicy()
LVLIANG = TicketPolicy(return_days=1, general_days=3, extension_days=3, most_extensions=3)
SHANDONG = TicketPolicy(extension_days=10)


def at(written: str) -> datetime:
    """`2026-09-30 24:00` is the midnight that ends the day."""
    day, clock = written.split(" ")
    if clock == "24:00":
        return datetime.fromtimestamp(at(f"{day} 00:00").timestamp() + 86_400, ZoneInfo(ZONE))
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=ZoneInfo(ZONE))


@pytest.mark.parametrize(
    ("delivered", "ends"),
    [
        ("2026-09-30 09:00", "2026-10-13 24:00"),  # Wednesday before National Day; Saturday 10-10 is worked
        ("2026-09-18 09:00", "2026-09-24 24:00"),  # Friday; Sunday 09-20 is worked
        ("2026-09-18 23:59", "2026-09-24 24:00"),  # the day counts, not the hour
        ("2026-09-19 00:00", "2026-09-24 24:00"),  # Saturday that is off
        ("2026-10-01 10:00", "2026-10-13 24:00"),  # on a holiday
        ("2026-02-13 17:00", "2026-02-27 24:00"),  # before the Spring Festival; 02-14 is worked
        ("2026-04-30 08:00", "2026-05-11 24:00"),  # Labour Day; Saturday 05-09 is worked
        ("2026-06-18 08:00", "2026-06-26 24:00"),  # Dragon Boat Festival
        ("2026-03-02 08:00", "2026-03-09 24:00"),  # a plain Monday
    ],
)
def test_a_general_matter_takes_five_working_days_and_ends_at_midnight(delivered: str, ends: str) -> None:
    limit = LIMITS.handling(at(delivered), Urgency.GENERAL, TONGHUA)
    assert limit.ends_at == at(ends)
    assert not limit.provisional


def test_a_year_that_is_not_published_is_provisional_and_an_entered_one_is_not() -> None:
    assert LIMITS.handling(at("2027-09-29 09:00"), Urgency.GENERAL, TONGHUA).provisional
    entered = Limits(Workdays({date(2027, 1, 1): False}, [2027]), ZONE)
    limit = entered.handling(at("2026-12-28 09:00"), Urgency.GENERAL, TONGHUA)
    assert (limit.ends_at, limit.provisional) == (at("2027-01-05 24:00"), False)


def test_a_day_laid_down_by_the_city_moves_the_end() -> None:
    flood = Limits(Workdays({date(2026, 3, 4): False}), ZONE)
    assert flood.handling(at("2026-03-02 08:00"), Urgency.GENERAL, TONGHUA).ends_at == at("2026-03-10 24:00")


@pytest.mark.parametrize(
    ("handed_over", "ends"),
    [
        ("2026-09-30 20:00", "2026-10-01 08:00"),  # a holiday stops no clock on the wall
        ("2026-02-16 23:30", "2026-02-17 11:30"),
    ],
)
def test_an_urgent_matter_runs_twelve_hours_by_the_wall(handed_over: str, ends: str) -> None:
    assert LIMITS.handling(at(handed_over), Urgency.URGENT, TONGHUA).ends_at == at(ends)


@pytest.mark.parametrize(
    ("delivered", "policy", "ends"),
    [
        ("2026-02-13 17:00", TONGHUA, "2026-02-24 24:00"),
        ("2026-09-30 09:00", TONGHUA, "2026-10-09 24:00"),
        ("2026-10-09 09:00", TONGHUA, "2026-10-12 24:00"),
        ("2026-09-30 09:00", LVLIANG, "2026-10-08 24:00"),
    ],
)
def test_a_return_is_asked_for_within_its_window(delivered: str, policy: TicketPolicy, ends: str) -> None:
    assert LIMITS.returning(at(delivered), policy).ends_at == at(ends)


@pytest.mark.parametrize(
    ("due", "policy", "ends"),
    [
        ("2026-10-13 24:00", TONGHUA, "2026-10-20 24:00"),
        ("2026-10-20 24:00", TONGHUA, "2026-10-27 24:00"),
        ("2026-09-24 24:00", TONGHUA, "2026-10-09 24:00"),  # 28, 29, 30, 8, 9
        ("2026-10-13 24:00", LVLIANG, "2026-10-16 24:00"),
        ("2026-10-13 24:00", SHANDONG, "2026-10-27 24:00"),
    ],
)
def test_an_extension_is_counted_from_the_end_that_stands(due: str, policy: TicketPolicy, ends: str) -> None:
    assert LIMITS.extended(at(due), policy).ends_at == at(ends)


@pytest.mark.parametrize(
    ("due", "policy", "before"),
    [
        ("2026-10-13 24:00", TONGHUA, "2026-10-13 00:00"),
        ("2026-10-08 24:00", TONGHUA, "2026-10-08 00:00"),
        ("2026-10-13 24:00", TicketPolicy(ask_before_days=0), "2026-10-13 24:00"),
        ("2026-10-08 24:00", TicketPolicy(ask_before_days=2), "2026-10-07 00:00"),
        ("2026-10-08 24:00", TicketPolicy(ask_before_days=2, ask_before_count=DayCount.WORKING), "2026-09-30 00:00"),
    ],
)
def test_an_extension_is_asked_for_in_time(due: str, policy: TicketPolicy, before: str) -> None:
    assert LIMITS.ask_extension_by(at(due), policy) == at(before)


@pytest.mark.parametrize(
    ("accepted", "ends"),
    [
        ("2026-09-30 08:00", "2026-09-30 24:00"),
        ("2026-09-30 23:58", "2026-09-30 24:00"),
        ("2026-10-01 00:00", "2026-10-01 24:00"),
    ],
)
def test_a_ticket_is_dispatched_the_same_day(accepted: str, ends: str) -> None:
    assert LIMITS.dispatch(at(accepted)).ends_at == at(ends)


def test_a_complaint_is_passed_on_at_once() -> None:
    assert LIMITS.pass_on(at("2026-09-30 23:50"), TONGHUA).ends_at == at("2026-10-01 00:20")


def test_who_is_concerned_is_warned_when_three_quarters_have_gone() -> None:
    assert LIMITS.warn_at(at("2026-09-30 20:00"), at("2026-10-01 08:00"), TONGHUA) == at("2026-10-01 05:00")


def test_the_newest_policy_that_has_begun_is_in_force() -> None:
    policies = Policies(
        [
            PolicyVersion(1, date(2026, 3, 1), LVLIANG),
            PolicyVersion(2, date(2026, 9, 1), SHANDONG),
            PolicyVersion(3, date(2026, 9, 1), TONGHUA),
        ]
    )
    assert policies.in_force(date(2026, 2, 28)).number == 0
    assert policies.in_force(date(2026, 3, 1)).number == 1
    assert policies.in_force(date(2026, 12, 1)).number == 3
    assert policies.numbered(1).policy == LVLIANG


def test_a_policy_that_was_taken_back_is_in_force_on_no_day_and_can_be_read() -> None:
    autumn = PolicyVersion(2, date(2026, 9, 1), SHANDONG, withdrawn=True)
    winter = PolicyVersion(3, date(2026, 12, 1), TONGHUA)
    policies = Policies([PolicyVersion(1, date(2026, 3, 1), LVLIANG), autumn, winter])
    assert policies.in_force(date(2026, 10, 1)).number == 1
    assert policies.newest() == winter
    assert policies.numbered(2).policy == SHANDONG
    followed = [policies.before(policies.numbered(number)) for number in (3, 2, 1, 0)]
    assert [one and one.number for one in followed] == [1, 1, 0, None]
