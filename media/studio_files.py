"""The site's sounds from PostgreSQL to where this host's Asterisk plays them, while calls are on.

Every voice process does it, for itself: the files are replaced whole, and two that write the same one write the same.
Without PostgreSQL the files of before stay.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from hotline.database import Database
from media import studio_recordings
from media.errors import UnknownRecording
from media.manifest import replace_file, sound_hash
from media.spoken import SUFFIX, recording_key
from media.studio_tables import StudioRecordingRow, StudioStateRow, StudioTextRow, StudioVersionRow

_log = structlog.get_logger(__name__)

_LOOK_SECONDS: Final = 0.75
"""Between two looks at the version: a sound is here within a second of its commit."""
_CHECK_LOOKS: Final = 80
"""After so many looks the files themselves are looked at: somebody may have removed one."""

_NOT_YET: Final = -1

_VERSION: Final = select(StudioStateRow.version)
_TEXTS: Final = select(StudioTextRow.key, StudioTextRow.sha256).where(StudioTextRow.sha256.is_not(None))
_RECORDINGS: Final = select(StudioVersionRow.code, StudioVersionRow.version, StudioVersionRow.sha256).join(
    StudioRecordingRow,
    (StudioRecordingRow.code == StudioVersionRow.code) & (StudioRecordingRow.published == StudioVersionRow.version),
)


@dataclass(frozen=True, slots=True)
class _Sound:
    """A sound as it should be here: which text's, or which version of which recording."""

    sha256: str
    code: str | None = None
    version: int = 0


class StudioFiles:
    """Keeps `folder` as the tables are."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder
        self._version = _NOT_YET
        self._hashes: dict[str, str] = {}

    async def refresh(self, *, whole: bool = False) -> int:
        """Bring what changed; returns how many files were written or removed. `whole`: look at every file. Never
        raises: without PostgreSQL, or on a full disk, what is there stays, and it is tried again."""
        try:
            found: Any = await self._database.ask(_VERSION)
            newest = found[0][0] if found else 0
            if newest == self._version and not whole:
                return 0
            written = await self._take_over(await self._present(), whole=whole)
            self._version = newest
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            _log.warning("studio.not_refreshed", reason=type(error).__name__)
            return 0
        if written:
            _log.info("studio.refreshed", version=newest, files=written)
        return written

    async def run(self) -> None:
        """Follow every change until cancelled."""
        for look in count():
            await self.refresh(whole=look % _CHECK_LOOKS == 0)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _present(self) -> dict[str, _Sound]:
        found: Any = await self._database.ask(_TEXTS)
        present = {key: _Sound(sha256) for key, sha256 in found}
        found = await self._database.ask(_RECORDINGS)
        return present | {recording_key(code): _Sound(sha256, code, version) for code, version, sha256 in found}

    async def _take_over(self, present: Mapping[str, _Sound], *, whole: bool) -> int:
        there = await asyncio.to_thread(self._there, list(present), whole)
        written = 0
        if self._version == _NOT_YET:
            written += await asyncio.to_thread(self._remove_others, present)
        for key, one in present.items():
            if there.get(key) == one.sha256:
                continue
            async with self._database.transaction() as session:
                sound = await _sound(session, key, one)
            if sound is None or sound_hash(sound) != one.sha256:
                continue  # changed since: the next look has it
            await asyncio.to_thread(replace_file, self._folder / f"{key}{SUFFIX}", sound)
            self._hashes[key] = one.sha256
            written += 1
        return written

    def _there(self, keys: list[str], whole: bool) -> dict[str, str]:
        """Hashes of the files that are there. Between two whole looks one that was read is believed."""
        if whole:
            self._hashes.clear()
        for key in keys:
            file = self._folder / f"{key}{SUFFIX}"
            if not file.is_file():
                self._hashes.pop(key, None)
            elif key not in self._hashes:
                self._hashes[key] = sound_hash(file.read_bytes())
        return self._hashes

    def _remove_others(self, present: Mapping[str, _Sound]) -> int:
        """What another database left here. Should one go that another process has just brought, it is missed, and
        brought again, at the look that its version causes."""
        others = [file for file in self._folder.glob(f"*{SUFFIX}") if file.stem not in present]
        for file in others:
            file.unlink(missing_ok=True)
        return len(others)


async def _sound(session: AsyncSession, key: str, one: _Sound) -> bytes | None:
    if one.code is None:
        return await session.scalar(select(StudioTextRow.sound).where(StudioTextRow.key == key))
    try:
        return await studio_recordings.sound_of(session, one.code, one.version)
    except UnknownRecording:
        return None
