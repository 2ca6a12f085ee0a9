"""`hotline rounds` as it is typed, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest
from typer.testing import CliRunner

from calls.round_models import VisitItemRow, VisitRoundRow
from calls.round_states import ItemState, Result
from hotline.clock import SystemClock
from hotline.database import Database
from server.cli import app
from server.commands.rounds import RESULT_TERMS, STATE_TERMS

pytestmark = pytest.mark.real


@pytest.fixture
def round_id(database_url: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """A round of four tickets in the database that the settings name."""
    parts = urlsplit(database_url)
    monkeypatch.setenv("HOTLINE_POSTGRES__PORT", str(parts.port))
    monkeypatch.setenv("HOTLINE_POSTGRES__DATABASE", parts.path.strip("/"))

    async def made() -> int:
        database = Database(database_url)
        now = SystemClock().now()
        ends = [
            ("done", "satisfied", 1), ("done", "dissatisfied", 2), ("unreachable", None, 3), ("waiting", None, 0),
        ]  # fmt: skip
        async with database.transaction() as session:
            row = VisitRoundRow(name="十一月回访", mode="agent", state="running", made_by="3001", made_at=now)
            session.add(row)
            await session.flush()
            for position, (state, said, attempts) in enumerate(ends):
                session.add(
                    VisitItemRow(
                        round_id=row.id,
                        position=position,
                        ticket=f"SMX{position}",
                        state=state,
                        result=said,
                        attempts=attempts,
                        next_at=now,
                        closed_at=None if state == "waiting" else now,
                    )
                )
        await database.close()
        return row.id

    return asyncio.run(made())


def test_rounds_are_listed_with_what_is_open(round_id: int) -> None:
    listed = CliRunner().invoke(app, ["rounds", "list"], env={"COLUMNS": "160"})
    assert listed.exit_code == 0, listed.output
    (line,) = [line for line in listed.output.splitlines() if "十一月回访" in line]
    assert [word.strip() for word in line.strip("│ ").split("│")][-2:] == ["4", "1"]


def test_a_report_leaves_out_who_was_not_reached(round_id: int) -> None:
    told = CliRunner().invoke(app, ["rounds", "report", str(round_id)], env={"COLUMNS": "160"})
    assert told.exit_code == 0, told.output
    cells = [[cell.strip() for cell in line.strip("│ ").split("│")] for line in told.output.splitlines()]
    rows = {row[0]: row[1] for row in cells if len(row) == 2}
    assert rows["工单 tickets"] == "4"
    assert rows["呼叫次数 attempts"] == "6"
    assert rows["未接通 unreachable"] == "1"
    assert rows["满意 satisfied"] == "1"
    assert rows["满意率 satisfaction"] == "50.0%"
    assert rows["响应率 response"] == "100.0%"


def test_a_round_that_is_not_there_says_so(round_id: int) -> None:
    told = CliRunner().invoke(app, ["rounds", "report", str(round_id + 1)])
    assert told.exit_code == 1
    assert "record.not_found" in told.output


def test_every_state_and_result_has_its_term() -> None:
    assert set(STATE_TERMS) == set(ItemState)
    assert set(RESULT_TERMS) == set(Result)
