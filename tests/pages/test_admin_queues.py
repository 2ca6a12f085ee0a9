"""Queues (队列) and teams (班组) in a real browser: laid down by administrators, read by others; what is kept is looked
for behind the interface, axe over every dialog."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.async_api import Locator, Page
from playwright.async_api import expect as see

from acd import opening, queue_store
from acd.opening import StoredOpening
from acd.queue_store import StoredRule
from acd.queues import Overflow, OverflowAction, QueueRule
from directory import audit, lines, teams
from directory.hours import weekdays
from directory.models import Role
from tests.pages.accessibility import check_page
from tests.pages.conftest import PageOf, Site

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

Expect = Callable[[Page, str], None]


def row_of(page: Page, grid: str, text: str) -> Locator:
    return page.get_by_role("grid", name=grid).locator("tbody tr").filter(has_text=text)


async def choose(field: Locator, text: str) -> None:
    """With the arrows, from the first option on."""
    await field.press("Home")
    for _ in range(await field.locator("option").count()):
        if await field.locator("option:checked").inner_text() == text:
            return
        await field.press("ArrowDown")
    raise AssertionError(f"no arrow leads to {text}")


async def rules(site: Site) -> dict[str, StoredRule]:
    async with site.services.database.transaction() as session:
        return await queue_store.stored_rules(session, ())


async def rule_of(site: Site, queue: str) -> QueueRule:
    return (await rules(site))[queue].rule


async def opening_of(site: Site, queue: str) -> StoredOpening | None:
    async with site.services.database.transaction() as session:
        return (await opening.stored_openings(session)).get(queue)


async def changed(site: Site, subject: str) -> list[str]:
    async with site.services.database.transaction() as session:
        rows = reversed(list(await audit.entries(session)))
        return [row.action for row in rows if row.subject == subject]


async def lay_down(site: Site, queue: str, *, version: int = 0, **changes: object) -> None:
    """What somebody else makes of a queue meanwhile."""
    now = site.services.clock.now()
    known = await rules(site)
    fields = {name: getattr(known["general"].rule, name) for name in QueueRule.__dataclass_fields__}
    rule = QueueRule(**{**fields, "queue": queue, "name": queue, **changes})
    async with site.services.database.transaction() as session:
        await queue_store.save_rule(session, rule, version=version, known=known.keys(), now=now)


async def test_a_queue_of_two_steps_is_made_with_the_keyboard_alone(site: Site, page_of: PageOf) -> None:
    page = await page_of(Role.ADMIN)
    await page.goto("/admin/queues")
    await see(row_of(page, "队列", "夜间")).to_contain_text("先找夜间；满 15 秒起找夜间或综合")
    await page.get_by_role("button", name="新增队列").press("Enter")
    dialog = page.get_by_role("dialog")
    await see(dialog.get_by_label("代码")).to_be_focused()
    await page.keyboard.type("general")
    await see(dialog.get_by_text("已有这个代码的队列")).to_be_visible()
    await page.keyboard.press("Control+a")
    await page.keyboard.type("legal")
    await page.keyboard.press("Tab")
    await page.keyboard.type("法律")
    await page.keyboard.press("Tab")
    first = dialog.get_by_label("第 1 步第 1 种座席：技能组 1", exact=True)
    await see(first).to_be_focused()
    await choose(first, "企业服务")
    await choose(dialog.get_by_label("第 1 步第 1 种座席：技能组 1 的级别"), "4 级以上")
    await dialog.get_by_role("button", name="再等一会还没人接时").press("Enter")
    group = dialog.get_by_label("第 2 步第 1 种座席：技能组 1", exact=True)
    await see(group).to_be_focused()
    await choose(group, "夜间")
    await dialog.get_by_role("button", name="第 2 步第 1 种座席还要会").press("Enter")
    group = dialog.get_by_label("第 2 步第 1 种座席：技能组 2", exact=True)
    await see(group).to_be_focused()
    await choose(group, "夜间")
    await see(dialog.get_by_text("一个技能组只能选一次")).to_be_visible()
    await dialog.get_by_role("button", name="保存").press("Enter")
    after = dialog.get_by_label("第 2 步从等满多久起（必填）")
    await see(after).to_be_focused()
    await check_page(page, "queues-wrong")
    await page.keyboard.press("Control+a")
    await page.keyboard.type("1.5")
    await page.keyboard.press("Tab")
    await choose(dialog.get_by_label("第 2 步从等满多久起的单位"), "分钟")
    await choose(group, "企业服务")
    await dialog.get_by_role("button", name="第 2 步或者找另一种座席").press("Enter")
    group = dialog.get_by_label("第 2 步第 2 种座席：技能组 1", exact=True)
    await see(group).to_be_focused()
    await choose(group, "综合")
    await dialog.get_by_label("最多等候人数").focus()
    await page.keyboard.type("20")
    await choose(dialog.get_by_label("人数满时", exact=True), "转到另一个队列，位置不变")
    await choose(dialog.get_by_label("人数满时转到"), "综合")
    await check_page(page, "queues-new")
    await dialog.get_by_label("最多等候人数").press("Enter")
    await see(page.get_by_role("status").filter(has_text="已保存队列 法律")).to_be_visible()
    await see(page.get_by_role("button", name="新增队列")).to_be_focused()
    row = row_of(page, "队列", "法律")
    await see(row).to_contain_text("先找企业服务（4 级以上）；满 1 分 30 秒起找企业服务且夜间或综合")
    await see(row).to_contain_text("0 人")
    rule = await rule_of(site, "legal")
    assert [(step.after_ms, [str(need) for need in step.needs]) for step in rule.steps] == [
        (0, ["enterprise:4"]),
        (90_000, ["enterprise+night", "general"]),
    ]
    assert (rule.max_waiting, rule.when_full) == (20, Overflow(OverflowAction.QUEUE, "general"))
    assert (rule.max_wait_ms, rule.wrap_up_ms, rule.service_level_ms) == (None, 30_000, 20_000)
    assert await changed(site, "queue:legal") == ["queue.saved"]


async def test_what_is_filled_in_outlives_somebody_elses_change(site: Site, page_of: PageOf, expect: Expect) -> None:
    page = await page_of(Role.ADMIN)
    await page.goto("/admin/queues")
    await row_of(page, "队列", "夜间").focus()
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("话后整理（必填）").fill("6")
    await dialog.get_by_label("话后整理的单位").select_option("分钟")
    await dialog.get_by_role("button", name="保存").click()
    await see(dialog.get_by_label("话后整理最长（必填）")).to_be_focused()
    await see(dialog.get_by_text("不能短于上面的话后整理时间")).to_be_visible()
    await dialog.get_by_label("话后整理（必填）").fill("2")
    await dialog.get_by_role("button", name="删除第 2 步").click()
    await see(dialog.get_by_label("第 1 步第 1 种座席：技能组 1", exact=True)).to_be_focused()

    await lay_down(site, "night", name="夜班", affinity_ms=0)
    expect(page, "409 PUT /api/queues/night$")
    await dialog.get_by_role("button", name="保存").click()
    await see(dialog.get_by_role("alert")).to_contain_text("别人刚刚修改了这个队列")
    theirs = dialog.get_by_role("list").filter(has_text="名称：夜间 → 夜班")
    await see(theirs).to_contain_text("先等熟悉的座席：10 秒 → 0 秒")
    await see(dialog.get_by_label("话后整理（必填）")).to_have_value("2")
    await check_page(page, "queues-stale")
    await dialog.get_by_label("先等熟悉的座席（必填）").fill("0")
    await dialog.get_by_role("button", name="保存").click()
    await see(page.get_by_role("status").filter(has_text="已保存队列 夜间")).to_be_visible()
    rule = await rule_of(site, "night")
    assert (rule.name, rule.wrap_up_ms, rule.affinity_ms, len(rule.steps)) == ("夜间", 120_000, 0, 1)

    expect(page, "409 DELETE /api/queues/night[?]version=2$")
    await lay_down(site, "night", name="夜班", version=2)
    await page.get_by_role("button", name="恢复默认：夜间").click()
    await dialog.get_by_role("button", name="恢复默认").click()
    await see(dialog.get_by_role("alert")).to_contain_text("别人刚刚修改了这个队列")
    await see(dialog.get_by_role("heading", name="恢复默认：夜班")).to_be_visible()
    await check_page(page, "queues-remove-stale")
    await dialog.get_by_role("button", name="恢复默认").click()
    await see(row_of(page, "队列", "夜间")).to_contain_text("系统默认")
    assert (await rules(site))["night"].version == 0
    await see(page.get_by_role("button", name="恢复默认：夜间")).to_have_count(0)


async def test_a_queue_others_lead_into_stays(site: Site, page_of: PageOf, expect: Expect) -> None:
    await lay_down(site, "legal", name="法律")
    await lay_down(site, "night", name="夜间", when_late=Overflow(OverflowAction.QUEUE, "legal"))
    page = await page_of(Role.ADMIN)
    await page.goto("/admin/queues")
    await page.get_by_role("button", name="删除：法律").click()
    dialog = page.get_by_role("dialog")
    await see(dialog).to_contain_text("夜间（等候超时）")
    expect(page, "409 DELETE /api/queues/legal")
    await dialog.get_by_role("button", name="删除", exact=True).click()
    await see(dialog.get_by_role("alert")).to_contain_text("还有别的队列把来电转到这里")
    await check_page(page, "queues-in-use")
    await dialog.get_by_role("button", name="取消").click()
    assert "legal" in await rules(site)

    await page.get_by_role("button", name="修改队列 夜间").click()
    await see(dialog.get_by_label("等候超时转到")).to_have_value("legal")
    await dialog.get_by_label("等候超时", exact=True).select_option("告知市民后继续等候")
    await dialog.get_by_role("button", name="保存").click()
    await see(page.get_by_role("status").filter(has_text="已保存队列 夜间")).to_be_visible()
    await page.get_by_role("button", name="删除：法律").click()
    await dialog.get_by_role("button", name="删除", exact=True).click()
    await see(page.get_by_role("status").filter(has_text="已删除队列 法律")).to_be_visible()
    await see(row_of(page, "队列", "法律")).to_have_count(0)
    assert "legal" not in await rules(site)


async def test_a_queue_closes_and_another_takes_its_calls(site: Site, page_of: PageOf, expect: Expect) -> None:
    now = site.services.clock.now()
    async with site.services.database.transaction() as session:
        await lines.define_schedule(session, "白班", weekdays("00:00", "24:00", "Asia/Shanghai"), now=now)
        await lines.define_schedule(session, "从不", weekdays("00:00", "00:01", "Asia/Shanghai"), now=now)
    page = await page_of(Role.ADMIN)
    await page.goto("/admin/queues")
    row = row_of(page, "队列", "general")
    await see(row).to_contain_text("全天")
    await page.get_by_role("button", name="综合的开放时间").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("开放时间").select_option("白班")
    await see(dialog.get_by_text("周一至周五 全天")).to_be_visible()
    await dialog.get_by_label("其余时间的来电").select_option("转到夜间")
    await check_page(page, "queues-opening")

    async with site.services.database.transaction() as session:
        await opening.save_opening(session, "general", "从不", "", version=0, known={"general"}, now=now)
    expect(page, "409 PUT /api/queues/general/opening")
    await dialog.get_by_role("button", name="保存").click()
    await see(dialog.get_by_role("alert")).to_contain_text("别人刚刚修改了这个队列")
    await see(dialog.get_by_text("全天 → 从不；其余时间在本队列等候")).to_be_visible()
    await check_page(page, "queues-opening-stale")
    await dialog.get_by_role("button", name="保存").click()
    await see(row).to_contain_text("白班；其余时间转到夜间")
    await check_page(page, "queues-list")
    assert await opening_of(site, "general") == StoredOpening("白班", "night", 2)

    await page.get_by_role("button", name="综合的开放时间").click()
    await dialog.get_by_label("开放时间").select_option("全天")
    await dialog.get_by_role("button", name="保存").click()
    await see(page.get_by_role("status").filter(has_text="已保存 综合 的开放时间")).to_be_visible()
    assert await opening_of(site, "general") is None
    told = ["queue.opening_saved", "queue.opening_removed"]
    assert await changed(site, "queue:general") == told
    await page.get_by_role("link", name="综合的修改记录").click()
    await see(page.get_by_role("grid", name="审计记录").locator("tbody tr")).to_have_count(2)


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.SUPERVISOR])
async def test_others_read_queues_and_change_none(role: Role, site: Site, page_of: PageOf) -> None:
    await lay_down(site, "legal", name="法律", max_wait_ms=90_000)
    page = await page_of(role)
    await page.goto("/admin/queues")
    row = row_of(page, "队列", "法律")
    await see(row).to_contain_text("自行设置")
    for name in ("新增队列", "修改队列", "开放时间", "删除"):
        await see(page.get_by_role("button", name=name)).to_have_count(0)
    await row.focus()
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    await see(dialog.get_by_text("1 分 30 秒")).to_be_visible()
    await check_page(page, f"queues-read-{role}")
    await see(dialog.get_by_role("button", name="保存")).to_have_count(0)
    await page.keyboard.press("Escape")
    await see(dialog).to_have_count(0)
    await page.get_by_label("查找").fill("没有")
    await see(page.get_by_text("没有符合的队列")).to_be_visible()


async def team_of(site: Site, team: str) -> tuple[str, tuple[str, ...], tuple[str, ...]] | None:
    async with site.services.database.transaction() as session:
        found = {one.team: one for one in await teams.teams(session)}
    return (found[team].name, found[team].agents, found[team].supervisors) if team in found else None


async def enter_team(site: Site, team: str, name: str, *agents: str) -> None:
    """What somebody else makes of a team."""
    async with site.services.database.transaction() as session:
        await teams.save_team(session, team, name, agents, [])


async def test_a_team_is_made_with_the_keyboard_and_says_who_leaves_another(site: Site, page_of: PageOf) -> None:
    await enter_team(site, "two", "综合二班", "1001", "1002")
    page = await page_of(Role.ADMIN)
    await page.goto("/admin/teams")
    await see(row_of(page, "班组", "综合二班")).to_contain_text("1001 AGENT、1002 二号")
    await page.get_by_role("button", name="新增班组").press("Enter")
    dialog = page.get_by_role("dialog")
    await see(dialog.get_by_label("代码")).to_be_focused()
    await page.keyboard.type("two")
    await see(dialog.get_by_text("已有这个代码的班组")).to_be_visible()
    await page.keyboard.press("Control+a")
    await page.keyboard.type("one")
    await page.keyboard.press("Tab")
    await page.keyboard.type("综合一班")
    members = dialog.get_by_role("group", name="组员", exact=True)
    await members.get_by_label("查找").focus()
    await page.keyboard.type("二号")
    await see(members.get_by_role("checkbox")).to_have_count(1)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Space")
    await see(members).to_contain_text("已选 1 人：1002 二号")
    await see(dialog.get_by_text("将从综合二班移出：1002 二号")).to_be_visible()
    await members.get_by_label("查找").fill("")
    await members.get_by_label("2001 EXPERT").press("Space")
    await dialog.get_by_label("SUPERVISOR（supervisor）").press("Space")
    await check_page(page, "teams-new")
    await dialog.get_by_label("名称").press("Enter")
    await see(page.get_by_role("status").filter(has_text="已保存班组 综合一班")).to_be_visible()
    await see(row_of(page, "班组", "综合一班")).to_contain_text("SUPERVISOR（supervisor）")
    await see(row_of(page, "班组", "综合二班")).not_to_contain_text("1002")
    await check_page(page, "teams-list")
    assert await team_of(site, "one") == ("综合一班", ("1002", "2001"), ("supervisor",))
    assert await team_of(site, "two") == ("综合二班", ("1001",), ())
    assert await changed(site, "team:one") == ["team.saved"]


async def test_a_team_changed_meanwhile_keeps_what_is_filled_in(site: Site, page_of: PageOf, expect: Expect) -> None:
    await enter_team(site, "one", "综合一班", "1001")
    await enter_team(site, "two", "综合二班")
    page = await page_of(Role.ADMIN)
    await page.goto("/admin/teams")
    await row_of(page, "班组", "综合一班").focus()
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    await see(dialog.get_by_label("1001 AGENT")).to_be_checked()
    await dialog.get_by_label("2001 EXPERT").check()
    await dialog.get_by_label("名称").fill("综合二班")
    expect(page, "409 PUT /api/teams/one$")
    await dialog.get_by_role("button", name="保存").click()
    await see(dialog.get_by_role("alert")).to_contain_text("已有同名的班组")
    await check_page(page, "teams-name-taken")

    # Somebody else moves the agent: that changes both teams.
    await enter_team(site, "two", "综合二班", "1001")
    await dialog.get_by_label("名称").fill("甲班")
    await dialog.get_by_role("button", name="保存").click()
    await see(dialog.get_by_role("alert")).to_contain_text("别人刚刚修改了这个班组")
    await see(dialog.get_by_text("移出组员：1001 AGENT")).to_be_visible()
    await see(dialog.get_by_text("将从综合二班移出：1001 AGENT")).to_be_visible()
    await see(dialog.get_by_label("名称")).to_have_value("甲班")
    await check_page(page, "teams-stale")
    await dialog.get_by_label("1001 AGENT").uncheck()
    await dialog.get_by_role("button", name="保存").click()
    await see(page.get_by_role("status").filter(has_text="已保存班组 甲班")).to_be_visible()
    assert await team_of(site, "one") == ("甲班", ("2001",), ())
    assert await team_of(site, "two") == ("综合二班", ("1001",), ())

    await page.get_by_role("button", name="删除班组 甲班").click()
    await see(dialog).to_contain_text("1 名组员此后不在任何班组")
    await check_page(page, "teams-remove")
    async with site.services.database.transaction() as session:
        await teams.remove_team(session, "one")
    expect(page, "404 DELETE /api/teams/one$")
    await dialog.get_by_role("button", name="删除").click()
    await see(dialog.get_by_role("alert")).to_contain_text("没有这个班组")
    await page.keyboard.press("Escape")
    await see(row_of(page, "班组", "甲班")).to_have_count(0)
    await page.get_by_role("button", name="删除班组 综合二班").click()
    await dialog.get_by_role("button", name="删除").click()
    await see(page.get_by_text("还没有班组")).to_be_visible()
    assert await team_of(site, "two") is None


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.SUPERVISOR])
async def test_others_read_teams_and_change_none(role: Role, site: Site, page_of: PageOf) -> None:
    await enter_team(site, "one", "综合一班", "1001")
    page = await page_of(role)
    await page.goto("/admin/teams")
    row = row_of(page, "班组", "综合一班")
    await see(row).to_contain_text("1001 AGENT")
    for name in ("新增班组", "修改班组", "删除班组"):
        await see(page.get_by_role("button", name=name)).to_have_count(0)
    await row.focus()
    await page.keyboard.press("Enter")
    await see(page.get_by_role("dialog")).to_have_count(0)
    await page.get_by_label("查找").fill("无此班组")
    await see(page.get_by_text("没有符合的班组")).to_be_visible()
