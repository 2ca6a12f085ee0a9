"""Item 7: how a ticket stands, by its number and code on the keys; whoever guesses learns nothing, and not for long."""

from __future__ import annotations

import asyncio
import secrets
import statistics
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from server.demo.g711 import decode
from server.demo.phone import PhoneCall
from tests.accept.first_call.basics import answered
from tests.accept.ivr import keys
from tests.accept.ivr.editors import Document, Editor, editor
from tests.accept.ivr.sounds import Sounds, short_greetings
from tests.accept.ivr.ways import Left, way_of
from tests.accept.line import Line, database_rows, eventually
from tests.accept.people import Citizen, Desk, citizen, desk
from tests.accept.scenario import Scale
from tests.accept.sound import best_match
from ticketing.progress_words import NOT_FOUND, SENTENCES
from ticketing.vocabulary import State

_LINE = "12345"
_FLOW = "ask-progress"
_NUMBER, _CODE, _AGAIN = "请输入编号", "请输入六位码", "再查请按一"
_TEXTS = {_NUMBER: 0.8, _CODE: 0.7, _AGAIN: 0.6, NOT_FOUND: 1.3} | dict.fromkeys(SENTENCES.values(), 1.2)
_TICKET_FAILURES, _CALLER_FAILURES = 2, 3
LINE: dict[str, Any] = {
    "ticket_failures": _TICKET_FAILURES,
    "caller_failures": _CALLER_FAILURES,
    "failures_per_minute": 1_000,
}
"""Limits that are reached soon; the one for everybody is left out of it."""
_NOBODYS = "209912"
"""How a number begins that no ticket has."""
_SURE = 0.9
_PAUSE_SECONDS = 0.06
_QUIET = 60.0
"""RMS of a line on which nothing is said."""
_APART_MS = 150.0
"""Two kinds of refusal take the same time, give or take a busy machine's; a database's answer alone would be told."""


def _asking(variable: str, digits: int, text: str, to: str) -> Document:
    return {
        "type": "collect",
        "prompt": text,
        "variable": variable,
        "min_digits": digits,
        "max_digits": digits,
        "next": to,
        "on_timeout": "human",
        "on_wrong": "human",
    }


def _document() -> Document:
    nodes = {
        "start": {"type": "entry", "next": "number"},
        "number": _asking("ticket", 14, _NUMBER, "code"),
        "code": _asking("query_code", 6, _CODE, "look"),
        "look": {
            "type": "progress",
            "number": "ticket",
            "code": "query_code",
            "next": "again",
            "on_failure": "not_found",
        },
        "not_found": {"type": "say", "prompt": NOT_FOUND, "next": "again"},
        "again": {
            "type": "menu",
            "prompt": _AGAIN,
            "options": {"1": {"label": "再查", "next": "number"}},
            "seconds": 20,
            "attempts": 2,
            "on_timeout": "human",
            "on_wrong": "human",
        },
        "human": {"type": "queue"},
    }
    return {"flow": _FLOW, "name": "进度", "entry": "start", "nodes": nodes}


@dataclass(frozen=True)
class Ticket:
    """A ticket as its citizen knows it."""

    number: str
    typed: str
    code: str

    @property
    def wrong(self) -> str:
        """Another code."""
        return f"{(int(self.code) + 1) % 1_000_000:06d}"


@dataclass(frozen=True)
class Heard:
    """What came of one question: `found`, the milliseconds in the node, the sound from the last key to the answer, and
    how alike the answer was to what was to be said."""

    found: bool
    ms: int
    before: bytes
    alike: float


Kinds = dict[str, list[Heard]]
"""What was heard, by why nothing was found."""


class Asker:
    """A citizen on the telephone who asks again and again."""

    def __init__(self, line: Line, sounds: Sounds, who: Citizen, call: PhoneCall) -> None:
        self._line = line
        self._sounds = sounds
        self._who = who
        self._call = call
        self._asked = 0

    async def ask(self, number: str, code: str, sentence: str = SENTENCES[State.REGISTERED]) -> Heard:
        """Key it in and hear the answer out. `sentence`: what a good one says."""
        pressed = ("1" if self._asked else "") + number + code
        await keys.press_all(self._call, pressed[:-1], _BY_EVENT, between=_PAUSE_SECONDS)
        # Whatever was being said was ended by the keys before.
        mark = self._call.audio.mark()
        await keys.event(self._call, pressed[-1])
        self._asked += 1
        left = await self._left()
        found = left.branch == "next"
        prompt = self._sounds.sound(sentence if found else NOT_FOUND)
        again = self._sounds.sound(_AGAIN)

        async def heard() -> tuple[float, int] | None:
            sound = bytes(self._call.audio.heard[mark:])
            return best_match(sound, prompt) if best_match(sound, again)[0] > _SURE else None

        alike, end = await eventually(heard, "the answer is heard, and the next question", seconds=20, every=0.2)
        start = max(0, end - len(prompt))
        return Heard(found, left.ms, bytes(self._call.audio.heard[mark : mark + start]), alike)

    async def _left(self) -> Left:
        async def look() -> Left | None:
            looks = [left for left in (await way_of(self._line, self._who.e164)).nodes if left.node == "look"]
            return looks[self._asked - 1] if len(looks) >= self._asked else None

        left: Left = await eventually(look, "the question is answered", seconds=20)
        return left

    async def leave(self) -> None:
        await self._call.hang_up()


