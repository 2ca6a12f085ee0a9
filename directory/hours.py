"""Opening hours (工作时间) of a branch, a platform, expert seats or a queue: by week, with special days.

12345 itself has none: it is 7x24.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hotline.errors import InvalidInput
from hotline.workdays import Exceptional

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


@dataclass(frozen=True, slots=True, order=True)
class SpecialDay:
    """A day with hours of its own: spans (opens, closes) as in `Span`; none: closed all day."""

    day: date
    spans: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        for opens, closes in self.spans:
            Span(self.day.isoweekday(), opens, closes)


@dataclass(frozen=True, slots=True)
class WeeklyHours:
    """A week's spans in an IANA `timezone`, and the special days that go before them, one for each day."""

    timezone: str
    spans: tuple[Span, ...]
    special: tuple[SpecialDay, ...] = ()
    known_until: date | None = None
    """Last day whose holidays are laid down, of hours that follow them; None: these follow none."""

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise InvalidHours("not an IANA time zone") from None

    def is_open(self, at: datetime) -> bool:
        """Whether the aware moment `at` lies in a span of its day."""
        local = at.astimezone(ZoneInfo(self.timezone))
        minute = local.hour * 60 + local.minute
        return any(opens <= minute < closes for opens, closes in self.on(local.date()))

    def on(self, day: date) -> tuple[tuple[int, int], ...]:
        """The spans (opens, closes) of a local day."""
        for special in self.special:
            if special.day == day:
                return special.spans
        return self._of_weekday(day.isoweekday())

    def is_provisional(self, at: datetime) -> bool:
        """Whether the answer for `at` follows the weekday alone, because nobody has laid down the holidays yet."""
        day = at.astimezone(ZoneInfo(self.timezone)).date()
        follows = self.known_until is not None and day > self.known_until
        return follows and all(special.day != day for special in self.special)

    def following(self, exceptional: Mapping[date, Exceptional], known_until: date) -> WeeklyHours:
        """These hours, closed on holidays and with Monday's hours on a weekend worked for them.

        Special days of their own stay. `exceptional` and `known_until` are those of `hotline.workdays.Workdays`.
        """
        own = {special.day for special in self.special}
        monday = self._of_weekday(1)
        days = {
            SpecialDay(day, monday if kind is Exceptional.MAKE_UP else ())
            for day, kind in exceptional.items()
            if day not in own
        }
        return replace(self, special=tuple(sorted({*self.special, *days})), known_until=known_until)

    def _of_weekday(self, weekday: int) -> tuple[tuple[int, int], ...]:
        return tuple((span.opens, span.closes) for span in self.spans if span.weekday == weekday)


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
