"""From what Asterisk wrote to what is kept: raw two-channel sound is cut, drawn, made playable and sealed.

A raw recording is what MixMonitor writes with option D: signed 16-bit samples, 8,000 Hz, left the party whose channel
it was (the citizen), right everybody else. It is read once, piece by piece, however long it is. ffmpeg, as pydub finds
it, makes MP3 or Opus of it, into memory: nothing unsealed is written to a disk. Each channel is encoded for itself,
since joint stereo would let one party be heard in the other's channel.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from hotline.keys import KeyRing
from media.cipher import SealingWriter
from media.errors import EncoderUnavailable
from media.sound import TELEPHONE_HZ, encoder_program
from media.waveform import Waveform

CHANNELS: Final = 2
BYTES_A_MS: Final = TELEPHONE_HZ * CHANNELS * 2 // 1000
"""Of a raw recording."""

MEDIA_TYPES: Final = {"mp3": "audio/mpeg", "opus": "audio/ogg"}

_ENCODING: Final = {
    # Constant bit rate: a place in time is a place in the file.
    "mp3": ("-c:a", "libmp3lame", "-b:a", "64k", "-joint_stereo", "0", "-f", "mp3"),
    "opus": ("-c:a", "libopus", "-b:a", "64k", "-application", "voip", "-f", "ogg"),
}
_PIECE: Final = 1024 * 1024
_WHOLE: Final = CHANNELS * 2
_ENCODE_SECONDS: Final = 600.0
"""A talk of ten hours takes less."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """What was sealed: content of `length_ms` in a file of `size` bytes with this hash; `peaks` by channel."""

    length_ms: int
    size: int
    sha256: str
    key_id: str
    peaks: tuple[bytes, ...]


def raw_length_ms(path: Path) -> int:
    """How long a raw recording is. Raises OSError."""
    return path.stat().st_size // BYTES_A_MS


def seal(
    raw: Path,
    target: Path,
    keys: KeyRing,
    *,
    subject: str,
    sound: str,
    from_ms: int = 0,
    to_ms: int | None = None,
    silences: Sequence[tuple[int, int]] = (),
) -> Sealed:
    """Make the part of `raw` between two times of it a sealed file `target` (`sound`: mp3 or opus).

    `silences` are put in first: at a time of `raw`, for so many milliseconds each, in order.
    `target` is there whole or not at all; one that was there is replaced. Raises EncoderUnavailable, OSError.
    """
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    waveform = Waveform(TELEPHONE_HZ, CHANNELS)
    with os.fdopen(os.memfd_create("recording"), "rb") as encoded:
        length = _encode(_pieces(raw, from_ms, to_ms, silences), encoded, waveform, sound)
        try:
            with SealingWriter(draft, keys, subject) as writer:
                while piece := encoded.read(_PIECE):
                    writer.write(piece)
                sha256 = writer.finish()
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
    _keep_name(target.parent)
    return Sealed(length // BYTES_A_MS, target.stat().st_size, sha256, writer.key_id, tuple(waveform.peaks()))


def _encode(pieces: Iterator[bytes], encoded: BinaryIO, waveform: Waveform, sound: str) -> int:
    """Bytes of sound that were encoded."""
    place = f"/proc/self/fd/{encoded.fileno()}"
    # ffmpeg seeks back to write how many samples its encoder added: a player leaves them out, and times are right.
    command = [
        *(encoder_program(), "-nostdin", "-hide_banner", "-loglevel", "error", "-threads", "1"),
        *("-f", "s16le", "-ar", str(TELEPHONE_HZ), "-ac", str(CHANNELS), "-i", "pipe:0"),
        *("-map_metadata", "-1", *_ENCODING[sound], "-y", place),
    ]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[encoded.fileno()],
        )
    except OSError as error:
        raise EncoderUnavailable(f"ffmpeg: {error.strerror}", remedy="apt-get install ffmpeg") from None
    length = 0
    try:
        assert process.stdin is not None  # noqa: S101 - asked for above
        with process.stdin as pipe:
            for piece in pieces:
                waveform.add(np.frombuffer(piece, "<i2").reshape(-1, CHANNELS))
                pipe.write(piece)
                length += len(piece)
        process.wait(_ENCODE_SECONDS)
    except BrokenPipeError:
        process.wait(_ENCODE_SECONDS)
    except subprocess.TimeoutExpired:
        raise EncoderUnavailable("ffmpeg does not end") from None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if process.returncode != 0:
        raise EncoderUnavailable(f"ffmpeg ended with {process.returncode}")
    return length


def silent_ms(raw: Path, from_ms: int) -> int:
    """How long both sides are silent in a raw recording from a time of it on, to the sample: as in a pause, for even a
    quiet line has some noise. Raises OSError."""
    silent = 0
    with raw.open("rb") as file:
        file.seek(from_ms * BYTES_A_MS)
        while piece := file.read(_PIECE):
            loud = np.flatnonzero(np.frombuffer(piece[: len(piece) // 2 * 2], "<i2"))
            if len(loud):
                return (silent + int(loud[0]) * 2) // BYTES_A_MS
            silent += len(piece)
    return silent // BYTES_A_MS


def _pieces(raw: Path, from_ms: int, to_ms: int | None, silences: Sequence[tuple[int, int]]) -> Iterator[bytes]:
    """The sound between two times of the recording as it is with these silences put in."""
    over_ms = raw_length_ms(raw)
    shift_ms = at_ms = 0
    with raw.open("rb") as file:
        for place_ms, lasts_ms in (*silences, (over_ms, 0)):
            first, last = _within(at_ms + shift_ms, place_ms + shift_ms, from_ms, to_ms)
            file.seek((first - shift_ms) * BYTES_A_MS)
            left = (last - first) * BYTES_A_MS
            while left > 0 and (piece := file.read(min(_PIECE, left))):
                # A sample that Asterisk had not written whole when it died.
                yield piece[: len(piece) // _WHOLE * _WHOLE]
                left -= len(piece)
            first, last = _within(place_ms + shift_ms, place_ms + shift_ms + lasts_ms, from_ms, to_ms)
            for _ in range(first, last):
                yield bytes(BYTES_A_MS)
            at_ms, shift_ms = place_ms, shift_ms + lasts_ms


def _within(begin: int, end: int, least: int, most: int | None) -> tuple[int, int]:
    first = max(begin, least)
    return first, max(first, end if most is None else min(end, most))


def _keep_name(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
