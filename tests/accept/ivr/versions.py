"""Item 1: a new version is published while a call is in the old one, and taken back again."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from server.demo.phone import PhoneCall
from tests.accept.first_call.basics import answered
from tests.accept.ivr import keys
from tests.accept.ivr.editors import Document, Editor, editor
from tests.accept.ivr.sounds import Sounds, short_greetings
from tests.accept.ivr.ways import Fact, Way, through, way_of, way_until
from tests.accept.line import Line, database_rows, eventually
from tests.accept.people import Citizen, citizen
from tests.accept.scenario import Scale
from tests.accept.sound import likeness

_LINE = "12345"
_FLOW, _BELOW = "versions", "versions-below"
_OLD, _NEW, _BELOW_OLD, _BELOW_NEW = "旧版提示", "新版提示", "旧版子菜单", "新版子菜单"
_TEXTS = {_OLD: 1.0, _NEW: 1.1, _BELOW_OLD: 0.9, _BELOW_NEW: 1.2}
_SURE = 0.8
_WITHIN = timedelta(seconds=1)
_EVERY_SECONDS = 0.15


def _main(text: str, key: str) -> Document:
    """One menu, whose only key differs from version to version, then a menu below it."""
    nodes = {
        "start": {"type": "entry", "next": "choose"},
        "choose": {
            "type": "menu",
            "prompt": text,
            "options": {key: {"label": "继续", "next": "below"}},
            "seconds": 10,
            "attempts": 3,
            "on_timeout": "human",
            "on_wrong": "human",
        },
        "below": {"type": "subflow", "flow": _BELOW, "next": "human"},
        "human": {"type": "queue"},
    }
    return {"flow": _FLOW, "name": "版本", "entry": "start", "nodes": nodes}


def _below(text: str, key: str) -> Document:
    nodes = {
        "start": {"type": "entry", "next": "ask"},
        "ask": {
            "type": "menu",
            "prompt": text,
            "options": {key: {"label": "好", "next": "back"}},
            "seconds": 10,
            "attempts": 3,
            "on_timeout": "human",
            "on_wrong": "human",
        },
        "back": {"type": "return"},
        "human": {"type": "queue"},
    }
    return {"flow": _BELOW, "name": "版本之下", "entry": "start", "nodes": nodes}


class _Caller:
    """A citizen in the menu."""

    def __init__(self, line: Line, who: Citizen, call: PhoneCall) -> None:
        self.line = line
        self.who = who
        self.call = call

    @property
    def e164(self) -> str:
        return self.who.e164

    async def in_menu(self) -> Fact:
        fact = (await way_until(self.line, self.e164, "menu_entered")).entered
        assert fact is not None
        return fact

    async def hears(self, sound: bytes) -> None:
        async def look() -> bool:
            return likeness(bytes(self.call.audio.heard), sound) > _SURE

        await eventually(look, "the version's own prompt is heard", seconds=15, every=0.2)

    async def to_the_end(self, first: str, second: str, below: bytes) -> Way:
        """Through both menus by these keys, and into the queue. `below` is what the second one says."""
        await keys.event(self.call, first)
        await through(self.line, self.e164, "choose")
        await self.hears(below)
        await keys.event(self.call, second)
        way = await way_until(self.line, self.e164, "queued")
        await self.call.hang_up()
        return way


async def _enter(line: Line) -> _Caller:
    who = await citizen(line)
    return _Caller(line, who, await who.dial(_LINE))


def _stayed(way: Way, version: int, below: int, first: str, second: str) -> None:
    """Every node that this call left was in the version it began with, that of the flow below too."""
    assert way.entered is not None
    assert way.entered.told["version"] == version, way.entered.told
    assert way.entered.told["versions"] == {_FLOW: version, _BELOW: below}, way.entered.told
    wanted = [
        ("start", "next", version),
        ("choose", f"key {first}", version),
        ("below", "flow", version),
        ("start", "next", below),
        ("ask", f"key {second}", below),
        ("back", "end", below),
        ("below", "next", version),
        ("human", "end", version),
    ]
    assert [(left.node, left.branch, left.version) for left in way.nodes] == wanted, way.nodes
    assert way.over is not None
    assert (way.over["end"], way.over["why"]) == ("human", "queue"), way.over


@dataclass(frozen=True)
class _Begun:
    """A call that began at that moment, in which process, and the version it got."""

    at: datetime
    process: str
    version: int

    @classmethod
    def of(cls, way: Way) -> _Begun:
        menu = way.entered
        assert menu is not None
        return cls(way.of("entered")[0].at, menu.process, menu.told["version"])


class _Stream:
    """Citizens who call one after the other, to see which version each of them gets from which process."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._callers: list[_Caller] = []
        self._task = asyncio.create_task(self._call())

    async def _call(self) -> None:
        while True:
            self._callers.append(await _enter(self._line))
            await asyncio.sleep(_EVERY_SECONDS)

    async def known(self) -> list[_Begun]:
        """What those got who are in the menu already."""
        ways = [await way_of(self._line, caller.e164) for caller in list(self._callers)]
        return [_Begun.of(way) for way in ways if way.entered]

    async def stop(self) -> list[_Begun]:
        """Nobody more calls; what each got."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        ways = await asyncio.gather(*(way_until(self._line, caller.e164, "menu_entered") for caller in self._callers))
        for caller in self._callers:
            await caller.call.hang_up()
        return [_Begun.of(way) for way in ways]


async def _changes_over(line: Line, change: Any, version: int, seconds: float) -> float:
    """While citizens call all the time, `change` is made: from a second after its answer on everybody on every voice
    process has `version`. Returns when the last other one was begun, in milliseconds after the answer."""
    stream = _Stream(line)
    await asyncio.sleep(seconds / 2)
    made = await change
    answered_at = datetime.now(UTC)
    assert made == version, f"version {made} was made, not {version}"
    await asyncio.sleep(seconds)

    async def everywhere() -> bool:
        taken = {call.process for call in await stream.known() if call.at > answered_at + _WITHIN}
        return len(taken) == line.settings.voice.processes

    # Which process a call comes to is chance.
    await eventually(everywhere, "every voice process takes calls after the change", seconds=20, every=0.5)
    calls = await stream.stop()
    late = [call for call in calls if call.at > answered_at + _WITHIN]
    wrong = [call for call in late if call.version != version]
    assert not wrong, f"{len(wrong)} of {len(late)} calls a second after the change are not in version {version}"
    before = [call for call in calls if call.at < answered_at - _WITHIN]
    assert before, "nobody called before the change"
    assert all(call.version != version for call in before), "somebody had the new version before it was there"
    others = [call.at for call in calls if call.version != version]
    return max(0.0, (max(others) - answered_at).total_seconds() * 1_000)


async def _journal_agrees(line: Line) -> None:
    """What is counted for the figures names the same versions as the journal."""

    async def same() -> bool:
        (row,) = await database_rows(
            line,
            "select (select count(*) from call_journal where kind = 'menu' and attributes->>'flow' = $1) as told, "
            "(select count(*) from menu_visits where flow = $1) as counted, "
            "(select count(*) from call_journal j join menu_visits v on v.call_id = j.call_id and v.seq = j.seq "
            "where j.kind = 'menu' and v.flow = $1 and v.version = (j.attributes->>'version')::int) as same",
            _FLOW,
        )
        return bool(row["told"] == row["counted"] == row["same"] > 0)

    await eventually(same, "the figures count every node in its version", seconds=15)


async def versions(line: Line, scale: Scale) -> str:
    """Item 1."""
    sounds = Sounds()
    await sounds.speak(line, _TEXTS)
    await short_greetings(line)
    admin: Editor = await editor(line)
    below = await admin.release(_below(_BELOW_OLD, "3"))
    first = await admin.release(_main(_OLD, "1"))
    await admin.assign(_LINE, _FLOW)
    await _in_force(line)
    span = float(scale(4, 2))
    on_first = await _enter(line)
    assert (await on_first.in_menu()).told["version"] == first
    await on_first.hears(sounds.sound(_OLD))
    # Both flows change while that call is in the first menu: it has not been in the one below yet.
    below_new = await admin.release(_below(_BELOW_NEW, "4"))
    second_late = await _changes_over(line, admin.release(_main(_NEW, "2")), first + 1, span)
    on_second = await _enter(line)
    assert (await on_second.in_menu()).told["version"] == first + 1
    await on_second.hears(sounds.sound(_NEW))
    _stayed(await on_first.to_the_end("1", "3", sounds.sound(_BELOW_OLD)), first, below, "1", "3")
    back_late = await _changes_over(line, admin.roll_back(_FLOW, from_version=first + 1), first + 2, span)
    _stayed(await on_second.to_the_end("2", "4", sounds.sound(_BELOW_NEW)), first + 1, below_new, "2", "4")
    on_third = await _enter(line)
    await on_third.hears(sounds.sound(_OLD))
    _stayed(await on_third.to_the_end("1", "4", sounds.sound(_BELOW_NEW)), first + 2, below_new, "1", "4")
    await _journal_agrees(line)
    return (
        f"the last call on the old version began {second_late:.0f} ms after publishing, {back_late:.0f} ms after the "
        "rollback"
    )


async def _in_force(line: Line) -> None:
    """Wait until every voice process has the menu that was assigned last."""
    taken: set[str] = set()

    async def everywhere() -> bool:
        who = await citizen(line)
        call = await who.dial(_LINE)
        await answered(call)

        async def known() -> Way | None:
            way = await way_of(line, who.e164)
            return way if way.entered or way.of("queued") else None

        way: Way = await eventually(known, "a call is in the menu or the queue", seconds=20)
        if way.entered:
            taken.add(way.entered.process)
        await call.hang_up()
        return len(taken) == line.settings.voice.processes

    await eventually(everywhere, "every voice process has the menu", seconds=20)
