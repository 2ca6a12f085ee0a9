"""PCM, A-law and levels. The one place that imports pydub and audioop, because importing them warns.

Telephone sound is mono, 8,000 Hz; samples are signed 16-bit, full scale 32,768 (0 dBFS is a square wave of that size).
"""

from __future__ import annotations

import math
import warnings
from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

with warnings.catch_warnings():
    # audioop leaves the standard library in 3.13 (audioop-lts takes over there); pydub warns when ffmpeg is
    # absent, and about its own regular expressions.
    warnings.simplefilter("ignore")
    import audioop

    from pydub import AudioSegment
    from pydub.silence import detect_leading_silence

__all__ = ["TELEPHONE_HZ", "AudioSegment", "Pcm", "active_level", "detect_leading_silence", "encoder_program"]
__all__ += ["from_alaw"]
__all__ += ["peak_level", "resample", "samples", "segment", "to_alaw"]

Pcm = NDArray[np.int16]

TELEPHONE_HZ: Final = 8_000
"""Samples a second on the telephone side; also bytes a second of an A-law file."""

_FULL_SCALE: Final = 32_768
_FRAME_MS: Final = 20
_PAUSE_BELOW_LOUDEST_DB: Final = 30


def encoder_program() -> str:
    """The program that makes MP3 and Opus: ffmpeg, where pydub finds it."""
    return str(AudioSegment.converter)


def to_alaw(pcm: Pcm) -> bytes:
    """Raw G.711 A-law, one byte a sample: what Asterisk plays from a `.alaw` file."""
    return bytes(audioop.lin2alaw(pcm.astype("<i2").tobytes(), 2))


def from_alaw(sound: bytes) -> Pcm:
    """The samples of raw G.711 A-law."""
    return np.frombuffer(audioop.alaw2lin(sound, 2), dtype="<i2")


def segment(pcm: Pcm, rate: int) -> AudioSegment:
    """Mono samples as a pydub segment, for cutting and joining."""
    return AudioSegment(pcm.astype("<i2").tobytes(), sample_width=2, frame_rate=rate, channels=1)


def samples(sound: AudioSegment) -> Pcm:
    """The samples of a mono 16-bit pydub segment."""
    return np.frombuffer(sound.raw_data, dtype="<i2")


def resample(pcm: Pcm, rate: int, to_rate: int) -> Pcm:
    """Change the rate behind soxr's anti-alias filter (pydub's own conversion has none)."""
    converted: Pcm = soxr.resample(pcm, rate, to_rate, quality="VHQ")
    return converted


def active_level(pcm: Pcm, rate: int = TELEPHONE_HZ) -> float:
    """Level of the speech in dBFS: RMS over the 20 ms frames within 30 dB of the loudest, so pauses do not count.

    Minus infinity for silence.
    """
    frame = rate * _FRAME_MS // 1_000
    whole = pcm[: len(pcm) // frame * frame].astype(np.float64).reshape(-1, frame)
    power = (whole**2).mean(axis=1)
    if not power.size or not power.max():
        return -math.inf
    active = power[power >= power.max() / 10 ** (_PAUSE_BELOW_LOUDEST_DB / 10)]
    return 10 * math.log10(active.mean() / _FULL_SCALE**2)


def peak_level(pcm: Pcm) -> float:
    """Largest sample in dBFS; minus infinity for silence."""
    largest = int(np.abs(pcm.astype(np.int32)).max(initial=0))
    return 20 * math.log10(largest / _FULL_SCALE) if largest else -math.inf
