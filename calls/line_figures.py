"""The figures of the line as reports show them, with their definitions: `calls.figures` over whole periods.

They are defined there and named here; what reports take from it they get through `ticketing.reports.line`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from calls.figures import Scope, call_figures
from calls.history import Period, Step, call_history, total_calls
from ticketing.figures.definition import Better, Definition, Measure
from ticketing.figures.periods import Span

_BY_CALL: Final = "请求人工之时（每半小时归集）"
_STANDARD: Final = "GB/T 33358-2016《政府热线服务规范》"

DEFINITIONS: Final = (
    Definition(
        name="connection_rate",
        term="接通率",
        formula="人工接通的来电数 ÷ 请求人工的来电数",
        moment=_BY_CALL,
        measure=Measure.RATIO,
        better=Better.HIGH,
        source=_STANDARD,
    ),
    Definition(
        name="promptness",
        term="15秒及时率",
        formula="15秒内人工接通的来电数 ÷ 人工接通的来电数",
        moment=_BY_CALL,
        measure=Measure.RATIO,
        better=Better.HIGH,
        source=_STANDARD,
    ),
    Definition(
        name="service_level",
        term="服务水平",
        formula="规定秒数（默认20秒）内人工接通的来电数 ÷（人工接通的来电数 + 放弃的来电数，短放弃除外）",
        moment=_BY_CALL,
        measure=Measure.RATIO,
        better=Better.HIGH,
        source="呼叫中心通行定义",
    ),
    Definition(
        name="average_answer_ms",
        term="平均应答时长",
        formula="人工接通的来电从请求人工到接通的时长之和 ÷ 人工接通的来电数",
        moment=_BY_CALL,
        measure=Measure.MILLISECONDS,
        better=Better.LOW,
        source="呼叫中心通行定义",
    ),
    Definition(
        name="abandonment",
        term="放弃率",
        formula="接通前放弃的来电数（5秒内的短放弃除外）÷ 请求人工的来电数",
        moment=_BY_CALL,
        measure=Measure.RATIO,
        better=Better.LOW,
        source="呼叫中心通行定义",
    ),
    Definition(
        name="offered",
        term="请求人工量",
        formula="请求人工的来电数",
        moment=_BY_CALL,
        measure=Measure.COUNT,
        better=Better.NEITHER,
        source="呼叫中心通行定义",
    ),
    Definition(
        name="answered_calls",
        term="人工接通量",
        formula="人工接通的来电数",
        moment=_BY_CALL,
        measure=Measure.COUNT,
        better=Better.NEITHER,
        source="呼叫中心通行定义",
    ),
)
"""In the order they are read."""


class LineFigures:
    """The whole line's, every hotline together: each call counts once."""

    definitions: Sequence[Definition] = DEFINITIONS

    async def of(self, session: AsyncSession, span: Span, zone: ZoneInfo) -> Mapping[str, float | None]:
        """By name; of rates and durations None where no call was there to measure."""
        period = Period(span.start, span.end, Step.WHOLE, zone)
        counts = total_calls(await call_history(session, Scope.HOTLINE, period))
        figures = call_figures(counts)
        own = {"offered": float(counts.offered), "answered_calls": float(counts.answered)}
        return {one.name: own[one.name] if one.name in own else getattr(figures, one.name) for one in DEFINITIONS}
