"""Rules as administrators lay them down on the pages: lines' modes by date, working days."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

import httpx
import pytest
from playwright.async_api import Page
from playwright.async_api import expect as see

from directory import lines, repository, special_days
from directory.importer import SANMENXIA, import_hotlines
from directory.models import Role
from directory.modes import Mode, Platform
from tests.pages.accessibility import check_page
from tests.pages.conftest import PageOf, Site
from tests.web.conftest import PATIENT, Caller

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

Expect = Callable[[Page, str], None]
ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture
async def hotlines(site: Site) -> None:
    """The city's lines, since an hour."""
    services = site.services
    async with services.database.transaction() as session:
        began = services.clock.now() - timedelta(hours=1)
        await import_hotlines(session, SANMENXIA.read_bytes(), services.settings.site, now=began)
    await services.directory.refresh()


def in_days(site: Site, days: int) -> str:
    """Eight in the morning so many days from now, as a field takes it."""
    return f"{site.services.clock.now().astimezone(ZONE) + timedelta(days=days):%Y-%m-%d}T08:00"


@pytest.mark.usefixtures("hotlines")
async def test_a_change_of_mode_is_planned_and_taken_back_by_keys(site: Site, page_of: PageOf) -> None:
    page = await page_of(Role.ADMIN)
    await page.goto("/admin/lines")
    row = page.get_by_role("grid", name="热线号码").locator("tbody tr").filter(has_text="12366")
    await row.focus()
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    modes = dialog.get_by_role("table", name="受理方式").locator("tbody tr")
    await see(modes).to_have_count(1)
    await see(modes).to_contain_text("设分中心")
    await see(modes).to_contain_text("清单导入")
    moment = in_days(site, 3)
    await dialog.get_by_label("改为").select_option("双号并行（本中心接听）")
    await dialog.get_by_label("本中心设专家座席").press("Space")
    await see(dialog).to_contain_text("先找专家座席")
    await dialog.get_by_label("生效时间").fill(moment)
    await check_page(page, "line-modes")
    await dialog.get_by_role("button", name="安排变更").press("Enter")
    await see(dialog.get_by_role("status")).to_contain_text("已安排")
    await see(modes).to_have_count(2)
    await see(modes.first).to_contain_text("待生效")
    await see(modes.first).to_contain_text(moment.replace("T", " "))
    await see(modes.first).to_contain_text("admin")
    await see(row).to_contain_text(moment.replace("T", " "))
    await check_page(page, "line-modes-planned")
    await modes.first.get_by_role("button", name=re.compile("^取消变更 ")).press("Enter")
    await see(modes).to_have_count(1)
    await see(dialog.get_by_role("listitem")).to_contain_text("admin 于")
    await see(row).not_to_contain_text(moment.replace("T", " "))
    await page.keyboard.press("Escape")
    await see(row).to_be_focused()


@pytest.mark.usefixtures("hotlines")
async def test_who_comes_second_keeps_what_was_filled_in(site: Site, page_of: PageOf, expect: Expect) -> None:
    page = await page_of(Role.ADMIN)
    expect(page, r"412 POST /api/directory/lines/12366/modes$")
    expect(page, r"409 POST /api/directory/lines/12366/modes$")
    await page.goto("/admin/lines")
    await page.get_by_role("button", name="变更 12366 的受理方式").click()
    dialog = page.get_by_role("dialog")
    modes = dialog.get_by_role("table", name="受理方式").locator("tbody tr")
    await see(modes).to_have_count(1)
    tomorrow = in_days(site, 1)
    services = site.services
    async with services.database.transaction() as session:
        now = services.clock.now()
        moment = (now.astimezone(ZONE) + timedelta(days=1)).replace(hour=8, minute=0, second=0, microsecond=0)
        line = await lines.get(session, "12366", "0398")
        options = {"expert_seats": False, "effective_from": moment, "actor": "second_admin", "now": now}
        await lines.change_mode(session, line, Mode.MERGED, Platform.OURS, **options)
    await dialog.get_by_label("改为").select_option("双号并行（自有平台接听）")
    await see(dialog).to_contain_text("还没有转接号码")
    await dialog.get_by_label("生效时间").fill(tomorrow)
    submit = dialog.get_by_role("button", name="安排变更")
    await submit.click()
    await see(dialog.get_by_role("alert")).to_contain_text("号码目录刚刚被别人改过")
    await see(modes).to_have_count(2)
    await see(modes.first).to_contain_text("second_admin")
    await submit.click()
    await see(dialog.get_by_role("alert")).to_contain_text("同一时刻已安排了另一次变更")
    await check_page(page, "line-modes-refused")
    await dialog.get_by_label("从下一通来电起").check()
    await submit.click()
    await see(dialog.get_by_role("status")).to_contain_text("从下一通来电起")
    await see(modes).to_have_count(3)
    async with services.database.transaction() as session:
        line = await lines.get(session, "12366", "0398")
        kept = [(one.mode, one.platform) for one in await repository.modes(session, line.id)]
    assert kept == [
        (Mode.BRANCH, Platform.OWN),
        (Mode.DUAL, Platform.OWN),
        (Mode.MERGED, Platform.OURS),
    ]


@pytest.mark.usefixtures("hotlines")
async def test_an_auditor_reads_modes_and_changes_none(page_of: PageOf) -> None:
    page = await page_of(Role.AUDITOR)
    await page.goto("/admin/lines")
    await page.get_by_role("button", name="查看 12366 的受理方式").click()
    dialog = page.get_by_role("dialog")
    await see(dialog.get_by_role("table", name="受理方式").locator("tbody tr")).to_have_count(1)
    await see(dialog.get_by_role("button", name="安排变更")).to_have_count(0)
    await check_page(page, "line-modes-read")


