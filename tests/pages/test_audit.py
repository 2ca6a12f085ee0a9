"""The audit log (审计日志) as auditors and administrators see it: narrowed, opened, verified, taken out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Locator, Page
from playwright.async_api import expect as see
from sqlalchemy import text

from directory import audit
from directory.models import Role
from tests.pages.accessibility import check_page
from tests.pages.conftest import PageOf, Site
from web.routes import audit as routes

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

Expect = Callable[[Page, str], None]
ZONE = ZoneInfo("Asia/Shanghai")


@pytest.fixture(autouse=True)
async def written(site: Site) -> None:
    """Two days ago a queue, yesterday 110 teams."""
    now = site.services.clock.now()
    async with site.services.database.transaction() as session:
        changed = {"name": "夜间", "steps": [1]}, {"name": "夜班", "steps": [1]}
        await audit.record(
            session,
            at=now - timedelta(days=2),
            actor="admin",
            action="queue.saved",
            subject="queue:night",
            before=changed[0],
            after=changed[1],
        )
        for number in range(110):
            at = now - timedelta(days=1)
            await audit.record(session, at=at, actor="1001", action="team.saved", subject=f"team:{number}")


def rows(page: Page) -> Locator:
    return page.get_by_role("grid", name="审计记录").locator("tbody tr")


async def test_the_log_is_narrowed_by_day_person_kind_and_subject_and_goes_on(site: Site, page_of: PageOf) -> None:
    page = await page_of(Role.AUDITOR)
    await page.goto("/audit")
    await see(rows(page)).to_have_count(100)
    await page.get_by_role("button", name="载入更多").click()
    await see(rows(page).last).to_contain_text("队列：保存")
    filters = page.get_by_role("search", name="筛选审计记录")
    await filters.get_by_role("textbox", name="人员").fill("admin")
    await filters.get_by_role("textbox", name="人员").press("Enter")
    await see(rows(page).filter(has_text="1001")).to_have_count(0)
    await filters.get_by_role("textbox", name="人员").fill("")
    await filters.get_by_label("动作").select_option("班组")
    await filters.get_by_label("对象").fill("team:7")
    await filters.get_by_role("button", name="筛选").click()
    await see(rows(page)).to_have_count(1)
    await see(rows(page)).to_contain_text("班组 7")
    # The address says what is shown: back goes to what was shown before, and a link opens it.
    await page.reload()
    await see(rows(page)).to_have_count(1)
    await see(filters.get_by_label("对象")).to_have_value("team:7")
    await filters.get_by_role("button", name="清除").click()
    day = f"{(site.services.clock.now() - timedelta(days=2)).astimezone(ZONE):%Y-%m-%d}"
    await filters.get_by_label("从").fill(day)
    await filters.get_by_label("到", exact=True).fill(day)
    await filters.get_by_role("button", name="筛选").click()
    await see(rows(page)).to_have_count(1)
    await see(rows(page)).to_contain_text("队列 night")
    await check_page(page, "audit")
    await filters.get_by_label("对象").fill("nothing")
    await filters.get_by_role("button", name="筛选").click()
    await see(page.get_by_text("没有符合的记录")).to_be_visible()


async def test_a_row_is_opened_by_keyboard_and_says_what_changed(page_of: PageOf) -> None:
    page = await page_of(Role.ADMIN)
    await page.goto("/audit?subject=queue")
    await see(rows(page)).to_have_count(1)
    await rows(page).press("Enter")
    dialog = page.get_by_role("dialog", name="第 1 条")
    await see(dialog.get_by_role("row").filter(has_text="夜班").get_by_role("cell")).to_have_text(["夜间", "夜班"])
    await see(dialog.get_by_role("row").filter(has_text="steps")).to_have_count(0)
    await check_page(page, "audit-row")
    await page.keyboard.press("Escape")
    await see(rows(page)).to_be_focused()
    await see(page.get_by_role("button", name="下载表格")).to_have_count(0)


async def test_the_chain_is_verified_and_a_changed_row_is_found(site: Site, page_of: PageOf) -> None:
    page = await page_of(Role.AUDITOR)
    await page.goto("/audit")
    await page.get_by_role("button", name="核验整条链").click()
    status = page.get_by_role("status").filter(has_text="核验")
    await see(status).to_contain_text("链完整：共 ")
    async with site.services.database.transaction() as session:
        await session.execute(text("ALTER TABLE audit_log DISABLE TRIGGER append_only"))
        await session.execute(text("UPDATE audit_log SET actor = 'nobody' WHERE seq = 2"))
    await page.get_by_role("button", name="核验整条链").click()
    await see(status).to_contain_text("链在第 2 条断开")
    await check_page(page, "audit-broken")


async def test_an_auditor_takes_out_what_is_shown_and_is_told_when_it_is_too_much(
    site: Site, page_of: PageOf, expect: Expect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = await page_of(Role.AUDITOR)
    await page.goto("/audit?subject=queue")
    await see(rows(page)).to_have_count(1)
    async with page.expect_download() as begun:
        await page.get_by_role("button", name="下载表格").click()
    await (await begun.value).save_as(tmp_path / "audit.csv")
    kept = (tmp_path / "audit.csv").read_bytes()
    assert kept.startswith(b"\xef\xbb\xbf")
    lines = kept.decode("utf-8-sig").splitlines()
    assert len(lines) == 2
    assert "queue:night" in lines[1]
    monkeypatch.setattr(routes, "TAKEN_AT_MOST", 5)
    expect(page, r"422 GET /api/audit/entries\.csv")
    await page.goto("/audit?action=team")
    await page.get_by_role("button", name="下载表格").click()
    await see(page.get_by_role("alert")).to_contain_text("没有下载")
    await see(page.get_by_role("alert")).to_contain_text("请缩小日期范围")
