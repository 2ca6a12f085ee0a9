"""What was heard: tones by their spectrum, prompts by likeness to the rendered file."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from server.demo.g711 import decode
from server.demo.tones import is_tone, loudest_tone

__all__ = ["is_tone", "likeness", "loudest_tone"]


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