async def test_a_day_is_amended_after_a_look_at_what_it_moves(site: Site, page_of: PageOf) -> None:
    services, units = site.services, site.units
    await services.directory.refresh()
    async with httpx.AsyncClient(base_url=site.origin, timeout=PATIENT) as http:
        agent, dispatcher = [await Caller(http).as_(who) for who in ("agent", "dispatcher")]
        number = (await agent.post("/api/tickets", title="路灯不亮")).json()["number"]
        path = f"/api/tickets/{number}/actions"
        assert (await agent.post(path, action="accept", version=1)).status_code == 200
        sent = await dispatcher.post(path, action="dispatch", version=2, lead_unit=units.labour)
        assert sent.status_code == 200, sent.text
    async with services.database.transaction() as session:
        calendar = await repository.workdays(session)
    today = services.clock.now().astimezone(ZONE).date()
    # The first working day from tomorrow on: the ticket's return and its handling both count it.
    storm = calendar.due(today, 1).day
    page = await page_of(Role.ADMIN)
    await page.goto("/admin/calendar")
    if storm.year != today.year:
        await page.get_by_role("button", name="下一年").click()
    day = page.locator(f'[data-day="{storm}"]')
    await see(day).to_contain_text("上班")
    await day.click()
    side = page.get_by_role("form", name="所选日期")
    await side.get_by_label("休息").check()
    await see(side.get_by_role("status")).to_contain_text("1 件在办工单的期限会变：2 个顺延，0 个提前")
    await side.get_by_label("说明").fill("暴雪停工")
    await check_page(page, "calendar")
    await side.get_by_role("button", name="保存").press("Enter")
    await see(page.get_by_text(f"已保存：{storm} 休息")).to_be_visible()
    await see(day).to_contain_text("本市安排：暴雪停工")
    async with services.database.transaction() as session:
        assert (await repository.workdays(session)).is_workday(storm) is False
    await side.get_by_role("button", name="恢复国务院安排").click()
    await see(page.get_by_text(f"已恢复：{storm}")).to_be_visible()
    await see(day).not_to_contain_text("本市安排")
    await day.focus()
    await page.keyboard.press("ArrowDown")
    await see(page.locator(f'[data-day="{storm + timedelta(days=7)}"]')).to_be_focused()


async def test_a_day_that_somebody_else_amended_is_shown_as_it_is(site: Site, page_of: PageOf, expect: Expect) -> None:
    now = site.services.clock.now()
    page = await page_of(Role.ADMIN)
    expect(page, "412 (PUT|DELETE) /api/hours/workdays/")
    await page.goto("/admin/calendar")
    today = now.astimezone(ZONE).date()
    day = page.locator(f'[data-day="{today}"]')
    side = page.get_by_role("form", name="所选日期")
    await see(day).to_be_visible()
    async with site.services.database.transaction() as session:
        worked = (await repository.workdays(session)).is_workday(today)
        await special_days.lay_down(session, today, not worked, note="应急安排", now=now)
    other, own = ("休息", "上班") if worked else ("上班", "休息")
    await side.get_by_label(other).check()
    await side.get_by_label("说明").fill("防汛值守")
    await side.get_by_role("button", name="保存").press("Enter")
    await see(side.get_by_role("alert")).to_contain_text("别人刚刚改过")
    await see(side.get_by_text(f"现在是：{today}")).to_contain_text(f"{other}，本市安排：应急安排")
    await see(side.get_by_label("说明")).to_have_value("防汛值守")
    await check_page(page, "calendar-stale")
    await side.get_by_role("button", name="保存").press("Enter")
    await see(day).to_contain_text("本市安排：防汛值守")
    async with site.services.database.transaction() as session:
        await special_days.lay_down(session, today, bool(worked), note="照常", now=now)
    await side.get_by_role("button", name="恢复国务院安排").press("Enter")
    await see(side.get_by_text(f"现在是：{today}")).to_contain_text(f"{own}，本市安排：照常")


async def test_a_year_that_nobody_has_published_is_said_to_be_complete(site: Site, page_of: PageOf) -> None:
    page = await page_of(Role.ADMIN)
    await page.goto("/admin/calendar")
    async with site.services.database.transaction() as session:
        unknown = (await repository.workdays(session)).known_until.year + 1
    day = page.locator(f'[data-day="{unknown}-03-01"]')
    for _ in range(unknown - site.services.clock.now().astimezone(ZONE).year):
        await page.get_by_role("button", name="下一年").click()
    await see(day).to_contain_text("未定")
    await check_page(page, "calendar-unknown")
    await page.get_by_role("button", name="标明已录全").click()
    await page.get_by_role("dialog").get_by_role("button", name="确定").click()
    await see(page.get_by_text(f"{unknown} 年由本市录全")).to_be_visible()
    await see(day).not_to_contain_text("未定")


async def test_an_auditor_reads_the_calendar(page_of: PageOf) -> None:
    page = await page_of(Role.AUDITOR)
    await page.goto("/admin/calendar")
    await see(page.get_by_role("form", name="所选日期")).to_contain_text("星期")
    await see(page.locator("[data-day]").first).to_be_visible()
    await see(page.get_by_role("button", name="保存")).to_have_count(0)
    await check_page(page, "calendar-read")
