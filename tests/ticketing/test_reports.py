"""Reports: made by a job, in documents that open, published for good, corrected beside the original."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator, Mapping
from datetime import date
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import asyncpg
import pytest
from docx import Document
from openpyxl import load_workbook
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Role
from hotline.clock import ManualClock
from hotline.database import Database
from hotline.errors import HotlineError
from tests.ticketing.figure_histories import NOW, ZONE, histories
from ticketing.errors import ActionNotAllowed
from ticketing.figures.definition import Better, Definition, Measure, Value
from ticketing.figures.periods import Period, Span
from ticketing.reports import asking, publishing
from ticketing.reports.content import Content
from ticketing.reports.errors import (
    MethodTooLate,
    NotMadeYet,
    PeriodNotOver,
    PublishedAlready,
    ReasonMissing,
    ReasonUnexpected,
    WrongPeriod,
)
from ticketing.reports.making import GAVE_UP, ReportMaker
from ticketing.reports.methods import AssessmentMethod, Deduction, Grade, ScoredItem, lay_down, methods
from ticketing.reports.scoring import ranks, score
from ticketing.reports.tables import ReportRow
from ticketing.reports.words import ReportKind
from ticketing.schemas import Actor

SUPERVISOR = Actor("9001", frozenset({Role.SUPERVISOR}))
ADMIN = Actor("admin", frozenset({Role.ADMIN}))


class OfTheLine:
    """A line with one figure, which it has only of some periods."""

    definitions = (
        Definition("connection_rate", "接通率", "接通 ÷ 请求", "请求之时", Measure.RATIO, Better.HIGH, "标准"),
    )

    async def of(self, session: AsyncSession, span: Span, zone: ZoneInfo) -> Mapping[str, float | None]:
        return {"connection_rate": 0.96 if span.start.year == 2026 else None}


@pytest.fixture
async def made(database: Database, database_url: str) -> AsyncIterator[asyncpg.Connection]:
    async with histories(database, database_url, tickets=700) as connection:
        yield connection


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def maker(database: Database, clock: ManualClock) -> ReportMaker:
    return ReportMaker(database, clock, OfTheLine(), city="三门峡", zone=ZONE)


async def _ask(database: Database, kind: ReportKind, key: str) -> int:
    async with database.transaction() as session:
        return (await asking.ask(session, kind, Period.named(key), SUPERVISOR, at=NOW)).id


async def _made(database: Database, report: int) -> ReportRow:
    async with database.transaction() as session:
        return await asking.made(session, report)


async def test_a_bulletin_is_made_with_its_documents(
    database: Database, maker: ReportMaker, made: asyncpg.Connection
) -> None:
    report = await _ask(database, ReportKind.BULLETIN, "2026-08")
    with pytest.raises(NotMadeYet):
        await _made(database, report)
    assert await maker.step() == 1
    row = await _made(database, report)
    content = Content.model_validate_json(row.content or "")
    assert content.title == "三门峡12345政务服务便民热线2026年8月通报"
    assert content.line[0].value == 0.96
    assert content.line[0].a_year_before is None

    readings = {one.name: one for one in content.tickets}
    on_time = readings["on_time_rate"]
    assert on_time.under
    assert on_time.over is not None
    # The overdue tickets are those that keep the figure from being whole, each with its cause.
    assert len(content.overdue) == on_time.under - on_time.over
    assert all(one.cause for one in content.overdue)
    assert sum(one.tickets for one in content.causes) == len(content.overdue)
    assert sum(share.tickets for share in content.by_source) == readings["registered"].over
    assert [line.rank for line in content.units if line.rank] == sorted(
        line.rank for line in content.units if line.rank
    )
    left_out = sum(one.cases for one in content.exclusions if one.figure == "on_time_rate")
    assert left_out == on_time.excluded > 0

    pages = Document(io.BytesIO(row.document or b""))
    words = "\n".join(paragraph.text for paragraph in pages.paragraphs)
    assert "五、逾期事项及原因" in words
    cells = [cell.text for table in pages.tables for one in table.rows for cell in one.cells]
    assert content.overdue[0].ticket in cells
    assert "按时办结率" in cells
    with zipfile.ZipFile(io.BytesIO(row.document or b"")) as parts:
        drawn = [name for name in parts.namelist() if name.startswith("word/charts/")]
        assert len(drawn) == 3
        values = ElementTree.fromstring(parts.read("word/charts/chart1.xml"))  # noqa: S314 - ours
        chart = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
        (first, *_) = values.iter(f"{chart}numLit")
        shown = [float(v.text or "") for v in first.iter(f"{chart}v")]
        assert shown == pytest.approx([value for value in content.trends[1].values if value is not None])

    book = load_workbook(io.BytesIO(row.workbook or b""))
    late = book["逾期事项"]
    assert late.max_row == len(content.overdue) + 1
    assert late["A2"].value == content.overdue[0].ticket
    assert len(book["图表"]._charts) == 3


async def test_what_people_typed_is_no_formula(
    database: Database, maker: ReportMaker, made: asyncpg.Connection
) -> None:
    await made.execute("UPDATE units SET name = '=1+' || id")
    report = await _ask(database, ReportKind.ASSESSMENT, "2026-H1")
    await maker.step()
    book = load_workbook(io.BytesIO((await _made(database, report)).workbook or b""))
    cell = book["承办单位"]["B2"]
    assert cell.value.startswith("=1+")
    assert cell.data_type == "s"


async def test_published_figures_never_change(database: Database, maker: ReportMaker, made: asyncpg.Connection) -> None:
    first = await _ask(database, ReportKind.BULLETIN, "2026-08")
    await maker.step()
    async with database.transaction() as session:
        with pytest.raises(ReasonUnexpected):
            await publishing.publish(session, first, "更正", SUPERVISOR, at=NOW)
        with pytest.raises(ActionNotAllowed):
            await publishing.publish(session, first, "", ADMIN, at=NOW)
        original = await publishing.publish(session, first, "", SUPERVISOR, at=NOW)
        with pytest.raises(PublishedAlready):
            await publishing.publish(session, first, "又", SUPERVISOR, at=NOW)
    # What the figures are made of changes afterwards: what was published does not.
    await made.execute("UPDATE ticket_visit SET satisfaction = 'very_satisfied', outcome = 'reached'")
    second = await _ask(database, ReportKind.BULLETIN, "2026-08")
    await maker.step()
    async with database.transaction() as session:
        with pytest.raises(ReasonMissing):
            await publishing.publish(session, second, "", SUPERVISOR, at=NOW)
        await publishing.publish(session, second, "回访评价录入有误", SUPERVISOR, at=NOW)
    async with database.transaction() as session:
        one, two = await publishing.revisions(session, ReportKind.BULLETIN, "2026-08")
        assert (one.revision, two.revision) == (1, 2)
        assert one.sha256 == original.sha256 != two.sha256
        old, new = (Content.model_validate_json(row.content) for row in (one, two))
        changed = {(d.unit, d.figure): d.after for d in publishing.differences(old, new)}
        assert changed["", "satisfaction_rate"] == 1.0
        assert ("", "registered") not in changed
        corrected = await publishing.found(session, two.id)
        assert publishing.intact(corrected)
        words = [paragraph.text for paragraph in Document(io.BytesIO(corrected.document)).paragraphs]
        assert "第2版（更正）：回访评价录入有误" in words
    for change in (
        "UPDATE ticket_report_publication SET reason = 'x'",
        "DELETE FROM ticket_report_publication",
        "TRUNCATE ticket_report_publication",
    ):
        with pytest.raises(DBAPIError, match="never changed"):
            async with database.transaction() as session:
                await session.execute(text(change))


async def test_a_period_that_goes_on_is_a_draft(
    database: Database, maker: ReportMaker, made: asyncpg.Connection
) -> None:
    report = await _ask(database, ReportKind.BULLETIN, "2026-11")
    await maker.step()
    async with database.transaction() as session:
        with pytest.raises(PeriodNotOver):
            await publishing.publish(session, report, "", SUPERVISOR, at=NOW)


async def test_each_kind_has_its_periods(database: Database) -> None:
    for kind, key in (
        (ReportKind.BULLETIN, "2026"),
        (ReportKind.ASSESSMENT, "2026-Q1"),
        (ReportKind.EVALUATION, "2026-H1"),
    ):
        with pytest.raises(WrongPeriod):
            await _ask(database, kind, key)


async def test_a_report_is_made_by_one_and_begun_anew_after_a_death(
    database: Database, maker: ReportMaker, clock: ManualClock
) -> None:
    report = await _ask(database, ReportKind.EVALUATION, "2025")
    claim = await maker._claim()
    assert claim is not None
    assert await maker._claim() is None
    clock.advance(16 * 60)
    again = await maker._claim()
    assert again is not None
    assert again.report == report
    # The first one wakes up: what it makes is not taken any more.
    assert not await maker._make(claim)
    assert await maker._make(again)
    await _made(database, report)


async def test_a_report_that_is_begun_too_often_is_given_up(
    database: Database, maker: ReportMaker, clock: ManualClock
) -> None:
    report = await _ask(database, ReportKind.EVALUATION, "2025")
    for _ in range(3):
        assert await maker._claim() is not None
        clock.advance(16 * 60)
    assert await maker.step() == 0
    async with database.transaction() as session:
        row = await asking.found(session, report)
        assert (row.state, row.error) == ("failed", GAVE_UP)


async def test_a_report_that_cannot_be_made_keeps_no_other_waiting(database: Database, clock: ManualClock) -> None:
    class Unlucky(OfTheLine):
        async def of(self, session: AsyncSession, span: Span, zone: ZoneInfo) -> Mapping[str, float | None]:
            if span.start.year < 2025:
                raise HotlineError("no calls")
            return await super().of(session, span, zone)

    maker = ReportMaker(database, clock, Unlucky(), city="三门峡", zone=ZONE)
    bad = await _ask(database, ReportKind.EVALUATION, "2025")
    good = await _ask(database, ReportKind.BULLETIN, "2026-Q3")
    assert await maker.step() == 1
    async with database.transaction() as session:
        assert (await asking.found(session, bad)).error == "hotline.error"
    await _made(database, good)


def test_scores_by_hand() -> None:
    method = AssessmentMethod(
        items=(
            ScoredItem(figure="on_time_rate", weight=60, full=1.0, none=0.5),
            ScoredItem(figure="rehandle_rate", weight=40, full=0.0, none=0.2),
        ),
        deductions=(Deduction(figure="supervised", points=2, most=3),),
        grades=(Grade(points=0, term="差"), Grade(points=80, term="好")),
    )
    whole = score(method, {"on_time_rate": Value(9, 10), "rehandle_rate": Value(1, 10), "supervised": Value(5, 0)})
    # 60 x (0.9 - 0.5) / 0.5 + 40 x (0.2 - 0.1) / 0.2 - 3
    assert (whole.points, whole.grade) == (65.0, "差")
    # One rate that nothing was there to measure of is not held against the unit.
    assert score(method, {"on_time_rate": Value(9, 10)}).points == 80.0
    assert score(method, {"on_time_rate": Value(9, 10)}).grade == "好"
    assert score(method, {"supervised": Value(1, 0)}).points is None
    assert score(method, {"on_time_rate": Value(1, 10), "supervised": Value(9, 0)}).points == 0.0
    assert ranks({1: 90.0, 2: 95.0, 3: 90.0, 4: 10.0}) == {2: 1, 1: 2, 3: 2, 4: 4}


@pytest.mark.parametrize(
    "wrong",
    [
        {"items": [{"figure": "on_time_rate", "weight": 90, "full": 1, "none": 0}]},
        {"items": [{"figure": "on_time_rate", "weight": 50, "full": 1, "none": 0}] * 2},
        {"items": [{"figure": "on_time_rate", "weight": 100, "full": 1, "none": 1}]},
        {"items": [{"figure": "registered", "weight": 100, "full": 1, "none": 0}]},
        {"items": [{"figure": "no_such", "weight": 100, "full": 1, "none": 0}]},
        {"deductions": [{"figure": "on_time_rate", "points": 1, "most": 1}]},
        {"grades": [{"points": 60, "term": "合格"}]},
    ],
)
def test_a_method_that_is_none(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        AssessmentMethod.model_validate(wrong)


async def test_a_period_is_scored_by_the_method_it_began_under(
    database: Database, maker: ReportMaker, made: asyncpg.Connection
) -> None:
    stricter = AssessmentMethod(
        items=(ScoredItem(figure="on_time_rate", weight=100, full=1.0, none=0.9),), deductions=(), least_cases=1
    )
    today = date(2026, 3, 1)
    async with database.transaction() as session:
        with pytest.raises(MethodTooLate):
            await lay_down(session, stricter, today, "", ADMIN, today=today, at=NOW)
        with pytest.raises(ActionNotAllowed):
            await lay_down(session, stricter, date(2026, 7, 1), "", SUPERVISOR, today=today, at=NOW)
        row = await lay_down(session, stricter, date(2026, 4, 1), "更严", ADMIN, today=today, at=NOW)
        assert row.number == 1
    async with database.transaction() as session:
        known = await methods(session)
        assert known.in_force(date(2026, 3, 31)).number == 0
        assert known.in_force(date(2026, 4, 1)).number == 1
    before = await _ask(database, ReportKind.BULLETIN, "2026-03")
    after = await _ask(database, ReportKind.BULLETIN, "2026-Q2")
    await maker.step()
    used = [
        Content.model_validate_json((await _made(database, one)).content or "").method.number for one in (before, after)
    ]
    assert used == [0, 1]


async def test_a_unit_with_few_cases_is_shown_and_not_ranked(
    database: Database, maker: ReportMaker, made: asyncpg.Connection
) -> None:
    async with database.transaction() as session:
        rare = await session.scalar(text("SELECT min(id) FROM units"))
        await session.execute(text("DELETE FROM ticket_clock WHERE unit_id = :unit AND id % 40 > 0"), {"unit": rare})
    report = await _ask(database, ReportKind.ASSESSMENT, "2026-H1")
    await maker.step()
    content = Content.model_validate_json((await _made(database, report)).content or "")
    line = next(one for one in content.units if one.unit_id == rare)
    assert line.rank is None
    assert "少于10件" in line.unranked
    assert sorted(one.rank for one in content.units if one.rank is not None)[0] == 1
