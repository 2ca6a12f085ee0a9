"""Citizens' pages as axe sees them: every page and every error state, at both sizes, without a script."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from fastapi import FastAPI
from playwright.async_api import Page
from playwright.async_api import expect as see

from hotline.settings import Citizen, Progress
from tests.pages.accessibility import check_page
from tests.pages.conftest import PageOf
from tests.web.people import Units
from web.app import create_app
from web.services import Services

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

Expect = Callable[[Page, str], None]


@pytest.fixture
def app(services: Services, units: Units) -> FastAPI:
    """Cases are shown; answers are quick."""
    update = {"citizen": Citizen(cases=True), "progress": Progress(answer_ms=0)}
    return create_app(replace(services, settings=services.settings.model_copy(update=update)))


async def test_a_demand_from_form_to_progress(new_page: PageOf, expect: Expect) -> None:
    page = await new_page()
    expect(page, r"(404|422) POST /public/")
    await page.goto("/public/")
    await check_page(page, "citizen-front")
    await page.get_by_role("link", name="登记诉求").first.click()
    await check_page(page, "citizen-demand")
    await page.get_by_role("button", name="提交诉求").click()
    await see(page.get_by_role("alert")).to_contain_text("请填写标题")
    await check_page(page, "citizen-demand-wrong")
    await page.get_by_label("标题").fill("路灯不亮")
    await page.get_by_label("具体内容").fill("黄河路口三盏路灯一周没有亮")
    await page.get_by_role("button", name="提交诉求").press("Enter")
    await see(page.get_by_role("status")).to_contain_text("已登记")
    await check_page(page, "citizen-receipt")
    number, code = await page.locator("dd").all_inner_texts()
    await page.get_by_role("button", name="上传附件").click()
    await see(page.get_by_role("alert")).to_contain_text("请先选择文件")
    await check_page(page, "citizen-files-wrong")
    await page.get_by_role("link", name="查询办理进度").click()
    await page.get_by_label("受理编号").fill(number)
    await page.get_by_label("查询码").fill("000000" if code != "000000" else "111111")
    await page.get_by_role("button", name="查询").click()
    await see(page.get_by_role("alert")).to_contain_text("没有查到")
    await check_page(page, "citizen-progress-wrong")
    await page.get_by_label("查询码").fill(code)
    await page.get_by_role("button", name="查询").click()
    await see(page.get_by_role("heading", level=1)).to_have_text("办理进度")
    await check_page(page, "citizen-progress")


async def test_knowledge_cases_and_what_is_not_there(new_page: PageOf, expect: Expect) -> None:
    page = await new_page()
    expect(page, r"(404|422) GET /public/")
    for path, name in (
        ("/public/knowledge", "knowledge"),
        ("/public/knowledge?q=医保", "knowledge-none"),
        ("/public/knowledge?q=？？", "knowledge-wrong"),
        ("/public/cases", "cases"),
        ("/public/nothing", "nothing"),
    ):
        await page.goto(path)
        await check_page(page, f"citizen-{name}")
