"""转接对象 in a real browser: how targets stand, a line's numbers laid down by keys, somebody else in between; what is
kept is looked for behind the interface."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.async_api import Locator, Page
from playwright.async_api import expect as see

from calls.facts import Kind
from calls.models import JournalRow
from directory import audit, lines
from directory.hours import weekdays
from directory.importer import SANMENXIA, import_hotlines
from directory.lines import NewTarget
from directory.models import Role
from hotline.settings import Trunk
from tests.pages.accessibility import check_page
from tests.pages.conftest import PageOf, Site

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

Expect = Callable[[Page, str], None]

TRUNKS = ("carrier", "branch-12366", "branch-12367")
BRANCH = NewTarget("branch-12366", "99012366", 15)
CARRIER = NewTarget("carrier", "03982800366")


@pytest.fixture(autouse=True)
async def hotlines(site: Site) -> None:
    """The city's lines, three trunks and a schedule."""
    services = site.services
    trunks = [Trunk(name=name, contact="127.0.0.1:15101") for name in TRUNKS]
    asterisk = services.settings.asterisk.model_copy(update={"trunks": trunks})
    object.__setattr__(services, "settings", services.settings.model_copy(update={"asterisk": asterisk}))
    now = services.clock.now()
    async with services.database.transaction() as session:
        await import_hotlines(session, SANMENXIA.read_bytes(), services.settings.site, now=now - timedelta(hours=1))
        await lines.define_schedule(session, "税务工作日", weekdays("08:30", "18:00", "Asia/Shanghai"), now=now)
    await services.directory.refresh()


async def saved(site: Site, *numbers: NewTarget, line: str = "12366") -> None:
    """Another administrator's numbers."""
    services = site.services
    async with services.database.transaction() as session:
        row = await lines.get(session, line, services.settings.site.area_code)
        await lines.set_targets(session, row, numbers, now=services.clock.now())
    await services.directory.refresh()


async def kept(site: Site, line: str = "12366") -> list[NewTarget]:
    async with site.services.database.transaction() as session:
        row = await lines.get(session, line, site.services.settings.site.area_code)
        return await lines.targets_of(session, row)


async def failed_twice(site: Site, line: str) -> None:
    """What the journal has of two calls to a line that nobody answered."""
    now = site.services.clock.now()
    facts: list[tuple[Kind, dict[str, str]]] = [
        (Kind.ROUTED, {"number": line}),
        (Kind.ROUTE_FAILED, {"outcome": "NO_ANSWER"}),
    ]
    async with site.services.database.transaction() as session:
        for call in (1, 2):
            for seq, (kind, told) in enumerate(facts, 1):
                row = JournalRow(
                    call_id=f"ast1-1763761000.{call}",
                    seq=seq,
                    fact=f"{kind.value}:1",
                    kind=kind.value,
                    at=now - timedelta(minutes=call),
                    process="ast1/voice-1",
                    attributes=told,
                )
                session.add(row)


def row_of(page: Page, text: str) -> Locator:
    return page.get_by_role("grid", name="转接对象").locator("tbody tr").filter(has_text=text)


async def test_an_administrator_lays_down_a_lines_numbers_by_keys(site: Site, page_of: PageOf) -> None:
    page = await page_of(Role.ADMIN)
    await page.goto("/admin/targets")
    row = row_of(page, "12366")
    await see(row).to_contain_text("分中心")
    await see(row).to_contain_text("未开放")
    await row.focus()
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    await see(dialog.get_by_text("还没有号码")).to_be_visible()
    await see(dialog.get_by_role("button", name="保存")).to_be_disabled()
    await check_page(page, "targets-none")

    await dialog.get_by_role("button", name="加一个号码").press("Enter")
    await see(dialog.get_by_label("第 1 个的中继")).to_be_focused()
    await dialog.get_by_label("第 1 个的中继").select_option("carrier")
    await dialog.get_by_label("第 1 个号码").fill("0398-2800366")
    await dialog.get_by_label("第 1 个号码").press("Enter")
    await see(dialog.get_by_label("第 1 个号码")).to_be_focused()
    await see(dialog.get_by_text("号码只能是 1 至 15 位数字")).to_be_visible()
    await check_page(page, "targets-wrong")
    await dialog.get_by_label("第 1 个号码").fill("03982800366")
    await dialog.get_by_label("第 1 个的受理时间").select_option("税务工作日")
    await dialog.get_by_role("button", name="加一个号码").press("Enter")
    await dialog.get_by_label("第 2 个的中继").select_option("branch-12366")
    await dialog.get_by_label("第 2 个号码").fill("99012366")
    await dialog.get_by_label("第 2 个振铃秒数").fill("15")
    await dialog.get_by_role("button", name="第 2 个上移").press("Enter")
    await see(dialog.get_by_label("第 1 个号码")).to_have_value("99012366")
    await see(dialog.get_by_role("button", name="第 1 个下移")).to_be_focused()
    await see(dialog.get_by_text("共振铃 35 秒")).to_be_visible()
    await check_page(page, "targets-two")
    await dialog.get_by_label("第 1 个号码").press("Enter")
    await see(page.get_by_role("status").filter(has_text="已保存 12366 的 2 个号码")).to_be_visible()
    hours = NewTarget("carrier", "03982800366", 20, "税务工作日")
    assert await kept(site) == [BRANCH, hours]
    await see(row).to_contain_text("空闲")
    async with site.services.database.transaction() as session:
        told = await audit.entries(session, subject="line:12366")
    assert [one.action for one in told] == ["line.targets_saved"]

    await row.press("Enter")
    await dialog.get_by_role("button", name="去掉第 1 个").press("Enter")
    await see(dialog.get_by_label("第 1 个号码")).to_have_value("03982800366")
    await see(dialog.get_by_role("button", name="去掉第 1 个")).to_be_focused()
    await dialog.get_by_role("button", name="保存").press("Enter")
    await see(page.get_by_role("status").filter(has_text="已保存 12366 的 1 个号码")).to_be_visible()
    assert await kept(site) == [hours]


