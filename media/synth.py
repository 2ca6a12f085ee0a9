"""The port to a speech synthesizer (语音合成)."""

from __future__ import annotations

from typing import Protocol

from media.sound import Pcm


class SpeechSynthesizer(Protocol):
    """Turns a Chinese sentence into sound. The same text and voice give the same samples."""

    @property
    def voice(self) -> str:
        """Which model and voice speak, such as `kokoro-82m-v1.0/zf_xiaoxiao`; kept in the manifest."""

    @property
    def rate(self) -> int:
        """Samples a second of what `speak` returns."""

    def speak(self, text: str) -> Pcm:
        """Mono samples of `text`, with whatever silence the model puts around it.

        Raises UnspeakableText if a character of it has no sound in this voice.
        """
