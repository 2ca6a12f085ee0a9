"""回访: what is due is called by a click and written down; an auditor finds whether the reply complies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.async_api import Page
from playwright.async_api import expect as see

from calls.call_out_models import CallOutRow
from directory.models import Role
from hotline.settings import CallsOut
from tests.pages.accessibility import check_page
from tests.pages.conftest import PageOf, Site
from tests.web.conftest import PATIENT, Caller

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

Expect = Callable[[Page, str], None]

REPLY = "已更换灯泡并验收"


@pytest.fixture
async def replied(site: Site) -> str:
    """The number of a ticket whose reply was approved; citizens may be called whenever the tests run."""
    services = site.services
    hours = CallsOut.model_validate({"opens": "00:00", "closes": "00:00"})
    object.__setattr__(services, "settings", services.settings.model_copy(update={"calls_out": hours}))
    await services.directory.refresh()
    async with httpx.AsyncClient(base_url=site.origin, timeout=PATIENT) as http:
        nobody = Caller(http)
        people = {who: await nobody.as_(who) for who in ("agent", "dispatcher", "unit_handler", "unit_head")}
        told = await people["agent"].post("/api/tickets", title="路灯不亮", caller_number="13812345678")
        assert told.status_code == 201, told.text
        number: str = told.json()["number"]

        async def act(who: str, action: str, **details: Any) -> None:
            file = (await people[who].get(f"/api/tickets/{number}")).json()
            version = file["ticket"]["version"]
            path = f"/api/tickets/{number}/actions"
            answer = await people[who].post(path, action=action, version=version, **details)
            assert answer.status_code == 200, answer.text

        await act("agent", "accept")
        await act("dispatcher", "dispatch", lead_unit=site.units.labour)
        await act("unit_handler", "sign_for")
        contact = {"at": services.clock.now().isoformat(), "way": "phone", "by": "张工", "outcome": "answered"}
        answer = await people["unit_handler"].post(f"/api/tickets/{number}/contacts", **contact)
        assert answer.status_code == 201, answer.text
        await act("unit_handler", "reply", note=REPLY)
        await act("unit_head", "approve_reply")
    return number


async def _unanswered(site: Site, call_out: int) -> None:
    """What a voice process writes of a call that nobody answered."""
    now = site.services.clock.now()
    async with site.services.database.transaction() as session:
        call = await session.get(CallOutRow, call_out)
        assert call is not None
        call.state, call.outcome, call.dialled_at, call.closed_at = "ended", "no_answer", now, now


async def test_a_visit_from_the_call_to_the_finding(site: Site, replied: str, page_of: PageOf, expect: Expect) -> None:
    page = await page_of("visitor")
    await page.goto("/visits")
    row = page.get_by_role("grid", name="待回访").get_by_role("row").filter(has_text=replied)
    await see(row).to_contain_text("市人社局")
    await row.focus()
    await page.keyboard.press("Enter")
    visit = page.get_by_role("region", name="回访的工单")
    await see(visit.get_by_role("heading", level=2).filter(has_text="路灯不亮")).to_be_focused()
    await see(visit.get_by_role("region", name="单位答复")).to_contain_text(REPLY)
    await see(visit).to_contain_text("还没有呼叫过诉求人")
    await check_page(page, "visits-one")

    dial = visit.get_by_role("button", name="呼叫诉求人")
    async with page.expect_response(lambda answer: answer.request.method == "POST") as asked:
        await dial.press("Enter")
    call = await (await asked.value).json()
    assert (call["ticket"], call["agent"]) == (replied, "1007")
    await see(visit.get_by_text("正在接续")).to_be_visible()
    await see(dial).to_be_disabled()
    await _unanswered(site, call["id"])
    await see(visit.get_by_text("呼叫结束：无人接听")).to_be_visible()
    expect(page, "409 POST /api/calls-out$")
    await dial.press("Enter")
    await see(visit.get_by_role("alert")).to_contain_text("距上次呼叫该号码的时间太短")

    await page.keyboard.press("Alt+1")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("回访结果").select_option("unreachable")
    await dialog.get_by_label("回访情况").fill("铃响无人接听")
    expect(page, f"409 POST /api/tickets/{replied}/actions")
    await page.keyboard.press("Control+Enter")
    await see(dialog.get_by_role("alert")).to_contain_text("次数或天数还不够")
    await check_page(page, "visits-not-tried-enough")
    await dialog.get_by_label("回访结果").select_option("reached")
    await dialog.get_by_label("满意度").select_option("dissatisfied")
    await dialog.get_by_label("回访情况").fill("要求装更亮的灯")
    await page.keyboard.press("Control+Enter")
    await see(visit.get_by_role("status").filter(has_text="回访已完成")).to_be_visible()
    await see(row).to_have_count(0)
    await see(visit.get_by_role("region", name="回访记录")).to_contain_text("不满意")

    await visit.get_by_role("button", name="提请答复合规认定").press("Enter")
    await dialog.get_by_label("诉求人的意见与事实").fill("要求高于标准")
    await page.keyboard.press("Control+Enter")
    waits = page.get_by_role("grid", name="待合规认定").get_by_role("row").filter(has_text=replied)
    await see(waits).to_contain_text("要求高于标准")
    await check_page(page, "visits-asked")

    page = await page_of(Role.AUDITOR)
    await page.goto("/visits")
    waits = page.get_by_role("grid", name="待合规认定").get_by_role("row").filter(has_text=replied)
    await waits.click()
    await see(page.get_by_role("grid", name="待回访")).to_have_count(0)
    visit = page.get_by_role("region", name="回访的工单")
    await visit.get_by_role("button", name="认定合法合规").press("Enter")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("认定意见").fill("照明符合标准")
    await dialog.get_by_label("依据").fill("城市道路照明设计标准")
    await page.keyboard.press("Control+Enter")
    await see(visit.get_by_text("答复合法合规")).to_be_visible()
    await see(waits).to_have_count(0)
    await see(visit.get_by_role("button", name="呼叫诉求人")).to_have_count(0)
    await check_page(page, "visits-found")


async def test_without_a_seat_nobody_is_called(replied: str, page_of: PageOf) -> None:
    page = await page_of(Role.VISIT_AGENT)
    await page.goto(f"/visits?ticket={replied}")
    visit = page.get_by_role("region", name="回访的工单")
    await see(visit).to_contain_text("您没有座席")
    await see(visit.get_by_role("button", name="呼叫诉求人")).to_have_count(0)
    await see(visit.get_by_role("button", name="回访")).to_be_visible()
