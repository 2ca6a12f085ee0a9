"""The ticket workbench: a ticket goes through the pages of four roles by keyboard; conflicts, bulk, what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from playwright.async_api import Locator, Page
from playwright.async_api import expect as see

from directory.models import Role
from tests.pages.accessibility import check_page
from tests.pages.conftest import PageOf, Site
from tests.web.conftest import PATIENT, Caller

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

Expect = Callable[[Page, str], None]

CITIZEN = {"caller_number": "13812345678", "caller_name": "李某某", "address": "和平路12号院"}


@dataclass
class Desk:
    """People of the line over REST, for arranging."""

    site: Site
    people: dict[str, Caller]

    async def act(self, who: str, number: str, action: str, **details: Any) -> None:
        file = (await self.people[who].get(f"/api/tickets/{number}")).json()
        version = file["ticket"]["version"]
        path = f"/api/tickets/{number}/actions"
        answer = await self.people[who].post(path, action=action, version=version, **details)
        assert answer.status_code == 200, answer.text

    async def ticket(self, title: str, **more: Any) -> str:
        """One that waits for dispatch."""
        told = await self.people["agent"].post("/api/tickets", title=title, **{**CITIZEN, **more})
        assert told.status_code == 201, told.text
        number: str = told.json()["number"]
        await self.act("agent", number, "accept")
        return number

    async def state(self, number: str) -> str:
        file = (await self.people["dispatcher"].get(f"/api/tickets/{number}")).json()
        state: str = file["ticket"]["state"]
        return state


@pytest.fixture
async def desk(site: Site) -> Any:
    async with httpx.AsyncClient(base_url=site.origin, timeout=PATIENT) as http:
        nobody = Caller(http)
        people = {who: await nobody.as_(who) for who in ("agent", "dispatcher", "unit_handler")}
        yield Desk(site, people)


async def _open(page: Page, box: str, number: str) -> None:
    """From the inbox by keyboard: the box's row, Enter."""
    await page.goto("/tickets")
    await page.get_by_role("navigation", name="收件箱").get_by_role("button", name=box).press("Enter")
    row = page.get_by_role("row").filter(has_text=number)
    await see(row).to_be_visible()
    await page.keyboard.press("j")
    await see(row).to_be_focused()
    await page.keyboard.press("Enter")
    await see(page.get_by_role("heading", level=1).filter(has_text=number)).to_be_visible()
    await see(page.get_by_role("region", name="办理过程")).to_be_visible()


async def _shown(page: Page, keys: str, title: str) -> Locator:
    await page.keyboard.press(keys)
    dialog = page.get_by_role("dialog").filter(has_text=title)
    await see(dialog).to_be_visible()
    return dialog


async def _send(page: Page, told: str) -> None:
    await page.keyboard.press("Control+Enter")
    await see(page.get_by_role("dialog")).to_have_count(0)
    await see(page.get_by_role("status").filter(has_text=told)).to_be_visible()


async def test_a_ticket_goes_through_four_roles_by_keyboard(desk: Desk, page_of: PageOf) -> None:
    number = await desk.ticket("路灯不亮", content="和平路三天没有路灯")

    page = await page_of(Role.DISPATCHER)
    await _open(page, "待派", number)
    citizen = page.get_by_role("region", name="诉求", exact=True)
    await see(citizen).to_contain_text(CITIZEN["caller_number"])
    await check_page(page, "ticket-dispatcher")
    dialog = await _shown(page, "Alt+1", "派单")
    await see(dialog.get_by_text("请自行选择单位")).to_be_visible()
    await see(dialog.get_by_label("主办单位")).to_be_focused()
    await page.keyboard.type("人社")
    await page.keyboard.press("Enter")
    await see(dialog.get_by_label("主办单位")).to_have_value("市人社局")
    await check_page(page, "ticket-dispatch")
    await _send(page, "派单已完成")
    assert await desk.state(number) == "to_sign"

    page = await page_of(Role.UNIT_HANDLER)
    await _open(page, "待签收", number)
    await _shown(page, "Alt+1", "签收")
    await _send(page, "签收已完成")
    await page.get_by_role("button", name="登记联系诉求人").press("Enter")
    dialog = page.get_by_role("dialog").filter(has_text="登记联系诉求人")
    await dialog.get_by_label("联系方式").select_option("phone")
    await dialog.get_by_label("联系人").fill("张工")
    await dialog.get_by_label("结果").select_option("answered")
    await dialog.get_by_label("告知的内容").fill("当面说明了情况")
    await check_page(page, "ticket-contact")

    await _send(page, "登记联系诉求人已完成")
    await see(page.get_by_text("当面说明了情况")).to_be_visible()
    dialog = await _shown(page, "Alt+1", "答复")
    await page.keyboard.press("Control+Enter")
    await see(dialog.get_by_text("请填写答复内容")).to_be_visible()
    await see(dialog.get_by_label("答复内容")).to_be_focused()
    await check_page(page, "ticket-reply-missing")
    await page.keyboard.type("已更换灯泡并验收")
    await _send(page, "答复已完成")

    page = await page_of(Role.UNIT_HEAD)
    await _open(page, "待审", number)
    await see(page.get_by_text("已更换灯泡并验收")).to_be_visible()
    await _shown(page, "Alt+1", "审核通过答复")
    await _send(page, "审核通过答复已完成")

    page = await page_of(Role.VISIT_AGENT)
    await _open(page, "待回访", number)
    dialog = await _shown(page, "Alt+1", "回访")
    await dialog.get_by_label("单位是否联系过诉求人").select_option("yes")
    await dialog.get_by_label("问题是否解决").select_option("yes")
    await dialog.get_by_label("满意度").select_option("satisfied")
    await dialog.get_by_label("回访情况").fill("诉求人表示满意")
    await check_page(page, "ticket-visit")
    await _send(page, "回访已完成")
    await _shown(page, "Alt+1", "办结")
    await _send(page, "办结已完成")
    assert await desk.state(number) == "closed"


