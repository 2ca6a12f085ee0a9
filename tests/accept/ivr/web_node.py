"""Item 6: systems of units that behave badly. Each fails in time, leaves nothing behind, and no other call notices."""

from __future__ import annotations

import asyncio
import os
import re
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from calls.handover_keys import FILE as KEYS_FILE
from calls.handover_keys import PartnerKeys
from calls.web_request import key_name
from server.demo.g711 import tone
from server.demo.phone import PhoneCall
from server.provision.programs import socket_of
from tests.accept.first_call.basics import AGENT_TONE, CITIZEN_TONE, answered, hears, next_call
from tests.accept.ivr import keys
from tests.accept.ivr.editors import Document, editor
from tests.accept.ivr.sounds import Sounds, short_greetings
from tests.accept.ivr.ways import way_of, way_until
from tests.accept.line import Line, eventually
from tests.accept.people import Citizen, citizen, desk
from tests.accept.scenario import Scale
from tests.accept.sound import is_tone
from tests.calls.unit_system import Asked, UnitSystem, Write, answer

_WEB, _LOOP, _TALK = "12301", "12305", "12315"
_MENU = "请按键"
_SECONDS = 1.0
"""Of every request."""
_LATE_MS, _LATEST_MS = 500.0, 3_000.0
"""How much later the failure branch may be taken on a busy machine: by half of the callers, and by any of them."""
_KEY_MS = 400.0
"""How much longer a key may take than before, in the middle of them."""
_EVERY_SECONDS = 0.5
_BAD = ("never", "error", "huge", "drip", "redirect", "near", "named_near")
_LINKS_LEFT, _MEGABYTES_LEFT = 3, 24.0
LINE = {"web_allowed_hosts": ["127.0.0.1"], "web_at_once": 64}


def _asking(unit: UnitSystem, private: UnitSystem) -> Document:
    """Every bad system after the other, each reached by the failure of the one before; then a good one, and a human."""
    urls = {name: f"{unit.url}/{name}" for name in (*_BAD, "good")}
    urls["near"] = f"https://127.0.0.2:{private.port}/"
    urls["named_near"] = f"https://localhost:{private.port}/"
    following = dict(zip(_BAD, (*_BAD[1:], "good"), strict=True))
    nodes: Document = {
        "start": {"type": "entry", "next": _BAD[0]},
        "good": {**_web(urls["good"]), "save": {"state": "/state"}, "next": "human", "on_failure": "wrong"},
        "wrong": {"type": "queue"},
        "human": {"type": "queue"},
    }
    for name in _BAD:
        nodes[name] = {**_web(urls[name]), "next": "wrong", "on_failure": following[name]}
    return {"flow": "units", "name": "网络请求", "entry": "start", "nodes": nodes}


def _web(url: str) -> Document:
    return {"type": "web", "url": url, "seconds": _SECONDS, "send": {"asked": "{line}"}}


def _loop() -> Document:
    """Two menus that lead into each other by 1: a bystander's keys."""
    nodes: Document = {"start": {"type": "entry", "next": "one"}, "human": {"type": "queue"}}
    for name, other in (("one", "two"), ("two", "one")):
        nodes[name] = {
            "type": "menu",
            "prompt": _MENU,
            "options": {"1": {"label": "换", "next": other}},
            "seconds": 30,
            "on_timeout": "human",
            "on_wrong": "human",
        }
    return {"flow": "loop", "name": "来回", "entry": "start", "nodes": nodes}


async def _serve(asked: Asked, write: Write, private: UnitSystem) -> None:
    match asked.target.rpartition("/")[2]:
        case "never":
            await UnitSystem.never(asked, write)
        case "error":
            await write(answer(b"{}", status="500 Internal Server Error"))
        case "huge":
            await UnitSystem.huge(asked, write)
        case "drip":
            await UnitSystem.dripping(asked, write)
        case "redirect":
            await write(answer(b"", status="302 Found", more=f"Location: {private.url}\r\n"))
        case _:
            await write(answer(b'{"state": "ok"}'))


@dataclass(frozen=True)
class Load:
    """What a voice process holds: descriptors, tasks, megabytes."""

    descriptors: int
    tasks: int
    megabytes: float


async def _loads(line: Line) -> dict[str, Load]:
    found = {}
    for number in range(line.settings.voice.processes):
        name = f"voice-{number + 1}"
        pid = await line.in_thread(line.stack.pid, name)
        status = Path(f"/proc/{pid}/status").read_text()
        resident = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert resident is not None
        reader, writer = await asyncio.open_unix_connection(socket_of(line.settings, name))
        writer.write(b"metrics\n")
        metrics = (await asyncio.wait_for(reader.read(), 5.0)).decode()
        writer.close()
        tasks = re.search(r"^hotline_event_loop_tasks ([0-9.]+)$", metrics, re.MULTILINE)
        assert tasks is not None
        found[name] = Load(len(os.listdir(f"/proc/{pid}/fd")), int(float(tasks[1])), int(resident[1]) / 1024)
    return found


async def _nothing_left(line: Line, before: Mapping[str, Load]) -> str:
    """Descriptors and tasks are as many as before, and memory has not grown by what was sent."""
    grown: dict[str, Load] = {}

    async def settled() -> bool:
        now = await _loads(line)
        for name, load in now.items():
            grown[name] = Load(
                load.descriptors - before[name].descriptors,
                load.tasks - before[name].tasks,
                load.megabytes - before[name].megabytes,
            )
        return all(load.descriptors <= _LINKS_LEFT and load.tasks <= _LINKS_LEFT for load in grown.values())

    try:
        await eventually(settled, "", seconds=15, every=0.5)
    except AssertionError:
        raise AssertionError(f"something is left behind: {grown}") from None
    most = max(load.megabytes for load in grown.values())
    assert most < _MEGABYTES_LEFT, f"memory has grown: {grown}"
    return f"{max(load.descriptors for load in grown.values())} descriptors and {most:.1f} MB more than before"


