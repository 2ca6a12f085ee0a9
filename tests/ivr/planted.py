"""Faults planted into valid flows: each breaks one rule, at a node that is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any, Final, NamedTuple

from ivr.flow import Flow
from ivr.nodes import ways_out
from ivr.validation.graph import reach
from tests.ivr.grown import LONG, Grower, Node

URL: Final = "https://unit.example.gov.cn/answers"


class Broken(NamedTuple):
    """A flow with one fault, the code of the rule it breaks, and the node where it is found ("": the flow itself)."""

    flow: Flow
    rule: str
    node: str


@dataclass
class Planter:
    """A valid flow as a document, into which something is planted."""

    random: Random
    document: dict[str, Any]

    @property
    def nodes(self) -> dict[str, Node]:
        found: dict[str, Node] = self.document["nodes"]
        return found

    def add(self, kind: str, **fields: Any) -> str:
        key = f"planted_{len(self.nodes)}"
        self.nodes[key] = {"type": kind, **fields}
        return key

    def human(self) -> str:
        return self.add("queue")

    def lead_to(self, node: str, *, at_once: bool = False) -> str:
        """Some way of the flow leads to `node` when a citizen has called before, else on as it did. `at_once`: the way
        from the entry, on which nobody has been asked; always taken for a menu, which may not stand too deep."""
        at_once = at_once or self.nodes[node]["type"] == "menu"
        flow = Flow.model_validate(self.document)
        drawn = [
            (key, one.field, one.to)
            for key in reach([flow.entry], lambda key: [one.to for one in ways_out(flow.nodes[key]) if one.to])
            for one in ways_out(flow.nodes[key])
            if one.to is not None and not key.startswith("planted") and not (at_once and key != flow.entry)
        ]
        key, field, to = self.random.choice(drawn)
        test = {"test": "tag", "tags": ["called-before"]}
        way_off = self.add("condition", cases=[{"when": test, "next": node}], otherwise=to)
        *path, last = field.split(".")
        part: Any = self.nodes[key]
        for step in path:
            part = part[int(step)] if isinstance(part, list) else part[step]
        part[last] = way_off
        return node

    def menu(self, **fields: Any) -> str:
        """A menu that is all right but for what `fields` say, not led to yet."""
        right: Node = {"prompt": "请按键选择", "seconds": 2, **fields}
        if "options" not in fields:
            right["options"] = {"1": {"label": "人工", "next": self.human()}}
        return self._asking("menu", right, ["on_timeout", "on_wrong"])

    def collect(self, **fields: Any) -> str:
        right: Node = {"prompt": "请输入电话号码", "variable": "planted", "max_digits": 4, "seconds": 2, **fields}
        return self._asking("collect", right, ["next", "on_timeout", "on_wrong"])

    def _asking(self, kind: str, fields: Node, ways: list[str]) -> str:
        for way in ways:
            if way not in fields:
                fields[way] = self.human()
        return self.add(kind, **fields)

    def some(self, kind: str) -> str:
        """A node of this kind that can be come to: one of the flow's, or a new one."""
        found = [key for key, node in self.nodes.items() if node["type"] == kind]
        if found and self.random.random() < 0.7:
            return self.random.choice(found)
        return self.lead_to(self.menu() if kind == "menu" else self.collect())


Plant = Callable[[Planter], str]
"""Plants a fault and says at which node it will be found."""


def _entry_missing(flow: Planter) -> str:
    flow.document["entry"] = "nowhere"
    return ""


def _entry_wrong(flow: Planter) -> str:
    flow.document["entry"] = flow.nodes["start"]["next"]
    return str(flow.document["entry"])


def _entry_several(flow: Planter) -> str:
    return flow.add("entry", next=flow.random.choice(sorted(flow.nodes)))


def _unreachable(flow: Planter) -> str:
    return flow.add("say", prompt="您好", next=flow.random.choice(sorted(flow.nodes)))


def _dead_end(flow: Planter) -> str:
    kinds: list[Node] = [
        {"kind": "say", "prompt": "您好"},
        {"kind": "survey"},
        {"kind": "set", "values": {"planted": "1"}},
        {"kind": "subflow", "flow": "notice"},
        {"kind": "knowledge", "entry": "opening-hours"},
    ]
    return flow.lead_to(flow.add(**flow.random.choice(kinds)))


