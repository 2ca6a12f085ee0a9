"""`hotline report`: figures of tickets, reports made, saved, published and checked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import orjson
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sqlalchemy import select

from calls.line_figures import DEFINITIONS, LineFigures
from directory import audit, reads
from directory.models import Role, Unit
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.errors import InvalidInput
from hotline.settings import Settings
from server.commands.on_database import on_database
from ticketing.figures import counting
from ticketing.figures.definition import NOTHING
from ticketing.figures.definitions import FIGURES, figure
from ticketing.figures.periods import Period, PeriodKind, periods
from ticketing.figures.words import Dimension
from ticketing.reports import asking, methods, publishing
from ticketing.reports.building import STAGES
from ticketing.reports.making import ReportMaker
from ticketing.reports.methods import AssessmentMethod
from ticketing.reports.tables import PublicationRow
from ticketing.reports.wording import number
from ticketing.reports.words import ReportKind, ReportState
from ticketing.schemas import Actor

app = typer.Typer(help="Figures of tickets, and reports (通报、考核、总评).", no_args_is_help=True)

_BY: Final = Actor("cli", frozenset({Role.ADMIN, Role.SUPERVISOR}))
_PATIENCE: Final = 600.0
"""Seconds for one statement: a year of a city is counted at once."""

Key = Annotated[str, typer.Argument(help="2026-10-31, 2026-W44, 2026-10, 2026-Q4, 2026-H2 or 2026.")]


@app.command()
def figures(
    *,
    from_: Key,
    to: Annotated[str, typer.Option(help="The last period; default: the first.")] = "",
    step: Annotated[PeriodKind | None, typer.Option(help="Default: as long as the first.")] = None,
    by: Annotated[Dimension | None, typer.Option(help="A row for each of these.")] = None,
    name: Annotated[list[str] | None, typer.Option("--figure", help="Only this one; may be given again.")] = None,
) -> None:
    """Figures of tickets over periods. `—` is nothing to measure."""

    async def work(database: Database, settings: Settings) -> None:
        zone = ZoneInfo(settings.site.timezone)
        first = Period.named(from_)
        last = Period.named(to) if to else first
        wanted = [figure(one) for one in name or ()] or list(FIGURES.values())
        several = list(periods(step or first.kind, first.first, last.last))
        if not several:
            raise InvalidInput("the last period lies before the first")
        spans = [one.span(zone) for one in several]
        async with database.transaction() as session:
            table = await counting.count(session, wanted, spans, now=SystemClock().now(), by=by)
            units = {str(row.id): row.name for row in await session.execute(select(Unit.id, Unit.name))}
        drawn = Table("期间", *([by.term] if by else []))
        for one in wanted:
            drawn.add_column(one.term, justify="right")
        for subject, nth in sorted(
            table if by else {("", nth) for nth in range(len(several))}, key=lambda x: (x[1], x[0])
        ):
            values = table.get((subject, nth), {})
            shown = [number(values.get(one.name, NOTHING).of(one.measure), one.measure) for one in wanted]
            called = units.get(subject, subject) if by is Dimension.UNIT else subject
            drawn.add_row(several[nth].term, *([called or "—"] if by else []), *shown)
        Console(highlight=False, markup=False).print(drawn)

    on_database(work)


@app.command()
def definitions() -> None:
    """Every figure with its formula and the rule it rests on."""
    drawn = Table("", "指标", "计算公式", "归入期间的依据", "来源", show_lines=True)
    for one in (*FIGURES.values(), *DEFINITIONS):
        drawn.add_row(one.name, one.term, one.formula, one.moment, one.source)
    Console(highlight=False, markup=False).print(drawn)


@app.command()
def excluded(
    name: Annotated[str, typer.Argument(help="A rate, as `definitions` names it.")],
    period: Key,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 1_000,
) -> None:
    """Tickets that are left out of a rate, each with why."""

    async def work(database: Database, settings: Settings) -> None:
        span = Period.named(period).span(ZoneInfo(settings.site.timezone))
        async with database.transaction() as session:
            cases = await counting.listed(
                session, figure(name), span, now=SystemClock().now(), only_excluded=True, limit=limit
            )
        drawn = Table("工单编号", "单位", "原因")
        for one in cases:
            drawn.add_row(one.ticket or "—", str(one.unit_id or "—"), one.why.term if one.why else "")
        Console(highlight=False, markup=False).print(drawn)

    on_database(work)


@app.command()
def make(kind: ReportKind, period: Key) -> None:
    """Make a report here and now, with progress; `list` shows it, `save` writes its files."""

    async def work(database: Database, settings: Settings) -> None:
        clock, site = SystemClock(), settings.site
        async with database.transaction() as session:
            row = await asking.ask(session, kind, Period.named(period), _BY, at=clock.now())
        patient = Database(settings.postgres.url, pool_size=2, statement_timeout=_PATIENCE)
        try:
            with Progress(transient=True) as shown:
                task = shown.add_task(f"{kind.term} {period}", total=len(STAGES) + 1)

                def tell(stage: str, done: int) -> None:
                    shown.update(task, completed=done, description=stage)

                maker = ReportMaker(
                    patient, clock, LineFigures(), city=site.name, zone=ZoneInfo(site.timezone), watched=tell
                )
                await maker.step(only=row.id)
        finally:
            await patient.close()
        async with database.transaction() as session:
            made = await asking.found(session, row.id)
            # The jobs process may have been faster, or still be at it.
            state = ReportState(made.state)
        typer.echo(f"report {row.id}: {state} ({state.term}){' ' + made.error if made.error else ''}")
        if state is ReportState.FAILED:
            raise typer.Exit(1)

    on_database(work)


@app.command("list")
def list_reports(limit: Annotated[int, typer.Option(min=1, max=500)] = 20) -> None:
    """Reports that were asked for, the newest first, with how far each is."""

    async def work(database: Database, _settings: Settings) -> None:
        async with database.transaction() as session:
            rows = await asking.newest(session, limit=limit)
        drawn = Table("id", "类型", "期间", "状态", "进度", "申请人", "申请时间")
        for row in rows:
            done = f"{row.steps_done}/{row.steps} {row.stage}" if row.steps else ""
            told = (row.period, ReportState(row.state).term + (f" {row.error}" if row.error else ""), done)
            drawn.add_row(
                str(row.id), ReportKind(row.kind).term, *told, row.asked_by, f"{row.asked_at:%Y-%m-%d %H:%M}Z"
            )
        Console(highlight=False, markup=False).print(drawn)

    on_database(work)


@app.command()
def save(
    report_id: Annotated[int, typer.Argument(min=1, help="As `list` gives it.")],
    folder: Annotated[Path, typer.Option(file_okay=False, help="Where the two files go.")] = Path(),
) -> None:
    """Write a report's docx and xlsx. Who takes it out is audited."""

    async def work(database: Database, _settings: Settings) -> None:
        async with database.transaction() as session:
            row = await asking.made(session, report_id)
            told = {"kind": row.kind, "period": row.period}
            at, subject = SystemClock().now(), f"report:{row.id}"
            await reads.note(session, at=at, actor=_BY.user, action="report.exported", subject=subject, why=told)
        folder.mkdir(parents=True, exist_ok=True)
        for form, content in (("docx", row.document), ("xlsx", row.workbook)):
            path = folder / f"{row.kind}-{row.period}.{form}"
            path.write_bytes(content or b"")
            typer.echo(str(path))

    on_database(work)


