"""Item 2: what an agent does in a talk, by keys and by mouse, and who hears whom."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from server.demo.g711 import tone
from server.demo.phone import PhoneCall
from tests.accept.first_call.basics import answered
from tests.accept.line import Line
from tests.accept.pages.desk_page import DeskPage, chromium, desk_page
from tests.accept.people import citizen
from tests.accept.scenario import Item, Scale
from tests.accept.talk.parties import AGENT, CITIZEN, THIRD, hears_exactly, hears_music, rung, third


async def talk(line: Line, scale: Scale) -> str:
    """Item 2."""
    ways: list[Callable[[Line, DeskPage], Awaitable[None]]] = [_by_keys, _by_mouse]
    async with chromium() as browser:
        desk = await desk_page(line, browser)
        try:
            await desk.work()
            for _ in range(scale(2, 1)):
                for way in ways:
                    await way(line, desk)
        finally:
            await desk.leave()
    return "hold, mute, consult, three-way, take back, leave: every spectrum as it should be"


async def answered_call(line: Line, desk: DeskPage) -> PhoneCall:
    """A citizen talks with the agent at the page."""
    who = await citizen(line)
    call = await who.dial("12345", sound=tone(CITIZEN, 1.0))
    await desk.rings()
    await desk.press("F2")
    await answered(call)
    await desk.shows("通话中")
    await together(desk, call)
    return call


async def together(desk: DeskPage, call: PhoneCall) -> None:
    """Citizen and agent hear each other, and nobody else."""
    await asyncio.gather(desk.hears(CITIZEN), hears_exactly(call, AGENT, who="the citizen", seconds=15))


async def _by_keys(line: Line, desk: DeskPage) -> None:
    call = await answered_call(line, desk)
    await desk.press("Alt+h")
    await desk.bar_shows("市民已保持")
    await asyncio.gather(hears_music(call, who="the citizen", seconds=15), desk.hears())
    await desk.press("Alt+h")
    await desk.bar_shows("通话中")
    await together(desk, call)
    await desk.press("Alt+m")
    await asyncio.gather(desk.hears(CITIZEN), hears_exactly(call, who="the citizen, muted", seconds=15))
    await desk.press("Alt+m")
    await together(desk, call)
    branch = await third(line)
    await desk.press("Alt+t")
    await desk.page.keyboard.type("12366")
    # Not waited for the list: who types ahead must not reach somebody else.
    await desk.press("ArrowDown")
    await desk.press("Enter")
    there = await rung(branch)
    await desk.bar_shows("与第三方咨询中")
    await asyncio.gather(
        hears_music(call, who="the citizen", seconds=15),
        desk.hears(THIRD),
        hears_exactly(there, AGENT, who="the branch", seconds=15),
    )
    await desk.press("Alt+3")
    await desk.bar_shows("三方通话")
    await three(desk, call, there)
    await desk.shoot("desk-three-way")
    await desk.press("Alt+d")
    await asyncio.wait_for(there.ended.wait(), 15)
    await together(desk, call)
    await desk.press("F4")
    await asyncio.wait_for(call.ended.wait(), 20)
    await branch.close()
    await _ready_again(desk)


async def _by_mouse(line: Line, desk: DeskPage) -> None:
    call = await answered_call(line, desk)
    await desk.click("保持")
    await desk.bar_shows("市民已保持")
    await hears_music(call, who="the citizen", seconds=15)
    await desk.click("取回")
    await together(desk, call)
    branch = await third(line)
    await desk.click("转接")
    listed = desk.page.locator("#side-panel .list li", has_text="12366").first
    await desk.page.get_by_label("查找转接对象").fill("12366")
    await listed.locator(".target").click()
    await listed.get_by_role("button", name="三方").click()
    there = await rung(branch)
    await desk.bar_shows("三方通话")
    await three(desk, call, there)
    await desk.click("退出")
    await desk.shows("话后整理")
    await asyncio.gather(
        hears_exactly(call, THIRD, who="the citizen, passed on", seconds=15),
        hears_exactly(there, CITIZEN, who="the branch", seconds=15),
    )
    await there.hang_up()
    await asyncio.wait_for(call.ended.wait(), 20)
    await branch.close()
    await _ready_again(desk)


async def three(desk: DeskPage, call: PhoneCall, there: PhoneCall) -> None:
    """Each hears exactly the other two."""
    await asyncio.gather(
        desk.hears(CITIZEN, THIRD),
        hears_exactly(call, AGENT, THIRD, who="the citizen", seconds=15),
        hears_exactly(there, AGENT, CITIZEN, who="the branch", seconds=15),
    )


async def _ready_again(desk: DeskPage) -> None:
    await desk.press("F8")
    await desk.shows("示闲")


ITEM = Item(2, "hold, mute, consult, three-way, leave, take back, by keys and by mouse: who hears whom", talk)
