"""What a report says, as data: its documents are made from it, and it is what a publication's hash is of.

It names tickets by number and units by name; nothing in it is of a citizen.
"""

from __future__ import annotations

from datetime import date, datetime

from pydantic import BaseModel, ConfigDict

from ticketing.figures.definition import Better, Measure
from ticketing.reports.words import ReportKind


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FigureDefinition(_Part):
    """As `ticketing.figures.definition` has it."""

    name: str
    term: str
    formula: str
    moment: str
    measure: Measure
    better: Better
    source: str


class Reading(_Part):
    """A figure in the period, in the one before (环比) and in the same one of the year before (同比). Null: nothing was
    there to measure. `over` and `under` are null for figures of the line."""

    name: str
    value: float | None
    over: int | None = None
    under: int | None = None
    excluded: int = 0
    before: float | None = None
    a_year_before: float | None = None


class Trend(_Part):
    """A figure month by month."""

    name: str
    months: tuple[str, ...]
    values: tuple[float | None, ...]


class Share(_Part):
    """How many demands came in some way, of some category, from some area."""

    code: str
    name: str
    tickets: int


class ItemPoints(_Part):
    """What one rate gave of its weight; null where it could not be measured."""

    figure: str
    weight: int
    value: float | None
    points: float | None


class PointsOff(_Part):
    """Points taken off for a count."""

    figure: str
    cases: int
    points: float


class UnitLine(_Part):
    """A unit. Not ranked: `unranked` says why."""

    unit_id: int
    unit: str
    figures: tuple[Reading, ...]
    points: float | None
    grade: str
    rank: int | None
    unranked: str
    items: tuple[ItemPoints, ...]
    off: tuple[PointsOff, ...]


class OverdueTicket(_Part):
    """A limit that was not kept, and why (TH 34). `done_at` null: not done when the figures were counted."""

    ticket: str
    unit_id: int | None
    unit: str
    category: str
    due_at: datetime
    done_at: datetime | None
    days_late: int
    cause: str


class Exclusions(_Part):
    """How many cases of a figure were left out for one reason."""

    figure: str
    reason: str
    cases: int


class ExcludedTicket(_Part):
    """A ticket that somebody decided to leave out, with the facts."""

    ticket: str
    unit: str
    reason: str
    facts: str
    decided_at: datetime


class Hot(_Part):
    """A subject with many demands, or suddenly more, with the numbers."""

    subject: str
    observed: int
    baseline: tuple[int, ...]
    expected: float | None
    chance: float
    sudden: bool


class Concentrated(_Part):
    """A matter that many bring up."""

    category: str
    area: str
    tickets: int
    callers: int
    repeats: int
    months: int
    unfinished: int


class Expected(_Part):
    """What the month to come has brought in the years before."""

    month: str
    category: str
    observed: int
    others: tuple[int, ...]
    chance: float


class Method(_Part):
    """The version that units were scored by."""

    number: int
    title: str
    items: tuple[str, ...]
    """Each in a sentence."""


class Topics(_Part):
    """热点 of the period's last days."""

    method: str
    first: date
    last: date
    subjects: tuple[Hot, ...]
    words: tuple[Hot, ...]


class Content(_Part):
    """A whole report."""

    kind: ReportKind
    city: str
    period: str
    period_term: str
    first: date
    last: date
    counted_at: datetime
    zone: str
    definitions: tuple[FigureDefinition, ...]
    line: tuple[Reading, ...]
    tickets: tuple[Reading, ...]
    trends: tuple[Trend, ...]
    by_source: tuple[Share, ...]
    by_category: tuple[Share, ...]
    by_area: tuple[Share, ...]
    method: Method
    units: tuple[UnitLine, ...]
    overdue: tuple[OverdueTicket, ...]
    causes: tuple[Share, ...]
    """Of the overdue ones, how many each cause has."""
    exclusions: tuple[Exclusions, ...]
    excluded: tuple[ExcludedTicket, ...]
    topics: Topics
    concentrated: tuple[Concentrated, ...]
    expected: tuple[Expected, ...]

    @property
    def title(self) -> str:
        """As it stands on the first page."""
        return f"{self.city}12345政务服务便民热线{self.period_term}{self.kind.term}"

    def definition(self, name: str) -> FigureDefinition:
        """Raises KeyError."""
        return {one.name: one for one in self.definitions}[name]
