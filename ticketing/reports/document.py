"""A report as a document (docx), to be printed and signed."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Any, Final

from docx import Document
from docx.document import Document as DocumentType
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.oxml.ns import qn
from docx.shared import Pt

from ticketing.figures.definition import Measure
from ticketing.reports.charts import ChartData, whole_chart
from ticketing.reports.content import Content, Reading, UnitLine
from ticketing.reports.wording import NONE, change, charts, due, number, rise, sentence

_FONT: Final = "宋体"
_CHART: Final = "application/vnd.openxmlformats-officedocument.drawingml.chart+xml"
_EMU: Final = 360_000
"""English Metric Units in a centimetre."""
_WIDE, _HIGH = 15.5, 8.0
"""Of a chart, centimetres."""
MOST_ROWS: Final = 200
"""Rows of one table; the workbook has them all."""

_DRAWING: Final = """
<w:drawing xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"
    xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"
    xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"
    xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">
  <wp:inline distT="0" distB="0" distL="0" distR="0">
    <wp:extent cx="{wide}" cy="{high}"/><wp:docPr id="{number}" name="chart {number}"/><wp:cNvGraphicFramePr/>
    <a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/chart">
      <c:chart r:id="{relation}"/>
    </a:graphicData></a:graphic>
  </wp:inline>
