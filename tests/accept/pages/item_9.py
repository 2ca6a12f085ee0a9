"""Item 9: a citizen calls from the page (网页通话): the menu is heard, a key of the keyboard leads on, the pop says
where the call comes from, both hear each other; muted; hung up; a page that is closed in the call is hung up for."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from playwright.async_api import Browser
from playwright.async_api import expect as see

from tests.accept.ivr.editors import editor
from tests.accept.ivr.sounds import Sounds, short_greetings
from tests.accept.line import Line, database_rows, eventually
from tests.accept.pages.desk_page import PROBE, DeskPage, Headset, chromium, desk_page
from tests.accept.scenario import Item, Scale
from tests.accept.talk.parties import AGENT, CITIZEN
from tests.pages.browsing import Watch, verdict

_FLOW, _LINE, _TEXT = "from-the-page", "12345", "网页通话请按一"
_DECLARED = "13900001111"
_WAIT_MS = 60_000
_GONE_SECONDS = 4.0
"""Before Asterisk itself would miss the sound of a page that is gone (`rtp_timeout`)."""

_WEB_CALLS = """
    select call_id from call_journal where kind = 'entered' and attributes ->> 'access' = 'web' order by at desc
"""


def _document() -> dict[str, Any]:
    menu = {"type": "menu", "prompt": _TEXT, "options": {"1": {"label": "人工", "next": "human"}}}
    menu |= {"seconds": 30, "attempts": 3, "on_timeout": "human", "on_wrong": "human"}
    nodes = {"start": {"type": "entry", "next": "choose"}, "choose": menu, "human": {"type": "queue"}}
    return {"flow": _FLOW, "name": "网页通话", "entry": "start", "nodes": nodes}


async def _menu(line: Line) -> None:
    await Sounds().speak(line, {_TEXT: 1.0})
    await short_greetings(line)
    admin = await editor(line)
    await admin.release(_document())
    await admin.assign(_LINE, _FLOW)


class _Citizen(Headset):
    """A citizen at the page."""

    async def dial(self, declared: str) -> str:
        """Call, by keyboard; returns the call's id once it has been answered."""
        before = {row["call_id"] for row in await database_rows(self.line, _WEB_CALLS)}
        await self.page.goto(f"{self.line.web}/public/call")
        await self.page.get_by_label("回拨电话").fill(declared)
        await self.page.get_by_role("button", name="拨打12345").press("Enter")
        await self.says("已接通")

        async def look() -> str | None:
            rows = await database_rows(self.line, _WEB_CALLS)
            return next((row["call_id"] for row in rows if row["call_id"] not in before), None)

        found: str = await eventually(look, "the journal has the call from the page", seconds=30)
        return found

    async def says(self, words: str) -> None:
        await see(self.page.locator("#state")).to_contain_text(words, timeout=_WAIT_MS)


async def _citizen(line: Line, browser: Browser, watches: list[Watch]) -> _Citizen:
    context = await browser.new_context(locale="zh-CN", permissions=["microphone"])
    context.set_default_timeout(_WAIT_MS)
    await context.add_init_script(PROBE)
    page = await context.new_page()
    watches.append(Watch(page))
    return _Citizen(line, context, page)


async def _talk(line: Line, who: _Citizen, desk: DeskPage) -> int:
    """A whole call; returns the ms from the first press of a key on to sound of the menu in the citizen's headset."""
    began = time.time()
    call = await who.dial(_DECLARED)
    heard_ms = await who.heard_at(seconds=60) - began * 1000
    await line.story_of(call, until="menu_entered", seconds=60)
    await who.page.keyboard.press("1")
    story = await line.story_of(call, until="queued", seconds=60)
    entered = next(event for event in story.events if event.kind == "entered")
    assert (entered.attributes["access"], entered.attributes["line"]) == ("web", _LINE)
    assert entered.attributes.get("caller") is None, "nothing the page says becomes a number"
    assert _DECLARED not in str(story), "what is typed is shown, and kept nowhere"
    chosen = [event for event in story.events if event.kind == "menu" and event.attributes["node"] == "choose"]
    assert [event.attributes["branch"] for event in chosen] == ["key 1"]

    pop = (await desk.frame("pop", after=int(began * 1000), seconds=60))["body"]
    assert (pop["call"], pop["caller"], pop["access"]) == (call, None, "web")
    assert pop["declared"] == f"+86{_DECLARED}"
    panel = desk.page.get_by_label("来电市民")
    await see(panel).to_contain_text("网页来电", timeout=_WAIT_MS)
    await see(panel).to_contain_text("未经核实")
    await desk.rings(seconds=60)
    await desk.press("F2")
    await line.story_of(call, until="answered", seconds=60)
    await asyncio.gather(desk.hears(CITIZEN, seconds=60), who.hears(AGENT, seconds=60))
    await who.shoot("citizen-call-talking")
    mute = who.page.get_by_role("button", name="静音")
    await mute.click()
    await see(mute).to_have_attribute("aria-pressed", "true")
    await desk.hears(seconds=60)
    await mute.click()
    await desk.hears(CITIZEN, seconds=60)

    await who.page.get_by_role("button", name="挂断").click()
    await who.says("通话已结束")
    ended = next(
        event for event in (await line.story_of(call, until="ended", seconds=60)).events if event.kind == "ended"
    )
    assert ended.attributes["ended_by"] == "caller", ended.attributes
    await desk.shows("话后整理", seconds=60)
    return int(heard_ms)


async def _closed(line: Line, who: _Citizen) -> float:
    """The page is closed in the menu; returns the seconds until the journal has the end of the call."""
    call = await who.dial("")
    await line.story_of(call, until="menu_entered", seconds=60)
    began = time.time()
    await who.context.close()
    story = await line.story_of(call, until="abandoned", seconds=60)
    return next(event for event in story.events if event.kind == "abandoned").at.timestamp() - began


async def from_the_page(line: Line, scale: Scale) -> str:
    """Item 9."""
    await _menu(line)
    watches: list[Watch] = []
    async with chromium() as agents, chromium(CITIZEN) as citizens:
        desk = await desk_page(line, agents)
        try:
            await desk.work()
            heard_ms = await _talk(line, await _citizen(line, citizens, watches), desk)
        finally:
            await desk.leave()
        gone = await _closed(line, await _citizen(line, citizens, watches))
    verdict(watches)
    if scale.full:
        assert gone <= _GONE_SECONDS, f"a page that is gone was on the line for {gone:.1f} s"
    return f"the menu heard {heard_ms} ms after the page was opened; a closed page off the line within {gone:.1f} s"


ITEM = Item(9, "a citizen calls from a browser: menu, key, agent, both hear each other, hung up", from_the_page)
