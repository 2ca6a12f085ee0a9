"""Charts (图表) of a report as the office formats themselves have them (DrawingML), not as pictures.

A picture would need a Chinese font on every machine that makes reports; a chart is drawn by the reader's own program,
in its fonts, and can be edited there. openpyxl writes the chart; in a docx it holds its own numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from openpyxl.chart import BarChart, LineChart
from openpyxl.chart.data_source import AxDataSource, NumData, NumDataSource, NumVal, StrData, StrVal
from openpyxl.chart.series import Series, SeriesLabel
from openpyxl.xml.functions import tostring


@dataclass(frozen=True, slots=True)
class Line:
    """One row of numbers; None leaves a gap."""

    name: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class ChartData:
    """What a chart shows. `percent`: values are 0 to 1 and are read as per cent."""

    title: str
    labels: Sequence[str]
    lines: Sequence[Line]
    bars: bool
    percent: bool


def chart(data: ChartData) -> Any:
    """The chart without its numbers, for openpyxl."""
    drawn: Any = BarChart() if data.bars else LineChart()
    drawn.title = data.title
    drawn.style = 2
    drawn.height, drawn.width = 8.5, 16.0
    # Readers other than openpyxl's own leave out axes that are not said to be there.
    drawn.x_axis.delete = drawn.y_axis.delete = False
    if data.bars:
        drawn.type, drawn.gapWidth = "bar", 60
        drawn.x_axis.scaling.orientation = "maxMin"
    if data.percent:
        drawn.y_axis.number_format = "0%"
        drawn.y_axis.scaling.min, drawn.y_axis.scaling.max = 0, 1
    if len(data.lines) == 1:
        drawn.legend = None
    return drawn


def whole_chart(data: ChartData) -> bytes:
    """The chart with its numbers, as the XML of a chart part (ECMA-376, 21.2)."""
    drawn = chart(data)
    labels = StrData(ptCount=len(data.labels), pt=[StrVal(idx=at, v=label) for at, label in enumerate(data.labels)])
    for line in data.lines:
        points = [NumVal(idx=at, v=repr(value)) for at, value in enumerate(line.values) if value is not None]
        numbers = NumData(formatCode="0.0%" if data.percent else "0.##", ptCount=len(line.values), pt=points)
        series = Series(idx=len(drawn.series), order=len(drawn.series))
        series.tx = SeriesLabel(v=line.name)
        series.cat = AxDataSource(strLit=labels)
        series.val = NumDataSource(numLit=numbers)
        drawn.series.append(series)
    written: bytes = tostring(drawn._write())
    return b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n' + written
