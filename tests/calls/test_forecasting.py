"""A day forecast from the same weekdays before it, as they were counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from calls.figure_tables import CallIntervalRow
from calls.figures import CallCounts, Scope
from calls.forecasting import NoHistory, from_history
from hotline.database import Database

MIDNIGHT = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def _row(at: datetime, offered: int, handled: int, handling_s: int, queue: str = "general") -> CallIntervalRow:
    counts = CallCounts(
        offered=offered, handled=handled, talk_ms=handled * handling_s * 900, wrap_up_ms=handled * handling_s * 100
    )
    values = {name: getattr(counts, name) for name in CallCounts.__slots__}
    return CallIntervalRow(scope=Scope.QUEUE, starts_at=at, subject=queue, service_level_ms=20_000, **values)


async def test_the_mean_of_the_same_half_hours(database_url: str) -> None:
    database = Database(database_url)
    try:
        async with database.transaction() as session:
            nine, ten = MIDNIGHT + timedelta(hours=9), MIDNIGHT + timedelta(hours=10)
            session.add_all(
                [
                    _row(nine - 7 * DAY, 60, 50, 200),
                    _row(nine - 14 * DAY, 80, 50, 300),
                    _row(ten - 7 * DAY, 10, 0, 0),
                    _row(nine - 8 * DAY, 999, 999, 999),
                    _row(nine - 7 * DAY, 999, 999, 999, queue="night"),
                    _row(nine - 35 * DAY, 999, 999, 999),
                ]
            )
            await session.flush()
            day = await from_history(session, "general", MIDNIGHT, MIDNIGHT + DAY, weeks=4)
            assert len(day) == 48
            by_start = {one.start: (one.calls, one.handling_s) for one in day}
            assert by_start[nine] == (70, 250)
            assert by_start[ten] == (5, 250)
            assert by_start[MIDNIGHT] == (0, 250)
            with pytest.raises(NoHistory):
                await from_history(session, "enterprise", MIDNIGHT, MIDNIGHT + DAY, weeks=4)
    finally:
        await database.close()
