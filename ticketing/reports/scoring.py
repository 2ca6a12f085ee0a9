"""Scores of units, and their ranking, by a method. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ticketing.figures.definition import NOTHING, Measure, Value
from ticketing.reports.methods import AssessmentMethod, ScoredItem


@dataclass(frozen=True, slots=True)
class ItemScore:
    """What one rate gave: `points` of `weight`; None where nothing was there to measure."""

    figure: str
    weight: int
    value: float | None
    points: float | None


@dataclass(frozen=True, slots=True)
class Off:
    """Points off for a count."""

    figure: str
    cases: int
    points: float


@dataclass(frozen=True, slots=True)
class Score:
    """A unit's score of 100. Rates without a value are not held against it: what it reached of the others' weights is
    taken for the whole. `points` is None where no rate had a value.
    """

    points: float | None
    grade: str
    items: tuple[ItemScore, ...]
    off: tuple[Off, ...]


def score(method: AssessmentMethod, values: Mapping[str, Value]) -> Score:
    """The score of one unit's figures by name."""
    items = tuple(_scored(item, values.get(item.figure, NOTHING).of(Measure.RATIO)) for item in method.items)
    off = tuple(
        Off(one.figure, cases, min(one.most, one.points * cases))
        for one in method.deductions
        if (cases := values.get(one.figure, NOTHING).over)
    )
    weight = sum(item.weight for item in items if item.points is not None)
    if not weight:
        return Score(None, "", items, off)
    reached = sum(item.points for item in items if item.points is not None) / weight * 100
    points = round(max(0.0, reached - sum(one.points for one in off)), 2)
    return Score(points, method.grade(points), items, off)


def _scored(item: ScoredItem, value: float | None) -> ItemScore:
    if value is None:
        return ItemScore(item.figure, item.weight, None, None)
    share = (value - item.none) / (item.full - item.none)
    return ItemScore(item.figure, item.weight, value, item.weight * min(1.0, max(0.0, share)))


def ranks(points: Mapping[int, float]) -> Mapping[int, int]:
    """Places by points, the best first; who has the same shares a place, and the next one is passed over."""
    return {unit: 1 + sum(other > mine for other in points.values()) for unit, mine in points.items()}
