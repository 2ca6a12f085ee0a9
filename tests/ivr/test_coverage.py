"""What cases walk of a flow, and walks through all of it."""

from __future__ import annotations

from typing import Any

import pytest

from ivr.cases import run_cases
from ivr.coverage import Step, coverage, walkable
from ivr.coverage_walk import walk
from tests.ivr.generated import SUB_FLOWS, valid
from tests.ivr.runs import QUEUE, SHANGHAI, City, flow_of, option

NODES: dict[str, dict[str, Any]] = {
    "menu": {
        "type": "menu",
        "prompt": "请按键",
        "options": {"1": option("queue"), "2": option("call"), "3": option(None)},
        "on_wrong": "queue",
    },
    "call": {"type": "transfer", "target": "12366", "on_failure": "queue"},
    "queue": QUEUE,
}


def _case(*keys: str, **more: Any) -> dict[str, Any]:
    case = {"name": "用例", "at": "2026-11-23T09:30", "line": "12345", "keys": keys, "expect": {"at": "human"}}
    return {**case, **more}


def _covered(*cases: dict[str, Any]) -> Any:
    flow = flow_of(NODES, cases=cases)
    return coverage(flow, (one.simulation for one in run_cases(flow, {}, City(), SHANGHAI) if one.simulation))


def test_what_can_be_walked_is_what_somebody_drew() -> None:
    assert walkable(flow_of(NODES)) == {
        Step("start", "next"),
        Step("menu", "key 1"),
        Step("menu", "key 2"),
        Step("menu", "on_wrong"),
        Step("call", "end"),
        Step("call", "on_failure"),
        Step("queue", "end"),
    }


def test_no_case_walks_nothing() -> None:
    found = _covered()
    assert (found.share, found.nodes, found.branches) == (0.0, frozenset(), frozenset())


def test_cases_walk_nodes_and_branches() -> None:
    found = _covered(_case("1"))
    assert found.nodes == {"start", "menu", "queue"}
    assert found.nodes_left == {"call"}
    assert found.branches == {Step("start", "next"), Step("menu", "key 1"), Step("queue", "end")}
    assert found.share == pytest.approx(3 / 7)


def test_all_of_it() -> None:
    found = _covered(_case("1"), _case("2"), _case("2", answers={"call": None}), _case("9", "9"))
    assert found.share == 1.0
    assert not found.nodes_left


def test_a_way_nobody_drew_is_no_branch_of_the_flow() -> None:
    assert Step("menu", "human") not in _covered(_case("0")).branches


def test_a_menu_that_knows_every_key_cannot_be_left_by_a_wrong_one() -> None:
    options = {key: option("queue") for key in "123456789*#"}
    flow = flow_of({"menu": {**NODES["menu"], "options": options}, "queue": QUEUE})
    assert Step("menu", "on_wrong") not in walkable(flow)
    assert walk({"main": flow}, "main").coverage.share == 1.0


def _plain(when: dict[str, Any], before: dict[str, Any] | None = None) -> Any:
    nodes = {
        "is": {"type": "condition", "cases": [{"when": when, "next": "yes"}], "otherwise": "no"},
        "yes": {"type": "hangup"},
        "no": QUEUE,
    }
    return flow_of(nodes if before is None else {"first": {**before, "next": "is"}, **nodes})


@pytest.mark.parametrize(
    ("when", "before"),
    [
        ({"test": "calendar", "first": "2026-10-01", "last": "2026-10-07"}, None),
        ({"test": "time", "opens": "22:00", "closes": "06:00"}, None),
        ({"test": "hours", "of": "office"}, None),
        ({"test": "day", "kinds": ["holiday"]}, None),
        ({"test": "line", "lines": ["12333"]}, None),
        ({"test": "tag", "tags": ["vip"]}, None),
        ({"test": "language", "language": "en"}, None),
        ({"test": "queue", "queue": "tax", "waiting": 7}, None),
        ({"test": "queue", "queue": "tax", "nobody_ready": True}, None),
        ({"test": "answer", "variable": "line", "values": ["12333"]}, None),
        (
            {"test": "answer", "variable": "n", "values": ["42"]},
            {"type": "collect", "prompt": "号", "variable": "n", "max_digits": 3},
        ),
        (
            {"test": "answer", "variable": "due", "values": ["late"]},
            {"type": "web", "url": "https://example.org/", "save": {"due": "/x"}},
        ),
    ],
)
def test_a_walk_finds_both_sides_of_every_test(when: dict[str, Any], before: dict[str, Any] | None) -> None:
    found = walk({"main": _plain(when, before)}, "main")
    assert {Step("is", "case 1"), Step("is", "otherwise")} <= found.ways.keys()


def test_a_walk_finds_answers_of_queues_that_matter_together() -> None:
    tests = [("tax", 9), ("law", 9), ("tax", 5)]
    cases = [{"when": {"test": "queue", "queue": name, "waiting": n}, "next": "q"} for name, n in tests]
    flow = flow_of({"is": {"type": "condition", "cases": cases, "otherwise": "q"}, "q": QUEUE})
    assert walk({"main": flow}, "main").coverage.share == 1.0


def test_a_walk_finds_a_value_through_the_variable_it_is_copied_to() -> None:
    flow = flow_of(
        {
            "digits": {"type": "collect", "prompt": "号", "variable": "keyed", "max_digits": 2, "next": "copy"},
            "copy": {"type": "set", "values": {"kind": "{keyed}"}, "next": "is"},
            "is": {
                "type": "condition",
                "cases": [{"when": {"test": "answer", "variable": "kind", "values": ["37"]}, "next": "yes"}],
                "otherwise": "no",
            },
            "yes": {"type": "hangup"},
            "no": QUEUE,
        }
    )
    assert walk({"main": flow}, "main").coverage.share == 1.0


def test_a_branch_that_nobody_can_take_is_left() -> None:
    flow = _plain({"test": "language", "language": "en"}, {"type": "set", "language": "zh-CN"})
    left = walk({"main": flow}, "main").coverage.branches_left
    assert left == {Step("is", "case 1"), Step("yes", "end")}


@pytest.mark.parametrize("seed", range(40))
def test_a_valid_flow_is_walked_completely_and_the_simulator_walks_the_same(seed: int) -> None:
    flow = valid(seed)
    flows = {**SUB_FLOWS, flow.flow: flow}
    found = walk(flows, flow.flow)
    assert found.coverage.branches_left == frozenset()
    assert found.coverage.nodes_left == frozenset()
    played = [way.play(flows, flow.flow) for way in found.ways.values()]
    assert coverage(flow, played).share == 1.0
    for step, simulation in zip(found.ways, played, strict=True):
        assert tuple(step) in [(one.node, one.branch) for one in simulation.path if one.flow == flow.flow]
