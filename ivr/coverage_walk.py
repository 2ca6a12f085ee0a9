"""Walks a flow completely: for every branch that can be taken, a city, a caller and a world that take it.

The search asks for nothing before the flow does. What the calendar says, what is pressed, what the world answers are
all questions that come up on the way, and each answer to one leads to paths of its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from ivr.coverage import Coverage, Step, covered, walkable
from ivr.coverage_questions import Questions, Values
from ivr.events import (
    Action,
    Calendar,
    CallFacts,
    Do,
    Done,
    Elapsed,
    Event,
    Failed,
    Play,
    Played,
    Pressed,
    Silence,
    Visited,
    Wait,
    Work,
)
from ivr.flow import Collect, DayKind, Flow, Menu
from ivr.interpreter import Run
from ivr.interpreter_machine import Place
from ivr.simulator import Answer, Caller, SecondsOf, Simulation, World, seconds_by_length, simulate

_BEGIN: Final = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
_PAUSE: Final = timedelta(seconds=20)
"""Between a prompt and the keys: longer than any collection waits for another digit."""
_MOST_SITUATIONS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Way:
    """Everything that decides which way a call goes, in the order it was asked for."""

    facts: CallFacts
    moment: datetime | None = None
    """Local, without a zone."""
    day: DayKind | None = None
    hours: Mapping[str, bool] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    answers: tuple[Values, ...] = ()

    @property
    def calendar(self) -> Calendar:
        """The city of this way; where nothing was decided it is a workday, and everything is closed."""
        return _City(self)

    @property
    def caller(self) -> Caller:
        """Who presses these keys, each time when asked."""
        return Caller(self.keys)

    @property
    def world(self) -> World:
        """What gives these answers, and afterwards fails. For one run."""
        return _World(deque(self.answers))

    def play(self, flows: Mapping[str, Flow], key: str, seconds_of: SecondsOf = seconds_by_length) -> Simulation:
        """The way in the simulator, to the end of the flow `key`."""
        return simulate(
            flows,
            key,
            self.facts,
            self.calendar,
            at=_BEGIN,
            caller=self.caller,
            world=self.world,
            seconds_of=seconds_of,
        )


@dataclass(frozen=True, slots=True)
class Walk:
    """A flow and the ways that walk it: for each branch the first one found. `coverage.branches_left` are those that
    nobody can take, or that were not found within 20,000 situations."""

    ways: Mapping[Step, Way]
    coverage: Coverage


def walk(flows: Mapping[str, Flow], key: str) -> Walk:
    """Walk the flow `key`, with `flows` as those it leads into."""
    return _Walker(flows, key).walk()


class _Undecided(Exception):
    """The flow asks what the way does not say: these are the ways that do."""

    def __init__(self, ways: list[Way]) -> None:
        super().__init__("undecided")
        self.ways = ways


class _City:
    """A calendar that says what the way says."""

    def __init__(self, way: Way, moments: list[datetime] | None = None) -> None:
        self._way = way
        self._moments = moments

    def local(self, at: datetime) -> datetime:
        if self._way.moment is None:
            if self._moments is None:
                return at
            raise _Undecided([replace(self._way, moment=moment) for moment in self._moments])
        return self._way.moment

    def day(self, at: datetime) -> DayKind:  # noqa: ARG002 - one answer for all of a call
        if self._way.day is None:
            if self._moments is None:
                return DayKind.WORKDAY
            raise _Undecided([replace(self._way, day=day) for day in DayKind])
        return self._way.day

    def is_open(self, of: str, at: datetime) -> bool:  # noqa: ARG002 - one answer for all of a call
        if of not in self._way.hours and self._moments is not None:
            ways = [replace(self._way, hours={**self._way.hours, of: is_open}) for is_open in (True, False)]
            raise _Undecided(ways)
        return self._way.hours.get(of, False)


class _World:
    """Answers in the order they are asked for."""

    def __init__(self, answers: deque[Values]) -> None:
        self._answers = answers

    def answer(self, place: Place, work: Work) -> Answer:  # noqa: ARG002 - the way knows by the order
        return Answer(self._answers.popleft() if self._answers else None)


class _Walker:
    """Breadth first, so that every way is a short one; from a situation that has been seen it is not gone on."""

    def __init__(self, flows: Mapping[str, Flow], key: str) -> None:
        self._flows = flows
        self._key = key
        self._questions = Questions(flows, key)
        self._moments = self._questions.moments()
        self._left = set(walkable(flows[key]))
        self._ways: dict[Step, Way] = {}
        self._visits: list[Visited] = []
        self._seen: set[object] = set()

    def walk(self) -> Walk:
        for facts in self._questions.facts():
            self._as(facts)
        return Walk(self._ways, covered(self._flows[self._key], self._visits))

    def _as(self, facts: CallFacts) -> None:
        """Everything that this caller can come to."""
        waiting = deque([Way(facts)])
        while waiting and self._left and len(self._seen) < _MOST_SITUATIONS:
            way = waiting.popleft()
            attempt = _Attempt(self._flows, self._key, way, self._questions, self._moments)
            try:
                attempt.run()
            except _Undecided as undecided:
                if (situation := attempt.situation()) not in self._seen:
                    self._seen.add(situation)
                    waiting.extend(undecided.ways)
            self._found(way, attempt.path)

    def _found(self, way: Way, path: list[Visited]) -> None:
        for visited in path:
            step = Step(visited.node, visited.branch)
            if visited.flow == self._key and step in self._left:
                self._left.discard(step)
                self._ways[step] = way
                self._visits.append(visited)


class _Attempt:
    """One run along a way, up to what the way does not say."""

    def __init__(
        self, flows: Mapping[str, Flow], key: str, way: Way, questions: Questions, moments: list[datetime]
    ) -> None:
        self.path: list[Visited] = []
        self._flows = flows
        self._way = way
        self._questions = questions
        self._run = Run(flows, key, way.facts, _City(way, moments))
        self._now = _BEGIN
        self._keys = deque(way.keys)
        self._answers = deque(way.answers)
        self._playing: int | None = None
        self._timer: int | None = None
        self._do: Do | None = None
        self._since: list[object] = []
        """What was pressed and answered since a node was left."""

    def situation(self) -> object:
        """All that decides what can follow."""
        way, run = self._way, self._run
        told = tuple(run.values.get(name) for name in self._questions.telling)
        city = (way.moment, way.day, tuple(way.hours.items()))
        return (run.above, run.at, tuple(self._since), told, run.language, way.facts, city)

    def run(self) -> None:
        """To the end. Raises _Undecided."""
        self._hear(self._run.begin(self._now))
        while not self._run.over:
            if self._do is not None:
                self._answer(self._do)
            elif self._run.asking:
                self._press()
            else:
                self._tell(Played(self._playing or 0))

    def _press(self) -> None:
        if not self._keys:
            raise _Undecided([replace(self._way, keys=(*self._way.keys, keys)) for keys in self._choices()])
        if self._playing is not None:
            self._tell(Played(self._playing))
        self._now += _PAUSE
        keys, asked = self._keys.popleft(), self._run.asked
        self._since.append(bool(keys))
        for key in keys:
            self._tell(Pressed(key))
        if self._run.asking and self._run.asked == asked and self._timer is not None:
            self._tell(Elapsed(self._timer))

    def _choices(self) -> list[str]:
        node = self._flows[self._run.at.flow].nodes[self._run.at.node]
        return self._questions.keys(node) if isinstance(node, Menu | Collect) else []

    def _answer(self, do: Do) -> None:
        if not self._answers:
            choices = self._questions.answers(do.work)
            raise _Undecided([replace(self._way, answers=(*self._way.answers, choice)) for choice in choices])
        values, self._do = self._answers.popleft(), None
        self._since.append(None if values is None else tuple(values.items()))
        self._tell(Failed(do.token, "failed") if values is None else Done(do.token, values))

    def _tell(self, event: Event) -> None:
        self._hear(self._run.on(event, self._now))

    def _hear(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Play(token):
                    self._playing, self._timer = token, None
                case Silence():
                    self._playing = None
                case Wait(token):
                    self._playing, self._timer = None, token
                case Do():
                    self._do = action
                case Visited():
                    self._playing = self._timer = None
                    self._since.clear()
                    self.path.append(action)
