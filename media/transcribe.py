"""The port to an engine that writes speech down (语音转写), and the choice of one that is on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from media.sense_voice import SenseVoice
from media.sound import Pcm


class Transcriber(Protocol):
    """Writes a citizen's words down. What it gives is a help for reading: the sound remains what was said."""

    @property
    def engine(self) -> str:
        """Which program and model listen, such as `sherpa-onnx/sense-voice-2024-07-17`; kept beside the words."""

    def transcribe(self, sound: Pcm, rate: int) -> str:
        """The words of mono samples, `rate` of them a second; blocks for about a tenth of what it lasts.

        Raises NotTranscribed if there are none.
        """


def local_transcriber(folder: str) -> Transcriber | None:
    """The engine for the model in this folder (`messages.transcription_model`); None: no folder is named, the
    `transcription` extra is not installed, or the folder holds no model. Then nothing is transcribed."""
    if not folder:
        return None
    return SenseVoice.of(Path(folder))
