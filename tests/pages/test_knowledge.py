"""知识库: an entry is written by one, checked by another, published, corrected; what was typed is never lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.async_api import Page
from playwright.async_api import expect as see

from directory.models import Role
from tests.pages.accessibility import check_page
from tests.pages.conftest import PageOf, Site
from tests.web.conftest import PATIENT, Caller

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

Expect = Callable[[Page, str], None]

ENTRY = "/api/knowledge/entries/sbk"
CONTENT = {
    "title": "社保卡补办",
    "answer": "带身份证到任一合作银行网点办理。",
    "valid_from": "2020-01-01",
    "public": True,
}


@pytest.fixture
async def people(site: Site) -> Any:
    """Who is needed over REST, for arranging; the entry `sbk` stands as a draft."""
    async with httpx.AsyncClient(base_url=site.origin, timeout=PATIENT) as http:
        nobody = Caller(http)
        found = {who: await nobody.as_(who) for who in ("knowledge_editor", "agent")}
        new = {"code": "sbk", "unit_id": site.units.labour, "review_on": "2099-01-01", "content": CONTENT}
        made = await found["knowledge_editor"].post("/api/knowledge/entries", **new)
        assert made.status_code == 201, made.text
        yield found


async def test_an_entry_is_written_with_a_preview_and_not_checked_by_its_writer(
    page_of: PageOf, expect: Expect
) -> None:
    page = await page_of(Role.KNOWLEDGE_EDITOR)
    await page.goto("/knowledge")
    await see(page.get_by_text("没有等待核对或发布的版本")).to_be_visible()
    await check_page(page, "knowledge-empty")
    await page.get_by_role("button", name="新增条目").press("Enter")
    form = page.get_by_role("form", name="编写")
    await see(form.get_by_label("编码")).to_be_focused()
    await page.keyboard.type("jzz-1")
    await form.get_by_label("责任单位").fill("人社")
    await page.keyboard.press("Enter")
    await form.get_by_label("标题").fill("居住证怎么办")
    await form.get_by_label("答案").fill("到居住地派出所办理。\n带身份证。")
    await form.get_by_label("向市民公开").select_option("yes")
    preview = page.get_by_role("region", name="预览")
    await see(preview).to_contain_text("到居住地派出所办理。")
    await see(preview).to_contain_text("市民可在网上查到")
    await page.keyboard.press("Control+Enter")
    await see(form.get_by_text("请填写下次复查日期")).to_be_visible()
    await see(form.get_by_label("下次复查日期")).to_be_focused()
    await check_page(page, "knowledge-new")
    await form.get_by_label("下次复查日期").fill("2099-01-01")
    await page.keyboard.press("Control+Enter")
    await see(page.get_by_role("heading", level=1, name="居住证怎么办")).to_be_visible()
    expect(page, "403 POST /api/knowledge/entries/jzz-1/versions/1/check")
    await page.get_by_role("button", name="核对通过").press("Enter")
    await see(page.get_by_role("alert")).to_contain_text("自己写的不能自己核对")
    await check_page(page, "knowledge-entry-draft")


@pytest.mark.usefixtures("people")
async def test_another_checks_and_publishes_it_and_it_is_withdrawn_for_a_reason(page_of: PageOf) -> None:
    page = await page_of(Role.SUPERVISOR)
    await page.goto("/knowledge")
    row = page.get_by_role("grid", name="待核对、待发布").get_by_role("row").filter(has_text="社保卡补办")
    await row.press("Enter")
    await page.get_by_role("button", name="核对通过").press("Enter")
    await page.get_by_role("button", name="发布", exact=True).press("Enter")
    await see(page.get_by_text("现行答案是第 1 版")).to_be_visible()
    await check_page(page, "knowledge-entry-published")
    await page.get_by_role("button", name="撤回").press("Enter")
    await page.get_by_role("dialog").get_by_label("理由").fill("办法已废止")
    await page.keyboard.press("Control+Enter")
    await see(page.get_by_text("现在没有有效的答案")).to_be_visible()
    await see(page.get_by_text("办法已废止")).to_be_visible()


async def test_what_was_typed_stays_when_somebody_else_was_first(
    people: dict[str, Caller], page_of: PageOf, expect: Expect
) -> None:
    page = await page_of(Role.SUPERVISOR)
    await page.goto("/knowledge/entries/sbk")
    await page.get_by_role("button", name="修改").press("Enter")
    form = page.get_by_role("form", name="编写")
    await form.get_by_label("答案").fill("拨打银行电话也可以办理。")
    first = {**CONTENT, "answer": "网上也可以办理。"}
    written = await people["knowledge_editor"].post(f"{ENTRY}/versions", read=1, content=first)
    assert written.status_code == 201
    expect(page, "412 POST /api/knowledge/entries/sbk/versions")
    await page.keyboard.press("Control+Enter")
    await see(page.get_by_role("region", name="刚写的第 2 版")).to_contain_text("网上也可以办理。")
    await see(form.get_by_label("答案")).to_have_value("拨打银行电话也可以办理。")
    await check_page(page, "knowledge-overtaken")
    await page.keyboard.press("Control+Enter")
    await see(page.get_by_role("region", name="第 3 版")).to_contain_text("拨打银行电话也可以办理。")


async def test_a_report_is_settled_and_the_entry_reviewed(people: dict[str, Caller], page_of: PageOf) -> None:
    told = await people["agent"].post(f"{ENTRY}/reports", version=1, note="网点已经搬走")
    assert told.status_code == 201
    page = await page_of(Role.KNOWLEDGE_EDITOR)
    await page.goto("/knowledge")
    await page.get_by_role("button", name="需要复查 1").press("Enter")
    row = page.get_by_role("grid", name="需要复查").get_by_role("row").filter(has_text="社保卡补办")
    await see(row).to_contain_text("有人纠错")
    await check_page(page, "knowledge-stale")
    await row.press("Enter")
    await page.get_by_role("button", name="处理").press("Enter")
    await page.get_by_role("dialog").get_by_label("处理结果").fill("地址已更正")
    await page.keyboard.press("Control+Enter")
    await see(page.get_by_text("处理：地址已更正")).to_be_visible()
    await page.get_by_role("button", name="复查").press("Enter")
    await page.get_by_role("dialog").get_by_label("下次复查日期").fill("2099-06-30")
    await page.keyboard.press("Control+Enter")
    await see(page.get_by_text("下次复查 2099-06-30")).to_be_visible()


@pytest.mark.usefixtures("people")
async def test_another_units_people_only_read_it(page_of: PageOf) -> None:
    page = await page_of("other_unit")
    await page.goto("/knowledge/entries/sbk")
    await see(page.get_by_text("只能查看")).to_be_visible()
    await see(page.get_by_role("button", name="修改")).to_have_count(0)
    await page.goto("/knowledge")
    await page.get_by_role("searchbox", name="查找").fill("社保")
    await page.keyboard.press("Enter")
    await see(page.get_by_role("grid", name="全部条目").get_by_role("row").filter(has_text="sbk")).to_be_visible()
