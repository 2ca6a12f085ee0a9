"""What somebody uploaded, as samples: its kind by its content, then ffmpeg with nothing but that kind's reader.

ffmpeg gets no network, no protocol but the one file, no other decoder, a time limit, limits of processor time, memory
and output, and the lowest priority: a hostile file costs a few seconds of idle time.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from media.errors import EncoderUnavailable, UploadRefused
from media.sound import encoder_program

LARGEST_BYTES: Final = 24 << 20
LONGEST_SECONDS: Final = 180
"""Nobody listens to a menu for longer; it is also what bounds the memory of a conversion."""

_CHANNELS: Final = (1, 2)
_RATES: Final = range(8_000, 48_001)
_HEAD: Final = 64
_SECONDS: Final = 30
_MEMORY: Final = 2 << 30
_TOLERANCE_SECONDS: Final = 0.5
"""How much shorter than it says a whole file may be: encoders' delay and padding."""

_LARGEST_PAGE: Final = 65_307
_PAGE_HEAD: Final = 27

_STREAMED: Final = 0xFFFFFFFF
"""What a program that could not go back writes as the length of a WAV file."""


@dataclass(frozen=True, slots=True)
class _Kind:
    reader: str
    decoders: str


_COVERS: Final = "png,mjpeg"
"""A picture in the file is looked at, not decoded; without its decoder ffmpeg would call the file broken."""

_KINDS: Final = {
    "wav": _Kind("wav", "pcm_s16le,pcm_s24le,pcm_s32le,pcm_u8,pcm_f32le,pcm_alaw,pcm_mulaw"),
    "mp3": _Kind("mp3", f"mp3,mp3float,{_COVERS}"),
    "m4a": _Kind("mov", f"aac,alac,{_COVERS}"),
    "opus": _Kind("ogg", "opus,libopus"),
}
KINDS: Final = tuple(_KINDS)


@dataclass(frozen=True, slots=True)
class _Stated:
    """`seconds` 0: the file does not say."""

    channels: int
    rate: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Decoded:
    """Samples in rows of one for each channel, 16 bits; what was louder than full scale is at full scale."""

    kind: str
    rate: int
    channels: NDArray[np.int16]

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return len(self.channels) / self.rate


def kind_of(head: bytes) -> str:
    """`wav`, `mp3`, `m4a` or `opus`, by the first bytes. Raises UploadRefused."""
    if not head:
        raise UploadRefused("empty")
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "wav"
    if head[4:8] == b"ftyp":
        return "m4a"
    if head[:4] == b"OggS" and b"OpusHead" in head:
        return "opus"
    if head[:3] == b"ID3" or _is_mpeg_frame(head):
        return "mp3"
    raise UploadRefused("unknown_kind")


def decode(upload: Path) -> Decoded:
    """The sound of an uploaded file. Blocks for up to a minute. Raises UploadRefused, EncoderUnavailable, OSError."""
    size = upload.stat().st_size
    if size > LARGEST_BYTES:
        raise UploadRefused("too_big")
    with upload.open("rb") as file:
        head = file.read(_HEAD)
    name = kind_of(head)
    if (name == "wav" and _is_cut_off(head, size)) or (name == "opus" and not _has_last_page(upload, size)):
        raise UploadRefused("broken")
    kind = _KINDS[name]
    stated = _stated(upload, kind)
    if stated.channels not in _CHANNELS:
        raise UploadRefused("channels")
    if stated.rate not in _RATES:
        raise UploadRefused("rate")
    if stated.seconds > LONGEST_SECONDS:
        raise UploadRefused("too_long")
    with tempfile.TemporaryDirectory(prefix="hotline-upload-") as folder:
        decoded = _read(name, _decoded(upload, kind, Path(folder) / "decoded.wav"))
    if decoded.seconds > LONGEST_SECONDS:
        raise UploadRefused("too_long")
    if decoded.seconds < stated.seconds - _TOLERANCE_SECONDS:
        raise UploadRefused("broken")
    return decoded


