"""Weekly opening hours (工作时间) of a branch, a platform or expert seats. 12345 itself has none: it is 7x24."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hotline.errors import InvalidInput

DAY_MINUTES = 24 * 60


class InvalidHours(InvalidInput):
    """These are not weekly hours."""

    code = "hours.invalid"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Open on `weekday` (ISO: Monday 1 .. Sunday 7) from `opens` until before `closes`, minutes after local midnight.

    A span does not cross midnight: a night is two spans, the first closing at 1440.
    """

    weekday: int
    opens: int
    closes: int

    def __post_init__(self) -> None:
        if not 1 <= self.weekday <= 7:
            raise InvalidHours("weekday is 1 (Monday) to 7 (Sunday)")
        if not 0 <= self.opens < self.closes <= DAY_MINUTES:
            raise InvalidHours("a span opens before it closes, within one day")


@dataclass(frozen=True, slots=True)
class WeeklyHours:
    """A week's spans in an IANA `timezone`."""

    timezone: str
    spans: tuple[Span, ...]

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise InvalidHours("not an IANA time zone") from None

    def is_open(self, at: datetime) -> bool:
        """Whether the aware moment `at` lies in a span."""
        local = at.astimezone(ZoneInfo(self.timezone))
        minute = local.hour * 60 + local.minute
        return any(s.weekday == local.isoweekday() and s.opens <= minute < s.closes for s in self.spans)


def weekdays(opens: str, closes: str, timezone: str, days: tuple[int, ...] = (1, 2, 3, 4, 5)) -> WeeklyHours:
    """The same hours on each of `days`, from `HH:MM` to `HH:MM` (`24:00` is the end of the day)."""
    return WeeklyHours(timezone, tuple(Span(day, _minutes(opens), _minutes(closes)) for day in days))


def _minutes(text: str) -> int:
    hours, colon, minutes = text.partition(":")
    if not (colon and hours.isascii() and hours.isdigit() and minutes.isascii() and minutes.isdigit()):
        raise InvalidHours("a time of day is HH:MM")
    if int(minutes) >= 60:
        raise InvalidHours("a time of day is HH:MM")
    return int(hours) * 60 + int(minutes)
