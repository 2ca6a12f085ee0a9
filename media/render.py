"""From sentences to files that Asterisk plays: speak, trim, level, convert to A-law, write down in the manifest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Final

import numpy as np

from media.catalogue import Catalogue, Prompt
from media.errors import NothingAudible
from media.manifest import Manifest, Rendered, replace_file, sound_hash, text_hash
from media.sound import (
    TELEPHONE_HZ,
    AudioSegment,
    Pcm,
    active_level,
    detect_leading_silence,
    from_alaw,
    peak_level,
    resample,
    samples,
    segment,
    to_alaw,
)
from media.store import LANGUAGE, sound_file
from media.synth import SpeechSynthesizer

RECIPE: Final = 2
"""Number of the way sound is made; raised with every change here or in how a text is pronounced, so that all prompts
are rendered again."""

ACTIVE_LEVEL_DBFS: Final = -20.0
"""Level of the speech, the same for every prompt, so that one follows another without a jump."""

CEILING_DBFS: Final = -3.0
"""No sample is louder: room for the codec and for what is mixed in a conference."""

_SILENCE_BELOW_LEVEL_DB: Final = 32
_LEAD_MS: Final = 20
_TAIL_MS: Final = 60
_FADE_MS: Final = 8
_LEVEL_PASSES: Final = 6
_LIMITER_MS: Final = 4


@dataclass(frozen=True)
class RenderReport:
    """What a run of `render_prompts` did, as keys in catalogue order."""

    made: tuple[str, ...]
    kept: tuple[str, ...]
    removed: tuple[str, ...]


def stale(catalogue: Catalogue, root: Path, voice: str) -> list[Prompt]:
    """Prompts to be spoken: never rendered, or with another text, voice or recipe, or whose file is gone or damaged."""
    rendered = Manifest.read(root).prompts
    return [prompt for prompt in catalogue if not _is_current(prompt, rendered.get(prompt.key), root, voice)]


def render_prompts(
    catalogue: Catalogue,
    root: Path,
    voice: str,
    synthesizer: Callable[[], SpeechSynthesizer],
    *,
    everything: bool = False,
    on_progress: Callable[[int, int, str], None] = lambda _done, _total, _key: None,
) -> RenderReport:
    """Make what `stale` names (or `everything`) under `root`, and drop files of sentences that are no more.

    The synthesizer, which must have that voice, is built only if there is something to say. The manifest is written
    after each file: an interrupted run goes on where it was. `on_progress` is called with done, total, key before
    each. Raises NothingAudible, and what the synthesizer raises.
    """
    todo = list(catalogue) if everything else stale(catalogue, root, voice)
    manifest = Manifest.read(root)
    removed = tuple(key for key in manifest.prompts if key not in catalogue)
    for key in removed:
        sound_file(root, key).unlink(missing_ok=True)
        del manifest.prompts[key]
    if removed:
        manifest.write(root)
    speaker = synthesizer() if todo else None
    for done, prompt in enumerate(todo):
        assert speaker is not None  # noqa: S101  (narrows the type: todo is not empty)
        on_progress(done, len(todo), prompt.key)
        sound = to_alaw(telephone_sound(speaker.speak(prompt.text), speaker.rate))
        replace_file(sound_file(root, prompt.key), sound)
        manifest.prompts[prompt.key] = Rendered(
            text=text_hash(prompt.text),
            voice=speaker.voice,
            recipe=RECIPE,
            duration_ms=len(sound) * 1_000 // TELEPHONE_HZ,
            sha256=sound_hash(sound),
        )
        manifest.write(root)
    made = tuple(prompt.key for prompt in todo)
    return RenderReport(made, tuple(p.key for p in catalogue if p.key not in set(made)), removed)


def telephone_sound(spoken: Pcm, rate: int) -> Pcm:
    """A synthesizer's samples as 8 kHz telephone sound: trimmed, at `ACTIVE_LEVEL_DBFS`, under `CEILING_DBFS`.

    Raises NothingAudible for silence.
    """
    if peak_level(spoken) < -60:
        raise NothingAudible("the synthesizer made no sound")
    narrow = samples(trim(segment(resample(spoken, rate, TELEPHONE_HZ), TELEPHONE_HZ)))
    return levelled(narrow)


def trim(sound: AudioSegment) -> AudioSegment:
    """Cut the silence around speech, but for a breath of it, and fade the edges so that joins do not click."""
    threshold = active_level(samples(sound), sound.frame_rate) - _SILENCE_BELOW_LEVEL_DB
    lead = max(0, detect_leading_silence(sound, threshold, chunk_size=5) - _LEAD_MS)
    tail = max(0, detect_leading_silence(sound.reverse(), threshold, chunk_size=5) - _TAIL_MS)
    return sound[lead : len(sound) - tail].fade_in(_FADE_MS).fade_out(_FADE_MS)


def levelled(pcm: Pcm) -> Pcm:
    """Telephone sound at `ACTIVE_LEVEL_DBFS`; peaks above `CEILING_DBFS` are turned down, not cut off."""
    level = pcm
    for _ in range(_LEVEL_PASSES):  # turning peaks down takes a little off the level, so it is set again
        gain = 10 ** ((ACTIVE_LEVEL_DBFS - active_level(level)) / 20)
        level = _limited(level.astype(np.float64) * gain)
    return level


def join(prompts: list[bytes], *, pause_ms: int = 0) -> bytes:
    """A-law prompts one after another with a pause between them, as one A-law sound."""
    pause = AudioSegment.silent(pause_ms, frame_rate=TELEPHONE_HZ)
    parts = [segment(from_alaw(prompt), TELEPHONE_HZ) for prompt in prompts]
    return to_alaw(samples(reduce(lambda before, after: before + pause + after, parts)))


def _limited(wide: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Pcm:
    """A gain curve that is already down when a peak arrives, smoothed so that it cannot be heard."""
    ceiling = 32_768 * 10 ** (CEILING_DBFS / 20)
    needed = np.minimum(1.0, ceiling / np.maximum(np.abs(wide), 1.0))
    reach = TELEPHONE_HZ * _LIMITER_MS // 1_000
    window = np.lib.stride_tricks.sliding_window_view(np.pad(needed, 2 * reach, mode="edge"), 2 * reach + 1)
    held = window.min(axis=1)
    smooth = np.convolve(held, np.ones(2 * reach + 1) / (2 * reach + 1), mode="valid")
    limited: Pcm = (wide * smooth).round().astype(np.int16)
    return limited


def _is_current(prompt: Prompt, rendered: Rendered | None, root: Path, voice: str) -> bool:
    if rendered is None or (rendered.text, rendered.voice, rendered.recipe) != (text_hash(prompt.text), voice, RECIPE):
        return False
    path = sound_file(root, prompt.key)
    return path.is_file() and sound_hash(path.read_bytes()) == rendered.sha256


__all__ = ["LANGUAGE", "RECIPE", "RenderReport", "join", "levelled", "render_prompts", "stale", "telephone_sound"]
