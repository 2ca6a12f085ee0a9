"""The waveform of a recording: the largest sample of each channel in each tenth of a second, for a page to draw."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

PEAKS_A_SECOND: Final = 10

_LOUDEST: Final = 255
_FULL_SCALE: Final = 32_768


class Waveform:
    """Takes samples as they come and keeps their peaks, 0 to 255 of full scale."""

    def __init__(self, rate: int, channels: int) -> None:
        self._step = rate // PEAKS_A_SECOND
        self._channels = channels
        self._rest: NDArray[np.int16] = np.zeros((0, channels), np.int16)
        self._peaks: list[NDArray[np.uint8]] = []

    def add(self, samples: NDArray[np.int16]) -> None:
        """Samples in rows of one for each channel."""
        joined = np.concatenate((self._rest, samples))
        whole = len(joined) // self._step * self._step
        if whole:
            self._peaks.append(_peaks(joined[:whole].reshape(-1, self._step, self._channels)))
        self._rest = joined[whole:]

    def peaks(self) -> list[bytes]:
        """A byte for each tenth of a second begun, by channel."""
        rest = [_peaks(self._rest[np.newaxis])] if len(self._rest) else []
        every = (
            np.concatenate([*self._peaks, *rest]) if self._peaks or rest else np.zeros((0, self._channels), np.uint8)
        )
        return [every[:, channel].tobytes() for channel in range(self._channels)]


def _peaks(steps: NDArray[np.int16]) -> NDArray[np.uint8]:
    largest = np.abs(steps.astype(np.int32)).max(axis=1)
    scaled: NDArray[np.uint8] = (largest * _LOUDEST // _FULL_SCALE).astype(np.uint8)
    return scaled
