"""The method that units are assessed by (考核办法): versioned data with the day from which each version counts (TH 32).

A period is scored by the version in force on its first day, so that units knew it beforehand. The first version is
ours: the regulation leaves the method to the city.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Role
from hotline.locks import Lock, one_at_a_time
from ticketing.errors import ActionNotAllowed
from ticketing.figures.definition import Measure
from ticketing.figures.definitions import FIGURES
from ticketing.reports.errors import MethodTooLate
from ticketing.reports.tables import AssessmentMethodRow
from ticketing.schemas import Actor, Body, printable

MAKERS: Final = frozenset({Role.ADMIN})
_ALL_POINTS: Final = 100
_Text = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(printable)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ScoredItem(_Frozen):
    """A rate and what it is worth: all of `weight` at `full` or better, nothing at `none` or worse, a straight line
    between. Where less is better `full` is the smaller one.
    """

    figure: str
    weight: int = Field(ge=1, le=100)
    full: float = Field(ge=0, le=10)
    none: float = Field(ge=0, le=10)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.figure not in FIGURES or FIGURES[self.figure].measure is not Measure.RATIO:
            raise ValueError("no rate has this name")
        if self.full == self.none:
            raise ValueError("full and none are different values")
        return self


class Deduction(_Frozen):
    """Points off for each case of a count, up to a bound."""

    figure: str
    points: float = Field(gt=0, le=100)
    most: float = Field(gt=0, le=100)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.figure not in FIGURES or FIGURES[self.figure].measure is not Measure.COUNT:
            raise ValueError("no count has this name")
        return self


class Grade(_Frozen):
    """What a score is called from so many points on."""

    points: float = Field(ge=0, le=100)
    term: _Text


class AssessmentMethod(_Frozen):
    """One version's rules."""

    title: _Text = "承办单位考核办法"
    items: tuple[ScoredItem, ...] = Field(
        (
            ScoredItem(figure="on_time_rate", weight=30, full=1.0, none=0.6),
            ScoredItem(figure="solved_rate", weight=25, full=0.9, none=0.3),
            ScoredItem(figure="satisfaction_rate", weight=25, full=0.95, none=0.5),
            ScoredItem(figure="contact_rate", weight=10, full=1.0, none=0.6),
            ScoredItem(figure="improper_return_rate", weight=5, full=0.0, none=0.5),
            ScoredItem(figure="rehandle_rate", weight=5, full=0.0, none=0.3),
        ),
        min_length=1,
        max_length=20,
    )
    deductions: tuple[Deduction, ...] = Field(
        (
            Deduction(figure="supervised", points=0.5, most=5),
            Deduction(figure="leads_established", points=5, most=20),
        ),
        max_length=20,
    )
    grades: tuple[Grade, ...] = Field(
        (
            Grade(points=90, term="优秀"),
            Grade(points=80, term="良好"),
            Grade(points=60, term="合格"),
            Grade(points=0, term="不合格"),
        ),
        min_length=1,
        max_length=10,
    )
    least_cases: int = Field(10, ge=1, le=10_000)
    """A unit with fewer limits due in the period is shown and not ranked: a rate of three cases says nothing."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if sum(item.weight for item in self.items) != _ALL_POINTS:
            raise ValueError(f"the weights add up to {_ALL_POINTS}")
        for names in ([item.figure for item in self.items], [one.figure for one in self.deductions]):
            if len(set(names)) < len(names):
                raise ValueError("a figure stands twice")
        if min(grade.points for grade in self.grades) > 0:
            raise ValueError("the lowest grade begins at 0 points")
        return self

    def grade(self, points: float) -> str:
        """What a score is called."""
        reached = [grade for grade in self.grades if points >= grade.points]
        return max(reached, key=lambda grade: grade.points).term


@dataclass(frozen=True, slots=True)
class MethodVersion:
    """A method with its number and the first day of the periods it is for."""

    number: int
    first_day: date
    method: AssessmentMethod


OURS: Final = MethodVersion(0, date.min, AssessmentMethod())
"""In force until a city lays down its own."""


class Methods:
    """All versions of a city."""

    def __init__(self, versions: Iterable[MethodVersion] = ()) -> None:
        self.versions: Mapping[int, MethodVersion] = {OURS.number: OURS} | {one.number: one for one in versions}

    def in_force(self, day: date) -> MethodVersion:
        """What a period that begins on this day is scored by: the newest version that has begun."""
        begun = [version for version in self.versions.values() if version.first_day <= day]
        return max(begun, key=lambda version: (version.first_day, version.number))


async def methods(session: AsyncSession) -> Methods:
    """The city's, as the database has them."""
    rows = await session.scalars(select(AssessmentMethodRow).order_by(AssessmentMethodRow.number))
    return Methods(
        MethodVersion(row.number, row.first_day, AssessmentMethod.model_validate(row.method)) for row in rows
    )


async def lay_down(
    session: AsyncSession,
    method: AssessmentMethod,
    first_day: date,
    note: Body,
    actor: Actor,
    *,
    today: date,
    at: datetime,
) -> AssessmentMethodRow:
    """A new version, for periods that begin on `first_day` or later.

    Raises ActionNotAllowed; MethodTooLate unless that is after `today`. The caller commits.
    """
    if not actor.roles & MAKERS:
        raise ActionNotAllowed("for those who lay down the method")
    if first_day <= today:
        raise MethodTooLate(f"{first_day}", remedy="a method counts from a day to come")
    await one_at_a_time(session, Lock.ASSESSMENT_METHODS)
    newest = await session.scalar(select(func.coalesce(func.max(AssessmentMethodRow.number), 0)))
    row = AssessmentMethodRow(
        number=(newest or 0) + 1,
        first_day=first_day,
        method=method.model_dump(mode="json"),
        note=note,
        made_by=actor.user,
        made_at=at,
    )
    session.add(row)
    await session.flush()
    return row
