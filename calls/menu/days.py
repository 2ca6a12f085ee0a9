"""What a menu knows of days and hours without asking anybody: from the directory, the queues' hours, the calendar."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Self
from zoneinfo import ZoneInfo

from calls.switchboard import Switchboard
from directory.snapshot import DirectorySnapshot
from hotline.workdays import Exceptional, Workdays
from ivr.flow import DayKind


@dataclass(frozen=True, slots=True)
class Days:
    """The calendar of a run (`ivr.events.Calendar`). `is_queue_open` says of a queue whether it takes calls at a
    moment; False for one there is not."""

    zone: ZoneInfo
    workdays: Workdays
    directory: DirectorySnapshot
    is_queue_open: Callable[[str, datetime], bool]

    @classmethod
    def of(cls, board: Switchboard) -> Self:
        """As a voice process has them now."""
        queues = board.queues
        return cls(
            ZoneInfo(board.settings.site.timezone),
            queues.workdays,
            board.directory.snapshot,
            lambda queue, at: queue in queues.rules and queues.open_now(queue, at) == queue,
        )

    def local(self, at: datetime) -> datetime:
        """The same moment on the city's clocks."""
        return at.astimezone(self.zone)

    def day(self, at: datetime) -> DayKind:
        """By the State Council's calendar and the city's own days; of a day nobody has laid down, by its weekday."""
        day = self.local(at).date()
        exceptional = _exceptional(self.workdays, day.year).get(day)
        if exceptional is Exceptional.HOLIDAY:
            return DayKind.HOLIDAY
        if exceptional is Exceptional.MAKE_UP or day.isoweekday() <= 5:
            return DayKind.WORKDAY
        return DayKind.WEEKEND

    def is_open(self, of: str, at: datetime) -> bool:
        """Of a line by its number or a queue by its name. Unknown ones are closed."""
        if (line := self.directory.line(of)) is not None:
            return line.is_open(at)
        return self.is_queue_open(of, at)


@lru_cache(8)
def _exceptional(calendar: Workdays, year: int) -> dict[date, Exceptional]:
    return calendar.exceptional(year)
