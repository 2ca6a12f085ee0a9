"""The words of reports."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ticketing.figures.periods import PeriodKind
from ticketing.vocabulary import Term


class ReportKind(Term):
    """What a report is for (TH 32: 月通报、半年考核、年终总评; YZ 三(四): 季通报、年考核)."""

    BULLETIN = "bulletin", "通报"
    ASSESSMENT = "assessment", "半年考核"
    EVALUATION = "evaluation", "年终总评"


PERIODS: Final[Mapping[ReportKind, frozenset[PeriodKind]]] = MappingProxyType(
    {
        ReportKind.BULLETIN: frozenset({PeriodKind.MONTH, PeriodKind.QUARTER}),
        ReportKind.ASSESSMENT: frozenset({PeriodKind.HALF_YEAR}),
        ReportKind.EVALUATION: frozenset({PeriodKind.YEAR}),
    }
)
"""How long a report's period is."""


class ReportState(Term):
    """Where the making of a report is."""

    QUEUED = "queued", "待生成"
    RUNNING = "running", "生成中"
    DONE = "done", "已生成"
    FAILED = "failed", "生成失败"
