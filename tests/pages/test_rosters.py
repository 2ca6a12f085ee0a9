"""排班 in a real browser: a week planned by keys, who has not come, a swap from wish to approval, a unit's experts.
What is kept is looked for behind the interface."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Locator, Page
from playwright.async_api import expect as see

from acd import roster
from acd.roster import NewShift, Shift
from directory import audit
from directory.models import Role
from directory.users import Agent, NewUser, add_user
from tests.pages.accessibility import check_page
from tests.pages.conftest import PageOf, Site
from tests.web.people import PASSWORD, quick_passwords

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

Expect = Callable[[Page, str], None]
ZONE = ZoneInfo("Asia/Shanghai")


def next_monday(site: Site) -> date:
    today = site.services.clock.now().astimezone(ZONE).date()
    return today + timedelta(days=8 - today.isoweekday())


async def planned(site: Site, agent: str, day: date, group: str = "general") -> Shift:
    """A shift from 08:00 to 16:00."""
    now = site.services.clock.now()
    at = [now.astimezone(ZONE).replace(year=day.year, month=day.month, day=day.day, hour=hour) for hour in (8, 16)]
    starts, ends = [one.replace(minute=0, second=0, microsecond=0) for one in at]
    async with site.services.database.transaction() as session:
        (made,) = await roster.assign(session, [NewShift(agent, group, starts, ends)], by="test", now=now)
    return made


async def on_now(site: Site, agent: str, group: str = "general") -> None:
    """A shift that began an hour ago."""
    now = site.services.clock.now()
    span = now - timedelta(hours=1), now + timedelta(hours=2)
    async with site.services.database.transaction() as session:
        await roster.assign(session, [NewShift(agent, group, *span)], by="test", now=now)


async def on_roster(site: Site, monday: date) -> list[tuple[str, str]]:
    """Who begins a shift when, of the week."""
    begin = site.services.clock.now().astimezone(ZONE)
    begin = begin.replace(year=monday.year, month=monday.month, day=monday.day, hour=0, minute=0, second=0)
    async with site.services.database.transaction() as session:
        found = await roster.shifts(session, begin, begin + timedelta(days=7))
    return [(one.agent, f"{one.starts_at.astimezone(ZONE):%m-%d %H:%M}") for one in found]


def shift_in(page: Page, grid: str, text: str) -> Locator:
    return page.get_by_role("table", name=grid, exact=True).get_by_role("button").filter(has_text=re.compile(text))


async def test_a_supervisor_plans_a_week_and_takes_a_shift_off(site: Site, page_of: PageOf, expect: Expect) -> None:
    monday = next_monday(site)
    page = await page_of(Role.SUPERVISOR)
    await page.goto("/rosters")
    await see(page.get_by_text("这一周还没有排班")).to_be_visible()
    await page.keyboard.press("]")
    await see(page).to_have_url(re.compile(f"week={monday}"))
    await see(page.get_by_label("日期")).to_have_value(monday.isoformat())
    await check_page(page, "rosters-empty")

    await page.keyboard.press("n")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("技能组").select_option("综合")
    await dialog.get_by_label("查找").fill("二号")
    await dialog.get_by_label("全选列出的").press("Space")
    await dialog.get_by_label("查找").fill("")
    await dialog.get_by_label("1001 AGENT").press("Space")
    await dialog.get_by_label("上班").fill("22:00")
    await dialog.get_by_label("下班").fill("06:00")
    await dialog.get_by_label("到（必填）").fill((monday - timedelta(days=1)).isoformat())
    await dialog.get_by_label("备注").press("Enter")
    wrong = dialog.get_by_text("结束日期早于开始日期")
    await see(wrong).to_be_focused()
    await check_page(page, "rosters-plan-wrong")
    await dialog.get_by_label("到（必填）").fill((monday + timedelta(days=6)).isoformat())
    for day in ("周六", "周日"):
        await dialog.get_by_label(day).press("Space")
    await see(dialog.get_by_text("2 人 × 5 天，共 10 个班次，每班 8 小时，到次日。")).to_be_visible()
    await dialog.get_by_label("备注").fill("夜班")
    await dialog.get_by_label("备注").press("Enter")
    await see(page.get_by_role("status").filter(has_text="已排 10 个班次")).to_be_visible()
    table = page.get_by_role("table", name="排班表", exact=True)
    await see(table.locator("tbody tr")).to_have_count(2)
    await see(table.locator("tbody tr").filter(has_text="二号")).to_contain_text("40 小时")
    await check_page(page, "rosters-week")
    days = [monday + timedelta(days=n) for n in range(5)]
    wanted = [(agent, f"{day:%m-%d} 22:00") for day in days for agent in ("1001", "1002")]
    assert await on_roster(site, monday) == wanted

    await page.keyboard.press("n")
    await dialog.get_by_label("技能组").select_option("综合")
    await dialog.get_by_label("1002 二号").check()
    await dialog.get_by_label("上班").fill("05:00")
    await dialog.get_by_label("下班").fill("09:00")
    expect(page, "409 POST /api/rosters/shifts$")
    await dialog.get_by_role("button", name="排班").click()
    await see(dialog.get_by_role("alert")).to_contain_text("那时已有班次")
    there = dialog.get_by_role("list", name="已有的班次").get_by_role("listitem")
    await see(there).to_have_count(5)
    await see(there.first).to_contain_text(f"1002 二号 {monday:%m-%d} 周一 22:00-次日 06:00")
    await check_page(page, "rosters-overlap")
    await page.keyboard.press("Escape")

    first = shift_in(page, "排班表", f"AGENT {monday:%m-%d} 周一")
    await first.focus()
    await page.keyboard.press("Enter")
    await see(dialog).to_contain_text("夜班")
    await check_page(page, "rosters-shift")
    await dialog.get_by_role("button", name="取消班次").press("Enter")
    await see(page.get_by_role("status").filter(has_text="已取消 AGENT")).to_be_visible()
    await see(first).to_have_count(0)
    assert await on_roster(site, monday) == wanted[1:]
    async with site.services.database.transaction() as session:
        told = await audit.entries(session, subject="roster")
    assert [one.action for one in told] == ["roster.cancelled", "roster.assigned"]

    second = shift_in(page, "排班表", f"二号 {monday:%m-%d} 周一")
    await second.press("Enter")
    now = site.services.clock.now()
    async with site.services.database.transaction() as session:
        (one,) = [
            one for one in await roster.shifts(session, now, now + timedelta(days=9), agent="1002")
            if one.starts_at.astimezone(ZONE).date() == monday
        ]  # fmt: skip
        await roster.cancel(session, one.id, by="test", now=now)
    expect(page, "404 DELETE /api/rosters/shifts/")
    await dialog.get_by_role("button", name="取消班次").click()
    await see(dialog.get_by_role("alert")).to_contain_text("已不在排班表上")
    await see(second).to_have_count(0)
    await check_page(page, "rosters-shift-gone")
    await page.keyboard.press("Escape")

    await see(table.locator("tbody tr").filter(has_text="回访员")).to_have_count(0)
    await page.get_by_label("含没有班次的人").check()
    await see(table.locator("tbody tr").filter(has_text="1007 回访员")).to_contain_text("0 小时")
    await page.get_by_role("searchbox", name="查找").fill("没有这个人")
    await see(page.get_by_text("没有符合的班次")).to_be_visible()


async def test_who_has_not_come_is_seen_until_they_sign_in(site: Site, page_of: PageOf, expect: Expect) -> None:
    await on_now(site, "1002")
    page = await page_of(Role.SUPERVISOR)
    await page.goto("/rosters")
    panel = page.get_by_role("region", name="现在到岗", exact=True)
    await see(panel.get_by_role("status")).to_have_text("应到 1 人，未到岗 1 人")
    await see(panel.get_by_role("table")).to_contain_text("未到岗，已过 1 小时")
    await check_page(page, "rosters-missing")
    await site.line.device_state("8002", reachable=True, in_use=False)
    await site.line.sign_in("1002", "8002", {"general": 1})
    await panel.get_by_role("button", name="刷新到岗情况").press("Enter")
    await see(panel.get_by_role("status")).to_have_text("应到 1 人，未到岗 0 人")
    await see(panel.get_by_role("table")).to_contain_text("已签入")

    expect(page, "request failed")
    await page.context.set_offline(True)
    await panel.get_by_role("button", name="刷新到岗情况").press("Enter")
    await see(panel.get_by_role("alert")).to_contain_text("读不到到岗情况")
    await page.get_by_role("button", name="下一周").press("Enter")
    await see(page.get_by_role("alert").filter(has_text="读不到排班")).to_be_visible()
    await see(page.get_by_role("table", name="排班表", exact=True)).to_have_count(0)
    await check_page(page, "rosters-offline")
    await page.context.set_offline(False)
    await panel.get_by_role("button", name="重试").press("Enter")
    await see(panel.get_by_role("table")).to_contain_text("已签入")
    await page.get_by_role("alert").filter(has_text="读不到排班").get_by_role("button", name="重试").press("Enter")
    await see(page.get_by_text("这一周还没有排班")).to_be_visible()


async def test_a_swap_goes_from_wish_to_approval(site: Site, page_of: PageOf, expect: Expect) -> None:
    monday = next_monday(site)
    await planned(site, "1001", monday)
    await planned(site, "1002", monday + timedelta(days=1))
    agent, second = await page_of(Role.AGENT), await page_of("second")
    await agent.goto(f"/rosters?week={monday}")
    await see(agent.get_by_role("heading", level=1, name="我的排班")).to_be_visible()
    mine = agent.get_by_role("table", name="我的班次", exact=True)
    await see(mine.locator("tbody tr")).to_have_count(1)
    await see(mine).to_contain_text("1001 AGENT")
    for gone in ("排班表", "现在到岗"):
        await see(agent.get_by_role("table", name=gone, exact=True)).to_have_count(0)
    await see(agent.get_by_role("button", name="排班…")).to_have_count(0)
    await check_page(agent, "rosters-mine")

    dialog = agent.get_by_role("dialog")
    await shift_in(agent, "我的班次", "08:00-16:00").press("Enter")
    await see(dialog.get_by_role("button", name="取消班次")).to_have_count(0)
    await dialog.get_by_role("button", name="申请换班").press("Enter")
    await see(dialog.get_by_label("换给谁")).to_be_focused()
    await dialog.get_by_label("换给谁").select_option("2001 EXPERT")
    expect(agent, "422 POST /api/rosters/swaps$")
    await dialog.get_by_role("button", name="提出换班").click()
    await see(dialog.get_by_role("alert")).to_contain_text("不具备这个技能组")
    await check_page(agent, "rosters-swap-refused")
    await dialog.get_by_label("换给谁").select_option("1002 二号")
    theirs = f"{monday + timedelta(days=1):%m-%d} 周二 08:00-16:00 综合"
    await dialog.get_by_label("换回对方的班次").select_option(theirs)
    await dialog.get_by_label("原因").fill("家里有事")
    await dialog.get_by_label("原因").press("Enter")
    await see(agent.get_by_role("status").filter(has_text="已向 1002 二号 提出换班")).to_be_visible()
    row = agent.get_by_role("table", name="换班", exact=True).locator("tbody tr")
    await see(row).to_contain_text("待对方同意")
    await see(row).to_contain_text(theirs)
    await check_page(agent, "rosters-swap-asked")

    await second.goto(f"/rosters?week={monday}")
    asked = second.get_by_role("table", name="换班", exact=True).locator("tbody tr")
    await see(asked).to_contain_text("家里有事")
    await check_page(second, "rosters-swap-to-agree")
    await row.get_by_role("button", name="撤回").press("Enter")
    await see(agent.get_by_role("status").filter(has_text="已撤回：AGENT")).to_be_visible()
    await see(row).to_have_count(0)
    expect(second, "409 POST /api/rosters/swaps/")
    await asked.get_by_role("button", name=re.compile("^同意")).press("Enter")
    await see(second.get_by_role("alert")).to_contain_text("状态已变")
    await see(asked).to_have_count(0)
    await check_page(second, "rosters-swap-closed")

    await shift_in(agent, "我的班次", "08:00-16:00").click()
    await dialog.get_by_role("button", name="申请换班").click()
    await dialog.get_by_label("换给谁").select_option("1002 二号")
    await dialog.get_by_label("换回对方的班次").select_option(theirs)
    await dialog.get_by_role("button", name="提出换班").click()
    await see(row).to_contain_text("待对方同意")
    await second.reload()
    await asked.get_by_role("button", name=re.compile("^同意")).press("Enter")
    await see(asked).to_contain_text("待班长审批")

    page = await page_of(Role.SUPERVISOR)
    await page.goto(f"/rosters?week={monday}")
    waits = page.get_by_role("table", name="换班", exact=True).locator("tbody tr")
    await see(waits).to_contain_text("1002 二号")
    await check_page(page, "rosters-swap-to-decide")
    await waits.get_by_role("button", name=re.compile("^批准")).press("Enter")
    await see(page.get_by_role("status").filter(has_text="已批准：AGENT")).to_be_visible()
    await see(waits).to_have_count(0)
    await see(shift_in(page, "排班表", f"二号 {monday:%m-%d} 周一")).to_be_visible()
    tuesday = monday + timedelta(days=1)
    assert await on_roster(site, monday) == [("1002", f"{monday:%m-%d} 08:00"), ("1001", f"{tuesday:%m-%d} 08:00")]
    await page.get_by_label("含已有结果的").check()
    await see(waits).to_have_count(2)
    await see(waits.first).to_contain_text("已换班")
    await see(waits.get_by_role("button")).to_have_count(0)


async def test_a_unit_sends_its_own_experts_and_sees_no_others(site: Site, page_of: PageOf) -> None:
    monday = next_monday(site)
    async with site.services.database.transaction() as session:
        sent = NewUser(
            "zhuanjia", "社保专家", frozenset({Role.EXPERT}), site.units.labour, Agent("2002", {"expert-12333": 1})
        )
        await add_user(session, sent, PASSWORD, quick_passwords(), now=site.services.clock.now())
    await planned(site, "1001", monday)
    await on_now(site, "1002")
    page = await page_of(Role.UNIT_HEAD)
    await page.goto(f"/rosters?week={monday}")
    await see(page.get_by_role("heading", level=1, name="专家选派")).to_be_visible()
    await see(page.get_by_text("这一周还没有排班")).to_be_visible()
    await see(page.get_by_text("现在没有人当班")).to_be_visible()
    await see(page.get_by_role("region", name="换班", exact=True)).to_have_count(0)
    await check_page(page, "rosters-unit-empty")
    await page.get_by_role("button", name="排班…").press("Enter")
    dialog = page.get_by_role("dialog")
    await see(dialog.get_by_label("技能组").locator("option:checked")).to_have_text("12333 专家")
    people = dialog.get_by_role("group", name="可选人员").get_by_role("checkbox")
    await see(people).to_have_count(1)
    await people.press("Space")
    await dialog.get_by_label("上班").fill("09:00")
    await dialog.get_by_label("下班").fill("17:00")
    await check_page(page, "rosters-unit-plan")
    await dialog.get_by_label("下班").press("Enter")
    await see(page.get_by_role("status").filter(has_text="已排 7 个班次")).to_be_visible()
    table = page.get_by_role("table", name="排班表", exact=True)
    await see(table.locator("tbody tr")).to_have_count(1)
    await see(table).to_contain_text("2002 社保专家")
    assert [agent for agent, _ in await on_roster(site, monday)].count("2002") == 7

    expert = await page_of("zhuanjia")
    await expert.goto(f"/rosters?week={monday}")
    await see(shift_in(expert, "我的班次", "09:00-17:00")).to_have_count(7)
    await shift_in(expert, "我的班次", "09:00-17:00").first.press("Enter")
    await see(expert.get_by_role("dialog").get_by_role("button", name="取消班次")).to_have_count(0)
    await see(expert.get_by_role("dialog").get_by_role("button", name="申请换班")).to_be_visible()
    await check_page(expert, "rosters-own-shift")
