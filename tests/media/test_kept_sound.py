"""The sound kept with the project, measured: whole, audible, at one level, not clipped."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from media.catalogue import default_catalogue
from media.kokoro import voice_id
from media.manifest import Manifest, text_hash
from media.music import LEVEL_DBFS, MUSIC_FILE, compose, install_music
from media.render import RECIPE, stale
from media.sound import TELEPHONE_HZ, Pcm, from_alaw
from media.store import PROMPTS_ROOT, PromptStore

KEYS = [prompt.key for prompt in default_catalogue()]


@pytest.fixture(scope="module")
def store() -> PromptStore:
    return PromptStore()


def frame_levels(pcm: Pcm) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """dBFS of each 10 ms; written anew here, not to measure the renderer with its own ruler."""
    frames = pcm[: len(pcm) // 80 * 80].astype(np.float64).reshape(-1, 80) / 32_768
    return np.asarray(10 * np.log10((frames**2).mean(axis=1) + 1e-12))


def flat_top(pcm: Pcm) -> int:
    """Longest run of samples, in a row, at the largest value of the prompt."""
    size = np.abs(pcm.astype(np.int32))
    edges = np.diff(np.concatenate([[False], size == size.max(), [False]]).astype(np.int8))
    return int((np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)).max())


def test_every_sentence_is_there_in_its_present_text_and_undamaged(store: PromptStore) -> None:
    assert store.missing() == ()
    assert store.damaged() == ()
    assert stale(default_catalogue(), PROMPTS_ROOT, voice_id()) == []


def test_manifest_and_files_name_the_same_prompts() -> None:
    manifest = Manifest.read(PROMPTS_ROOT).prompts
    assert sorted(manifest) == sorted(KEYS)
    assert sorted(path.name for path in (PROMPTS_ROOT / "zh").iterdir()) == sorted(f"{key}.alaw" for key in KEYS)
    for prompt in default_catalogue():
        kept = manifest[prompt.key]
        assert (kept.text, kept.voice, kept.recipe) == (text_hash(prompt.text), voice_id(), RECIPE)


def test_all_prompts_together_are_small() -> None:
    assert sum(path.stat().st_size for path in PROMPTS_ROOT.rglob("*")) < 5_000_000


@pytest.mark.parametrize("key", KEYS)
def test_a_prompt_lasts_as_long_as_its_text_takes_to_say(store: PromptStore, key: str) -> None:
    spoken = [character for character in default_catalogue()[key].text if character.isalnum()]
    duration = store.duration_ms(key)
    assert duration == len(store.sound(key)) * 1_000 // TELEPHONE_HZ
    # Three to seven syllables a second; a lone one takes longer than its share.
    assert 130 * len(spoken) <= duration <= 330 * len(spoken) + 400


@pytest.mark.parametrize("line", ["110", "119", "120", "122"])
def test_an_emergency_is_announced_within_three_seconds(store: PromptStore, line: str) -> None:
    assert store.duration_ms(f"greeting.{line}") < 3_000


@pytest.mark.parametrize("key", KEYS)
def test_a_prompt_is_loud_enough_and_not_clipped(store: PromptStore, key: str) -> None:
    pcm = from_alaw(store.sound(key))
    levels = frame_levels(pcm)
    speech = 10 * np.log10(np.mean(10 ** (levels[levels > levels.max() - 30] / 10)))
    assert -21.5 <= speech <= -18.5
    peak = np.abs(pcm.astype(np.int32)).max()
    assert peak < 32_768 * 10 ** (-2.5 / 20)
    assert flat_top(pcm) <= 5, "a run of samples at the peak is a clipped wave"
    assert flat_top(np.clip(pcm, -peak // 3, peak // 3)) > 5, "the check sees a wave that is clipped"


@pytest.mark.parametrize("key", KEYS)
def test_a_prompt_begins_and_ends_close_to_its_speech(store: PromptStore, key: str) -> None:
    loud = np.flatnonzero(frame_levels(from_alaw(store.sound(key))) > -45)
    assert loud[0] <= 10, "at most 0.1 s before the first sound"
    assert len(store.sound(key)) // 80 - loud[-1] <= 20, "at most 0.2 s after the last"


def test_no_two_sentences_share_a_sound(store: PromptStore) -> None:
    assert len({store.sound(key) for key in KEYS}) == len(KEYS)


def test_the_music_is_what_the_code_composes() -> None:
    kept, composed = from_alaw(MUSIC_FILE.read_bytes()), compose()
    assert len(kept) == len(composed) == 48 * TELEPHONE_HZ
    # A-law rounds, and another numpy may round another way: compare by correlation.
    assert np.corrcoef(kept, composed)[0, 1] > 0.999


def test_the_music_is_soft_even_and_loops_without_a_click(tmp_path: Path) -> None:
    music = from_alaw(MUSIC_FILE.read_bytes()).astype(np.float64)
    seconds = 10 * np.log10((music.reshape(-1, TELEPHONE_HZ) ** 2).mean(axis=1) / 32_768**2)
    assert np.all(np.abs(seconds - LEVEL_DBFS) < 6)
    assert np.abs(music).max() < 32_768 * 10 ** (-12 / 20)
    steps = np.abs(np.diff(music))
    assert abs(music[0] - music[-1]) <= np.quantile(steps, 0.999)
    install_music(tmp_path)
    assert (tmp_path / "hl.alaw").read_bytes() == MUSIC_FILE.read_bytes()
