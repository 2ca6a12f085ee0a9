"""The expected wait on simulated M/M/c traffic: honest, of bounded error, and calm."""

from __future__ import annotations

import heapq
import random
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from statistics import mean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calls.expectation import KEPT, LONGER, SCALE, SHARE, UP_STEPS, Pace, Served, Told, announced, expected_ms, pace

MINUTE = 60_000
LONGEST = 60


@dataclass(frozen=True)
class Answered:
    """A simulated call: its queueing and when it was taken. Milliseconds."""

    queued_ms: int
    taken_ms: int


def traffic(seed: int, *, agents: int, load: float, mean_ms: float, calls: int) -> list[Answered]:
    """First come, first served by `agents`, in order."""
    draw = random.Random(seed)
    free = [0.0] * agents
    now, served = 0.0, []
    for _ in range(calls):
        now += draw.expovariate(load * agents / mean_ms)
        taken = max(now, heapq.heappop(free))
        heapq.heappush(free, taken + draw.expovariate(1 / mean_ms))
        served.append(Answered(int(now), int(taken)))
    return served


@dataclass(frozen=True)
class Said:
    """What a caller at `position` was told, and how long the wait still was. Milliseconds."""

    position: int
    said_ms: int
    left_ms: int


def announcements(calls: list[Answered], *, every_ms: int) -> list[list[int | object]]:
    """For each caller: what is said until the call is taken."""
    return [[said for said, _ in told] for told in _tell(calls, every_ms)]


@cache
def promises(agents: int, load: float, mean_ms: float) -> list[Said]:
    """Every number that is said to the callers of such a line, one a minute."""
    calls = traffic(7, agents=agents, load=load, mean_ms=mean_ms, calls=600)
    return [promise for told in _tell(calls, MINUTE) for said, promise in told if isinstance(said, int) and promise]


def _tell(calls: list[Answered], every_ms: int) -> list[list[tuple[int | object, Said | None]]]:
    taken = [call.taken_ms for call in calls]
    callers = []
    for mine, call in enumerate(calls):
        told: Told | None = None
        said: list[tuple[int | object, Said | None]] = []
        for now in range(call.queued_ms, call.taken_ms, every_ms):
            gone = bisect_right(taken, now)
            position = mine - gone + 1
            known = [Served(c.queued_ms, c.taken_ms, c.taken_ms) for c in calls[max(0, gone - KEPT) : gone]]
            measured = pace(known, waiting_since_ms=calls[gone].queued_ms, now_ms=now)
            expected = None if measured is None else expected_ms(measured, position)
            word = announced(expected, told, now_ms=now, longest=LONGEST)
            if isinstance(word, int):
                told = Told(word, now)
                said.append((word, Said(position, word * MINUTE, call.taken_ms - now)))
            elif word is not None:
                said.append((word, None))
        callers.append(said)
    return callers


TRAFFIC = [(1, 0.8, 120_000), (3, 0.9, 240_000), (10, 0.95, 240_000), (10, 1.1, 240_000), (40, 1.02, 240_000)]


@pytest.mark.parametrize(("agents", "load", "mean_ms"), TRAFFIC)
def test_it_is_kept_for_most(agents: int, load: float, mean_ms: float) -> None:
    """At least 60 %; more only because of rounding up to whole minutes, which short waits are lifted by most."""
    said = promises(agents, load, mean_ms)
    assert len(said) > 100
    kept = mean(promise.said_ms >= promise.left_ms for promise in said)
    unrounded = mean(promise.said_ms - MINUTE >= promise.left_ms for promise in said)
    assert kept >= 0.6
    assert unrounded <= 0.8, "so much would be no expectation but a worst case"


@pytest.mark.parametrize(("agents", "load", "mean_ms"), TRAFFIC)
def test_its_error_is_little_more_than_that_of_somebody_who_knows_the_true_pace(
    agents: int, load: float, mean_ms: float
) -> None:
    said = promises(agents, load, mean_ms)
    true = Pace(interval_ms=mean_ms / agents, ring_ms=0)
    ours = mean(abs(promise.said_ms - promise.left_ms) for promise in said)
    best = mean(abs(expected_ms(true, promise.position, share=0.5) - promise.left_ms) for promise in said)
    assert ours <= 1.6 * best + MINUTE


