"""Nodes that ask the world, other flows, variables, and the bounds of a run."""

from __future__ import annotations

from typing import Any

import pytest

from ivr.events import (
    AskSatisfaction,
    CallWeb,
    DialEmergency,
    DialTarget,
    Do,
    Done,
    GoBack,
    HangUp,
    LookUpKnowledge,
    LookUpProgress,
    Play,
    PromiseCallback,
    Silence,
    TakeMessage,
    ToHuman,
)
from ivr.flow import SkillNeed
from ivr.interpreter_states import AHEAD, DEPTH, FRUITLESS, NODES, UNHEARD_NODES
from tests.ivr.runs import QUEUE, Hand, flow_of, option

NUMBERS = {"type": "set", "values": {"number": "12", "code": "34"}}
BACK = {"type": "return", "outcome": "ok"}
LATER = {"type": "return", "outcome": "failed"}


def _hand(node: dict[str, Any], **drawn: str) -> Hand:
    nodes: dict[str, Any] = {
        "set": {**NUMBERS, "next": "node"},
        "node": {**node, **drawn},
        "back": BACK,
        "later": LATER,
        "menu": {"type": "menu", "prompt": "请按键", "options": {"1": option("back")}},
    }
    return Hand(flow_of(nodes))


WEB = {"type": "web", "url": "https://example.org/x", "send": {"id": "no-{number}"}, "save": {"due": "/due"}}
PROGRESS = {"type": "progress", "number": "number", "code": "code"}
WORKS: list[tuple[dict[str, Any], Any]] = [
    (PROGRESS, LookUpProgress("12", "34")),
    ({"type": "knowledge", "entry": "k-1"}, LookUpKnowledge("k-1")),
    ({"type": "transfer", "target": "12366"}, DialTarget("12366")),
    ({"type": "callback"}, PromiseCallback()),
    ({"type": "message"}, TakeMessage()),
]


@pytest.mark.parametrize(("node", "work"), WORKS, ids=lambda value: value.get("type") if type(value) is dict else "")
def test_what_fails_goes_as_drawn_or_to_a_human(node: dict[str, Any], work: Any) -> None:
    hand = _hand(node, on_failure="later")
    assert hand.work() == work
    hand.failed()
    assert hand.path[-2:] == [("node", "on_failure"), ("later", "end")]
    hand = _hand(node)
    hand.failed()
    assert hand.end == ToHuman("failure")
    assert hand.path[-1] == ("node", "human")


@pytest.mark.parametrize("node", [{"type": "emergency", "number": "119"}, {"type": "survey", "next": "back"}])
def test_a_failure_that_nobody_can_draw_reaches_a_human(node: dict[str, Any]) -> None:
    hand = _hand(node)
    hand.failed()
    assert hand.end == ToHuman("failure")


@pytest.mark.parametrize(
    "node",
    [
        {"type": "transfer", "target": "12366"},
        {"type": "emergency", "number": "119"},
        {"type": "callback"},
        {"type": "message"},
    ],
)
def test_what_was_taken_or_promised_ends_the_call(node: dict[str, Any]) -> None:
    hand = _hand(node)
    hand.done()
    assert hand.end == HangUp()
    assert hand.path[-1] == ("node", "end")


def test_an_emergency_is_dialled_at_once() -> None:
    assert _hand({"type": "emergency", "number": "119"}).work() == DialEmergency("119")


def test_after_a_survey_the_flow_goes_on() -> None:
    hand = _hand({"type": "survey"}, next="back")
    assert hand.work() == AskSatisfaction()
    hand.done()
    assert hand.path[-1] == ("back", "end")


def test_progress_is_read_aloud_with_its_own_values() -> None:
    hand = _hand(PROGRESS, next="menu")
    hand.done(state="正由{unit}办理，还有{days:number}天", unit="市水务局", days="3")
    assert hand.said() == "正由市水务局办理，还有3天"
    hand.heard()
    assert hand.said() == "请按键"


def test_progress_without_its_variables_is_a_failure() -> None:
    hand = _hand({**PROGRESS, "code": "other"}, on_failure="later")
    assert hand.path[-2] == ("node", "on_failure")


@pytest.mark.parametrize("values", [{}, {"state": ""}])
def test_an_answer_with_nothing_to_say_is_a_failure(values: dict[str, str]) -> None:
    hand = _hand(PROGRESS, on_failure="later")
    hand.done(**values)
    assert hand.path[-2] == ("node", "on_failure")


def test_an_answer_that_cannot_be_said_reaches_a_human() -> None:
    hand = _hand(PROGRESS, on_failure="later")
    hand.done(state="{unit}")
    assert hand.end == ToHuman("failure")


def test_an_answer_may_be_longer_than_a_prompt() -> None:
    hand = _hand({"type": "knowledge", "entry": "k"}, next="menu")
    hand.done(text="长" * 5_000)
    assert hand.said() == "长" * 5_000


