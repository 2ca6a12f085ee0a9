"""`hotline import`: an old system's tickets, units and knowledge from files, however long."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from sqlalchemy.ext.asyncio import AsyncSession

from directory import users
from directory.models import Role
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.errors import NotAllowed
from hotline.settings import Settings
from server.commands.on_database import on_database
from ticketing.importing.mapping import read_mapping
from ticketing.importing.running import Importer, ImportReport, Phase
from ticketing.importing.words import Kind, Outcome
from ticketing.knowledge.schemas import Editor

_KEEPERS: Final = frozenset({Role.ADMIN, Role.SUPERVISOR})
_SHOWN: Final = 200
"""Rows told on the terminal; all of them go to the file of `--report`."""
_EVERY: Final = 10_000
"""Rows between two lines where nobody looks at a terminal."""

_File = Annotated[Path, typer.Argument(help="CSV (UTF-8, GB 18030) or XLSX.", exists=True, dir_okay=False)]
_Source = Annotated[str, typer.Option(help="The old system's short name: its numbers are unique within it.")]
_As = Annotated[str, typer.Option("--as", help="Your login: a supervisor or admin; stands in the audit log.")]
_Mapping = Annotated[
    Path | None, typer.Option(help="Columns and words as TOML; default: what is kept for this source.", exists=True)
]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would happen; write nothing.")]
_GoodOnly = Annotated[bool, typer.Option("--good-rows-only", help="Import the good rows although others are wrong.")]
_Report = Annotated[Path | None, typer.Option(help="Write every wrong row and conflict there, as CSV.")]


def import_file(
    kind: Annotated[Kind, typer.Argument(help="What the file holds: units come before the tickets that name them.")],
    file: _File,
    *,
    source: _Source,
    login: _As,
    mapping: _Mapping = None,
    dry_run: _DryRun = False,
    good_rows_only: _GoodOnly = False,
    report: _Report = None,
) -> None:
    """Import an old system's tickets, units or knowledge (历史数据导入).

    Closed tickets come in archived, open ones go on here, knowledge becomes drafts that a second person checks. A
    second run changes nothing; one that was killed is run again.
    """
    reading = read_mapping(mapping.read_text(encoding="utf-8"), kind) if mapping else None

    async def work(database: Database, settings: Settings) -> ImportReport:
        async with database.transaction() as session:
            editor = await _editor(session, login)
        site = settings.site
        importer = Importer(database, site=site.id, zone=site.timezone, area_code=site.area_code, clock=SystemClock())
        with _Told() as told:
            return await importer.run(
                file,
                kind,
                source=source,
                editor=editor,
                mapping=reading,
                dry_run=dry_run,
                good_rows_only=good_rows_only,
                told=told.far,
            )

    done = on_database(work)
    if report is not None:
        _write(report, done)
    for line in _lines(done):
        typer.echo(line, err=True)
    counts = "，".join(f"{outcome.term} {done.outcomes[outcome]}" for outcome in Outcome)
    typer.echo(f"{done.rows} 行：{counts}，有误 {done.problem_count} 处" + ("（试运行，未写入）" if dry_run else ""))
    if done.refused:
        typer.echo("没有写入任何数据：请改正以上各行后重新导入，或加 --good-rows-only 只导入正确的行", err=True)
        raise typer.Exit(1)


async def _editor(session: AsyncSession, login: str) -> Editor:
    person = await users.person(session, await users.get(session, login))
    if not person.roles & _KEEPERS or person.disabled:
        raise NotAllowed(
            f"{login} is neither supervisor nor admin", remedy="name one who is: hotline directory users list"
        )
    return Editor(person.id, person.agent.work_number if person.agent else person.login, person.roles, person.unit_id)


def _lines(report: ImportReport) -> list[str]:
    lines = [str(problem) for problem in report.problems[:_SHOWN]]
    lines += [f"第 {one.row} 行 {one.key}：{one.why}" for one in report.conflicts[:_SHOWN]]
    told = min(len(report.problems), _SHOWN) + min(len(report.conflicts), _SHOWN)
    if (more := report.problem_count + report.outcomes[Outcome.CONFLICT] - told) > 0:
        lines.append(f"还有 {more} 处，用 --report 文件名 写出全部")
    if report.ignored_columns:
        lines.append(f"没有用到的列：{'、'.join(report.ignored_columns)}")
    return lines


def _write(path: Path, report: ImportReport) -> None:
    """In UTF-8 with its mark, so that spreadsheets show it."""
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("行", "列", "原编号", "原因"))
        writer.writerows((one.row, one.column, "", one.why) for one in report.problems)
        writer.writerows((one.row, "", one.key, one.why) for one in report.conflicts)


class _Told:
    """How far it is: a bar for who looks, a line now and then for a log."""

    def __init__(self) -> None:
        shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bar = Progress(*shown, console=Console(file=sys.stderr)) if sys.stderr.isatty() else None
        self._tasks: dict[Phase, TaskID] = {}
        self._last: dict[Phase, int] = {}

    def __enter__(self) -> _Told:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def far(self, phase: Phase, done: int, of: int | None) -> None:
        """Rows done, of so many."""
        if self._bar is None:
            if done // _EVERY > self._last.get(phase, 0) // _EVERY:
                typer.echo(f"{phase.term} {done}" + (f"/{of}" if of else ""), err=True)
            self._last[phase] = done
            return
        if phase not in self._tasks:
            self._tasks[phase] = self._bar.add_task(phase.term, total=of)
        self._bar.update(self._tasks[phase], completed=done, total=of)