async def test_who_comes_second_sees_what_the_first_did(desk: Desk, page_of: PageOf, expect: Expect) -> None:
    number = await desk.ticket("噪声扰民")
    page = await page_of(Role.DISPATCHER)
    expect(page, f"412 POST /api/tickets/{number}/actions")
    await page.goto(f"/tickets/{number}")
    await page.get_by_role("button", name="催办").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("催办内容").fill("请尽快")
    await desk.act("agent", number, "supplement", note="夜里十一点以后最吵")
    await page.keyboard.press("Control+Enter")
    await see(dialog.get_by_role("alert")).to_contain_text("刚刚有人办理过")
    await see(dialog.get_by_role("status")).to_contain_text("夜里十一点以后最吵")
    await see(dialog.get_by_label("催办内容")).to_have_value("请尽快")
    await check_page(page, "ticket-conflict")
    await _send(page, "催办已完成")
    await see(page.get_by_label("办理过程").get_by_text("请尽快")).to_be_visible()


async def test_several_are_dispatched_at_once_and_each_says_how_it_went(
    desk: Desk, page_of: PageOf, expect: Expect
) -> None:
    first, second = await desk.ticket("井盖丢失"), await desk.ticket("占道经营")
    page = await page_of(Role.DISPATCHER)
    expect(page, f"412 POST /api/tickets/{first}/actions")
    await page.goto("/tickets?box=to_dispatch")
    await see(page.get_by_role("row").filter(has_text=first)).to_be_visible()
    for key in ("j", "x", "j", "x"):
        await page.keyboard.press(key)
    await see(page.get_by_role("status").filter(has_text="已选 2 张")).to_be_visible()
    await check_page(page, "inbox-chosen")
    await page.get_by_role("button", name="批量派单").press("Enter")
    dialog = page.get_by_role("dialog")
    await desk.act("agent", first, "supplement", note="就在学校门口")
    await dialog.get_by_label("主办单位").fill("城管")
    await page.keyboard.press("Enter")
    await dialog.get_by_role("button", name="全部派单").press("Enter")
    await see(dialog.get_by_text("成功 1 张，未成功 1 张")).to_be_visible()
    await see(dialog.get_by_role("listitem").filter(has_text=first)).to_contain_text("刚刚有人办理过")
    await check_page(page, "inbox-bulk")
    await dialog.get_by_role("button", name="关闭").press("Enter")
    await see(page.get_by_role("row").filter(has_text=second)).to_have_count(0)
    assert (await desk.state(first), await desk.state(second)) == ("to_dispatch", "to_sign")


async def test_filters_stay_in_the_address_and_a_number_opens_its_ticket(desk: Desk, page_of: PageOf) -> None:
    number = await desk.ticket("自来水发黄", urgency="urgent")
    other = await desk.ticket("路灯不亮")
    page = await page_of(Role.DISPATCHER)
    await page.goto("/tickets?box=all")
    await page.get_by_role("button", name="更多条件").click()
    await page.get_by_label("紧急程度").select_option("urgent")
    await page.get_by_role("button", name="查找").click()
    await see(page).to_have_url(re.compile(r"box=all&urgency=urgent$"))
    await see(page.get_by_role("row").filter(has_text=number)).to_be_visible()
    await see(page.get_by_role("row").filter(has_text=other)).to_have_count(0)
    await check_page(page, "inbox-filtered")
    await page.reload()
    await see(page.get_by_role("row").filter(has_text=number)).to_be_visible()
    await see(page.get_by_role("row").filter(has_text=other)).to_have_count(0)
    await page.get_by_label("编号或文字").fill(other.lower())
    await page.keyboard.press("Enter")
    await see(page.get_by_role("heading", level=1).filter(has_text=other)).to_be_visible()


async def test_the_citizen_is_shown_for_a_reason(desk: Desk, page_of: PageOf) -> None:
    number = await desk.ticket("欠薪")
    page = await page_of(Role.INSPECTOR)
    await page.goto(f"/tickets/{number}")
    citizen = page.get_by_role("region", name="诉求", exact=True)
    await see(citizen).to_contain_text("****5678")
    await page.get_by_role("button", name="查看诉求人信息").click()
    await page.get_by_role("button", name="查看", exact=True).click()
    await see(page.get_by_text("请填写查看的理由")).to_be_visible()
    await check_page(page, "ticket-unmask")
    await page.get_by_label("理由").fill("核对地址")
    await page.keyboard.press("Enter")
    await see(citizen).to_contain_text(CITIZEN["address"])
    await see(citizen).to_contain_text("13812345678")


async def test_a_ticket_there_is_not_and_one_of_another_unit(desk: Desk, page_of: PageOf, expect: Expect) -> None:
    number = await desk.ticket("停水")
    page = await page_of("other_unit")
    expect(page, "40[34] GET /api/tickets/")
    await page.goto(f"/tickets/{number}")
    await see(page.get_by_role("alert")).to_contain_text("其他单位")
    await check_page(page, "ticket-other-unit")
    await page.goto("/tickets/NONE1")
    await see(page.get_by_role("alert")).to_contain_text("没有这张工单")
