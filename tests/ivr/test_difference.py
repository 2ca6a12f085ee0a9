"""What is different between two texts of a flow."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.difference import ChangeKind, changes
from ivr.document import tree
from ivr.flow import Flow
from tests.ivr.edited import edited
from tests.ivr.generated import valid
from tests.ivr.test_merging import _BASE, _with

_TEST = {"test": "tag", "tags": ["repeat"]}
_CONDITION = {"type": "condition", "cases": [{"when": _TEST, "next": "human"}], "otherwise": "human"}
_WITH_CONDITION = _with({"nodes.c": _CONDITION})
_CASE = {"name": "夜间", "at": "2026-11-23T23:00:00", "line": "12345", "expect": {"at": "human"}}


@pytest.mark.parametrize(
    ("change", "kind", "field", "words"),
    [
        ({"name": "新"}, "flow", "name", "流程的名称由“主流程”改为“新”"),
        ({"entry": "ask"}, "flow", "entry", "流程的入口由“start”改为“ask”"),
        ({"nodes.n": {"type": "queue"}}, "node_added", "", "增加节点“n”（转人工队列）"),
        ({"nodes.bye": None}, "node_removed", "", "删除节点“bye”（挂机）"),
        ({"nodes.bye": {"type": "queue"}}, "node_replaced", "", "节点“bye”由“挂机”改为“转人工队列”"),
        ({"nodes.start.next": "human"}, "branch", "next", "节点“start”的下一步由“ask”改为“human”"),
        ({"nodes.ask.on_wrong": None}, "branch", "on_wrong", "节点“ask”的按错去向由“human”改为默认或不设"),
        ({"nodes.ask.options.1.next": "bye"}, "branch", "options.1.next", "节点“ask”按键 1 的去向由“human”改为“bye”"),
        (
            {"nodes.ask.options.3": {"label": "其他", "next": "bye"}},
            "key_added",
            "options.3",
            "节点“ask”增加按键 3“其他”，通向“bye”",
        ),
        ({"nodes.ask.options.2": None}, "key_removed", "options.2", "节点“ask”删除按键 2“住房”"),
        ({"nodes.ask.options.2.label": "房"}, "key_label", "options.2.label", "节点“ask”按键 2 的含义由“住房”改为“房”"),
        ({"nodes.ask.prompt": "请选"}, "prompt", "prompt", "节点“ask”的提示音由“请按键选择”改为“请选”"),
        (
            {"nodes.ask.prompt": {"recording": "r1"}},
            "prompt",
            "prompt",
            "节点“ask”的提示音由“请按键选择”改为录音“r1”",
        ),
        ({"nodes.ask.wrong": "错了"}, "prompt", "wrong", "节点“ask”的按错提示设为“错了”"),
        ({"nodes.ask.seconds": 3.5}, "field", "seconds", "节点“ask”的等待秒数设为3.5"),
        ({"cases.夜间": _CASE}, "case_added", "cases.夜间", "增加用例“夜间”"),
    ],
)
def test_a_change_in_words(change: dict[str, Any], kind: str, field: str, words: str) -> None:
    told = changes(_BASE, _with(change))
    assert [(one.kind, one.field, one.words) for one in told] == [(ChangeKind(kind), field, words)]


def test_the_cases_of_a_condition_are_told_one_by_one_while_they_are_as_many() -> None:
    moved = _with({"nodes.c.cases": [{"when": _TEST, "next": "bye"}]}, _WITH_CONDITION)
    assert [one.words for one in changes(_WITH_CONDITION, moved)] == ["节点“c”第 1 个条件的去向由“human”改为“bye”"]
    more = _with({"nodes.c.cases": [{"when": _TEST, "next": "bye"}] * 2}, _WITH_CONDITION)
    assert [(one.kind, one.field) for one in changes(_WITH_CONDITION, more)] == [(ChangeKind.FIELD, "cases")]


def test_a_case_that_says_something_else_is_changed_and_not_new() -> None:
    with_case = _with({"cases.夜间": _CASE})
    later = _with({"cases.夜间.line": "12333"}, with_case)
    assert [one.words for one in changes(with_case, later)] == ["修改用例“夜间”"]
    assert [one.words for one in changes(with_case, _BASE)] == ["删除用例“夜间”"]


def test_against_nothing_everything_is_new() -> None:
    told = changes(None, _BASE)
    assert {one.kind for one in told} == {ChangeKind.FLOW, ChangeKind.NODE_ADDED}
    assert [one.node for one in told if one.node] == sorted(_BASE.nodes)


@given(st.integers(0, 200), st.randoms(use_true_random=False), st.integers(0, 6))
@settings(max_examples=80, deadline=None)
def test_there_are_changes_where_texts_differ_and_nowhere_else(seed: int, random: Random, edits: int) -> None:
    before = valid(seed)
    after = edited(before, random, edits)
    there, back = changes(before, after), changes(after, before)
    assert bool(there) == (tree(before) != tree(after))
    assert [(one.node, one.field, one.before, one.after) for one in there] == [
        (one.node, one.field, one.after, one.before) for one in back
    ]
    assert all(one.words for one in there)


def test_of_the_order_of_nodes_nothing_is_told() -> None:
    turned = Flow.model_validate({**_BASE.model_dump(), "nodes": dict(reversed(_BASE.model_dump()["nodes"].items()))})
    assert changes(_BASE, turned) == []
