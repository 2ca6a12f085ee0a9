"""Working days (工作日) as the State Council lays them down: holidays (节假日), and weekends worked for them (调休).

Requirements 3: the start day is not counted, a limit ends at 24:00 of its last day (民法典 201, 203), and a year whose
calendar is not published gives a provisional answer that says so, never a silent guess from the day of the week.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from zoneinfo import ZoneInfo

import chinese_calendar
from chinese_calendar.constants import holidays as _published

from hotline.errors import InvalidInput

_FIRST_YEAR, _LAST_YEAR = min(_published).year, max(_published).year
_TURN = (12, 29)
"""From this day of December on the next year's notice decides: that of 2019 made 2018-12-29 a working day and 12-31 a
holiday, and no notice since 2004 reached further back."""
_LONGEST = 1_000


class Exceptional(StrEnum):
    """A day that is not what its weekday says."""

    HOLIDAY = "holiday"
    """Off: a holiday, its weekend included."""
    MAKE_UP = "make_up"
    """A weekend that is worked (调休上班)."""


@dataclass(frozen=True, slots=True)
class Due:
    """The last day of a limit. `provisional`: a day on the way is not laid down yet, and its weekday was taken."""

    day: date
    provisional: bool

    def end(self, timezone: str) -> datetime:
        """24:00 of the day, as an aware moment."""
        return datetime.combine(self.day + timedelta(days=1), time(), ZoneInfo(timezone))


class Workdays:
    """The calendar. `overrides` (day -> worked or not) go before what is published: a city's own days, a correction.

    A year that this installation's copy does not hold yet is entered by its exceptional days as overrides, and by its
    name in `complete_years`: everything else in it is as its weekday says.
    """

    def __init__(
        self, overrides: Mapping[date, bool] = MappingProxyType({}), complete_years: Iterable[int] = ()
    ) -> None:
        self._overrides = dict(overrides)
        self._years = frozenset(complete_years)

    def __eq__(self, other: object) -> bool:
        """Whether both lay down the same days."""
        if not isinstance(other, Workdays):
            return NotImplemented
        return (self._overrides, self._years) == (other._overrides, other._years)

    def __hash__(self) -> int:
        return hash((frozenset(self._overrides.items()), self._years))

    def amended(self, day: date, worked: bool | None) -> Workdays:
        """This calendar with one day laid down otherwise; None: as it is published."""
        overrides = {one: was for one, was in self._overrides.items() if one != day}
        if worked is not None:
            overrides[day] = worked
        return Workdays(overrides, self._years)

    def is_workday(self, day: date) -> bool | None:
        """Whether the day is worked; None if nobody has laid it down."""
        if day in self._overrides:
            return self._overrides[day]
        if _FIRST_YEAR <= day.year <= _LAST_YEAR and self._is_laid_down(day):
            return bool(chinese_calendar.is_workday(day))
        return not _is_weekend(day) if self._is_laid_down(day) else None

    def due(self, start: date, days: int) -> Due:
        """The last day of a limit of `days` working days (0 to 1,000) that begins on `start`, which is not counted.

        Raises InvalidInput.
        """
        if not 0 <= days <= _LONGEST:
            raise InvalidInput(f"a limit is 0 to {_LONGEST} working days")
        day, left, provisional = start, days, False
        while left:
            day += timedelta(days=1)
            worked = self.is_workday(day)
            if worked is None:
                worked, provisional = not _is_weekend(day), True
            left -= worked
        return Due(day, provisional)

    def exceptional(self, first_year: int | None = None) -> dict[date, Exceptional]:
        """The days from that year on (default: the last two published) that are not what their weekday says."""
        first = date(_LAST_YEAR - 1 if first_year is None else max(first_year, _FIRST_YEAR), 1, 1)
        last = self.known_until
        found: dict[date, Exceptional] = {}
        for day in (*_days(first, last), *sorted(day for day in self._overrides if day > last)):
            worked = self.is_workday(day)
            if worked and _is_weekend(day):
                found[day] = Exceptional.MAKE_UP
            elif worked is False and self._is_holiday(day):
                found[day] = Exceptional.HOLIDAY
        return found

    @property
    def known_until(self) -> date:
        """The last day that is laid down with every day before it."""
        day = date(_LAST_YEAR, *_TURN) - timedelta(days=1)
        while self.is_workday(day + timedelta(days=1)) is not None:
            day += timedelta(days=1)
        return day

    def _is_laid_down(self, day: date) -> bool:
        year = day.year + 1 if (day.month, day.day) >= _TURN else day.year
        return self._is_published(day.year) and self._is_published(year)

    def _is_published(self, year: int) -> bool:
        return _FIRST_YEAR <= year <= _LAST_YEAR or year in self._years

    def _is_holiday(self, day: date) -> bool:
        """Of a day that is not worked: whether more than a plain weekend is the reason."""
        if day in self._overrides or not _is_weekend(day):
            return True
        if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
            return False
        return chinese_calendar.get_holiday_detail(day)[1] is not None


def _is_weekend(day: date) -> bool:
    return day.isoweekday() > 5


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
