"""Kind: unit and real. An instance is put together, repeatably, and changed while it runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hotline.errors import Conflict, PartUnavailable
from media.spoken import MENUS_FOLDER, STUDIO_FOLDER, SpokenFiles, recording_key, text_key
from server.asterisk import instance
from server.asterisk.apply import apply
from server.asterisk.layout import Layout
from server.asterisk.render import EmergencyRoute
from tests.asterisk_fixtures import LiveAsterisk, asterisk_settings, make_media, start_asterisk


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout("ast1", tmp_path / "home", None)
    menus, studio = layout.sounds / MENUS_FOLDER, layout.sounds / STUDIO_FOLDER
    for folder in (layout.etc, layout.prompts, menus, studio, layout.tones, layout.music, layout.agi_bin):
        folder.mkdir(parents=True)
    return layout


def test_only_what_changed_is_written_and_what_is_gone_is_removed(layout: Layout) -> None:
    assert instance.write(layout, {"a.conf": "1", "b.conf": "1"}) == ["a.conf", "b.conf"]
    assert instance.write(layout, {"a.conf": "1", "b.conf": "2"}) == ["b.conf"]
    assert instance.write(layout, {"b.conf": "2"}) == ["a.conf"]
    assert [path.name for path in layout.etc.iterdir()] == ["b.conf"]
    assert (layout.etc / "b.conf").stat().st_mode & 0o777 == 0o640


def test_a_line_without_music_is_not_started(layout: Layout, tmp_path: Path) -> None:
    with pytest.raises(PartUnavailable, match="music"):
        instance.install_media(layout, tmp_path / "media")


def test_prompts_that_were_withdrawn_are_gone(layout: Layout, tmp_path: Path) -> None:
    media = make_media(tmp_path / "media")
    (layout.prompts / "old.alaw").write_bytes(b"")

    instance.install_media(layout, media)

    assert {path.name for path in layout.prompts.iterdir()} == {"bye.thanks.alaw", "bye.callback_promised.alaw"}


def test_sounds_of_the_projects_menus_are_installed_and_those_of_the_site_left_alone(
    layout: Layout, tmp_path: Path
) -> None:
    media = make_media(tmp_path / "media")
    key, own = text_key("您好"), recording_key("night")
    (media / "prompts/menus/zh").mkdir(parents=True)
    (media / "prompts/menus/zh" / f"{key}.alaw").write_bytes(b"new")
    (layout.sounds / MENUS_FOLDER / f"{text_key('再见')}.alaw").write_bytes(b"old")
    (layout.sounds / STUDIO_FOLDER / f"{own}.alaw").write_bytes(b"site")

    instance.install_media(layout, media)

    assert [path.name for path in (layout.sounds / MENUS_FOLDER).iterdir()] == [f"{key}.alaw"]
    spoken = SpokenFiles(layout.sounds)
    assert (spoken.path(key), spoken.path(own)) == (f"menus/{key}", f"studio/{own}")


def test_the_script_and_what_it_imports_lie_together(layout: Layout) -> None:
    instance.install_script(layout)

    script = layout.agi_bin / instance.SCRIPT
    assert script.read_text().startswith(f'#!{layout.python} -sE\n"""')
    assert os.access(script, os.X_OK)
    assert (layout.agi_bin / "asterisk/agi.py").exists()
    assert (layout.agi_bin / "six.py").exists()


def test_a_name_that_could_leave_its_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PartUnavailable):
        Layout("../etc", tmp_path, None)


@pytest.mark.real
def test_apply_reloads_only_what_changed(tmp_path: Path) -> None:
    asterisks = start_asterisk(tmp_path)
    asterisk = next(asterisks)
    try:
        done = apply(asterisk.settings, [EmergencyRoute("119", "police", "119")], layout=asterisk.layout)

        assert done.changed == ("extensions.conf", "musiconhold.conf")
        assert done.reloaded == ("dialplan reload", "moh reload")
        assert done.restart == ()
        assert "Class: hl-119" in asterisk.cli("moh show classes")
        assert "PJSIP/119@police" in asterisk.cli("dialplan show 119@hl-emergency")
        assert apply(asterisk.settings, [EmergencyRoute("119", "police", "119")], layout=asterisk.layout).changed == ()
        with pytest.raises(Conflict):  # a directory that cannot be read takes no 110 away
            apply(asterisk.settings, (), layout=asterisk.layout)
    finally:
        asterisks.close()


@pytest.mark.real
def test_two_instances_run_side_by_side_from_one_root(tmp_path: Path) -> None:
    both = [start_asterisk(tmp_path / name) for name in _made(tmp_path, "one", "two")]
    first, second = (next(one) for one in both)
    try:
        assert first.pid != second.pid
        assert isinstance(first, LiveAsterisk)
        for asterisk in (first, second):
            assert f"{asterisk.settings.asterisk.ami_port}" in asterisk.cli("manager show settings")
    finally:
        for one in both:
            one.close()


@pytest.mark.real
def test_asterisk_runs_without_privileges_and_cannot_write_its_configuration(live_asterisk: LiveAsterisk) -> None:
    status = Path(f"/proc/{live_asterisk.pid}/status").read_text()
    owner = live_asterisk.layout.owner

    if owner is not None:
        assert f"Uid:\t{owner}\t{owner}\t{owner}\t{owner}" in status
        assert live_asterisk.layout.etc.stat().st_uid == 0


def test_without_any_asterisk_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_ASTERISK_ROOT", str(tmp_path / "nowhere"))
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(PartUnavailable) as caught:
        instance.prepare(asterisk_settings(tmp_path))

    assert "make run" in caught.value.remedy


def _made(folder: Path, *names: str) -> tuple[str, ...]:
    for name in names:
        (folder / name).mkdir()
    return names
