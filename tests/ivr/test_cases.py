"""A flow's own tests: what passes, and what a person reads when one does not."""

from __future__ import annotations

from typing import Any

import pytest

from ivr.cases import CaseResult, run_cases
from ivr.flow import DayKind, Flow
from tests.ivr.generated import SUB_FLOWS, valid
from tests.ivr.runs import QUEUE, SHANGHAI, City, flow_of, option

NODES: dict[str, dict[str, Any]] = {
    "hours": {
        "type": "condition",
        "cases": [{"when": {"test": "time", "opens": "08:00", "closes": "18:00"}, "next": "menu"}],
        "otherwise": "night",
    },
    "menu": {
        "type": "menu",
        "prompt": "社保请按1，进度请按2",
        "options": {"1": option("experts"), "2": option("number")},
    },
    "experts": {"type": "queue", "queue": "expert-12333"},
    "number": {"type": "collect", "prompt": "单号", "variable": "number", "max_digits": 4, "next": "progress"},
    "progress": {"type": "progress", "number": "number", "code": "number", "next": "bye", "on_failure": "queue"},
    "bye": {"type": "hangup", "prompt": "再见"},
    "night": {"type": "message", "on_failure": "queue"},
    "queue": QUEUE,
}


def _run(city: City | None = None, **case: Any) -> CaseResult:
    written = {"name": "用例", "at": "2026-11-23T09:30", "line": "12345", **case}
    flow = flow_of(NODES, cases=[written])
    (result,) = run_cases(flow, {}, city or City(DayKind.WORKDAY), SHANGHAI)
    assert result.passed == (not result.reasons)
    return result


def test_a_case_that_comes_where_it_should_passes() -> None:
    result = _run(keys=["1"], expect={"at": "queue", "of": "expert-12333", "within_seconds": 12})
    assert result.reasons == ()
    assert result.simulation is not None
    assert result.simulation.seconds < 12


@pytest.mark.parametrize(
    ("keys", "at"), [(["1"], "human"), (["0"], "human"), ([], "human"), (["1"], "queue"), (["0"], "queue")]
)
def test_a_human_is_a_human_by_whichever_way_but_a_queue_is_a_queue(keys: list[str], at: str) -> None:
    assert _run(keys=keys, expect={"at": at}).passed == (at == "human" or keys == ["1"])


def test_another_end_is_named_with_its_reason() -> None:
    assert _run(keys=["0"], expect={"at": "queue", "of": "general"}).reasons == (
        "应到达队列 general，实际到达人工（来电人要求人工）",
    )
    assert _run(keys=["1"], expect={"at": "queue", "of": "general"}).reasons == (
        "应到达队列 general，实际到达队列 expert-12333",
    )


def test_too_late_is_told_in_seconds() -> None:
    (reason,) = _run(keys=["1"], expect={"at": "queue", "within_seconds": 1}).reasons
    assert reason.startswith("应在1秒内到达队列，实际用时")


def test_keys_nobody_asked_for_are_a_mistake_in_the_case() -> None:
    assert _run(keys=["1", "7"], expect={"at": "queue"}).reasons == ("还有1组按键没有被用到",)


def test_the_worlds_answers_are_those_of_the_case() -> None:
    good = {"progress": {"state": "办理中"}}
    assert _run(keys=["2", "1234"], answers=good, expect={"at": "hangup"}).passed
    named = {"main.progress": {"state": "办理中"}, "progress": None}
    assert _run(keys=["2", "1234"], answers=named, expect={"at": "hangup"}).passed
    assert _run(keys=["2", "1234"], answers={"progress": None}, expect={"at": "queue", "of": "general"}).passed


def test_an_answer_the_case_does_not_give_is_asked_for() -> None:
    assert _run(keys=["2", "1234"], expect={"at": "hangup"}).reasons == (
        "应到达挂机，实际到达队列 general",
        "用例没有写明节点“progress”的应答，已按失败处理",
    )


def test_the_time_is_local_unless_it_has_a_zone() -> None:
    assert _run(at="2026-11-23T22:30", expect={"at": "message"}).passed
    assert _run(at="2026-11-23T14:30+00:00", expect={"at": "message"}).passed
    assert _run(at="2026-11-23T14:30", keys=["1"], expect={"at": "queue"}).passed


def test_a_time_nobody_can_read_is_a_reason() -> None:
    result = _run(at="明天上午", expect={"at": "message"})
    assert "明天上午" in result.reasons[0]
    assert result.simulation is None


def test_what_nobody_has_to_write_goes_well() -> None:
    """Nobody waits, and everybody takes the call."""
    nodes = {
        "busy": {
            "type": "condition",
            "cases": [{"when": {"test": "queue", "queue": "tax", "waiting": 1, "nobody_ready": True}, "next": "m"}],
            "otherwise": "call",
        },
        "call": {"type": "transfer", "target": "12366", "on_failure": "m"},
        "m": {"type": "message"},
    }
    case = {"name": "转接", "at": "2026-11-23T09:30", "line": "12345", "expect": {"at": "transfer", "of": "12366"}}
    (result,) = run_cases(flow_of(nodes, cases=[case]), {}, City(), SHANGHAI)
    assert result.passed


def test_cases_go_into_other_flows() -> None:
    case = {"name": "子流程", "at": "2026-11-23T09:30", "line": "12345", "keys": ["5"], "expect": {"at": "queue"}}
    main = flow_of({"sub": {"type": "subflow", "flow": "sub", "next": "sub"}}, cases=[case])
    sub = flow_of({"menu": {"type": "menu", "prompt": "按5", "options": {"5": option("q")}}, "q": QUEUE}, key="sub")
    (result,) = run_cases(main, {"sub": sub}, City(), SHANGHAI)
    assert result.passed


def test_a_flow_under_edit_goes_before_the_published_one_of_its_name() -> None:
    case = {"name": "用例", "at": "2026-11-23T09:30", "line": "12345", "expect": {"at": "queue", "of": "general"}}
    edited: Flow = flow_of({"q": QUEUE}, cases=[case])
    published = flow_of({"q": {"type": "hangup"}})
    assert run_cases(edited, {"main": published}, City(), SHANGHAI)[0].passed


@pytest.mark.parametrize("seed", range(25))
def test_cases_that_were_grown_with_their_flow_pass(seed: int) -> None:
    for result in run_cases(valid(seed), SUB_FLOWS, City(), SHANGHAI):
        assert result.reasons == ()
