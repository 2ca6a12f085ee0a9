"""A flow's own tests (菜单用例), run by the simulator on every save. What went wrong is told in Chinese, for admins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

from ivr.events import (
    AskSatisfaction,
    Calendar,
    CallFacts,
    DialEmergency,
    DialTarget,
    LookAtQueue,
    PromiseCallback,
    TakeMessage,
    Work,
)
from ivr.flow import ExpectedEnd, Flow, MenuCase
from ivr.interpreter_machine import Place
from ivr.simulator import Answer, Caller, End, SecondsOf, Simulation, seconds_by_length, simulate

_UNASKED: Final[Mapping[type, Mapping[str, str]]] = {
    LookAtQueue: {"waiting": "0", "ready": "1"},
    DialTarget: {},
    DialEmergency: {},
    PromiseCallback: {},
    TakeMessage: {},
    AskSatisfaction: {},
}
"""What the world answers where a case says nothing: nobody waits, and everybody takes the call. What depends on the
caller's matter a case has to say itself."""

_ENDS: Final[Mapping[str, str]] = {
    "queue": "队列",
    "transfer": "转接",
    "emergency": "紧急电话",
    "callback": "预约回拨",
    "message": "留言",
    "hangup": "挂机",
    "return": "返回",
    "human": "人工",
}
_WHYS: Final[Mapping[str, str]] = {
    "asked": "来电人要求人工",
    "timeout": "等待按键超时",
    "wrong": "按键错误",
    "failure": "环节执行失败",
    "unset": "分支未设置去向",
    "limit": "步数过多",
}


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case: `reasons` are empty when it passed. `simulation` is None where the case itself cannot be read."""

    name: str
    reasons: tuple[str, ...]
    simulation: Simulation | None

    @property
    def passed(self) -> bool:
        return not self.reasons


class WorldOfCase:
    """The world as a case describes it; `unanswered` are the nodes it says nothing of and should."""

    def __init__(self, case: MenuCase) -> None:
        self._answers = case.answers
        self.unanswered: list[Place] = []

    def answer(self, place: Place, work: Work) -> Answer:
        for name in (f"{place.flow}.{place.node}", place.node):
            if name in self._answers:
                return Answer(self._answers[name])
        if type(work) in _UNASKED:
            return Answer(_UNASKED[type(work)])
        self.unanswered.append(place)
        return Answer(None)


def run_cases(
    flow: Flow,
    flows: Mapping[str, Flow],
    calendar: Calendar,
    zone: tzinfo,
    *,
    line_name: Callable[[str], str] = str,
    seconds_of: SecondsOf = seconds_by_length,
) -> tuple[CaseResult, ...]:
    """Run every case of a flow. `flows` are those it leads into; `zone` is where times without one are meant."""
    closure = {**flows, flow.flow: flow}
    return tuple(
        run_case(case, flow.flow, closure, calendar, zone, line_name=line_name, seconds_of=seconds_of)
        for case in flow.cases
    )


def run_case(
    case: MenuCase,
    key: str,
    flows: Mapping[str, Flow],
    calendar: Calendar,
    zone: tzinfo,
    *,
    line_name: Callable[[str], str] = str,
    seconds_of: SecondsOf = seconds_by_length,
) -> CaseResult:
    """Run one case in the flow `key`."""
    try:
        at = datetime.fromisoformat(case.at)
    except ValueError:
        return CaseResult(case.name, (f"时间“{case.at}”不是 ISO 8601 格式，例如 2026-11-22T09:30",), None)
    if at.tzinfo is None:
        at = at.replace(tzinfo=zone)
    world = WorldOfCase(case)
    facts = CallFacts(case.line, line_name(case.line), frozenset(case.tags), flows[key].language)
    played = simulate(flows, key, facts, calendar, at=at, caller=Caller(case.keys), world=world, seconds_of=seconds_of)
    return CaseResult(case.name, tuple(_reasons(case, played, world)), played)


def _reasons(case: MenuCase, played: Simulation, world: WorldOfCase) -> list[str]:
    expect, end = case.expect, played.end
    found: list[str] = []
    if not _is_there(expect, end):
        found.append(f"应到达{_expected(expect)}，实际到达{_reached(end)}")
    elif expect.within_seconds is not None and played.seconds > expect.within_seconds:
        found.append(f"应在{expect.within_seconds:g}秒内到达{_expected(expect)}，实际用时{played.seconds:.1f}秒")
    if played.keys_left:
        found.append(f"还有{played.keys_left}组按键没有被用到")
    if found:
        found += [f"用例没有写明节点“{place.node}”的应答，已按失败处理" for place in dict.fromkeys(world.unanswered)]
    return found


def _is_there(expect: ExpectedEnd, end: End) -> bool:
    is_kind = end.at in ("human", "queue") if expect.at == "human" else end.at == expect.at
    return is_kind and (expect.of is None or expect.of == end.of)


def _expected(expect: ExpectedEnd) -> str:
    return _ENDS[expect.at] + (f" {expect.of}" if expect.of else "")


def _reached(end: End) -> str:
    why = _WHYS.get(end.why)
    return _ENDS[end.at] + (f" {end.of}" if end.of else "") + (f"（{why}）" if why else "")
