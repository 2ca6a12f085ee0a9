"""Which tone is heard: how two phones prove to each other that sound passes."""

from __future__ import annotations

import numpy as np

from server.demo.g711 import decode

_RATE = 8_000
_SILENCE = 100.0
"""Root mean square of samples below which there is nothing to hear (-50 dBFS)."""


def loudest_tone(alaw: bytes) -> float:
    """The strongest frequency in Hz, 0 for silence."""
    samples = decode(alaw).astype(np.float64)
    if len(samples) == 0 or np.sqrt(np.mean(samples**2)) < _SILENCE:
        return 0.0
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * _RATE / len(samples))


def is_tone(alaw: bytes, frequency: float, *, within: float = 15.0) -> bool:
    """Whether the strongest frequency is this one, `within` so many Hz."""
    return abs(loudest_tone(alaw) - frequency) <= within
