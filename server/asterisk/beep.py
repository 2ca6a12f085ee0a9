"""The tone (提示音) after which a citizen speaks a message, as a sound file."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

import numpy as np

from media.sound import TELEPHONE_HZ, to_alaw

NAME: Final = "beep"

_HZ: Final = 1_000
_SECONDS: Final = 0.3
_LEVEL_DBFS: Final = -20.0


def beep() -> bytes:
    """1 kHz for 0.3 s; raw A-law."""
    at = np.arange(int(_SECONDS * TELEPHONE_HZ)) / TELEPHONE_HZ
    peak = 32_767 * math.sqrt(2) * 10 ** (_LEVEL_DBFS / 20)
    return to_alaw((peak * np.sin(2 * np.pi * _HZ * at)).round().astype(np.int16))


def install(folder: Path) -> None:
    """Put the tone into `folder`, whole or not at all: a caller may be listening to the old one."""
    target = folder / f"{NAME}.alaw"
    draft = target.with_name(f".{target.name}")
    draft.write_bytes(beep())
    draft.chmod(0o644)
    draft.replace(target)