def _is_mpeg_frame(head: bytes) -> bool:
    """A frame of MPEG audio, layer III: eleven bits set; of version, layer, bit rate and rate none is reserved."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer, bits, rate = (head[1] >> 3) & 3, (head[1] >> 1) & 3, head[2] >> 4, (head[2] >> 2) & 3
    return version != 1 and layer == 1 and bits not in (0, 15) and rate != 3


def _is_cut_off(head: bytes, size: int) -> bool:
    stated = int.from_bytes(head[4:8], "little")
    return stated != _STREAMED and stated + 8 > size + 1  # some programs count the padding of the last chunk


def _has_last_page(upload: Path, size: int) -> bool:
    """Whether an Ogg file ends with a whole page that says it is the last (RFC 3533, 6)."""
    with upload.open("rb") as file:
        file.seek(max(0, size - _LARGEST_PAGE))
        end = file.read()
    page = end[max(0, end.rfind(b"OggS")) :]
    if len(page) < _PAGE_HEAD or not page[5] & 4:
        return False
    lengths = page[_PAGE_HEAD : _PAGE_HEAD + page[26]]
    return len(page) >= _PAGE_HEAD + len(lengths) + sum(lengths)


def _stated(upload: Path, kind: _Kind) -> _Stated:
    """What the file says of its first sound. Raises UploadRefused for one without."""
    what = ("-select_streams", "a:0", "-show_entries", "stream=channels,sample_rate:format=duration", "-of", "json")
    told = _run(["ffprobe", "-v", "error", *_source(kind), *what, _place(upload)])
    try:
        answer: Any = json.loads(told)
        stream = answer["streams"][0]
        length = float(answer["format"].get("duration", 0.0))
        return _Stated(int(stream["channels"]), int(stream["sample_rate"]), length)
    except (ValueError, KeyError, IndexError, TypeError):
        raise UploadRefused("broken") from None


def _decoded(upload: Path, kind: _Kind, target: Path) -> Path:
    _run(
        [
            *(encoder_program(), "-nostdin", "-v", "error", "-xerror", "-threads", "1", *_source(kind)),
            *("-i", _place(upload), "-map", "0:a:0", "-map_metadata", "-1", "-t", str(LONGEST_SECONDS + 1)),
            *("-c:a", "pcm_s16le", "-bitexact", "-f", "wav", "-y", str(target)),
        ]
    )
    return target


def _place(upload: Path) -> str:
    """A name that is a file's whatever is in it: ffmpeg takes what stands before a colon for a protocol."""
    return f"file:{upload.resolve()}"


def _source(kind: _Kind) -> list[str]:
    return [
        *("-protocol_whitelist", "file", "-format_whitelist", kind.reader, "-codec_whitelist", kind.decoders),
        *("-f", kind.reader),
    ]


def _run(command: list[str]) -> bytes:
    """What the program says. Raises UploadRefused if it finds anything wrong with the file, EncoderUnavailable."""
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/"
        )
    except OSError as error:
        raise EncoderUnavailable(f"ffmpeg: {error.strerror}", remedy="apt-get install ffmpeg") from None
    try:
        _bound(process.pid)
        told, complaints = process.communicate(timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        raise UploadRefused("broken") from None
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    if process.returncode != 0 or complaints:
        raise UploadRefused("broken")
    return told


def _bound(process: int) -> None:
    try:
        os.setpriority(os.PRIO_PROCESS, process, 19)
        resource.prlimit(process, resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
        resource.prlimit(process, resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        largest = (LONGEST_SECONDS + 2) * _RATES[-1] * _CHANNELS[-1] * 2
        resource.prlimit(process, resource.RLIMIT_FSIZE, (largest, largest))
    except ProcessLookupError:  # it has ended already
        return


def _read(kind: str, decoded: Path) -> Decoded:
    try:
        with wave.open(str(decoded), "rb") as file:
            count, rate = file.getnchannels(), file.getframerate()
            content = file.readframes(file.getnframes())
    except (wave.Error, EOFError):
        raise UploadRefused("broken") from None
    return Decoded(kind, rate, np.frombuffer(content, "<i2").reshape(-1, count))
