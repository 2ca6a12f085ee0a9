"""What comes: calls drawn from a forecast or a rate, and the agents there are to take them. Milliseconds throughout."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from hotline.errors import InvalidInput

Draws = npt.NDArray[np.float64]


class Spread(StrEnum):
    """How handling times scatter around their mean."""

    EXPONENTIAL = "exponential"
    LOGNORMAL = "lognormal"
    """As most call centres measure; its coefficient of variation is asked for."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A span of even demand: calls come at random (Poisson) at `calls_per_s`, each to be talked with for `talk_s` on
    average. `from_ms` counts from the beginning of the day."""

    from_ms: int
    until_ms: int
    calls_per_s: float
    talk_s: float


@dataclass(frozen=True, slots=True)
class Call:
    """One caller. `talk_ms` is how long the talk will be, `patience_ms` when they give up; None: never."""

    number: int
    at_ms: int
    queue: str
    talk_ms: int
    patience_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Seat:
    """An agent, signed in from `from_ms` until `until_ms`."""

    agent: str
    groups: Mapping[str, int]
    from_ms: int = 0
    until_ms: int | None = None


def draw_calls(
    stretches: Iterable[Stretch],
    *,
    seed: int,
    mix: Mapping[str, float],
    spread: Spread = Spread.EXPONENTIAL,
    variation: float = 1.0,
    patience_s: float | None = None,
) -> list[Call]:
    """Callers in the order they come; the same seed draws the same ones.

    `mix` are the queues with their shares of the calls; `variation` is the coefficient of variation of lognormal talks;
    patience is exponential. Raises InvalidInput.
    """
    if not mix or min(mix.values()) < 0 or sum(mix.values()) <= 0:
        raise InvalidInput("shares of calls are at least 0, and some are more")
    random = np.random.default_rng(seed)
    queues = sorted(mix)
    shares = np.array([mix[queue] for queue in queues]) / sum(mix.values())
    calls: list[Call] = []
    for stretch in stretches:
        seconds = (stretch.until_ms - stretch.from_ms) / 1000
        count = int(random.poisson(stretch.calls_per_s * seconds))
        at = stretch.from_ms + np.sort(random.uniform(0, 1000 * seconds, count)).astype(np.int64)
        talks = whole_ms(_talks(random, spread, variation, stretch.talk_s, count))
        patience = [None] * count if patience_s is None else whole_ms(random.exponential(patience_s, count))
        asked = random.choice(len(queues), count, p=shares)
        for moment, queue, talk, limit in zip(at.tolist(), asked.tolist(), talks, patience, strict=True):
            calls.append(Call(len(calls) + 1, moment, queues[queue], talk, limit))
    return calls


def whole_ms(seconds: Draws) -> list[int]:
    """Durations as distribution counts them."""
    return [int(ms) for ms in np.rint(seconds * 1000)]


def team(sizes: Sequence[tuple[int, Mapping[str, int]]], until_ms: int | None = None) -> list[Seat]:
    """So many agents of each kind, there from the beginning."""
    kinds = [groups for count, groups in sizes for _ in range(count)]
    return [Seat(f"a{number}", groups, 0, until_ms) for number, groups in enumerate(kinds, 1)]


def _talks(random: np.random.Generator, spread: Spread, variation: float, mean_s: float, count: int) -> Draws:
    if spread is Spread.EXPONENTIAL:
        return random.exponential(mean_s, count)
    sigma = math.sqrt(math.log1p(variation * variation))
    return random.lognormal(math.log(mean_s) - sigma * sigma / 2, sigma, count)
