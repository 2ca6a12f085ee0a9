"""Time, injected. Wall clock for records (UTC), monotonic for durations."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Where the code gets its time from, so that tests can hold the hands."""

    def now(self) -> datetime:
        """The wall clock, timezone-aware, UTC."""
        ...

    def now_ms(self) -> int:
        """The wall clock as milliseconds since 1970-01-01 UTC: the form used in Redis and on channels."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()


class ManualClock:
    """A clock that moves only when told: for tests and simulation."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("start must be timezone-aware")
        self._now = start.astimezone(UTC)
        self._monotonic = 0.0

    def now(self) -> datetime:
        return self._now

    def now_ms(self) -> int:
        return to_ms(self._now)

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Move both hands forward."""
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds


def from_ms(milliseconds: int) -> datetime:
    """A UTC datetime from milliseconds since 1970-01-01 UTC."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970-01-01 UTC from an aware datetime."""
    # Whole numbers throughout: a float of seconds cuts one millisecond off every now and then.
    return (moment - _EPOCH) // timedelta(milliseconds=1)
