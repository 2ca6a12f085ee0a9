"""Administration of people and of distribution: staff, skills, queues, teams and rosters, in a real browser; what is
kept is looked for behind the interface, axe over every dialog."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.async_api import Locator, Page
from playwright.async_api import expect as see

from directory import audit, staff
from directory.models import Role
from directory.staff import Member
from tests.pages.accessibility import check_page
from tests.pages.conftest import PageOf, Site

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

Expect = Callable[[Page, str], None]


async def known(site: Site, login: str) -> Member:
    async with site.services.database.transaction() as session:
        return await staff.member(session, login, now=site.services.clock.now())


async def actions(site: Site) -> list[str]:
    async with site.services.database.transaction() as session:
        return [f"{row.action} {row.subject}" for row in reversed(list(await audit.entries(session)))]


def row_of(page: Page, grid: str, text: str) -> Locator:
    return page.get_by_role("grid", name=grid).locator("tbody tr").filter(has_text=text)


async def test_somebody_is_entered_and_chooses_a_password_of_their_own(
    site: Site, page_of: PageOf, new_page: PageOf, expect: Expect
) -> None:
    page = await page_of(Role.ADMIN)
    await page.goto("/admin/staff")
    await see(row_of(page, "人员", "dispatcher")).to_be_visible()
    await page.get_by_role("button", name="新增人员").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("登录名").fill("agent")
    await dialog.get_by_label("姓名").fill("李娜")
    await see(dialog.get_by_role("button", name="保存")).to_be_disabled()
    await dialog.get_by_label("话务员").check()
    await dialog.get_by_label("工号").fill("1088")
    await dialog.get_by_label("常用分机").fill("8088")
    first = await dialog.get_by_label("初始密码").input_value()
    assert len(first) == 12
    await check_page(page, "staff-new")
    expect(page, r"409 POST /api/staff$")
    await dialog.get_by_role("button", name="保存").click()
    await see(dialog.get_by_role("alert")).to_contain_text("这个登录名已有人使用")
    await dialog.get_by_label("登录名").fill("li.na")
    await dialog.get_by_role("button", name="保存").click()
    await see(page.get_by_role("status").filter(has_text="已保存 李娜")).to_be_visible()
    await see(row_of(page, "人员", "李娜")).to_contain_text("待改初始密码")

    theirs = await new_page()
    await theirs.goto("/account")
    await theirs.get_by_label("用户名").fill("li.na")
    await theirs.get_by_label("密码", exact=True).fill(first)
    await theirs.keyboard.press("Enter")
    await see(theirs.get_by_role("heading", level=1, name="设置自己的密码")).to_be_visible()
    await see(theirs.get_by_label("当前密码")).to_be_focused()
    await check_page(theirs, "first-password")
    await theirs.goto("/account")
    await see(theirs.get_by_role("heading", level=1, name="设置自己的密码")).to_be_visible()
    await theirs.get_by_label("当前密码").fill(first)
    for field in ("新密码", "再次输入新密码"):
        await theirs.get_by_label(field, exact=True).fill("my-own-choice")
    await theirs.keyboard.press("Enter")
    await see(theirs.get_by_role("heading", level=1, name="我的账号")).to_be_visible()
    await page.reload()
    await see(row_of(page, "人员", "李娜")).to_contain_text("正常")
    assert await actions(site) == [
        "second_step.confirmed user:admin",
        "staff.entered user:li.na",
        "password.changed user:li.na",
    ]


async def test_rights_are_changed_somebody_is_disabled_and_let_in_again(
    site: Site, page_of: PageOf, expect: Expect
) -> None:
    page, theirs = await page_of(Role.ADMIN), await page_of(Role.DISPATCHER)
    await theirs.goto("/account")
    await page.goto("/admin/staff")
    row = row_of(page, "人员", "dispatcher")
    await row.focus()
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("单位承办人").check()
    await dialog.get_by_label("单位（必填）").select_option("市城管局")
    await check_page(page, "staff-change")
    await dialog.get_by_role("button", name="保存").click()
    await see(row).to_contain_text("派单员、单位承办人")
    await see(row).to_contain_text("市城管局")
    expect(theirs, "^401 ")
    await theirs.reload()
    await see(theirs.get_by_role("heading", level=1, name="登录")).to_be_visible()

    await row.get_by_role("button", name="停用").click()
    await check_page(page, "staff-disable")
    await dialog.get_by_role("button", name="停用").click()
    await see(row).to_have_count(0)
    assert (await known(site, "dispatcher")).person.disabled
    await page.get_by_label("含已停用").check()
    await see(row).to_contain_text("已停用")
    await row.get_by_role("button", name="启用").click()
    await see(row).to_contain_text("正常")

    await row.get_by_role("button", name="设初始密码").click()
    await dialog.get_by_label("初始密码").fill("short")
    await dialog.get_by_role("button", name="随机生成").click()
    await check_page(page, "staff-password")
    await dialog.get_by_role("button", name="设置").click()
    await see(row).to_contain_text("待改初始密码")
    changed = await known(site, "dispatcher")
    assert changed.person.roles == {Role.DISPATCHER, Role.UNIT_HANDLER}
    assert changed.person.unit_id == site.units.urban

    expect(page, "409 POST /api/staff/admin/disable")
    other = row_of(page, "人员", "second_admin")
    await other.get_by_role("button", name="停用").click()
    await dialog.get_by_role("button", name="停用").click()
    await see(other).to_contain_text("已停用")
    await page.get_by_role("button", name="停用 ADMIN", exact=True).click()
    await dialog.get_by_role("button", name="停用").click()
    await see(dialog.get_by_role("alert")).to_contain_text("最后一位能登录的管理员")
    assert not (await known(site, "admin")).person.disabled


async def test_an_auditor_reads_and_changes_nothing(page_of: PageOf) -> None:
    page = await page_of(Role.AUDITOR)
    await page.goto("/admin/staff")
    await see(row_of(page, "人员", "dispatcher")).to_be_visible()
    await see(page.get_by_role("button", name="新增人员")).to_have_count(0)
    await page.get_by_label("查找").fill("无此人")
    await see(page.get_by_text("没有符合的人员")).to_be_visible()


async def test_a_supervisor_sets_levels_and_an_administrator_the_groups(
    site: Site, page_of: PageOf, expect: Expect
) -> None:
    await site.services.directory.refresh()
    page = await page_of(Role.ADMIN)
    await page.goto("/admin/skills")
    await page.get_by_role("button", name="新增技能组").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("代码").fill("dialect-henan")
    await dialog.get_by_label("名称").fill("河南话")
    await check_page(page, "skills-group")
    await dialog.get_by_role("button", name="保存").click()
    await see(row_of(page, "技能组", "河南话")).to_contain_text("自行设置")

    floor = await page_of(Role.SUPERVISOR)
    await floor.goto("/admin/skills")
    await see(floor.get_by_role("button", name="新增技能组")).to_have_count(0)
    row = row_of(floor, "座席的技能", "1001")
    await see(row).to_contain_text("综合 1 级")
    await row.focus()
    await floor.keyboard.press("Enter")
    levels = floor.get_by_role("dialog")
    await levels.get_by_label("河南话").select_option("9 级")
    await levels.get_by_label("综合").select_option("3 级")
    await check_page(floor, "skills-levels")
    await levels.get_by_role("button", name="保存").click()
    await see(row).to_contain_text("河南话 9 级、综合 3 级")
    agent = (await known(site, "agent")).person.agent
    assert agent is not None
    assert agent.groups == {"general": 3, "dialect-henan": 9}

    expect(page, "409 DELETE /api/skills/dialect-henan")
    await row_of(page, "技能组", "河南话").get_by_role("button", name="删除").click()
    await dialog.get_by_role("button", name="删除", exact=True).click()
    await see(dialog.get_by_role("alert")).to_contain_text("还在使用")
    told = ["skill_group.saved skill_group:dialect-henan", "agent.levels agent:1001"]
    assert [one for one in await actions(site) if one in told] == told
