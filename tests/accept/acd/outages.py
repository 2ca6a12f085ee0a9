"""Item 8: a voice process hangs or is cut off with a hundred waiting, AMI is away while calls end."""

from __future__ import annotations

import os
import signal

from tests.accept.acd.ami_away import ami_away
from tests.accept.acd.cut_off import voice_away
from tests.accept.acd.floor import Floor, no_channels, open_floor
from tests.accept.acd.relay import CUT_VOICE, Cables, cabled, on_the_list
from tests.accept.line import Line
from tests.accept.scenario import Scale


async def parts_away(line: Line, scale: Scale) -> str:
    """Item 8 but for Redis."""
    waiting, ending = scale(100, 20), scale(20, 5)
    floor = await open_floor(line, scale(24, 12), screen=False)
    async with cabled(line) as cables:
        await on_the_list(line, CUT_VOICE)
        seen = [await ami_away(line, cables, floor, ending, scale(30, 8))]
        if scale.full:
            pid = line.stack.pid(CUT_VOICE)
            seen.append(await voice_away(line, floor, "hung", waiting, lambda: os.kill(pid, signal.SIGSTOP)))
            await on_the_list(line, CUT_VOICE)
        seen.append(await cut_off(line, cables, floor, waiting))
    await floor.each_takes_one()
    await no_channels(line)
    return "; ".join(seen)


async def cut_off(line: Line, cables: Cables, floor: Floor, waiting: int) -> str:
    """The victim has nothing of the others, until it is connected again and takes calls."""

    def strike() -> None:
        for relay in cables.one_voice:
            relay.cut()

    seen = await voice_away(line, floor, "was cut off", waiting, strike)
    for relay in cables.one_voice:
        relay.mend()
    await on_the_list(line, CUT_VOICE)
    return seen
