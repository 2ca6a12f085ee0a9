"""办件规则 in a real browser: a version is laid down, seen, taken back; what refuses it; who may only read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Locator, Page, Route
from playwright.async_api import expect as see

from directory.models import Role
from tests.pages.accessibility import check_page
from tests.pages.conftest import PageOf, Site
from ticketing import clocks, policy_versions
from ticketing.catalogue.tables import CategoryRow
from ticketing.policy import LocalGround, PolicyVersion, TicketPolicy
from ticketing.vocabulary import RefusalGround, Satisfaction

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

Expect = Callable[[Page, str], None]
ZONE = ZoneInfo("Asia/Shanghai")


def in_days(site: Site, days: int) -> date:
    return site.services.clock.now().astimezone(ZONE).date() + timedelta(days=days)


async def lay_down(site: Site, policy: TicketPolicy, days: int) -> int:
    """Somebody else does."""
    async with site.services.database.transaction() as session:
        row = await policy_versions.lay_down(
            session,
            policy,
            in_days(site, days),
            "试行",
            rests_on=await policy_versions.edition(session),
            by="second_admin",
            today=in_days(site, 0),
            at=site.services.clock.now(),
        )
        return row.number


async def version(site: Site, number: int) -> PolicyVersion:
    async with site.services.database.transaction() as session:
        return (await clocks.policies(session)).numbered(number)


def versions(page: Page) -> Locator:
    return page.get_by_role("grid", name="办件规则的版本").locator("tbody tr")


async def tab_to(page: Page, wanted: Locator) -> None:
    """With the keyboard alone."""
    for _ in range(80):
        if await wanted.evaluate("(element) => element === document.activeElement"):
            return
        await page.keyboard.press("Tab")
    pytest.fail(f"the Tab key does not come to {wanted}")


async def test_a_version_is_laid_down_and_taken_back(site: Site, page_of: PageOf) -> None:
    async with site.services.database.transaction() as session:
        session.add(CategoryRow(code="09", parent_code=None, name="城管", active=True))
        await session.flush()
        session.add(CategoryRow(code="0902", parent_code="09", name="占道经营", active=True))
    page = await page_of(Role.ADMIN)
    await page.goto("/admin/policies")
    await see(versions(page)).to_have_count(1)
    await see(versions(page)).to_contain_text("执行中")
    await page.get_by_role("button", name="制定新版").press("Enter")
    form = page.get_by_role("form", name="新版办件规则")
    await see(form.get_by_label("一般事项办结", exact=True)).to_have_value("5")
    shown = await form.locator("[data-rule]").evaluate_all("(all) => all.map((one) => one.dataset.rule)")
    assert sorted(shown) == sorted(TicketPolicy.model_fields)
    await check_page(page, "policies-new")

    # What is wrong is said where it is, in words of its own.
    await form.get_by_label("一般事项办结", exact=True).fill("0")
    await form.get_by_label("最多延期", exact=True).fill("0")
    for level in ("非常满意", "满意", "基本满意"):
        await form.get_by_role("group", name="计为满意的评价").get_by_label(level, exact=True).uncheck()
    await form.get_by_label("诉求人姓名和号码", exact=True).fill("365")
    await form.get_by_role("button", name="新增情形").click()
    await form.get_by_role("button", name="核对并制定").click()
    await see(form.get_by_label("施行日")).to_be_focused()
    for words in ("请选择施行日", "请填 1 至 90 的整数", "不能大于 1", "至少选 1 项", "保存不能长于它们", "请填写情形"):
        await see(form.get_by_text(words)).to_be_visible()
    await see(form.get_by_role("status")).to_contain_text("需要修改")
    await check_page(page, "policies-new-wrong")
    await form.get_by_role("button", name="恢复 最多延期").click()
    await see(form.get_by_label("最多延期", exact=True)).to_be_focused()
    await see(form.get_by_label("最多延期", exact=True)).to_have_value("2")
    await form.get_by_role("button", name="恢复 计为满意的评价").click()
    await form.get_by_role("group", name="计为满意的评价").get_by_label("基本满意").uncheck()
    await form.get_by_label("含诉求人信息的归档件", exact=True).fill("365")
    await form.get_by_label("一般事项办结", exact=True).fill("3")
    ground = form.get_by_role("group", name="情形 1")
    await ground.get_by_label("情形（必填）").fill("涉诉")
    await ground.get_by_label("归入").select_option("应当通过诉讼、仲裁、复议等程序解决或已进入信访渠道")
    await ground.get_by_label("依据").fill("市规定第三条")
    await form.get_by_label("选择即时转办的行政执法分类").select_option("城管 / 占道经营")
    await form.get_by_role("button", name="加入").click()
    await see(form.get_by_role("button", name="去掉 城管 / 占道经营")).to_be_visible()
    first_day = in_days(site, 3)
    await form.get_by_label("施行日").fill(in_days(site, 0).isoformat())
    await see(form.get_by_text(f"最早 {in_days(site, 1)}")).to_have_class("wrong")
    await form.get_by_label("施行日").fill(first_day.isoformat())
    await form.get_by_label("说明").fill("市政府令")
    await see(form.get_by_text("已改 6 项")).to_be_visible()

    await form.get_by_role("button", name="核对并制定").press("Enter")
    dialog = page.get_by_role("dialog")
    changes = dialog.get_by_role("table", name="改动").locator("tbody tr")
    await see(changes).to_have_count(6)
    await see(changes.first).to_have_text("一般事项办结5 工作日3 工作日")
    await see(dialog.get_by_text("不能恢复")).to_be_visible()
    await check_page(page, "policies-summary")
    await page.keyboard.press("Escape")
    await see(form.get_by_role("button", name="核对并制定")).to_be_focused()
    await page.keyboard.press("Enter")
    await dialog.get_by_role("button", name="确认制定").click()
    await see(page.get_by_role("status").filter(has_text="已制定第 1 版")).to_be_visible()
    kept = await version(site, 1)
    assert (kept.first_day, kept.withdrawn) == (first_day, False)
    assert kept.policy == TicketPolicy(
        general_days=3,
        caller_days=365,
        complete_file_days=365,
        satisfied=frozenset({Satisfaction.VERY_SATISFIED, Satisfaction.SATISFIED}),
        pass_on_categories=frozenset({"0902"}),
        refusal_grounds=(
            LocalGround(code="local_1", term="涉诉", under=RefusalGround.OTHER_PROCEDURE, basis="市规定第三条"),
        ),
    )

    row = versions(page).filter(has_text="第 1 版")
    await see(row).to_contain_text(f"待施行{first_day}市政府令")
    await row.focus()
    await page.keyboard.press("Enter")
    await see(dialog.get_by_text("较初始规则改动 6 项")).to_be_visible()
    await see(dialog.get_by_role("row").filter(has_text="一般事项办结")).to_contain_text("原为：5 工作日")
    await see(dialog.get_by_role("row").filter(has_text="即时转办的行政执法分类")).to_contain_text("城管 / 占道经营")
    await check_page(page, "policies-version")
    await tab_to(page, dialog.get_by_role("button", name="收回这一版"))
    await page.keyboard.press("Enter")
    await see(dialog.get_by_role("button", name="取消")).to_be_focused()
    await check_page(page, "policies-take-back")
    await dialog.get_by_role("button", name="收回", exact=True).press("Enter")
    await see(page.get_by_role("status").filter(has_text="已收回第 1 版")).to_be_visible()
    await see(row).to_contain_text("已收回")
    assert (await version(site, 1)).withdrawn
    await page.get_by_role("link", name="第 1 版的修改记录").click()
    entries = page.get_by_role("grid", name="审计记录").locator("tbody tr")
    await see(entries).to_have_count(2)
    await see(entries.filter(has_text="办件规则：撤回")).to_have_count(1)


async def test_what_somebody_else_has_laid_down_meanwhile_is_said_and_nothing_filled_in_is_lost(
    site: Site, page_of: PageOf, expect: Expect
) -> None:
    page = await page_of(Role.ADMIN)
    await page.goto("/admin/policies/new")
    form = page.get_by_role("form", name="新版办件规则")
    await form.get_by_label("施行日").fill(in_days(site, 2).isoformat())
    await form.get_by_role("button", name="核对并制定").click()
    await see(form.get_by_role("status")).to_contain_text("还没有改动")
    await form.get_by_label("紧急事项办结", exact=True).fill("6")
    expect(page, "412 POST /api/ticket-policies$")
    assert await lay_down(site, TicketPolicy(general_days=4, urgent_hours=8), 2) == 1
    await form.get_by_role("button", name="核对并制定").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="确认制定").click()
    await see(dialog.get_by_role("alert")).to_contain_text("别人刚刚制定或收回了一版")
    # The other one's days are taken over, the hours filled in here stand against theirs; the day is to be a later one.
    changes = dialog.get_by_role("table", name="改动").locator("tbody tr")
    await see(changes).to_have_text(["紧急事项办结8 小时6 小时"])
    await see(dialog.get_by_text(f"施行日最早 {in_days(site, 3)}")).to_be_visible()
    await see(dialog.get_by_role("button", name="确认制定")).to_be_disabled()
    await check_page(page, "policies-stale")
    await dialog.get_by_role("button", name="返回修改").click()
    await see(form.get_by_label("一般事项办结", exact=True)).to_have_value("4")
    await form.get_by_label("施行日").fill(in_days(site, 3).isoformat())
    await form.get_by_role("button", name="核对并制定").click()
    await see(dialog.get_by_role("alert")).to_have_count(0)
    await dialog.get_by_role("button", name="确认制定").click()
    await see(page.get_by_role("status").filter(has_text="已制定第 2 版")).to_be_visible()
    assert (await version(site, 2)).policy == TicketPolicy(general_days=4, urgent_hours=6)

    # Taking back the first: the second goes on, and somebody else was quicker once more.
    row = versions(page).filter(has_text="第 1 版")
    await row.click()
    await dialog.get_by_role("button", name="收回这一版").click()
    await see(dialog.get_by_text(f"第 2 版（{in_days(site, 3)}）仍会施行")).to_be_visible()
    expect(page, "412 DELETE /api/ticket-policies/1$")
    await lay_down(site, TicketPolicy(general_days=6), 9)
    await dialog.get_by_role("button", name="收回", exact=True).click()
    await see(dialog.get_by_role("alert")).to_contain_text("别人刚刚制定或收回了一版")
    await see(dialog.get_by_text(f"第 3 版（{in_days(site, 9)}）仍会施行")).to_be_visible()
    await check_page(page, "policies-take-back-stale")
    await dialog.get_by_role("button", name="收回", exact=True).click()
    await see(row).to_contain_text("已收回")
    await see(versions(page)).to_have_count(4)
    assert [(await version(site, number)).withdrawn for number in (1, 2, 3)] == [True, False, False]


async def test_a_dispatcher_reads_the_rules_and_changes_none(site: Site, page_of: PageOf, expect: Expect) -> None:
    await lay_down(site, TicketPolicy(general_days=4), 2)
    page = await page_of(Role.DISPATCHER)
    expect(page, "500 GET /api/ticket-policies$")

    async def broken(route: Route) -> None:
        await route.fulfill(status=500, json={"code": "hotline.error"})

    await page.route("**/api/ticket-policies", broken)
    await page.goto("/admin/policies")
    await see(page.get_by_role("alert")).to_contain_text("系统内部出错")
    await check_page(page, "policies-unread")
    await page.unroute("**/api/ticket-policies")
    await page.get_by_role("button", name="重试").click()
    await see(versions(page)).to_have_count(2)
    await see(page.get_by_role("button", name="制定新版")).to_have_count(0)
    await versions(page).filter(has_text="第 1 版").focus()
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    await see(dialog.get_by_text("较初始规则改动 1 项")).to_be_visible()
    await see(dialog.get_by_role("button", name="收回这一版")).to_have_count(0)
    await page.keyboard.press("Escape")
    await page.goto("/admin/policies/new")
    await see(page.get_by_role("heading", level=1, name="无权查看")).to_be_visible()
