"""The store tells what is there, what is damaged, and puts it where Asterisk looks."""

from __future__ import annotations

from pathlib import Path

import pytest

from media.catalogue import Catalogue, Prompt
from media.errors import PromptDamaged, PromptMissing, UnknownPrompt
from media.render import render_prompts
from media.store import PromptStore, sound_file
from tests.media.synthesizers import HUM, HummingSynthesizer

CATALOGUE = Catalogue({key: Prompt(key, "感谢您的来电。") for key in ("bye.thanks", "bye.later")})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    rendered = tmp_path / "prompts"
    render_prompts(CATALOGUE, rendered, HUM, HummingSynthesizer)
    return rendered


def test_a_prompt_has_its_name_for_asterisk_and_its_length(root: Path) -> None:
    store = PromptStore(root, CATALOGUE)
    assert store.path("bye.thanks") == "hotline/bye.thanks"
    assert store.duration_ms("bye.thanks") == len(store.sound("bye.thanks")) // 8
    assert store.missing() == ()
    assert store.damaged() == ()


@pytest.mark.parametrize("key", ["bye.nothing", "../../etc/passwd", "bye.thanks&hotline/x", ""])
def test_an_unknown_key_is_refused_everywhere(root: Path, key: str) -> None:
    store = PromptStore(root, CATALOGUE)
    for ask in (store.path, store.duration_ms, store.sound):
        with pytest.raises(UnknownPrompt):
            ask(key)


def test_what_was_never_rendered_is_missing(root: Path) -> None:
    more = Catalogue({p.key: p for p in (*CATALOGUE, Prompt("bye.new", "再见。"))})
    store = PromptStore(root, more)
    assert store.missing() == ("bye.new",)
    with pytest.raises(PromptMissing):
        store.duration_ms("bye.new")
    with pytest.raises(PromptMissing):
        store.install(root.parent / "sounds")


def test_a_changed_text_or_a_lost_file_is_missing(root: Path) -> None:
    changed = Catalogue({p.key: Prompt(p.key, "再见。" if p.key == "bye.later" else p.text) for p in CATALOGUE})
    assert PromptStore(root, changed).missing() == ("bye.later",)
    sound_file(root, "bye.thanks").unlink()
    store = PromptStore(root, CATALOGUE)
    assert store.missing() == ("bye.thanks",)
    with pytest.raises(PromptMissing):
        store.sound("bye.thanks")


def test_a_damaged_file_is_noticed_and_nothing_is_installed(root: Path) -> None:
    file = sound_file(root, "bye.later")
    file.write_bytes(file.read_bytes()[:-1])
    store = PromptStore(root, CATALOGUE)
    assert store.damaged() == ("bye.later",)
    with pytest.raises(PromptDamaged):
        store.sound("bye.later")
    with pytest.raises(PromptDamaged):
        store.install(root.parent / "sounds")
    assert not (root.parent / "sounds" / "hotline").exists()


def test_installing_writes_what_differs_and_removes_what_is_no_more(root: Path, tmp_path: Path) -> None:
    store = PromptStore(root, CATALOGUE)
    sounds = tmp_path / "sounds"
    assert set(store.install(sounds)) == {"bye.thanks", "bye.later"}
    assert store.install(sounds) == ()
    (sounds / "hotline" / "bye.later.alaw").write_bytes(b"old")
    (sounds / "hotline" / "bye.gone.alaw").write_bytes(b"old")
    assert store.install(sounds) == ("bye.later",)
    assert sorted(path.name for path in (sounds / "hotline").iterdir()) == ["bye.later.alaw", "bye.thanks.alaw"]
    assert (sounds / "hotline" / "bye.later.alaw").read_bytes() == store.sound("bye.later")
