"""Call me with this draft, on the page: which phone, how far the run is, where it ended. A voice process' part is said
by the test; with a real phone it is in tests/calls/menu/test_real_rehearsal.py."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from playwright.async_api import Locator, Page
from playwright.async_api import expect as see

from calls.menu.rehearsal_board import Rehearsal, RehearsalBoard, RehearsalState, Visit
from directory.models import Role
from tests.pages.accessibility import check_page
from tests.pages.conftest import PageOf, Site
from tests.pages.test_menus import lines, opened, row, save, two_keys

__all__ = ["lines"]

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

Expect = Callable[[Page, str], None]
DUTY = "8015"


def board(site: Site) -> RehearsalBoard:
    services = site.services
    return RehearsalBoard(services.redis, services.settings.site.id, services.clock)


def told(page: Page) -> Locator:
    return page.get_by_role("status", name="彩排状态")


async def asked(site: Site) -> Rehearsal:
    """What the page has asked for, taken up as a voice process does."""
    async with asyncio.timeout(30):
        while not (found := await board(site).asked("ast1")):
            await asyncio.sleep(0.05)
    ringing = await board(site).take_up(found[0])
    assert ringing is not None
    return ringing


async def test_the_draft_is_heard_on_ones_own_phone(site: Site, page_of: PageOf, expect: Expect) -> None:
    page = await page_of(Role.ADMIN)
    await save(page, site, two_keys())
    await opened(page)
    await page.get_by_role("tab", name="模拟").click()
    phone = page.get_by_label("我的分机")
    call = page.get_by_role("button", name="给我打电话")
    # Nobody else's phone, and none that is not there.
    expect(page, r"409 POST /api/menus/flows/main/rehearsal")
    await phone.fill("8001")
    await call.click()
    await see(page.get_by_role("alert").filter(has_text="没有拨出")).to_contain_text("别人的")
    await site.line.device_state(DUTY, True, False)
    await phone.fill(DUTY)
    await page.keyboard.press("Enter")
    rehearsal = await asked(site)
    assert (rehearsal.flow, rehearsal.revision, rehearsal.extension) == ("main", 1, DUTY)
    await see(told(page)).to_contain_text("【彩排】话机振铃，请接听")
    await see(call).to_be_disabled()
    # A process keeps its rehearsal in date; the page follows the run.
    running = replace(
        rehearsal.moved(RehearsalState.RUNNING), at=("main", "choose"), path=(Visit("main", "start", "next"),)
    )
    keeping = asyncio.create_task(_kept(site, running))
    await see(told(page)).to_contain_text("彩排进行中")
    await see(told(page)).to_contain_text("choose")
    await see(page.locator('[data-node="choose"]')).to_have_class(re.compile(r"\blit\b"))
    await see(row(page, "start")).to_have_class(re.compile(r"\blit\b"))
    await see(row(page, "citizens")).not_to_have_class(re.compile(r"\blit\b"))
    await check_page(page, "menu-rehearsal")
    keeping.cancel()
    path = (*running.path, Visit("main", "choose", "key 1"), Visit("main", "citizens", "end"))
    left_out = ("网络请求：彩排不发出请求，按失败继续。",)
    over = replace(running, path=path, told=left_out).ended("此处转人工：所拨线路的人工队列。")
    assert await board(site).put(over)
    await see(told(page)).to_contain_text("彩排已结束")
    await see(told(page)).to_contain_text("此处转人工：所拨线路的人工队列")
    await see(told(page).get_by_role("listitem")).to_have_text(list(left_out))
    await see(row(page, "citizens")).to_have_class(re.compile(r"\blit\b"))
    await see(call).to_be_enabled()
    await check_page(page, "menu-rehearsal-ended")


async def test_it_is_ended_on_the_page_and_found_again_after_a_reload(site: Site, page_of: PageOf) -> None:
    page = await page_of(Role.ADMIN)
    await save(page, site, two_keys())
    await site.line.device_state(DUTY, True, False)
    await opened(page)
    await page.get_by_role("tab", name="模拟").click()
    await page.get_by_label("我的分机").fill(DUTY)
    await page.get_by_role("button", name="给我打电话").click()
    rehearsal = await asked(site)
    keeping = asyncio.create_task(_kept(site, rehearsal))
    await see(told(page)).to_contain_text("话机振铃")
    await page.reload()
    await see(row(page, "start")).to_be_visible()
    await page.get_by_role("tab", name="模拟").click()
    await see(told(page)).to_contain_text("话机振铃")
    await page.get_by_role("button", name="结束彩排").click()
    await see(told(page)).to_contain_text("已由您在页面上结束")
    # The process that rings learns of it by its next word.
    assert await keeping is None


async def _kept(site: Site, rehearsal: Rehearsal) -> None:
    """As a voice process does, until it has ended."""
    while await board(site).put(rehearsal):
        await asyncio.sleep(1)
