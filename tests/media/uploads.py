"""Uploads for tests: real speech, kept with the project, in the formats people upload, and what is wrong with some."""

from __future__ import annotations

import subprocess
import wave
from pathlib import Path
from typing import Final

import numpy as np

from media.sound import Pcm, from_alaw, resample
from media.store import PROMPTS_ROOT, sound_file

RATE: Final = 44_100
FORMATS: Final = {
    "wav": ("-c:a", "pcm_s16le"),
    "mp3": ("-c:a", "libmp3lame", "-b:a", "96k"),
    "m4a": ("-c:a", "aac", "-b:a", "64k"),
    "opus": ("-c:a", "libopus", "-b:a", "32k"),
}


def speech(key: str = "wait.comfort", *, peak: float = 0.5, around_ms: int = 500) -> Pcm:
    """A sentence of a few seconds at `RATE`, its largest sample at `peak` of full scale, with silence around it."""
    spoken = resample(from_alaw(sound_file(PROMPTS_ROOT, key).read_bytes()), 8_000, RATE).astype(np.float64)
    silence = np.zeros(RATE * around_ms // 1_000)
    loud = np.concatenate([silence, spoken / np.abs(spoken).max() * peak, silence])
    pcm: Pcm = (np.clip(loud, -1, 1) * 32_767).round().astype(np.int16)
    return pcm


def wav(path: Path, pcm: Pcm, *, rate: int = RATE, channels: int = 1) -> Path:
    """Write samples as a WAV file; of several channels interleaved."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm.astype("<i2").tobytes())
    return path


def encoded(path: Path, pcm: Pcm, *extra: str) -> Path:
    """The same in the format that the suffix of `path` names."""
    source = wav(path.with_name(f"{path.stem}-source.wav"), pcm)
    command = [
        "ffmpeg",
        "-nostdin",
        "-v",
        "error",
        "-i",
        str(source),
        *FORMATS[path.suffix[1:]],
        *extra,
        "-y",
        str(path),
    ]
    subprocess.run(command, check=True, timeout=60)
    return path
