"""Two people's changes to one flow."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.difference import changes
from ivr.document import flow_of, tree
from ivr.flow import Flow
from ivr.merging import Merge, Side, merge
from tests.ivr.edited import edited
from tests.ivr.generated import valid

_BASE = Flow.model_validate(
    {
        "flow": "main",
        "name": "主流程",
        "entry": "start",
        "nodes": {
            "start": {"type": "entry", "next": "ask"},
            "ask": {
                "type": "menu",
                "prompt": "请按键选择",
                "options": {"1": {"label": "社保", "next": "human"}, "2": {"label": "住房", "next": "bye"}},
                "on_timeout": "human",
                "on_wrong": "human",
            },
            "digits": {"type": "collect", "prompt": "请输入", "variable": "x", "max_digits": 4, "next": "human"},
            "human": {"type": "queue"},
            "bye": {"type": "hangup"},
        },
    }
)


def _with(change: dict[str, Any], base: Flow = _BASE) -> Flow:
    """The flow with values at paths (`nodes.ask.prompt`); None removes."""
    found = tree(base)
    for path, value in change.items():
        *steps, last = path.split(".")
        part: Any = found
        for step in steps:
            part = part.setdefault(step, {})
        if value is None:
            del part[last]
        else:
            part[last] = value
    return flow_of(found)


def _conflicts(merged: Merge) -> list[tuple[str, dict[str, Any]]]:
    assert (merged.flow is None) == bool(merged.conflicts)
    return [(one.at, {side.value: value for side, value in one.sides.items()}) for one in merged.conflicts]


def test_what_each_changed_is_in_it() -> None:
    mine = _with(
        {"nodes.ask.prompt": "您好", "nodes.ask.options.3": {"label": "其他", "next": "human"}, "name": "新名"}
    )
    theirs = _with({"nodes.ask.on_wrong": "bye", "nodes.ask.options.1.label": "社会保障", "nodes.digits": None})
    both = {"nodes.ask.on_wrong": "bye", "nodes.ask.options.1.label": "社会保障", "nodes.digits": None}
    assert merge(_BASE, mine, theirs) == Merge(_with(both, mine))


@pytest.mark.parametrize(
    ("mine", "theirs", "at", "sides"),
    [
        ({"name": "甲"}, {"name": "乙"}, "name", {"base": "主流程", "mine": "甲", "theirs": "乙"}),
        (
            {"nodes.ask.options.1.next": "bye"},
            {"nodes.ask.options.1.next": "digits"},
            "nodes.ask.options.1.next",
            {"base": "human", "mine": "bye", "theirs": "digits"},
        ),
        (
            {"nodes.ask.options.3": {"label": "甲"}},
            {"nodes.ask.options.3": {"label": "乙"}},
            "nodes.ask.options.3",
            {"mine": {"label": "甲"}, "theirs": {"label": "乙"}},
        ),
        (
            {"nodes.ask.options.2": None},
            {"nodes.ask.options.2.label": "房"},
            "nodes.ask.options.2",
            {"base": {"label": "住房", "next": "bye"}, "theirs": {"label": "房", "next": "bye"}},
        ),
        (
            {"nodes.new": {"type": "say", "prompt": "一"}},
            {"nodes.new": {"type": "say", "prompt": "一", "note": "二"}},
            "nodes.new",
            {"mine": {"type": "say", "prompt": "一"}, "theirs": {"type": "say", "note": "二", "prompt": "一"}},
        ),
        (
            {"nodes.bye": {"type": "queue"}},
            {"nodes.bye.note": "再见"},
            "nodes.bye",
            {"base": {"type": "hangup"}, "mine": {"type": "queue"}, "theirs": {"type": "hangup", "note": "再见"}},
        ),
        ({"nodes.digits.seconds": 3}, {"nodes.digits.seconds": 4}, "nodes.digits.seconds", {"mine": 3, "theirs": 4}),
        (
            {"nodes.digits": None},
            {"nodes.ask.on_wrong": "digits"},
            "nodes.digits",
            {side: tree(_BASE)["nodes"]["digits"] for side in ("base", "theirs")},
        ),
        (
            {"nodes.ask.options.1": None},
            {"nodes.ask.options.2": None},
            "nodes.ask.options",
            {
                "base": tree(_BASE)["nodes"]["ask"]["options"],
                "mine": {"2": {"label": "住房", "next": "bye"}},
                "theirs": {"1": {"label": "社保", "next": "human"}},
            },
        ),
    ],
)
def test_what_both_changed_is_told_with_both_sides(
    mine: dict[str, Any], theirs: dict[str, Any], at: str, sides: dict[str, Any]
) -> None:
    mine_flow, theirs_flow = _with(mine), _with(theirs)
    assert _conflicts(merge(_BASE, mine_flow, theirs_flow)) == [(at, sides)]
    taken_mine = merge(_BASE, mine_flow, theirs_flow, {at: Side.MINE})
    taken_theirs = merge(_BASE, mine_flow, theirs_flow, {at: Side.THEIRS})
    assert taken_mine.conflicts == taken_theirs.conflicts == ()
    assert taken_mine.flow != taken_theirs.flow
    assert taken_mine.flow is not None
    assert taken_theirs.flow is not None
    parts = [tree(flow) for flow in (taken_mine.flow, taken_theirs.flow)]
    for step in at.split("."):
        parts = [part.get(step, {}) for part in parts]
    assert parts == [sides.get("mine", {}), sides.get("theirs", {})]


def test_a_finish_that_was_taken_away_is_a_change() -> None:
    nodes = tree(_BASE)
    nodes["nodes"]["digits"]["finish"] = None
    mine = flow_of(nodes)
    assert merge(_BASE, mine, _with({"name": "乙"})).flow == _with({"name": "乙"}, mine)
    assert merge(_BASE, _BASE, mine).flow == mine


def test_two_lists_of_tests_are_one_decision() -> None:
    test = {"test": "tag", "tags": ["repeat"]}
    base = _with({"nodes.c": {"type": "condition", "cases": [{"when": test, "next": "human"}], "otherwise": "human"}})
    mine = _with({"nodes.c.cases": [{"when": test, "next": "bye"}]}, base)
    theirs = _with({"nodes.c.cases": [{"when": test, "next": "ask"}], "nodes.c.otherwise": "ask"}, base)
    assert [one.at for one in merge(base, mine, theirs).conflicts] == ["nodes.c.cases"]


def test_without_a_base_all_that_differs_is_told() -> None:
    other = _with({"name": "乙", "nodes.bye.note": "再见"})
    assert [one.at for one in merge(None, _BASE, other).conflicts] == ["name", "nodes.bye"]
    assert merge(None, _BASE, _BASE).flow == _BASE


def test_too_many_nodes_by_both_are_told() -> None:
    def many(name: str) -> Flow:
        return _with({f"nodes.{name}_{index}": {"type": "queue"} for index in range(100)})

    merged = merge(_BASE, many("a"), many("b"))
    assert [one.at for one in merged.conflicts] == [""]
    assert merge(_BASE, many("a"), many("b"), {"": Side.THEIRS}).flow == many("b")


_EDITS = st.integers(0, 6)


@given(st.integers(0, 300), st.randoms(use_true_random=False), _EDITS, _EDITS)
@settings(max_examples=120, deadline=None)
def test_nothing_is_lost(seed: int, random: Random, more: int, less: int) -> None:
    """Every change of either is in what was made of both, or is told."""
    base = valid(seed)
    mine, theirs = edited(base, random, more), edited(base, random, less)
    merged = merge(base, mine, theirs)
    turned = merge(base, theirs, mine)
    assert {one.at for one in merged.conflicts} == {one.at for one in turned.conflicts}
    if merged.flow is not None and turned.flow is not None:
        assert tree(merged.flow) == tree(turned.flow)
    for choice, chosen in ((Side.MINE, mine), (Side.THEIRS, theirs)):
        decided, choices = merged, dict[str, Side]()
        while decided.conflicts:
            new = {one.at for one in decided.conflicts} - choices.keys()
            assert new, "what was decided is told again"
            choices |= dict.fromkeys(new, choice)
            decided = merge(base, mine, theirs, choices)
        assert decided.flow is not None
        made = {(one.node, one.field): one for one in changes(base, decided.flow)}
        assert [one for one in changes(base, chosen) if made.get((one.node, one.field)) != one] == []


@given(st.integers(0, 300), st.randoms(use_true_random=False), _EDITS)
@settings(max_examples=60, deadline=None)
def test_one_persons_changes_are_taken_as_they_are(seed: int, random: Random, edits: int) -> None:
    base = valid(seed)
    mine = edited(base, random, edits)
    assert merge(base, mine, base).flow == merge(base, base, mine).flow == merge(base, mine, mine).flow == mine
