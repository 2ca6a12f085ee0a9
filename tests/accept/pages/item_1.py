"""Item 1: signed in, registered and offerable; the pop before the ring; F2, and both hear each other."""

from __future__ import annotations

import asyncio
import time

from server.demo.g711 import tone
from tests.accept.first_call.basics import answered
from tests.accept.line import Line
from tests.accept.pages.desk_page import DeskPage, chromium, desk_page
from tests.accept.people import citizen
from tests.accept.scenario import Item, Scale
from tests.accept.talk.parties import AGENT, CITIZEN, hears_exactly

OFFERABLE_MS, PAINTED_MS, SOUND_MS = 2_000, 300, 300


async def first_call(line: Line, scale: Scale) -> str:
    """Item 1."""
    times = scale(5, 1)
    async with chromium() as browser:
        desk = await desk_page(line, browser)
        try:
            offerable_ms = await desk.work()
            seen = [await _call(line, desk) for _ in range(times)]
        finally:
            await desk.leave()
    painted, agent_ms, citizen_ms = (max(one[i] for one in seen) for i in range(3))
    if scale.full:
        assert offerable_ms <= OFFERABLE_MS, f"offerable after {offerable_ms:.0f} ms"
        assert painted <= PAINTED_MS, f"painted {painted} ms after the reservation"
        assert max(agent_ms, citizen_ms) <= SOUND_MS, f"sound after {agent_ms} and {citizen_ms} ms"
    return (
        f"offerable after {offerable_ms:.0f} ms, painted {painted} ms after the reservation, "
        f"sound {agent_ms} ms at the agent and {citizen_ms} ms at the citizen after F2"
    )


async def _call(line: Line, desk: DeskPage) -> tuple[int, int, int]:
    """Painted after the reservation, heard by the agent and by the citizen after F2, in ms."""
    who = await citizen(line)
    call = await who.dial("12345", sound=tone(CITIZEN, 1.0))
    pop = await desk.frame("pop", after=int(time.time() * 1000) - 5_000)
    number = pop["body"]["call"]
    await desk.page.locator(".who .number", has_text=who.number).wait_for()
    await desk.rings()
    painted_at: int = await desk.page.evaluate("window.__probe.painted")
    pressed_at = time.time()
    await desk.press("F2")
    await answered(call)
    heard_at = await desk.heard_at()
    await asyncio.gather(desk.hears(CITIZEN), hears_exactly(call, AGENT, who="the citizen"))
    first_heard = call.audio.first_heard
    assert first_heard is not None
    facts = await line.story_of(number, until="answered")
    at = {event.kind: event.at.timestamp() * 1000 for event in facts.events}
    (written,) = [event for event in facts.events if event.kind == "popped"]
    assert written.attributes["written"], written.attributes
    assert at["popped"] <= at["ringing"], "the pop is written before the phone is rung"
    await desk.shows("通话中")
    await desk.shoot("desk-talking")
    await desk.press("F4")
    await asyncio.wait_for(call.ended.wait(), 20)
    await desk.shows("话后整理")
    await desk.page.get_by_role("button", name="结束整理").click()
    await desk.shows("示闲")
    citizen_ms = await _citizen_heard_after(line, number, pressed_at)
    return int(painted_at - at["reserved"]), int(heard_at - pressed_at * 1000), citizen_ms


async def _citizen_heard_after(line: Line, call: str, pressed_at: float) -> int:
    """By the journal: the bridge is what carries the agent's voice."""
    story = await line.story_of(call, until="answered")
    (bridged,) = [event.at.timestamp() for event in story.events if event.kind == "answered"]
    return int((bridged - pressed_at) * 1000)


ITEM = Item(1, "signed in and offerable at once; the pop before the ring; F2 and both hear each other", first_call)
