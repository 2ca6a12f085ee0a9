"""How likely it is that a count rose by chance alone.

Counts of independent demands follow Poisson's law. Whether one count fits earlier ones of the same kind is tested
exactly, without a guess of the rate behind them: given the sum of all, the newest is binomial with probability
1 / (windows + 1) (Przyborowski and Wilenski 1940). It holds for small counts and for a baseline of zeros, where a
normal approximation does not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rise:
    """A count against those of the same windows before, with the numbers it rests on."""

    observed: int
    baseline: tuple[int, ...]
    """The counts of the windows before, the newest first."""
    chance: float
    """Probability of a count so high or higher if nothing had changed (0 to 1)."""

    @property
    def expected(self) -> float | None:
        """The mean of the windows before; None if there is none."""
        return sum(self.baseline) / len(self.baseline) if self.baseline else None

    @property
    def times(self) -> float | None:
        """How many times the mean it is; None where that is zero or unknown."""
        return self.observed / self.expected if self.expected else None

    @property
    def spread(self) -> float | None:
        """Variance over mean of the windows before: about 1 if Poisson's law holds; far above it, `chance` is too
        small."""
        mean = self.expected
        if not mean or len(self.baseline) < 2:
            return None
        return sum((count - mean) ** 2 for count in self.baseline) / (len(self.baseline) - 1) / mean


def rise(observed: int, baseline: Sequence[int]) -> Rise:
    """The test. Without windows before, nothing can be said: chance 1."""
    chance = _at_least(observed, observed + sum(baseline), 1 / (len(baseline) + 1)) if baseline else 1.0
    return Rise(observed, tuple(baseline), chance)


def _at_least(hits: int, draws: int, share: float) -> float:
    """P(X >= hits) of a binomial X, summed from the side that loses nothing by rounding."""
    if hits <= 0:
        return 1.0
    if hits > draws * share:
        return min(1.0, math.fsum(_terms(hits, draws, share)))
    return max(0.0, 1.0 - math.fsum(_exactly(count, draws, share) for count in range(hits)))


def _terms(first: int, draws: int, share: float) -> list[float]:
    """The probabilities from `first` on, which lies above the mean: each is smaller than the one before."""
    terms: list[float] = []
    for count in range(first, draws + 1):
        term = _exactly(count, draws, share)
        terms.append(term)
        if term < terms[0] * 1e-17:
            break
    return terms


def _exactly(count: int, draws: int, share: float) -> float:
    ways = math.lgamma(draws + 1) - math.lgamma(count + 1) - math.lgamma(draws - count + 1)
    return math.exp(ways + count * math.log(share) + (draws - count) * math.log1p(-share))
