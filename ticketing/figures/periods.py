"""Periods that figures are reported by: day, week, month, quarter, half-year, year, on the city's clocks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Final, Self
from zoneinfo import ZoneInfo

from ticketing.figures.errors import PeriodUnknown, TooManyPeriods

_DAY: Final = timedelta(days=1)
MOST: Final = 400
"""Periods in one answer."""


class PeriodKind(StrEnum):
    """How long a period is."""

    DAY = "day"
    WEEK = "week"
    """From Monday on (ISO 8601)."""
    MONTH = "month"
    QUARTER = "quarter"
    HALF_YEAR = "half_year"
    YEAR = "year"


_MONTHS: Final = {PeriodKind.MONTH: 1, PeriodKind.QUARTER: 3, PeriodKind.HALF_YEAR: 6, PeriodKind.YEAR: 12}
_KEY: Final = re.compile(
    r"(?P<year>2[0-9]{3})(?:-(?:W(?P<week>[0-9]{2})|Q(?P<quarter>[1-4])|H(?P<half>[12])"
    r"|(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2}))?))?"
)


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days of a city: `first` to `last`, both included."""

    kind: PeriodKind
    first: date
    last: date

    @classmethod
    def of(cls, kind: PeriodKind, day: date) -> Self:
        """The period of this kind that a day is in."""
        if kind is PeriodKind.DAY:
            return cls(kind, day, day)
        if kind is PeriodKind.WEEK:
            monday = day - (day.isoweekday() - 1) * _DAY
            return cls(kind, monday, monday + 6 * _DAY)
        months = _MONTHS[kind]
        first = date(day.year, (day.month - 1) // months * months + 1, 1)
        return cls(kind, first, _months_later(first, months) - _DAY)

    @classmethod
    def named(cls, key: str) -> Self:
        """2026-10-31, 2026-W44, 2026-10, 2026-Q4, 2026-H2 or 2026. Raises PeriodUnknown."""
        found = _KEY.fullmatch(key)
        if found is None:
            raise PeriodUnknown(key[:20])
        part = {name: int(text) for name, text in found.groupdict().items() if text is not None}
        year = part["year"]
        try:
            if "day" in part:
                return cls.of(PeriodKind.DAY, date(year, part["month"], part["day"]))
            if "week" in part:
                return cls.of(PeriodKind.WEEK, date.fromisocalendar(year, part["week"], 1))
            if "month" in part:
                return cls.of(PeriodKind.MONTH, date(year, part["month"], 1))
            if "quarter" in part:
                return cls.of(PeriodKind.QUARTER, date(year, part["quarter"] * 3, 1))
            if "half" in part:
                return cls.of(PeriodKind.HALF_YEAR, date(year, part["half"] * 6, 1))
            return cls.of(PeriodKind.YEAR, date(year, 1, 1))
        except (ValueError, OverflowError):
            raise PeriodUnknown(key[:20]) from None

    @property
    def key(self) -> str:
        """What `named` takes."""
        first = self.first
        match self.kind:
            case PeriodKind.DAY:
                return first.isoformat()
            case PeriodKind.WEEK:
                year, week, _ = first.isocalendar()
                return f"{year:04}-W{week:02}"
            case PeriodKind.MONTH:
                return f"{first:%Y-%m}"
            case PeriodKind.QUARTER:
                return f"{first:%Y}-Q{first.month // 3 + 1}"
            case PeriodKind.HALF_YEAR:
                return f"{first:%Y}-H{first.month // 6 + 1}"
            case PeriodKind.YEAR:
                return f"{first:%Y}"

    @property
    def term(self) -> str:
        """As it is read."""
        first = self.first
        match self.kind:
            case PeriodKind.DAY:
                return f"{first.year}年{first.month}月{first.day}日"
            case PeriodKind.WEEK:
                year, week, _ = first.isocalendar()
                return f"{year}年第{week}周"
            case PeriodKind.MONTH:
                return f"{first.year}年{first.month}月"
            case PeriodKind.QUARTER:
                return f"{first.year}年第{'一二三四'[first.month // 3]}季度"
            case PeriodKind.HALF_YEAR:
                return f"{first.year}年{'上下'[first.month // 6]}半年"
            case PeriodKind.YEAR:
                return f"{first.year}年"

    def start(self, zone: ZoneInfo) -> datetime:
        """0:00 of the first day, as UTC."""
        return datetime.combine(self.first, time(), zone).astimezone(UTC)

    def end(self, zone: ZoneInfo) -> datetime:
        """24:00 of the last day, as UTC."""
        return datetime.combine(self.last + _DAY, time(), zone).astimezone(UTC)

    def span(self, zone: ZoneInfo) -> Span:
        """From beginning to end."""
        return Span(self.start(zone), self.end(zone))

    def before(self) -> Self:
        """The one before it (环比)."""
        return type(self).of(self.kind, self.first - _DAY)

    def a_year_before(self) -> Self:
        """The same one of the year before (同比): of a week the one with the same number, 52 weeks earlier."""
        if self.kind is PeriodKind.WEEK:
            return type(self).of(self.kind, self.first - 52 * 7 * _DAY)
        if self.kind is PeriodKind.DAY and (self.first.month, self.first.day) == (2, 29):
            return type(self).of(self.kind, date(self.first.year - 1, 2, 28))
        return type(self).of(self.kind, self.first.replace(year=self.first.year - 1))

    def split(self, kind: PeriodKind) -> list[Period]:
        """The periods of a shorter kind that it is made of."""
        return list(periods(kind, self.first, self.last))


@dataclass(frozen=True, slots=True)
class Span:
    """Moments from `start` on and before `end`."""

    start: datetime
    end: datetime


def periods(kind: PeriodKind, first: date, last: date) -> Iterator[Period]:
    """The periods from the one that `first` is in to the one that `last` is in. Raises TooManyPeriods."""
    period = Period.of(kind, first)
    count = 0
    while period.first <= last:
        count += 1
        if count > MOST:
            raise TooManyPeriods(f"more than {MOST}", remedy="a shorter time, or longer periods")
        yield period
        period = Period.of(kind, period.last + _DAY)


def _months_later(first: date, months: int) -> date:
    count = first.year * 12 + first.month - 1 + months
    return date(count // 12, count % 12 + 1, 1)
