"""A report as a workbook (xlsx), to go on calculating with: all rows, numbers as numbers."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.chart import Reference
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from ticketing.figures.definition import Measure
from ticketing.reports.charts import ChartData, chart
from ticketing.reports.content import Content
from ticketing.reports.wording import charts

_FORMATS: Final = {Measure.RATIO: "0.0%", Measure.COUNT: "#,##0", Measure.MILLISECONDS: "#,##0"}
_WIDEST: Final = 60
_BOLD: Final = Font(bold=True)
_CHART_ROWS: Final = 18
"""That a chart covers."""

Cell = str | float | int | datetime | None


def workbook(report: Content, *, revision: str = "") -> bytes:
    """The whole of it; `revision` is said below the title of a correction."""
    book = Workbook()
    first = book.active
    assert isinstance(first, Worksheet)  # noqa: S101 - a new workbook has one
    first.title = "概况"
    _readings(_Sheet(first), report, revision)
    _units(_Sheet(book.create_sheet("承办单位")), report)
    _overdue(_Sheet(book.create_sheet("逾期事项")), report)
    _excluded(_Sheet(book.create_sheet("排除情况")), report)
    _shares(_Sheet(book.create_sheet("诉求构成")), report)
    _topics(_Sheet(book.create_sheet("热点与未诉先办")), report)
    _definitions(_Sheet(book.create_sheet("指标定义")), report)
    _charts(_Sheet(book.create_sheet("图表")), charts(report))
    for sheet in book.worksheets:
        _fit(sheet)
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


@dataclass(slots=True)
class _Sheet:
    """A sheet that is written downwards. It counts its rows itself: openpyxl looks at every cell to know the last."""

    sheet: Worksheet
    last: int = 0

    def row(self, cells: Sequence[Cell] = (), *, bold: bool = False, formats: Sequence[str] = ()) -> None:
        """The next row. What people typed is text, whatever it begins with."""
        self.last += 1
        for column, value in enumerate(cells, 1):
            # Excel knows no zones: moments are the city's.
            shown = value.replace(tzinfo=None) if isinstance(value, datetime) else value
            cell = self.sheet.cell(self.last, column, shown)
            if isinstance(value, str):
                cell.data_type = "s"
            if bold:
                cell.font = _BOLD
            if column <= len(formats) and formats[column - 1]:
                cell.number_format = formats[column - 1]


def _readings(sheet: _Sheet, report: Content, revision: str) -> None:
    sheet.row([report.title], bold=True)
    sheet.row(["统计期间", report.first.isoformat(), report.last.isoformat(), "数据截至", report.counted_at])
    if revision:
        sheet.row([revision])
    sheet.row(["指标", "本期", "分子", "分母", "排除", "上期", "上年同期"], bold=True)
    for one in (*report.line, *report.tickets):
        defined = report.definition(one.name)
        shown = _FORMATS[defined.measure]
        cells = [one.value, one.over, one.under, one.excluded, one.before, one.a_year_before]
        sheet.row([defined.term, *cells], formats=["", shown, "", "", "", shown, shown])


def _units(sheet: _Sheet, report: Content) -> None:
    rates = [item.figure for item in report.units[0].items] if report.units else []
    heads = [cell for name in rates for cell in (report.definition(name).term, "得分")]
    sheet.row(["名次", "单位", "综合得分", "等次", *heads, "扣分", "未参加排名的原因"], bold=True)
    for line in report.units:
        items = [cell for item in line.items for cell in (item.value, item.points)]
        formats = ["", "", "0.00", "", *["0.0%", "0.00"] * len(rates)]
        off = sum(one.points for one in line.off)
        sheet.row([line.rank, line.unit, line.points, line.grade, *items, off, line.unranked], formats=formats)
    figures = [one for one in report.definitions if any(x.name == one.name for x in report.tickets)]
    sheet.row()
    sheet.row(["单位", *(cell for one in figures for cell in (one.term, "分子", "分母", "排除"))], bold=True)
    for line in report.units:
        values = {one.name: one for one in line.figures}
        cells: list[Cell] = [line.unit]
        formats = [""]
        for one in figures:
            reading = values[one.name]
            cells += [reading.value, reading.over, reading.under, reading.excluded]
            formats += [_FORMATS[one.measure], "", "", ""]
        sheet.row(cells, formats=formats)


def _overdue(sheet: _Sheet, report: Content) -> None:
    sheet.row(["工单编号", "承办单位", "事项", "期限", "办结", "超期天数", "原因"], bold=True)
    for one in report.overdue:
        sheet.row([one.ticket, one.unit, one.category, one.due_at, one.done_at, one.days_late, one.cause])


def _excluded(sheet: _Sheet, report: Content) -> None:
    sheet.row(["指标", "原因", "件数"], bold=True)
    for count in report.exclusions:
        sheet.row([report.definition(count.figure).term, count.reason, count.cases])
    sheet.row()
    sheet.row(["工单编号", "承办单位", "原因", "认定事实", "认定时间"], bold=True)
    for one in report.excluded:
        sheet.row([one.ticket, one.unit, one.reason, one.facts, one.decided_at])


def _shares(sheet: _Sheet, report: Content) -> None:
    for head, shares in (("来源", report.by_source), ("事项", report.by_category), ("区域", report.by_area)):
        sheet.row([head, "代码", "件数"], bold=True)
        for one in shares:
            sheet.row([one.name, one.code, one.tickets])
        sheet.row()


def _topics(sheet: _Sheet, report: Content) -> None:
    hot = report.topics
    sheet.row([hot.method])
    sheet.row(["类型", "内容", "件数", "前几周平均", "前几周", "偶然概率", "突增"], bold=True)
    for kind, some in (("事项", hot.subjects), ("词语", hot.words)):
        for topic in some:
            before = "、".join(map(str, topic.baseline))
            sudden = "是" if topic.sudden else ""
            sheet.row([kind, topic.subject, topic.observed, topic.expected, before, topic.chance, sudden])
    sheet.row()
    sheet.row(["事项", "区域", "件数", "诉求人数", "重复诉求", "涉及月数", "未办结"], bold=True)
    for one in report.concentrated:
        sheet.row([one.category, one.area, one.tickets, one.callers, one.repeats, one.months, one.unfinished])
    sheet.row()
    sheet.row(["预计月份", "事项", "往年同月合计", "其他各月", "偶然概率"], bold=True)
    for season in report.expected:
        others = "、".join(map(str, season.others))
        sheet.row([season.month, season.category, season.observed, others, season.chance])


def _definitions(sheet: _Sheet, report: Content) -> None:
    sheet.row(["指标", "计算公式", "归入期间的依据", "计量", "来源"], bold=True)
    for one in report.definitions:
        sheet.row([one.term, one.formula, one.moment, one.measure.term, one.source])
    sheet.row()
    sheet.row([f"{report.method.title}（第{report.method.number}版）"], bold=True)
    for item in report.method.items:
        sheet.row([item])


def _charts(sheet: _Sheet, drawings: Iterable[ChartData]) -> None:
    """Each chart beside the numbers it is of."""
    for data in drawings:
        sheet.row([data.title], bold=True)
        sheet.row(["", *(line.name for line in data.lines)], bold=True)
        head = sheet.last
        shown = "0.0%" if data.percent else "0.##"
        for at, label in enumerate(data.labels):
            sheet.row([label, *(line.values[at] for line in data.lines)], formats=["", *[shown] * len(data.lines)])
        drawn: Any = chart(data)
        last = sheet.last
        values = Reference(sheet.sheet, min_col=2, max_col=1 + len(data.lines), min_row=head, max_row=last)
        drawn.add_data(values, titles_from_data=True)
        drawn.set_categories(Reference(sheet.sheet, min_col=1, min_row=head + 1, max_row=last))
        sheet.sheet.add_chart(drawn, f"{get_column_letter(len(data.lines) + 3)}{head - 1}")
        sheet.last += max(0, _CHART_ROWS - len(data.labels)) + 1


def _fit(sheet: Worksheet) -> None:
    """Columns as wide as what stands in them; a Chinese character takes two places."""
    for column in sheet.iter_cols():
        longest = max((_places(cell.value) for cell in column), default=0)
        sheet.column_dimensions[get_column_letter(column[0].column or 1)].width = min(_WIDEST, longest + 2)


def _places(value: object) -> int:
    text = "" if value is None else f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)[:_WIDEST]
    return sum(2 if ord(letter) > 0x2E7F else 1 for letter in text)
