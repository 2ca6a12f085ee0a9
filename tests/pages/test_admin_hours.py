"""Opening hours (受理时间) in a real browser: the week, days of their own, who may change them; what is kept is looked
for behind the interface, axe over every dialog."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.async_api import Locator, Page
from playwright.async_api import expect as see

from directory import audit, lines, repository, special_days
from directory.hours import Span, SpecialDay, weekdays
from directory.models import Role
from tests.pages.accessibility import check_page
from tests.pages.conftest import PageOf, Site

Expect = Callable[[Page, str], None]

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]


def row_of(page: Page, grid: str, text: str) -> Locator:
    return page.get_by_role("grid", name=grid).locator("tbody tr").filter(has_text=text)


async def week_of(site: Site, name: str) -> tuple[bool, list[Span]]:
    async with site.services.database.transaction() as session:
        found = {row.name: (row.follows_holidays, list(spans)) for row, spans in await repository.weeks(session)}
    follows, spans = found[name]
    return follows, sorted(spans)


async def own_days(site: Site, name: str) -> list[special_days.NotedDay]:
    async with site.services.database.transaction() as session:
        return await special_days.special_days(session, name)


async def changed(site: Site, subject: str) -> list[str]:
    async with site.services.database.transaction() as session:
        rows = reversed(list(await audit.entries(session)))
        return [row.action for row in rows if row.subject == subject]


async def test_hours_are_laid_down_with_a_day_of_their_own(site: Site, page_of: PageOf) -> None:
    page = await page_of(Role.ADMIN)
    await page.goto("/admin/hours")
    await see(page.get_by_text("还没有时段表")).to_be_visible()
    await page.get_by_role("button", name="新增时段表").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("名称").fill("白班")
    await dialog.get_by_label("周一", exact=True).fill("08:30-12:00、14:00-25:00")
    await see(dialog.get_by_text("一天到 24:00 为止")).to_be_visible()
    await dialog.get_by_role("button", name="保存").click()
    await see(dialog.get_by_label("周一", exact=True)).to_be_focused()
    await check_page(page, "hours-new")
    await dialog.get_by_label("周一", exact=True).fill("8：30-12：00，14：00-18：00")
    await dialog.get_by_role("button", name="周二至周五同周一").click()
    await dialog.get_by_label("法定节假日不受理").check()
    await dialog.get_by_role("button", name="保存").click()
    await see(page.get_by_role("status").filter(has_text="已保存 白班")).to_be_visible()
    row = row_of(page, "时段表", "白班")
    await see(row).to_contain_text("周一至周五 08:30-12:00、14:00-18:00")
    await see(row).to_contain_text("随国家放假调休")
    wanted = [Span(day, opens, closes) for day in range(1, 6) for opens, closes in ((510, 720), (840, 1080))]
    assert await week_of(site, "白班") == (True, wanted)

    day = (site.services.clock.now() + timedelta(days=30)).date()
    await row.focus()
    await page.keyboard.press("Enter")
    special = dialog.get_by_role("form", name="登记特殊日")
    await special.get_by_label("日期").fill(day.isoformat())
    await special.get_by_label("当天受理").fill("09:00-12:00")
    await special.get_by_label("说明").fill("设备检修")
    await special.get_by_role("button", name="登记这一天").click()
    await see(dialog.get_by_role("status").filter(has_text=f"已保存 {day}")).to_be_visible()
    noted = dialog.get_by_role("table", name="特殊日").locator("tbody tr")
    await see(noted).to_contain_text("09:00-12:00")
    await check_page(page, "hours-special")
    assert await own_days(site, "白班") == [special_days.NotedDay(SpecialDay(day, ((540, 720),)), "设备检修")]
    await dialog.get_by_role("button", name=f"删除 {day}").click()
    await see(noted).to_have_count(0)
    assert await own_days(site, "白班") == []

    await dialog.get_by_role("button", name="取消").click()
    await page.get_by_role("link", name="白班的修改记录").click()
    await see(page.get_by_role("grid", name="审计记录").locator("tbody tr")).to_have_count(3)
    assert await changed(site, "schedule:白班") == ["schedule.saved"] * 3


async def _laid_down(site: Site, opens: str, closes: str) -> None:
    """Somebody else lays down the week."""
    async with site.services.database.transaction() as session:
        hours = weekdays(opens, closes, "Asia/Shanghai")
        await lines.define_schedule(session, "白班", hours, now=site.services.clock.now())


async def test_whoever_comes_second_sees_what_is_there_and_keeps_what_was_filled_in(
    site: Site, page_of: PageOf, expect: Expect
) -> None:
    await _laid_down(site, "08:00", "12:00")
    page = await page_of(Role.ADMIN)
    expect(page, "412 (PUT|DELETE) /api/hours/schedules/")
    await page.goto("/admin/hours")
    row = row_of(page, "时段表", "白班")
    await row.focus()
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    monday = dialog.get_by_label("周一", exact=True)
    await monday.fill("09:00-17:00")
    await _laid_down(site, "10:00", "11:00")
    await dialog.get_by_role("button", name="保存").press("Enter")
    await see(dialog.get_by_role("alert")).to_contain_text("别人刚刚改过")
    await see(dialog.get_by_text("现在的每周受理：周一至周五 10:00-11:00")).to_be_visible()
    await see(monday).to_have_value("09:00-17:00")
    await check_page(page, "hours-stale")
    assert (await week_of(site, "白班"))[1][0] == Span(1, 600, 660)

    special = dialog.get_by_role("form", name="登记特殊日")
    day = (site.services.clock.now() + timedelta(days=30)).date()
    await special.get_by_label("日期").fill(day.isoformat())
    await special.get_by_label("说明").fill("设备检修")
    await _laid_down(site, "10:00", "11:30")
    await special.get_by_role("button", name="登记这一天").press("Enter")
    await see(dialog.get_by_role("alert").filter(has_text="没有更改")).to_contain_text("别人刚刚改过")
    await see(special.get_by_label("说明")).to_have_value("设备检修")
    await see(dialog.get_by_text("现在的每周受理：周一至周五 10:00-11:30")).to_be_visible()
    await special.get_by_role("button", name="登记这一天").press("Enter")
    await see(dialog.get_by_role("table", name="特殊日")).to_contain_text("设备检修")

    await dialog.get_by_role("button", name="保存").press("Enter")
    await see(dialog).to_be_hidden()
    assert (await week_of(site, "白班"))[1][0] == Span(1, 540, 1020)

    await page.get_by_role("button", name="新增时段表").click()
    await dialog.get_by_label("名称").fill("夜班")
    async with site.services.database.transaction() as session:
        await lines.define_schedule(
            session, "夜班", weekdays("20:00", "24:00", "Asia/Shanghai"), now=site.services.clock.now()
        )
    await dialog.get_by_role("button", name="保存").press("Enter")
    await see(dialog.get_by_role("alert")).to_contain_text("别人刚刚改过")
    await see(dialog.get_by_text("已有这个名称的时段表")).to_be_visible()
    assert (await week_of(site, "夜班"))[1][0] == Span(1, 1200, 1440)


async def test_a_supervisor_reads_hours_and_changes_none(site: Site, page_of: PageOf) -> None:
    now = site.services.clock.now()
    async with site.services.database.transaction() as session:
        await lines.define_schedule(session, "夜间", weekdays("20:00", "24:00", "Asia/Shanghai"), now=now)
    page = await page_of(Role.SUPERVISOR)
    await page.goto("/admin/hours")
    row = row_of(page, "时段表", "夜间")
    await see(row).to_contain_text("周一至周五 20:00-24:00")
    await see(page.get_by_role("button", name="新增时段表")).to_have_count(0)
    await see(page.get_by_role("link", name="夜间的修改记录")).to_have_count(0)
    await row.focus()
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    await see(dialog.get_by_role("table", name="每周受理时间")).to_contain_text("不受理")
    await check_page(page, "hours-read")
    await see(dialog.get_by_role("button", name="保存")).to_have_count(0)
    await see(dialog.get_by_role("button", name="登记这一天")).to_have_count(0)
