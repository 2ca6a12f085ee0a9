"""Item 3: a branch that does not answer, or not for long, or says nothing."""

from __future__ import annotations

import asyncio
import time

from server.demo.phone import Incoming, PhoneCall
from tests.accept.first_call.basics import ended
from tests.accept.line import Line
from tests.accept.scenario import Scale
from tests.accept.talk.parties import rung, talking, third


async def _busy(call: PhoneCall) -> None:
    await call.refuse(486, "Busy Here")


async def _declines(call: PhoneCall) -> None:
    await call.ring()
    await call.refuse(603, "Decline")


async def _rings_out(call: PhoneCall) -> None:
    await call.ring()


async def _drops(call: PhoneCall) -> None:
    await call.ring()
    await call.answer()
    await call.hang_up()


async def _mute(call: PhoneCall) -> None:
    await call.ring()
    await call.answer(sound=False)


_WAYS: dict[str, Incoming] = {"busy": _busy, "refuses": _declines, "rings out": _rings_out, "drops": _drops}


async def failing_branch(line: Line, scale: Scale) -> str:
    """Item 3."""
    talk = await talking(line)
    branch = await third(line)
    worst = 0.0
    for name, way in _WAYS.items():
        for command in ("consult", "three_way")[: scale(2, 1)]:
            branch.on_call = way
            since = time.monotonic()
            await talk.ask(command, target="line:12366")
            there = await rung(branch)
            await ended(there)
            over = time.monotonic()
            await talk.state("talking", since=since, seconds=3.0)
            await talk.apart_never()
            worst = max(worst, time.monotonic() - over)
            assert worst < 2.0 + 2.0, f"{name}: together again after {worst:.1f} s"
    # Its trunk is down.
    since = time.monotonic()
    await talk.ask("consult", target="line:12367")
    await talk.state("talking", since=since, seconds=9.0)
    await talk.apart_never()
    # It answers and sends no sound.
    branch.on_call = _mute
    since = time.monotonic()
    await talk.ask("three_way", target="line:12366")
    await rung(branch)
    await talk.state("conference", since=since, why="third_silent", seconds=line.settings.talk.silent_seconds + 4)
    await talk.ask("drop")
    await talk.state("talking")
    await talk.apart_never()
    await talk.over()
    await talk.told()
    await asyncio.sleep(0)
    return f"together again after at most {worst:.1f} s"
