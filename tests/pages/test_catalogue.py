"""派单目录, 事项分类 and 承办单位: brought in from a file after a trial, entered one by one, never rewritten."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.async_api import FilePayload, Page
from playwright.async_api import expect as see

from directory.models import Role
from tests.pages.accessibility import check_page
from tests.pages.conftest import PageOf, Site
from ticketing.catalogue.tables import CategoryRow

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

Expect = Callable[[Page, str], None]

HEADER = "类别编码,区划代码,主办单位,协办单位,生效日期,失效日期,备注\n"


def sheet(text: str) -> FilePayload:
    return {"name": "table.csv", "mimeType": "text/csv", "buffer": text.encode()}


async def bring(page: Page, text: str) -> None:
    """A trial of the file."""
    await page.get_by_role("button", name="导入文件").press("Enter")
    await page.get_by_label("选择文件").set_input_files(sheet(text))
    await see(page.get_by_role("region", name="试导入结果")).to_be_visible()


@pytest.fixture
async def categories(site: Site) -> None:
    async with site.services.database.transaction() as session:
        session.add(CategoryRow(code="01", name="城乡建设", active=True))
        await session.flush()
        session.add(CategoryRow(code="0101", parent_code="01", name="路灯照明", active=True))


async def test_categories_come_from_a_file_after_a_trial(page_of: PageOf, site: Site) -> None:
    page = await page_of(Role.SUPERVISOR)
    await page.goto("/admin/categories")
    await see(page.get_by_text("还没有事项分类")).to_be_visible()
    await bring(page, "编码,名称,上级编码\n01,城乡建设,\n0101,路灯照明,07\n")
    await see(page.get_by_role("region", name="有错误的行")).to_contain_text("没有上级编码 07")
    await see(page.get_by_role("button", name="正式导入")).to_be_disabled()
    await check_page(page, "categories-trial-bad")
    await page.get_by_label("选择文件").set_input_files(sheet("编码,名称,上级编码\n01,城乡建设,\n0101,路灯照明,01\n"))
    await see(page.get_by_text("将新增 2 条")).to_be_visible()
    await page.get_by_role("button", name="正式导入").press("Enter")
    await see(page.get_by_role("status").filter(has_text="新增 2 条")).to_be_visible()
    await see(page.get_by_role("row").filter(has_text="路灯照明")).to_contain_text("在用")
    await check_page(page, "categories")


@pytest.mark.usefixtures("categories")
async def test_the_catalogue_is_brought_in_entered_and_ended(page_of: PageOf, expect: Expect) -> None:
    page = await page_of(Role.SUPERVISOR)
    await page.goto("/admin/catalogue")
    await see(page.get_by_text("目录还是空的")).to_be_visible()
    await bring(page, f"{HEADER}01,,市住建局,,2026-01-01,,\n")
    await see(page.get_by_role("region", name="有错误的行")).to_contain_text("没有单位“市住建局”")
    await check_page(page, "catalogue-trial-bad")
    await page.get_by_label("选择文件").set_input_files(sheet(f"{HEADER}01,,市城管局,,2020-01-01,,全市\n"))
    await see(page.get_by_text("新增 01 2020-01-01")).to_be_visible()
    await page.get_by_role("button", name="正式导入").press("Enter")
    old = page.get_by_role("row").filter(has_text="2020-01-01")
    await see(old).to_contain_text("生效中")

    await page.get_by_role("button", name="新增条目").press("Enter")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("事项分类").fill("路灯")
    await page.keyboard.press("Enter")
    await dialog.get_by_label("主办单位").fill("人社")
    await page.keyboard.press("Enter")
    await dialog.get_by_label("生效日期").fill("2020-05-01")
    await check_page(page, "catalogue-entry")
    expect(page, "422 POST /api/catalogue/rows")
    await page.keyboard.press("Control+Enter")
    await see(dialog.get_by_role("alert")).to_contain_text("生效日期不能早于今天")
    await dialog.get_by_label("生效日期").fill("2098-05-01")
    await page.keyboard.press("Control+Enter")
    await see(page.get_by_role("dialog")).to_have_count(0)
    await see(page.get_by_role("row").filter(has_text="2098-05-01")).to_contain_text("待生效")

    await old.click()
    await see(dialog.get_by_text("已经生效，单位不能改写")).to_be_visible()
    await dialog.get_by_label("失效日期").fill("2098-12-31")
    await page.keyboard.press("Control+Enter")
    await see(page.get_by_role("dialog")).to_have_count(0)
    await see(old).to_contain_text("2098-12-31")
    await check_page(page, "catalogue")


@pytest.mark.usefixtures("categories")
async def test_who_dispatches_reads_the_catalogue_and_changes_none_of_it(page_of: PageOf) -> None:
    page = await page_of(Role.DISPATCHER)
    await page.goto("/admin/catalogue")
    await see(page.get_by_text("目录还是空的")).to_be_visible()
    await see(page.get_by_role("button", name=re.compile("新增|导入"))).to_have_count(0)
    await page.goto("/admin/units")
    await see(page.get_by_role("row").filter(has_text="市人社局")).to_be_visible()
    await see(page.get_by_role("button", name="新增单位")).to_have_count(0)


async def test_a_unit_is_entered_below_another_and_has_a_number_on_duty(page_of: PageOf, expect: Expect) -> None:
    page = await page_of(Role.ADMIN)
    await page.goto("/admin/units")
    await see(page.get_by_role("row").filter(has_text="市城管局")).to_be_visible()
    await page.get_by_role("button", name="新增单位").press("Enter")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("单位名称").fill("湖滨区城管局")
    await dialog.get_by_label("层级").select_option("county")
    expect(page, "422 POST /api/directory/units")
    await page.keyboard.press("Control+Enter")
    await see(dialog.get_by_role("alert")).to_contain_text("上级单位选得不对")
    await dialog.get_by_label("上级单位").fill("市城管")
    await page.keyboard.press("Enter")
    await check_page(page, "unit-entry")
    await page.keyboard.press("Control+Enter")
    row = page.get_by_role("grid", name="承办单位").get_by_role("row").filter(has_text="湖滨区城管局")
    await see(row).to_contain_text("县级")

    await page.get_by_role("button", name="新增值班电话").press("Enter")
    await dialog.get_by_label("单位").fill("湖滨")
    await page.keyboard.press("Enter")
    await dialog.get_by_label("从").fill("2098-10-01")
    await dialog.get_by_label("到（含）").fill("2098-10-07")
    await dialog.get_by_label("值班电话").fill("0398-2800001")
    await page.keyboard.press("Control+Enter")
    duty = page.get_by_role("grid", name="值班电话").get_by_role("row").filter(has_text="湖滨区城管局")
    await see(duty).to_contain_text("2098-10-07")
    await check_page(page, "units")
    await duty.get_by_role("button", name="删除").press("Enter")
    await page.get_by_role("dialog").get_by_role("button", name="删除", exact=True).press("Enter")
    await see(duty).to_have_count(0)
    await row.get_by_role("link", name="湖滨区城管局的联系人").press("Enter")
    await see(page.get_by_role("heading", level=1, name="单位与联系人")).to_be_visible()
    await see(page.get_by_label("查找")).to_have_value("湖滨区城管局")
