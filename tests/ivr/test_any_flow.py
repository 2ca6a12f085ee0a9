"""Of any flow, whatever is pressed and whatever the world does: it ends, 0 reaches a human, and no key is lost or taken
twice."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import event, given, settings
from hypothesis import strategies as st

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
from ivr.flow import Flow, Menu
from ivr.interpreter import Run
from ivr.interpreter_states import NODES
from tests.ivr.runs import NOON, City, flow_of
from tests.ivr.wild import KEYS, SEEDS, wild

_GOOD = {"waiting": "3", "ready": "0", "state": "办理中", "text": "答复", "a": "12", "b": "x", "outcome": "done"}
_MOST_EVENTS = 8 * NODES


class Channel:
    """What a channel has going on for a run: at most one thing is said, one timer runs, one work is done."""

    def __init__(self, flows: Mapping[str, Flow]) -> None:
        self.flows = flows
        self.run = Run(flows, "main", CallFacts("12345", "政务热线"), City())
        self.playing: int | None = None
        self.timer: int | None = None
        self.work: tuple[int, Work] | None = None
        self.visits: list[Visited] = []
        self.last: Action | None = None
        self._tokens = [0]
        self._take(self.run.begin(NOON))

    def tell(self, told: Event) -> list[Action]:
        return self._take(self.run.on(told, NOON))

    def _take(self, actions: list[Action]) -> list[Action]:
        for number, action in enumerate(actions):
            match action:
                case Play(token):
                    assert self.playing is None, "two things are said at once"
                    self.playing = self._new(token)
                case Silence():
                    assert self.playing is not None, "nothing was said that could be stopped"
                    self.playing = None
                case Wait(token):
                    self.timer = self._new(token)
                case Do(token, work):
                    assert self.work is None, "two works at once"
                    self.work = (self._new(token), work)
                case Visited():
                    self.timer = None
                    self.visits.append(action)
                case ToHuman() | HangUp() | GoBack():
                    assert number == len(actions) - 1
                    self.last = action
        if self.run.over:
            assert self.last is not None
            assert self.playing is None
            assert self.work is None
        else:
            assert self.playing or self.timer or self.work, f"{self.run!r} waits for nothing"
        return actions

    def _new(self, token: int) -> int:
        assert token > self._tokens[-1]
        self._tokens.append(token)
        return token

    def at_a_menu(self) -> bool:
        at = self.run.at
        return self.run.asking and isinstance(self.flows[at.flow].nodes[at.node], Menu)

    def goes_on(self, *, good: bool) -> None:
        """The nearest thing that is going on comes to its end."""
        if self.work is not None:
            (token, _), self.work = self.work, None
            self.tell(Done(token, _GOOD) if good else Failed(token, "test"))
        elif self.playing is not None:
            token, self.playing = self.playing, None
            self.tell(Played(token))
        elif self.timer is not None:
            token, self.timer = self.timer, None
            self.tell(Elapsed(token))

    def late(self, number: int) -> None:
        """An answer to something long over, or never asked for."""
        token = self._tokens[number % len(self._tokens)]
        for told in (Played(token), Elapsed(token), Done(token, _GOOD), Failed(token, "late")):
            current = (self.playing, self.timer, self.work[0] if self.work else None)
            if token not in current:
                assert self.tell(told) == []

    def to_the_end(self, *, good: bool) -> None:
        for _ in range(_MOST_EVENTS):
            if self.run.over:
                return
            self.goes_on(good=good)
        raise AssertionError(f"{self.run!r} does not end")


_MOVES = st.lists(
    st.one_of(
        st.sampled_from(KEYS).map(lambda key: ("key", key)),
        st.sampled_from([("good", ""), ("bad", "")]),
        st.integers(0, 40).map(lambda number: ("late", str(number))),
    ),
    max_size=40,
)


@settings(max_examples=400, deadline=None)
@given(SEEDS, _MOVES, st.booleans())
def test_every_run_ends(seed: int, moves: list[tuple[str, str]], good: bool) -> None:
    channel = Channel(wild(seed))
    for kind, what in moves:
        if channel.run.over:
            break
        if kind == "key":
            was_at_a_menu = channel.at_a_menu()
            channel.tell(Pressed(what))
            if was_at_a_menu and what == "0":
                assert channel.last == ToHuman("asked")
        elif kind == "late":
            channel.late(int(what))
        else:
            channel.goes_on(good=kind == "good")
    channel.to_the_end(good=good)
    event(f"ended by {type(channel.last).__name__}")
    visits = len(channel.visits)
    assert channel.tell(Pressed("0")) == []
    assert visits <= 2 * NODES  # a sub-flow's node is left twice


@settings(max_examples=400, deadline=None)
@given(SEEDS, st.text(KEYS, max_size=12), st.booleans())
def test_0_out_of_keys_that_waited_reaches_a_human_from_the_first_menu_that_gets_it(
    seed: int, keys: str, good: bool
) -> None:
    """Keys pressed before anything was heard, with a 0 behind: a run that comes to a menu with the 0 still waiting ends
    there."""
    channel = Channel(wild(seed))
    for key in keys + "0":
        channel.tell(Pressed(key))
    while not channel.run.over:
        assert not channel.at_a_menu() or "0" not in channel.run._machine.ahead
        channel.goes_on(good=good)


@settings(max_examples=400, deadline=None)
@given(SEEDS, st.text(KEYS, max_size=24), st.booleans())
def test_keys_mean_the_same_early_and_late(seed: int, keys: str, good: bool) -> None:
    """All of them before anything is heard, or each when it is asked for: the same way, the same variables, the same
    end. (A text that cannot be said is an exception: it matters only to those who hear it.)"""
    early = Channel(wild(seed, speakable=True))
    for key in keys:
        early.tell(Pressed(key))
    early.to_the_end(good=good)
    late = Channel(wild(seed, speakable=True))
    for number, key in enumerate(keys):
        while not late.run.over and not late.run.asking:
            late.goes_on(good=good)
        if late.run.over and "0" in keys[number:] and isinstance(late.last, HangUp):
            return  # who has pressed it early is not hung up on
        late.tell(Pressed(key))
    late.to_the_end(good=good)
    assert early.visits == late.visits
    assert early.last == late.last
    assert early.run.values == late.run.values


_LENGTHS = st.lists(st.integers(1, 6), min_size=1, max_size=5)
_BETWEEN = st.lists(st.sampled_from(["say", "loud", "web", "nothing"]), min_size=5, max_size=5)


@settings(max_examples=400, deadline=None)
@given(_LENGTHS, _BETWEEN, st.data())
def test_no_digit_is_lost_or_doubled_whenever_it_is_pressed(
    lengths: list[int], between: list[str], data: st.DataObject
) -> None:
    """One collection after another, with things between them that are said, must be heard, or take their time."""
    nodes: dict[str, dict[str, object]] = {}
    for number, (length, kind) in enumerate(zip(lengths, between, strict=False)):
        following = f"x{number + 1}" if number + 1 < len(lengths) else "back"
        asked = {"prompt": "请输入", "variable": f"v{number}", "min_digits": length, "max_digits": length}
        nodes[f"c{number}"] = {"type": "collect", "next": following, **asked}
        nodes[f"x{number}"] = {
            "say": {"type": "say", "prompt": "您好"},
            "loud": {"type": "say", "prompt": "必听", "must_be_heard": True},
            "web": {"type": "web", "url": "https://example.org/"},
            "nothing": {"type": "set"},
        }[kind] | {"next": f"c{number}"}
    nodes["back"] = {"type": "return"}
    keys = data.draw(st.text("0123456789", min_size=sum(lengths), max_size=sum(lengths)))
    channel = Channel({"main": flow_of(dict(sorted(nodes.items(), key=lambda item: item[0] != "x0")))})
    waiting = list(keys)
    while not channel.run.over:
        if waiting and ((channel.playing is None and channel.work is None) or data.draw(st.booleans())):
            channel.tell(Pressed(waiting.pop(0)))
        else:
            channel.goes_on(good=True)
    assert isinstance(channel.last, GoBack)
    assert "".join(channel.last.values[f"v{number}"] for number in range(len(lengths))) == keys
