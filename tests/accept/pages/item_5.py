"""Item 5: the menu editor in a real Chromium, and callers on a real Asterisk: a dead key cannot be published and its
finding leads to it; mended, simulated, published; a call goes on in the version it began with while the next has the
new one; back by one step; two editors and nothing lost; from the keyboard."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from playwright.async_api import Browser, Locator, Page
from playwright.async_api import expect as see

from directory import account_repository
from directory.models import Role
from directory.passwords import Passwords
from directory.users import NewUser, add_user
from hotline.clock import SystemClock
from tests.accept.ivr import keys
from tests.accept.ivr.editors import Editor, editor
from tests.accept.ivr.sounds import Sounds, short_greetings
from tests.accept.ivr.ways import Fact, way_until
from tests.accept.line import PASSWORD, Line
from tests.accept.people import Citizen, citizen
from tests.accept.scenario import Item, Scale
from tests.pages.browsing import DESK, Watch, chromium, verdict
from tests.pages.people import sign_in

_FLOW, _LINE = "edited-by-page", "12345"
_TEXT = "市民服务请按一，企业服务请按二"
_PATIENCE_MS = 20_000


def _document() -> dict[str, Any]:
    """A menu whose second key is dead."""
    options = {"1": {"label": "市民服务", "next": "human"}, "2": {"label": "企业服务"}}
    nodes: dict[str, Any] = {
        "start": {"type": "entry", "next": "choose"},
        "choose": {"type": "menu", "prompt": _TEXT, "options": options, "seconds": 10, "attempts": 3},
        "human": {"type": "queue"},
    }
    nodes["choose"] |= {"on_timeout": "human", "on_wrong": "human"}
    return {"flow": _FLOW, "name": "验收菜单", "entry": "start", "nodes": nodes}


def _field(page: Page, field: str) -> Locator:
    return page.locator(f'[data-field="{field}"]')


def _row(page: Page, key: str) -> Locator:
    return page.locator(f'[data-row="{key}"]')


async def _editor(line: Line, login: str) -> Editor:
    """An administrator of this item's own: the page asks for a second step, which others would not know."""
    async with line.database.transaction() as session:
        if await account_repository.user(session, login) is None:
            new = NewUser(login, f"编辑{login}", frozenset({Role.ADMIN}))
            await add_user(session, new, PASSWORD, Passwords(), now=SystemClock().now())
    return await editor(line, login)


async def _editor_page(line: Line, browser: Browser, login: str, watches: list[Watch]) -> Page:
    context = await browser.new_context(base_url=line.web, locale="zh-CN", viewport=DESK)
    context.set_default_timeout(_PATIENCE_MS)
    page = await context.new_page()
    watches.append(Watch(page))
    await sign_in(context, line.web, login, PASSWORD)
    await page.goto(f"/menus/flows/{_FLOW}")
    await see(_row(page, "choose")).to_be_visible(timeout=_PATIENCE_MS)
    return page


async def _saved(page: Page) -> None:
    await see(page.get_by_role("status").filter(has_text="已保存第")).to_be_visible(timeout=_PATIENCE_MS)


async def _publish(page: Page, version: int) -> None:
    """By keys, every warning taken note of."""
    await _saved(page)
    await page.keyboard.press("Alt+p")
    dialog = page.get_by_role("dialog")
    button = dialog.get_by_role("button", name="发布", exact=True)
    await see(dialog.locator(".changes")).to_be_visible(timeout=_PATIENCE_MS)
    for box in await dialog.get_by_role("checkbox").all():
        await box.press("Space")
    await button.press("Enter")
    await see(page.get_by_text(f"第 {version} 版已发布")).to_be_visible(timeout=_PATIENCE_MS)


