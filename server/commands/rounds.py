"""`hotline rounds`: follow-up rounds (回访轮次) and how far they are."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from calls import rounds
from calls.round_models import VisitRoundRow
from calls.round_states import ItemState, Result
from hotline.database import Database
from hotline.settings import Settings
from server.commands.on_database import on_database

app = typer.Typer(help="Follow-up rounds (回访轮次).", no_args_is_help=True)

STATE_TERMS = {
    ItemState.WAITING: "待访",
    ItemState.PREVIEW: "预览中",
    ItemState.CALLING: "呼叫中",
    ItemState.TALKED: "待登记",
    ItemState.DONE: "已回访",
    ItemState.UNREACHABLE: "未接通",
    ItemState.INVALID: "号码无效",
    ItemState.BARRED: "免打扰",
    ItemState.FAILED: "呼叫失败",
    ItemState.SKIPPED: "已跳过",
    ItemState.WITHDRAWN: "已撤回",
}
RESULT_TERMS = {
    Result.VERY_SATISFIED: "非常满意",
    Result.SATISFIED: "满意",
    Result.FAIRLY_SATISFIED: "基本满意",
    Result.DISSATISFIED: "不满意",
    Result.VERY_DISSATISFIED: "非常不满意",
    Result.DECLINED: "拒绝评价",
    Result.WRONG_PERSON: "非本人",
    Result.TO_AGENT: "转人工",
    Result.NO_RESULT: "未登记结果",
}


@app.command("list")
def list_rounds(limit: Annotated[int, typer.Option(min=1, max=500)] = 20) -> None:
    """Rounds, newest first."""

    async def work(database: Database, _settings: Settings) -> None:
        async with database.transaction() as session:
            rows = (await session.scalars(select(VisitRoundRow).order_by(VisitRoundRow.id.desc()).limit(limit))).all()
            reports = [await rounds.report(session, row.id) for row in rows]
        table = Table("id", "name", "mode", "state", "made by", "made at", "tickets", "open")
        for row, report in zip(rows, reports, strict=True):
            told = (row.id, row.name, row.mode, row.state, row.made_by, f"{row.made_at:%Y-%m-%d %H:%M}Z")
            table.add_row(*(str(value) for value in (*told, report.total, report.open)))
        Console().print(table)

    on_database(work)


@app.command("report")
def report(round_id: Annotated[int, typer.Argument(min=1, help="As `list` gives it.")]) -> None:
    """A round in numbers. Rates leave out who could not be reached, or may not be called."""

    async def work(database: Database, _settings: Settings) -> None:
        async with database.transaction() as session:
            told = await rounds.report(session, round_id)
        table = Table("", "")
        table.add_row("工单 tickets", str(told.total))
        table.add_row("未结束 open", str(told.open))
        table.add_row("呼叫次数 attempts", str(told.attempts))
        for state, term in STATE_TERMS.items():
            if told.states.get(state):
                table.add_row(f"{term} {state}", str(told.states[state]))
        for said, term in RESULT_TERMS.items():
            if told.results.get(said):
                table.add_row(f"  {term} {said}", str(told.results[said]))
        table.add_row("响应率 response", _rate(told.response))
        table.add_row("满意率 satisfaction", _rate(told.satisfaction))
        Console().print(table)

    on_database(work)


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
