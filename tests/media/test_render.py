"""Rendering makes what is missing or changed, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from media.catalogue import Catalogue, Prompt
from media.errors import PromptDamaged, SpeechUnavailable
from media.manifest import MANIFEST_NAME, Manifest
from media.render import RenderReport, render_prompts, stale
from media.store import sound_file
from media.synth import SpeechSynthesizer
from tests.media.synthesizers import HUM, HummingSynthesizer


def catalogue(**texts: str) -> Catalogue:
    return Catalogue({f"bye.{name}": Prompt(f"bye.{name}", text) for name, text in texts.items()})


TWO = catalogue(thanks="感谢您的来电。", later="再见。")


def render(
    prompts: Catalogue, root: Path, *, voice: str = HUM, everything: bool = False
) -> tuple[RenderReport, list[str]]:
    humming = HummingSynthesizer()
    report = render_prompts(prompts, root, voice, lambda: humming, everything=everything)
    return report, humming.said


def refuse_to_speak() -> SpeechSynthesizer:
    raise SpeechUnavailable("no speech here", remedy="pip install it")


def test_a_first_run_speaks_everything(tmp_path: Path) -> None:
    report, said = render(TWO, tmp_path)
    assert report == RenderReport(made=("bye.thanks", "bye.later"), kept=(), removed=())
    assert said == ["感谢您的来电。", "再见。"]
    assert stale(TWO, tmp_path, HUM) == []


def test_a_second_run_makes_nothing_and_needs_no_speech(tmp_path: Path) -> None:
    render(TWO, tmp_path)
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in tmp_path.rglob("*.*")}
    report = render_prompts(TWO, tmp_path, HUM, refuse_to_speak)
    assert report.made == ()
    assert report.kept == ("bye.thanks", "bye.later")
    assert {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in tmp_path.rglob("*.*")} == before


def test_the_same_text_gives_the_same_file(tmp_path: Path) -> None:
    render(TWO, tmp_path / "one")
    render(TWO, tmp_path / "two")
    for name in (MANIFEST_NAME, "zh/bye.thanks.alaw"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_changed_text_is_spoken_again_alone(tmp_path: Path) -> None:
    render(TWO, tmp_path)
    report, said = render(catalogue(thanks="感谢来电。", later="再见。"), tmp_path)
    assert report.made == ("bye.thanks",)
    assert said == ["感谢来电。"]


def test_another_voice_speaks_everything_again(tmp_path: Path) -> None:
    render(TWO, tmp_path)
    assert len(stale(TWO, tmp_path, "hum-2/other")) == 2


def test_everything_can_be_asked_for(tmp_path: Path) -> None:
    render(TWO, tmp_path)
    assert render(TWO, tmp_path, everything=True)[0].made == ("bye.thanks", "bye.later")


@pytest.mark.parametrize("harm", ["truncated", "one byte", "gone"])
def test_a_damaged_file_is_made_again(tmp_path: Path, harm: str) -> None:
    render(TWO, tmp_path)
    file = sound_file(tmp_path, "bye.later")
    good = file.read_bytes()
    if harm == "gone":
        file.unlink()
    else:
        file.write_bytes(good[:-1] if harm == "truncated" else good[:-1] + bytes([good[-1] ^ 1]))
    assert render(TWO, tmp_path)[0].made == ("bye.later",)
    assert file.read_bytes() == good


def test_a_sentence_that_is_no_more_takes_its_file_along(tmp_path: Path) -> None:
    render(TWO, tmp_path)
    assert render(catalogue(thanks="感谢您的来电。"), tmp_path)[0].removed == ("bye.later",)
    assert not sound_file(tmp_path, "bye.later").exists()
    assert list(Manifest.read(tmp_path).prompts) == ["bye.thanks"]


def test_an_interrupted_run_goes_on_where_it_was(tmp_path: Path) -> None:
    class Interrupted(HummingSynthesizer):
        def speak(self, text: str) -> object:  # type: ignore[override]
            if self.said:
                raise KeyboardInterrupt
            return super().speak(text)

    with pytest.raises(KeyboardInterrupt):
        render_prompts(TWO, tmp_path, HUM, Interrupted)  # type: ignore[arg-type]
    report, said = render(TWO, tmp_path)
    assert report.made == ("bye.later",)
    assert said == ["再见。"]


def test_without_speech_the_error_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(SpeechUnavailable) as refused:
        render_prompts(TWO, tmp_path, HUM, refuse_to_speak)
    assert refused.value.remedy


def test_progress_names_each_prompt_before_it_is_spoken(tmp_path: Path) -> None:
    seen: list[tuple[int, int, str]] = []
    render_prompts(TWO, tmp_path, HUM, HummingSynthesizer, on_progress=lambda *step: seen.append(step))
    assert seen == [(0, 2, "bye.thanks"), (1, 2, "bye.later")]


def test_a_manifest_that_cannot_be_read_is_said_to_be_damaged(tmp_path: Path) -> None:
    (tmp_path / MANIFEST_NAME).write_text("{")
    with pytest.raises(PromptDamaged):
        stale(TWO, tmp_path, HUM)
