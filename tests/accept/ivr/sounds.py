"""What the menus of a test say: for each text a noise of its own, as if somebody had spoken it in the studio.

Noise is told from other noise with certainty, takes exactly as long as the test says, and needs no voice to be
installed. It goes the way of every sound of a site: a row of the studio, then a file on the host.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np

from calls.menu.speaking import sounds
from ivr.events import Speech
from media.manifest import sound_hash
from media.sound import TELEPHONE_HZ
from media.spoken import SUFFIX, recording_key, text_key
from media.store import PromptStore
from server.asterisk.layout import find
from server.demo.g711 import encode, tone
from tests.accept.line import Line, database_rows, eventually

_NOTHING: Mapping[str, float] = {}
_LOUDNESS = 4_000.0
_CATALOGUE = PromptStore()
_GREETING = tone(1_200.0, 0.2, level=2_000.0)


def sound_of(key: str, seconds: float) -> bytes:
    """The noise of this key: a text's or a recording's."""
    random = np.random.default_rng(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big"))
    return encode(random.normal(0.0, _LOUDNESS, int(seconds * TELEPHONE_HZ)).clip(-30_000, 30_000))


class Sounds:
    """The texts and recordings that were spoken for a test, with their seconds."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}

    async def speak(self, line: Line, texts: Mapping[str, float], recordings: Mapping[str, float] = _NOTHING) -> None:
        """Have these texts and recordings, and wait until every host can play them. What is there already stays."""
        for text, seconds in texts.items():
            if text_key(text) not in self._seconds:
                await _keep_text(line, text, sound_of(text_key(text), seconds))
            self._seconds[text_key(text)] = seconds
        for code, seconds in recordings.items():
            if recording_key(code) not in self._seconds:
                await _keep_recording(line, code, sound_of(recording_key(code), seconds))
            self._seconds[recording_key(code)] = seconds
        await database_rows(
            line,
            "insert into studio_state (id, version) values (1, 1) "
            "on conflict (id) do update set version = studio_state.version + 1",
        )
        folder = find(line.settings).sounds / "studio"

        async def there() -> bool:
            return all((folder / f"{key}{SUFFIX}").is_file() for key in self._seconds)

        await eventually(there, "the sounds are on the host", seconds=20)

    def sound(self, text: str) -> bytes:
        """What is heard when this text is said."""
        return sound_of(text_key(text), self._seconds[text_key(text)])

    def seconds_of(self, speech: Speech) -> float:
        """How long all of this takes to say: noises of the test, digits and numbers of the catalogue."""
        return sum(
            self._seconds[key] if key in self._seconds else _CATALOGUE.duration_ms(key) / 1_000
            for key in sounds(speech)
        )


async def short_greetings(line: Line) -> None:
    """Every line greets with a beep until the end of the item: a hundred calls need not hear a hundred greetings."""
    kept = {file: file.read_bytes() for file in find(line.settings).prompts.glob("greeting.*.alaw")}
    for file in kept:
        file.write_bytes(_GREETING)

    async def put_back() -> None:
        for file, sound in kept.items():
            file.write_bytes(sound)

    line.cleanup.append(put_back)


async def _keep_text(line: Line, text: str, sound: bytes) -> None:
    await database_rows(
        line,
        "insert into studio_texts (key, text, state, voice, ordered_by, ordered_at, attempts, sound, sha256, "
        "duration_ms, spoken_by, rendered_at) "
        "values ($1, $2, 'rendered', 'zf_001', 'test', now(), 0, $3, $4, $5, 'noise', now()) "
        "on conflict (key) do update set state = 'rendered', sound = excluded.sound, sha256 = excluded.sha256, "
        "duration_ms = excluded.duration_ms",
        text_key(text),
        text,
        sound,
        sound_hash(sound),
        len(sound) * 1_000 // TELEPHONE_HZ,
    )


async def _keep_recording(line: Line, code: str, sound: bytes) -> None:
    await database_rows(
        line,
        "insert into studio_recordings (code, name, text) values ($1, $1, '录音') on conflict do nothing",
        code,
    )
    await database_rows(
        line,
        "insert into studio_versions (code, version, sound, sha256, upload_sha256, kind, duration_ms, trimmed_ms, "
        "level_before, uploaded_by, uploaded_at) values ($1, 1, $2, $3, $3, 'wav', $4, 0, -20, 'test', now()) "
        "on conflict do nothing",
        code,
        sound,
        sound_hash(sound),
        len(sound) * 1_000 // TELEPHONE_HZ,
    )
    await database_rows(
        line,
        "update studio_recordings set published = 1, published_by = 'test', published_at = now() where code = $1",
        code,
    )
