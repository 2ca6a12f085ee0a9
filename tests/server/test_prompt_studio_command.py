"""`hotline prompts flow, upload, publish, recordings` as an operator types them, on a real database."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy import make_url
from sqlalchemy.ext.asyncio import AsyncSession
from typer.testing import CliRunner, Result

from directory.importer import SANMENXIA, import_hotlines
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.settings import Site
from media import kokoro, studio, studio_recordings
from server.commands.prompts import app
from server.provision.menus import FLOWS
from tests.media.uploads import encoded, speech, wav

Hotline = Callable[..., Result]
T = TypeVar("T")


@pytest.fixture
def hotline(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Hotline:
    url = make_url(database_url)
    monkeypatch.setenv("HOTLINE_CONFIG", os.devnull)
    monkeypatch.setenv("HOTLINE_POSTGRES__PORT", str(url.port))
    monkeypatch.setenv("HOTLINE_POSTGRES__DATABASE", str(url.database))
    return lambda *words: CliRunner().invoke(app, list(words))


def asked(database_url: str, question: Callable[[AsyncSession], Awaitable[T]]) -> T:
    async def ask() -> T:
        database = Database(database_url)
        try:
            async with database.transaction() as session:
                return await question(session)
        finally:
            await database.close()

    return asyncio.run(ask())


def test_a_recording_goes_from_a_file_to_what_is_heard_and_back(
    hotline: Hotline, database_url: str, tmp_path: Path
) -> None:
    described = ("--name", "夜间", "--text", "现在是夜间服务时间。")
    first = hotline("upload", "night", str(encoded(tmp_path / "a.m4a", speech("night.greeting"))), *described)
    assert first.exit_code == 0, first.output
    assert "night version 1" in first.output
    assert asked(database_url, studio.library).recordings == {}
    second = hotline("upload", "night", str(wav(tmp_path / "b.wav", speech("bye.thanks"))), *described, "--publish")
    assert second.exit_code == 0, second.output
    assert list(asked(database_url, studio.library).recordings) == ["night"]
    listed = hotline("recordings")
    assert "夜间" in listed.output
    assert hotline("publish", "night", "1").exit_code == 0
    (row,) = asked(database_url, studio_recordings.recordings)
    assert row.published == 1
    missing = hotline("publish", "night", "3")
    assert missing.exit_code == 1
    assert "studio.unknown_recording" in missing.output


def test_a_bad_file_is_refused_with_its_reason(hotline: Hotline, database_url: str, tmp_path: Path) -> None:
    loud = wav(tmp_path / "loud.wav", speech(peak=6.0))
    refused = hotline("upload", "night", str(loud), "--name", "夜间", "--text", "字")
    assert refused.exit_code == 1
    assert "削波" in refused.output
    assert asked(database_url, studio_recordings.recordings) == []


def test_a_menu_of_the_project_needs_no_voice_for_it_was_spoken(
    hotline: Hotline, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also the names of the city's lines, which the menu says."""
    monkeypatch.setattr(kokoro, "is_installed", lambda: False)

    async def fill(session: AsyncSession) -> None:
        await import_hotlines(session, SANMENXIA.read_bytes(), Site(), now=SystemClock().now())

    asked(database_url, fill)
    outcome = hotline("flow", str(FLOWS / "legacy-number.yaml"))
    assert outcome.exit_code == 0, outcome.output
    assert "卫生服务热线" in outcome.output


def test_a_text_nobody_has_spoken_asks_for_a_voice(
    hotline: Hotline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kokoro, "is_installed", lambda: False)
    menu = tmp_path / "new.yaml"
    text = (FLOWS / "direct.yaml").read_text(encoding="utf-8")
    menu.write_text(text.replace("正在为您转接人工服务", "这是一句新的欢迎词"), encoding="utf-8")
    outcome = hotline("flow", str(menu))
    assert outcome.exit_code == 1
    assert "[speech]" in outcome.output
