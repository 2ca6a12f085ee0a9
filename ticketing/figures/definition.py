"""What a figure is: its name, what it is called, how it is made, and on which rule it rests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ticketing.vocabulary import Term


class Measure(Term):
    """What a figure is measured in."""

    RATIO = "ratio", "比率"
    """0 to 1; of two sets that overlap only in part (退单率) it may be more."""
    COUNT = "count", "件"
    MILLISECONDS = "milliseconds", "毫秒"


class Better(Term):
    """Which way a figure is better."""

    HIGH = "high", "越高越好"
    LOW = "low", "越低越好"
    NEITHER = "neither", "不作评价"


@dataclass(frozen=True, slots=True)
class Definition:
    """A figure's definition. The words are read by people, so they are Chinese."""

    name: str
    term: str
    formula: str
    moment: str
    """What decides the period that something counts in."""
    measure: Measure
    better: Better
    source: str
    """The rule it rests on, or that its definition is ours."""


@dataclass(frozen=True, slots=True)
class Value:
    """A figure's two numbers. Of a count `under` is 0 and means nothing."""

    over: int
    under: int
    excluded: int = 0
    """Cases left out, each of which can be listed with its reason."""

    def of(self, measure: Measure) -> float | None:
        """The figure itself; None where nothing was there to measure."""
        if measure is Measure.COUNT:
            return self.over
        return self.over / self.under if self.under else None


NOTHING: Final = Value(0, 0)
