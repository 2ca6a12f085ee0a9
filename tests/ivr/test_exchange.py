"""Flows as files."""

from __future__ import annotations

import difflib
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.exchange import Problem, UnreadableFlow, read, schema, write
from ivr.flow import Flow
from ivr.plain_yaml import LARGEST_BYTES
from tests.ivr.generated import SUB_FLOWS, broken, valid, valid_flows
from tests.ivr.runs import flow_of

_VALIDATOR = jsonschema.Draft202012Validator(schema())

_FILE = """\
flow: main
name: 主流程
entry: start
nodes:
  start:
    type: entry
    next: ask
  ask:
    type: menu
    note: 每年核对
    prompt: 请按键选择
    options:
      '1':
        label: 社保
        next: human
      '2':
        label: 住房
        next: human
      '*':
        label: 重听
        next: ask
    seconds: 3
    on_timeout: human
    on_wrong: human
  human:
    type: queue
cases:
  - name: 按0转人工
    at: '2026-11-23T12:00:00'
    line: '12345'
    keys:
      - '0'
    answers:
      ask: null
    expect:
      at: human
      within_seconds: 10.5
"""


def _problems(text: str | bytes) -> list[tuple[str, int, str]]:
    with pytest.raises(UnreadableFlow) as told:
        read(text)
    assert all(isinstance(one, Problem) and one.message and one.remedy for one in told.value.problems)
    return [(one.kind, one.line, one.at) for one in told.value.problems]


def test_a_file_is_written_in_one_way() -> None:
    assert write(read(_FILE)) == _FILE


def test_the_order_of_nodes_and_options_makes_no_other_file() -> None:
    flow = read(_FILE)
    turned = flow.model_dump()
    turned["nodes"] = dict(reversed(turned["nodes"].items()))
    turned["nodes"]["ask"]["options"] = dict(reversed(turned["nodes"]["ask"]["options"].items()))
    assert write(Flow.model_validate(turned)) == _FILE


@pytest.mark.parametrize("flows", [range(100)])
def test_what_was_written_is_read_back(flows: range) -> None:
    for seed in flows:
        for flow in (valid(seed), broken(seed).flow):
            assert read(write(flow)) == flow
    for flow in SUB_FLOWS.values():
        assert read(write(flow).encode()) == flow


@given(valid_flows())
@settings(max_examples=25, deadline=None)
def test_any_grown_flow_is_read_back(flow: Flow) -> None:
    assert read(write(flow)) == flow


@given(st.text(max_size=60), st.text(max_size=40))
@settings(max_examples=150, deadline=None)
def test_any_text_is_read_back(text: str, note: str) -> None:
    nodes: dict[str, Any] = {
        "say": {"type": "say", "prompt": text, "note": note},
        "set": {"type": "set", "values": {"a": text}},
    }
    flow = flow_of(nodes)
    assert read(write(flow)) == flow


@pytest.mark.parametrize(
    "text", ["null", "~", "no", "12:30", "1e3", "0", "- 1", "a: b", "# 1", "甲\n乙", "'", '"', "{a}", "&a", "甲\x85乙"]
)
def test_texts_that_look_like_something_else_stay_texts(text: str) -> None:
    flow = flow_of({"say": {"type": "say", "prompt": text}})
    assert read(write(flow)) == flow
    assert yaml.safe_load(write(flow))["nodes"]["say"]["prompt"] == text


def test_a_change_is_a_line() -> None:
    flow = read(_FILE)
    ask = flow.nodes["ask"].model_copy(update={"attempts": 3})
    changed = write(flow.model_copy(update={"nodes": {**flow.nodes, "ask": ask}}))
    told = [line for line in difflib.ndiff(_FILE.splitlines(), changed.splitlines()) if line[0] in "+-"]
    assert told == ["+     attempts: 3"]


def test_what_people_write_without_quotes_is_what_they_mean() -> None:
    bare = _FILE.replace("'1':", "1:").replace("'0'", "0").replace("'12345'", "12345").replace("'*':", '"*":')
    assert read(bare) == read(_FILE)
    closed = {"when": {"test": "time", "opens": "22:00", "closes": "06:30"}, "next": None}
    flow = flow_of({"c": {"type": "condition", "cases": [closed]}})
    text = write(flow)
    assert "opens: '22:00'" in text
    assert read(text.replace("'", "")) == flow


def test_a_prompt_is_a_text_or_what_was_recorded() -> None:
    said = {"recording": "welcome-2026", "text": "欢迎"}
    flow = flow_of({"a": {"type": "say", "prompt": said}, "b": {"type": "say", "prompt": "欢迎"}})
    plain = yaml.safe_load(write(flow))["nodes"]
    assert (plain["a"]["prompt"], plain["b"]["prompt"]) == ({"text": "欢迎", "recording": "welcome-2026"}, "欢迎")
    assert read(write(flow)) == flow


def test_the_largest_flow_is_read_back() -> None:
    keys = {key: {"label": "标" * 60, "next": "n0"} for key in "0123456789*#"}
    menu = {"type": "menu", "note": "注" * 400, "prompt": "字" * 600, "options": keys}
    flow = flow_of({f"n{number}": menu for number in range(199)})
    assert read(write(flow)) == flow


