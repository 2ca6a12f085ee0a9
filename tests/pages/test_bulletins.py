"""通报: a report is asked for, watched, published and corrected; who only reads sees what was published; an
administrator lays down how units are assessed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Locator, Page
from playwright.async_api import expect as see
from sqlalchemy import update

from calls.line_figures import LineFigures
from directory.models import Role
from tests.pages.accessibility import check_page
from tests.pages.conftest import PageOf, Site
from ticketing.models import TicketRow
from ticketing.reports import methods, publishing
from ticketing.reports.making import ReportMaker
from ticketing.reports.tables import ReportRow

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

Expect = Callable[[Page, str], None]

CITY = ZoneInfo("Asia/Shanghai")


async def _made(site: Site) -> None:
    """What the job does with the oldest report that waits."""
    services = site.services
    known = services.settings.site
    maker = ReportMaker(
        services.database, services.clock, LineFigures(), city=known.name, zone=ZoneInfo(known.timezone)
    )
    await maker.step()


async def _set(site: Site, **columns: Any) -> None:
    async with site.services.database.transaction() as session:
        await session.execute(update(ReportRow).values(**columns))


async def _registered(site: Site) -> None:
    """A ticket of last month that nobody had counted."""
    now = site.services.clock.now()
    at = now.astimezone(CITY).replace(day=1, hour=12) - timedelta(days=3)
    async with site.services.database.transaction() as session:
        session.add(
            TicketRow(
                number="SMX20261001000001",
                type="complaint",
                title="路灯不亮",
                content="",
                source="phone",
                caller_number="",
                caller_name="",
                address="",
                area_code="",
                urgency="general",
                confidentiality="open",
                hotline="12345",
                unit_tag="",
                state="registered",
                version=1,
                registered_by="1001",
                registered_at=at,
                updated_at=at,
            )
        )


def _asked(page: Page) -> Locator:
    return page.get_by_role("grid", name="生成的报告").locator("tbody tr")


async def test_a_bulletin_is_made_published_and_corrected(
    site: Site, page_of: PageOf, expect: Expect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    month = site.services.clock.now().astimezone(CITY).replace(day=1) - timedelta(days=1)
    name = f"{month.year}年{month.month}月通报"
    page = await page_of(Role.SUPERVISOR)
    await page.goto("/bulletins")
    await see(page.get_by_text("还没有发布过报告")).to_be_visible()
    await see(page.get_by_text("还没有生成过报告")).to_be_visible()
    ask = page.get_by_role("form", name="生成报告")
    await see(ask.get_by_label("期间")).to_have_value(f"{month:%Y-%m}")
    await ask.get_by_role("button", name="生成").press("Enter")
    await see(_asked(page)).to_contain_text("待生成")
    later = site.services.clock.now() + timedelta(hours=1)
    await _set(site, state="running", stage="统计指标", steps=8, steps_done=3, lease_until=later)
    await see(_asked(page).get_by_role("progressbar", name=f"{name}的进度")).to_have_attribute("value", "3")
    await see(_asked(page)).to_contain_text("统计指标 3/8")
    await check_page(page, "bulletins-running")
    await _set(site, state="queued", stage="", steps=0, steps_done=0, lease_until=None)
    await _made(site)
    await see(page.get_by_role("status").filter(has_text=f"{name}：已生成")).to_be_visible()
    async with page.expect_download() as begun:
        await _asked(page).get_by_role("button", name="下载文档").press("Enter")
    taken = await begun.value
    assert taken.suggested_filename == f"bulletin-{month:%Y-%m}.docx"
    await taken.save_as(tmp_path / "bulletin.docx")
    assert (tmp_path / "bulletin.docx").read_bytes().startswith(b"PK")

    dialog = page.get_by_role("dialog")
    await _asked(page).get_by_role("button", name="发布").press("Enter")
    await see(dialog.get_by_text("发布后内容不能更改")).to_be_visible()
    await check_page(page, "bulletins-publish")
    await page.keyboard.press("Control+Enter")
    await see(page.get_by_role("status").filter(has_text=f"已发布{name}第 1 版")).to_be_visible()
    published = page.get_by_role("grid", name="已发布的报告").locator("tbody tr")
    await see(published).to_contain_text("第 1 版")

    await _asked(page).get_by_role("button", name="发布").press("Enter")
    await see(dialog.get_by_role("heading", name=f"更正 {name}")).to_be_visible()
    await page.keyboard.press("Control+Enter")
    await see(dialog.get_by_text("请填写更正理由")).to_be_visible()
    await see(dialog.get_by_label("更正理由")).to_be_focused()
    await check_page(page, "bulletins-no-reason")
    await dialog.get_by_label("更正理由").fill("漏计一件")
    expect(page, r"409 POST /api/reports/\d+/publish$")
    await page.keyboard.press("Control+Enter")
    await see(dialog.get_by_role("alert")).to_contain_text("这一份已经发布过了")
    await check_page(page, "bulletins-published-already")
    await page.keyboard.press("Escape")

    await _registered(site)
    await ask.get_by_role("button", name="生成").press("Enter")
    await see(_asked(page)).to_have_count(2)
    await _made(site)
    await see(_asked(page).first).to_contain_text("已生成")
    await _asked(page).first.get_by_role("button", name="发布").press("Enter")
    await dialog.get_by_label("更正理由").fill("漏计一件")
    await page.keyboard.press("Control+Enter")
    await see(published).to_have_count(2)
    await published.first.focus()
    await page.keyboard.press("Enter")
    await see(dialog.get_by_text("完整：内容和文件")).to_be_visible()
    changed = dialog.get_by_role("group", name="第 2 版的更正").get_by_role("row").filter(has_text="受理登记量")
    await see(changed.get_by_role("cell")).to_have_text(["全市", "0", "1"])
    await see(dialog.get_by_text("漏计一件").first).to_be_visible()
    await check_page(page, "bulletins-revision")
    async with page.expect_download() as begun:
        await dialog.get_by_role("button", name="下载表格").press("Enter")
    assert (await begun.value).suggested_filename == f"bulletin-{month:%Y-%m}-2.xlsx"
    await page.keyboard.press("Escape")
    monkeypatch.setattr(publishing, "intact", lambda row: row.revision != 1)
    await published.nth(1).click()
    await see(dialog.get_by_text("与发布时的校验值不符")).to_be_visible()
    await check_page(page, "bulletins-broken")


async def test_a_draft_and_a_failure_are_not_published(site: Site, page_of: PageOf) -> None:
    page = await page_of(Role.INSPECTOR)
    await page.goto("/bulletins")
    ask = page.get_by_role("form", name="生成报告")
    await ask.get_by_label("种类").select_option("半年考核")
    await ask.get_by_label("期间").select_option(index=0)
    await ask.get_by_role("button", name="生成").press("Enter")
    await see(_asked(page)).to_contain_text("待生成")
    await _made(site)
    await see(_asked(page)).to_contain_text("草稿：统计时期间还没有结束")
    await see(_asked(page).get_by_role("button", name="下载表格")).to_be_visible()
    await see(_asked(page).get_by_role("button", name="发布")).to_have_count(0)
    await ask.get_by_role("button", name="生成").press("Enter")
    await see(_asked(page)).to_have_count(2)
    async with site.services.database.transaction() as session:
        waits = update(ReportRow).where(ReportRow.state == "queued")
        await session.execute(waits.values(state="failed", error="reports.gave_up"))
    await see(_asked(page).first).to_contain_text("多次生成都没有完成")
    await see(_asked(page).first.get_by_role("button")).to_have_count(0)
    await check_page(page, "bulletins-failed")


async def test_people_of_a_unit_read_what_is_published_alone(page_of: PageOf) -> None:
    page = await page_of(Role.UNIT_HEAD)
    await page.goto("/bulletins")
    await see(page.get_by_text("还没有发布过报告")).to_be_visible()
    await see(page.get_by_role("heading", name="生成报告")).to_have_count(0)
    await see(page.get_by_role("button", name="制定新版")).to_have_count(0)
    row = page.get_by_role("grid", name="考核办法").locator("tbody tr")
    await see(row).to_contain_text("现行")
    await row.focus()
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    await see(dialog.get_by_role("group", name="得分项").get_by_role("row")).to_have_count(7)
    await see(dialog).to_contain_text("90 分起优秀")
    await check_page(page, "bulletins-method")


async def test_an_administrator_lays_down_a_method(site: Site, page_of: PageOf) -> None:
    day = (site.services.clock.now().astimezone(CITY) + timedelta(days=40)).date()
    page = await page_of(Role.ADMIN)
    await page.goto("/bulletins")
    make = page.get_by_role("button", name="制定新版")
    await see(make).to_be_enabled()
    await make.press("Enter")
    dialog = page.get_by_role("dialog")
    await see(dialog.get_by_label("分值").first).to_have_value("30")
    await dialog.get_by_label("分值").first.fill("40")
    await dialog.get_by_label("执行日期").fill(day.isoformat())
    await page.keyboard.press("Control+Enter")
    await see(dialog.get_by_role("alert")).to_have_text("分值合计应为 100")
    await see(dialog.get_by_role("alert")).to_be_focused()
    await check_page(page, "bulletins-method-wrong")
    await dialog.get_by_role("button", name="去掉得分项 4").press("Enter")
    await see(dialog.get_by_role("button", name="加一项得分")).to_be_focused()
    await dialog.get_by_label("满分线").first.fill("98.5")
    await page.keyboard.press("Control+Enter")
    await see(page.get_by_role("status").filter(has_text=f"已制定第 1 版，自 {day} 起执行")).to_be_visible()
    rows = page.get_by_role("grid", name="考核办法").locator("tbody tr")
    await see(rows.first).to_contain_text("第 1 版")
    await see(rows.nth(1)).to_contain_text("现行")
    async with site.services.database.transaction() as session:
        kept = (await methods.methods(session)).versions[1]
    assert kept.first_day == day
    assert [(one.weight, one.full) for one in kept.method.items[:2]] == [(40, 0.985), (25, 0.9)]
    assert len(kept.method.items) == 5
