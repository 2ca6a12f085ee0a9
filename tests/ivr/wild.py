"""Flows as nobody should write them: any graph of any nodes, with branches that lead nowhere, circles and recursion."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from ivr.flow import Flow

KEYS = "0123456789*#"
_VARIABLES = ("a", "b", "c", "outcome")
_SPEAKABLE = ("", "您好", "这里是{line_name}", "{line:digits}")
_TEXTS = ("您好{a}", "{a:digits}", "{b:number}好", "{never}", "{", "{a}{a}")
_TESTS: tuple[dict[str, Any], ...] = (
    {"test": "calendar", "first": "2026-11-01", "last": "2026-11-30"},
    {"test": "time", "opens": "22:00", "closes": "06:00"},
    {"test": "hours", "of": "day"},
    {"test": "day", "kinds": ["workday"]},
    {"test": "line", "lines": ["12333"]},
    {"test": "tag", "tags": ["repeat"]},
    {"test": "language", "language": "en-US"},
    {"test": "queue", "queue": "tax", "waiting": 2},
    {"test": "queue", "queue": "law", "nobody_ready": True},
    {"test": "queue", "queue": "tax"},
    {"test": "answer", "variable": "a", "values": ["1", "12"]},
    {"test": "answer", "variable": "outcome", "values": ["done"]},
)


class _Author:
    """Writes one flow, by chance."""

    def __init__(self, chance: random.Random, texts: tuple[str, ...]) -> None:
        self._chance = chance
        self._texts = texts
        self._names = [f"n{number}" for number in range(chance.randint(1, 9))]

    def flow(self, key: str) -> Flow:
        nodes = {name: self._chance.choice(_KINDS)(self) for name in self._names}
        return Flow.model_validate({"flow": key, "name": key, "entry": "n0", "nodes": nodes})

    def to(self) -> str | None:
        return self._chance.choice([*self._names, *self._names, None, "gone"])

    def prompt(self) -> Any:
        return self._chance.choice([*self._texts, {"recording": "r"}])

    def texts(self) -> dict[str, str]:
        return {self.variable(): self._chance.choice(self._texts) for _ in range(self._chance.randint(0, 2))}

    def variable(self) -> str:
        return self._chance.choice(_VARIABLES)

    def gave_up(self) -> dict[str, Any]:
        attempts = self._chance.randint(1, 3)
        return {"prompt": self.prompt(), "attempts": attempts, "on_timeout": self.to(), "on_wrong": self.to()}

    def yes(self) -> bool:
        return self._chance.random() < 0.5

    def menu(self) -> dict[str, Any]:
        keys = self._chance.sample(KEYS, self._chance.randint(1, 4))
        options = {key: {"label": "选项", "next": self.to()} for key in keys}
        return {"type": "menu", "options": options, **self.gave_up()}

    def collect(self) -> dict[str, Any]:
        low, high = self._chance.randint(1, 4), self._chance.randint(1, 6)
        bounds = {"min_digits": low, "max_digits": high, "finish": "#" if self.yes() else None}
        return {"type": "collect", "variable": self.variable(), "next": self.to(), **bounds, **self.gave_up()}

    def condition(self) -> dict[str, Any]:
        tests = self._chance.sample(_TESTS, self._chance.randint(1, 3))
        return {
            "type": "condition",
            "cases": [{"when": one, "next": self.to()} for one in tests],
            "otherwise": self.to(),
        }

    def web(self) -> dict[str, Any]:
        save = {self.variable(): "/x"} if self.yes() else {}
        request = {"type": "web", "url": "https://example.org/", "send": self.texts(), "save": save}
        return {**request, "next": self.to(), "on_failure": self.to()}

    def progress(self) -> dict[str, Any]:
        names = {"number": self.variable(), "code": self.variable()}
        return {"type": "progress", **names, "next": self.to(), "on_failure": self.to()}

    def subflow(self) -> dict[str, Any]:
        return {"type": "subflow", "flow": self._chance.choice(["main", "sub", "gone"]), "next": self.to()}


_KINDS: tuple[Callable[[_Author], dict[str, Any]], ...] = (
    _Author.menu,
    _Author.menu,
    _Author.menu,
    _Author.collect,
    _Author.collect,
    _Author.condition,
    _Author.condition,
    _Author.web,
    _Author.progress,
    _Author.subflow,
    lambda author: {"type": "entry", "next": author.to()},
    lambda author: {"type": "say", "prompt": author.prompt(), "must_be_heard": author.yes(), "next": author.to()},
    lambda author: {"type": "say", "prompt": "您好", "next": author.to()},
    lambda author: {"type": "set", "values": author.texts(), "next": author.to()},
    lambda author: {"type": "set", "values": {"a": "1"}, "language": "en-US", "next": author.to()},
    lambda author: {"type": "queue", "queue": "tax"},
    lambda author: {"type": "transfer", "target": "12366", "on_failure": author.to()},
    lambda author: {"type": "emergency", "number": "119"},
    lambda author: {"type": "knowledge", "entry": "k", "next": author.to(), "on_failure": author.to()},
    lambda author: {"type": "callback", "on_failure": author.to()},
    lambda author: {"type": "message", "on_failure": author.to()},
    lambda author: {"type": "survey", "next": author.to()},
    lambda author: {"type": "return", "outcome": "done"},
    lambda author: {"type": "hangup", "prompt": author.prompt()},
)


def wild(seed: int, *, speakable: bool = False) -> dict[str, Flow]:
    """A flow `main` and another, `sub`, that may lead into each other. `speakable`: every text can be said."""
    chance = random.Random(seed)
    texts = _SPEAKABLE if speakable else _SPEAKABLE + _TEXTS
    return {key: _Author(chance, texts).flow(key) for key in ("main", "sub")}


SEEDS = st.integers(0, 2**48)
"""Of wild flows. They are drawn as numbers, for drawing them piece by piece takes a hundred times as long."""
