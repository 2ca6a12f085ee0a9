"""A run played as text by a virtual clock: no channel, no sound, nothing waits.

The caller hears prompts out, unless told to press at once, and takes a second to press; so the time a simulation gives
is that of somebody who does not know the menu.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple, Protocol

from hotline.errors import HotlineError
from ivr.events import (
    Action,
    Calendar,
    CallFacts,
    DialEmergency,
    DialTarget,
    Do,
    Done,
    Elapsed,
    Event,
    Failed,
    GoBack,
    HangUp,
    Number,
    Play,
    Played,
    Pressed,
    PromiseCallback,
    Recording,
    Silence,
    Speech,
    Spelled,
    TakeMessage,
    ToHuman,
    Visited,
    Wait,
    Words,
    Work,
)
from ivr.flow import Flow
from ivr.interpreter import Run
from ivr.interpreter_machine import Place
from ivr.speech import as_text
from media.digits import cardinal

_CHARACTERS_PER_SECOND: Final = 4.5
"""A calm Mandarin voice, pauses included."""
_DIGIT_SECONDS: Final = 0.4
_PART_SECONDS: Final = 0.35
_RECORDING_SECONDS: Final = 6.0


class Stuck(HotlineError):
    """A run waits for nothing and has not ended: a defect of the interpreter."""

    code = "ivr.stuck"


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who presses `keys`, a group each time they are asked ("": nothing that time; after the last nothing),
    and `ahead` before they have heard anything. `patient`: only when the prompt has ended, else as it begins."""

    keys: tuple[str, ...] = field(default=(), repr=False)
    ahead: str = field(default="", repr=False)
    patient: bool = True
    reaction_seconds: float = 1.0
    """From the end of a prompt to the first key; half of the menu's time if that is less."""
    key_seconds: float = 0.4
    """From one key of a group to the next."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the world says to some work, after so many seconds; None: it could not do it."""

    values: Mapping[str, str] | None = field(repr=False)
    seconds: float = 0.0


class World(Protocol):
    """What answers a simulated run."""

    def answer(self, place: Place, work: Work) -> Answer: ...


@dataclass(frozen=True, slots=True)
class Told:
    """A line of a simulation's transcript. `what`: say, key, ask (of the world), answer."""

    seconds: float
    place: Place
    what: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class End:
    """Where a run ended. `at` as in a case's expectation; a human by a way nobody drew is `human`, and `why` says
    which. `of`: the queue, target or number, or the outcome of a return."""

    at: str
    of: str | None = None
    why: str = ""


class Asked(NamedTuple):
    """Where a caller was asked who had no group of keys left, after so many lines told and nodes left."""

    place: Place
    told: int
    left: int


@dataclass(frozen=True, slots=True)
class Simulation:
    """What became of a caller."""

    path: tuple[Visited, ...]
    told: tuple[Told, ...]
    end: End
    seconds: float
    """From the beginning of the flow to its end."""
    human_seconds: float | None
    """Until a human has the call: a queue here, or somebody elsewhere who took it; None: nobody."""
    keys_left: int
    """Groups of keys nobody asked for."""
    asked: Asked | None = None
    """The first time that nothing was pressed because nothing was left to press."""


_WITH_A_HUMAN: Final = frozenset({"queue", "human", "transfer", "emergency"})
_ORDER: Final[Mapping[str, int]] = {"said": 0, "work": 1, "timer": 2}


class _Due(NamedTuple):
    """Something on its way, in seconds of the clock."""

    at: float
    event: Event


SecondsOf = Callable[[Speech], float]
"""How long something said takes."""


def seconds_by_length(speech: Speech) -> float:
    """An estimate from the length of the text, for prompts that are not rendered."""
    return sum(_seconds(part) for part in speech)


def _seconds(part: Words | Recording | Spelled | Number) -> float:
    match part:
        case Words(text):
            return 0.2 + len(text) / _CHARACTERS_PER_SECOND
        case Spelled(digits):
            return len(digits) * _DIGIT_SECONDS
        case Number(value):
            return len(cardinal(value)) * _PART_SECONDS
        case Recording():
            return _RECORDING_SECONDS


def simulate(
    flows: Mapping[str, Flow],
    key: str,
    facts: CallFacts,
    calendar: Calendar,
    *,
    at: datetime,
    caller: Caller,
    world: World,
    seconds_of: SecondsOf = seconds_by_length,
) -> Simulation:
    """Play the flow `key` from the aware moment `at` to its end. Raises Stuck."""
    return Player(Run(flows, key, facts, calendar), at, caller, world, seconds_of).play()


