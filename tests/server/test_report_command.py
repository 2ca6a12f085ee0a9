"""`hotline report` as it is typed, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from docx import Document
from typer.testing import CliRunner, Result

from hotline.database import Database
from server.cli import app
from tests.ticketing.figure_histories import histories
from ticketing.reports.methods import OURS

pytestmark = pytest.mark.real


@pytest.fixture
def database(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Histories in the database that the settings name."""
    parts = urlsplit(database_url)
    monkeypatch.setenv("HOTLINE_POSTGRES__PORT", str(parts.port))
    monkeypatch.setenv("HOTLINE_POSTGRES__DATABASE", parts.path.strip("/"))

    async def made() -> None:
        opened = Database(database_url)
        async with histories(opened, database_url, tickets=200):
            pass
        await opened.close()

    asyncio.run(made())
    return database_url


def _typed(*words: str) -> Result:
    return CliRunner().invoke(app, ["report", *words], env={"COLUMNS": "400"})


def test_figures_are_shown_by_unit(database: str) -> None:
    shown = _typed("figures", "2026-03", "--to", "2026-04", "--by", "unit", "--figure", "on_time_rate")
    assert shown.exit_code == 0, shown.output
    assert "按时办结率" in shown.output
    assert "市城管局" in shown.output
    assert "2026年4月" in shown.output
    wrong = _typed("figures", "2026-13")
    assert wrong.exit_code == 1
    assert "figures.period_unknown" in wrong.output


def test_left_out_tickets_are_named_with_why(database: str) -> None:
    shown = _typed("excluded", "satisfaction_rate", "2026")
    assert shown.exit_code == 0, shown.output
    assert "诉求人联系不上" in shown.output
    assert "SMX0" in shown.output


def test_a_report_is_made_saved_published_and_corrected(database: str, tmp_path: Path) -> None:
    made = _typed("make", "bulletin", "2026-03")
    assert made.exit_code == 0, made.output
    assert "report 1: done" in made.output
    saved = _typed("save", "1", "--folder", str(tmp_path))
    assert saved.exit_code == 0, saved.output
    assert Document(str(tmp_path / "bulletin-2026-03.docx")).paragraphs[0].text.endswith("2026年3月通报")
    assert (tmp_path / "bulletin-2026-03.xlsx").stat().st_size > 0
    assert "第1版" in _typed("publish", "1").output
    assert _typed("make", "bulletin", "2026-03").exit_code == 0
    refused = _typed("publish", "2")
    assert refused.exit_code == 1
    assert "reports.reason_missing" in refused.output
    assert "第2版" in _typed("publish", "2", "--reason", "回访评价录入有误").output
    kept = _typed("publications")
    assert kept.exit_code == 0, kept.output
    assert kept.output.count("是") == 2
    listed = _typed("list")
    assert listed.output.count("已生成") == 2
    assert "reports.wrong_period" in _typed("make", "bulletin", "2026").output


def test_the_method_is_printed_and_laid_down(database: str, tmp_path: Path) -> None:
    (ours,) = json.loads(_typed("method").output)
    assert ours["method"] == OURS.method.model_dump(mode="json")
    file = tmp_path / "method.json"
    file.write_text(json.dumps(ours["method"] | {"least_cases": 3}))
    early = _typed("method", str(file), "--first-day", "2020-01-01")
    assert early.exit_code == 1
    assert "reports.method_too_late" in early.output
    laid = _typed("method", str(file), "--first-day", "2090-01-01", "--note", "试行")
    assert laid.exit_code == 0, laid.output
    assert [one["number"] for one in json.loads(laid.output[laid.output.index("[\n") :])] == [0, 1]
    file.write_text(json.dumps({"items": []}))
    assert "input.invalid" in _typed("method", str(file), "--first-day", "2090-01-01").output
