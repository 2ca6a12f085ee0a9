"""What the validation finds, and what it does not."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotline.settings import project_root
from ivr.flow import Flow
from ivr.validation import CODES, RULES, Finding, Severity, findings
from tests.ivr.generated import SUB_FLOWS, WORLD, Broken, broken, broken_flows, valid, valid_flows
from tests.ivr.grown import LONG
from tests.ivr.planted import PLANTS, planted
from tests.ivr.runs import flow_of

_BROKEN = [broken(seed) for seed in range(200)]
_SAY = {"type": "say", "prompt": "您好"}
_HUMAN: Mapping[str, Mapping[str, Any]] = {"human": {"type": "queue"}}


def _menu(*, on_timeout: str = "human", on_wrong: str = "human", **options: str) -> dict[str, Any]:
    keys = {key.removeprefix("k"): {"label": "选项", "next": to} for key, to in options.items()}
    lost = {"on_timeout": on_timeout, "on_wrong": on_wrong}
    return {"type": "menu", "prompt": "请按键选择", "seconds": 2, "options": keys, **lost}


def _rules(flow: Flow) -> list[tuple[str, str]]:
    return [(one.rule, one.node) for one in findings(flow, WORLD)]


def _found(one: Broken, without: Collection[str] = ()) -> bool:
    """Whether the flow is refused because of what was planted."""
    blocking = [found for found in findings(one.flow, WORLD, without=without) if found.severity is Severity.ERROR]
    return any((found.rule, found.node) == (one.rule, one.node) for found in blocking)


def _missed(flows: Iterable[Broken], without: Collection[str] = ()) -> list[str]:
    return [one.flow.flow for one in flows if not _found(one, without)]


def test_two_hundred_broken_flows_are_refused_for_what_is_wrong_with_them() -> None:
    assert _missed(_BROKEN) == []


def test_each_rule_is_broken_by_five_of_them_or_more() -> None:
    assert set(PLANTS) == {rule.code for rule in RULES if rule.severity is Severity.ERROR}
    broken_by = {rule: sum(one.rule == rule for one in _BROKEN) for rule in PLANTS}
    assert min(broken_by.values()) >= 5, broken_by


@pytest.mark.parametrize("rule", sorted(PLANTS))
def test_a_rule_that_is_switched_off_is_noticed(rule: str) -> None:
    its = [one for one in _BROKEN if one.rule == rule]
    others = [one for one in _BROKEN if one.rule != rule][:: len(its)]
    assert _missed([*its, *others], without={rule}) == [one.flow.flow for one in its]


def test_two_hundred_valid_flows_have_no_findings() -> None:
    found = {flow.flow: findings(flow, WORLD) for flow in map(valid, range(200))}
    assert {key: told for key, told in found.items() if told} == {}


def test_they_and_what_they_call_have_every_type_of_node() -> None:
    types = {node.type for seed in range(200) for node in valid(seed).nodes.values()}
    assert len(types) == 18
    assert [findings(flow, WORLD) for flow in SUB_FLOWS.values()] == [[]] * len(SUB_FLOWS)


@given(valid_flows())
@settings(max_examples=60, deadline=None)
def test_no_grown_flow_has_a_finding(flow: Flow) -> None:
    assert findings(flow, WORLD) == []


@given(broken_flows())
@settings(max_examples=60, deadline=None)
def test_every_planted_fault_is_found(one: Broken) -> None:
    assert _found(one)


@given(
    st.randoms(use_true_random=False), st.lists(st.sampled_from(sorted(set(PLANTS) - {"entry.missing"})), max_size=4)
)
@settings(max_examples=40, deadline=None)
def test_a_flow_with_many_faults_is_judged_to_the_end(random: Random, rules: list[str]) -> None:
    flow = planted(random, "entry.missing", "broken").flow
    nodes = {
        f"{index}_{key}"[-40:].lstrip("_0123456789"): node
        for index, rule in enumerate(rules)
        for key, node in planted(random, rule, "broken").flow.nodes.items()
    }
    several = flow.model_copy(update={"nodes": {**flow.nodes, **nodes}})
    assert "entry.missing" in {one.rule for one in findings(several, WORLD)}


def test_errors_come_first_and_say_what_to_do() -> None:
    flow = flow_of({"a": _menu(**{"k1": "web", "k0": "human"}), "web": _WEB, **_HUMAN})
    found = findings(flow, WORLD)
    assert [(one.rule, one.severity, one.node, one.field) for one in found] == [
        ("key.human", Severity.ERROR, "a", "options.0"),
        ("web.plain", Severity.WARNING, "web", "url"),
    ]
    assert all(one.message and one.remedy for one in found)


def test_operators_can_look_every_code_up() -> None:
    page = (project_root() / "docs" / "operations.md").read_text(encoding="utf-8")
    assert [code for code in sorted(CODES) if f"`{code}`" not in page] == []


def test_codes_and_titles_are_each_their_own() -> None:
    assert len(CODES) == len(RULES) == len({rule.title for rule in RULES})
    assert all(rule.check.__doc__ for rule in RULES)


_WEB = {"type": "web", "url": "http://unit.example.gov.cn/", "next": "human", "on_failure": "human"}


# --- keys -------------------------------------------------------------------------------------------------------------


def test_a_star_that_has_two_meanings_asks() -> None:
    collect = {"type": "collect", "prompt": "请输入工单编号", "variable": "x", "max_digits": 4}
    collect |= {"next": "human", "on_timeout": "human", "on_wrong": "human"}
    star = {"a": {**_menu(k1="c"), "options": {"*": {"label": "重听", "next": "human"}}}, **_HUMAN}
    assert _rules(flow_of(star)) == []
    star["a"]["options"]["1"] = {"label": "输入", "next": "c"}
    assert _rules(flow_of({**star, "c": collect})) == [("key.star", "a")]


def test_a_way_back_to_the_menu_above_makes_no_depth() -> None:
    nodes = {"a": _menu(k1="b", k2="c"), "b": _menu(k9="a"), "c": _menu(k9="a", k1="human"), **_HUMAN}
    assert _rules(flow_of(nodes)) == []
    assert _rules(flow_of({**nodes, "b": _menu(k9="a", k1="c")})) == [("menu.depth", "c")]


def test_silence_at_a_menu_is_no_way_down() -> None:
    nodes = {"a": _menu(k1="b", on_timeout="c"), "b": _menu(k1="human"), "c": _menu(k1="human"), **_HUMAN}
    assert _rules(flow_of(nodes)) == []


def test_a_menu_in_a_sub_flow_counts_at_the_node_that_calls_it() -> None:
    inner = flow_of({"a": _menu(k1="b"), "b": _menu(k1="back"), "back": {"type": "return"}, **_HUMAN}, key="inner")
    world = replace(WORLD, flows={"inner": inner})
    outer = flow_of({"m": _menu(k1="sub"), "sub": {"type": "subflow", "flow": "inner", "next": "human"}, **_HUMAN})
    assert [(one.rule, one.node) for one in findings(outer, world)] == [("menu.depth", "sub")]


# --- variables --------------------------------------------------------------------------------------------------------


def test_a_variable_must_be_set_on_every_way() -> None:
    test = {"test": "tag", "tags": ["repeat"]}
    nodes: dict[str, Any] = {
        "c": {"type": "condition", "cases": [{"when": test, "next": "set"}], "otherwise": "use"},
        "set": {"type": "set", "values": {"count": "3"}, "next": "use"},
        "use": {"type": "say", "prompt": "您前面还有{count:number}位", "next": "human"},
        **_HUMAN,
    }
    assert _rules(flow_of(nodes)) == [("variable.unset", "use")]
    nodes["c"]["otherwise"] = "set"
    assert _rules(flow_of(nodes)) == []


def test_what_a_sub_flow_sets_is_set_afterwards_and_what_it_uses_must_be_set_before() -> None:
    inner = flow_of(
        {
            "use": {"type": "say", "prompt": "您输入的是{given:digits}", "next": "set"},
            "set": {"type": "set", "values": {"found": "1"}, "next": "back"},
            "back": {"type": "return"},
        },
        key="inner",
    )
    assert [(one.rule, one.severity) for one in findings(inner, WORLD)] == [("variable.unset", Severity.WARNING)]
    world = replace(WORLD, flows={"inner": inner})
    outer: dict[str, Any] = {
        "sub": {"type": "subflow", "flow": "inner", "next": "say"},
        "say": {"type": "say", "prompt": "您输入的是{found:digits}", "next": "human"},
        **_HUMAN,
    }
    told = findings(flow_of(outer), world)
    assert [(one.rule, one.severity, one.node, one.field) for one in told] == [
        ("variable.unset", Severity.ERROR, "sub", "flow")
    ]
    first = {"first": {"type": "set", "values": {"given": "1"}, "next": "sub"}}
    assert findings(flow_of({**first, **outer}), world) == []


def test_an_outcome_is_there_when_a_sub_flow_has_come_back() -> None:
    test = {"test": "answer", "variable": "outcome", "values": ["none"]}
    nodes: dict[str, Any] = {
        "c": {"type": "condition", "cases": [{"when": test, "next": "sub"}], "otherwise": "sub"},
        "sub": {"type": "subflow", "flow": "ask-phone", "next": "after"},
        "after": {"type": "condition", "cases": [{"when": test, "next": "human"}], "otherwise": "human"},
        **_HUMAN,
    }
    assert _rules(flow_of(nodes)) == [("variable.unset", "c")]


def test_a_value_that_is_said_in_words_must_be_rendered() -> None:
    nodes: dict[str, Any] = {
        "set": {"type": "set", "values": {"part": "上午", "count": "3"}, "next": "say"},
        "say": {"type": "say", "prompt": "{part}您好", "next": "human"},
        **_HUMAN,
    }
    flow = flow_of(nodes)
    assert [(one.rule, one.node, one.field) for one in findings(flow, WORLD)] == [
        ("prompt.not_rendered", "set", "values.part")
    ]
    assert findings(flow, replace(WORLD, prompts={**WORLD.prompts, "上午": 1.0})) == []


def test_what_a_web_request_answers_is_said_in_digits() -> None:
    web = {**_WEB, "url": "https://unit.example.gov.cn/", "save": {"due": "/due"}, "next": "say"}
    say = {"type": "say", "prompt": "您好{due}", "next": "human"}
    assert _rules(flow_of({"w": web, "say": say, **_HUMAN})) == [("prompt.answer", "say")]
    assert _rules(flow_of({"w": web, "say": {**say, "prompt": "您好{due:digits}"}, **_HUMAN})) == []


# --- a human within two keys and 15 seconds ---------------------------------------------------------------------------


def _said(text: str, **more: Any) -> Mapping[str, Mapping[str, Any]]:
    return {"a": {"type": "say", "prompt": text, "next": "human", **more}, **_HUMAN}


@pytest.mark.parametrize(("seconds", "expected"), [(15.0, []), (15.1, ["human.seconds", "human.greeting"])])
def test_fifteen_seconds_that_must_be_heard_are_the_most(seconds: float, expected: list[str]) -> None:
    world = replace(WORLD, prompts={"您好": seconds})
    flow = flow_of(_said("您好", must_be_heard=True))
    assert [one.rule for one in findings(flow, world)] == expected


def test_what_a_key_ends_only_asks() -> None:
    assert _rules(flow_of(_said(LONG))) == [("human.greeting", "a")]


def test_the_seconds_of_several_nodes_add_up_and_a_menu_ends_them() -> None:
    must: dict[str, Any] = {"type": "say", "prompt": "请稍候", "must_be_heard": True}
    world = replace(WORLD, prompts={"请稍候": 8.0, "请按键选择": 1.0})
    two = {"a": {**must, "next": "b"}, "b": {**must, "next": "human"}, **_HUMAN}
    assert [one.rule for one in findings(flow_of(two), world)] == ["human.seconds", "human.greeting"]
    between = {"a": {**must, "next": "m"}, "m": _menu(k1="b"), "b": {**must, "next": "human"}, **_HUMAN}
    assert findings(flow_of(between), world) == []


def test_the_seconds_of_a_sub_flow_count() -> None:
    inner = flow_of({"a": {"type": "say", "prompt": LONG, "must_be_heard": True, "next": "r"}, "r": {"type": "return"}})
    world = replace(WORLD, flows={"main": inner})
    outer = {"m": _menu(k1="sub"), "sub": {"type": "subflow", "flow": "main", "next": "human"}, **_HUMAN}
    assert [(one.rule, one.node) for one in findings(flow_of(outer, key="outer"), world)] == [("human.seconds", "sub")]


def test_a_good_bye_is_for_those_who_chose_it() -> None:
    bye = {"bye": {"type": "hangup"}}
    assert _rules(flow_of({"m": _menu(k1="bye"), **bye, **_HUMAN})) == []
    assert _rules(flow_of({"m": _menu(k1="human", on_timeout="bye"), **bye, **_HUMAN})) == [("human.silence", "m")]
    assert _rules(flow_of({"a": {**_SAY, "next": "bye"}, **bye})) == [("human.no_way", "bye")]


def test_a_transfer_nobody_takes_is_no_human() -> None:
    nodes = {"t": {"type": "transfer", "target": "contact:7", "on_failure": "bye"}, "bye": {"type": "hangup"}}
    assert _rules(flow_of(nodes)) == [("human.no_way", "bye")]


def test_menus_that_lead_the_silent_to_each_other_are_a_circle() -> None:
    nodes = {"a": _menu(k1="human", on_timeout="b"), "b": _menu(k1="human", on_wrong="a"), **_HUMAN}
    assert _rules(flow_of(nodes)) == [("human.circle", "a"), ("human.circle", "b")]


def test_a_minute_of_silence_asks() -> None:
    waits = {**_menu(k1="human", on_timeout="b"), "seconds": 15, "attempts": 2}
    assert _rules(flow_of({"a": {**waits, "on_timeout": "human"}, **_HUMAN})) == []
    flow = flow_of({"a": waits, "b": {**waits, "on_timeout": "human"}, **_HUMAN})
    assert _rules(flow) == [("human.slow", flow.entry)]


def test_a_recording_takes_its_time() -> None:
    flow = flow_of(
        {"a": {"type": "say", "prompt": {"recording": "notice.v2"}, "must_be_heard": True, "next": "human"}, **_HUMAN}
    )
    assert findings(flow, WORLD) == []
    long = replace(WORLD, recordings={"notice.v2": 16.0})
    assert [one.rule for one in findings(flow, long)] == ["human.seconds", "human.greeting"]


def test_findings_can_be_compared_and_kept() -> None:
    flow = flow_of(_said(LONG))
    assert set(findings(flow, WORLD)) == set(findings(flow, WORLD))
    assert isinstance(findings(flow, WORLD)[0], Finding)
