"""The menu editor: a dead key cannot be published and its finding leads to it; simulated, published, rolled back; two
editors; everything by keyboard once; axe over every dialog and state."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.async_api import Locator, Page
from playwright.async_api import expect as see

from directory.importer import SANMENXIA, import_hotlines
from directory.models import Role
from directory.users import NewUser, add_user
from media import studio
from media.manifest import sound_hash
from media.spoken import text_key
from media.studio_tables import StudioTextRow, TextState
from media.voices import DEFAULT_VOICE
from server.demo.g711 import tone
from tests.pages.accessibility import check_page
from tests.pages.conftest import PageOf, Site
from tests.web.people import PASSWORD, quick_passwords
from web.services import Services

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

Expect = Callable[[Page, str], None]

CASE = {"name": "按1到人工", "at": "2026-11-23T10:00", "line": "12345", "keys": ["1"], "expect": {"at": "queue"}}


def two_keys(flow: str = "main") -> dict[str, Any]:
    """A menu of two keys, of which the second leads nowhere."""
    nodes = {
        "start": {"type": "entry", "next": "choose"},
        "choose": {
            "type": "menu",
            "prompt": "市民服务请按一，企业服务请按二。",
            "options": {"1": {"label": "市民服务", "next": "citizens"}, "2": {"label": "企业服务"}},
            "on_timeout": "citizens",
            "on_wrong": "citizens",
        },
        "citizens": {"type": "queue"},
    }
    return {"flow": flow, "name": "主菜单", "entry": "start", "nodes": nodes, "cases": [CASE]}


TEXTS = ("市民服务请按一，企业服务请按二。", "企业服务请按二，市民服务请按一。", "您好。", "感谢来电，再见。")


@pytest.fixture(autouse=True)
async def lines(services: Services, site: Site) -> None:
    """The city's lines, and what these menus say as sounds of the studio."""
    now, sound = services.clock.now(), tone(440.0, 1.0)
    async with services.database.transaction() as session:
        await import_hotlines(session, SANMENXIA.read_bytes(), services.settings.site, now=now)
        for words in TEXTS:
            row = StudioTextRow(key=text_key(words), text=words, state=TextState.RENDERED, voice=DEFAULT_VOICE)
            row.ordered_by, row.ordered_at, row.rendered_at, row.spoken_by = "admin", now, now, "test"
            row.sound, row.sha256, row.duration_ms = sound, sound_hash(sound), 1_000
            session.add(row)
        await studio.changed(session)
        await add_user(session, NewUser("wang", "王", frozenset({Role.ADMIN})), PASSWORD, quick_passwords(), now=now)
    await services.directory.refresh()


async def save(page: Page, site: Site, document: dict[str, Any], revision: int = 0) -> Any:
    token = (await (await page.context.request.get(f"{site.origin}/api/session")).json())["csrf"]
    headers = {"X-CSRF-Token": token, "Origin": site.origin, "If-Match": f'"{revision}"'}
    answer = await page.context.request.put(
        f"{site.origin}/api/menus/flows/{document['flow']}/draft", data=document, headers=headers
    )
    assert answer.ok, f"{answer.status} {await answer.text()}"
    return await answer.json()


async def draft(page: Page, site: Site, flow: str = "main") -> dict[str, Any]:
    answer = await page.context.request.get(f"{site.origin}/api/menus/flows/{flow}/draft")
    found: dict[str, Any] = (await answer.json())["document"]
    return found


def row(page: Page, key: str) -> Locator:
    return page.locator(f'[data-row="{key}"]')


async def saved(page: Page) -> None:
    await see(page.get_by_role("status").filter(has_text=re.compile("已保存第"))).to_be_visible()


async def opened(page: Page, flow: str = "main") -> None:
    await page.goto(f"/menus/flows/{flow}")
    await see(row(page, "start")).to_be_visible()