def test_variables_are_set_from_what_held_before() -> None:
    """A stored flow does not keep the order of names."""
    hand = _hand({"type": "set", "values": {"number": "{code}", "code": "{number}"}}, next="back")
    assert isinstance(hand.end, GoBack)
    assert (hand.end.values["number"], hand.end.values["code"]) == ("34", "12")


def test_an_answer_is_heard_though_keys_wait_and_stopped_by_one() -> None:
    hand = _hand({"type": "knowledge", "entry": "k"}, next="menu")
    hand.press("9")
    assert hand.actions == []
    hand.done(recording="k-1")
    assert hand.said() == "【录音 k-1】"
    hand.press("1")
    assert hand.actions[0] == Silence()
    assert hand.path[-2:] == [("menu", "key 1"), ("back", "end")]


def test_a_request_sends_filled_texts_and_saves_what_was_asked_for() -> None:
    hand = _hand(WEB, next="back")
    work = hand.work()
    assert isinstance(work, CallWeb)
    assert work.send == {"id": "no-12"}
    assert "no-12" not in repr(work)
    hand.done(due="周五", line="999")
    assert isinstance(hand.end, GoBack)
    assert (hand.end.values["due"], hand.end.values["line"]) == ("周五", "12345")


@pytest.mark.parametrize("values", [{}, {"other": "x"}], ids=["nothing", "something else"])
def test_a_request_without_what_was_asked_for_is_a_failure(values: dict[str, str]) -> None:
    hand = _hand(WEB, next="back", on_failure="later")
    hand.done(**values)
    assert hand.path[-2] == ("node", "on_failure")


def test_a_value_without_bounds_is_a_failure() -> None:
    hand = _hand(WEB, next="back")
    hand.done(due="长" * 5_000)
    assert hand.end == ToHuman("failure")


def test_a_text_that_grows_is_cut_off_by_a_human() -> None:
    double = {"type": "set", "values": {"number": "{number}{number}"}, "next": "node"}
    assert _hand(double).end == ToHuman("failure")


def test_late_work_counts_for_nothing() -> None:
    hand = _hand({"type": "transfer", "target": "12366"}, on_failure="menu")
    token = next(one.token for one in hand.all if isinstance(one, Do))
    hand.failed()
    hand.tell(Done(token, {}))
    assert hand.actions == []
    assert hand.node == "menu"


def test_a_queue_gets_the_call_with_its_needs() -> None:
    hand = _hand({"type": "queue", "queue": "tax", "skills": [{"skill": "english", "level": 3}]})
    assert hand.end == ToHuman("queue", "tax", (SkillNeed(skill="english", level=3),))


def test_a_good_bye_is_heard_out() -> None:
    hand = _hand({"type": "hangup", "prompt": "再见"})
    hand.press("1#")
    assert hand.actions == []
    hand.heard()
    assert hand.end == HangUp()


def test_0_instead_of_a_good_bye_reaches_a_human() -> None:
    hand = _hand({"type": "hangup", "prompt": "再见"})
    hand.press("10")
    assert hand.actions[0] == Silence()
    assert hand.end == ToHuman("asked")


@pytest.mark.parametrize("prompt", [None, "再见"])
def test_0_while_something_is_said_before_a_hang_up_reaches_a_human(prompt: str | None) -> None:
    nodes = {
        "told": {"type": "say", "prompt": "已办结", "next": "bye"},
        "bye": {"type": "hangup", **({"prompt": prompt} if prompt else {})},
    }
    hand = Hand(flow_of(nodes))
    hand.press("0")
    assert hand.end == ToHuman("asked")
    assert hand.path[-1] == ("bye", "human")


def test_a_text_with_an_unset_variable_reaches_a_human() -> None:
    assert _hand({"type": "say", "prompt": "{never}"}, next="back").end == ToHuman("failure")


def test_what_every_flow_knows_is_said() -> None:
    assert _hand({"type": "say", "prompt": "这里是{line_name}，{line}"}, next="back").said() == (
        "这里是政务服务便民热线12345"
    )


# --- other flows ------------------------------------------------------------------------------------------------------


def _sub(following: str | None = "again") -> dict[str, Any]:
    return {"type": "subflow", "flow": "sub", "next": following}


def test_a_sub_flow_comes_back_with_its_outcome_and_variables() -> None:
    main = flow_of(
        {
            "sub": _sub(),
            "again": {"type": "say", "prompt": "{outcome}{found}", "must_be_heard": True, "next": "back"},
            "back": BACK,
        }
    )
    sub = flow_of(
        {"found": {"type": "set", "values": {"found": "有"}, "next": "end"}, "end": {"type": "return"}}, key="sub"
    )
    hand = Hand(main, sub)
    assert hand.said() == "done有"
    assert hand.path == [
        ("start", "next"),
        ("sub", "flow"),
        ("start", "next"),
        ("found", "next"),
        ("end", "end"),
        ("sub", "next"),
    ]


