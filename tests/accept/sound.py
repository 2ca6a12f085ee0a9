"""What was heard: tones by their spectrum, prompts by likeness to the rendered file."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from server.demo.g711 import decode
from server.demo.tones import is_tone, loudest_tone

__all__ = ["best_match", "is_tone", "likeness", "loudest_tone", "tones"]

_RATE = 8_000
_PRESENT = 400.0
"""Amplitude; a tone is sent with 8,000 (`server.demo.g711.tone`)."""


def likeness(heard: bytes, prompt: bytes) -> float:
    """How well `prompt` is found somewhere in `heard`: the peak of the normalised cross-correlation, 0 to 1."""
    return best_match(heard, prompt)[0]


def best_match(heard: bytes, prompt: bytes) -> tuple[float, int]:
    """The same, and the place in `heard` where what is most like `prompt` ends."""
    sound, wanted = decode(heard).astype(np.float64), decode(prompt).astype(np.float64)
    if len(sound) < len(wanted):
        return 0.0, 0
    size = 1 << (len(sound) + len(wanted)).bit_length()
    product: NDArray[np.float64] = np.fft.irfft(np.fft.rfft(sound, size) * np.conj(np.fft.rfft(wanted, size)), size)
    shifts = len(sound) - len(wanted) + 1
    energy = np.concatenate(([0.0], np.cumsum(sound**2)))
    window = np.sqrt(np.maximum(energy[len(wanted) :][:shifts] - energy[:shifts], 1.0))
    alike = product[:shifts] / (window * np.linalg.norm(wanted))
    best = int(np.argmax(alike))
    return float(alike[best]), best + len(wanted)


def tones(alaw: bytes, *frequencies: float) -> set[float]:
    """Which of these tones are in it: those no more than 26 dB below the level our phones send them with."""
    samples = decode(alaw).astype(np.float64)
    window = np.hanning(len(samples))
    at = np.arange(len(samples)) / _RATE
    found: set[float] = set()
    for frequency in frequencies:
        wave = np.exp(-2j * np.pi * frequency * at)
        if 2 * abs(np.sum(samples * window * wave)) / np.sum(window) > _PRESENT:
            found.add(frequency)
    return found
