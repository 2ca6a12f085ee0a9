"""A synthesizer for tests: it hums a tone that depends on the text, with silence around it."""

from __future__ import annotations

import hashlib

import numpy as np

from media.sound import Pcm

HUM = "hum-1/test"


class HummingSynthesizer:
    """Plays the port `SpeechSynthesizer`; remembers what it was asked to say."""

    voice = HUM
    rate = 24_000

    def __init__(self, *, loudness: float = 0.3, silence_ms: int = 400) -> None:
        self.said: list[str] = []
        self._loudness = loudness
        self._silence = np.zeros(self.rate * silence_ms // 1_000)

    def speak(self, text: str) -> Pcm:
        self.said.append(text)
        pitch = 200 + hashlib.sha256(text.encode()).digest()[0] * 4
        time = np.arange(round(self.rate * 0.2 * len(text))) / self.rate
        hum = np.sin(2 * np.pi * pitch * time) * self._loudness
        pcm: Pcm = (np.concatenate([self._silence, hum, self._silence]) * 32_767).astype(np.int16)
        return pcm
