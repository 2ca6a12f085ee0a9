"""Music on hold (等待音乐) of our own making: soft chords, computed, so that nobody's rights are touched."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from media.manifest import replace_file
from media.sound import TELEPHONE_HZ, Pcm, to_alaw

MUSIC_FILE: Final = Path(__file__).with_name("music") / "hl.alaw"
MUSIC_CLASS: Final = "hl"
"""Asterisk's music class, and the file's name in its folder."""

CHORD_SECONDS: Final = 6.0
LEVEL_DBFS: Final = -27.0
"""Well under the prompts, so that an announcement stands out and an hour of it does not tire."""

# I - vi - IV - V, twice, with another melody note above each chord; MIDI note numbers.
_CHORDS: Final = (
    ((48, 60, 64, 67), 76),
    ((45, 57, 60, 64), 72),
    ((41, 57, 60, 65), 69),
    ((43, 55, 59, 62), 74),
    ((48, 60, 64, 67), 79),
    ((45, 57, 60, 64), 76),
    ((41, 57, 60, 65), 72),
    ((43, 55, 59, 62), 71),
)
_OVERTONES: Final = ((1, 1.0), (2, 0.28), (3, 0.08))


def compose() -> Pcm:
    """48 s of telephone sound that may be played round and round: its end flows into its beginning."""
    length = round(CHORD_SECONDS * len(_CHORDS) * TELEPHONE_HZ)
    music = np.zeros(length)
    for place, (chord, melody) in enumerate(_CHORDS):
        start = round(place * CHORD_SECONDS * TELEPHONE_HZ)
        for note in chord:
            _add(music, start, _tone(note, CHORD_SECONDS * 2, attack=2.5) * 0.5)
        _add(music, start + TELEPHONE_HZ, _tone(melody, CHORD_SECONDS, attack=0.6) * 0.3)
    music *= 10 ** (LEVEL_DBFS / 20) / math.sqrt((music**2).mean())
    pcm: Pcm = (music * 32_768).round().astype(np.int16)
    return pcm


def write_music(path: Path = MUSIC_FILE) -> None:
    """Compose and write the loop as raw A-law."""
    replace_file(path, to_alaw(compose()))


def install_music(folder: Path) -> None:
    """Put the loop into the folder of Asterisk's music class."""
    content = MUSIC_FILE.read_bytes()
    target = folder / MUSIC_FILE.name
    if not target.is_file() or target.read_bytes() != content:
        replace_file(target, content)


def _tone(note: int, seconds: float, *, attack: float) -> NDArray[np.float64]:
    time = np.arange(round(seconds * TELEPHONE_HZ)) / TELEPHONE_HZ
    pitch = 440 * 2 ** ((note - 69) / 12)
    wave = sum((weight * np.sin(2 * np.pi * pitch * n * time) for n, weight in _OVERTONES), np.zeros_like(time))
    swell = np.sin(np.pi / 2 * np.minimum(1.0, time / attack)) ** 2
    fade = np.cos(np.pi / 2 * time / seconds) ** 2
    shaped: NDArray[np.float64] = wave * swell * fade
    return shaped


def _add(music: NDArray[np.float64], start: int, tone: NDArray[np.float64]) -> None:
    """Mix a tone in; what runs past the end comes in at the beginning, which makes the loop seamless."""
    places = (start + np.arange(len(tone))) % len(music)
    music[places] += tone
