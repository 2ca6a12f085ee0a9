"""The agent desk (坐席台): what the page makes of the server's word, what it asks for, and what it never does."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from playwright.async_api import Locator, Page
from playwright.async_api import expect as see

from acd.queue_store import default_rules
from tests.pages.accessibility import check_page
from tests.pages.conftest import PageOf, Site
from tests.pages.desk_calls import AGENT, DeskCall, offered
from tests.web.conftest import PATIENT, Caller

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

Expect = Callable[[Page, str], None]
FIRST, SECOND = "ast1-1763761000.12", "ast1-1763761000.13"


@pytest.fixture
async def desk(site: Site, page_of: PageOf) -> Page:
    """Agent 1001 at the desk, signed in at a desk phone and ready."""
    page = await page_of("agent")
    await at_work(site, page)
    return page


async def at_work(site: Site, page: Page) -> None:
    await site.line.configure(default_rules(()), 1)
    await site.line.device_state("8001", True, False)
    await page.goto("/desk")
    await see(page.get_by_text("桌面话机：来电在这部话机上振铃")).to_be_visible()
    await page.get_by_role("button", name="签入并示闲").click()
    await see(state(page)).to_contain_text("示闲")


def state(page: Page) -> Locator:
    return page.locator(".status-bar .state")


def bar(page: Page) -> Locator:
    return page.locator(".call-bar .now")


async def talking(site: Site, page: Page, call: str = FIRST, **pop: Any) -> DeskCall:
    made = await offered(site, call, **pop)
    await made.answered()
    await see(state(page)).to_contain_text("通话中")
    return made


async def test_the_pop_shows_who_calls_and_what_is_open(site: Site, desk: Page) -> None:
    earlier = {"call": "ast1-1.1", "dialled": "12345", "agent": "1002", "outcome": "answered"}
    now = site.services.clock.now()
    await offered(
        site,
        FIRST,
        open_tickets=[{"number": "SMX20261121000001", "title": "文明路路灯不亮", "state": "handling"}],
        earlier_calls=[{**earlier, "at": (now - timedelta(hours=2)).isoformat()}],
        vulnerable=True,
    )
    who = desk.get_by_label("来电市民")
    await see(who.locator(".number")).to_have_text("13800000001")
    await see(who).to_contain_text("24 小时内第 2 次来电")
    await see(who).to_contain_text("文明路路灯不亮")
    await see(who).to_contain_text("办理中")
    for name in ("催办", "补充", "新建工单"):
        await see(who.get_by_role("button", name=name)).to_be_visible()
    await see(bar(desk)).to_contain_text("来电")
    await see(state(desk)).to_contain_text("振铃")
    await check_page(desk, "desk-offered")


async def test_a_pop_never_takes_a_half_written_form_away(site: Site, desk: Page) -> None:
    first = await talking(site, desk)
    title = desk.get_by_label("标题")
    await title.click()
    await desk.keyboard.type("路灯")
    await first.over()
    await see(state(desk)).to_contain_text("话后整理")
    await desk.keyboard.press("F8")
    await see(state(desk)).to_contain_text("示闲")
    await offered(site, SECOND, caller="+8613900000002")
    await see(desk.get_by_label("来电市民").locator(".number")).to_have_text("13900000002")
    await see(title).to_be_focused()
    await desk.keyboard.type("不亮")
    await see(title).to_have_value("路灯不亮")
    tabs = desk.get_by_role("group", name="工单表").get_by_role("button")
    await see(tabs).to_have_count(2)
    await see(desk.get_by_text("上一个来电的工单，尚未提交")).to_be_visible()
    await desk.keyboard.press("Alt+n")
    await see(title).to_have_value("")
    await see(desk.get_by_label("联系电话")).to_have_value("13900000002")
    await desk.keyboard.press("Alt+n")
    await see(title).to_have_value("路灯不亮")


async def test_a_reload_keeps_call_and_draft(site: Site, desk: Page) -> None:
    call = await talking(site, desk)
    await call.talk("join_calling", "12366")
    await see(bar(desk)).to_contain_text("正在邀请第三方")
    await desk.get_by_label("标题").fill("路灯不亮")
    await desk.get_by_label("事发地址").fill("文明路12号")
    await desk.reload()
    await see(bar(desk)).to_contain_text("正在邀请第三方")
    await see(desk.get_by_label("来电市民").locator(".number")).to_have_text("13800000001")
    await see(desk.get_by_label("标题")).to_have_value("路灯不亮")
    await see(desk.get_by_label("事发地址")).to_have_value("文明路12号")
    await call.over()
    await see(state(desk)).to_contain_text("话后整理")
    await desk.reload()
    await see(desk.get_by_label("标题")).to_have_value("路灯不亮")
    await see(desk.get_by_label("来电市民").locator(".number")).to_have_text("13800000001")


async def test_a_command_is_pending_until_the_server_says_so(site: Site, desk: Page) -> None:
    call = await talking(site, desk)
    await desk.keyboard.press("Alt+h")
    await see(desk.locator(".asked")).to_contain_text("保持")
    await see(bar(desk)).to_contain_text("通话中")
    assert (await call.asked())["command"] == "hold"
    await call.talk("held")
    await see(bar(desk)).to_contain_text("市民已保持")
    await see(desk.locator(".asked")).to_have_count(0)
    await desk.locator(".call-bar").get_by_role("button", name=re.compile("取回")).click()
    assert (await call.asked())["command"] == "retrieve"
    await call.tell("talk_refused", command="retrieve", code="talk.not_now", why="retrieve is not possible")
    await see(desk.locator(".refused")).to_contain_text("取回没有成功")
    await check_page(desk, "desk-refused")


async def test_targets_are_chosen_by_keys(site: Site, desk: Page) -> None:
    call = await talking(site, desk)
    await desk.keyboard.press("Alt+t")
    await see(desk.get_by_label("查找转接对象")).to_be_focused()
    await see(desk.locator("#side-panel .list li").first).to_be_visible()
    await desk.keyboard.press("ArrowDown")
    await check_page(desk, "desk-transfer")
    await desk.keyboard.press("Enter")
    asked = await call.asked()
    assert (asked["command"], bool(asked["target"])) == ("consult", True)
    await call.talk("consult", "某单位")
    await see(bar(desk)).to_contain_text("第三方：某单位")
    await desk.keyboard.press("Alt+3")
    assert (await call.asked())["command"] == "join"


async def test_whom_one_call_was_passed_to_is_not_the_next_ones_choice(site: Site, desk: Page) -> None:
    call = await talking(site, desk)
    await desk.keyboard.press("Alt+t")
    asked = desk.get_by_label("查找转接对象")
    name = await desk.locator("#side-panel .list .name").first.inner_text()
    await desk.keyboard.type(name)
    await desk.keyboard.press("ArrowDown")
    chosen = desk.locator("#side-panel .list li.here")
    await see(chosen).to_contain_text(name)
    # Typing begins anew, and so does choosing.
    await desk.keyboard.press("Alt+t")
    await desk.keyboard.type(name[0])
    await see(asked).to_have_value(name[0])
    await see(chosen).to_have_count(0)
    await desk.keyboard.press("ArrowDown")
    await see(chosen).to_contain_text(name[0])
    await call.over()
    await see(state(desk)).to_contain_text("话后整理")
    await desk.get_by_role("button", name="结束整理").click()
    await see(state(desk)).to_contain_text("示闲")
    call = await talking(site, desk, SECOND)
    await see(chosen).to_have_count(0)
    await desk.keyboard.press("Alt+3")
    await see(desk.get_by_text("请先选择对象，再按一次快捷键。")).to_be_visible()
    assert await call.asked(seconds=1.0) == {}


async def test_an_input_method_meets_no_key_of_ours(site: Site, desk: Page) -> None:
    call = await talking(site, desk)
    title = desk.get_by_label("标题")
    await title.focus()
    keyboard = await desk.context.new_cdp_session(desk)
    await keyboard.send("Input.imeSetComposition", {"text": "lu deng", "selectionStart": 7, "selectionEnd": 7})
    for key, modifiers in (("h", 1), ("k", 2), ("Enter", 2), ("F4", 0), ("F9", 0), ("3", 1)):
        told: dict[str, Any] = {"key": key, "code": key, "modifiers": modifiers, "windowsVirtualKeyCode": 229}
        await keyboard.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **told})
        await keyboard.send("Input.dispatchKeyEvent", {"type": "keyUp", **told})
    await keyboard.send("Input.insertText", {"text": "路灯"})
    await see(title).to_have_value("路灯")
    await see(desk.locator(".asked")).to_have_count(0)
    await see(desk.locator("dialog[open]")).to_have_count(0)
    await see(desk.get_by_role("toolbar", name="示忙原因")).to_have_count(0)
    # The same keys do their work once the word is written; what is asked first is asked by them.
    await desk.keyboard.press("Alt+h")
    assert (await call.asked())["command"] == "hold"
    assert await call.asked(seconds=1.0) == {}


async def test_a_ticket_is_registered_and_what_is_wrong_is_said_at_its_field(
    site: Site, desk: Page, expect: Expect
) -> None:
    await talking(site, desk)
    await desk.keyboard.press("Control+Enter")
    title = desk.get_by_label("标题")
    await see(title).to_be_focused()
    await see(desk.get_by_text("请填写标题")).to_be_visible()
    await check_page(desk, "desk-form-wrong")
    await desk.keyboard.type("路灯不亮")
    await desk.get_by_label("内容", exact=True).fill("文明路北段")
    await desk.get_by_label("事发区划").fill("湖滨")
    await desk.keyboard.press("ArrowDown")
    await desk.keyboard.press("Enter")
    await see(desk.get_by_label("事发区划")).to_have_value("湖滨区")
    expect(desk, "422 POST /api/tickets$")
    number = desk.get_by_label("联系电话")
    before = await number.input_value()
    await number.fill("不是号码")
    await desk.keyboard.press("Control+Enter")
    await see(desk.get_by_role("alert").filter(has_text="工单没有登记")).to_be_visible()
    await number.fill(before)
    await desk.keyboard.press("Control+Enter")
    await see(desk.get_by_role("heading", name="工单已登记")).to_be_visible()
    await see(desk.get_by_text("查询码")).to_be_visible()
    await see(desk.get_by_label("本次通话的工单")).to_contain_text("路灯不亮")
    await check_page(desk, "desk-registered")
    await desk.get_by_role("button", name="受理，转派单员").click()
    await see(desk.locator(".registered")).to_contain_text("待派单")


async def test_what_was_settled_before_is_said_to_be_repeated(site: Site, desk: Page) -> None:
    demand = {"title": "黄河路路灯不亮", "content": "整条路夜里都不亮", "address": "黄河路 12 号"}
    async with httpx.AsyncClient(base_url=site.origin, timeout=PATIENT) as http:
        agent = await Caller(http).as_("agent")
        told = (await agent.post("/api/tickets", **demand)).json()
        settled = await agent.post(f"/api/tickets/{told['number']}/answer", version=1, answer="已修好")
        assert settled.status_code == 200, settled.text
        earlier = told["number"]
        await talking(site, desk)
        await desk.get_by_label("标题").fill(demand["title"])
        await desk.get_by_label("内容", exact=True).fill(demand["content"])
        await desk.get_by_label("事发地址").fill(demand["address"])
        await see(desk.get_by_role("region", name="可能已有同样的诉求")).to_contain_text("登记后可关联为重复诉求")
        await desk.keyboard.press("Control+Enter")
        await see(desk.get_by_role("heading", name="工单已登记")).to_be_visible()
        known = desk.get_by_role("region", name="以前已办结的同样诉求")
        await known.get_by_role("button", name=f"把 {earlier} 关联为重复诉求").press("Enter")
        await see(desk.get_by_text(f"已关联为 {earlier} 的重复诉求")).to_be_visible()
        await see(known).to_contain_text("已关联")
        await see(desk.get_by_role("heading", name="工单已登记")).to_be_focused()
        await check_page(desk, "desk-repeats")
        (link,) = (await agent.get(f"/api/tickets/{earlier}/relations")).json()["links"]
    assert link["kind"] == "repeats"


async def test_the_wrap_up_counts_down_is_extended_and_ended(site: Site, desk: Page) -> None:
    call = await talking(site, desk)
    await desk.keyboard.press("F9")
    await see(desk.get_by_role("toolbar", name="示忙原因")).to_be_visible()
    await check_page(desk, "desk-reasons")
    await desk.keyboard.press("1")
    await see(state(desk)).to_contain_text("之后示忙")
    await call.over(wrap_up_ms=30_000)
    await see(state(desk)).to_contain_text("话后整理")
    left = desk.get_by_role("timer")
    await see(left).to_have_text(re.compile(r"0:[12]\d"))
    await desk.get_by_role("button", name="延长 60 秒").click()
    await see(left).to_have_text(re.compile(r"1:[12]\d"))
    await desk.get_by_role("button", name="结束整理").click()
    await see(state(desk)).to_contain_text("示忙")


async def test_a_phone_that_is_gone_is_its_own_red_state(site: Site, desk: Page) -> None:
    await site.line.device_state("8001", False, False)
    await see(state(desk)).to_contain_text("话机不可用")
    await see(desk.locator(".status-bar")).to_have_class(re.compile("red"))
    await check_page(desk, "desk-unreachable")
    await site.line.device_state("8001", True, False)
    await see(state(desk)).to_contain_text("示闲")


async def test_a_second_page_takes_over_and_the_first_says_so(site: Site, desk: Page, watched: dict[Page, Any]) -> None:
    await talking(site, desk)
    second = await desk.context.new_page()
    await second.goto("/desk")
    await see(desk.get_by_role("heading", name="本工号已在另一个页面打开")).to_be_visible()
    await see(state(second)).to_contain_text("通话中")
    await see(second.get_by_label("来电市民").locator(".number")).to_have_text("13800000001")
    await check_page(desk, "desk-taken-over")
    await desk.get_by_role("button", name="在此页面继续工作").click()
    await see(state(desk)).to_contain_text("通话中")
    await see(second.get_by_role("heading", name="本工号已在另一个页面打开")).to_be_visible()


async def test_messages_come_at_once_and_are_read(site: Site, desk: Page) -> None:
    await site.services.feed.publish(
        AGENT, "message", {"id": 1, "from": "supervisor", "text": "十点开会", "at": "2026-11-22T09:00:00+08:00"}
    )
    tab = desk.get_by_role("tab", name="消息")
    await see(tab).to_contain_text("1")
    await tab.click()
    await see(desk.get_by_text("十点开会")).to_be_visible()
    await check_page(desk, "desk-messages")


async def test_what_an_engine_writes_down_is_shown(site: Site, desk: Page) -> None:
    call = await talking(site, desk)
    await desk.get_by_role("tab", name="转写").click()
    await call.tell("transcript", serial=1, who="caller", text="路灯坏")
    await call.tell("transcript", serial=1, who="caller", text="路灯坏了")
    await see(desk.locator("#side-panel li")).to_have_text(["市民 路灯坏了"])


async def test_one_place_lists_the_keys(site: Site, desk: Page) -> None:
    await see(state(desk)).to_contain_text("示闲")
    await desk.locator("h1").focus()
    await desk.keyboard.press("?")
    dialog = desk.get_by_role("dialog", name="快捷键")
    for keys in ("F2", "F4", "F8", "F9", "Alt+H", "Alt+M", "Alt+T", "Alt+3", "Ctrl+Enter", "Ctrl+K"):
        await see(dialog.get_by_text(keys, exact=True).first).to_be_visible()
    await check_page(desk, "desk-keys")
    await desk.keyboard.press("Escape")
    await desk.keyboard.press("Control+k")
    await see(desk.get_by_role("dialog", name="命令")).to_be_visible()


async def test_without_a_seat_one_is_asked_for(page_of: PageOf) -> None:
    page = await page_of("agent")
    await page.goto("/desk")
    await see(page.get_by_role("heading", name="签入")).to_be_visible()
    await page.get_by_label("分机").fill("1")
    await see(page.get_by_text("请填写 2 到 8 位数字的分机号")).to_be_visible()
    await see(page.get_by_role("button", name="签入并示闲")).to_be_disabled()
    await check_page(page, "desk-sign-in")
    await page.get_by_label("分机").fill("8001")
    await see(page.get_by_text("桌面话机：来电在这部话机上振铃")).to_be_visible()
    await page.get_by_role("button", name="耳麦测试").click()
    await see(page.get_by_role("dialog", name="话机与耳麦")).to_contain_text("麦克风正常")
    await check_page(page, "desk-phone")
