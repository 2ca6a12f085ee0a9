"""A citizen's call from the page (网页通话) when it does not come about: each reason is said, with what to do, at every
size and to a screen reader. The calls that do are in `tests.accept`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

import pytest
from fastapi import FastAPI
from playwright.async_api import Page, WebSocketRoute
from playwright.async_api import expect as see

from hotline.settings import WebCalls
from tests.pages.accessibility import check_page
from tests.pages.conftest import PageOf, Site
from tests.web.people import Units
from web.app import create_app
from web.services import Services
from web.web_calls.permits import Permits

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

Expect = Callable[[Page, str], None]
Answer = Callable[[WebSocketRoute, str], Awaitable[None]]

_AT_ONCE: Final = 9
_AN_HOUR: Final = 3
_LINE: Final = re.compile(r"/public/call/line\?permit=")
_OTHER_SIDE: Final = """async (offer) => {
    const other = new RTCPeerConnection()
    await other.setRemoteDescription({ type: 'offer', sdp: offer })
    await other.setLocalDescription(await other.createAnswer())
    if (other.iceGatheringState !== 'complete')
        await new Promise((done) => { other.onicecandidate = ({ candidate }) => candidate ?? done() })
    return other.localDescription.sdp
}"""
"""Answers an offer as another browser would; returns the answer."""


@pytest.fixture
def app(services: Services, units: Units) -> FastAPI:
    """Few calls in an hour."""
    calls = WebCalls(at_once=_AT_ONCE, per_address=_AT_ONCE, per_hour=_AN_HOUR)
    return create_app(replace(services, settings=services.settings.model_copy(update={"web_calls": calls})))


async def _dial(page: Page) -> None:
    await page.get_by_role("button", name="拨打12345").press("Enter")


async def _said(page: Page, name: str, trouble: str, state: str = "没有接通") -> None:
    """What is wrong is an alert, the state is told, and the focus is where the next try is."""
    await see(page.get_by_role("alert")).to_contain_text(trouble)
    await see(page.locator("#state")).to_have_text(state)
    await see(page.get_by_role("button", name="挂断")).to_be_hidden()
    await see(page.get_by_role("button", name="拨打12345")).to_be_enabled()
    await check_page(page, f"citizen-call-{name}", on_phones=True)


@pytest.mark.parametrize(
    ("refusal", "trouble"),
    [
        ("NotAllowedError", "没有获准使用麦克风"),
        ("NotFoundError", "没有找到麦克风"),
        ("NotReadableError", "麦克风打不开"),
    ],
)
async def test_no_microphone(new_page: PageOf, refusal: str, trouble: str) -> None:
    page = await new_page()
    refused = f"Promise.reject(new DOMException('', '{refusal}'))"
    await page.add_init_script(f"navigator.mediaDevices.getUserMedia = () => {refused}")
    await page.goto("/public/call")
    await _dial(page)
    await _said(page, refusal, trouble)
    await see(page.get_by_role("alert")).to_contain_text("12345")
    await see(page.get_by_role("button", name="拨打12345")).to_be_focused()


async def test_refused_by_the_line_and_by_its_limits(site: Site, new_page: PageOf, expect: Expect) -> None:
    page = await new_page()
    expect(page, r"(403|422|429) POST /public/call/permit$")
    await page.goto("/public/call")
    number = page.get_by_label("回拨电话")
    await number.fill("12")
    await _dial(page)
    await see(number).to_be_focused()
    await see(number).to_have_attribute("aria-invalid", "true")
    await _said(page, "number", "回拨电话填写不正确")
    await number.fill("")

    permits = Permits(site.app.state.services)
    for caller in range(_AT_ONCE):
        await permits.give(f"other-{caller}", "")
    await _dial(page)
    await _said(page, "busy", "线路忙")
    await site.services.redis.flushdb()

    # No telephone system is here: every permit is used up for nothing.
    for _ in range(_AN_HOUR):
        await _dial(page)
        await see(page.get_by_role("alert")).to_contain_text("电话系统暂时不能接通")
    await _said(page, "away", "电话系统暂时不能接通")
    await _dial(page)
    await _said(page, "too-often", "拨打过于频繁")

    await page.context.clear_cookies()
    await _dial(page)
    await _said(page, "form", "页面已过期")


async def _answered_by(page: Page, answer: Answer) -> None:
    """What comes of the page's INVITE, in place of Asterisk."""
    works: set[asyncio.Task[None]] = set()

    def on_line(line: WebSocketRoute) -> None:
        def on_message(text: str | bytes) -> None:
            if str(text).startswith("INVITE "):
                work = asyncio.ensure_future(answer(line, str(text)))
                works.add(work)
                work.add_done_callback(works.discard)

        line.on_message(on_message)

    await page.route_web_socket(_LINE, on_line)


def _response(invite: str, status: str, sdp: str = "") -> str:
    """To an INVITE, with the headers that RFC 3261 takes over from it."""
    copied = [line for line in invite.split("\r\n") if re.match(r"(Via|From|To|Call-ID|CSeq):", line)]
    tagged = [f"{line};tag=other" if line.startswith("To:") else line for line in copied]
    body = ["Content-Type: application/sdp"] if sdp else []
    length = f"Content-Length: {len(sdp.encode())}"
    return "\r\n".join([f"SIP/2.0 {status}", *tagged, "Contact: <sip:12345@other.invalid>", *body, length, "", sdp])


async def test_busy_and_refused_after_the_line_was_opened(new_page: PageOf) -> None:
    page = await new_page()
    answers = ["486 Busy Here", "403 Forbidden"]

    async def answer(line: WebSocketRoute, invite: str) -> None:
        line.send(_response(invite, answers.pop(0)))

    await _answered_by(page, answer)
    await page.goto("/public/call")
    await _dial(page)
    await _said(page, "line-busy", "线路忙")
    await _dial(page)
    await _said(page, "refused", "这次呼叫没有接通")


async def test_a_line_that_is_lost_before_anybody_answers_is_said(new_page: PageOf) -> None:
    page = await new_page()

    async def answer(line: WebSocketRoute, invite: str) -> None:
        await line.close()

    await _answered_by(page, answer)
    await page.goto("/public/call")
    await _dial(page)
    await _said(page, "line-lost", "电话系统暂时不能接通")


async def test_a_talk_whose_connection_is_lost(new_page: PageOf) -> None:
    page = await new_page()
    lines: list[WebSocketRoute] = []

    async def answer(line: WebSocketRoute, invite: str) -> None:
        lines.append(line)
        sdp = await page.evaluate(_OTHER_SIDE, invite.partition("\r\n\r\n")[2])
        line.send(_response(invite, "200 OK", sdp))

    await _answered_by(page, answer)
    await page.goto("/public/call")
    # A key that is held down longer dials, and hangs up nothing.
    await page.get_by_role("button", name="拨打12345").focus()
    for _ in range(3):
        await page.keyboard.down("Enter")
    await page.keyboard.up("Enter")
    await see(page.locator("#state")).to_have_text("已接通，请讲话或按键")
    await see(page.get_by_role("button", name="挂断")).to_be_focused()
    await page.keyboard.press("5")
    await see(page.locator("#keyed")).to_have_text("已按 5")
    await check_page(page, "citizen-call-talking", on_phones=True)
    await lines[0].close()
    await _said(page, "lost", "网络中断", state="通话已结束")
    await see(page.get_by_role("button", name="拨打12345")).to_be_focused()
