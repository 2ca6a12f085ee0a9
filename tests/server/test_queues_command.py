"""`hotline queues` as an operator types it, on a real database."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog
from sqlalchemy import make_url
from typer.testing import CliRunner, Result

from directory import audit, lines
from directory.hours import weekdays
from directory.importer import SANMENXIA, import_hotlines
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.settings import Site
from server.commands.queues import app

Hotline = Callable[..., Result]

FILE = """
[groups.lang-en]
name = "英语"
kind = "language"

[queues.expert-12333]
name = "人社专家"
steps = [
  { after_ms = 0, needs = ["expert-12333:4"] },
  { after_ms = 20000, needs = ["expert-12333:2", "general"] },
]
when_full = { action = "queue", queue = "lang-en" }

[queues.lang-en]
name = "英语"
steps = [{ after_ms = 0, needs = ["lang-en:3"] }]

[queues.general.opening]
schedule = "白班"
closed_queue = "night"
"""


@pytest.fixture
def queues(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Hotline:
    url = make_url(database_url)
    monkeypatch.setenv("HOTLINE_CONFIG", os.devnull)
    monkeypatch.setenv("HOTLINE_POSTGRES__PORT", str(url.port))
    monkeypatch.setenv("HOTLINE_POSTGRES__DATABASE", str(url.database))

    async def fill() -> None:
        database, now = Database(database_url), SystemClock().now()
        async with database.transaction() as session:
            await import_hotlines(session, SANMENXIA.read_bytes(), Site(), now=now)
            await lines.define_schedule(session, "白班", weekdays("08:00", "20:00", "Asia/Shanghai"), now=now)
        await database.close()

    asyncio.run(fill())

    def typed(*arguments: str) -> Result:
        # As on a terminal, where only warnings are logged.
        with structlog.testing.capture_logs():
            return CliRunner().invoke(app, arguments)

    return typed


def _file(folder: Path, text: str = FILE) -> str:
    path = folder / "queues.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_file_is_laid_down_once_and_comes_out_as_it_went_in(
    queues: Hotline, tmp_path: Path, database_url: str
) -> None:
    assert "[queues" not in queues("export").stdout
    dry = queues("import", _file(tmp_path), "--dry-run").stdout
    assert dry.splitlines()[-1] == "4 would change"
    laid_down = queues("import", _file(tmp_path))
    assert laid_down.stdout.splitlines() == [
        "skill_group.saved skill_group:lang-en",
        "queue.saved queue:expert-12333",
        "queue.saved queue:lang-en",
        "queue.opening_saved queue:general",
        "4 changed",
    ]
    assert queues("import", _file(tmp_path)).stdout == "0 changed\n"
    exported = queues("export").stdout
    assert 'needs = ["expert-12333:2", "general"]' in exported
    assert "[queues.general]" not in exported, "a default that only has hours"
    assert queues("import", _file(tmp_path, exported)).stdout == "0 changed\n"
    shown = queues("show", "night").stdout
    assert 'name = "夜间"' in shown
    listed = queues("list").stdout
    assert "白班" in listed
    assert "version 1" in listed

    async def written() -> list[tuple[str, str]]:
        database = Database(database_url)
        async with database.transaction() as session:
            rows = await audit.entries(session)
            await audit.verify(session)
        await database.close()
        return [(row.actor, row.action) for row in reversed(rows)]

    assert asyncio.run(written()) == [
        ("cli", "skill_group.saved"),
        ("cli", "queue.saved"),
        ("cli", "queue.saved"),
        ("cli", "queue.opening_saved"),
    ]


def test_pruning_takes_away_what_the_file_does_not_say(queues: Hotline, tmp_path: Path) -> None:
    queues("import", _file(tmp_path))
    kept = queues("import", _file(tmp_path, ""))
    assert kept.stdout == "0 changed\n"
    pruned = queues("import", _file(tmp_path, ""), "--prune")
    # The queue that overflows into another goes before it.
    assert pruned.stdout.splitlines() == [
        "queue.opening_removed queue:general",
        "queue.removed queue:expert-12333",
        "queue.removed queue:lang-en",
        "skill_group.removed skill_group:lang-en",
        "4 changed",
    ]
    assert "lang-en" not in queues("list").stdout


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[queues.x", "not TOML"),
        (FILE.replace("[groups.lang-en]", "[groups.lang-de]"), "no such skill group: lang-en"),
        (FILE.replace("白班", "没有"), "schedule.unknown"),
        (FILE.replace("queues.general.opening", "queues.nowhere.opening"), "hours of nowhere"),
        (FILE.replace('queue = "lang-en"', 'queue = "nowhere"'), "names no queue there is"),
    ],
)
def test_a_bad_file_changes_nothing(queues: Hotline, tmp_path: Path, text: str, why: str) -> None:
    refused = queues("import", _file(tmp_path, text))
    assert refused.exit_code == 1
    assert why in refused.stderr
    assert "[queues" not in queues("export").stdout


def test_no_such_queue(queues: Hotline) -> None:
    assert queues("show", "nowhere").exit_code == 1
