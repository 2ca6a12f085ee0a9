"""A private line for a test: its own folder, its own ports, its own hotline.toml."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from hotline.settings import Settings, load_settings
from tests.ports import free_ports


@dataclass(frozen=True)
class Line:
    """Settings of a line that only this test uses, and the file they are in."""

    settings: Settings
    config: Path


def make_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Line:
    """Write a hotline.toml for a line in `folder` and read it."""
    postgres, redis, ami, http, fastagi, web = free_ports(6)
    config = folder / "hotline.toml"
    config.write_text(
        f'var_dir = "var"\n[postgres]\nport = {postgres}\n[redis]\nport = {redis}\n'
        f'[asterisk]\nsystemname = "test{fastagi}"\nami_port = {ami}\nhttp_port = {http}\n'
        f"[voice]\nprocesses = 1\nfastagi_port = {fastagi}\n[web]\nport = {web}\n"
    )
    monkeypatch.setenv("HOTLINE_CONFIG", str(config))
    return Line(load_settings(), config)