@app.command()
def publish(
    report_id: Annotated[int, typer.Argument(min=1, help="As `list` gives it.")],
    reason: Annotated[str, typer.Option(help="Why the period's earlier publication is corrected.")] = "",
) -> None:
    """Publish a report for good; of a published period as a numbered revision beside the original."""

    async def work(database: Database, _settings: Settings) -> None:
        now = SystemClock().now()
        async with database.transaction() as session:
            row = await publishing.publish(session, report_id, reason.strip(), _BY, at=now)
            subject, after = (
                f"publication:{row.kind}:{row.period}",
                {"revision": row.revision, "sha256": row.sha256.hex()},
            )
            await audit.record(session, at=now, actor=_BY.user, action="report.published", subject=subject, after=after)
        typer.echo(f"{ReportKind(row.kind).term} {row.period} 第{row.revision}版 sha256 {row.sha256.hex()}")

    on_database(work)


@app.command()
def publications() -> None:
    """Everything published, checked against its hashes; ends with status 1 if anything was changed."""

    async def work(database: Database, _settings: Settings) -> None:
        drawn = Table("id", "类型", "期间", "版次", "发布时间", "更正原因", "完好")
        broken = 0
        async with database.transaction() as session:
            ids: Sequence[int] = (await session.scalars(select(PublicationRow.id).order_by(PublicationRow.id))).all()
            for one in ids:
                row = await publishing.found(session, one)
                intact = publishing.intact(row)
                broken += not intact
                told = (ReportKind(row.kind).term, row.period, str(row.revision), f"{row.published_at:%Y-%m-%d %H:%M}Z")
                drawn.add_row(str(row.id), *told, row.reason, "是" if intact else "否")
                session.expunge(row)
        Console(highlight=False, markup=False).print(drawn)
        if broken:
            typer.echo(
                f"{broken} changed since publication: compare with a backup and with the files sent out", err=True
            )
            raise typer.Exit(1)

    on_database(work)


@app.command()
def method(
    file: Annotated[Path | None, typer.Argument(exists=True, dir_okay=False, help="JSON of a new version.")] = None,
    first_day: Annotated[str, typer.Option(help="2027-01-01: the version counts for periods that begin then.")] = "",
    note: str = "",
) -> None:
    """Print the versions of the method of assessment as JSON; with FILE lay down a new one."""

    async def work(database: Database, settings: Settings) -> None:
        now = SystemClock().now()
        async with database.transaction() as session:
            if file is not None:
                today = now.astimezone(ZoneInfo(settings.site.timezone)).date()
                row = await methods.lay_down(session, _method(file), _day(first_day), note, _BY, today=today, at=now)
                subject = f"assessment_method:{row.number}"
                after = {"first_day": row.first_day.isoformat(), "method": row.method}
                await audit.record(
                    session, at=now, actor=_BY.user, action="assessment_method.laid_down", subject=subject, after=after
                )
            found = (await methods.methods(session)).versions.values()
        told = [
            {"number": one.number, "first_day": one.first_day, "method": one.method.model_dump(mode="json")}
            for one in found
        ]
        typer.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())

    on_database(work)


def _method(file: Path) -> AssessmentMethod:
    try:
        return AssessmentMethod.model_validate_json(file.read_bytes())
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise InvalidInput(wrong, remedy="`hotline report method` prints versions in the form that is read") from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput("--first-day says from when it counts", remedy="--first-day 2027-01-01") from None
