"""Logs and records that Asterisk writes are kept from growing for ever, without a service of the system.

Asterisk never rotates by itself below 1 GB, its CDR and CEL files not at all, and it deletes nothing. Rotated files are
numbered, `.0` the newest.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Final

import structlog

from hotline.errors import PartUnavailable
from hotline.settings import Settings
from server.asterisk.layout import Layout, find
from server.asterisk.process import cli

_log = structlog.get_logger(__name__)

LIMIT_BYTES: Final = 64 * 2**20
"""A file this large is put aside. A call writes about 5 kB in all."""

KEPT: Final = 20
"""So many of each are kept beside the present one: about 1.3 GB for each at the most."""

LOGS: Final = ("messages.log", "security.log", "queue_log")
"""Held open by Asterisk, which rotates them itself when told."""

_EVERY_SECONDS: Final = 60.0
_NUMBERED: Final = re.compile(r"(.+)\.(\d+)")


async def keep_rotating(settings: Settings, *, every_seconds: float = _EVERY_SECONDS) -> None:
    """Look once a minute, until cancelled."""
    while True:
        try:
            await asyncio.to_thread(lambda: Rotation(find(settings)).step())
        except (PartUnavailable, OSError) as error:
            # Asterisk is being started again, or the disk is full: there is another minute.
            _log.warning("rotation.failed", error=type(error).__name__)
        await asyncio.sleep(every_seconds)


class Rotation:
    """Looks after the files of one instance."""

    def __init__(self, layout: Layout, *, limit_bytes: int = LIMIT_BYTES, kept: int = KEPT) -> None:
        self._layout = layout
        self._limit = limit_bytes
        self._kept = kept

    def step(self) -> list[str]:
        """Put aside what is too large, delete what is too old; returns the names of the former.

        Raises PartUnavailable when Asterisk does not answer, OSError.
        """
        log = self._layout.log
        # Asterisk opens these anew for each line: one that was renamed is simply made again.
        records = (self._layout.cdr_file, self._layout.cel_file)
        logs = [log / name for name in LOGS]
        large = [path for path in (*records, *logs) if self._large(path)]
        for path in records:
            if path in large:
                self._put_aside(path)
        if any(path in large for path in logs):
            # All three at once; `rotatestrategy` in logger.conf numbers them as we do.
            cli(self._layout, "logger rotate")
        for path in (*records, *logs):
            self._forget(path)
        return [str(path.relative_to(log)) for path in large]

    def _large(self, path: Path) -> bool:
        try:
            return path.stat().st_size >= self._limit
        except FileNotFoundError:
            return False

    def _put_aside(self, path: Path) -> None:
        # The highest number first, so that none is overwritten, whatever moment we are stopped at.
        for number, older in sorted(_numbered(path), reverse=True):
            older.rename(path.with_name(f"{path.name}.{number + 1}"))
        path.rename(path.with_name(f"{path.name}.0"))

    def _forget(self, path: Path) -> None:
        for number, older in _numbered(path):
            if number >= self._kept:
                older.unlink(missing_ok=True)


def _numbered(path: Path) -> list[tuple[int, Path]]:
    """The rotated files of `path` with their numbers."""
    found = []
    for other in path.parent.glob(f"{path.name}.*"):
        named = _NUMBERED.fullmatch(other.name)
        if named and named[1] == path.name:
            found.append((int(named[2]), other))
    return found