async def _mended(page: Page) -> None:
    """The dead key blocks; its finding leads to it; it leads to the enterprises then, and the simulation shows it."""
    await page.keyboard.press("Alt+p")
    await see(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("现在不能发布", timeout=_PATIENCE_MS)
    refuses = page.get_by_role("button", name="发布", exact=True)
    await see(refuses).to_be_disabled()
    await page.keyboard.press("Escape")
    await see(page.get_by_role("dialog")).to_have_count(0)
    await page.locator('.finding[data-finding*="options.2.next"]').press("Enter")
    await see(_field(page, "options.2.next")).to_be_focused()
    await page.keyboard.type("human")
    await see(_field(page, "options.2.next")).to_have_value("human")
    await see(page.locator(".finding").filter(has_text="错误")).to_have_count(0, timeout=_PATIENCE_MS)
    await page.keyboard.press("Alt+4")
    await page.get_by_role("button", name="拨打").press("Enter")
    await page.locator(".pad").get_by_role("button", name="2", exact=True).press("Enter")
    await see(page.get_by_text("结束于")).to_contain_text("队列", timeout=_PATIENCE_MS)
    await see(page.locator('[data-node="human"]')).to_have_class(re.compile(r"\blit\b"))


async def _in_menu(line: Line, who: Citizen) -> Fact:
    entered = (await way_until(line, who.e164, "menu_entered")).entered
    assert entered is not None
    return entered


async def _version_of_next_call(line: Line) -> int:
    who = await citizen(line)
    call = await who.dial(_LINE)
    version = int((await _in_menu(line, who)).told["version"])
    await call.hang_up()
    return version


async def _versions(line: Line, page: Page, admin: Editor) -> None:
    """A caller on v1 while v2 is published from the page; the next has v2; after the rollback the next has v3."""
    await admin.assign(_LINE, _FLOW)
    await _next_has(line, 1)
    who = await citizen(line)
    call = await who.dial(_LINE)
    assert (await _in_menu(line, who)).told["version"] == 1
    await _row(page, "choose").click()
    await page.get_by_role("tab", name="属性").click()
    await _field(page, "options.1.label").fill("群众服务")
    await _publish(page, 2)
    await _next_has(line, 2)
    # The one who was in the menu all the time goes on in the version it began with.
    await keys.event(call, "1")
    way = await way_until(line, who.e164, "queued")
    assert {left.version for left in way.nodes} == {1}, way.nodes
    await call.hang_up()
    await page.get_by_role("tab", name="版本").click()
    await page.get_by_role("button", name="回退到这一版").press("Enter")
    await page.get_by_role("dialog").get_by_role("button", name="回退", exact=True).press("Enter")
    await see(page.get_by_text("作为第 3 版生效")).to_be_visible(timeout=_PATIENCE_MS)
    await _next_has(line, 3)


async def _next_has(line: Line, version: int) -> None:
    """The next call has it, a second after the page said so."""
    await asyncio.sleep(1)
    assert await _version_of_next_call(line) == version


async def _conflict(line: Line, first: Page, browser: Browser, watches: list[Watch]) -> None:
    """A second editor is late: sees both sides, chooses, and what both did elsewhere is there."""
    admin = await _editor(line, "menus-2")
    second = await _editor_page(line, browser, admin.login, watches)
    watches[-1].expect("412 PUT /api/menus/flows/")
    await _row(first, "choose").click()
    await first.get_by_role("tab", name="属性").click()
    await _field(first, "options.1.label").fill("先改的")
    await see(first.get_by_text("正在保存")).to_have_count(0, timeout=_PATIENCE_MS)
    await _saved(first)
    await _row(second, "choose").click()
    await _field(second, "options.1.label").fill("后改的")
    await _field(second, "options.2.label").fill("另一处")
    dialog = second.get_by_role("dialog")
    await see(dialog).to_contain_text("先改的", timeout=_PATIENCE_MS)
    await dialog.get_by_role("button", name="都用对方的").press("Enter")
    await dialog.get_by_role("button", name="合并并继续").press("Enter")
    await see(dialog).to_have_count(0, timeout=_PATIENCE_MS)
    await _saved(second)
    draft = await admin.ask("GET", f"/menus/flows/{_FLOW}/draft")
    labels = {key: one["label"] for key, one in draft["document"]["nodes"]["choose"]["options"].items()}
    assert labels == {"1": "先改的", "2": "另一处"}, labels
    assert await admin.ask("GET", f"/menus/flows/{_FLOW}/stashes") == []


async def menus(line: Line, _scale: Scale) -> str:
    """Item 5."""
    await Sounds().speak(line, {_TEXT: 1.0})
    await short_greetings(line)
    admin = await _editor(line, "menus-1")
    await admin.save(_document())
    watches: list[Watch] = []
    async with chromium() as browser:
        page = await _editor_page(line, browser, admin.login, watches)
        await _mended(page)
        await _publish(page, 1)
        await _versions(line, page, admin)
        await _conflict(line, page, browser, watches)
    verdict(watches)
    return "a dead key refused, mended by its finding; a call stayed on v1 while the next had v2; rolled back; merged"


ITEM = Item(5, "the menu editor: no dead key is published, versions under running calls, two editors", menus)
