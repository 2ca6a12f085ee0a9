"""Figures of tickets (报表): counted as asked, drawn, told in a table, down to the cases, taken out as a table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import expect as see
from sqlalchemy import text

from directory.models import Role
from tests.pages.accessibility import check_page
from tests.pages.conftest import PageOf, Site
from tests.web.test_ticket_figures import given

__all__ = ["given"]

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]


async def test_figures_by_unit_down_to_the_cases_and_out_as_a_table(
    site: Site, given: list[str], page_of: PageOf, tmp_path: Path
) -> None:
    async with site.services.database.transaction() as session:
        name = await session.scalar(text("SELECT name FROM units WHERE id = :id"), {"id": site.units.labour})
    page = await page_of(Role.SUPERVISOR)
    await page.goto("/reports")
    table = page.get_by_role("group", name="指标表")
    row = table.get_by_role("row").filter(has=page.get_by_role("rowheader", name="受理登记量", exact=True))
    await see(row.get_by_role("cell")).to_have_text("6")
    await page.get_by_label("图中指标").select_option("退单率")
    await see(page.get_by_role("img", name=re.compile("^退单率"))).to_be_visible()
    await check_page(page, "reports")
    await page.get_by_role("combobox", name="分", exact=True).select_option("承办单位")
    await page.get_by_role("button", name="统计", exact=True).click()
    # Two units, and what is registered and with nobody yet.
    await see(table.get_by_role("rowheader")).to_have_count(3)
    await table.get_by_role("button", name=re.compile(f"^{re.escape(str(name))} ")).click()
    cases = page.get_by_role("grid", name="组成这项指标的事项").locator("tbody tr")
    await see(cases).to_have_count(4)
    await see(cases.first).to_contain_text("只计入分母")
    await check_page(page, "reports-cases")
    await page.keyboard.press("Escape")
    async with page.expect_download() as begun:
        await page.get_by_role("button", name="下载表格").click()
    await (await begun.value).save_as(tmp_path / "figures.csv")
    assert (tmp_path / "figures.csv").read_text("utf-8-sig").startswith("期间,承办单位,")
