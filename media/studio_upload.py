"""An uploaded recording as Asterisk plays it: checked, one channel, trimmed, at the level of all prompts, A-law."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from media.errors import UploadRefused
from media.render import levelled, trim
from media.sound import TELEPHONE_HZ, Pcm, active_level, peak_level, resample, samples, segment, to_alaw
from media.studio_decode import Decoded, decode

_SILENT_DBFS: Final = -50.0
"""A peak below it is a line's noise."""
_QUIET_DBFS: Final = -45.0
"""Speech below it would be raised by more than 25 dB, and the noise of its room with it."""
_SHORTEST_MS: Final = 300
_CANCELLED_DB: Final = 8.0
"""How much quieter a mix is than its louder channel when the two are the same sound upside down."""

# Figures of clipping, measured with Mandarin speech amplified beyond full scale and turned down again. Cut samples
# stand in runs of exactly the largest value as long as nothing lossy or a change of rate came after: clean speech has
# none, 3 dB too loud 0.2 %, 6 dB 2.5 %. After MP3, AAC, Opus or resampling the runs are gone, but many samples stay
# close to the top: within 1.4 dB of the level that 99.5 % stay under lie 1.6 to 2 % of clean sentences (6 % of a single
# syllable at most), 4 to 6 % of those 6 dB too loud, 13 to 22 % of 12 dB.
_RUN: Final = 3
_CUT_SHARE: Final = 0.0005
_TOP_QUANTILE: Final = 0.995
_TOP_FROM: Final = 0.85
_TOP_SHARE: Final = 0.08
_COARSE_BELOW: Final = 8_192
"""Peaks so low are not looked at: few steps of a coarse code look like runs."""


@dataclass(frozen=True, slots=True)
class Converted:
    """An upload as it will be played, and what was done to it. Levels in dBFS."""

    sound: bytes
    kind: str
    sha256: str
    """Of the file as it was uploaded."""
    duration_ms: int
    trimmed_ms: int
    level_before: float


def convert(upload: Path) -> Converted:
    """Blocks for seconds, so call it in a thread. Raises UploadRefused, EncoderUnavailable, OSError."""
    decoded = decode(upload)
    mono = _one_channel(decoded)
    level = active_level(mono, decoded.rate)
    if len(mono) * 1_000 < _SHORTEST_MS * decoded.rate:
        raise UploadRefused("too_short")
    if peak_level(mono) < _SILENT_DBFS:
        raise UploadRefused("silent")
    if is_clipped(decoded):
        raise UploadRefused("clipped")
    if level < _QUIET_DBFS:
        raise UploadRefused("quiet")
    narrow = segment(resample(mono, decoded.rate, TELEPHONE_HZ), TELEPHONE_HZ)
    kept = trim(narrow)
    if len(kept) < _SHORTEST_MS:
        raise UploadRefused("too_short")
    sound = to_alaw(levelled(samples(kept)))
    return Converted(
        sound=sound,
        kind=decoded.kind,
        sha256=hashlib.sha256(upload.read_bytes()).hexdigest(),
        duration_ms=len(sound) * 1_000 // TELEPHONE_HZ,
        trimmed_ms=len(narrow) - len(kept),
        level_before=round(level, 1),
    )


def is_clipped(decoded: Decoded) -> bool:
    """Whether a channel was cut off at the top for so long that it is heard."""
    return any(cut_share(one) > _CUT_SHARE or top_share(one) > _TOP_SHARE for one in decoded.channels.T)


def cut_share(pcm: Pcm) -> float:
    """Share of the samples that stand in runs of exactly the largest, or exactly the smallest value."""
    if not pcm.size:
        return 0.0
    wide = pcm.astype(np.int32)
    cut = 0
    for extreme in (wide.max(), wide.min()):
        if abs(extreme) < _COARSE_BELOW:
            continue
        edges = np.flatnonzero(np.diff(np.concatenate(([0], wide == extreme, [0]))))
        lengths = edges[1::2] - edges[::2]
        cut += int(lengths[lengths >= _RUN].sum())
    return cut / wide.size


def top_share(pcm: Pcm) -> float:
    """Share of the samples close to the level that nearly all stay under, or above it."""
    if not pcm.size:
        return 0.0
    size = np.abs(pcm.astype(np.int32))
    level = float(np.quantile(size, _TOP_QUANTILE))
    return 0.0 if level < 1 else float((size > _TOP_FROM * level).mean())


def _one_channel(decoded: Decoded) -> Pcm:
    """The mix, or the louder channel where the two cancel each other out."""
    mix: Pcm = decoded.channels.mean(axis=1).round().astype(np.int16)
    best = max(decoded.channels.T, key=lambda one: active_level(one, decoded.rate))
    cancelled = active_level(mix, decoded.rate) < active_level(best, decoded.rate) - _CANCELLED_DB
    return best.copy() if cancelled else mix
