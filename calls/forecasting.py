"""Demand expected from what was: the same half hours of the same weekday in the weeks before, averaged."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from acd.staffing import HALF_HOUR, Forecast
from calls.figure_tables import CallIntervalRow
from calls.figures import Scope
from hotline.errors import NotFound

_WEEK = timedelta(days=7)


class NoHistory(NotFound):
    """No calls of that queue were counted in those weeks."""

    code = "staffing.no_history"


async def from_history(
    session: AsyncSession, queue: str, begin: datetime, end: datetime, *, weeks: int
) -> list[Forecast]:
    """Each half hour from `begin` to `end`: the mean of its calls in the `weeks` before, counted when they were
    offered, with mean handling of that half hour, or of all of them where it had none.

    Weeks are 168 hours: the zone has no summer time. A week without any count at all was before the line began, and is
    left out. Raises NoHistory.
    """
    by_week: dict[int, dict[datetime, CallIntervalRow]] = defaultdict(dict)
    for week in range(1, weeks + 1):
        since, until = begin - week * _WEEK, end - week * _WEEK
        found = await session.scalars(
            select(CallIntervalRow).where(
                CallIntervalRow.scope == Scope.QUEUE,
                CallIntervalRow.subject == queue,
                CallIntervalRow.starts_at >= since,
                CallIntervalRow.starts_at < until,
            )
        )
        for row in found:
            by_week[week][row.starts_at + week * _WEEK] = row
    rows = [row for week in by_week.values() for row in week.values()]
    handled = sum(row.handled for row in rows)
    if not handled:
        raise NoHistory("no calls of that queue were handled in those weeks", remedy="give a forecast file")
    usual_s = sum(row.talk_ms + row.wrap_up_ms for row in rows) / handled / 1000
    return [
        _mean(begin + n * HALF_HOUR, [week.get(begin + n * HALF_HOUR) for week in by_week.values()], usual_s)
        for n in range(int((end - begin) / HALF_HOUR))
    ]


def _mean(start: datetime, rows: list[CallIntervalRow | None], usual_s: float) -> Forecast:
    there = [row for row in rows if row is not None]
    handled = sum(row.handled for row in there)
    handling_s = sum(row.talk_ms + row.wrap_up_ms for row in there) / handled / 1000 if handled else usual_s
    return Forecast(start, sum(row.offered for row in there) / len(rows), max(handling_s, 1.0))
