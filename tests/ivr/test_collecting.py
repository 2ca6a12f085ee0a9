"""Digits into a variable: how they end, what is too few, and how a human is reached."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ivr.events import GoBack, Play, Silence, ToHuman, Visited, Wait
from tests.ivr.runs import QUEUE, Hand, flow_of, option


def _hand(**more: Any) -> Hand:
    """Who has got through hears digits back; then a menu."""
    node = {"type": "collect", "prompt": "请输入单号", "variable": "number", "min_digits": 2, "max_digits": 4, **more}
    hand = Hand(
        flow_of(
            {
                "digits": {**node, "next": "told"},
                "told": {"type": "say", "prompt": "{number:digits}", "next": "menu"},
                "menu": {"type": "menu", "prompt": "请按键", "options": {"1": option("queue"), "#": option("hash")}},
                "queue": QUEUE,
                "hash": {"type": "return"},
                "late": {"type": "return", "outcome": "late"},
                "bad": {"type": "return", "outcome": "bad"},
            }
        )
    )
    assert hand.said() == "请输入单号"
    return hand


def test_digits_are_ended_by_the_finish_key() -> None:
    hand = _hand()
    hand.press("12")
    assert hand.node == "digits"
    hand.press("#")
    assert hand.said() == "12"


def test_digits_end_when_there_are_as_many_as_can_be() -> None:
    hand = _hand()
    hand.press("1234")
    assert hand.said() == "1234"


def test_digits_end_by_a_pause() -> None:
    hand = _hand(between_seconds=3)
    hand.press("123")
    assert hand.actions == [Wait(hand.actions[-1].token, 3000)]  # type: ignore[union-attr] # a Wait, as compared
    hand.silence()
    assert hand.said() == "123"


def test_the_first_digit_stops_the_prompt() -> None:
    hand = _hand()
    hand.press("1")
    assert [type(one) for one in hand.actions] == [Silence, Wait]


def test_the_first_digit_is_waited_for_longer_than_the_next() -> None:
    hand = _hand(seconds=9)
    hand.heard()
    assert [(type(one), getattr(one, "ms", 0)) for one in hand.actions] == [(Wait, 9000)]


@pytest.mark.parametrize("ending", ["#", ""], ids=["finish key", "pause"])
def test_too_few_digits_are_wrong_and_asked_for_again(ending: str) -> None:
    hand = _hand(wrong="位数不对", attempts=2, on_wrong="bad")
    for again in (True, False):
        hand.press("1" + ending)
        if not ending:
            hand.silence()
        if again:
            assert hand.said() == "位数不对请输入单号"
    assert isinstance(hand.end, GoBack)
    assert hand.path[-2:] == [("digits", "on_wrong"), ("bad", "end")]


def test_digits_of_a_failed_try_do_not_count_for_the_next() -> None:
    hand = _hand(attempts=3)
    hand.press("9#")
    hand.press("12#")
    assert hand.said() == "12"


def test_0_is_a_digit() -> None:
    hand = _hand()
    hand.press("0000")
    assert hand.said() == "0000"


@pytest.mark.parametrize("before", ["", "12"])
def test_a_star_reaches_a_human(before: str) -> None:
    hand = _hand()
    hand.press(before + "*")
    assert hand.end == ToHuman("asked")


def test_silence_reaches_a_human_or_what_was_drawn() -> None:
    hand = _hand(attempts=1)
    hand.silence()
    assert hand.end == ToHuman("timeout")
    hand = _hand(attempts=1, on_timeout="late")
    hand.silence()
    assert hand.path[-2:] == [("digits", "on_timeout"), ("late", "end")]


def test_without_a_finish_key_a_hash_among_digits_is_nothing() -> None:
    hand = _hand(finish=None, attempts=1)
    hand.press("1#2#")
    hand.silence()
    assert hand.said() == "12"


def test_without_a_finish_key_a_hash_alone_is_wrong() -> None:
    hand = _hand(finish=None, attempts=2, wrong="请按数字")
    hand.press("#")
    assert hand.said() == "请按数字请输入单号"
    hand.press("#")
    assert hand.end == ToHuman("wrong")


def test_a_hash_after_complete_digits_is_no_answer_to_the_menu() -> None:
    hand = _hand()
    hand.press("1234")
    hand.later(1)
    hand.press("#")
    assert hand.actions == []
    assert hand.said() == "1234"
    hand.press("#")
    assert hand.path[-2:] == [("menu", "key #"), ("hash", "end")]


def test_a_hash_after_complete_digits_that_waited_is_none_either() -> None:
    hand = Hand(
        flow_of(
            {
                "loud": {"type": "say", "prompt": "必听", "must_be_heard": True, "next": "digits"},
                "digits": {
                    "type": "collect",
                    "prompt": "单号",
                    "variable": "number",
                    "max_digits": 2,
                    "next": "menu",
                },
                "menu": {"type": "menu", "prompt": "请按键", "options": {"1": option("queue")}, "attempts": 1},
                "queue": QUEUE,
            }
        )
    )
    hand.press("12#1")
    hand.heard()
    assert hand.path[-2:] == [("menu", "key 1"), ("queue", "end")]


@pytest.mark.parametrize(("pause", "other"), [(5.0, ""), (0.0, "7")], ids=["late", "after another key"])
def test_a_later_hash_is_an_answer(pause: float, other: str) -> None:
    hand = _hand(between_seconds=4)
    hand.press("1234")
    hand.later(pause)
    hand.press(other + "#")
    assert hand.path[-2:] == [("menu", "key #"), ("hash", "end")]


def test_digits_that_waited_are_collected_without_the_prompt() -> None:
    nodes = {
        "loud": {"type": "say", "prompt": "必听", "must_be_heard": True, "next": "digits"},
        "digits": {"type": "collect", "prompt": "单号", "variable": "number", "max_digits": 4, "next": "back"},
        "back": {"type": "return"},
    }
    hand = Hand(flow_of(nodes))
    hand.press("12")
    hand.heard()
    assert [type(one) for one in hand.actions] == [Visited, Wait]
    hand.press("34")
    assert isinstance(hand.end, GoBack)
    assert hand.end.values["number"] == "1234"
    assert sum(isinstance(one, Play) for one in hand.all) == 1


def test_what_was_collected_stands_in_no_repr() -> None:
    hand = _hand()
    hand.press("197")
    told = repr(hand.run) + repr(hand.all) + repr(vars(hand.run)) + repr(hand.run._machine.state)
    hand.press("3")
    told += repr(hand.run) + repr(hand.all)
    hand.press("##")
    assert isinstance(hand.end, GoBack)
    told += repr(hand.all)
    # An object's address may have these digits.
    assert "197" not in re.sub(r"0x[0-9a-f]+", "", told)
