"""Expected wait (预计等候时间): from measured service, said in whole minutes, and never jumping about.

How often a queue really takes its next call is measured, not derived from how many agents there are: shared agents,
breaks, long talks and whoever has a head start are all in it. Only intervals count during which somebody was waiting;
the others tell how seldom people call.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

SCALE: Final = (*range(1, 11), *range(15, 61, 5))
"""Minutes that are ever said: each up to ten, then every fifth."""

RECENT_MS: Final = 30 * 60_000
"""What is older says nothing about now."""

KEPT: Final = 60
"""How many of a queue's last served calls are looked at."""

SHARE: Final = 0.55
"""Of all who are told a time, so many at least wait no longer. Rounding up to whole minutes adds to it: measured on
simulated M/M/c traffic, it comes to 0.74 to 0.95."""

_ENOUGH: Final = 5
"""Fewer measured intervals than these are no ground for a promise."""

_DOWN_STEPS: Final = 2
UP_STEPS: Final = 1
"""Steps of the scale that a citizen's expectation may rise from one announcement to the next."""

_MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Served:
    """A call that a queue gave to an agent. Moments are milliseconds since 1970-01-01 UTC."""

    queued_ms: int
    offered_ms: int
    """When the offer was made that was answered."""
    answered_ms: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a queue moves: milliseconds from one call taken to the next, and from an offer to its answer."""

    interval_ms: float
    ring_ms: float


@dataclass(frozen=True, slots=True)
class Told:
    """What a citizen was told last: `minutes`, at `at_ms`."""

    minutes: int
    at_ms: int


class Longer:
    """The only honest thing to say: it may take longer. Not a number."""


LONGER: Final = Longer()


def pace(served: Sequence[Served], *, waiting_since_ms: int, now_ms: int) -> Pace | None:
    """The pace of a queue in which somebody has waited since `waiting_since_ms`; None when too little is known.

    The time since the last call was taken counts too: when all agents go for a meal the queue is slow at once, not
    only after the next call was taken.
    """
    recent = sorted((s for s in served if s.offered_ms >= now_ms - RECENT_MS), key=lambda s: s.offered_ms)[-KEPT:]
    busy = [
        after.offered_ms - before.offered_ms
        for before, after in itertools.pairwise(recent)
        if after.queued_ms <= before.offered_ms
    ]
    if len(busy) < _ENOUGH:
        return None
    open_ms = max(0, now_ms - max(recent[-1].offered_ms, waiting_since_ms))
    rings = [s.answered_ms - s.offered_ms for s in recent]
    return Pace(interval_ms=(sum(busy) + open_ms) / len(busy), ring_ms=sum(rings) / len(rings))


def expected_ms(pace: Pace, position: int, *, share: float = SHARE) -> float:
    """The wait that `share` (0 to 1) of the citizens at `position` (from 1) do not exceed, in milliseconds.

    The sum of that many intervals is taken for a gamma variable, as it is when agents become free at random times
    (M/M/c); its quantile by Wilson and Hilferty (1931).
    """
    spread = NormalDist().inv_cdf(share) / (3 * math.sqrt(position))
    quantile = position * max(0.0, 1 - 1 / (9 * position) + spread) ** 3
    return quantile * pace.interval_ms + pace.ring_ms


def announced(expected: float | None, told: Told | None, *, now_ms: int, longest: int) -> int | Longer | None:
    """What to say now: minutes of the scale, `LONGER`, or None when nothing is known. `longest` is in minutes.

    Rounded up. Compared with what this citizen was `told` last, a number rises by at most `UP_STEPS` of the scale;
    where that would be less than the truth no number is said. It falls at most `_DOWN_STEPS` faster than time passes,
    so that it need not rise again.
    """
    if expected is None:
        return None
    minutes = math.ceil(expected / _MINUTE_MS)
    if minutes > min(longest, SCALE[-1]):
        return LONGER
    step = _step_at_least(minutes)
    if told is not None:
        if step > _step_at_least(told.minutes) + UP_STEPS:
            return LONGER
        left = told.minutes - (now_ms - told.at_ms) / _MINUTE_MS
        step = max(step, _step_at_least(math.ceil(left)) - _DOWN_STEPS)
    return SCALE[step] if SCALE[step] <= longest else LONGER


def _step_at_least(minutes: int) -> int:
    """The first step of the scale that is no less."""
    return next(step for step, value in enumerate(SCALE) if value >= minutes)
