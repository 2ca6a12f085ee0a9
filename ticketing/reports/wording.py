"""How a report's numbers are read, the same in its document and its workbook."""

from __future__ import annotations

from datetime import datetime, timedelta

from ticketing.figures.definition import Measure
from ticketing.reports.charts import ChartData, Line
from ticketing.reports.content import Content, FigureDefinition, Hot, Reading, Trend

NONE = "—"
"""Where nothing was there to measure."""
_BARS = 30


def number(value: float | None, measure: Measure) -> str:
    """`92.3%`, `1,204`, `6.2 秒`."""
    if value is None:
        return NONE
    match measure:
        case Measure.RATIO:
            return f"{value:.1%}"
        case Measure.COUNT:
            return f"{value:,.0f}"
        case Measure.MILLISECONDS:
            return f"{value / 1000:.1f} 秒"


def due(moment: datetime) -> str:
    """A limit's end as the rules write it: midnight is 24:00 of the day that ends."""
    if (moment.hour, moment.minute) == (0, 0):
        return f"{moment - timedelta(days=1):%Y-%m-%d} 24:00"
    return f"{moment:%Y-%m-%d %H:%M}"


def change(now: float | None, before: float | None, measure: Measure) -> str:
    """Against another period: of rates in percentage points (个百分点), of counts in per cent."""
    if now is None or before is None:
        return NONE
    if measure is Measure.RATIO:
        return f"{(now - before) * 100:+.1f}个百分点"
    return f"{(now - before) / before:+.1%}" if before else NONE


def sentence(reading: Reading, defined: FigureDefinition) -> str:
    """A figure with what it is made of."""
    shown = f"{defined.term}{number(reading.value, defined.measure)}"
    if defined.measure is not Measure.RATIO or reading.over is None or reading.under is None:
        return shown
    left = f"，排除{reading.excluded:,}" if reading.excluded else ""
    return f"{shown}（{reading.over:,} ÷ {reading.under:,}{left}）"


def rise(hot: Hot) -> str:
    """A subject with the numbers of its test."""
    before = "、".join(map(str, hot.baseline))
    mean = NONE if hot.expected is None else f"{hot.expected:.1f}"
    return f"{hot.subject}：{hot.observed}件，前几周同期{before}件（平均{mean}件），偶然概率{hot.chance:.2g}"


def charts(report: Content) -> list[ChartData]:
    """Trends of the rates, demands month by month, and the points of the units that are ranked."""
    rates = [trend for trend in report.trends if _measure(report, trend) is Measure.RATIO]
    counts = [trend for trend in report.trends if _measure(report, trend) is Measure.COUNT]
    drawn = [
        ChartData(title, trends[0].months, [Line(_term(report, one), one.values) for one in trends], bars, percent)
        for title, trends, bars, percent in (
            ("主要指标近十二个月走势", rates, False, True),
            ("诉求登记量近十二个月走势", counts, False, False),
        )
        if trends
    ]
    ranked = [line for line in report.units if line.rank is not None][:_BARS]
    if ranked:
        drawn.append(
            ChartData(
                "承办单位综合得分",
                [line.unit for line in ranked],
                [Line("得分", [x.points for x in ranked])],
                True,
                False,
            )
        )
    return drawn


def _measure(report: Content, trend: Trend) -> Measure:
    return report.definition(trend.name).measure


def _term(report: Content, trend: Trend) -> str:
    return report.definition(trend.name).term
