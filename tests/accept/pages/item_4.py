"""Item 4: a ticket by keyboard and input method alone; the unit signs and replies; the citizen's page shows it."""

from __future__ import annotations

import re
from typing import Any

import httpx
from playwright.async_api import Browser, CDPSession

from directory.models import Role, Unit, UnitLevel
from directory.passwords import Passwords
from directory.users import NewUser, add_user
from hotline.clock import SystemClock
from tests.accept.line import PASSWORD, Line
from tests.accept.pages.desk_page import DeskPage, chromium, desk_page
from tests.accept.pages.item_2 import answered_call
from tests.accept.people import log_in
from tests.accept.scenario import Item, Scale

TITLE, CONTENT = "路灯不亮", "文明路北段三盏路灯不亮已有一周"
REPLY = "已更换三盏路灯，今晚起正常照明。"
_KEYS = ("F2", "F4", "F8", "F9", "Alt+h", "Alt+m", "Alt+3", "Control+k", "Control+Enter", "Enter")


async def ticket(line: Line, _scale: Scale) -> str:
    """Item 4."""
    people = await _people(line)
    async with chromium() as browser:
        desk = await desk_page(line, browser)
        try:
            await desk.work()
            call = await answered_call(line, desk)
            number, typed, code = await _registered(desk)
            assert not call.ended.is_set(), "no key of the input method hung up"
            await desk.press("F4")
            await call.ended.wait()
        finally:
            await desk.leave()
        await _handled(line, number, people)
        shown = await _of_the_citizen(line, browser, typed, code)
    assert "已经答复" in shown, shown
    return f"{number}: registered without a mouse, signed, replied; the citizen's page: {shown}"


async def _registered(desk: DeskPage) -> tuple[str, str, str]:
    """Title and content by an input method; the number, and what the citizen is told."""
    page = desk.page
    keyboard = await desk.context.new_cdp_session(page)
    state = page.locator(".status-bar .state")
    # Into the form without the mouse: the page's own key from the skip link on would do as well.
    await page.locator("#ticket-title").focus()
    await _composed(desk, keyboard, TITLE)
    assert await page.locator("#ticket-title").input_value() == TITLE
    for _ in range(10):
        await desk.press("Tab")
        if await page.evaluate("document.activeElement.id") == "ticket-content":
            break
    await _composed(desk, keyboard, CONTENT)
    assert await page.locator("#ticket-content").input_value() == CONTENT
    assert "通话中" in await state.inner_text()
    assert await page.locator("dialog[open]").count() == 0
    await desk.press("Control+Enter")
    heading = page.get_by_role("heading", name="工单已登记")
    await heading.wait_for()
    number = re.search(r"[A-Z]+[0-9]+", await heading.inner_text())
    told = await page.locator(".tell dd").inner_text()
    found = re.search(r"编号 *([0-9]+).*查询码 *([0-9A-Z]+)", told)
    assert number is not None
    assert found is not None, told
    await desk.shoot("desk-registered")
    await page.keyboard.press("Tab")
    for _ in range(10):
        if "受理" in await page.evaluate("document.activeElement.textContent"):
            break
        await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.locator(".registered p", has_text="待派单").wait_for()
    return number[0], found[1], found[2]


async def _composed(desk: DeskPage, keyboard: CDPSession, text: str) -> None:
    """As an input method writes: a composition that every key of ours meets, then its words."""
    await keyboard.send("Input.imeSetComposition", {"text": "lu deng", "selectionStart": 7, "selectionEnd": 7})
    for key in _KEYS:
        *held, name = key.split("+")
        modifiers = sum({"Alt": 1, "Control": 2}[one] for one in held)
        told: dict[str, Any] = {"key": name, "code": name, "modifiers": modifiers, "windowsVirtualKeyCode": 229}
        await keyboard.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **told})
        await keyboard.send("Input.dispatchKeyEvent", {"type": "keyUp", **told})
    await keyboard.send("Input.imeSetComposition", {"text": "", "selectionStart": 0, "selectionEnd": 0})
    await keyboard.send("Input.insertText", {"text": text})


async def _people(line: Line) -> dict[str, int]:
    """A dispatcher, and a unit with a handler and a head; once a line."""
    now = SystemClock().now()
    logins = ("pages_dispatcher", "pages_handler", "pages_head")
    async with line.database.transaction() as session:
        from sqlalchemy import select

        unit = await session.scalar(select(Unit).where(Unit.name == "市城管局（验收）"))
        if unit is None:
            unit = Unit(name="市城管局（验收）", level=UnitLevel.CITY)
            session.add(unit)
            await session.flush()
            for login, role in zip(logins, (Role.DISPATCHER, Role.UNIT_HANDLER, Role.UNIT_HEAD), strict=True):
                own = None if role is Role.DISPATCHER else unit.id
                await add_user(session, NewUser(login, login, frozenset({role}), own), PASSWORD, Passwords(), now=now)
        return {"unit": unit.id}


async def _handled(line: Line, number: str, people: dict[str, int]) -> None:
    await _act(line, "pages_dispatcher", number, "dispatch", lead_unit=people["unit"])
    await _act(line, "pages_handler", number, "sign_for")
    await _answered(line, number)
    await _act(line, "pages_handler", number, "reply", note=REPLY)
    await _act(line, "pages_head", number, "approve_reply")


async def _answered(line: Line, number: str) -> None:
    """The unit has answered the citizen, before it reports (双向答复)."""
    said = {"at": SystemClock().now().isoformat(), "way": "phone", "by": "张三", "outcome": "answered", "note": REPLY}
    async with httpx.AsyncClient(base_url=line.web, timeout=20, trust_env=False) as http:
        await log_in(http, "pages_handler")
        answer = await http.post(f"/api/tickets/{number}/contacts", json=said)
        assert answer.is_success, answer.text


async def _act(line: Line, login: str, number: str, action: str, **details: Any) -> None:
    async with httpx.AsyncClient(base_url=line.web, timeout=20, trust_env=False) as http:
        await log_in(http, login)
        file = (await http.get(f"/api/tickets/{number}")).json()
        body = {"action": action, "version": file["ticket"]["version"], **details}
        answer = await http.post(f"/api/tickets/{number}/actions", json=body)
        assert answer.is_success, f"{action}: {answer.text}"


async def _of_the_citizen(line: Line, browser: Browser, typed: str, code: str) -> str:
    """What the citizen's own page shows for number and code."""
    page = await browser.new_page(locale="zh-CN")
    try:
        await page.goto(f"{line.web}/public/progress")
        await page.get_by_label("受理编号").fill(typed)
        await page.get_by_label("查询码").fill(code)
        await page.get_by_role("button", name="查询").click()
        said = page.locator(".said")
        await said.wait_for()
        return await said.inner_text()
    finally:
        await page.close()


ITEM = Item(4, "a ticket by keyboard and input method alone, to the citizen's own page", ticket)