class Player:
    """One run on its virtual clock. Of things due at one moment a key comes first, and time running out last."""

    def __init__(self, run: Run, at: datetime, caller: Caller, world: World, seconds_of: SecondsOf) -> None:
        self._run = run
        self._begin = at
        self._caller = caller
        self._world = world
        self._seconds_of = seconds_of
        self._clock = 0.0
        self._groups = deque(caller.keys)
        self._keys: deque[_Due] = deque()
        self._due: dict[str, _Due] = {}
        """What else is on its way: what is `said`, `work`, the `timer`."""
        self._wanted = False
        """The caller was asked and will press the next group once the prompt has ended."""
        self._asked = 0
        self._working: tuple[Place, Work] | None = None
        self._path: list[Visited] = []
        self._told: list[Told] = []
        self._asked_in_vain: Asked | None = None
        self._end: End | None = None

    def play(self) -> Simulation:
        """To the end. Raises Stuck."""
        self._press(self._caller.ahead, 0.0)
        actions = self._run.begin(self._begin)
        while True:
            self._take(actions)
            if self._end is not None:
                break
            event = self._next()
            actions = self._run.on(event, self._begin + timedelta(seconds=self._clock))
            if isinstance(event, Pressed):
                self._was_pressed(counted=bool(actions))
        seconds = round(self._clock, 3)
        return Simulation(
            tuple(self._path),
            tuple(self._told),
            self._end,
            seconds,
            seconds if self._end.at in _WITH_A_HUMAN else None,
            len(self._groups),
            self._asked_in_vain,
        )

    def _next(self) -> Event:
        """What happens next; the clock goes there."""
        due = min(self._due.items(), key=lambda item: (item[1].at, _ORDER[item[0]]), default=None)
        if self._keys and (due is None or self._keys[0].at <= due[1].at):
            key = self._keys.popleft()
            self._clock = max(self._clock, key.at)
            if isinstance(key.event, Pressed):
                self._tell("key", key.event.key)
            return key.event
        if due is None:
            raise Stuck(f"{self._run!r} waits for nothing")
        kind, happens = due
        del self._due[kind]
        self._clock = happens.at
        if kind == "work":
            self._tell("answer", "good" if isinstance(happens.event, Done) else "failed")
        return happens.event

    def _take(self, actions: list[Action]) -> None:
        if self._run.asked > self._asked:
            self._asked = self._run.asked
            self._wanted = True
            if not self._caller.patient:
                self._press_next(0.0)
        for action in actions:
            self._act(action)

    def _act(self, action: Action) -> None:
        match action:
            case Play(token, speech):
                self._due["said"] = _Due(self._clock + self._seconds_of(speech), Played(token))
                self._tell("say", as_text(speech))
            case Silence():
                self._due.pop("said", None)
            case Wait(token, ms):
                self._due["timer"] = _Due(self._clock + ms / 1000, Elapsed(token))
                self._press_next(min(self._caller.reaction_seconds, ms / 2000))
            case Do(token, work):
                self._do(token, work)
            case Visited():
                self._path.append(action)
            case ToHuman(why, queue):
                self._end = End("queue" if why == "queue" else "human", queue, why)
            case HangUp():
                self._end = self._hung_up()
            case GoBack(outcome):
                self._end = End("return", outcome)

    def _do(self, token: int, work: Work) -> None:
        self._working = (self._run.at, work)
        answer = self._world.answer(self._run.at, work)
        event = Failed(token, "failed") if answer.values is None else Done(token, answer.values)
        self._due["work"] = _Due(self._clock + answer.seconds, event)
        self._tell("ask", type(work).__name__)

    def _hung_up(self) -> End:
        """A call ends too when somebody elsewhere took it, or a promise was made."""
        place, work = self._working or (None, None)
        if place == self._run.at:
            match work:
                case DialTarget(target):
                    return End("transfer", target)
                case DialEmergency(number):
                    return End("emergency", number)
                case PromiseCallback():
                    return End("callback")
                case TakeMessage():
                    return End("message")
        return End("hangup")

    def _was_pressed(self, *, counted: bool) -> None:
        """A key of a group answers what was asked while the group was pressed. One that counts for nothing does not,
        and the caller goes on to the next group."""
        if counted:
            self._wanted = False
        elif "said" not in self._due or not self._caller.patient:
            self._press_next(self._caller.reaction_seconds if self._caller.patient else 0.0)

    def _press_next(self, after: float) -> None:
        """The next group, if the caller was asked for one and has pressed the last."""
        if self._wanted and not self._keys:
            self._wanted = False
            if self._groups:
                self._press(self._groups.popleft(), after)
            elif self._asked_in_vain is None:
                self._asked_in_vain = Asked(self._run.at, len(self._told), len(self._path))

    def _press(self, keys: str, after: float) -> None:
        for number, key in enumerate(keys):
            self._keys.append(_Due(self._clock + after + number * self._caller.key_seconds, Pressed(key)))

    def _tell(self, what: str, text: str) -> None:
        self._told.append(Told(round(self._clock, 3), self._run.at, what, text))
