"""The ringing tone (回铃音) as a sound file: what an emergency's caller hears once the announcement is over."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

import numpy as np

from media.sound import TELEPHONE_HZ, to_alaw

NAME: Final = "ringback"

_HZ: Final = 450
_ON_SECONDS: Final = 1
_OFF_SECONDS: Final = 4
_RINGS: Final = 4
"""Then the announcement is repeated: every 22 s or so."""
_LEVEL_DBFS: Final = -20.0


def ringback() -> bytes:
    """450 Hz, 1 s on, 4 s off, as China's exchanges give it (see `indications.conf`); raw A-law."""
    at = np.arange(_ON_SECONDS * TELEPHONE_HZ) / TELEPHONE_HZ
    peak = 32_767 * math.sqrt(2) * 10 ** (_LEVEL_DBFS / 20)
    ring = np.concatenate((peak * np.sin(2 * np.pi * _HZ * at), np.zeros(_OFF_SECONDS * TELEPHONE_HZ)))
    return to_alaw(np.tile(ring, _RINGS).round().astype(np.int16))


def install(folder: Path) -> None:
    """Put the tone into `folder`, whole or not at all: a caller may be listening to the old one."""
    target = folder / f"{NAME}.alaw"
    draft = target.with_name(f".{target.name}")
    draft.write_bytes(ringback())
    draft.chmod(0o644)
    draft.replace(target)
