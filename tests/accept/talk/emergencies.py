"""Item 4: one key, and 110 rings at once; when its link is down the call goes to the next number, and the data wait."""

from __future__ import annotations

import asyncio
import time

from calls.handover_keys import FILE, PartnerKeys
from directory import lines as directory_lines
from directory import repository
from directory.lines import NewTarget
from hotline.clock import SystemClock
from tests.accept.first_call.basics import ended
from tests.accept.line import Line, database_rows
from tests.accept.scenario import Scale
from tests.accept.talk.parties import AGENT, CITIZEN, THIRD, hears_exactly, rung, talking, third
from tests.calls.webhook import KEY, Platform

_PARTNER = "police-110"
_LIMIT_MS = 200.0


async def emergencies(line: Line, scale: Scale) -> str:
    """Item 4."""
    async with Platform() as platform:
        await _takes_data(line, platform)
        fastest = await _rings_at_once(line, platform, scale(5, 2))
        await platform.down()
        await _link_down(line, platform)
    assert set(platform.taken.values()) == {1}, platform.taken
    return f"110 rang after at most {fastest:.0f} ms; {len(platform.taken)} hand-overs delivered once each"


async def _takes_data(line: Line, platform: Platform) -> None:
    PartnerKeys(line.settings.var_dir / FILE).change(_PARTNER, KEY)
    await database_rows(line, "update partners set webhook = $1 where code = $2", platform.webhook, _PARTNER)
    async with line.database.transaction() as session:
        await repository.changed(session, SystemClock().now())
    # A change of the directory is there within a second.
    await asyncio.sleep(1.5)


async def _rings_at_once(line: Line, platform: Platform, times: int) -> float:
    desk_110 = await third(line, "emergency-110")
    slowest = 0.0
    for n in range(times):
        talk = await talking(line)
        ticket = await talk.seat.post(
            "/api/tickets",
            {
                "type": "help",
                "title": "有人被困",
                "content": "电梯困人",
                "call": talk.id,
                "caller_number": talk.who.e164,
            },
        )
        pressed = time.monotonic()
        await talk.ask("three_way", target="line:110", location="湖滨区黄河路1号", summary="电梯困人")
        there = await rung(desk_110)
        slowest = max(slowest, (there.log["invite"] - pressed) * 1000)
        await asyncio.gather(
            hears_exactly(talk.citizen, AGENT, THIRD, who="the citizen"),
            hears_exactly(there, CITIZEN, AGENT, who="110"),
        )
        # 110 takes over: the agent leaves.
        await talk.ask("leave")
        await asyncio.gather(
            hears_exactly(talk.citizen, THIRD, who="the citizen"), hears_exactly(there, CITIZEN, who="110")
        )
        await there.hang_up()
        await ended(talk.citizen)
        told = (await platform.arrived(n + 1))[-1].body
        assert (told["caller"], told["location"]) == (talk.who.e164, "湖滨区黄河路1号"), told
        assert told["ticket"]["number"] == ticket["number"], told
        await talk.seat.leave()
    await desk_110.close()
    assert slowest <= _LIMIT_MS, f"110 rang {slowest:.0f} ms after the key"
    return slowest


async def _link_down(line: Line, platform: Platform) -> None:
    """Nobody at the trunk of 110, and its platform is away: the fallback number rings; the data come later, once."""
    async with line.database.transaction() as session:
        row = await directory_lines.get(session, "110", line.settings.site.area_code)
        targets = [NewTarget("emergency-110", "990110", 3), NewTarget("emergency-119", "990119", 10)]
        await directory_lines.set_targets(session, row, targets, now=SystemClock().now())
    await asyncio.sleep(1.5)
    fallback = await third(line, "emergency-119")
    talk = await talking(line)
    before = sum(platform.taken.values())
    await talk.ask("three_way", target="line:110")
    there = await rung(fallback, seconds=8)
    await asyncio.gather(
        hears_exactly(talk.citizen, AGENT, THIRD, who="the citizen"), hears_exactly(there, CITIZEN, AGENT, who="110")
    )
    assert sum(platform.taken.values()) == before
    await platform.up()
    async with asyncio.timeout(30):
        while sum(platform.taken.values()) == before:
            await asyncio.sleep(0.1)
    await there.hang_up()
    await talk.state("talking", why="third_gone")
    await talk.over()
