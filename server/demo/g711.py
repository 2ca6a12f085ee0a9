"""G.711 A-law (ITU-T G.711), both ways, by table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def _decode_table() -> NDArray[np.int16]:
    codes = np.arange(256, dtype=np.int32) ^ 0x55
    exponent, mantissa = (codes & 0x70) >> 4, codes & 0x0F
    magnitude = np.where(exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(codes & 0x80, magnitude, -magnitude).astype(np.int16)


_DECODE = _decode_table()
_ORDER = np.argsort(_DECODE, kind="stable")
_SORTED = _DECODE[_ORDER].astype(np.int32)


def decode(alaw: bytes) -> NDArray[np.int16]:
    """Linear 16-bit samples from A-law bytes."""
    return _DECODE[np.frombuffer(alaw, dtype=np.uint8)]


def encode(samples: NDArray[np.float64]) -> bytes:
    """A-law bytes from linear samples (full scale 32,767), each the nearest code."""
    at = np.clip(np.searchsorted(_SORTED, samples), 1, 255)
    below, above = _SORTED[at - 1], _SORTED[at]
    nearest = np.where(samples - below < above - samples, at - 1, at)
    return _ORDER[nearest].astype(np.uint8).tobytes()


def tone(frequency: float, seconds: float, *, level: float = 8_000.0, rate: int = 8_000) -> bytes:
    """A sine of `frequency` Hz as A-law at 8 kHz."""
    at = np.arange(int(seconds * rate)) / rate
    return encode(level * np.sin(2 * np.pi * frequency * at))
