"""录音: found, heard after a reason with each channel by itself, held by law; nobody hears what is not theirs."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import httpx
import pytest
from playwright.async_api import Locator, Page, Response
from playwright.async_api import expect as see
from sqlalchemy import select

from calls.recording.states import RecordingState
from calls.recording.tables import RecordingRow
from calls.ticket_links import TicketLinks
from directory.models import Role
from directory.models.audit import AuditRow
from tests.pages.accessibility import check_page
from tests.pages.browsing import holds
from tests.pages.conftest import PageOf, Site
from tests.pages.kept_recordings import Kept, keep, note
from tests.web.conftest import PATIENT, Caller
from ticketing.events import TicketLinked

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

Expect = Callable[[Page, str], None]

LONG: Final = 1_200
"""Seconds: more than a browser fetches ahead, so that it asks for a range when it is to play elsewhere."""

_LISTENING: Final = """
(() => {
    // What comes out of the loudspeakers, left and right, measured beside them.
    const heard = window.heard = { elements: [], contexts: [], analysers: [] }
    const source = AudioContext.prototype.createMediaElementSource
    AudioContext.prototype.createMediaElementSource = function (element) {
        heard.elements.push(element)
        heard.contexts.push(this)
        return source.call(this, element)
    }
    const connect = AudioNode.prototype.connect
    AudioNode.prototype.connect = function (to, ...places) {
        if (to instanceof AudioDestinationNode) {
            const sides = this.context.createChannelSplitter(2)
            connect.call(this, sides)
            heard.analysers = [0, 1].map((side) => {
                const analyser = this.context.createAnalyser()
                connect.call(sides, analyser, side)
                return analyser
            })
        }
        return connect.call(this, to, ...places)
    }
    heard.level = (side) => {
        const samples = new Float32Array(heard.analysers[side].fftSize)
        heard.analysers[side].getFloatTimeDomainData(samples)
        return Math.sqrt(samples.reduce((sum, one) => sum + one * one, 0) / samples.length)
    }
    heard.pitch = (side) => {
        const analyser = heard.analysers[side]
        const bins = new Float32Array(analyser.frequencyBinCount)
        analyser.getFloatFrequencyData(bins)
        return bins.indexOf(Math.max(...bins)) * analyser.context.sampleRate / analyser.fftSize
    }
})()
"""

_LOUD, _STILL = 0.05, 0.001


def _row(page: Page, number: int) -> Locator:
    """The row of the call `number` hours ago."""
    return page.get_by_role("grid", name="录音").get_by_role("row").nth(number)


async def _hear(page: Page, reason: str = "投诉核查") -> Locator:
    """Give a reason in the open dialog; the place where it plays."""
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("收听的理由").fill(reason)
    await page.keyboard.press("Enter")
    place = dialog.get_by_role("slider", name="播放位置")
    await see(place).to_be_focused()
    return place


async def _plays_from(page: Page, seconds: float) -> None:
    await holds(page, "(from) => heard.elements.at(-1)?.currentTime > from", seconds)


async def _levels(page: Page, *, left: bool, right: bool) -> None:
    """Wait until the sides are heard, or not, as said."""
    sides = [[side, loud] for side, loud in ((0, left), (1, right))]
    await holds(
        page,
        f"(sides) => sides.every(([side, loud]) => loud ? heard.level(side) > {_LOUD} : heard.level(side) < {_STILL})",
        sides,
    )


def _is_part(answer: Response) -> bool:
    """Whether it is sound from within a recording."""
    return answer.status == 206 and not answer.headers["content-range"].startswith("bytes 0-")


async def _actions(site: Site) -> list[tuple[str, str, Any]]:
    async with site.services.database.transaction() as session:
        rows = await session.scalars(select(AuditRow).where(AuditRow.subject.startswith("recording:")))
        return [(row.actor, row.action, row.after) for row in rows]


async def test_a_supervisor_finds_a_talk_and_hears_each_side_of_it(site: Site, page_of: PageOf, expect: Expect) -> None:
    kept = await keep(site.services, 0, seconds=LONG, gap_ms=3_000)
    await keep(site.services, 1, seconds=2, agent="1002")
    page = await page_of(Role.SUPERVISOR)
    await page.add_init_script(_LISTENING)
    await page.goto("/recordings")
    first = _row(page, 1)
    await see(first).to_contain_text("20:00")
    for words in ("138****5678", "12345", "1001", "可收听", "3 秒"):
        await see(first).to_contain_text(words)
    await see(_row(page, 2)).to_contain_text("1002")

    filters = page.get_by_role("form", name="查找录音")
    await filters.get_by_label("座席工号").fill("1002")
    await page.keyboard.press("Enter")
    await see(page.get_by_role("grid", name="录音").get_by_role("row")).to_have_count(2)
    await filters.get_by_label("座席工号").fill("")
    await filters.get_by_label("市民号码").fill("138 1234 5678")
    await page.keyboard.press("Enter")
    await see(page.get_by_role("grid", name="录音").get_by_role("row")).to_have_count(3)
    await filters.get_by_label("结束日期").fill("2020-01-01")
    await page.keyboard.press("Enter")
    await see(filters.get_by_role("status")).to_have_text("结束日期早于开始日期。")
    await check_page(page, "recordings-wrong-days")
    await filters.get_by_role("button", name="最近 7 天").click()
    await filters.get_by_label("市民号码").fill("abc")
    expect(page, "422 GET /api/recordings")
    await page.keyboard.press("Enter")
    await see(page.get_by_role("alert")).to_contain_text("这不像一个电话号码")
    await check_page(page, "recordings-refused")
    await filters.get_by_role("button", name="最近 7 天").click()

    await _row(page, 1).focus()
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    await see(dialog).to_contain_text("缺失 3 秒")
    await dialog.get_by_role("button", name="开始收听").click()
    await see(dialog.get_by_text("请填写收听的理由")).to_be_visible()
    assert await _actions(site) == []
    await check_page(page, "recordings-reason")

    place = await _hear(page)
    await _plays_from(page, 0.5)
    await see(dialog.get_by_role("button", name="暂停")).to_be_visible()
    # Far ahead, where nothing was fetched yet: only that range is asked for.
    async with page.expect_response(_is_part):
        await page.keyboard.press("End")
        await page.keyboard.press("PageDown")
    await _plays_from(page, LONG - 30)
    await page.keyboard.press("Home")
    assert await _actions(site) == [("supervisor", "recording.heard", {"call": kept.call, "reason": "投诉核查"})]
    await _levels(page, left=True, right=True)
    low, high = await page.evaluate("[heard.pitch(0), heard.pitch(1)]")
    assert (abs(low - 440) < 50, abs(high - 1_000) < 50) == (True, True), (low, high)
    await dialog.get_by_role("button", name="市民静音").press("Enter")
    await _levels(page, left=False, right=True)
    await dialog.get_by_role("button", name="座席及其他静音").press("Enter")
    await _levels(page, left=False, right=False)
    await dialog.get_by_role("button", name="市民取消静音").press("Enter")
    await _levels(page, left=True, right=False)
    await check_page(page, "recordings-playing")

    await place.focus()
    await page.keyboard.press("Space")
    await see(dialog.get_by_role("button", name="播放", exact=True)).to_be_visible()
    assert await page.evaluate("heard.elements[0].paused")
    await page.keyboard.press("Home")
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("ArrowRight")
    await see(place).to_have_attribute("aria-valuetext", "0:10，全长 20:00")
    await page.keyboard.press("ArrowLeft")
    await see(place).to_have_attribute("aria-valuenow", "5")
    box = await place.bounding_box()
    assert box is not None
    await place.click(position={"x": box["width"] * 0.75, "y": box["height"] / 2})
    await see(place).to_have_attribute("aria-valuetext", re.compile("^(14:59|15:00|15:01)"))
    await dialog.get_by_label("速度").select_option("2")
    assert await page.evaluate("heard.elements[0].playbackRate") == 2
    await dialog.get_by_role("button", name="播放", exact=True).click()
    await _plays_from(page, 902)

    await page.keyboard.press("Escape")
    await see(dialog).to_have_count(0)
    await see(_row(page, 1)).to_be_focused()
    await holds(page, "heard.contexts[0].state === 'closed'")
    assert await page.evaluate("heard.elements[0].paused && !heard.elements[0].src")
    # A second hearing is another: its reason is asked for again.
    await page.keyboard.press("Enter")
    await see(dialog.get_by_label("收听的理由")).to_have_value("")


async def test_leave_that_ran_out_is_asked_for_again_and_goes_on_from_there(
    site: Site, page_of: PageOf, expect: Expect
) -> None:
    await keep(site.services, 0, seconds=LONG)
    page = await page_of(Role.AUDITOR)
    await page.add_init_script(_LISTENING)
    await page.goto("/recordings")
    await _row(page, 1).click()
    place = await _hear(page)
    await _plays_from(page, 0.2)
    await page.keyboard.press("Space")
    redis = site.services.redis
    tickets = [name async for name in redis.scan_iter("*playback*")]
    assert tickets
    await redis.delete(*tickets)
    expect(page, "403 GET /api/recordings/[0-9]+/sound")
    await page.keyboard.press("End")
    await page.keyboard.press("PageDown")
    await page.keyboard.press("Space")
    dialog = page.get_by_role("dialog")
    await see(dialog.get_by_role("alert")).to_contain_text("停在 19:30")
    reason = dialog.get_by_label("收听的理由")
    await see(reason).to_be_focused()
    await see(reason).to_have_value("投诉核查")
    await check_page(page, "recordings-ran-out")
    await page.keyboard.press("Enter")
    await see(place).to_be_focused()
    await _plays_from(page, 1_170.2)
    assert [action for _, action, _ in await _actions(site)] == ["recording.heard"] * 2


async def test_a_hold_is_set_and_lifted_with_reasons(site: Site, page_of: PageOf, expect: Expect) -> None:
    kept = await keep(site.services, 0, seconds=2)
    page = await page_of(Role.AUDITOR)
    await page.goto("/recordings")
    row = _row(page, 1)
    await row.click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="依法保全…").press("Enter")
    await see(dialog.get_by_label("依法保全的理由")).to_be_focused()
    await page.keyboard.press("Enter")
    await see(dialog.get_by_text("请填写理由，如调取单位和文号")).to_be_visible()
    await check_page(page, "recordings-hold")
    await dialog.get_by_label("依法保全的理由").fill("法院调取")
    # Somebody else is quicker.
    async with site.services.database.transaction() as session:
        held = await session.get(RecordingRow, kept.id)
        assert held is not None
        held.held_at, held.held_by, held.hold_reason = site.services.clock.now(), "supervisor", "公安调取"
    expect(page, "409 POST /api/recordings/[0-9]+/hold")
    await page.keyboard.press("Enter")
    await see(dialog.get_by_role("alert")).to_contain_text("已经在保全中")
    await see(dialog).to_contain_text("由 supervisor 保全：公安调取")
    # What was typed holds nothing and lifts nothing.
    await see(dialog.get_by_label("解除保全的理由")).to_have_count(0)
    await see(dialog.get_by_role("button", name="解除保全…")).to_be_focused()
    await check_page(page, "recordings-held-already")
    await page.keyboard.press("Enter")
    await dialog.get_by_role("button", name="不改").click()
    await see(dialog.get_by_role("button", name="解除保全…")).to_be_focused()
    await page.keyboard.press("Enter")
    await dialog.get_by_label("解除保全的理由").fill("结案")
    await page.keyboard.press("Enter")
    await see(dialog.get_by_role("status")).to_contain_text("已解除保全")
    await dialog.get_by_role("button", name="依法保全…").click()
    await dialog.get_by_label("依法保全的理由").fill("法院调取 文号 7")
    await page.keyboard.press("Enter")
    await see(dialog).to_contain_text("由 auditor 保全：法院调取 文号 7")
    await page.keyboard.press("Escape")
    await see(row).to_contain_text("保全中")
    await see(row).to_contain_text("保全期间不删除")
    told = [("auditor", "recording.hold_lifted", {"reason": "结案"})]
    assert await _actions(site) == [*told, ("auditor", "recording.held", {"reason": "法院调取 文号 7"})]


async def test_what_cannot_be_heard_says_why(site: Site, page_of: PageOf, expect: Expect) -> None:
    kept = await keep(site.services, 0, seconds=2)
    await note(site.services, 1, RecordingState.ERASED)
    await note(site.services, 2, RecordingState.DAMAGED, "nothing_recorded")
    await note(site.services, 3, RecordingState.RECORDING)
    page = await page_of(Role.SUPERVISOR)
    await page.goto("/recordings")
    dialog = page.get_by_role("dialog")
    for place, words in ((2, "保存期已满"), (3, "没有录到声音"), (4, "还在录制")):
        await _row(page, place).click()
        await see(dialog).to_contain_text(words)
        await see(dialog.get_by_label("收听的理由")).to_have_count(0)
        await check_page(page, f"recordings-silent-{place}")
        await dialog.get_by_role("button", name="关闭").click()
    await _row(page, 2).click()
    await see(dialog).to_contain_text("不能再保全")
    await see(dialog.get_by_role("button", name="依法保全…")).to_have_count(0)
    await page.keyboard.press("Escape")

    content = bytearray(kept.path.read_bytes())
    content[40] ^= 1
    kept.path.write_bytes(content)
    await _row(page, 1).click()
    expect(page, "500 (GET|POST) /api/recordings/[0-9]+/(playbacks|sound)")
    await dialog.get_by_label("收听的理由").fill("投诉核查")
    await page.keyboard.press("Enter")
    await see(dialog.get_by_text("录音文件与封存时不一致，不能作为凭据")).to_be_visible()
    await see(dialog.get_by_role("slider")).to_have_count(0)
    await check_page(page, "recordings-damaged")
    await page.keyboard.press("Escape")
    await see(_row(page, 1)).to_contain_text("已损坏")


async def test_damage_that_is_met_while_it_plays_ends_it(site: Site, page_of: PageOf, expect: Expect) -> None:
    kept = await keep(site.services, 0, seconds=LONG)
    page = await page_of(Role.AUDITOR)
    await page.add_init_script(_LISTENING)
    await page.goto("/recordings")
    await _row(page, 1).click()
    place = await _hear(page)
    await _plays_from(page, 0.2)
    await page.keyboard.press("Space")
    content = bytearray(kept.path.read_bytes())
    for at in range(len(content) // 2, len(content), 4_096):
        content[at] ^= 1
    kept.path.write_bytes(content)
    # What was on its way is cut off; what is asked for next is refused.
    expect(page, "(500|404|request failed:) GET /api/recordings/[0-9]+/sound")
    await page.keyboard.press("End")
    await page.keyboard.press("PageDown")
    dialog = page.get_by_role("dialog")
    await see(dialog.get_by_text("录音文件与封存时不一致，不能作为凭据")).to_be_visible()
    await see(place).to_have_count(0)
    await see(dialog.get_by_label("收听的理由")).to_have_count(0)
    await check_page(page, "recordings-damage-met")


async def test_an_agent_hears_own_talks_where_that_is_the_policy(site: Site, page_of: PageOf, expect: Expect) -> None:
    await keep(site.services, 0, seconds=2)
    other = await keep(site.services, 1, seconds=2, agent="1002")
    page = await page_of(Role.AGENT)
    await page.goto("/recordings")
    await see(page.get_by_text("没有开放座席收听自己的录音")).to_be_visible()
    await see(page.get_by_role("navigation").get_by_role("link", name="录音")).to_have_count(0)
    await check_page(page, "recordings-agent-closed")
    settings = site.services.settings
    allowed = settings.model_copy(update={"recording": settings.recording.model_copy(update={"agents_may_hear": True})})
    object.__setattr__(site.services, "settings", allowed)
    await page.add_init_script(_LISTENING)
    await page.reload()
    await see(page.get_by_role("navigation").get_by_role("link", name="录音")).to_be_visible()
    await see(page.get_by_role("grid", name="录音").get_by_role("row")).to_have_count(2)
    await see(page.get_by_label("座席工号")).to_have_count(0)
    await _row(page, 1).click()
    await _hear(page)
    await _plays_from(page, 0.2)
    await see(page.get_by_role("dialog").get_by_role("button", name=re.compile("保全"))).to_have_count(0)
    await check_page(page, "recordings-agent")
    expect(page, f"403 GET /api/calls/{other.call}/recordings")
    await page.goto(f"/recordings?call={other.call}")
    await see(page.get_by_role("alert")).to_contain_text("没有这项操作的权限")


async def _with_ticket(site: Site, kept: Kept) -> str:
    """The number of a ticket of this talk, which the call's journal was told of as the web process tells it."""
    links = TicketLinks(database=site.services.database, process="ast1/web")
    site.services.events.subscribe(TicketLinked, links.linked)
    async with httpx.AsyncClient(base_url=site.origin, timeout=PATIENT) as http:
        agent = await Caller(http).as_("agent")
        told = await agent.post("/api/tickets", title="路灯不亮", caller_number="13812345678", call=kept.call)
        assert told.status_code == 201, told.text
        number: str = told.json()["number"]
        return number


async def test_from_a_ticket_to_what_was_said_and_back(site: Site, page_of: PageOf) -> None:
    kept = await keep(site.services, 0, seconds=2)
    await keep(site.services, 1, seconds=2)
    number = await _with_ticket(site, kept)
    page = await page_of(Role.SUPERVISOR)
    await page.goto(f"/tickets/{number}")
    await page.get_by_role("link", name=f"通话 {kept.call} 的录音").press("Enter")
    rows = page.get_by_role("grid", name="录音").get_by_role("row")
    await see(rows).to_have_count(2)
    await see(page.get_by_text(f"通话 {kept.call} 的录音")).to_be_visible()
    await rows.nth(1).click()
    ticket = page.get_by_role("dialog").get_by_role("link", name=number)
    await check_page(page, "recordings-of-a-call")
    await ticket.press("Enter")
    await see(page.get_by_role("heading", level=1)).to_contain_text(number)
    await page.goto(f"/recordings?call={kept.call}")
    await page.get_by_role("link", name="查找其他录音").click()
    await see(rows).to_have_count(3)
