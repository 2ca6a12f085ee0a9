"""The lock fits pyproject.toml, and holds nothing but versions and hashes."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from hotline.settings import project_root

_LOCK = (project_root() / "requirements.lock").read_text()
_PROJECT = tomllib.loads((project_root() / "pyproject.toml").read_text())["project"]
_ASKED = [Requirement(text) for text in (*_PROJECT["dependencies"], *_PROJECT["optional-dependencies"]["dev"])]


def _locked() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ]+)", _LOCK, re.MULTILINE):
        found.setdefault(canonicalize_name(name), []).append(version)
    return found


@pytest.mark.parametrize("asked", _ASKED, ids=lambda asked: asked.name)
def test_each_requirement_is_locked_at_a_version_it_allows(asked: Requirement) -> None:
    versions = _locked().get(canonicalize_name(asked.name), [])
    assert versions, "make lock"
    assert all(asked.specifier.contains(version) for version in versions), "make lock"


def test_the_lock_names_no_place_to_fetch_from() -> None:
    lines = [line.strip() for line in _LOCK.splitlines() if not line.startswith("#")]
    entry = re.compile(r"[A-Za-z0-9._\[\]-]+==[^ ]+( ;.*)? \\|--hash=sha256:[0-9a-f]{64}( \\)?")
    assert [line for line in lines if not entry.fullmatch(line)] == []