def _branch_missing(flow: Planter) -> str:
    by_tag = {"test": "tag", "tags": ["repeat"]}
    kinds: list[Callable[[], str]] = [
        lambda: flow.menu(on_timeout=None),
        lambda: flow.menu(on_wrong=None),
        lambda: flow.menu(options={"1": {"label": "人工", "next": flow.human()}, "2": {"label": "其他"}}),
        lambda: flow.collect(on_timeout=None),
        lambda: flow.collect(next=None),
        lambda: flow.add("transfer", target="contact:7"),
        lambda: flow.add("web", url=URL, next=flow.human()),
        lambda: flow.add("condition", cases=[{"when": by_tag, "next": flow.human()}]),
        lambda: flow.add("condition", cases=[{"when": by_tag}], otherwise=flow.human()),
    ]
    return flow.lead_to(flow.random.choice(kinds)())


def _branch_unknown(flow: Planter) -> str:
    maker = flow.random.choice([flow.menu, flow.collect])
    return flow.lead_to(maker(**{flow.random.choice(["on_timeout", "on_wrong"]): "nowhere"}))


def _loop_unheard(flow: Planter) -> str:
    second = flow.add("say", prompt="请稍候")
    first = flow.add("set", values={"planted": "1"}, next=second)
    flow.nodes[second]["next"] = first
    return min(flow.lead_to(first), second)


def _loop_endless(flow: Planter) -> str:
    node = flow.menu(options={}, on_timeout=None, on_wrong=None)
    flow.nodes[node].update(options={"1": {"label": "重听", "next": node}}, on_timeout=node, on_wrong=node)
    return flow.lead_to(node)


def _recursion(flow: Planter) -> str:
    return flow.lead_to(flow.add("subflow", flow=flow.document["flow"], next=flow.human()))


def _too_large(flow: Planter) -> str:
    last = flow.add("subflow", flow="many-more", next=flow.human())
    flow.lead_to(flow.add("subflow", flow="many-more", next=last))
    return last


def _key_human(flow: Planter) -> str:
    node = flow.some("menu")
    flow.nodes[node]["options"]["0"] = {"label": "人工", "next": flow.human()}
    return node


def _key_finish(flow: Planter) -> str:
    menu = flow.menu(options={"#": {"label": "其他", "next": flow.human()}})
    flow.lead_to(flow.collect(next=flow.add("say", prompt="请稍候", next=menu)), at_once=True)
    return menu


def _collect_range(flow: Planter) -> str:
    node = flow.some("collect")
    flow.nodes[node]["min_digits"] = flow.nodes[node]["max_digits"] + 1
    return node


def _options(flow: Planter) -> str:
    node = flow.some("menu")
    options = flow.nodes[node]["options"]
    for key in "123456":
        if key not in options:
            options[key] = {"label": f"选项{key}", "next": flow.human()}
    return node


def _depth(flow: Planter) -> str:
    third = flow.menu()
    second = flow.menu(options={"1": {"label": "更多", "next": third}})
    first = flow.menu(options={"1": {"label": "更多", "next": flow.collect(next=second)}})
    flow.lead_to(first, at_once=True)
    return third


def _prompt(*said: Any) -> Plant:
    def plant(flow: Planter) -> str:
        prompt = flow.random.choice(said)
        makers: list[Callable[[], str]] = [
            lambda: flow.add("say", prompt=prompt, next=flow.human()),
            lambda: flow.menu(prompt=prompt),
            lambda: flow.collect(wrong=prompt),
        ]
        return flow.lead_to(flow.random.choice(makers)())

    return plant


def _test(**test: Any) -> Plant:
    def plant(flow: Planter) -> str:
        human = flow.human()
        return flow.lead_to(flow.add("condition", cases=[{"when": test, "next": human}], otherwise=human))

    return plant


def _node(**node: Any) -> Plant:
    """A node that goes on to a human, or that hands over to one."""

    def plant(flow: Planter) -> str:
        fields = dict(node)
        kind = fields.pop("type")
        if kind not in ("queue", "transfer"):
            fields["next"] = flow.human()
        if kind in ("transfer", "knowledge"):
            fields["on_failure"] = flow.human()
        return flow.lead_to(flow.add(kind, **fields))

    return plant


def _case_line(flow: Planter) -> str:
    case = {"name": "拨错", "at": "2026-11-23T12:00:00", "line": "99999", "expect": {"at": "human"}}
    flow.document.setdefault("cases", []).append(case)
    return ""