@pytest.mark.parametrize(("agents", "load", "mean_ms"), TRAFFIC)
def test_a_number_never_rises_by_more_than_a_step(agents: int, load: float, mean_ms: float) -> None:
    calls = traffic(11, agents=agents, load=load, mean_ms=mean_ms, calls=400)
    callers = announcements(calls, every_ms=15_000)
    numbers = [[SCALE.index(word) for word in said if isinstance(word, int)] for said in callers]
    assert any(len(steps) > 3 for steps in numbers)
    assert max((after - before for steps in numbers for before, after in pairwise(steps)), default=0) <= UP_STEPS


@given(
    expected=st.lists(st.floats(0, 200 * MINUTE), min_size=2, max_size=20),
    gaps=st.lists(st.integers(1_000, 300_000), min_size=20, max_size=20),
    longest=st.sampled_from([5, 12, 30, 60]),
)
def test_whatever_is_measured(expected: list[float], gaps: list[int], longest: int) -> None:
    """Numbers of the scale only, none beyond the longest, none less than the truth, no leap up or down."""
    told: Told | None = None
    now = 0
    for truth, gap in zip(expected, gaps, strict=False):
        now += gap
        word = announced(truth, told, now_ms=now, longest=longest)
        if word is LONGER:
            continue
        assert isinstance(word, int)
        assert word in SCALE
        assert word <= longest
        assert word * MINUTE >= truth
        if told is not None:
            assert SCALE.index(word) <= SCALE.index(told.minutes) + UP_STEPS
            # No faster down than time passes, but for two steps, of one or of five minutes.
            assert word >= told.minutes - (now - told.at_ms) / MINUTE - 10
        told = Told(word, now)


def test_nothing_is_known_of_a_queue_that_hardly_moved() -> None:
    few = [Served(0, at * 10_000, at * 10_000) for at in range(5)]
    assert pace(few, waiting_since_ms=0, now_ms=50_000) is None
    assert pace([*few, Served(0, 50_000, 50_000)], waiting_since_ms=0, now_ms=50_000) == Pace(10_000, 0)
    assert announced(None, None, now_ms=0, longest=30) is None


def test_idle_times_do_not_count() -> None:
    """Ten calls that came one a minute to idle agents say nothing of how long one has to wait for a busy one."""
    idle = [Served(at * MINUTE, at * MINUTE, at * MINUTE) for at in range(10)]
    assert pace(idle, waiting_since_ms=0, now_ms=10 * MINUTE) is None


def test_when_all_agents_go_for_a_meal_the_queue_is_slow_at_once() -> None:
    busy = [Served(0, at * 6_000, at * 6_000) for at in range(21)]
    running = pace(busy, waiting_since_ms=0, now_ms=120_000)
    standing = pace(busy, waiting_since_ms=0, now_ms=120_000 + 20 * MINUTE)
    assert running == Pace(6_000, 0)
    assert standing is not None
    assert standing.interval_ms == 66_000


def test_what_is_long_past_says_nothing() -> None:
    past = [Served(0, at * 6_000, at * 6_000) for at in range(21)]
    assert pace(past, waiting_since_ms=0, now_ms=3 * 3_600_000) is None


def test_ringing_is_part_of_the_wait() -> None:
    rung = [Served(0, at * 6_000, at * 6_000 + 4_000) for at in range(21)]
    known = pace(rung, waiting_since_ms=0, now_ms=120_000)
    assert known == Pace(6_000, 4_000)
    assert expected_ms(known, 1) - expected_ms(Pace(6_000, 0), 1) == pytest.approx(4_000)


@pytest.mark.parametrize("position", [1, 3, 30])
def test_the_share_it_is_made_for(position: int) -> None:
    """Against the sum of so many exponential intervals, drawn."""
    draw = random.Random(5)
    expected = expected_ms(Pace(1_000, 0), position)
    sums = [sum(draw.expovariate(1 / 1_000) for _ in range(position)) for _ in range(4_000)]
    assert mean(total <= expected for total in sums) == pytest.approx(SHARE, abs=0.03)
