"""The line's own rules, held against the interpreter: what the validation lets through keeps nobody from a human, and
what it refuses does."""

from __future__ import annotations

from random import Random

import pytest

from ivr.validation.human import SILENT_SECONDS, WITHIN_SECONDS
from tests.ivr.callers import Became, Caller
from tests.ivr.generated import WORLD, broken, valid
from tests.ivr.planted import PLANTS

_SEEDS = range(300)
_RULES = list(PLANTS)


def _all(wants: str, passing: int = 0, times: int = 4) -> list[tuple[int, Became]]:
    return [
        (seed, Caller(valid(seed), WORLD, Random(f"{seed} {again}"), wants, passing).live())
        for seed in _SEEDS
        for again in range(times)
    ]


def test_two_keys_and_fifteen_seconds_are_enough_from_the_first_second_on() -> None:
    bad = [
        (seed, became)
        for seed, became in _all("human")
        if not became.human or became.seconds > WITHIN_SECONDS or became.keys > 2 + became.read_aloud
    ]
    assert bad == []


@pytest.mark.parametrize("passing", [1, 2, 3])
def test_and_after_whatever_was_asked_and_answered_or_not(passing: int) -> None:
    became = [(seed, one) for seed, one in _all("human", passing) if one.passed == passing and one.human]
    assert len(became) > 10
    bad = [(seed, one) for seed, one in became if one.seconds > WITHIN_SECONDS or one.keys > 2 + one.read_aloud]
    assert bad == []


def test_who_presses_nothing_reaches_a_human_within_a_minute() -> None:
    bad = [(seed, one) for seed, one in _all("nothing") if not one.human or one.seconds > SILENT_SECONDS]
    assert bad == []


def test_who_always_presses_the_wrong_key_reaches_a_human() -> None:
    assert [(seed, one) for seed, one in _all("wrong") if not one.human] == []


def _is_proof(one: Became, rule: str, node: str) -> bool:
    if rule == "human.seconds":
        return one.seconds > WITHIN_SECONDS
    return not one.human and (rule != "human.no_way" or one.at == node)


@pytest.mark.parametrize(
    ("rule", "wants"),
    [
        ("human.no_way", "nothing human"),
        ("human.seconds", "human"),
        ("human.silence", "nothing wrong"),
        ("human.circle", "nothing wrong"),
        ("loop.unheard", "human"),
    ],
)
def test_what_is_refused_does_keep_somebody_from_a_human(rule: str, wants: str) -> None:
    """Of flows refused by such a rule some caller is the proof, as far as chance leads one there."""
    proven = 0
    for number in range(8):
        flow, _, node = broken(_RULES.index(rule) + number * len(_RULES))
        callers = (
            Caller(flow, WORLD, Random(f"{number} {again}"), want, passing)
            for again in range(100)
            for want in wants.split()
            for passing in range(4)
        )
        proven += any(_is_proof(caller.live(), rule, node) for caller in callers)
    assert proven >= 6
