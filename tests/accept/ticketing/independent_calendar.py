"""The working days of 2026 as the State Council's notice lists them, and limits counted on them.

Imports nothing of ours: what ours computes is compared with this.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone

BEIJING = timezone(timedelta(hours=8))

OFF = frozenset(
    date.fromisoformat(f"2026-{day}")
    for day in (
        *("01-01", "01-02", "01-03"),
        *("02-15", "02-16", "02-17", "02-18", "02-19", "02-20", "02-21", "02-22", "02-23"),
        *("04-04", "04-05", "04-06"),
        *("05-01", "05-02", "05-03", "05-04", "05-05"),
        *("06-19", "06-20", "06-21"),
        *("09-25", "09-26", "09-27"),
        *("10-01", "10-02", "10-03", "10-04", "10-05", "10-06", "10-07"),
    )
)
WORKED = frozenset(date.fromisoformat(f"2026-{day}") for day in ("01-04", "02-14", "02-28", "05-09", "09-20", "10-10"))


class Calendar:
    """Days as listed above, but for what somebody changed since."""

    def __init__(self) -> None:
        self.changed: dict[date, bool] = {}

    def worked(self, day: date) -> bool:
        """Whether the day is worked."""
        assert day.year == 2026, f"{day} is on no list"
        if day in self.changed:
            return self.changed[day]
        return day in WORKED or (day.isoweekday() < 6 and day not in OFF)

    def after(self, day: date, days: int) -> date:
        """The last of so many working days after `day`."""
        while days:
            day += timedelta(days=1)
            days -= self.worked(day)
        return day

    def limit(self, start: datetime, days: int) -> datetime:
        """24:00 of the last of so many working days after the start's own day."""
        return midnight_after(self.after(local_day(start), days))

    def extended(self, ends: datetime, days: int) -> datetime:
        """The same, from a limit's last day on."""
        return midnight_after(self.after(last_day(ends), days))


def local_day(moment: datetime) -> date:
    return moment.astimezone(BEIJING).date()


def last_day(ends: datetime) -> date:
    """24:00 belongs to the day before."""
    return local_day(ends - timedelta(microseconds=1))


def midnight_after(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), BEIJING)
