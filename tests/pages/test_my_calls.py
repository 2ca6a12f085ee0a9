"""我的通话: an agent looks back at a day; what citizens said of it, the tickets it made, the callbacks it owes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import httpx
import pytest
from playwright.async_api import Page
from playwright.async_api import expect as see

from directory.models import Role
from tests.pages.accessibility import check_page
from tests.pages.conftest import PageOf, Site
from tests.web import agent_day
from tests.web.conftest import PATIENT, Caller

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

Expect = Callable[[Page, str], None]


@pytest.fixture
async def noon(site: Site) -> datetime:
    """Noon of the agent's yesterday."""
    return await agent_day.told(site.services)


async def _ticket(site: Site) -> str:
    """Registered from the day's talk."""
    await site.services.directory.refresh()
    async with httpx.AsyncClient(base_url=site.origin, timeout=PATIENT) as http:
        agent = await Caller(http).as_("agent")
        answer = await agent.post("/api/tickets", title="社保卡补办", call=agent_day.MINE)
        number: str = answer.json()["number"]
    return number


async def test_an_agent_looks_back_at_a_day(site: Site, noon: datetime, page_of: PageOf, expect: Expect) -> None:
    number = await _ticket(site)
    await agent_day.owed(site.services, noon)
    page = await page_of(Role.AGENT)
    await page.goto("/my-calls")
    await see(page.get_by_text("这一天没有通话")).to_be_visible()
    await see(page.get_by_label("当天合计")).to_contain_text("0 个")
    await check_page(page, "my-calls-empty")

    day = page.get_by_label("日期")
    await day.fill(noon.date().isoformat())
    rows = page.get_by_role("table", name="我的通话").locator("tbody tr")
    await see(rows).to_have_count(3)
    await see(rows.nth(0)).to_contain_text("外呼")
    await see(rows.nth(0)).to_contain_text("对方未接")
    await see(rows.nth(1)).to_contain_text("未接听")
    talk = rows.nth(2)
    for words in ("12:00:05", "呼入", "138****5678", "12333", "已通话", "1:00", "不满意", "待回拨"):
        await see(talk).to_contain_text(words)
    await see(page.get_by_text("13812345678")).to_have_count(0)
    sums = page.get_by_label("当天合计")
    for words in ("2 个", "1 分钟", "15 秒", "0.0%（1 个评价）", "1 个"):
        await see(sums).to_contain_text(words)
    await check_page(page, "my-calls")

    async def away(route: object) -> None:
        await route.abort()  # type: ignore[attr-defined]

    expect(page, "request failed: GET /api/agents/me/calls")
    await page.route("**/api/agents/me/calls*", away)
    await page.get_by_role("button", name="刷新").press("Enter")
    await see(page.get_by_role("alert").filter(has_text="读不到通话")).to_contain_text("连不上服务器")
    await check_page(page, "my-calls-away")
    await page.unroute("**/api/agents/me/calls*")
    await page.get_by_role("button", name="重试").first.press("Enter")
    await see(page.get_by_role("alert")).to_have_count(0)

    link = talk.get_by_role("link", name=number)
    await link.focus()
    await page.keyboard.press("Enter")
    await see(page.get_by_role("heading", level=1).filter(has_text="社保卡补办")).to_be_visible()
