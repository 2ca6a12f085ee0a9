"""Agents needed by half hour (人力测算): from a forecast of calls, for a target, with shrinkage, beside the roster."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from acd.erlang import Load, Service, agents_needed, service
from hotline.errors import InvalidInput

HALF_HOUR = timedelta(minutes=30)
_COLUMNS = ("start", "calls", "handling_s")


class ForecastRefused(InvalidInput):
    """A row of the forecast cannot be meant; the detail names it."""

    code = "staffing.forecast_refused"


@dataclass(frozen=True, slots=True)
class Forecast:
    """Calls expected in the half hour from `start`, and their mean handling (talk and wrap-up) in seconds."""

    start: datetime
    calls: float
    handling_s: float

    @property
    def end(self) -> datetime:
        return self.start + HALF_HOUR

    def load(self, patience_s: float | None = None) -> Load:
        """As the formulas take it."""
        return Load(self.calls / HALF_HOUR.total_seconds(), self.handling_s, patience_s)


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be reached: a share of calls answered within seconds, and who is there of those on the roster.

    `shrinkage` (损耗) is the share of rostered time lost to breaks, training and absence. `patience_s` is callers' mean
    patience, for Erlang A.
    """

    service_level: float = 0.8
    within_s: float = 20.0
    patience_s: float = 180.0
    shrinkage: float = 0.0
    max_abandoned: float = 1.0
    max_occupancy: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.shrinkage < 1:
            raise InvalidInput("shrinkage is a share, from 0 to less than 1")

    def to_roster(self, at_work: int) -> int:
        """How many must be on the roster for so many to be at work."""
        return math.ceil(round(at_work / (1 - self.shrinkage), 9))

    def at_work(self, rostered: int) -> int:
        """How many of those on the roster are at work."""
        return math.floor(round(rostered * (1 - self.shrinkage), 9))


@dataclass(frozen=True, slots=True)
class Staffing:
    """One half hour: what both formulas ask for, and what those on the roster will achieve, if a roster is given."""

    forecast: Forecast
    patient: Service
    """The fewest agents by Erlang C."""
    impatient: Service
    """The fewest by Erlang A."""
    rostered: int | None = None
    achieved_patient: Service | None = None
    achieved_impatient: Service | None = None


def read_forecast(text: str, zone: ZoneInfo) -> list[Forecast]:
    """From CSV with the columns start, calls, handling_s, one row for each half hour, in order of time.

    `start` is ISO 8601; without an offset it is local time in `zone`. Raises ForecastRefused.
    """
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    missing = set(_COLUMNS) - set(rows.fieldnames or ())
    if missing:
        raise ForecastRefused(f"columns are missing: {', '.join(sorted(missing))}")
    found: dict[datetime, Forecast] = {}
    for row in rows:
        try:
            forecast = _row(row, zone)
        except ValueError as error:
            raise ForecastRefused(f"line {rows.line_num}: {error}") from None
        if forecast.start in found:
            raise ForecastRefused(f"line {rows.line_num}: this half hour is there twice")
        found[forecast.start] = forecast
    if not found:
        raise ForecastRefused("there is no row")
    return [found[start] for start in sorted(found)]


def _row(row: dict[str, str | None], zone: ZoneInfo) -> Forecast:
    start, calls, handling = (str(row[name] or "").strip() for name in _COLUMNS)
    moment = datetime.fromisoformat(start)
    moment = (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    if moment.second or moment.microsecond or moment.minute % 30:
        raise ValueError("a half hour begins at :00 or :30")
    forecast = Forecast(moment, float(calls), float(handling))
    if not (math.isfinite(forecast.calls) and math.isfinite(forecast.handling_s)):
        raise ValueError("calls and handling are numbers")
    if forecast.calls < 0 or forecast.handling_s <= 0:
        raise ValueError("calls are at least 0, handling is more than 0 seconds")
    return forecast


def staff(forecasts: Iterable[Forecast], target: Target, rostered: Sequence[int] | None = None) -> list[Staffing]:
    """Each half hour by itself, as if it went on for long; `rostered` has one number for each. Raises CannotBeReached,
    InvalidInput."""
    asked = list(forecasts)
    numbers: Sequence[int | None] = [None] * len(asked) if rostered is None else rostered
    return [_staffing(forecast, target, number) for forecast, number in zip(asked, numbers, strict=True)]


def _staffing(forecast: Forecast, target: Target, rostered: int | None) -> Staffing:
    patient, impatient = forecast.load(), forecast.load(target.patience_s)

    def needed(load: Load) -> Service:
        return agents_needed(
            load,
            target.within_s,
            target.service_level,
            max_abandoned=target.max_abandoned,
            max_occupancy=target.max_occupancy,
        )

    found = Staffing(forecast, needed(patient), needed(impatient))
    if rostered is None:
        return found
    there = target.at_work(rostered)
    return replace(
        found,
        rostered=rostered,
        achieved_patient=service(there, patient, target.within_s),
        achieved_impatient=service(there, impatient, target.within_s),
    )


def overall(achieved: Iterable[tuple[Forecast, Service]]) -> float | None:
    """The day's service level: each half hour's, weighed by its calls; None without calls."""
    pairs = list(achieved)
    calls = sum(forecast.calls for forecast, _ in pairs)
    return sum(forecast.calls * got.service_level for forecast, got in pairs) / calls if calls else None
