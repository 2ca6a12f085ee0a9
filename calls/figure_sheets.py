"""History as a table that people read: headings in the words of the trade, durations in seconds, times of the city."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

from acd.states import AgentState
from calls.figures import UNKNOWN, Scope
from calls.history import AgentReport, CallReport

Table = list[list[str]]
"""Rows of cells, the headings first."""

_SUBJECTS: Mapping[Scope, str] = {Scope.HOTLINE: "热线", Scope.QUEUE: "队列"}

_CALL_COUNTS: Mapping[str, str] = {
    "offered": "呼入人工",
    "answered": "接通",
    "answered_promptly": "15秒内接通",
    "answered_in_level": "服务水平内接通",
    "answered_elsewhere": "分中心等接通",
    "abandoned": "放弃",
    "short_abandoned": "短放弃",
    "moved": "转队列",
    "otherwise": "转回拨留言等",
    "waiting": "未决",
    "early": "未请求人工",
    "handled": "已处理",
}
_CALL_RATES: Mapping[str, str] = {
    "connection_rate": "接通率",
    "promptness": "15秒及时率",
    "service_level": "服务水平",
    "abandonment": "放弃率",
    "short_abandonment": "短放弃率",
}
_CALL_TIMES: Mapping[str, str] = {"average_answer_ms": "平均应答秒", "average_handling_ms": "平均处理秒"}

_AGENT_COUNTS: Mapping[str, str] = {
    "offers": "分配",
    "answered": "接听",
    "no_answer": "未接",
    "rejected": "拒接",
    "failed": "话机故障",
    "withdrawn": "撤回",
    "handled": "已处理",
}
_AGENT_RATES: Mapping[str, str] = {"answer_rate": "接听率", "occupancy": "占用率"}
_AGENT_TIMES: Mapping[str, str] = {"average_ring_ms": "平均振铃秒", "average_handling_ms": "平均处理秒"}
_STATES: Mapping[str, str] = {
    AgentState.READY: "示闲秒",
    AgentState.RESERVED: "预留秒",
    AgentState.RINGING: "振铃秒",
    AgentState.TALKING: "通话秒",
    AgentState.HOLD: "保持秒",
    AgentState.CONSULT: "咨询秒",
    AgentState.CONFERENCE: "三方秒",
    AgentState.WRAP_UP: "话后整理秒",
    AgentState.NOT_READY: "示忙秒",
    AgentState.UNREACHABLE: "话机不可用秒",
    UNKNOWN: "未知秒",
}


def call_table(reports: Iterable[CallReport], scope: Scope, zone: ZoneInfo) -> Table:
    """Of hotlines or queues."""
    headings = [*_CALL_COUNTS.values(), *_CALL_RATES.values(), *_CALL_TIMES.values()]
    table = [["开始", _SUBJECTS[scope], *headings]]
    for report in reports:
        table.append(
            [
                f"{report.starts_at.astimezone(zone):%Y-%m-%d %H:%M}",
                plain_cell(report.subject),
                *(str(getattr(report.counts, name)) for name in _CALL_COUNTS),
                *(_rate(getattr(report.figures, name)) for name in _CALL_RATES),
                *(_seconds(getattr(report.figures, name)) for name in _CALL_TIMES),
            ]
        )
    return table


def agent_table(reports: Iterable[AgentReport], zone: ZoneInfo) -> Table:
    """Of agents; a column for each reason of not ready (示忙) that occurs."""
    rows = list(reports)
    reasons = sorted({reason for report in rows for reason in report.not_ready})
    headings = [*_AGENT_COUNTS.values(), *_AGENT_RATES.values(), *_AGENT_TIMES.values(), *_STATES.values()]
    table = [["开始", "工号", *headings, *(plain_cell(f"示忙（{reason}）秒") for reason in reasons)]]
    for report in rows:
        table.append(
            [
                f"{report.starts_at.astimezone(zone):%Y-%m-%d %H:%M}",
                plain_cell(report.subject),
                *(str(getattr(report.counts, name)) for name in _AGENT_COUNTS),
                *(_rate(getattr(report.figures, name)) for name in _AGENT_RATES),
                *(_seconds(getattr(report.figures, name)) for name in _AGENT_TIMES),
                *(_seconds(report.times.get(state, 0)) for state in _STATES),
                *(_seconds(report.not_ready.get(reason, 0)) for reason in reasons),
            ]
        )
    return table


def as_csv(table: Table) -> str:
    """With the mark by which spreadsheets know UTF-8."""
    text = io.StringIO()
    text.write("\ufeff")
    csv.writer(text).writerows(table)
    return text.getvalue()


def plain_cell(text: str) -> str:
    """A reason is whatever an agent typed: no cell may begin like a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _rate(rate: float | None) -> str:
    return "" if rate is None else f"{rate:.4f}"


def _seconds(milliseconds: float | None) -> str:
    return "" if milliseconds is None else f"{milliseconds / 1000:.1f}"