</w:drawing>
"""


def document(report: Content, *, revision: str = "") -> bytes:
    """The whole of it; `revision` is said below the title of a correction."""
    written = _Written(report)
    written.front(revision)
    written.readings("一、话务运行情况", report.line)
    written.readings("二、工单办理情况", report.tickets)
    written.drawn(charts(report))
    written.shares()
    written.units()
    written.late()
    written.left_out()
    written.topics()
    written.definitions()
    return written.bytes()


class _Written:
    def __init__(self, report: Content) -> None:
        self.report = report
        self.page: DocumentType = Document()
        normal = self.page.styles["Normal"]
        _in_song(normal, 10.5)
        for level in (1, 2):
            _in_song(self.page.styles[f"Heading {level}"], 15 if level == 1 else 12)
        self.defined = {one.name: one for one in report.definitions}

    def bytes(self) -> bytes:
        kept = io.BytesIO()
        self.page.save(kept)
        return kept.getvalue()

    def front(self, revision: str) -> None:
        report = self.report
        title = self.page.add_paragraph()
        title.alignment = WD_ALIGN_PARAGRAPH.CENTER
        run = title.add_run(report.title)
        run.bold, run.font.size = True, Pt(18)
        told = f"统计期间：{report.first}至{report.last}；数据截至{report.counted_at:%Y-%m-%d %H:%M}"
        self.page.add_paragraph(told).alignment = WD_ALIGN_PARAGRAPH.CENTER
        if revision:
            self.page.add_paragraph(revision).alignment = WD_ALIGN_PARAGRAPH.CENTER

    def readings(self, heading: str, readings: Sequence[Reading]) -> None:
        self.page.add_heading(heading, 1)
        rows = []
        for one in readings:
            defined = self.defined[one.name]
            measure = defined.measure
            made_of = NONE if one.over is None or measure is not Measure.RATIO else f"{one.over:,} ÷ {one.under:,}"
            rows.append(
                [
                    defined.term,
                    number(one.value, measure),
                    made_of,
                    change(one.value, one.before, measure),
                    change(one.value, one.a_year_before, measure),
                ]
            )
        self.table(["指标", "本期", "分子 ÷ 分母", "环比", "同比"], rows)

    def drawn(self, drawings: Iterable[ChartData]) -> None:
        for nth, data in enumerate(drawings, 1):
            package = self.page.part.package
            name = PackURI(f"/word/charts/chart{nth}.xml")
            part = Part(name, _CHART, whole_chart(data), package)
            relation = self.page.part.relate_to(part, RELATIONSHIP_TYPE.CHART)
            drawing = _DRAWING.format(wide=int(_WIDE * _EMU), high=int(_HIGH * _EMU), number=nth, relation=relation)
            self.page.add_paragraph().add_run()._r.append(parse_xml(drawing))

    def shares(self) -> None:
        self.page.add_heading("三、诉求构成", 1)
        for heading, shares in (
            ("按来源", self.report.by_source),
            ("按事项分类", self.report.by_category),
            ("按区域", self.report.by_area),
        ):
            self.page.add_heading(heading, 2)
            whole = sum(share.tickets for share in shares)
            rows = [[one.name, f"{one.tickets:,}", f"{one.tickets / whole:.1%}"] for one in shares]
            self.table([heading.removeprefix("按"), "件数", "占比"], rows)

    def units(self) -> None:
        report = self.report
        self.page.add_heading("四、承办单位排名", 1)
        self.page.add_paragraph(f"依据《{report.method.title}》（第{report.method.number}版）：")
        for item in report.method.items:
            self.page.add_paragraph(item, style="List Bullet")
        rates = [item.figure for item in report.units[0].items] if report.units else []
        heads = ["名次", "单位", "得分", "等次", *(self.defined[name].term for name in rates), "扣分"]
        self.table(heads, [self._unit(line, rates) for line in report.units if line.rank is not None])
        unranked = [line for line in report.units if line.rank is None]
        if unranked:
            self.page.add_heading("未参加排名的单位及原因", 2)
            self.table(["单位", "原因"], [[line.unit, line.unranked] for line in unranked])

    def _unit(self, line: UnitLine, rates: Sequence[str]) -> list[str]:
        values = {item.figure: item for item in line.items}
        off = sum(one.points for one in line.off)
        return [
            str(line.rank),
            line.unit,
            NONE if line.points is None else f"{line.points:.2f}",
            line.grade,
            *(number(values[name].value, Measure.RATIO) for name in rates),
            f"{off:g}" if off else "",
        ]

    def late(self) -> None:
        report = self.report
        self.page.add_heading("五、逾期事项及原因", 1)
        if not report.overdue:
            self.page.add_paragraph("本期无逾期事项。")
            return
        causes = "，".join(f"{one.name}{one.tickets}件" for one in report.causes)
        self.page.add_paragraph(f"本期逾期{len(report.overdue)}件：{causes}。")
        rows = [
            [
                one.ticket,
                one.unit,
                one.category,
                due(one.due_at),
                f"{one.done_at:%Y-%m-%d %H:%M}" if one.done_at else NONE,
                str(one.days_late),
                one.cause,
            ]
            for one in report.overdue
        ]
        self.table(["工单编号", "承办单位", "事项", "期限", "办结", "超期天数", "原因"], rows)

    def left_out(self) -> None:
        report = self.report
        self.page.add_heading("六、未计入指标的情况", 1)
        rows = [[self.defined[one.figure].term, one.reason, f"{one.cases:,}"] for one in report.exclusions]
        self.table(["指标", "原因", "件数"], rows)
        if report.excluded:
            self.page.add_heading("经认定排除的工单", 2)
            told = [[one.ticket, one.unit, one.reason, one.facts] for one in report.excluded]
            self.table(["工单编号", "承办单位", "原因", "认定事实"], told)

    def topics(self) -> None:
        report, hot = self.report, self.report.topics
        self.page.add_heading("七、热点与突增", 1)
        self.page.add_paragraph(f"时段：{hot.first:%Y-%m-%d}至{hot.last:%Y-%m-%d}。{hot.method}。")
        for heading, some in (
            ("突增事项", [one for one in hot.subjects if one.sudden]),
            ("突增词语", list(hot.words)),
            ("件数最多的事项", [one for one in hot.subjects if not one.sudden][:10]),
        ):
            self.page.add_heading(heading, 2)
            for one in some:
                self.page.add_paragraph(rise(one), style="List Bullet")
            if not some:
                self.page.add_paragraph("无。")
        self.page.add_heading("八、未诉先办建议", 1)
        rows = [
            [one.category, one.area, *map(str, (one.tickets, one.callers, one.repeats, one.months, one.unfinished))]
            for one in report.concentrated
        ]
        self.table(["事项", "区域", "件数", "诉求人数", "重复诉求", "涉及月数", "未办结"], rows)
        for season in report.expected:
            told = f"{season.month}：{season.category}往年同月共{season.observed}件，明显多于其他月份，建议提前部署"
            self.page.add_paragraph(told, style="List Bullet")

    def definitions(self) -> None:
        self.page.add_heading("附：指标定义", 1)
        rows = [[one.term, one.formula, one.moment, one.source] for one in self.report.definitions]
        self.table(["指标", "计算公式", "归入期间的依据", "来源"], rows)
        for one in self.report.tickets:
            if one.value is not None and one.under:
                self.page.add_paragraph(sentence(one, self.defined[one.name]), style="List Bullet")

    def table(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        if not rows:
            self.page.add_paragraph("无。")
            return
        table = self.page.add_table(rows=1, cols=len(heads), style="Table Grid")
        for cell, head in zip(table.rows[0].cells, heads, strict=True):
            cell.text = head
            cell.paragraphs[0].runs[0].bold = True
        for row in rows[:MOST_ROWS]:
            for cell, words in zip(table.add_row().cells, row, strict=True):
                cell.text = words
        if len(rows) > MOST_ROWS:
            self.page.add_paragraph(f"以上为前{MOST_ROWS}行，共{len(rows)}行，其余见工作簿。")


def _in_song(style: Any, points: float) -> None:
    """The font of official documents, for Chinese and Latin letters."""
    style.font.name, style.font.size = _FONT, Pt(points)
    fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
    for which in ("w:eastAsia", "w:ascii", "w:hAnsi"):
        fonts.set(qn(which), _FONT)
    for which in ("w:asciiTheme", "w:hAnsiTheme", "w:eastAsiaTheme", "w:cstheme"):
        if fonts.get(qn(which)) is not None:
            del fonts.attrib[qn(which)]
