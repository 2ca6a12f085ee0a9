"""hotline.toml says every key with its default, and an error in it names the key."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from directory.demo import PROVINCE_TRUNK, TRUNKS
from hotline.errors import SettingsError
from hotline.settings import Settings, load_settings, project_root

_FILE = project_root() / "hotline.toml"


def _keys(model: type[BaseModel], prefix: str = "") -> dict[str, object]:
    found: dict[str, object] = {}
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found |= _keys(kind, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = field.get_default(call_default_factory=True)
    return found


def _written() -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in tomllib.loads(_FILE.read_text()).items():
        found |= {f"{name}.{key}": inner for key, inner in value.items()} if isinstance(value, dict) else {name: value}
    return found


def test_every_key_is_there_with_its_default() -> None:
    wanted = _keys(Settings)
    written = _written()
    # The file ships with trunks to try the line out; the default is none.
    assert wanted.pop("asterisk.trunks") == []
    assert written.pop("asterisk.trunks")
    wanted["var_dir"] = str(wanted["var_dir"])
    assert written == wanted


def test_no_trunk_that_ships_leaves_this_machine() -> None:
    trunks = load_settings().asterisk.trunks
    assert {trunk.name for trunk in trunks} == {"carrier", PROVINCE_TRUNK, *TRUNKS.values()}
    assert all(trunk.contact.startswith("127.0.0.") for trunk in trunks)
    assert all(address.startswith("127.0.0.") for trunk in trunks for address in trunk.identify)


def test_every_section_and_key_has_words_before_it() -> None:
    lines = _FILE.read_text().splitlines()
    bare = [
        line
        for before, line in zip(["", *lines], lines, strict=False)
        if re.match(r"\[", line) and not before.startswith("#")
    ]
    assert bare == []


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[web]\nport = 'x'", "web.port"),
        ("[voice]\nprocesses = 99", "voice.processes"),
        ("[site]\nnmae = 'x'", "site.nmae"),
        ("[[asterisk.trunks]]\nname = 'Carrier'\ncontact = 'x'", "asterisk.trunks.0.name"),
        ("colour = 1", "colour"),
        ("[redis]\nsentinels = ['127.0.0.1']", "redis.sentinels.0"),
        ("[redis]\nsentinels = ['127.0.0.1:26379']", "private = false"),
        ("[asterisk]\npeers = [{systemname = 'ast1', sip = '10.0.0.2:5060'}]", "systemname of its own"),
        ("[asterisk]\npeers = [{systemname = 'ast2', sip = 'pbx:5060'}]", "asterisk.peers.0.sip"),
        ("[asterisk]\npeers = [{systemname = 'ast2', sip = '10.0.0.2:5060'}]", "one phone_secret"),
        (
            "[asterisk]\npeers = [{systemname = 'a', sip = '10.0.0.2:1'}, {systemname = 'b', sip = '10.0.0.2:2'}]",
            "address of its own",
        ),
        (
            "[asterisk]\npeers = [{systemname = 'ast2', sip = '10.0.0.2:5060'}]\n"
            "[[asterisk.trunks]]\nname = 'carrier'\ncontact = '10.0.0.2:5060'\nidentify = ['10.0.0.2']",
            "may not be a trunk's",
        ),
    ],
)
def test_a_wrong_key_is_named(text: str, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "hotline.toml"
    file.write_text(text)
    monkeypatch.setenv("HOTLINE_CONFIG", str(file))
    with pytest.raises(SettingsError, match=key) as raised:
        load_settings()
    assert str(file) in raised.value.remedy


def test_two_wrong_keys_are_both_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "hotline.toml"
    file.write_text("[web]\nport = 'x'\n[redis]\nport = 'y'")
    monkeypatch.setenv("HOTLINE_CONFIG", str(file))
    with pytest.raises(SettingsError, match=r"(?s)(redis\.port.*web\.port|web\.port.*redis\.port)"):
        load_settings()
