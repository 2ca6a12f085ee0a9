"""A prompt as a file that a person can listen to: WAV or MP3."""

from __future__ import annotations

import io
import subprocess
import wave
from typing import Final

from media.errors import EncoderUnavailable
from media.sound import TELEPHONE_HZ, encoder_program, from_alaw

MEDIA_TYPES: Final = {"wav": "audio/wav", "mp3": "audio/mpeg"}

_ENCODE_SECONDS: Final = 30


def as_wav(sound: bytes) -> bytes:
    """A-law as a WAV file of 16-bit samples."""
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(TELEPHONE_HZ)
        file.writeframes(from_alaw(sound).tobytes())
    return written.getvalue()


def as_mp3(sound: bytes) -> bytes:
    """A-law as an MP3 file. Blocks for a moment. Raises EncoderUnavailable."""
    command = [
        *(encoder_program(), "-nostdin", "-v", "error", "-threads", "1"),
        *("-f", "alaw", "-ar", str(TELEPHONE_HZ), "-ac", "1", "-i", "pipe:0"),
        *("-c:a", "libmp3lame", "-b:a", "32k", "-f", "mp3", "pipe:1"),
    ]
    try:
        done = subprocess.run(command, input=sound, capture_output=True, timeout=_ENCODE_SECONDS, check=True)
    except OSError as error:
        raise EncoderUnavailable(f"ffmpeg: {error.strerror}", remedy="apt-get install ffmpeg") from None
    except subprocess.SubprocessError as error:
        raise EncoderUnavailable(f"ffmpeg: {type(error).__name__}") from None
    return done.stdout


def exported(sound: bytes, kind: str) -> bytes:
    """A-law as a file of a kind of `MEDIA_TYPES`."""
    return as_mp3(sound) if kind == "mp3" else as_wav(sound)
