"""Recordings on the disk: what Asterisk writes, by name, and where sealed ones are kept.

Everything here blocks for a moment; from a coroutine use `asyncio.to_thread`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from hotline.clock import from_ms
from hotline.errors import InvalidInput
from hotline.ids import call_id
from hotline.settings import Settings
from media.recording import raw_length_ms

_RAW: Final = re.compile(r"(?P<call>.+)\.(?P<segment>[0-9]{13})\.raw")
_CHINA: Final = timedelta(hours=8)


@dataclass(frozen=True, slots=True)
class Vault:
    """Where sealed recordings are kept, and the file with the keys that open them."""

    folder: Path
    key_file: Path

    @classmethod
    def of(cls, settings: Settings) -> Vault:
        """As the settings have it."""
        keys = settings.recording
        return cls(
            Path(keys.folder) if keys.folder else settings.var_dir / "recordings",
            Path(keys.key_file) if keys.key_file else settings.var_dir / "keys" / "recordings",
        )

    def sealed(self, call: str, segment: int) -> Path:
        """Where a segment is kept: a folder for each day, in China's time. Raises InvalidInput."""
        day = (from_ms(segment) + _CHINA).strftime("%Y/%m/%d")
        return self.folder / day / f"{call_id(call)}.{segment}.sealed"


@dataclass(frozen=True, slots=True)
class Tape:
    """A raw recording: of which call, since when (milliseconds since 1970), and when it was last written to."""

    path: Path
    call: str
    segment: int
    length_ms: int
    written_ms: int


def tapes(folder: Path) -> list[Tape]:
    """What Asterisk has recorded and nobody has sealed yet, oldest first."""
    found = []
    for path in folder.glob("*.raw"):
        named = _RAW.fullmatch(path.name)
        if named is None:
            continue
        try:
            call = call_id(named["call"])
            written_ms = round(path.stat().st_mtime * 1000)
            found.append(Tape(path, call, int(named["segment"]), raw_length_ms(path), written_ms))
        except (InvalidInput, FileNotFoundError):
            continue
    return sorted(found, key=lambda tape: (tape.segment, tape.call))
