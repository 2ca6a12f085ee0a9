"""Short flows and a run of one of them, played by hand."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from ivr.events import (
    Action,
    CallFacts,
    Do,
    Done,
    Elapsed,
    Event,
    Failed,
    GoBack,
    HangUp,
    Play,
    Played,
    Pressed,
    Silence,
    ToHuman,
    Visited,
    Wait,
    Work,
)
from ivr.flow import DayKind, Flow
from ivr.interpreter import Run
from ivr.speech import as_text

Kind = TypeVar("Kind", bound=Action)

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
"""Noon of a Monday in the city."""


class City:
    """A calendar that is told what to say."""

    def __init__(self, day: DayKind = DayKind.WORKDAY, open_now: Collection[str] = ()) -> None:
        self._day = day
        self._open = open_now

    def local(self, at: datetime) -> datetime:
        return at.astimezone(SHANGHAI)

    def day(self, at: datetime) -> DayKind:
        return self._day

    def is_open(self, of: str, at: datetime) -> bool:
        return of in self._open


def flow_of(nodes: Mapping[str, Mapping[str, Any]], *, key: str = "main", entry: str = "start", **more: Any) -> Flow:
    """A flow; without an entry of its own it begins with its first node."""
    found = dict(nodes)
    if entry not in found:
        found[entry] = {"type": "entry", "next": next(iter(nodes))}
    return Flow.model_validate({"flow": key, "name": key, "entry": entry, "nodes": found, **more})


def option(following: str | None) -> dict[str, Any]:
    return {"label": "选项", "next": following}


QUEUE = {"type": "queue", "queue": "general"}


class Hand:
    """A run whose peers, the caller and the world, are the test's hand. `actions` are those since the last step."""

    def __init__(
        self, *flows: Flow, facts: CallFacts | None = None, city: City | None = None, at: datetime = NOON
    ) -> None:
        self.now = at
        self.run = Run(
            {flow.flow: flow for flow in flows},
            flows[0].flow,
            facts or CallFacts("12345", "政务服务便民热线"),
            city or City(),
        )
        self.all: list[Action] = []
        self.actions: list[Action] = []
        self._take(self.run.begin(self.now))

    def _take(self, actions: list[Action]) -> list[Action]:
        self.actions = actions
        self.all += actions
        return actions

    def tell(self, event: Event) -> list[Action]:
        return self._take(self.run.on(event, self.now))

    def press(self, keys: str) -> None:
        for key in keys:
            self.tell(Pressed(key))

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def heard(self) -> None:
        """What is said is said to its end."""
        self.tell(Played(self.playing().token))

    def silence(self) -> None:
        """The caller says nothing, first while the prompt is spoken, then until the time is up."""
        if self.is_playing:
            self.heard()
        self.tell(Elapsed(self._last(Wait).token))

    def done(self, **values: str) -> None:
        self.tell(Done(self._last(Do).token, values))

    def failed(self) -> None:
        self.tell(Failed(self._last(Do).token, "test"))

    def playing(self) -> Play:
        return self._last(Play)

    @property
    def is_playing(self) -> bool:
        """Whether something is being said: it was neither stopped nor followed by something else."""
        told = [one for one in self.all if isinstance(one, Play | Silence | Wait | Do | ToHuman | HangUp | GoBack)]
        return bool(told) and isinstance(told[-1], Play)

    def said(self) -> str:
        """The last thing said."""
        return as_text(self.playing().speech)

    def work(self) -> Work:
        """The last thing asked of the world."""
        return self._last(Do).work

    def _last(self, kind: type[Kind]) -> Kind:
        return next(one for one in reversed(self.all) if isinstance(one, kind))

    @property
    def path(self) -> list[tuple[str, str]]:
        return [(one.node, one.branch) for one in self.all if isinstance(one, Visited)]

    @property
    def end(self) -> Action:
        assert self.run.over
        return self.all[-1]

    @property
    def node(self) -> str:
        return self.run.at.node
