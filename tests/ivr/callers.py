"""Callers as the line's own rules speak of them, and a run played for one of them by a virtual clock; the world decides
by chance, and takes as long as it may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from ivr.events import (
    Action,
    CallFacts,
    CallWeb,
    DialEmergency,
    DialTarget,
    Do,
    Done,
    Elapsed,
    Event,
    Failed,
    GoBack,
    HangUp,
    LookAtQueue,
    Play,
    Played,
    Pressed,
    PromiseCallback,
    Recording,
    Silence,
    Speech,
    TakeMessage,
    ToHuman,
    Wait,
    Words,
    Work,
)
from ivr.flow import AnyNode, Collect, DayKind, Flow, Knowledge, Menu, Progress
from ivr.interpreter import Run
from ivr.interpreter_machine import Place
from ivr.validation import World
from ivr.validation.human import ANSWER_SECONDS, LOOK_UP_SECONDS, VARIABLE_SECONDS
from tests.ivr.grown import LINES
from tests.ivr.runs import NOON, City


@dataclass(frozen=True)
class Became:
    """What became of a caller. `human`: somebody has the call, by a way that was drawn or asked for; else it ended, or
    went round in circles, at the node `at`. `seconds`: since it began, since a transfer failed, or since the last of
    the `passed` questions; `keys` pressed since then."""

    human: bool
    at: str
    passed: int
    seconds: float
    keys: int
    read_aloud: int
    """Answers that were read aloud meanwhile: each takes a key to end."""


class Caller:
    """One call. `wants`: "human" presses 0 at once and whenever it helps, "nothing" presses nothing, "wrong" what is
    not understood. Before that the caller lets `passing` questions pass: answered, or not, by chance."""

    def __init__(self, flow: Flow, world: World, random: Random, wants: str, passing: int = 0) -> None:
        self._flows = {**world.flows, flow.flow: flow}
        self._world = world
        self._random = random
        self._wants = wants
        self._passing = passing
        self._passed = 0
        self._lost_at: Place | None = None
        """Where the caller says nothing this time."""
        self._clock = self._since = 0.0
        self._keys = self._aloud = 0
        self._due: dict[str, tuple[float, Event]] = {}
        facts = CallFacts(
            random.choice(LINES),
            "政务服务便民热线",
            frozenset(tag for tag in ("repeat", "called-before") if random.random() < 0.5),
            random.choice(["zh-CN", "en"]),
        )
        city = City(random.choice(list(DayKind)), [one for one in ("office", "night") if random.random() < 0.5])
        self._begun = NOON + timedelta(hours=random.randrange(24 * 200))
        self._run = Run(self._flows, flow.flow, facts, city)

    def live(self) -> Became:
        """To the end of the flow."""
        actions = self._run.begin(self._begun)
        if self._wants == "human" and not self._passing and not self._run.over:
            actions = [*actions, *self._press("0")]
        while True:
            for action in actions:
                human = self._take(action)
                if human is not None:
                    seconds = round(self._clock - self._since, 3)
                    return Became(human, self._run.at.node, self._passed, seconds, self._keys, self._aloud)
            if self._lost_at not in (None, self._run.at):
                self._has_passed()
            key = self._key(self._node()) if any(isinstance(one, Play | Wait) for one in actions) else ""
            actions = self._answer() if key == "answer" else self._press(key) if key else self._wait()

    # --- the caller ---

    def _key(self, node: AnyNode) -> str:
        if self._passed < self._passing:
            if isinstance(node, Menu | Collect) and self._lost_at is None:
                if self._random.random() < 0.6:
                    return "answer"
                self._lost_at = self._run.at
            return ""
        if self._wants == "human":
            if isinstance(node, Progress | Knowledge):
                self._aloud += 1
                return "0"
            return {"menu": "0", "collect": "*"}.get(node.type, "0" if not self._keys else "")
        if self._wants == "wrong" and isinstance(node, Menu):
            return next(key for key in "#8765432" if key not in node.options)
        return "#" if self._wants == "wrong" and isinstance(node, Collect) and node.finish else ""

    def _press(self, key: str) -> list[Action]:
        self._keys += 1
        return self._on(Pressed(key))

    def _answer(self) -> list[Action]:
        node, before = self._node(), self._run.at
        keys = self._random.choice(sorted(node.options)) if isinstance(node, Menu) else "1" * _most(node)
        actions: list[Action] = []
        for key in keys:
            if not self._run.over and self._run.at == before:
                actions += self._on(Pressed(key))
        self._has_passed()
        return actions

    def _has_passed(self) -> None:
        self._passed += 1
        self._since, self._keys, self._lost_at = self._clock, 0, None

    # --- the world ---

    def _take(self, action: Action) -> bool | None:
        """None: it goes on; else whether a human has the call."""
        match action:
            case Play(token, speech):
                self._due["said"] = (self._clock + self._seconds(speech), Played(token))
            case Silence():
                self._due.pop("said", None)
            case Wait(token, ms):
                self._due["timer"] = (self._clock + ms / 1000, Elapsed(token))
            case Do(token, work):
                return self._do(token, work)
            case ToHuman(why):
                return why != "limit"
            case GoBack():
                return True
            case HangUp():
                return False
        return None

    def _do(self, token: int, work: Work) -> bool | None:
        good = self._random.random() < 0.5
        match work:
            case DialEmergency():
                return True
            case DialTarget() if good:
                return True
            case PromiseCallback() | TakeMessage() if good:
                return False
            case DialTarget() | PromiseCallback() | TakeMessage():
                self._since = self._clock
                if self._wants == "human":
                    self._keys = 0
        seconds = work.node.seconds if isinstance(work, CallWeb) else LOOK_UP_SECONDS
        event = Done(token, self._values(work)) if good else Failed(token, "failed")
        self._due["work"] = (self._clock + seconds, event)
        return None

    def _values(self, work: Work) -> Mapping[str, str]:
        if isinstance(work, LookAtQueue):
            return {"waiting": self._random.choice("09"), "ready": self._random.choice("01")}
        if isinstance(work, CallWeb):
            return dict.fromkeys(work.node.save, "12")
        return {"state": "已办结", "text": "工作日八点到十八点"}

    def _seconds(self, speech: Speech) -> float:
        if isinstance(self._node(), Progress | Knowledge):
            return ANSWER_SECONDS
        return sum(
            self._world.seconds(part.text)
            if isinstance(part, Words)
            else self._world.recording_seconds(part.code)
            if isinstance(part, Recording)
            else VARIABLE_SECONDS
            for part in speech
        )

    def _wait(self) -> list[Action]:
        kind = min(self._due, key=lambda name: self._due[name][0])
        self._clock, event = self._due.pop(kind)
        return self._on(event)

    def _on(self, event: Event) -> list[Action]:
        return self._run.on(event, self._begun + timedelta(seconds=self._clock))

    def _node(self) -> AnyNode:
        place = self._run.at
        return self._flows[place.flow].nodes[place.node]


def _most(node: AnyNode) -> int:
    return node.max_digits if isinstance(node, Collect) else 0
