"""热点 and 突增: what many ask for, and what rises suddenly, by category, by area, and by both (TH 22: 苗头性问题).

The days up to one day are compared with the same weekdays of weeks before (`chance`). Weeks whose days were worked
otherwise, as around a holiday, are passed over. With many subjects tested at a time one of them is rare by chance, so
the limit is divided by their number (Bonferroni).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Date, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from hotline.workdays import Workdays
from ticketing.figures.chance import Rise, rise
from ticketing.models import TicketRow

METHOD: Final = (
    "与前几周相同星期、相同工作日安排的时段相比：假定诉求相互独立，在各时段总数已定的条件下，"
    "本时段件数服从二项分布（Przyborowski–Wilenski 条件检验），所列概率为偶然达到该件数的概率；"
    "多项同时检验，按 Bonferroni 方法校正"
)
"""As it is told with the numbers."""

_DAY: Final = timedelta(days=1)
_WEEK: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Watch:
    """What is looked at, and what counts as sudden."""

    last: date
    """The newest day."""
    days: int = 7
    """Of the newest window, 1 to 7."""
    weeks: int = 8
    """Windows before, that it is compared with."""
    chance: float = 0.001
    """How rare a rise must be, over all subjects together."""
    least: int = 5
    """Demands in the newest window, below which nothing is called sudden."""
    times: float = 1.5
    """And so many times the mean."""

    def windows(self, workdays: Workdays) -> list[tuple[date, ...]]:
        """The days of the newest window and of those before it. At most twice as many weeks are looked through; where
        too few were worked alike, all of them count."""
        newest = tuple(self.last - back * _DAY for back in reversed(range(self.days)))
        earlier = [tuple(day - back * _WEEK for day in newest) for back in range(1, 2 * self.weeks + 1)]
        pattern = [workdays.is_workday(day) for day in newest]
        alike = [days for days in earlier if [workdays.is_workday(day) for day in days] == pattern]
        chosen = alike if len(alike) >= self.weeks // 2 else earlier
        return [newest, *chosen[: self.weeks]]

    def sudden(self, found: Rise, subjects: int) -> bool:
        """Whether a rise, one of so many subjects, is one to look into."""
        enough = found.observed >= self.least and (found.times is None or found.times >= self.times)
        return enough and found.chance < self.chance / max(subjects, 1)


@dataclass(frozen=True, slots=True)
class Topic:
    """What people asked for, how often, and how that compares. Empty words: not known, or of all."""

    category: str
    area: str
    found: Rise
    sudden: bool


@dataclass(frozen=True, slots=True)
class Topics:
    """The answer, with what it was compared with."""

    windows: Sequence[tuple[date, ...]]
    by_category: Sequence[Topic]
    by_area: Sequence[Topic]
    by_both: Sequence[Topic]


async def topics(session: AsyncSession, watch: Watch, workdays: Workdays, zone: ZoneInfo) -> Topics:
    """Each list with the sudden ones first, then those with the most demands."""
    windows = watch.windows(workdays)
    counts = await _counts(session, windows, zone)
    return Topics(
        windows,
        _ranked(((category, "", days) for category, days in _sums(counts, 0).items()), watch, windows),
        _ranked((("", area, days) for area, days in _sums(counts, 1).items()), watch, windows),
        _ranked(
            ((category, area, days) for (category, area), days in counts.items() if category and area), watch, windows
        ),
    )


_Days = Mapping[date, int]


def _ranked(
    subjects: Iterable[tuple[str, str, _Days]], watch: Watch, windows: Sequence[tuple[date, ...]]
) -> Sequence[Topic]:
    rises = []
    for category, area, days in subjects:
        observed, *baseline = (sum(days.get(day, 0) for day in window) for window in windows)
        if observed and (category or area):
            rises.append((category, area, rise(observed, baseline)))
    found = [Topic(category, area, one, watch.sudden(one, len(rises))) for category, area, one in rises]
    return sorted(found, key=lambda topic: (not topic.sudden, -topic.found.observed, topic.category, topic.area))


def _sums(counts: Mapping[tuple[str, str], _Days], part: int) -> Mapping[str, _Days]:
    sums: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for subject, days in counts.items():
        for day, number in days.items():
            sums[subject[part]][day] += number
    return sums


async def _counts(
    session: AsyncSession, windows: Sequence[tuple[date, ...]], zone: ZoneInfo
) -> Mapping[tuple[str, str], _Days]:
    """Demands by category and county, and by the city's day."""
    first, last = min(days[0] for days in windows), windows[0][-1]
    day = cast(func.timezone(zone.key, TicketRow.registered_at), Date)
    area = func.left(TicketRow.area_code, 6)
    statement = (
        select(TicketRow.category, area.label("area"), day.label("day"), func.count())
        .where(TicketRow.registered_at >= midnight(first, zone), TicketRow.registered_at < midnight(last + _DAY, zone))
        .group_by(TicketRow.category, "area", "day")
    )
    found: dict[tuple[str, str], dict[date, int]] = defaultdict(dict)
    rows: Iterable[Any] = await session.execute(statement)
    for category, county, on, number in rows:
        found[category, county][on] = number
    return found


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """0:00 of a city's day, as UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
