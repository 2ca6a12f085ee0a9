"""Look-ups at the agent desk: asked for the call at hand, shown as fields, gone with the call."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest
from playwright.async_api import Locator, Page
from playwright.async_api import expect as see
from sqlalchemy import select

from calls.handover_keys import FILE as KEYS_FILE
from calls.handover_keys import PartnerKeys
from calls.web_request import key_name
from directory.models.audit import AuditRow, PendingReadRow
from hotline.settings import Lookups
from tests.calls.unit_system import UnitSystem, answer
from tests.pages.accessibility import check_page
from tests.pages.conftest import PageOf, Site
from tests.pages.desk_calls import offered
from tests.pages.test_desk import FIRST, SECOND, at_work, state, talking
from tests.web.test_lookups import CARD, KEY, STATE, query
from web.services import Services

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

Expect = Callable[[Page, str], None]


@pytest.fixture
async def department() -> AsyncIterator[UnitSystem]:
    async with UnitSystem() as system:
        system.says(answer(orjson.dumps(STATE)))
        yield system


@pytest.fixture
def services(services: Services, department: UnitSystem) -> Services:
    """A line with two look-ups, one of them for experts."""
    queries: list[dict[str, Any]] = [
        query(department.port),
        query(department.port, code="pension", name="养老金", roles=["expert"]),
    ]
    PartnerKeys(services.settings.var_dir / KEYS_FILE).change(key_name("127.0.0.1"), KEY)
    lookups = Lookups.model_validate({"queries": queries})
    return replace(services, settings=services.settings.model_copy(update={"lookups": lookups}))


@pytest.fixture
async def desk(site: Site, page_of: PageOf) -> Page:
    page = await page_of("agent")
    await at_work(site, page)
    return page


def result(page: Page) -> Locator:
    return page.get_by_label("查询结果")


async def noted(services: Services) -> list[str]:
    """Actions of look-ups in the audit log: read in the chain or still on the way to it."""
    async with services.database.transaction() as session:
        chained = await session.scalars(select(AuditRow.action).order_by(AuditRow.seq))
        pending = await session.scalars(select(PendingReadRow.action).order_by(PendingReadRow.id))
        return [action for action in (*chained, *pending) if action.startswith("lookup.")]


async def test_an_answer_is_asked_by_keys_and_goes_with_its_call(
    site: Site, desk: Page, department: UnitSystem, expect: Expect
) -> None:
    call = await talking(site, desk)
    await desk.keyboard.press("Alt+q")
    await see(desk.get_by_label("查询事项")).to_be_focused()
    await see(desk.get_by_label("查询事项").locator("option")).to_have_text(["市人社局 · 社保卡状态"])
    await see(desk.get_by_label("查询依据").locator("option:checked")).to_have_text("本次通话")
    await desk.keyboard.press("Tab")
    expect(desk, r"422 POST /api/lookups/social-card")
    await desk.keyboard.type("A123")
    await desk.keyboard.press("Enter")
    await see(desk.get_by_role("textbox", name="社保卡号")).to_have_attribute("aria-invalid", "true")
    await see(desk.get_by_label("社保卡号")).to_have_accessible_description("9 位")
    assert department.asked == []
    await desk.get_by_label("社保卡号").fill(CARD)
    await desk.keyboard.press("Enter")
    await see(result(desk)).to_be_focused()
    await see(result(desk).locator("dt")).to_have_text(["状态", "已缴费", "网点", "余额"])
    await see(result(desk).locator("dd")).to_have_text(["正常", "是", "湖滨区、陕州区", "（未提供）"])
    assert orjson.loads(department.asked[0].body)["reason"] == FIRST
    assert await noted(site.services) == ["lookup.asked", "lookup.answered"]
    await check_page(desk, "desk-lookup")
    # Another tab and back: it is still there; another citizen's call: it is gone, and so is what was typed.
    await desk.get_by_role("tab", name="知识库").click()
    await desk.get_by_role("tab", name="部门查询").click()
    await see(result(desk)).to_be_visible()
    await call.over()
    await see(state(desk)).to_contain_text("话后整理")
    await desk.keyboard.press("F8")
    await see(state(desk)).to_contain_text("示闲")
    await offered(site, SECOND, caller="+8613900000002")
    await see(result(desk)).to_have_count(0)
    await see(desk.get_by_label("社保卡号")).to_have_value("")
    # What only rings is no reason yet.
    await see(desk.get_by_label("查询依据").locator("option")).to_have_text(["其他工单（填写编号）"])


async def test_nothing_found_and_no_answer_are_told_apart(
    desk: Page, site: Site, department: UnitSystem, expect: Expect
) -> None:
    await talking(site, desk)
    await desk.get_by_role("tab", name="部门查询").click()
    await desk.get_by_label("社保卡号").fill(CARD)
    department.says(answer(b"{}", status="404 Not Found"))
    await desk.get_by_role("button", name="查询", exact=True).click()
    await see(result(desk)).to_contain_text("查无记录")
    expect(desk, r"503 POST /api/lookups/social-card")
    department.says(answer(b"{}", status="500 No"))
    await desk.get_by_role("button", name="查询", exact=True).click()
    await see(desk.get_by_role("alert").filter(has_text="没有查到")).to_contain_text("市人社局的系统拒绝了查询（500）")
    await see(result(desk)).to_have_count(0)
    await see(desk.get_by_label("社保卡号")).to_have_value(CARD)
    await check_page(desk, "desk-lookup-failed")


async def test_without_a_call_a_ticket_is_the_reason(
    desk: Page, site: Site, department: UnitSystem, expect: Expect
) -> None:
    await desk.get_by_role("tab", name="部门查询").click()
    await desk.get_by_label("社保卡号").fill(CARD)
    button = desk.get_by_role("button", name="查询", exact=True)
    await see(button).to_be_disabled()
    expect(desk, r"404 POST /api/lookups/social-card")
    await desk.get_by_label("工单编号").fill("smx20261121999999")
    await button.click()
    await see(desk.get_by_role("alert").filter(has_text="没有查到")).to_contain_text("没有这张工单")
    assert department.asked == []