def _unset(flow: Planter) -> str:
    # In a flow that comes back it would be a warning.
    for key in [key for key, node in flow.nodes.items() if node["type"] == "return"]:
        flow.nodes[key] = {"type": "queue"}
    plants = [
        _node(type="say", prompt="您输入的是{nobody:digits}"),
        _node(type="set", values={"planted": "{nobody}"}),
        _test(test="answer", variable="nobody", values=["1"]),
        _set_after_failure,
    ]
    return flow.random.choice(plants)(flow)


def _set_after_failure(flow: Planter) -> str:
    """Set by a request's good answer, and used after its failure as well."""
    used = flow.add("say", prompt="您输入的是{nobody:digits}", next=flow.human())
    flow.lead_to(flow.add("web", url=URL, seconds=1, save={"nobody": "/number"}, next=used, on_failure=used))
    return used


def _no_way(flow: Planter) -> str:
    end = flow.add("hangup", prompt="再见")
    if flow.random.random() < 0.5:
        flow.lead_to(flow.add("say", prompt="感谢来电", next=end), at_once=True)
    else:
        flow.lead_to(flow.add("web", url=URL, seconds=1, next=flow.human(), on_failure=end))
    return end


def _silence(flow: Planter) -> str:
    end = flow.add("message", on_failure=flow.human()) if flow.random.random() < 0.5 else flow.add("hangup")
    lost = flow.add("say", prompt="感谢来电", next=end) if flow.random.random() < 0.5 else end
    maker = flow.random.choice([flow.menu, flow.collect])
    return flow.lead_to(maker(**{flow.random.choice(["on_timeout", "on_wrong"]): lost}))


def _circle(flow: Planter) -> str:
    lost = flow.random.choice(["on_timeout", "on_wrong"])
    node = flow.menu(**{lost: None})
    flow.nodes[node][lost] = node
    return flow.lead_to(node)


def _seconds(flow: Planter) -> str:
    if flow.random.random() < 0.5:
        return flow.lead_to(flow.add("say", prompt=LONG, must_be_heard=True, next=flow.human()))
    human = flow.human()
    second = flow.add("web", url=URL, seconds=7.5, next=human, on_failure=human)
    return flow.lead_to(flow.add("web", url=URL, seconds=8, next=second, on_failure=human))


PLANTS: Final[dict[str, Plant]] = {
    "entry.missing": _entry_missing,
    "entry.wrong": _entry_wrong,
    "entry.several": _entry_several,
    "node.unreachable": _unreachable,
    "node.dead_end": _dead_end,
    "branch.missing": _branch_missing,
    "branch.unknown": _branch_unknown,
    "loop.unheard": _loop_unheard,
    "loop.endless": _loop_endless,
    "subflow.recursion": _recursion,
    "subflow.too_large": _too_large,
    "key.human": _key_human,
    "key.finish": _key_finish,
    "collect.range": _collect_range,
    "menu.options": _options,
    "menu.depth": _depth,
    "prompt.missing": _prompt("", "，", {"text": " … "}),
    "prompt.unreadable": _prompt("您好{", "您好{Name}", "您好{line:loud}"),
    "prompt.not_rendered": _prompt("这一句没有合成", "您好{line:digits}这一句也没有"),
    "unknown.recording": _prompt({"recording": "nobody-said-this"}),
    "unknown.queue": _node(type="queue", queue="nowhere"),
    "unknown.skill": _node(type="queue", skills=[{"skill": "flying"}]),
    "unknown.line": _test(test="line", lines=["12345", "99999"]),
    "unknown.case_line": _case_line,
    "unknown.target": _node(type="transfer", target="contact:99"),
    "unknown.knowledge": _node(type="knowledge", entry="nothing"),
    "unknown.hours": _test(test="hours", of="never"),
    "unknown.flow": _node(type="subflow", flow="nowhere"),
    "condition.dates": _test(test="calendar", first="2027-02-13", last="2027-02-05"),
    "variable.unset": _unset,
    "variable.built_in": _node(type="set", values={"line": "12345"}),
    "human.no_way": _no_way,
    "human.silence": _silence,
    "human.circle": _circle,
    "human.seconds": _seconds,
}
"""A plant for every rule whose findings are errors, by the rule's code."""


def planted(random: Random, rule: str, key: str) -> Broken:
    """A flow of some size with a fault that breaks `rule`."""
    flow = Grower(random, random.choice([4, 8, 16, 30])).flow(key)
    document = json.loads(flow.model_dump_json(exclude_unset=True))
    node = PLANTS[rule](Planter(random, document))
    return Broken(Flow.model_validate(document), rule, node)
