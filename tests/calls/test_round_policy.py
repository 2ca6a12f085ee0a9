"""Attempts of a round's items over days: for every story of outcomes, waits and agents' choices, under a clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calls.call_out_policy import Allowed, OutPolicy, Refused, may_call
from calls.call_out_states import PartyOutcome
from calls.round_policy import RoundPolicy, Tried, after_call, try_again
from calls.round_states import ITEM_CLOSED, ITEM_MOVES, ROUND_CLOSED, ROUND_MOVES, ItemState, RoundState
from hotline.workdays import Workdays

ZONE = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 9, 23, 0, 0, tzinfo=ZONE).astimezone(UTC)
"""Before three days off, and a Sunday on which work was done."""

POLICY = RoundPolicy(
    out=OutPolicy(ZONE, time(9), time(20), 2, timedelta(minutes=15), workdays=Workdays()),
    attempts=3,
    days=2,
    spacing=timedelta(hours=2),
    failures=5,
    put_offs=3,
    preview=timedelta(minutes=10),
    write_up=timedelta(minutes=30),
    at_once=4,
    per_minute=10,
)

OUTCOMES = st.sampled_from(list(PartyOutcome))


@settings(max_examples=200, deadline=None)
@given(
    outcomes=st.lists(OUTCOMES, min_size=20, max_size=20),
    waits=st.lists(st.integers(0, 600), min_size=20, max_size=20),
    limits=st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(0, 300)),
    begins=st.integers(0, 3 * 24 * 60),
)
def test_an_item_is_called_within_the_limits_and_ends(
    outcomes: list[PartyOutcome], waits: list[int], limits: tuple[int, int, int], begins: int
) -> None:
    attempts, days, spacing = limits
    policy = replace(POLICY, attempts=attempts, days=days, spacing=timedelta(minutes=spacing))
    calendar = Workdays()
    now = START + timedelta(minutes=begins)
    tried = Tried()
    rang: list[datetime] = []
    called: list[datetime] = []
    state = ItemState.WAITING
    for outcome, wait in zip(outcomes, waits, strict=True):
        now += timedelta(minutes=wait)
        answer = may_call("+8613812345678", now, called, policy.out)
        if isinstance(answer, Refused):
            assert answer.when_next is not None
            assert answer.when_next > now
            now = answer.when_next
            assert isinstance(may_call("+8613812345678", now, called, policy.out), Allowed)
        local = now.astimezone(ZONE)
        assert 9 <= local.hour < 20
        assert calendar.is_workday(local.date())
        called.append(now)
        assert sum(at.astimezone(ZONE).date() == local.date() for at in called) <= 2
        if len(called) > 1:
            assert called[-1] - called[-2] >= timedelta(minutes=max(spacing, 15))
        if outcome is not PartyOutcome.FAILED:
            rang.append(now)
        following = after_call(tried, outcome, now, policy)
        tried, state = following.tried, following.state
        assert state in ITEM_MOVES[ItemState.CALLING]
        assert (state is ItemState.TALKED) == (outcome is PartyOutcome.ANSWERED)
        assert (state is ItemState.INVALID) == (outcome is PartyOutcome.UNALLOCATED)
        assert tried.attempts == len(rang) <= attempts
        if state is not ItemState.WAITING:
            break
        assert following.next_at is not None
        now = following.next_at
    assert state is not ItemState.WAITING, "an item that never ends"
    assert (state is ItemState.FAILED) == (tried.failures == policy.failures)
    if state is ItemState.UNREACHABLE:
        assert len(rang) == attempts
        first, last = (at.astimezone(ZONE).date() for at in (rang[0], rang[-1]))
        assert attempts == 1 or (last - first).days >= days - 1


def test_three_in_vain_over_two_days_are_unreachable() -> None:
    morning = datetime(2026, 11, 23, 9, 0, tzinfo=ZONE).astimezone(UTC)
    first = after_call(Tried(), PartyOutcome.NO_ANSWER, morning, POLICY)
    assert (first.state, first.next_at) == (ItemState.WAITING, morning + timedelta(hours=2))
    second = after_call(first.tried, PartyOutcome.BUSY, morning + timedelta(hours=2), POLICY)
    assert (second.state, second.next_at) == (ItemState.WAITING, morning + timedelta(days=1))
    third = after_call(second.tried, PartyOutcome.POWERED_OFF, morning + timedelta(days=1), POLICY)
    assert (third.state, third.tried.attempts) == (ItemState.UNREACHABLE, 3)


def test_the_last_attempt_waits_for_the_second_day_and_no_longer() -> None:
    evening = datetime(2026, 11, 23, 19, 30, tzinfo=ZONE).astimezone(UTC)
    first = after_call(Tried(), PartyOutcome.NO_ANSWER, evening, POLICY)
    next_morning = datetime(2026, 11, 24, 9, 0, tzinfo=ZONE).astimezone(UTC)
    second = after_call(first.tried, PartyOutcome.NO_ANSWER, next_morning, POLICY)
    assert second.next_at == next_morning + timedelta(hours=2)


def test_what_never_rang_is_no_attempt_and_not_for_ever() -> None:
    at, tried = START, Tried()
    for number in range(1, POLICY.failures + 1):
        following = after_call(tried, PartyOutcome.FAILED, at, POLICY)
        tried = following.tried
        assert (tried.attempts, tried.failures) == (0, number)
    assert following.state is ItemState.FAILED


def test_who_asks_to_be_called_later_is_while_there_is_an_attempt_left() -> None:
    at = START + timedelta(hours=12)
    tried = Tried(attempts=1, first_at=at, last_at=at)
    assert try_again(tried, at + timedelta(hours=5), POLICY).next_at == at + timedelta(hours=5)
    assert try_again(tried, at, POLICY).next_at == at + POLICY.spacing
    assert try_again(replace(tried, attempts=3), at, POLICY).state is ItemState.UNREACHABLE


@pytest.mark.parametrize("first", [ItemState.WAITING])
def test_every_state_of_an_item_is_reached_and_every_item_can_end(first: ItemState) -> None:
    reached = {first}
    while (more := reached | {t for s in reached for t in ITEM_MOVES[s]}) != reached:
        reached = more
    assert reached == set(ItemState)
    ends = set(ITEM_CLOSED)
    while (more := ends | {s for s, targets in ITEM_MOVES.items() if targets & ends}) != ends:
        ends = more
    assert ends == set(ItemState)
    assert {ItemState.UNREACHABLE, ItemState.FAILED}.isdisjoint(ITEM_MOVES[ItemState.TALKED]), "they were talked with"


def test_a_round_ends_once() -> None:
    assert {RoundState.FINISHED, RoundState.CLOSED} == ROUND_CLOSED
    assert all(RoundState.CLOSED in ROUND_MOVES[state] for state in set(RoundState) - ROUND_CLOSED)