def test_keys_that_wait_go_into_a_sub_flow() -> None:
    main = flow_of({"hello": {"type": "say", "prompt": "您好", "next": "sub"}, "sub": _sub()})
    sub = flow_of({"menu": {"type": "menu", "prompt": "请按键", "options": {"1": option("q")}}, "q": QUEUE}, key="sub")
    hand = Hand(main, sub)
    hand.press("1")
    assert hand.end == ToHuman("queue", "general")
    assert [place.node for place in hand.run.above] == ["sub"]


def test_a_sub_flow_that_is_not_there_is_a_failure() -> None:
    assert Hand(flow_of({"sub": _sub()})).end == ToHuman("failure")


def test_a_sub_flow_after_which_nothing_was_drawn_reaches_a_human() -> None:
    sub = flow_of({"end": BACK}, key="sub")
    hand = Hand(flow_of({"sub": _sub(None)}), sub)
    assert hand.end == ToHuman("unset")
    assert hand.path[-1] == ("sub", "human")


def test_sub_flows_within_themselves_end_at_a_human() -> None:
    hand = Hand(flow_of({"sub": _sub()}), flow_of({"sub": _sub()}, key="sub"))
    assert hand.end == ToHuman("limit")
    assert len(hand.run.above) == DEPTH


def test_back_from_the_first_flow_hands_over_what_was_found() -> None:
    hand = Hand(flow_of({"set": {**NUMBERS, "next": "back"}, "back": BACK}))
    assert isinstance(hand.end, GoBack)
    assert hand.end.outcome == "ok"
    assert hand.end.values["number"] == "12"
    assert "12" not in repr(hand.end)


# --- bounds -----------------------------------------------------------------------------------------------------------


def test_a_circle_nobody_can_leave_ends_at_a_human() -> None:
    hand = Hand(flow_of({"a": {"type": "set", "next": "b"}, "b": {"type": "set", "next": "a"}}))
    assert hand.end == ToHuman("limit")
    assert len(hand.path) == UNHEARD_NODES + 1


def test_a_circle_of_sayings_ends_at_a_human() -> None:
    hand = Hand(flow_of({"a": {"type": "say", "prompt": "好", "must_be_heard": True, "next": "a"}}))
    while not hand.run.over:
        hand.heard()
    assert hand.end == ToHuman("limit")


def test_a_key_ends_the_count_of_nodes_without_one() -> None:
    steps = UNHEARD_NODES - 50
    nodes: dict[str, Any] = {f"s{n}": {"type": "set", "next": f"s{n + 1}"} for n in range(steps)}
    nodes[f"s{steps}"] = {"type": "menu", "prompt": "请按键", "options": {"1": option("s0")}}
    hand = Hand(flow_of(nodes))
    hand.press("11")
    assert len(hand.path) > 2 * UNHEARD_NODES
    assert not hand.run.over


def test_somebody_who_goes_in_circles_ends_at_a_human() -> None:
    menu = {"type": "menu", "prompt": "请按键", "options": {"1": option("menu")}}
    hand = Hand(flow_of({"menu": menu}))
    for _ in range(NODES):
        hand.press("1")
    assert hand.end == ToHuman("limit")


@pytest.mark.parametrize("key", ["", "9"], ids=["silent", "wrong keys"])
def test_somebody_who_cannot_press_keys_ends_at_a_human(key: str) -> None:
    menu = {"type": "menu", "prompt": "请按键", "options": {"1": option("menu")}, "attempts": 1}
    hand = Hand(flow_of({"menu": {**menu, "on_timeout": "menu", "on_wrong": "menu"}}))
    for _ in range(FRUITLESS + 1):
        assert not hand.run.over
        hand.press(key) if key else hand.silence()
    assert hand.end == ToHuman("limit")


def test_keys_that_were_understood_end_the_count() -> None:
    menu = {"type": "menu", "prompt": "请按键", "options": {"1": option("menu")}, "attempts": 1, "on_wrong": "menu"}
    hand = Hand(flow_of({"menu": menu}))
    for _ in range(FRUITLESS):
        hand.press("91")
    hand.press("9")
    assert not hand.run.over


def test_no_more_keys_wait_than_a_channel_keeps() -> None:
    hand = Hand(
        flow_of(
            {
                "loud": {"type": "say", "prompt": "必听", "must_be_heard": True, "next": "digits"},
                "digits": {"type": "collect", "prompt": "号", "variable": "n", "max_digits": 32, "next": "more"},
                "more": {"type": "collect", "prompt": "又", "variable": "m", "max_digits": 32, "next": "back"},
                "back": BACK,
            }
        )
    )
    hand.press("7" * (AHEAD + 5))
    hand.heard()
    assert hand.node == "more"
    assert hand.said() == "又"


def test_a_flow_that_is_not_there_reaches_a_human() -> None:
    flow = flow_of({"end": BACK})
    gone = flow.model_copy(update={"entry": "gone"})
    assert Hand(gone).end == ToHuman("failure")
    assert not any(isinstance(one, Play) for one in Hand(gone).all)