async def test_a_dead_key_is_found_mended_simulated_and_published(site: Site, page_of: PageOf) -> None:
    page = await page_of(Role.ADMIN)
    await save(page, site, two_keys())
    await page.goto("/menus")
    await check_page(page, "menus-list")
    await page.get_by_role("link", name="主菜单").click()
    await see(row(page, "choose")).to_be_visible()
    await check_page(page, "menu-editor")
    # It cannot be published, and the finding leads to the key.
    await page.get_by_role("button", name="发布…").click()
    await see(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("现在不能发布")
    await see(page.get_by_role("button", name="发布", exact=True)).to_be_disabled()
    await check_page(page, "menu-publish-refused")
    await page.keyboard.press("Escape")
    await page.locator('.finding[data-finding*="options.2.next"]').press("Enter")
    await see(page.locator('[data-field="options.2.next"]')).to_be_focused()
    # Mended: the key leads to the enterprises' queue.
    await page.locator('[data-field="options.2.next"]').select_option("+queue")
    await row(page, "queue_1").click()
    await page.get_by_label("队列", exact=True).fill("enterprise")
    await see(row(page, "queue_1")).to_contain_text("队列 enterprise")
    await saved(page)
    await see(page.locator(".finding").filter(has_text="错误")).to_have_count(0)
    # Simulated: key 2, and the way lights up.
    await page.get_by_role("tab", name="模拟").click()
    await page.get_by_role("button", name="拨打").click()
    await see(page.locator(".pad")).to_be_visible()
    await check_page(page, "menu-simulate")
    await page.locator(".pad").get_by_role("button", name="2", exact=True).click()
    await see(page.get_by_text("结束于")).to_contain_text("队列 enterprise")
    await see(page.locator('[data-node="queue_1"]')).to_have_class(re.compile(r"\blit\b"))
    await see(row(page, "queue_1")).to_have_class(re.compile(r"\blit\b"))
    # Published, with what is only a warning taken note of.
    await page.get_by_role("button", name="发布…").click()
    dialog = page.get_by_role("dialog")
    await see(dialog.get_by_role("heading", name="首次发布")).to_be_visible()
    for box in await dialog.get_by_role("checkbox").all():
        await box.check()
    await dialog.get_by_label("发布说明").fill("首次启用")
    await check_page(page, "menu-publish")
    await dialog.get_by_role("button", name="发布", exact=True).click()
    await see(page.get_by_text("第 1 版已发布")).to_be_visible()
    await page.get_by_role("tab", name="版本").click()
    await see(page.get_by_text("生效中")).to_be_visible()
    await check_page(page, "menu-versions")
    # A change, a second version, and back by one step.
    await row(page, "choose").click()
    await page.get_by_role("tab", name="属性").click()
    await page.get_by_label("按键 2 的含义").fill("涉企服务")
    await saved(page)
    await page.get_by_role("button", name="发布…").click()
    await see(dialog).to_contain_text("按键 2 的含义由“企业服务”改为“涉企服务”")
    for box in await dialog.get_by_role("checkbox").all():
        await box.check()
    await dialog.get_by_role("button", name="发布", exact=True).click()
    await see(page.get_by_text("第 2 版已发布")).to_be_visible()
    await page.get_by_role("tab", name="版本").click()
    await page.get_by_role("button", name="回退到这一版").click()
    await check_page(page, "menu-rollback")
    await page.get_by_role("dialog").get_by_role("button", name="回退", exact=True).click()
    await see(page.get_by_text("作为第 3 版生效")).to_be_visible()


async def test_two_editors_conflict_and_nothing_is_lost(site: Site, page_of: PageOf, expect: Expect) -> None:
    first, second = await page_of(Role.ADMIN), await page_of("wang")
    expect(second, "412 PUT /api/menus/flows/main/draft")
    await save(first, site, two_keys())
    await opened(first)
    await opened(second)
    # Both change the label of key 1; each changes something else beside.
    await row(first, "choose").click()
    await first.get_by_label("按键 1 的含义").fill("群众服务")
    await first.get_by_label("备注").fill("甲的备注")
    await saved(first)
    await see(row(first, "citizens")).to_contain_text("群众服务")
    await see(first.get_by_text("第 1 稿")).to_have_count(0)
    await saved(first)
    await row(second, "choose").click()
    await second.get_by_label("按键 1 的含义").fill("居民服务")
    await second.get_by_label("按键 2 的含义").fill("涉企服务")
    dialog = second.get_by_role("dialog")
    await see(dialog.get_by_role("heading", name="别人先保存了，请合并")).to_be_visible()
    await see(dialog).to_contain_text("群众服务")
    await see(dialog).to_contain_text("居民服务")
    await see(dialog.get_by_role("button", name="合并并继续")).to_be_disabled()
    await check_page(second, "menu-conflict")
    await dialog.get_by_role("button", name="都用我的").click()
    await dialog.get_by_role("button", name="合并并继续").click()
    await see(dialog).to_have_count(0)
    await saved(second)
    merged = (await draft(second, site))["nodes"]["choose"]
    assert {key: option["label"] for key, option in merged["options"].items()} == {"1": "居民服务", "2": "涉企服务"}
    assert merged["note"] == "甲的备注"
    # The one who was first is told when saving next, and the other side can be kept for later too.
    expect(first, "412 PUT /api/menus/flows/main/draft")
    await first.get_by_label("备注").fill("甲又改了备注")
    await see(first.get_by_role("dialog")).to_be_visible()
    await first.get_by_role("button", name="稍后再合并").click()
    await see(first.get_by_role("alert")).to_contain_text("您的改动还没有并入")
    await check_page(first, "menu-conflict-later")
    await first.get_by_role("button", name="对照并合并").click()
    await first.get_by_role("dialog").get_by_role("button", name="合并并继续").click()
    await saved(first)
    assert (await draft(first, site))["nodes"]["choose"]["note"] == "甲又改了备注"
    assert (await draft(first, site))["nodes"]["choose"]["options"]["1"]["label"] == "居民服务"


async def press(page: Page, *keys: str) -> None:
    for key in keys:
        await page.keyboard.press(key)


async def test_everything_by_keyboard(site: Site, page_of: PageOf) -> None:
    page = await page_of(Role.ADMIN)
    await page.goto("/menus")
    # A new flow, from the list.
    await page.get_by_role("button", name="新建流程").press("Enter")
    await see(page.get_by_label("名称")).to_be_visible()
    await check_page(page, "menu-new")
    await page.get_by_label("名称").focus()
    await page.keyboard.type("主菜单")
    await press(page, "Tab")
    await page.keyboard.type("main")
    await press(page, "Enter")
    await see(row(page, "start")).to_be_visible()
    # In the outline: Insert behind the entry, a menu by arrows.
    await press(page, "Alt+1")
    await see(row(page, "start")).to_be_focused()
    await press(page, "Insert")
    await see(page.get_by_role("dialog").get_by_role("button", name=re.compile("^播报"))).to_be_focused()
    await check_page(page, "menu-add-node")
    await press(page, "ArrowDown", "Enter")
    area = page.locator('textarea[data-field="prompt"]')
    await see(area).to_be_focused()
    await page.keyboard.type(TEXTS[0])
    await press(page, "Escape")
    await see(row(page, "menu_1")).to_be_focused()
    # Down to key 1, which is open: Enter goes to its field; Insert puts a queue there.
    await press(page, "ArrowDown")
    await see(row(page, "menu_1/options.1.next")).to_be_focused()
    await press(page, "Enter")
    await see(page.locator('[data-field="options.1.next"]')).to_be_focused()
    await page.keyboard.type("human")
    await see(page.locator('[data-field="options.1.next"]')).to_have_value("human")
    await page.get_by_role("button", name="＋ 增加按键").press("Enter")
    await see(page.get_by_label("按键 2 的含义")).to_be_visible()
    await press(page, "Alt+1")
    await see(row(page, "menu_1")).to_be_focused()
    await press(page, "ArrowDown", "ArrowDown")
    await see(row(page, "menu_1/options.2.next")).to_be_focused()
    await press(page, "Insert", "ArrowUp", "Enter")
    await see(page.locator('textarea[data-field="prompt"]')).to_be_focused()
    await page.keyboard.type(TEXTS[3])
    await press(page, "Escape")
    await see(row(page, "hangup_1")).to_be_focused()
    # Keys change places, and back by undo; a node is removed, and is there again by undo.
    await press(page, "Alt+ArrowUp")
    await see(row(page, "hangup_1")).to_contain_text("按 1")
    await press(page, "Control+z")
    await see(row(page, "hangup_1")).to_contain_text("按 2")
    await row(page, "hangup_1").focus()
    await press(page, "Delete")
    await see(row(page, "hangup_1")).to_have_count(0)
    await press(page, "Control+z")
    await see(row(page, "hangup_1")).to_be_visible()
    # Findings: Enter on each leads to its field, until none is left that blocks.
    for field in ("on_timeout", "on_wrong"):
        await page.locator(f'.finding[data-finding*="{field}"]').press("Enter")
        await see(page.locator(f'[data-field="{field}"]')).to_be_focused()
        await page.keyboard.type("human")
        await see(page.locator(f'.finding[data-finding*="{field}"]')).to_have_count(0)
    await saved(page)
    # The canvas, too: arrows go from node to node.
    await page.locator('[data-node="menu_1"]').focus()
    await press(page, "ArrowUp")
    await see(page.locator('[data-node="start"]')).to_be_focused()
    await press(page, "Enter")
    await see(page.locator('[data-field="next"]')).to_be_focused()
    # Simulated with the keys of the keyboard, then published.
    await press(page, "Alt+4", "Tab")
    await page.get_by_role("button", name="拨打").press("Enter")
    await see(page.locator(".pad")).to_be_visible()
    await page.locator(".pad").get_by_role("button", name="1", exact=True).focus()
    await press(page, "2")
    await see(page.get_by_text("结束于")).to_contain_text("挂机")
    await page.get_by_role("tab", name="模拟").focus()
    await press(page, "ArrowRight")
    await see(page.get_by_role("tab", name="用例")).to_be_focused()
    await page.get_by_role("button", name="＋ 增加用例").press("Enter")
    await see(page.get_by_text("通过", exact=True)).to_be_visible()
    await check_page(page, "menu-cases")
    await press(page, "Alt+p")
    dialog = page.get_by_role("dialog")
    await see(dialog.get_by_role("heading", name="首次发布")).to_be_visible()
    for box in await dialog.get_by_role("checkbox").all():
        await box.press("Space")
    await dialog.get_by_role("button", name="发布", exact=True).press("Enter")
    await see(page.get_by_text("第 1 版已发布")).to_be_visible()
