"""What a menu of ours adds to a key on a channel, beside native `Read()` and `GotoIf`, on the same Asterisk.

A phone presses a key into a prompt and hears the next one; both prompts are a sound of their own, told from each other
by their first packet. With us the whole path of production is in the time: AMI's event, the run, the end of the prompt
by AMI, the next one by AGI. `Read()` takes a key when it is released and we do when it goes down; so that neither the
length of a press nor who takes it sooner counts, each is timed from the packet it acts on. Calls take turns.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import uvloop

from hotline.clock import SystemClock
from ivr.flow import Flow
from ivr.store import begin_change, changed, document_of
from ivr.tables import MenuAssignmentRow, MenuFlowRow, MenuVersionRow
from media.spoken import MENUS_FOLDER, SUFFIX, text_key
from server.asterisk.layout import find
from server.demo.phone import Phone, PhoneCall
from tests.accept.console import console
from tests.accept.line import CARRIER, Line, eventually, running_line

LINE: Final = "12345"
NATIVE: Final = "99001"
PRESS_MS: Final = 100
_PROMPT_SECONDS: Final = 30
_SHORTEST, _LONGEST = 0.4, 0.7
"""Seconds of a prompt that are heard before the next key."""
_PROMPTS: Final[Mapping[str, int]] = {"第一段提示": 0x2A, "第二段提示": 0xAA}
"""Texts, and the sample that each of their sounds is made of."""


@dataclass(slots=True)
class Times:
    """Milliseconds from a key to the next prompt: `acted` from the packet the one under test acts on, `pressed` from
    the moment the key went down."""

    acted: list[float] = field(default_factory=list)
    pressed: list[float] = field(default_factory=list)

    @staticmethod
    def at(percent: int, of: list[float]) -> float:
        """The percentile, by nearest rank."""
        ordered = sorted(of)
        return ordered[max(0, -(-percent * len(ordered) // 100) - 1)]

    def told(self) -> str:
        """Of both."""
        p50, p95, most = self.at(50, self.acted), self.at(95, self.acted), max(self.acted)
        return (
            f"p50 {p50:,.1f} ms, p95 {p95:,.1f} ms, worst {most:,.1f} ms of {len(self.acted)} keys; "
            f"from going down p50 {self.at(50, self.pressed):,.1f} ms"
        )


def _flow() -> Flow:
    first, second = _PROMPTS
    nodes: dict[str, Any] = {
        name: {
            "type": "menu",
            "prompt": prompt,
            "seconds": 10,
            "options": {"1": {"label": "下一段", "next": following}},
        }
        for name, prompt, following in (("one", first, "two"), ("two", second, "one"))
    }
    return Flow.model_validate({"flow": "bench", "name": "bench", "entry": "one", "nodes": nodes})


async def _install(line: Line) -> None:
    """The menu in force for one number, the same in the dialplan for another, and their sounds."""
    folder = find(line.settings).sounds / MENUS_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for text, sample in _PROMPTS.items():
        (folder / f"{text_key(text)}{SUFFIX}").write_bytes(bytes([sample]) * 8_000 * _PROMPT_SECONDS)
    first, second = (f"{MENUS_FOLDER}/{text_key(text)}" for text in _PROMPTS)
    steps = (
        f"exten => {NATIVE},1,Answer()",
        f" same => n(one),Read(HL_BENCH,{first},1,,,10)",
        ' same => n,GotoIf($["${HL_BENCH}" = "1"]?two:one)',
        f" same => n(two),Read(HL_BENCH,{second},1,,,10)",
        ' same => n,GotoIf($["${HL_BENCH}" = "1"]?one:two)',
    )
    with (find(line.settings).etc / "extensions.conf").open("a", encoding="utf-8") as dialplan:
        dialplan.write("\n[hl-inbound]\n" + "\n".join(steps) + "\n")
    await console(line, "dialplan reload")
    # The line itself has no use for it.
    await console(line, "module load app_read.so")
    flow = _flow()
    async with line.database.transaction() as session:
        now = SystemClock().now()
        await begin_change(session, now)
        session.add(MenuFlowRow(flow=flow.flow, revision=0, created_by="bench", created_at=now))
        await session.flush()
        told = {"comment": "", "author": "bench", "published_at": now, "effective_at": now, "acknowledged": []}
        session.add(MenuVersionRow(flow=flow.flow, version=1, document=document_of(flow), **told))
        session.add(MenuAssignmentRow(line=LINE, flow=flow.flow, effective_at=now, by="bench", at=now))
        await changed(session, now)


async def _in_force(line: Line) -> None:
    """Both voice processes have the menu."""
    copies = [line.settings.var_dir / f"menus-voice-{number}.json" for number in (1, 2)]

    async def everywhere() -> bool:
        return all(copy.is_file() and b'"bench"' in copy.read_bytes() for copy in copies)

    await eventually(everywhere, "the menu is in force in both processes", seconds=20)


async def _press(call: PhoneCall, following: int, times: Times, *, native: bool) -> None:
    down = time.monotonic()
    pressing = asyncio.create_task(call.audio.press("1", ms=PRESS_MS))
    heard = asyncio.create_task(_heard(call, following))
    up = await pressing
    at = await heard
    times.pressed.append(1_000 * (at - down))
    times.acted.append(1_000 * (at - (up if native else down)))


async def _heard(call: PhoneCall, sample: int) -> float:
    """When the first packet of that sound came."""
    async with asyncio.timeout(10):
        while sample not in await call.audio.hear(0.02):
            pass
    return time.monotonic()


async def _call(line: Line, number: str, keys: int, times: Times) -> None:
    one, two = _PROMPTS.values()
    phone = await Phone("13800000001", server=line.sip, host=CARRIER).start()
    try:
        call = await phone.call(number)
        await asyncio.wait_for(call.answered.wait(), 20)
        async with asyncio.timeout(60):
            while one not in await call.audio.hear(0.1):
                pass
        for turn in range(keys):
            await asyncio.sleep(random.uniform(_SHORTEST, _LONGEST))
            await _press(call, two if turn % 2 == 0 else one, times, native=number == NATIVE)
    finally:
        await phone.close()


async def bench(calls: int, keys: int) -> float:
    """So many calls of each, with so many keys; returns the added time (p95), in milliseconds."""
    ours, native = Times(), Times()
    async with running_line() as line:
        await _install(line)
        await _in_force(line)
        for _ in range(calls):
            await _call(line, NATIVE, keys, native)
            await _call(line, LINE, keys, ours)
    print(f"native    {native.told()}", flush=True)
    print(f"ours      {ours.told()}", flush=True)
    return Times.at(95, ours.acted) - Times.at(95, native.acted)


def added_p95_ms(calls: int = 4, keys: int = 30) -> float:
    """`bench` on a loop of its own."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(bench(calls, keys))
