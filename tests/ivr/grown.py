"""Valid flows, grown at random: every type of node, nested as deep as the line's rules allow, and no finding at all.

Nothing is tried and thrown away: each step keeps what the rules ask for (who has chosen nothing must meet a human; how
long no key has done anything; which variables have a value), so that a finding is a defect there or here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final

from ivr.flow import Flow
from ivr.validation import Surroundings

Node = dict[str, Any]

QUEUES: Final = ("general", "expert-12333", "night")
LINES: Final = ("12345", "12333", "12366")
TARGETS: Final = ("line:12366", "line:12333", "contact:7")
SKILLS: Final = ("social-security", "dialect")
TEXTS: Final = {
    "您好": 0.8,
    "欢迎致电政务服务便民热线": 2.4,
    "请稍候": 0.9,
    "本次通话可能录音": 1.6,
    "请按键选择": 1.2,
    "社保业务请按一": 1.6,
    "没有这个选项": 1.3,
    "请输入工单编号": 1.6,
    "请输入查询码": 1.4,
    "请输入电话号码": 1.5,
    "输入有误": 0.9,
    "您输入的是": 1.0,
    "您拨打的是": 1.0,
    "您前面还有": 1.0,
    "位": 0.3,
    "今天是节假日": 1.4,
    "感谢来电": 1.0,
    "再见": 0.7,
    "白天": 0.6,
    "夜间": 0.6,
    "现在为您查询": 1.4,
    "请仔细听完以下事项": 18.0,
}
"""Every fixed piece that grown flows say, with seconds; the last one only where a fault is planted."""
LONG: Final = "请仔细听完以下事项"
_SHORT: Final = ("您好", "请稍候", "本次通话可能录音", "今天是节假日", "现在为您查询", "欢迎致电政务服务便民热线")
RECORDINGS: Final = {"welcome-2026": 2.0, "notice.v2": 1.5}

MENUS: Final = 2
"""Menus below each other, at most."""
BLOCKED_SECONDS: Final = 12.0
"""In which no key does anything; the rule allows 15."""
LISTENING_SECONDS: Final = 14.0
"""Before the first question; the rule allows 15."""


def _flow(key: str, nodes: dict[str, Node]) -> Flow:
    return Flow.model_validate({"flow": key, "name": "生成的流程", "entry": "start", "nodes": nodes})


def _many(key: str, count: int, node: Callable[[int], Node]) -> Flow:
    """A long chain, which asks first so that it may take its time."""
    chain = {f"step_{index}": {**node(index), "next": f"step_{index + 1}"} for index in range(count)}
    return _flow(
        key,
        {
            "start": {"type": "entry", "next": "step_0"},
            **chain,
            f"step_{count}": {"type": "return"},
        },
    )


SUB_FLOWS: Final = {
    flow.flow: flow
    for flow in (
        _flow(
            "ask-phone",
            {
                "start": {"type": "entry", "next": "ask"},
                "ask": {
                    "type": "collect",
                    "prompt": "请输入电话号码",
                    "variable": "phone",
                    "min_digits": 3,
                    "max_digits": 11,
                    "seconds": 3,
                    "next": "done",
                    "on_timeout": "human",
                    "on_wrong": "skipped",
                },
                "done": {"type": "return"},
                "skipped": {"type": "set", "values": {"phone": "0"}, "next": "none"},
                "none": {"type": "return", "outcome": "none"},
                "human": {"type": "queue"},
            },
        ),
        _flow(
            "notice",
            {
                "start": {"type": "entry", "next": "tell"},
                "tell": {"type": "say", "prompt": "请稍候", "next": "back"},
                "back": {"type": "return", "outcome": "told"},
            },
        ),
        _many("many", 150, lambda index: {"type": "set", "values": {"step": str(index)}}),
        _many("many-more", 10, lambda index: {"type": "subflow", "flow": "many"}),
    )
}
"""Published beside every grown flow; those that are called stand before those that call them."""

WORLD: Final = Surroundings(
    queues=QUEUES,
    lines=LINES,
    targets=TARGETS,
    knowledge=("opening-hours", "pension.2026"),
    hours=("office", "night"),
    skills=SKILLS,
    flows=SUB_FLOWS,
    prompts=TEXTS,
    recordings=RECORDINGS,
)


@dataclass(frozen=True)
class _Here:
    """What holds where the next node is grown."""

    known: frozenset[str] = frozenset({"line"})
    """Variables to be said digit by digit."""
    menus: int = MENUS
    """Menus that may still follow."""
    above: tuple[str, ...] = ()
    """Menus that were passed."""
    chosen: bool = False
    """The citizen was asked, so that the call may end as they chose."""
    first: bool = True
    """Nobody was asked yet."""
    settled: frozenset[str] = frozenset({"count", "again"})
    """What was tested or set on the way: another test of it could come out in one way only."""
    blocked: float = BLOCKED_SECONDS
    heard: float = LISTENING_SECONDS

    def asked(self) -> _Here:
        return replace(self, chosen=True, first=False, blocked=BLOCKED_SECONDS)

    def failed(self) -> _Here:
        """The world did not do what it was asked for, which the citizen did not choose."""
        return replace(self, chosen=False)

    def after(self, seconds: float, blocked: float = 0.0) -> _Here:
        return replace(self, heard=self.heard - seconds, blocked=self.blocked - blocked)


@dataclass
class Grower:
    """One flow that grows. `size`: nodes after which every way is ended soon."""

    random: Random
    size: int
    nodes: dict[str, Node] = field(default_factory=dict)

    def flow(self, key: str) -> Flow:
        self.nodes["start"] = {"type": "entry"}
        self.nodes["start"]["next"] = self._grow(_Here())
        return Flow.model_validate(
            {"flow": key, "name": "生成的流程", "entry": "start", "nodes": self.nodes, "cases": self._cases()}
        )

    # --- what may follow ---

    def _grow(self, here: _Here) -> str:
        if len(self.nodes) >= self.size:
            return self._end(here)
        makers: list[Callable[[_Here], str]] = [self._say, self._say, self._assign, self._condition, self._end]
        if here.menus:
            makers += [self._menu] * 4
        makers += [self._collect, self._progress, self._survey, self._subflow, self._transfer]
        if here.blocked >= 3 and here.heard >= 3:
            makers += [self._web, self._queue_condition]
        if here.blocked >= 3 and (here.heard >= 13 or not here.first):
            makers += [self._knowledge]
        if here.chosen:
            makers += [self._choice_of_end] * 2
        return self.random.choice(makers)(here)

    def _end(self, here: _Here) -> str:
        return self.random.choice([self._human, self._human, self._queue, self._emergency, self._transfer])(here)

    def _put(self, kind: str, **fields: Any) -> str:
        key = f"{kind}_{sum(node['type'] == kind for node in self.nodes.values()) + 1}"
        self.nodes[key] = {"type": kind, **fields}
        if self.random.random() < 0.05:
            self.nodes[key]["note"] = "核对：每年一月更新"
        return key

    # --- ends ---

    def _human(self, _: _Here | None = None) -> str:
        self.nodes.setdefault("human", {"type": "queue"})
        return "human"

    def _queue(self, _: _Here) -> str:
        key = self._put("queue", queue=self.random.choice(QUEUES))
        if self.random.random() < 0.4:
            self.nodes[key]["skills"] = [{"skill": self.random.choice(SKILLS), "level": self.random.randint(1, 9)}]
        return key

    def _emergency(self, _: _Here) -> str:
        return self._put("emergency", number=self.random.choice(["110", "119", "120", "122"]))

    def _transfer(self, here: _Here) -> str:
        key = self._put("transfer", target=self.random.choice(TARGETS))
        self.nodes[key]["on_failure"] = self._lost(here)
        return key

    def _choice_of_end(self, here: _Here) -> str:
        kind = self.random.choice(["hangup", "callback", "message", "return"])
        if kind == "return":
            return self._put(kind, outcome=self.random.choice(["done", "none"]))
        if kind == "hangup":
            said = self.random.choice([None, "再见", {"recording": "notice.v2"}])
            return self._put(kind, **({} if said is None else {"prompt": said}))
        key = self._put(kind)
        self.nodes[key]["on_failure"] = self._lost(here)
        return key

    def _lost(self, here: _Here) -> str:
        """Where a failure, silence or wrong keys lead: a human, perhaps with a word before."""
        if self.random.random() < 0.3:
            key = self._put("say", prompt="请稍候")
            self.nodes[key]["next"] = self._human()
            return key
        return self._human()

    # --- on the way ---

    def _say(self, here: _Here) -> str:
        if here.heard < 8:
            return self._end(here) if not here.menus else self._menu(here)
        text = self.random.choice(_SHORT)
        prompt: Any = text
        seconds = TEXTS[text]
        kind = self.random.random()
        if kind < 0.2:
            recording = self.random.choice(sorted(RECORDINGS))
            prompt, seconds = {"recording": recording, "text": "与录音同文"}, RECORDINGS[recording]
        elif kind < 0.4:
            name = self.random.choice(sorted(here.known))
            prompt, seconds = f"您输入的是{{{name}:digits}}{text}", 5 + seconds
        heard_out = self.random.random() < 0.3 and seconds <= here.blocked
        key = self._put("say", prompt=prompt)
        if heard_out:
            self.nodes[key]["must_be_heard"] = True
        self.nodes[key]["next"] = self._grow(here.after(seconds, seconds if heard_out else 0.0))
        return key

    def _assign(self, here: _Here) -> str:
        values = self.random.choice([{"count": "3"}, {"again": "{line:digits}"}, {}])
        key = self._put("set", values=values)
        if not values or self.random.random() < 0.3:
            self.nodes[key]["language"] = self.random.choice(["zh-CN", "en"])
        settled = here.settled | {"language"} if "language" in self.nodes[key] else here.settled
        self.nodes[key]["next"] = self._grow(replace(here, known=here.known.union(values), settled=settled))
        return key

    def _survey(self, here: _Here) -> str:
        key = self._put("survey")
        self.nodes[key]["next"] = self._grow(here)
        return key

    def _subflow(self, here: _Here) -> str:
        called = self.random.choice(["ask-phone", "notice"])
        key = self._put("subflow", flow=called)
        if called == "ask-phone":
            # Two ways lead back: after digits, and after wrong ones, with nothing asked since. None is chosen.
            following = replace(here, known=here.known | {"phone"}, chosen=False, first=False)
        else:
            following = here.after(1.0)
        self.nodes[key]["next"] = self._grow(following)
        return key

    # --- what asks ---

    def _menu(self, here: _Here) -> str:
        key = self._put("menu", prompt=self.random.choice(["请按键选择", "社保业务请按一"]), options={})
        node = self.nodes[key]
        node["seconds"] = self.random.choice([2, 3.5])
        if self.random.random() < 0.4:
            node["attempts"] = self.random.choice([1, 3])
        if self.random.random() < 0.5:
            node["wrong"] = "没有这个选项"
        below = replace(here.asked(), menus=here.menus - 1, above=(*here.above, key))
        for one in sorted(self.random.sample("123456789", self.random.randint(1, 4))):
            node["options"][one] = {"label": f"选项{one}", "next": self._grow(below)}
        if here.above and "9" not in node["options"] and self.random.random() < 0.5:
            node["options"]["9"] = {"label": "返回上级", "next": here.above[-1]}
        node["on_timeout"], node["on_wrong"] = self._lost(here), self._lost(here)
        return key

    def _collect(self, here: _Here) -> str:
        return self._digits(here, self.random.choice(["number", "answer"]), "请输入工单编号")[0]

    def _digits(self, here: _Here, variable: str, prompt: str, following: str | None = None) -> tuple[str, _Here]:
        key = self._put("collect", prompt=prompt, variable=variable, max_digits=self.random.randint(4, 12))
        node = self.nodes[key]
        node["seconds"] = 3
        if self.random.random() < 0.5:
            node["min_digits"] = self.random.randint(1, 4)
        if self.random.random() < 0.3:
            node["finish"] = None
        if self.random.random() < 0.3:
            node["wrong"] = "输入有误"
        after = replace(here.asked(), known=here.known | {variable})
        node["on_timeout"], node["on_wrong"] = self._lost(here), self._lost(here)
        node["next"] = following or self._grow(after)
        return key, after

    # --- what asks the world ---

    def _progress(self, here: _Here) -> str:
        progress = self._put("progress", number="number", code="code")
        code, _ = self._digits(here, "code", "请输入查询码", following=progress)
        number, after = self._digits(here, "number", "请输入工单编号", following=code)
        after = replace(after, known=after.known | {"code"}).after(0, 3)
        self.nodes[progress]["next"] = self._grow(after)
        self.nodes[progress]["on_failure"] = self._lost(here)
        return number

    def _knowledge(self, here: _Here) -> str:
        key = self._put("knowledge", entry=self.random.choice(["opening-hours", "pension.2026"]))
        self.nodes[key]["next"] = self._grow(here.after(13 if here.first else 0, 3))
        self.nodes[key]["on_failure"] = self._lost(here)
        return key

    def _web(self, here: _Here) -> str:
        seconds = self.random.choice([1, 2.5])
        key = self._put("web", url="https://unit.example.gov.cn/answers", seconds=seconds)
        node = self.nodes[key]
        known = here.known
        if self.random.random() < 0.6:
            node["send"] = {"asked": f"{{{self.random.choice(sorted(known))}}}"}
        if self.random.random() < 0.6:
            node["save"] = {"answered": "/data/number"}
            known = known | {"answered"}
        if self.random.random() < 0.3:
            node["method"] = "GET"
        node["next"] = self._grow(replace(here, known=known).after(seconds, seconds))
        node["on_failure"] = self._lost(here)
        return key

    def _queue_condition(self, here: _Here) -> str:
        return self._cases_of(here.after(3, 3), [{"test": "queue", "queue": "general", "waiting": 5}])

    def _condition(self, here: _Here) -> str:
        tests: dict[str, Node] = {
            "calendar": {"test": "calendar", "first": "2027-02-05", "last": "2027-02-13"},
            "time": {"test": "time", "opens": "22:00:00", "closes": "06:00:00"},
            "hours": {"test": "hours", "of": "office"},
            "day": {"test": "day", "kinds": ["weekend", "holiday"]},
            "line": {"test": "line", "lines": ["12333"]},
            "tag": {"test": "tag", "tags": ["repeat"]},
            "language": {"test": "language", "language": "en"},
        }
        for name in sorted(here.known - {"line"}):
            # Four digits are enough for every collection, and not too many.
            tests[name] = {"test": "answer", "variable": name, "values": ["1234", "12333"]}
        left = [name for name in tests if name not in here.settled]
        if not left:
            return self._end(here)
        chosen = self.random.sample(left, min(len(left), self.random.randint(1, 2)))
        return self._cases_of(replace(here, settled=here.settled.union(chosen)), [tests[name] for name in chosen])

    def _cases_of(self, here: _Here, tests: list[Node]) -> str:
        key = self._put("condition", cases=[])
        for test in tests:
            self.nodes[key]["cases"].append({"when": test, "next": self._grow(here)})
        self.nodes[key]["otherwise"] = self._grow(here)
        return key

    # --- cases ---

    def _cases(self) -> list[Node]:
        """A case that must pass, where what happens first depends on nothing."""
        node = self.nodes["start"]
        while node["type"] in ("entry", "say", "set"):
            node = self.nodes[node["next"]]
        moment = {"at": "2026-11-23T12:00:00", "line": self.random.choice(LINES)}
        if node["type"] == "menu":
            return [{"name": "按0转人工", **moment, "keys": ["0"], "expect": {"at": "human", "within_seconds": 60}}]
        if node["type"] == "queue":
            return [{"name": "直达人工", **moment, "expect": {"at": "queue"}}]
        return []