# --- what is refused --------------------------------------------------------------------------------------------------


def _with(line: str, instead: str) -> str:
    assert line in _FILE
    return _FILE.replace(line, instead, 1)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (_with("      '2':", "      '1':"), ("yaml.duplicate_key", 16, "")),
        (_with("      '2':", "      1:"), ("yaml.duplicate_key", 16, "")),
        (_with("  human:\n", "  ask:\n"), ("yaml.duplicate_key", 25, "")),
        (_with("name: 主流程", "name: &a 主流程"), ("yaml.anchor", 2, "")),
        (_with("name: 主流程", "name: *a"), ("yaml.alias", 2, "")),
        (_with("name: 主流程", "name: !!python/name:os.system 主流程"), ("yaml.tag", 2, "")),
        (_with("name: 主流程", "name: ! 主流程"), ("yaml.tag", 2, "")),
        (_FILE + "---\nflow: other\n", ("yaml.documents", 38, "")),
        (_with("name: 主流程", "name: [主流程"), ("yaml.syntax", 3, "")),
        (_with("name: 主流程", "? [a]\n: 主流程"), ("yaml.key", 2, "")),
        (_with("主流程", "主\x07流程"), ("yaml.syntax", 2, "")),
        (_FILE.encode("gb18030"), ("yaml.encoding", 2, "")),
        ("[" * 5_000, ("yaml.too_deep", 1, "")),
        ("# " + "x" * LARGEST_BYTES, ("yaml.too_large", 1, "")),
        (b"\xff" * (LARGEST_BYTES + 1), ("yaml.too_large", 1, "")),
        ("a: [" + "1," * 60_000 + "]", ("yaml.too_large", 1, "")),
        ("", ("flow.no_map", 1, "")),
        ("- flow", ("flow.no_map", 1, "")),
        (_with("name: 主流程\n", ""), ("flow.missing", 1, "")),
        (_with("    type: queue", "    type: queues"), ("flow.union_tag_invalid", 25, "nodes.human")),
        (_with("    type: queue", "    queue: general"), ("flow.union_tag_not_found", 25, "nodes.human")),
        (_with("    seconds: 3", "    second: 3"), ("flow.extra_forbidden", 22, "nodes.ask.second")),
        (_with("    seconds: 3", "    seconds: 三"), ("flow.float_parsing", 22, "nodes.ask.seconds")),
        (_with("    seconds: 3", "    seconds: 300"), ("flow.less_than_equal", 22, "nodes.ask.seconds")),
        (_with("    seconds: 3", "    seconds: nan"), ("flow.less_than_equal", 22, "nodes.ask.seconds")),
        (_with("      '2':", "      二:"), ("flow.string_pattern_mismatch", 16, "nodes.ask.options.二")),
        (_with("        label: 住房", "        label:"), ("flow.string_type", 17, "nodes.ask.options.2.label")),
        (_with("      - '0'", "      - 0a"), ("flow.string_pattern_mismatch", 32, "cases.0.keys.0")),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_what_is_wrong_is_told_with_its_line(text: str | bytes, problem: tuple[str, int, str]) -> None:
    assert problem in _problems(text)


def test_laughs_by_the_billion_are_refused_at_the_first() -> None:
    lines = ["a0: &a0 [哈, 哈]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 64)]
    assert _problems("\n".join(lines)) == [("yaml.anchor", 1, "")]


def test_several_problems_are_told_by_line() -> None:
    text = _with("    seconds: 3", "    seconds: 99").replace("type: queue", "type: queues")
    assert [line for _, line, _ in _problems(text)] == [22, 25]
    with pytest.raises(UnreadableFlow, match=r"第 22 行（nodes\.ask\.seconds）：数值超出范围；不大于 30"):
        read(text)


def test_a_thousand_problems_are_not_told() -> None:
    assert len(_problems("flow: a\nname: b\nentry: c\nnodes:\n" + "".join(f"  n{n}: {n}\n" for n in range(200)))) == 30


# --- the grammar ------------------------------------------------------------------------------------------------------


def test_the_schema_is_one_and_files_are_valid_by_it() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    for text in (_FILE, *(write(valid(seed)) for seed in range(40)), *(write(flow) for flow in SUB_FLOWS.values())):
        assert [error.message for error in _VALIDATOR.iter_errors(yaml.safe_load(text))] == []


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("    type: queue", "    type: queues"),
        ("    type: queue", "    queue: general"),
        ("    seconds: 3", "    second: 3"),
        ("    seconds: 3", "    seconds: 300"),
        ("name: 主流程\n", ""),
        ("      '2':", "      二:"),
        ("    prompt: 请按键选择", "    prompt: 7"),
    ],
)
def test_what_is_refused_is_not_valid_by_the_schema(line: str, instead: str) -> None:
    document: Any = yaml.safe_load(_with(line, instead))
    assert not _VALIDATOR.is_valid(document)
