"""Room for recordings: how much is left, how long it will last, and that a full disk costs recordings, never calls.

Two limits (`low_free_mb`, `stop_free_mb`): below the first the alarm is raised; below the second no recording begins,
so that PostgreSQL and the journal have what is left.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from ami.client import AmiClient
from ami.errors import AmiError
from calls.recording.metrics import RecordingMetrics
from calls.recording.starting import RECORD
from calls.recording.tables import RecordingRow
from hotline.clock import Clock
from hotline.database import Database
from hotline.settings import Recording

_log = structlog.get_logger(__name__)

_LOOK_SECONDS: Final = 10.0
_GATE_SECONDS: Final = 2.0
_AGAIN_SECONDS: Final = 600.0
"""While it lasts, the alarm is told again so often."""
_GROWTH: Final = timedelta(days=7)
_MB: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Room:
    """Bytes free, and the bytes that recordings grow by in a day (less what is erased)."""

    free: int
    growth: float

    @property
    def full_in_days(self) -> float | None:
        """None while nothing grows."""
        return self.free / self.growth if self.growth > 0 else None

    def alarm(self, keys: Recording) -> str:
        """Why the alarm is raised; empty: it is not."""
        if self.free < keys.stop_free_mb * _MB:
            return "nothing is recorded any more"
        if self.free < keys.low_free_mb * _MB:
            return "little room is left"
        if self.full_in_days is not None and self.full_in_days < keys.full_in_days:
            return f"full in {self.full_in_days:.0f} days"
        return ""


def free_bytes(folders: Iterable[Path]) -> int:
    """Of the disk that has least. A folder that is not there yet lies where its parent does. Raises OSError."""
    return min(shutil.disk_usage(_existing(folder)).free for folder in folders)


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder


async def growth_a_day(session: AsyncSession, clock: Clock, host: str) -> float:
    """Bytes by which the recordings of a host grew in each of the last days."""
    since = clock.now() - _GROWTH
    kept = await session.scalar(
        select(func.sum(RecordingRow.size)).where(RecordingRow.host == host, RecordingRow.sealed_at >= since)
    )
    erased = await session.scalar(
        select(func.sum(RecordingRow.size)).where(RecordingRow.host == host, RecordingRow.erased_at >= since)
    )
    return float((kept or 0) - (erased or 0)) / _GROWTH.days


class RoomWatch:
    """Raises the alarm in time: in the jobs process, by log and metric."""

    def __init__(
        self,
        *,
        keys: Recording,
        folders: Sequence[Path],
        database: Database,
        host: str,
        clock: Clock,
        metrics: RecordingMetrics,
    ) -> None:
        self._keys = keys
        self._folders = folders
        self._database = database
        self._host = host
        self._clock = clock
        self._metrics = metrics
        self._told = float("-inf")

    async def run(self) -> None:
        """Look often until cancelled."""
        while True:
            try:
                await self.look()
            except (SQLAlchemyError, OSError, TimeoutError) as error:
                _log.warning("recording.room_unknown", reason=type(error).__name__)
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self) -> str:
        """Measure; why the alarm is raised."""
        free = await asyncio.to_thread(free_bytes, self._folders)
        self._metrics.free.set(free)
        async with self._database.transaction() as session:
            growth = await growth_a_day(session, self._clock, self._host)
        alarm = Room(free, growth).alarm(self._keys)
        self._metrics.low.set(bool(alarm))
        if not alarm:
            self._told = float("-inf")
        elif self._clock.monotonic() - self._told >= _AGAIN_SECONDS:
            self._told = self._clock.monotonic()
            _log.error("recording.disk_low", why=alarm, free_mb=free // _MB, growth_mb_a_day=round(growth / _MB))
        return alarm


class Gate:
    """Lets recordings begin while there is room: in every voice process, by a global of the dialplan."""

    def __init__(self, ami: AmiClient, *, recorded: Path, stop_free_mb: int) -> None:
        self._ami = ami
        self._recorded = recorded
        self._stop = stop_free_mb * _MB
        self._open: bool | None = None

    async def run(self) -> None:
        """Look often until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(_GATE_SECONDS)

    async def look(self) -> bool:
        """Whether recordings may begin; tells Asterisk when that has changed, and again as long as they may not: a
        reload of the dialplan would let them."""
        try:
            free = await asyncio.to_thread(free_bytes, (self._recorded,))
        except OSError as error:
            _log.error("recording.room_unknown", reason=error.strerror)
            return self._open is not False
        # Once it is shut, a little more is asked for, so that it does not flutter.
        may = free >= (self._stop if self._open is not False else self._stop * 1.05)
        if may and self._open:
            return True
        try:
            await self._ami.setvar(RECORD, "yes" if may else "no")
        except AmiError as error:
            _log.info("recording.gate_unset", code=error.code)
            return may
        if may is not self._open and not may:
            _log.error("recording.stopped", why="no room", free_mb=free // _MB)
        self._open = may
        return may
