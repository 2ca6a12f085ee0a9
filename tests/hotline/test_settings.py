"""Settings: where each value comes from, and what is said about a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from hotline.errors import SettingsError
from hotline.settings import load_settings, project_root, settings_file


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The settings file of this test, empty."""
    file = tmp_path / "hotline.toml"
    file.write_text("")
    monkeypatch.setenv("HOTLINE_CONFIG", str(file))
    return file


WRONG = {
    "a misspelt key": ("[site]\nnmae = 'x'", "site.nmae"),
    "a misspelt section": ("[sitte]\nname = 'x'", "sitte"),
    "text for a number": ("[web]\nport = 'x'", "web.port"),
    "out of bounds": ("[voice]\nring_seconds = 2", "voice.ring_seconds"),
    "not the form": ("[site]\nid = 'SMX'", "site.id"),
    "no area code": ("[site]\narea_code = '398'", "site.area_code"),
    "inside a list": ("[[asterisk.trunks]]\nname = 'a'\ncontact = 'nowhere'", "asterisk.trunks.0.contact"),
    "a table that is none": ("redis = 6379", "redis"),
}


@pytest.mark.parametrize(("text", "key"), WRONG.values(), ids=WRONG.keys())
def test_an_error_names_its_key_and_the_file_to_correct(file: Path, text: str, key: str) -> None:
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert caught.value.detail.startswith(f"{key}: ")
    assert str(file) in caught.value.remedy


def test_several_errors_are_told_at_once(file: Path) -> None:
    file.write_text("[web]\nport = 'x'\n[postgres]\nport = 'y'")
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert {part.partition(":")[0] for part in caught.value.detail.split("; ")} == {"web.port", "postgres.port"}


def test_what_is_no_toml_is_told_with_its_line(file: Path) -> None:
    file.write_text("[web\nport = 1")
    with pytest.raises(SettingsError, match="line 1") as caught:
        load_settings()
    assert str(file) in caught.value.remedy
    assert "TOML" in caught.value.remedy


def test_a_wrong_environment_variable_is_told_by_its_key_too(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_WEB__PORT", "many")
    with pytest.raises(SettingsError, match=r"web\.port"):
        load_settings()


def test_the_environment_goes_before_the_file_key_by_key(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("log_level = 'error'\n[web]\nport = 1111\nsession_hours = 3.0")
    monkeypatch.setenv("HOTLINE_WEB__PORT", "2222")
    monkeypatch.setenv("HOTLINE_LOG_LEVEL", "debug")
    settings = load_settings()
    assert (settings.web.port, settings.web.session_hours, settings.log_level) == (2222, 3.0, "debug")
    assert settings.redis.port == 16379  # neither says anything: the default


def test_a_relative_var_dir_lies_beside_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("var_dir = 'state'")
    monkeypatch.chdir("/")
    assert load_settings().var_dir == file.parent / "state"


def test_an_absolute_var_dir_stays(file: Path) -> None:
    file.write_text("var_dir = '/srv/hotline'")
    assert load_settings().var_dir == Path("/srv/hotline")


def test_without_a_word_it_is_the_project_s_own_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOTLINE_CONFIG", raising=False)
    assert settings_file() == project_root() / "hotline.toml"


def test_settings_do_not_change_while_a_process_runs(file: Path) -> None:
    settings = load_settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.web.port = 1  # type: ignore[misc]
