"""Menus: keys early and late, known and wrong, and nobody who presses."""

from __future__ import annotations

from typing import Any

import pytest

from ivr.events import Elapsed, Play, Played, Pressed, Silence, ToHuman, Visited, Wait
from tests.ivr.runs import QUEUE, Hand, flow_of, option


def _menu(**more: Any) -> dict[str, Any]:
    return {"type": "menu", "prompt": "请按键", "options": {"1": option("deep"), "2": option("queue")}, **more}


def _flow(**more: Any) -> Any:
    return flow_of(
        {
            "hello": {"type": "say", "prompt": "您好", "next": "menu"},
            "menu": _menu(**more),
            "deep": {"type": "menu", "prompt": "再按键", "options": {"1": option("queue"), "*": option("menu")}},
            "queue": QUEUE,
        }
    )


def test_the_citizens_time_begins_when_the_prompt_has_ended() -> None:
    hand = Hand(_flow(seconds=7))
    hand.heard()
    assert [type(one) for one in hand.actions] == [Visited, Play]
    assert hand.said() == "请按键"
    hand.heard()
    assert [(type(one), getattr(one, "ms", None)) for one in hand.actions] == [(Wait, 7000)]


def test_a_key_stops_a_menus_prompt_and_leads_on() -> None:
    hand = Hand(_flow())
    hand.heard()
    hand.press("2")
    assert hand.actions == [
        Silence(),
        Visited("main", "menu", "key 2"),
        Visited("main", "queue", "end"),
        ToHuman("queue", "general"),
    ]
    assert hand.run.over


def test_a_key_while_something_is_said_stops_it_and_is_kept_for_the_menu() -> None:
    hand = Hand(_flow())
    hand.press("1")
    assert hand.path == [("start", "next"), ("hello", "next"), ("menu", "key 1")]
    assert hand.said() == "再按键"


def test_what_must_be_heard_is_heard_and_the_key_kept() -> None:
    hand = Hand(
        flow_of(
            {
                "hello": {"type": "say", "prompt": "录音告知", "must_be_heard": True, "next": "menu"},
                "menu": _menu(),
                "deep": QUEUE,
                "queue": QUEUE,
            }
        )
    )
    hand.press("1")
    assert hand.actions == []
    assert hand.said() == "录音告知"
    hand.heard()
    assert hand.path[1:] == [("hello", "next"), ("menu", "key 1"), ("deep", "end")]
    assert sum(isinstance(one, Play) for one in hand.all) == 1


def test_what_must_be_heard_is_heard_though_keys_wait() -> None:
    hand = Hand(
        flow_of(
            {
                "hello": {"type": "say", "prompt": "您好", "next": "loud"},
                "loud": {"type": "say", "prompt": "录音告知", "must_be_heard": True, "next": "menu"},
                "menu": _menu(),
                "deep": QUEUE,
                "queue": QUEUE,
            }
        )
    )
    hand.press("1")
    assert hand.said() == "录音告知"
    hand.heard()
    assert hand.path[-2:] == [("menu", "key 1"), ("deep", "end")]


def test_keys_that_wait_spare_every_prompt_on_the_way() -> None:
    hand = Hand(
        flow_of(
            {
                "loud": {"type": "say", "prompt": "必听", "must_be_heard": True, "next": "hello"},
                "hello": {"type": "say", "prompt": "您好", "next": "menu"},
                "menu": _menu(),
                "deep": {"type": "menu", "prompt": "再按键", "options": {"1": option("queue")}},
                "queue": QUEUE,
            }
        )
    )
    hand.press("11")
    hand.heard()
    assert [one.speech for one in hand.all if isinstance(one, Play)] == [hand.playing().speech]
    assert hand.path[-1] == ("queue", "end")


@pytest.mark.parametrize("before", ["", "1", "9", "1*"])
def test_0_reaches_a_human_from_every_menu(before: str) -> None:
    hand = Hand(_flow(attempts=3))
    hand.press(before)
    hand.press("0")
    assert hand.end == ToHuman("asked")


@pytest.mark.parametrize("before", ["", "1", "19"])
def test_0_reaches_a_human_out_of_keys_that_waited(before: str) -> None:
    hand = Hand(_flow(attempts=3))
    for key in before + "0":
        hand.tell(Pressed(key))
    assert hand.end == ToHuman("asked")


