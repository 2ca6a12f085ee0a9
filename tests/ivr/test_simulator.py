"""Runs played by a virtual clock: what is said when, when a caller presses, what the world answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.events import CallFacts, Number, Recording, Speech, Spelled, Words, Work
from ivr.flow import Flow
from ivr.interpreter_machine import Place
from ivr.simulator import Answer, Caller, End, Simulation, seconds_by_length, simulate
from tests.ivr.runs import NOON, QUEUE, City, flow_of, option
from tests.ivr.wild import KEYS, SEEDS, wild


class Answers:
    """A world that answers by node; without an answer everything fails."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        self._answers = answers

    def answer(self, place: Place, work: Work) -> Answer:
        return self._answers.get(place.node, Answer(None))


def _play(flow: Flow, *keys: str, answers: Mapping[str, Answer] | None = None, **how: Any) -> Simulation:
    return simulate(
        {flow.flow: flow},
        flow.flow,
        CallFacts("12345", "政务热线"),
        City(),
        at=NOON,
        caller=Caller(keys, **how),
        world=Answers(answers or {}),
        seconds_of=lambda speech: 2.0 * len(speech),
    )


MENU = {
    "type": "menu",
    "prompt": "请按键",
    "options": {"1": option("digits"), "2": option("queue")},
    "seconds": 5,
    "attempts": 2,
}
FLOW = flow_of(
    {
        "hello": {"type": "say", "prompt": "您好", "next": "menu"},
        "menu": MENU,
        "digits": {"type": "collect", "prompt": "单号", "variable": "number", "max_digits": 3, "next": "told"},
        "told": {"type": "say", "prompt": "{number}", "next": "queue"},
        "queue": QUEUE,
    }
)


def _branches(played: Simulation) -> list[tuple[str, str]]:
    return [(one.node, one.branch) for one in played.path]


def test_a_patient_caller_hears_everything_out() -> None:
    played = _play(FLOW, "1", "12#", reaction_seconds=1.0, key_seconds=0.5)
    assert [(one.seconds, one.what, one.text) for one in played.told] == [
        (0.0, "say", "您好"),
        (2.0, "say", "请按键"),
        (5.0, "key", "1"),
        (5.0, "say", "单号"),
        (8.0, "key", "1"),
        (8.5, "key", "2"),
        (9.0, "key", "#"),
        (9.0, "say", "12"),
    ]
    assert played.end == End("queue", "general", "queue")
    assert (played.seconds, played.human_seconds, played.keys_left) == (11.0, 11.0, 0)


def test_an_impatient_caller_presses_as_the_prompt_begins() -> None:
    played = _play(FLOW, "2", patient=False)
    assert played.seconds == 2.0  # the greeting is not asked about
    assert _branches(played)[-2:] == [("menu", "key 2"), ("queue", "end")]


def test_keys_ahead_spare_what_is_said_before_the_menu() -> None:
    played = _play(FLOW, ahead="2")
    assert played.seconds == 0.0
    assert _branches(played)[-2:] == [("menu", "key 2"), ("queue", "end")]


def test_nobody_presses() -> None:
    played = _play(FLOW)
    assert played.end == End("human", None, "timeout")
    assert played.seconds == 2 + 2 * (2 + 5)


def test_nothing_is_pressed_the_first_time() -> None:
    played = _play(FLOW, "", "2")
    assert played.seconds == 2 + (2 + 5) + 2 + 1
    assert played.end.at == "queue"


def test_where_a_caller_has_nothing_left_to_press() -> None:
    first = _play(FLOW).asked
    assert first is not None
    assert (first.place.node, first.told, first.left) == ("menu", 2, 2)
    second = _play(FLOW, "1").asked
    assert second is not None
    assert second.place.node == "digits"
    assert [told.text for told in _play(FLOW, "1").told[: second.told]] == ["您好", "请按键", "1", "单号"]
    waited = _play(FLOW, "").asked
    assert waited is not None
    assert (waited.place.node, waited.told) == ("menu", 3)
    assert _play(FLOW, "2").asked is None


def test_a_caller_is_quicker_than_a_menu_that_waits_shortly() -> None:
    flow = flow_of({"menu": {**MENU, "seconds": 1, "attempts": 1}, "digits": QUEUE, "queue": QUEUE})
    assert _play(flow, "2", reaction_seconds=4.0).end.at == "queue"


def test_a_key_at_the_last_moment_is_in_time() -> None:
    digits = {"type": "collect", "prompt": "单号", "variable": "number", "max_digits": 3, "between_seconds": 1}
    flow = flow_of(
        {
            "digits": {**digits, "next": "told"},
            "told": {"type": "say", "prompt": "{number}", "next": "queue"},
            "queue": QUEUE,
        }
    )
    assert _play(flow, "12", key_seconds=1.0).told[-1].text == "12"


def test_a_group_answers_what_is_asked_while_it_is_pressed() -> None:
    played = _play(FLOW, "112", "3")
    assert _branches(played)[2:4] == [("menu", "key 1"), ("digits", "next")]
    assert played.told[-1].text == "12"
    assert played.keys_left == 1


def test_groups_nobody_asks_for_are_counted() -> None:
    assert _play(FLOW, "2", "1", "1").keys_left == 2


