"""What was heard: tones by their spectrum, prompts by likeness to the rendered file."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from server.demo.g711 import decode

_RATE = 8_000


def loudest_tone(alaw: bytes) -> float:
    """The strongest frequency in Hz, 0 for silence (below -50 dBFS)."""
    samples = decode(alaw).astype(np.float64)
    if len(samples) == 0 or np.sqrt(np.mean(samples**2)) < 100:
        return 0.0
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * _RATE / len(samples))


def is_tone(alaw: bytes, frequency: float, *, within: float = 15.0) -> bool:
    """Whether the strongest frequency is this one."""
    return abs(loudest_tone(alaw) - frequency) <= within


def likeness(heard: bytes, prompt: bytes) -> float:
    """How well `prompt` is found somewhere in `heard`: the peak of the normalised cross-correlation, 0 to 1."""
    sound, wanted = decode(heard).astype(np.float64), decode(prompt).astype(np.float64)
    if len(sound) < len(wanted):
        return 0.0
    size = 1 << (len(sound) + len(wanted)).bit_length()
    product: NDArray[np.float64] = np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(wanted, size)), size)
    shifts = len(sound) - len(wanted) + 1
    energy = np.concatenate(([0.0], np.cumsum(sound**2)))
    window = np.sqrt(np.maximum(energy[len(wanted) :][:shifts] - energy[:shifts], 1.0))
    return float(np.max(product[:shifts] / (window * np.linalg.norm(wanted))))
