"""Item 4: keys of every kind, early, short, wrong and none: none is lost or counts twice, a human takes the call."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from server.demo.phone import PhoneCall
from tests.accept.acd.floor import open_floor, take_and_wrap_up
from tests.accept.first_call.basics import answered
from tests.accept.ivr import keys
from tests.accept.ivr.editors import Document, editor
from tests.accept.ivr.keys import Press
from tests.accept.ivr.sounds import Sounds
from tests.accept.ivr.ways import Way, way_until
from tests.accept.line import Line, eventually
from tests.accept.people import citizen
from tests.accept.scenario import Scale
from tests.accept.sound import likeness

MENUS, _DIGITS = "12345", "12301"
_FIRST, _SECOND, _THIRD, _WRONG, _ASK = "第一层菜单", "第二层菜单", "第三层菜单", "按键有误", "请输入号码"
TEXTS = {_FIRST: 1.5, _SECOND: 1.3, _THIRD: 1.4, _WRONG: 0.6, _ASK: 1.2}
_TYPED = "1122334455667788990"
_SURE = 0.8
_BETWEEN = 0.05
"""Seconds between two keys of a fast hand."""
_BOTH_BETWEEN = 0.4
"""Between two that are sent both ways: Asterisk spends 145 ms on each of the three ends it makes of one."""


def _menu(text: str, key: str, to: str) -> Document:
    return {
        "type": "menu",
        "prompt": text,
        "options": {key: {"label": f"选{key}", "next": to}},
        "seconds": 2,
        "attempts": 3,
        "wrong": _WRONG,
        "on_timeout": "human",
        "on_wrong": "human",
    }


def menus() -> Document:
    """A menu of two levels; after 2 and 1 a third question, so that 0 is a key of its own."""
    nodes = {
        "start": {"type": "entry", "next": "first"},
        "first": _menu(_FIRST, "2", "second"),
        "second": _menu(_SECOND, "1", "third"),
        "third": {
            "type": "collect",
            "prompt": _THIRD,
            "variable": "typed",
            "min_digits": 1,
            "max_digits": 1,
            "next": "check",
            "on_timeout": "human",
            "on_wrong": "human",
        },
        "check": {
            "type": "condition",
            "cases": [{"when": {"test": "answer", "variable": "typed", "values": ["0"]}, "next": "right"}],
            "otherwise": "wrong",
        },
        "right": {"type": "queue"},
        "wrong": {"type": "queue"},
        "human": {"type": "queue"},
    }
    return {"flow": "keys", "name": "按键", "entry": "start", "nodes": nodes}


def digits() -> Document:
    """Digits that are compared with what was pressed: one lost, doubled or out of its place makes another way."""
    nodes = {
        "start": {"type": "entry", "next": "ask"},
        "ask": {
            "type": "collect",
            "prompt": _ASK,
            "variable": "typed",
            "min_digits": 1,
            "max_digits": 32,
            "next": "check",
            "on_timeout": "human",
            "on_wrong": "human",
        },
        "check": {
            "type": "condition",
            "cases": [{"when": {"test": "answer", "variable": "typed", "values": [_TYPED]}, "next": "right"}],
            "otherwise": "wrong",
        },
        "right": {"type": "queue"},
        "wrong": {"type": "queue"},
        "human": {"type": "queue"},
    }
    return {"flow": "digits", "name": "收号", "entry": "start", "nodes": nodes}


@dataclass(frozen=True)
class Hand:
    """What a citizen does, and the way it must take. `ahead`: at once when the line is answered, before any prompt."""

    name: str
    number: str
    keys: str
    kinds: Sequence[Press]
    branches: Sequence[tuple[str, str]]
    ahead: bool = True
    between: float = _BETWEEN


_THROUGH = (("first", "key 2"), ("second", "key 1"), ("third", "next"), ("check", "case 1"), ("right", "end"))
_RIGHT = (("ask", "next"), ("check", "case 1"), ("right", "end"))
_ASKED_FOR_HUMAN = (("first", "key 2"), ("second", "human"))
_MIXED = (keys.event, keys.info, keys.both)
_PAIRS = (keys.event, keys.event, keys.info, keys.info, keys.both, keys.both, keys.short_event, keys.short_event)
"""Of `_TYPED`, whose digits come twice each: a digit pressed again in another kind within an instant is one press."""

HANDS = (
    *(Hand(f"210 ahead, {kind.__name__}", MENUS, "210", (kind,) * 3, _THROUGH) for kind in keys.KINDS),
    Hand("210 ahead, mixed", MENUS, "210", _MIXED, _THROUGH),
    Hand("20 ahead: 0 is a human from every menu", MENUS, "20", _MIXED, _ASKED_FOR_HUMAN),
    Hand("0 in the first prompt", MENUS, "0", (keys.event,), (("first", "human"),), ahead=False),
    Hand("three wrong keys", MENUS, "987", (keys.event,) * 3, (("first", "on_wrong"), ("human", "end")), ahead=False),
    Hand("silence", MENUS, "", (), (("first", "on_timeout"), ("human", "end")), ahead=False),
    *(
        Hand(f"digits ahead, {kind.__name__}", _DIGITS, f"{_TYPED}#", (kind,) * 20, _RIGHT)
        for kind in (keys.event, keys.info, keys.short_event)
    ),
    Hand("digits, mixed", _DIGITS, f"{_TYPED}#", tuple(itertools.islice(itertools.cycle(_PAIRS), 20)), _RIGHT),
    Hand("digits, both kinds of every press", _DIGITS, f"{_TYPED}#", (keys.both,) * 20, _RIGHT, False, _BOTH_BETWEEN),
    Hand("silence where digits are asked for", _DIGITS, "", (), (("ask", "on_timeout"), ("human", "end")), ahead=False),
)
_SHORT = {
    "210 ahead, short_event",
    "210 ahead, short_info",
    "210 ahead, mixed",
    "20 ahead: 0 is a human from every menu",
    "three wrong keys",
    "silence",
    "digits, mixed",
    "digits ahead, short_event",
}


async def try_hand(line: Line, sounds: Sounds, hand: Hand) -> None:
    """One citizen with this hand: the way must be theirs, with a human at its end."""
    who = await citizen(line)
    call = await who.dial(hand.number)
    await answered(call)
    prompt = sounds.sound(_FIRST if hand.number == MENUS else _ASK)
    if not hand.ahead:
        # A moment of the first prompt is heard before the first key.
        await _hears(call, prompt[: len(prompt) // 3])
    await keys.press_all(call, hand.keys, hand.kinds, between=hand.between)
    way = await way_until(line, who.e164, "answered", seconds=60)
    _as_it_must(way, hand)
    if hand.ahead:
        heard = likeness(bytes(call.audio.heard), prompt)
        assert heard < _SURE, f"{hand.name}: a prompt was said that had been answered ({heard:.2f})"


async def _hears(call: PhoneCall, sound: bytes) -> None:
    async def look() -> bool:
        return likeness(bytes(call.audio.heard), sound) > _SURE

    await eventually(look, "the prompt is heard", seconds=20, every=0.1)


def _as_it_must(way: Way, hand: Hand) -> None:
    expected = [("start", "next"), *hand.branches]
    assert way.branches == expected, f"{hand.name}: {way.branches}, not {expected}"
    over = way.over
    assert over is not None
    assert over["end"] == "human", f"{hand.name}: {over}"
    kinds = [fact.kind for fact in way.facts]
    assert kinds.count("answered") == 1, f"{hand.name}: no human: {kinds}"
    private = [fact.told for fact in way.facts if _TYPED[:6] in str(fact.told)]
    assert not private, f"{hand.name}: digits are in the journal"


async def key_tones(line: Line, scale: Scale) -> str:
    """Item 4."""
    sounds = Sounds()
    await sounds.speak(line, TEXTS)
    admin = await editor(line)
    for number, document in ((MENUS, menus()), (_DIGITS, digits())):
        await admin.release(document)
        await admin.assign(number, document["flow"])
    floor = await open_floor(line, 3, screen=False)
    floor.usual = take_and_wrap_up
    await asyncio.sleep(1.0)  # the menus are at hand everywhere
    hands = [hand for hand in HANDS if scale.full or hand.name in _SHORT] * scale(3, 1)
    at_once = asyncio.Semaphore(8)

    async def turn(hand: Hand) -> None:
        async with at_once:
            await try_hand(line, sounds, hand)

    async with asyncio.TaskGroup() as group:
        for hand in hands:
            group.create_task(turn(hand))
    return f"{len(hands)} calls, each with a human in the end: {', '.join(dict.fromkeys(h.name for h in hands))}"