def test_a_key_that_counts_for_nothing_does_not_use_up_a_question() -> None:
    flow = flow_of(
        {
            "digits": {"type": "collect", "prompt": "单号", "variable": "number", "max_digits": 2, "next": "menu"},
            "menu": MENU,
            "queue": QUEUE,
        }
    )
    for how in ({}, {"patient": False}):
        assert _branches(_play(flow, "12#", "2", **how))[-2:] == [("menu", "key 2"), ("queue", "end")]


@pytest.mark.parametrize(
    ("node", "end", "with_a_human"),
    [
        ({"type": "transfer", "target": "line:12366"}, End("transfer", "line:12366"), True),
        ({"type": "emergency", "number": "119"}, End("emergency", "119"), True),
        ({"type": "callback"}, End("callback"), False),
        ({"type": "message"}, End("message"), False),
        ({"type": "hangup"}, End("hangup"), False),
        ({"type": "return", "outcome": "well"}, End("return", "well"), False),
        ({"type": "queue"}, End("queue", None, "queue"), True),
    ],
)
def test_every_end_is_named(node: dict[str, Any], end: End, with_a_human: bool) -> None:
    played = _play(flow_of({"last": node}), answers={"last": Answer({}, 4.0)})
    assert played.end == end
    worked = node["type"] not in ("hangup", "return", "queue")
    assert played.seconds == (4.0 if worked else 0.0)
    assert played.human_seconds == (played.seconds if with_a_human else None)


def test_a_good_bye_after_something_else_is_a_hang_up() -> None:
    nodes = {"call": {"type": "transfer", "target": "12366", "on_failure": "bye"}, "bye": {"type": "hangup"}}
    assert _play(flow_of(nodes)).end == End("hangup")


def test_the_world_takes_its_time_and_keys_wait_for_it() -> None:
    nodes = {
        "web": {"type": "web", "url": "https://example.org", "save": {"due": "/x"}, "next": "menu"},
        "menu": MENU,
        "queue": QUEUE,
    }
    played = _play(flow_of(nodes), ahead="2", answers={"web": Answer({"due": "1"}, 3.0)})
    assert [(one.seconds, one.what, one.text) for one in played.told] == [
        (0.0, "ask", "CallWeb"),
        (0.0, "key", "2"),
        (3.0, "answer", "good"),
    ]
    assert played.seconds == 3.0


def test_a_caller_of_a_simulation_stands_in_no_repr() -> None:
    assert "123" not in repr(Caller(("123",), "123"))
    assert "99812" not in repr(_play(FLOW, "1", "998", ahead="").told)


@pytest.mark.parametrize(
    ("speech", "longer"),
    [
        ((Words("您好"),), (Words("您好，欢迎致电"),)),
        ((Spelled("1"),), (Spelled("138"),)),
        ((Number(3),), (Number(365),)),
        ((), (Recording("x"),)),
    ],
)
def test_more_to_say_takes_longer(speech: Speech, longer: Speech) -> None:
    assert 0 <= seconds_by_length(speech) < seconds_by_length(longer)


@settings(max_examples=100, deadline=None)
@given(SEEDS, st.lists(st.text(KEYS, max_size=6), max_size=6), st.text(KEYS, max_size=4), st.booleans())
def test_every_simulation_ends_and_the_same_way_again(seed: int, keys: list[str], ahead: str, patient: bool) -> None:
    flows = wild(seed)

    def played() -> Simulation:
        return simulate(
            flows,
            "main",
            CallFacts("12345", "政务热线"),
            City(),
            at=NOON,
            caller=Caller(tuple(keys), ahead, patient),
            world=Answers({name: Answer({"a": "1", "state": "好", "text": "好"}, 1.0) for name in ("n1", "n3")}),
        )

    first = played()
    assert first == played()
    assert [one.seconds for one in first.told] == sorted(one.seconds for one in first.told)
    assert first.keys_left <= len(keys)
    assert (first.human_seconds is None) == (first.end.at not in ("queue", "human", "transfer", "emergency"))


_TIMELESS = "123456789*"
"""Keys that mean the same whenever they come. A `#` may end the digits before it, a 0 come before a good-bye is over or
after."""


@settings(max_examples=150, deadline=None)
@given(SEEDS, st.lists(st.text(_TIMELESS, max_size=4), max_size=8), st.text(_TIMELESS, max_size=4))
def test_how_long_prompts_are_and_how_soon_keys_come_changes_no_way(seed: int, keys: list[str], ahead: str) -> None:
    """So a simulated way is a real one: only the times differ."""
    flows = wild(seed, speakable=True)

    def played(prompt_seconds: float, answer_seconds: float, *, patient: bool) -> Simulation:
        good = {"a": "1", "state": "好", "text": "好"}
        return simulate(
            flows,
            "main",
            CallFacts("12345", "政务热线"),
            City(),
            at=NOON,
            caller=Caller(tuple(keys), ahead, patient),
            world=Answers({name: Answer(good, answer_seconds) for name in ("n1", "n3")}),
            seconds_of=lambda _: prompt_seconds,
        )

    first = played(4.0, 1.0, patient=True)
    for again in (played(0.1, 5.0, patient=True), played(9.0, 0.0, patient=True), played(4.0, 1.0, patient=False)):
        assert (again.path, again.end, again.keys_left) == (first.path, first.end, first.keys_left)
