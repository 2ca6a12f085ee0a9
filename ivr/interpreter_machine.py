"""What every node of a run works with: where the run is, what is said, waited for and asked, and the ways out."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from hotline.errors import InvalidInput
from ivr.branches import END, HUMAN, INTO
from ivr.events import (
    Action,
    Calendar,
    CallFacts,
    Do,
    GoBack,
    HangUp,
    Play,
    Silence,
    Speech,
    ToHuman,
    Visited,
    Wait,
    Work,
)
from ivr.flow import AnyNode, Flow, SkillNeed, SubFlow
from ivr.interpreter_states import AHEAD, DEPTH, FRUITLESS, NODES, UNHEARD_NODES, VALUE_LENGTH, Over, State
from ivr.variables import OUTCOME, at_the_start

FINISH: Final = "#"
"""Ends digits."""


class ValueTooLong(InvalidInput):
    """A variable would hold more than a flow may keep."""

    code = "ivr.value_too_long"


class Place(NamedTuple):
    """A node of a flow."""

    flow: str
    node: str


class Machine:
    """One run's insides. Every way out of a node is one of `leave`, `into`, `back`, `human`, `hand_over`, `hang_up`."""

    def __init__(self, flows: Mapping[str, Flow], key: str, facts: CallFacts, calendar: Calendar) -> None:
        self.facts = facts
        self.calendar = calendar
        self.language = facts.language
        self.values = at_the_start(facts)
        self.ahead: deque[str] = deque()
        self.now = datetime.min
        self.state: State | None = None
        """None: the node is to be entered."""
        self.out: list[Action] = []
        self.asked = 0
        """How many times the citizen was asked for keys."""
        self._hash_until: datetime | None = None
        self._flows = flows
        self._flow = key
        self._node = flows[key].entry if key in flows else ""
        self._above: list[tuple[Place, str | None]] = []
        self._tokens = 0
        self._saying: int | None = None
        self._timer: int | None = None
        self._work: int | None = None
        self._nodes = 0
        self._unheard = 0
        self._fruitless = 0

    # --- where it is ---

    @property
    def place(self) -> Place:
        return Place(self._flow, self._node)

    @property
    def above(self) -> tuple[Place, ...]:
        """The sub-flows' nodes this flow will come back to, outermost first."""
        return tuple(place for place, _ in self._above)

    def node(self) -> AnyNode | None:
        """The node, or None where a flow does not have what leads to it."""
        flow = self._flows.get(self._flow)
        return None if flow is None else flow.nodes.get(self._node)

    def entered(self) -> bool:
        """Count a node. False: these were enough, and a human takes over."""
        self._nodes += 1
        self._unheard += 1
        if self._nodes > NODES or self._unheard > UNHEARD_NODES:
            self.human("limit")
            return False
        return True

    # --- what is heard ---

    def pressed(self, key: str) -> bool:
        """Every key goes one way: to the end of those that wait. False: it counts for nothing."""
        hash_until, self._hash_until = self._hash_until, None
        if key == FINISH and hash_until is not None and self.now <= hash_until:
            return False
        if len(self.ahead) < AHEAD:
            self.ahead.append(key)
        return True

    def take(self) -> str:
        """The first of the keys that wait; by it the citizen is heard."""
        self._unheard = 0
        return self.ahead.popleft()

    def digits_are_complete(self, seconds: float) -> None:
        """As many as there can be were pressed. Citizens still end them by `#`, so one that follows them, before any
        other key and within `seconds`, is no answer to what is asked next."""
        if not self.ahead:
            self._hash_until = self.now + timedelta(seconds=seconds)
        elif self.ahead[0] == FINISH:
            self.ahead.popleft()

    def played(self, token: int) -> bool:
        """Whether that was what is being said."""
        if token != self._saying:
            return False
        self._saying = None
        return True

    def elapsed(self, token: int) -> bool:
        """Whether that was the timer that counts."""
        if token != self._timer:
            return False
        self._timer = None
        return True

    def answered(self, token: int) -> bool:
        """Whether that was the work that is waited for."""
        if token != self._work:
            return False
        self._work = None
        return True

    # --- what is done at a node ---

    def play(self, speech: Speech) -> bool:
        """Say it. False: there is nothing to be said."""
        if not speech:
            return False
        self._saying = self._token()
        self.out.append(Play(self._saying, speech))
        return True

    def hush(self) -> None:
        """Nothing is said any more."""
        if self._saying is not None:
            self._saying = None
            self.out.append(Silence())

    @property
    def idle(self) -> bool:
        """Whether nothing is said, and nothing waited for."""
        return self._saying is None and self._timer is None

    def wait(self, seconds: float) -> None:
        self._timer = self._token()
        self.out.append(Wait(self._timer, round(seconds * 1000)))

    def stop_waiting(self) -> None:
        self._timer = None

    def do(self, work: Work) -> None:
        self._work = self._token()
        self.out.append(Do(self._work, work))

    def keep(self, name: str, value: str) -> None:
        """A variable. Raises ValueTooLong."""
        if len(value) > VALUE_LENGTH:
            raise ValueTooLong(f"{name} is longer than {VALUE_LENGTH} characters")
        self.values[name] = value

    # --- ways out of a node ---

    def leave(self, branch: str, target: str | None, why: str = "unset") -> None:
        """To the node `target` of the same flow, or to a human because of `why` when there is none."""
        if target is None or target not in self._flows[self._flow].nodes:
            self.human(why)
            return
        self._left(branch)
        self._node = target
        self.state = None

    def gave_up(self, branch: str, target: str | None, why: str) -> None:
        """Like `leave`, after silence or wrong keys."""
        self._fruitless += 1
        if self._fruitless > FRUITLESS:
            self.human("limit")
        else:
            self.leave(branch, target, why)

    def got(self, branch: str, target: str | None) -> None:
        """Like `leave`, after keys that were understood."""
        self._fruitless = 0
        self.leave(branch, target)

    def into(self, node: SubFlow) -> None:
        """Into another flow."""
        if node.flow not in self._flows:
            self.human("failure")
        elif len(self._above) >= DEPTH:
            self.human("limit")
        else:
            self._left(INTO)
            self._above.append((self.place, node.next))
            self._flow, self._node = node.flow, self._flows[node.flow].entry
            self.state = None

    def back(self, outcome: str) -> None:
        """Out of this flow: to the one that called it, or the end of the run."""
        self._left(END)
        if not self._above:
            self._over(GoBack(outcome, dict(self.values)))
            return
        (self._flow, self._node), following = self._above.pop()
        self.keep(OUTCOME, outcome)
        self.leave("next", following)

    def human(self, why: str) -> None:
        """To a human by a way that nobody drew."""
        self._left(HUMAN)
        self._over(ToHuman(why))

    def hand_over(self, queue: str | None, skills: tuple[SkillNeed, ...]) -> None:
        """To a human by a queue's node."""
        self._left(END)
        self._over(ToHuman("queue", queue, skills))

    def hang_up(self) -> None:
        self._left(END)
        self._over(HangUp())

    def _left(self, branch: str) -> None:
        self.hush()
        self._timer = self._work = None
        self.out.append(Visited(self._flow, self._node, branch))

    def _over(self, last: Action) -> None:
        self.out.append(last)
        self.state = Over()
        self.ahead.clear()

    def _token(self) -> int:
        self._tokens += 1
        return self._tokens