def test_0_reaches_a_human_where_somebody_drew_it_elsewhere() -> None:
    flow = flow_of({"menu": _menu(options={"0": option("bye")}), "bye": {"type": "hangup"}})
    hand = Hand(flow)
    hand.press("0")
    assert hand.end == ToHuman("asked")


def test_a_wrong_key_is_told_and_the_prompt_said_again() -> None:
    hand = Hand(_flow(wrong="没有这个选项", attempts=2))
    hand.heard()
    hand.press("7")
    assert hand.said() == "没有这个选项请按键"
    hand.press("7")
    assert hand.end == ToHuman("wrong")
    assert hand.path[-1] == ("menu", "human")


def test_silence_after_a_wrong_key_is_not_told_as_one() -> None:
    hand = Hand(_flow(wrong="没有这个选项", attempts=3))
    hand.heard()
    hand.press("7")
    hand.silence()
    assert hand.said() == "请按键"


def test_a_wrong_key_does_not_swallow_the_one_behind_it() -> None:
    hand = Hand(
        flow_of(
            {
                "loud": {"type": "say", "prompt": "必听", "must_be_heard": True, "next": "menu"},
                "menu": _menu(),
                "deep": QUEUE,
                "queue": QUEUE,
            }
        )
    )
    hand.press("72")
    hand.heard()
    assert hand.path[-2:] == [("menu", "key 2"), ("queue", "end")]


def test_silence_says_the_prompt_again_and_then_leads_on() -> None:
    hand = Hand(_flow(attempts=2, on_timeout="deep"))
    hand.heard()
    hand.silence()
    assert hand.said() == "请按键"
    hand.silence()
    assert hand.path[-1] == ("menu", "on_timeout")


@pytest.mark.parametrize(
    ("last", "branch"), [("silence", "on_timeout"), ("wrong", "on_wrong")], ids=["silence", "wrong key"]
)
def test_the_way_on_is_that_of_what_came_last(last: str, branch: str) -> None:
    hand = Hand(_flow(attempts=2, on_timeout="deep", on_wrong="deep"))
    hand.heard()
    if last == "silence":
        hand.press("9")
        hand.silence()
    else:
        hand.silence()
        hand.press("9")
    assert hand.path[-1] == ("menu", branch)


def test_silence_that_nobody_drew_reaches_a_human() -> None:
    hand = Hand(_flow(attempts=1))
    hand.heard()
    hand.silence()
    assert hand.end == ToHuman("timeout")


def test_an_option_that_leads_nowhere_reaches_a_human() -> None:
    hand = Hand(flow_of({"menu": _menu(options={"1": option(None), "2": option("gone")})}))
    hand.press("1")
    assert hand.end == ToHuman("unset")
    hand = Hand(flow_of({"menu": _menu(options={"1": option(None), "2": option("gone")})}))
    hand.press("2")
    assert hand.end == ToHuman("unset")


def test_late_answers_change_nothing() -> None:
    hand = Hand(_flow())
    first = hand.playing().token
    hand.heard()
    hand.tell(Played(first))
    assert hand.actions == []
    hand.heard()
    timer = hand.actions[0]
    assert isinstance(timer, Wait)
    hand.press("1")
    hand.tell(Elapsed(timer.token))
    assert hand.actions == []
    assert hand.node == "deep"


def test_a_silenced_prompt_is_not_waited_for() -> None:
    hand = Hand(_flow(attempts=3))
    hand.heard()
    said = hand.playing().token
    hand.press("9")
    hand.tell(Played(said))
    assert hand.actions == []  # else the time for a key would begin while the prompt is said again


def test_a_menu_without_a_prompt_listens_at_once() -> None:
    hand = Hand(flow_of({"menu": _menu(prompt=""), "deep": QUEUE, "queue": QUEUE}))
    assert isinstance(hand.actions[-1], Wait)


def test_keys_no_telephone_has_are_nothing() -> None:
    hand = Hand(_flow(attempts=1))
    hand.press("A")
    assert hand.actions == []
    assert hand.node == "hello"


def test_after_the_end_nothing_is_heard() -> None:
    hand = Hand(_flow())
    hand.press("0")
    hand.press("1")
    assert hand.actions == []