class Bystander:
    """Somebody in a menu elsewhere, whose keys are to count as ever."""

    def __init__(self, line: Line, who: Citizen, call: PhoneCall) -> None:
        self._line = line
        self._who = who
        self._call = call
        self._pressed: list[datetime] = []
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self._task = asyncio.create_task(self._press())

    async def _press(self) -> None:
        while True:
            self._pressed.append(datetime.now(UTC))
            await keys.event(self._call, "1", ms=60)
            await asyncio.sleep(_EVERY_SECONDS)

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def delays(self) -> list[tuple[datetime, float]]:
        """When each key was pressed, and milliseconds until its menu was left by it. Every key was counted, once."""

        async def all_counted() -> list[datetime] | None:
            way = await way_of(self._line, self._who.e164)
            left = [one.at for one in way.nodes if one.branch == "key 1"]
            return left if len(left) >= len(self._pressed) else None

        left = await eventually(all_counted, f"all {len(self._pressed)} keys of a bystander count", seconds=10)
        assert len(left) == len(self._pressed), f"{len(self._pressed)} keys of a bystander counted {len(left)} times"
        return [(at, (then - at).total_seconds() * 1_000) for at, then in zip(self._pressed, left, strict=True)]


async def _one(line: Line) -> list[float]:
    """A citizen whose menu asks all of them; returns how late each failed, in milliseconds after its time."""
    who = await citizen(line)
    call = await who.dial(_WEB)
    way = await way_until(line, who.e164, "menu_left", seconds=60)
    await call.hang_up()
    wanted = [("start", "next"), *((name, "on_failure") for name in _BAD), ("good", "next"), ("human", "end")]
    assert way.branches == wanted, way.branches
    return [left.ms - _SECONDS * 1_000 for left in way.nodes if left.node in _BAD]


async def _pair(line: Line) -> tuple[PhoneCall, PhoneCall]:
    """A citizen and an agent who talk, and hear each other."""
    seat = await desk(line, "1001", "8001", screen=False)
    line.cleanup.append(seat.leave)
    who = await citizen(line)
    call = await who.dial(_TALK, sound=tone(CITIZEN_TONE, 1.0))
    at_seat = await next_call(seat)
    at_seat.audio.play(tone(AGENT_TONE, 1.0))
    await answered(call)
    await hears(at_seat, CITIZEN_TONE)
    await hears(call, AGENT_TONE)
    return call, at_seat


def _unbroken(call: PhoneCall, since: int, frequency: float) -> None:
    heard = bytes(call.audio.heard[since:])
    pieces = [heard[at : at + 4_000] for at in range(0, len(heard) - 4_000, 4_000)]
    wrong = sum(not is_tone(piece, frequency) for piece in pieces)
    assert pieces
    assert wrong <= len(pieces) // 20, f"{wrong} of {len(pieces)} half seconds of a talk were spoilt"


async def web_node(line: Line, scale: Scale) -> str:
    """Item 6."""
    await Sounds().speak(line, {_MENU: 0.3})
    await short_greetings(line)
    admin = await editor(line)
    signing = PartnerKeys(line.settings.var_dir / KEYS_FILE)
    for host in ("127.0.0.1", "127.0.0.2", "localhost"):
        signing.change(key_name(host))
    async with UnitSystem() as unit, UnitSystem() as private:
        unit.serve = lambda asked, write: _serve(asked, write, private)
        for number, document in ((_WEB, _asking(unit, private)), (_LOOP, _loop())):
            await admin.release(document)
            await admin.assign(number, document["flow"])
        await asyncio.sleep(1.0)  # the menus are at hand everywhere
        talk = await _pair(line)
        marks = [call.audio.mark() for call in talk]
        who = await citizen(line)
        bystander = Bystander(line, who, await who.dial(_LOOP))
        await way_until(line, who.e164, "menu_entered")
        # What a first request brings with it, certificates for instance, stays.
        await asyncio.gather(*(_one(line) for _ in range(scale(8, 4))))
        bystander.begin()
        await asyncio.sleep(scale(10, 4))
        before, storm = await _loads(line), datetime.now(UTC)
        began = time.monotonic()
        callers, rounds = scale(20, 6), scale(10, 1)
        late = [
            ms
            for _ in range(rounds)
            for one in await asyncio.gather(*(_one(line) for _ in range(callers)))
            for ms in one
        ]
        took = time.monotonic() - began
        await bystander.stop()
        delays = await bystander.delays()
        left = await _nothing_left(line, before)
        await unit.settled()
        assert not private.asked, "a private address was asked"
        assert not private.most_open, "a private address was connected to"
    assert statistics.median(late) < _LATE_MS, f"failures come {statistics.median(late):.0f} ms after their time"
    assert max(late) < _LATEST_MS, f"a failure comes {max(late):.0f} ms after its time"
    calm = statistics.median(ms for at, ms in delays if at < storm)
    busy = statistics.median(ms for at, ms in delays if at >= storm)
    assert busy < calm + _KEY_MS, f"a bystander's key takes {busy:.0f} ms, {calm:.0f} ms before"
    _unbroken(talk[0], marks[0], AGENT_TONE)
    _unbroken(talk[1], marks[1], CITIZEN_TONE)
    return (
        f"{callers * rounds} callers, {len(_BAD)} bad systems each, in {took:.0f} s, {max(late):.0f} ms at most after "
        f"their time; a bystander's key {busy:.0f} ms, {calm:.0f} ms before; {left}"
    )
