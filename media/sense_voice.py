"""Mandarin, Cantonese and English speech to text by SenseVoice through sherpa-onnx, on the CPU, offline.

The `transcription` extra brings the engine; the model is the operator's: a folder with `model.onnx` or
`model.int8.onnx`, and `tokens.txt`.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any, Final

import numpy as np
import structlog

from media.errors import NotTranscribed
from media.sound import Pcm

_log = structlog.get_logger(__name__)

_PACKAGE: Final = "sherpa_onnx"
_MODELS: Final = ("model.int8.onnx", "model.onnx")
_TOKENS: Final = "tokens.txt"
_THREADS: Final = 1
"""Calls come first."""


class SenseVoice:
    """A `Transcriber`. The model is loaded with the first message."""

    def __init__(self, model: Path, tokens: Path) -> None:
        self.engine = f"sherpa-onnx/{model.parent.name}"[:64]
        self._model = model
        self._tokens = tokens
        self._recognizer: Any = None

    @classmethod
    def of(cls, folder: Path) -> SenseVoice | None:
        """The engine for this folder, or None with the reason in the log."""
        if importlib.util.find_spec(_PACKAGE) is None:
            _log.warning("transcription.extra_missing")
            return None
        model = next((folder / name for name in _MODELS if (folder / name).is_file()), None)
        if model is None or not (folder / _TOKENS).is_file():
            _log.warning("transcription.model_missing")
            return None
        return cls(model, folder / _TOKENS)

    def transcribe(self, sound: Pcm, rate: int) -> str:
        """See `Transcriber.transcribe`."""
        recognizer = self._loaded()
        stream = recognizer.create_stream()
        stream.accept_waveform(rate, sound.astype(np.float32) / 32_768)
        recognizer.decode_stream(stream)
        words = str(stream.result.text).strip()
        if not words:
            raise NotTranscribed("no words were heard")
        return words

    def _loaded(self) -> Any:
        if self._recognizer is None:
            engine: Any = importlib.import_module(_PACKAGE)
            self._recognizer = engine.OfflineRecognizer.from_sense_voice(
                model=str(self._model), tokens=str(self._tokens), num_threads=_THREADS, use_itn=True
            )
        return self._recognizer