_BY_EVENT = (partial(keys.event, ms=60),) * 64


async def _asker(line: Line, sounds: Sounds) -> Asker:
    who = await citizen(line)
    call = await who.dial(_LINE)
    await answered(call)
    return Asker(line, sounds, who, call)


async def _ticket(seat: Desk) -> Ticket:
    made = await seat.post("/api/tickets", {"type": "help", "title": "路灯不亮", "caller_number": "13800000000"})
    told = await seat.post(f"/api/tickets/{made['number']}/query-code", {"reason": "来电人未记下"})
    return Ticket(made["number"], told["typed_number"], told["query_code"])


def _refused_alike(kinds: Kinds) -> str:
    """Every refusal sounds like every other: silence of the same length, then the same sentence."""
    medians = {kind: statistics.median(heard.ms for heard in all_heard) for kind, all_heard in kinds.items()}
    for kind, all_heard in kinds.items():
        for heard in all_heard:
            assert not heard.found, f"{kind}: it was answered"
            assert heard.alike > _SURE, f"{kind}: something else is said ({heard.alike:.2f})"
            silence = decode(heard.before[800:-400]).astype(np.float64)
            loud = float(np.sqrt((silence**2).mean())) if len(silence) else 0.0
            assert loud < _QUIET, f"{kind}: something is heard before the answer (RMS {loud:.0f})"
    spread = max(medians.values()) - min(medians.values())
    assert spread < _APART_MS, f"the time tells which it is: {medians}"
    return f"{', '.join(kinds)} within {spread:.0f} ms of each other"


async def _by_ticket(line: Line, sounds: Sounds, seat: Desk) -> Kinds:
    """Right, wrong, locked, and right again under a new code; the callers ask too little to be locked themselves."""
    ticket = await _ticket(seat)
    first = await _asker(line, sounds)
    right = await first.ask(ticket.typed, ticket.code)
    assert right.found, "the right number and code hear nothing"
    assert right.alike > _SURE, f"the state is not what is said ({right.alike:.2f})"
    wrong = [await first.ask(ticket.typed, ticket.wrong) for _ in range(_TICKET_FAILURES)]
    await first.leave()
    second = await _asker(line, sounds)
    locked = await second.ask(ticket.typed, ticket.code)
    told = await seat.post(f"/api/tickets/{ticket.number}/query-code", {"reason": "来电人忘记"})
    assert (await second.ask(ticket.typed, told["query_code"])).found, "a new code lifts no lock"
    await second.leave()
    return {"wrong code": wrong, "locked ticket": [locked]}


async def _by_caller(line: Line, sounds: Sounds, seat: Desk) -> Kinds:
    """Whoever asks for many tickets in vain hears nothing of their own either; others do."""
    ticket = await _ticket(seat)
    guesser = await _asker(line, sounds)
    serial = secrets.randbelow(10**7)
    unknown = [await guesser.ask(f"{_NOBODYS}{serial + number:08d}", ticket.code) for number in range(_CALLER_FAILURES)]
    locked = await guesser.ask(ticket.typed, ticket.code)
    await guesser.leave()
    other = await _asker(line, sounds)
    assert (await other.ask(ticket.typed, ticket.code)).found, "another caller is locked too"
    await other.leave()
    return {"unknown number": unknown, "locked caller": [locked]}


async def _kept_nowhere(line: Line) -> None:
    """What was keyed in is in no journal and in no log of a voice process."""
    (row,) = await database_rows(
        line, "select count(*) as count from call_journal where attributes::text like '%' || $1 || '%'", _NOBODYS
    )
    assert row["count"] == 0, "a number that was keyed in is in the journal"
    for log in (line.settings.var_dir / "log").glob("voice-*"):
        text = await asyncio.to_thread(log.read_text, errors="replace")
        assert _NOBODYS not in text, f"a number that was keyed in is in {log.name}"


async def progress_by_phone(line: Line, scale: Scale) -> str:
    """Item 7."""
    sounds = Sounds()
    await sounds.speak(line, _TEXTS)
    await short_greetings(line)
    admin: Editor = await editor(line)
    await admin.release(_document())
    await admin.assign(_LINE, _FLOW)
    seat = await desk(line, "1001", "8001", ready=False, screen=False)
    line.cleanup.append(seat.leave)
    await asyncio.sleep(1.0)  # the menu is at hand everywhere
    kinds: Kinds = {}
    for _ in range(scale(5, 1)):
        for found in await asyncio.gather(_by_ticket(line, sounds, seat), _by_caller(line, sounds, seat)):
            for kind, heard in found.items():
                kinds.setdefault(kind, []).extend(heard)
    told = _refused_alike(kinds)
    await _kept_nowhere(line)
    return f"{sum(map(len, kinds.values()))} refusals: {told}; locked after {_TICKET_FAILURES} guesses"
