"""Item 3: a reload, a second page, Asterisk and the server away: the citizen stays and the page comes back."""

from __future__ import annotations

import time

from tests.accept.line import Line
from tests.accept.pages.desk_page import PROBE, DeskPage, chromium, desk_page
from tests.accept.pages.item_2 import answered_call, together
from tests.accept.scenario import Item, Scale
from tests.accept.talk.parties import CITIZEN

BACK_MS, REGISTERED_MS = 2_000, 5_000
DRAFT = "文明路路灯不亮"


async def storms(line: Line, scale: Scale) -> str:
    """Item 3."""
    async with chromium() as browser:
        desk = await desk_page(line, browser)
        try:
            await desk.work()
            back_ms = await _reloaded(line, desk)
            second_ms = await _second_page(line, desk)
            registered_ms = await _asterisk_restarted(line, desk)
            await _server_restarted(line, desk)
        finally:
            await desk.leave()
    if scale.full:
        assert back_ms <= BACK_MS, f"audio back after {back_ms:.0f} ms"
        assert registered_ms <= REGISTERED_MS, f"registered again after {registered_ms:.0f} ms"
    return (
        f"audio back {back_ms:.0f} ms after a reload, {second_ms:.0f} ms on a second page; "
        f"registered {registered_ms:.0f} ms after Asterisk was up"
    )


async def _reloaded(line: Line, desk: DeskPage) -> float:
    call = await answered_call(line, desk)
    await desk.page.get_by_label("标题").fill(DRAFT)
    began = time.time() * 1000
    await desk.page.reload(wait_until="commit")
    heard_at = await desk.heard_at(seconds=30)
    assert not call.ended.is_set(), "the citizen stays"
    await together(desk, call)
    assert await desk.page.get_by_label("标题").input_value() == DRAFT
    await desk.press("F4")
    await call.ended.wait()
    await desk.shows("话后整理")
    await desk.press("F8")
    await desk.shows("示闲")
    return heard_at - began


async def _second_page(line: Line, desk: DeskPage) -> float:
    call = await answered_call(line, desk)
    first = desk.page
    desk.page = await desk.context.new_page()
    await desk.page.add_init_script(PROBE)
    began = time.time() * 1000
    await desk.page.goto(f"{line.web}/desk", wait_until="commit")
    await first.get_by_role("heading", name="本工号已在另一个页面打开").wait_for()
    heard_at = await desk.heard_at(seconds=30)
    assert not call.ended.is_set(), "the citizen stays"
    await together(desk, call)
    await first.close()
    await desk.hears(CITIZEN)
    await desk.press("F4")
    await call.ended.wait()
    await desk.shows("话后整理")
    await desk.press("F8")
    await desk.shows("示闲")
    return heard_at - began


async def _asterisk_restarted(line: Line, desk: DeskPage) -> float:
    await line.in_thread(line.stack.stop, ["asterisk"])
    await desk.page.get_by_role("alert").filter(has_text="话机不可用").wait_for()
    await desk.shows("话机不可用")
    await desk.shoot("desk-unreachable")
    await line.in_thread(line.stack.start, ["asterisk"])
    up = time.monotonic()
    await desk.page.get_by_text("话机已就绪").wait_for()
    registered_ms = (time.monotonic() - up) * 1000
    await desk.shows("示闲", seconds=60)
    return registered_ms


async def _server_restarted(line: Line, desk: DeskPage) -> None:
    await line.in_thread(line.stack.stop, ["web"])
    await desk.page.get_by_role("alert").filter(has_text="与服务器的连接中断").wait_for()
    await line.in_thread(line.stack.start, ["web"])
    await desk.page.get_by_text("话机已就绪").wait_for()
    await desk.shows("示闲", seconds=60)
    call = await answered_call(line, desk)
    await desk.press("F4")
    await call.ended.wait()


ITEM = Item(3, "a reload, a second page, Asterisk and the server away: the citizen stays, the page comes back", storms)