async def test_who_is_second_sees_what_the_first_saved(site: Site, page_of: PageOf, expect: Expect) -> None:
    await saved(site, BRANCH)
    page = await page_of(Role.ADMIN)
    await page.goto("/admin/targets")
    await row_of(page, "12366").press("Enter")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("第 1 个振铃秒数").fill("30")
    await saved(site, BRANCH, CARRIER)
    expect(page, "412 PUT /api/targets/lines/12366/numbers$")
    await dialog.get_by_role("button", name="保存").click()
    await see(dialog.get_by_role("alert")).to_contain_text("刚刚被别人改过")
    theirs = dialog.get_by_role("group", name="最新保存的号码").get_by_role("listitem")
    await see(theirs).to_have_count(2)
    await see(theirs.last).to_contain_text("03982800366（carrier，振铃 20 秒，全天）")
    await see(dialog.get_by_label("第 1 个振铃秒数")).to_have_value("30")
    await check_page(page, "targets-stale")
    assert await kept(site) == [BRANCH, CARRIER]
    await dialog.get_by_role("button", name="改用最新的号码").press("Enter")
    await see(dialog.get_by_label("第 1 个振铃秒数")).to_have_value("15")
    await dialog.get_by_label("第 2 个振铃秒数").fill("25")
    await dialog.get_by_role("button", name="保存").click()
    await see(page.get_by_role("status").filter(has_text="已保存 12366 的 2 个号码")).to_be_visible()
    assert await kept(site) == [BRANCH, NewTarget("carrier", "03982800366", 25)]


async def test_a_supervisor_sees_how_targets_stand_and_changes_none(site: Site, page_of: PageOf) -> None:
    await saved(site, BRANCH)
    await failed_twice(site, "12366")
    page = await page_of(Role.SUPERVISOR)
    await page.goto("/admin/targets")
    row = row_of(page, "12366")
    await see(row).to_contain_text("近期未接通")
    await see(row).to_contain_text("对方无人接听")
    await row.press("Enter")
    dialog = page.get_by_role("dialog")
    await see(dialog.get_by_role("listitem")).to_have_count(2)
    for gone in ("保存", "加一个号码"):
        await see(dialog.get_by_role("button", name=gone)).to_have_count(0)
    await check_page(page, "targets-read")
    await dialog.get_by_role("button", name="关闭").press("Enter")
    await see(row).to_be_focused()
    await page.get_by_label("种类").select_option("本中心人员")
    await see(row_of(page, "1001 AGENT")).to_contain_text("已签出")
    await page.get_by_label("种类").select_option("紧急类")
    await see(row_of(page, "110")).to_contain_text("紧急类")
    await page.get_by_role("searchbox", name="查找").fill("没有这个")
    await see(page.get_by_text("没有符合的对象")).to_be_visible()


async def test_a_page_without_the_line_says_so(page_of: PageOf, expect: Expect) -> None:
    page = await page_of(Role.DISPATCHER)
    await page.goto("/admin/targets")
    await see(row_of(page, "12367")).to_be_visible()
    expect(page, "request failed|ERR_")
    await page.context.set_offline(True)
    await page.get_by_role("button", name="刷新").press("Enter")
    await see(page.get_by_role("alert")).to_contain_text("连不上服务器")
    await check_page(page, "targets-offline")
    await page.context.set_offline(False)
    await page.get_by_role("button", name="重试").press("Enter")
    await see(page.get_by_role("alert")).to_have_count(0)
