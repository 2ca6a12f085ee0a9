"""The figures of tickets, each defined here and nowhere else (requirements 5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ticketing.figures import cases
from ticketing.figures.cases import Asked, Cases
from ticketing.figures.definition import Better, Definition, Measure
from ticketing.figures.errors import FigureUnknown


@dataclass(frozen=True, slots=True)
class TicketFigure(Definition):
    """A figure of tickets: its definition, and the cases it is made of."""

    cases: Callable[[Asked], Cases]


_ALL = (
    TicketFigure(
        name="on_time_rate",
        term="按时办结率",
        formula="按时办结的承办件数 ÷ 本期到期的承办件数；期限含已批准的延期，法定程序另计；超期申请退单视为超期",
        moment="办理期限届满之日",
        measure=Measure.RATIO,
        better=Better.HIGH,
        source="通化规定第十五条、第十六条",
        cases=cases.on_time,
    ),
    TicketFigure(
        name="return_rate",
        term="退单率",
        formula="退单申请数 ÷ 交办承办单位数（主办、协办及向下交办各计一次）",
        moment="申请退单之日；交办之日",
        measure=Measure.RATIO,
        better=Better.LOW,
        source="通化规定第十五条",
        cases=cases.returned,
    ),
    TicketFigure(
        name="improper_return_rate",
        term="不当退单率",
        formula="未获同意的退单申请数 ÷ 退单申请数",
        moment="申请退单之日",
        measure=Measure.RATIO,
        better=Better.LOW,
        source="通化规定第十五条",
        cases=cases.improperly_returned,
    ),
    TicketFigure(
        name="rehandle_rate",
        term="重办率",
        formula="回访后退回重办的工单数 ÷ 已回访的工单数；每件工单计一次",
        moment="首次回访之日",
        measure=Measure.RATIO,
        better=Better.LOW,
        source="通化规定第二十条",
        cases=cases.rehandled,
    ),
    TicketFigure(
        name="visit_rate",
        term="回访率",
        formula="已登记回访数 ÷ 已派单且已答复数；每次办理计一次",
        moment="答复审核通过之日",
        measure=Measure.RATIO,
        better=Better.HIGH,
        source="通化规定第二十条",
        cases=cases.visited,
    ),
    TicketFigure(
        name="contact_rate",
        term="响应率",
        formula="诉求人表示承办单位已联系的回访数 ÷ 有效回访数",
        moment="回访之日",
        measure=Measure.RATIO,
        better=Better.HIGH,
        source="通化规定第十七条、第二十条",
        cases=cases.contacted,
    ),
    TicketFigure(
        name="solved_rate",
        term="解决率",
        formula="诉求人表示问题已解决的回访数 ÷ 有效回访数",
        moment="回访之日",
        measure=Measure.RATIO,
        better=Better.HIGH,
        source="国务院办公厅关于进一步优化地方政务服务便民热线的指导意见；通化规定第二十条",
        cases=cases.solved,
    ),
    TicketFigure(
        name="satisfaction_rate",
        term="满意率",
        formula="评价为满意或比较满意（非常满意、满意、基本满意，以工单适用的办件规则为准）的回访数 ÷ 有效回访数",
        moment="回访之日",
        measure=Measure.RATIO,
        better=Better.HIGH,
        source="通化规定第十九条、第二十条",
        cases=cases.satisfied,
    ),
    TicketFigure(
        name="registered",
        term="受理登记量",
        formula="登记的诉求件数",
        moment="登记之日",
        measure=Measure.COUNT,
        better=Better.NEITHER,
        source="通化规定第十四条",
        cases=cases.registered,
    ),
    TicketFigure(
        name="answered",
        term="直接答复量",
        formula="直接答复的诉求件数",
        moment="答复之日",
        measure=Measure.COUNT,
        better=Better.NEITHER,
        source="通化规定第十四条",
        cases=cases.answered_directly,
    ),
    TicketFigure(
        name="refused",
        term="不予受理量",
        formula="不予受理的诉求件数",
        moment="决定之日",
        measure=Measure.COUNT,
        better=Better.NEITHER,
        source="通化规定第十条",
        cases=cases.refused,
    ),
    TicketFigure(
        name="dispatched",
        term="派单量",
        formula="派单次数",
        moment="派单之日",
        measure=Measure.COUNT,
        better=Better.NEITHER,
        source="通化规定第十五条",
        cases=cases.dispatched,
    ),
    TicketFigure(
        name="closed",
        term="办结量",
        formula="办结的工单件数",
        moment="办结之日",
        measure=Measure.COUNT,
        better=Better.NEITHER,
        source="通化规定第十九条",
        cases=cases.closed,
    ),
    TicketFigure(
        name="supervised",
        term="督办量",
        formula="督办件数",
        moment="督办之日",
        measure=Measure.COUNT,
        better=Better.LOW,
        source="通化规定第十八条",
        cases=cases.supervised,
    ),
    TicketFigure(
        name="leads_established",
        term="问责线索属实数",
        formula="经核查认定属实的问责线索数",
        moment="认定之日",
        measure=Measure.COUNT,
        better=Better.LOW,
        source="通化规定第二十九条、第三十条",
        cases=cases.leads_established,
    ),
)

FIGURES: Final[Mapping[str, TicketFigure]] = MappingProxyType({figure.name: figure for figure in _ALL})
"""By name, in the order they are read."""

RATES: Final = tuple(figure for figure in _ALL if figure.measure is Measure.RATIO)


def figure(name: str) -> TicketFigure:
    """Raises FigureUnknown."""
    try:
        return FIGURES[name]
    except KeyError:
        raise FigureUnknown(name[:40], remedy=f"one of {', '.join(FIGURES)}") from None
