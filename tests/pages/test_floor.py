"""Wallboard (大屏) and supervisor desk (班长台): equal to the interface while calls go on, states forced,
refusals where they were asked for, axe over every dialog and state."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
from playwright.async_api import Locator, Page
from playwright.async_api import expect as see

from acd.model import CallRequest, Offer
from acd.queue_store import default_rules
from calls.figure_board import FigureBoard
from calls.live_figures import LiveFigures
from directory import teams
from directory.models import Role
from hotline.clock import to_ms
from hotline.feed import inbox_key
from hotline.tasks import end
from tests.pages.accessibility import check_page
from tests.pages.browsing import DEADLINE_MS
from tests.pages.conftest import PageOf, Site
from tests.web.test_figures import counted

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

Expect = Callable[[Page, str], None]
ZONE = ZoneInfo("Asia/Shanghai")
VOICE = "ast1/voice-1"
FIRST, SECOND, THIRD = (f"ast1-1763761000.{number}" for number in (12, 13, 14))


@pytest.fixture(autouse=True)
async def team(site: Site) -> None:
    """Agents 1001 and 1002 are at work, of the supervisor's team; 1007 is of nobody's."""
    async with site.services.database.transaction() as session:
        await teams.save_team(session, "one", "综合一班", ["1001", "1002"], ["supervisor"])
    await site.line.configure(default_rules([("12333", 600_000)]), 1)
    for agent, seat in (("1001", "8001"), ("1002", "8002"), ("1007", "8007")):
        await site.line.device_state(seat, reachable=True, in_use=False)
        await site.line.sign_in(agent, seat, {"general": 1})


@pytest.fixture
async def figures(site: Site) -> AsyncIterator[None]:
    """The jobs process' part: the board is kept up."""
    services = site.services
    live = LiveFigures(
        acd=services.acd,
        board=FigureBoard(services.redis, services.settings.site.id),
        database=services.database,
        directory=services.directory,
        zone=ZONE,
        process="ast1/jobs",
        clock=services.clock,
    )
    running = asyncio.create_task(live.run())
    yield
    await end([running])


async def waits(site: Site, call: str, queue: str = "general", *, seconds: float = 5.0) -> None:
    entered = site.services.clock.now_ms() - int(seconds * 1000)
    await site.line.enqueue(
        CallRequest(call=call, entered_ms=entered, queued_ms=entered, owner=VOICE, queue=queue, hotline="12345")
    )


async def inbox(site: Site, kind: str) -> list[dict[str, Any]]:
    """What was said to the voice process, of a kind; the rest is taken out too."""
    told = []
    while text := await site.services.redis.rpop(inbox_key(site.services.settings.site.id, VOICE)):
        told.append(orjson.loads(str(text)))
    return [message for message in told if message["type"] == kind]


async def talks(site: Site, agent: str = "1001", call: str = FIRST) -> Offer:
    await site.line.set_ready(agent)
    await waits(site, call)
    (message,) = await inbox(site, "offer")
    return await site.line.answered(await site.line.ringing(Offer.from_message(message), 600_000))


async def as_api(page: Page) -> dict[str, Any]:
    answer = await page.context.request.get("/api/figures/live")
    told: dict[str, Any] = await answer.json()
    return told


async def shown(page: Page, queue: str, figure: str) -> int:
    text = await page.locator(f'[data-queue="{queue}"] [data-figure="{figure}"]').inner_text()
    return int(re.sub(r"\D", "", text))


def big(page: Page, key: str) -> Locator:
    return page.locator(f'.figure[data-figure="{key}"] dd')


async def equal(page: Page) -> None:
    """The wallboard shows what the interface tells, once what is under way has come."""
    async with asyncio.timeout(DEADLINE_MS / 1000):
        while True:
            told = await as_api(page)
            states = {agent: entry["state"] for agent, entry in told["agents"].items()}
            wanted = (told["line"]["waiting"], len(states), {q: e["waiting"] for q, e in told["queues"].items()})
            queues = {queue: await shown(page, queue, "waiting") for queue in told["queues"]}
            seats = await page.locator("[data-agent]").count()
            if wanted == (int(await big(page, "waiting").inner_text()), seats, queues):
                return
            await asyncio.sleep(0.1)


async def test_the_wallboard_is_equal_to_the_interface_while_calls_come_and_go(
    site: Site, figures: None, page_of: PageOf
) -> None:
    page = await page_of(Role.SUPERVISOR)
    await page.goto("/wallboard")
    await see(big(page, "waiting")).to_have_text("0")
    await see(page.locator("[data-agent]")).to_have_count(3)
    for number, call in enumerate((FIRST, SECOND, THIRD), start=1):
        await waits(site, call)
        await see(big(page, "waiting")).to_have_text(str(number))
    await equal(page)
    await site.line.set_ready("1001")
    await see(page.locator('[data-agent="1001"]')).to_contain_text(re.compile("来电预留|振铃"))
    await see(big(page, "waiting")).to_have_text("2")
    (message,) = await inbox(site, "offer")
    await site.line.answered(await site.line.ringing(Offer.from_message(message), 600_000))
    await see(page.locator('[data-agent="1001"]')).to_contain_text("通话中")
    await see(big(page, "talking")).to_have_text("1")
    assert await shown(page, "general", "talking") == 1
    await site.line.sign_out("1007", "交班")
    await see(page.locator("[data-agent]")).to_have_count(2)
    await equal(page)
    await check_page(page, "wallboard-calls")


async def test_what_is_beyond_a_threshold_is_said_in_words_and_read_aloud(
    site: Site, figures: None, page_of: PageOf
) -> None:
    page = await page_of(Role.SUPERVISOR)
    await page.goto("/floor")
    alarms = page.get_by_role("region", name="告警")
    await see(alarms).to_contain_text("没有超过阈值的情况")
    await page.get_by_role("button", name="告警阈值").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("单个队列排队数达到").fill("2")
    await check_page(page, "floor-thresholds")
    await dialog.get_by_role("button", name="保存").click()
    for call in (FIRST, SECOND):
        await waits(site, call, seconds=90)
    await see(alarms.get_by_role("listitem").filter(has_text="排队超限：2 个")).to_contain_text("紧急")
    await see(alarms.get_by_role("listitem").filter(has_text="等待过久")).to_be_visible()
    await see(alarms.locator("[aria-live=polite]")).to_contain_text("排队超限")
    await see(page.locator('[data-queue="general"] [data-figure="waiting"]')).to_contain_text("超限")
    await check_page(page, "floor-alarms")
    # Kept in this browser, for the wallboard as well.
    await page.goto("/wallboard")
    await see(page.get_by_role("region", name="告警")).to_contain_text("排队超限：2 个")
    await see(page.locator('.figure[data-figure="waiting"]')).to_have_class(re.compile("beyond"))


async def test_figures_that_nobody_keeps_up_and_a_lost_connection_are_marked(site: Site, page_of: PageOf) -> None:
    page = await page_of(Role.SUPERVISOR)
    await page.goto("/wallboard")
    await see(page.get_by_role("alert")).to_contain_text("数字已停止更新")
    await check_page(page, "wallboard-stale")
    await page.goto("/floor")
    await see(page.get_by_role("alert")).to_contain_text("数字已停止更新")
    await see(page.get_by_role("grid", name="座席").locator("tbody tr")).to_have_count(2)
    await check_page(page, "floor-stale")


def agent_row(page: Page, agent: str) -> Locator:
    return page.get_by_role("grid", name="座席").locator("tbody tr").filter(has_text=agent)


async def chosen(page: Page, agent: str) -> Locator:
    """The agent's row is opened by keys."""
    await page.goto("/floor")
    await agent_row(page, agent).focus()
    await page.keyboard.press("Enter")
    panel = page.get_by_role("region", name=f"话务员 {agent}")
    await see(panel).to_be_visible()
    return panel


async def test_a_state_is_forced_and_the_audit_has_why(site: Site, figures: None, page_of: PageOf) -> None:
    page = await page_of(Role.SUPERVISOR)
    panel = await chosen(page, "1001")
    await see(agent_row(page, "1007")).to_have_count(0)
    await panel.get_by_label("状态").select_option("示闲")
    await panel.get_by_label("原因").fill("忘记示闲")
    await panel.get_by_role("button", name="执行").click()
    await see(panel.get_by_role("status")).to_contain_text("强制示闲：已生效")
    await see(agent_row(page, "1001")).to_contain_text("示闲")
    view = await site.line.agent("1001")
    assert view is not None
    assert view.state.value == "READY"
    await panel.get_by_label("状态").select_option("签出")
    await panel.get_by_label("原因").fill("交班")
    await panel.get_by_role("button", name="执行").click()
    await see(page.get_by_role("dialog")).to_contain_text("须由本人重新签入")
    await check_page(page, "floor-sign-out")
    await page.get_by_role("dialog").get_by_role("button", name="签出").click()
    await see(agent_row(page, "1001")).to_have_count(0)
    await see(page.get_by_role("dialog")).to_have_count(0)


async def test_a_supervisor_listens_and_is_refused_for_another_team(
    site: Site, figures: None, page_of: PageOf, expect: Expect
) -> None:
    await talks(site)
    page = await page_of(Role.SUPERVISOR)
    panel = await chosen(page, "1001")
    await see(panel).to_contain_text("通话中")
    expect(page, r"422 POST /api/floor/1001/listen")
    await panel.get_by_label("我的话机").fill("")
    await panel.get_by_role("button", name="监听").click()
    await see(panel.get_by_role("alert")).to_contain_text("不知道要呼叫哪部话机")
    await panel.get_by_label("我的话机").fill("8090")
    await panel.get_by_role("button", name="监听").click()
    await see(panel.get_by_role("status")).to_contain_text("正在呼叫您的话机")
    (told,) = await inbox(site, "supervise")
    assert (told["command"], told["extension"], told["agent"]) == ("listen", "8090", "1001")
    await panel.get_by_role("button", name="强拆").click()
    await page.get_by_role("dialog").get_by_label("原因").fill("辱骂市民")
    await check_page(page, "floor-hang-up")
    await page.get_by_role("dialog").get_by_role("button", name="强拆", exact=True).click()
    await see(panel.get_by_role("status")).to_contain_text("已要求强拆")
    (told,) = await inbox(site, "supervise")
    assert (told["command"], told["reason"]) == ("hang_up", "辱骂市民")
    # The agent is moved to another team, and the page has not heard of it.
    known = await (await page.context.request.get("/api/floor")).text()
    await page.route("**/api/floor", lambda route: route.fulfill(body=known, content_type="application/json"))
    async with site.services.database.transaction() as session:
        await teams.save_team(session, "two", "综合二班", ["1001"], ["other_unit"])
    expect(page, r"403 POST /api/floor/1001/whisper")
    await panel.get_by_role("button", name="密语").click()
    await see(panel.get_by_role("alert")).to_contain_text("不在您的班组")
    assert await inbox(site, "supervise") == []
    await check_page(page, "floor-refused")


async def test_a_waiting_call_is_moved_and_given_to_an_agent(site: Site, figures: None, page_of: PageOf) -> None:
    page = await page_of(Role.SUPERVISOR)
    await page.goto("/floor")
    rows = page.get_by_role("grid", name="排队的来电").locator("tbody tr")
    await waits(site, FIRST)
    await see(rows).to_have_count(1)
    await rows.get_by_role("button", name="移队列").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("队列").select_option("expert-12333")
    await check_page(page, "floor-move")
    await dialog.get_by_role("button", name="确定").click()
    await see(page.get_by_text("来电已移到另一队列")).to_be_visible()
    view = await site.line.call(FIRST)
    assert view is not None
    assert view.queue == "expert-12333"
    await rows.get_by_role("button", name="指派").click()
    await dialog.get_by_label("座席").select_option("1002")
    await check_page(page, "floor-pick")
    await dialog.get_by_role("button", name="确定").click()
    await see(rows).to_have_count(0)
    (message,) = await inbox(site, "offer")
    assert message["agent"] == "1002"


async def test_a_message_to_a_team_and_who_has_read_it(site: Site, figures: None, page_of: PageOf) -> None:
    page = await page_of(Role.SUPERVISOR)
    await page.goto("/floor")
    await see(agent_row(page, "1001")).to_be_visible()
    await page.get_by_role("button", name="发消息").click()
    dialog = page.get_by_role("dialog")
    await see(dialog).to_contain_text("还没有发过消息")
    await dialog.get_by_label("发给").select_option("综合一班")
    await dialog.get_by_label("内容").fill("今天下午三点开班会")
    await dialog.get_by_role("button", name="发送").click()
    await see(dialog.get_by_role("status")).to_have_text("已发给 2 人。")
    await see(dialog.get_by_role("row").filter(has_text="开班会")).to_contain_text("0 / 2")
    await check_page(page, "floor-messages")


async def test_a_day_by_half_hours(site: Site, page_of: PageOf) -> None:
    yesterday = site.services.clock.now().astimezone(ZONE) - timedelta(days=1)
    await counted(site.services, to_ms(yesterday.replace(hour=12, minute=0, second=0, microsecond=0)))
    page = await page_of(Role.SUPERVISOR)
    await page.goto("/floor/history")
    await see(page.get_by_text("这一天没有来电")).to_be_visible()
    await page.get_by_label("日期").fill(f"{yesterday:%Y-%m-%d}")
    row = page.get_by_role("row").filter(has_text="12:00")
    await see(row.get_by_role("cell")).to_have_text(["3", "1", "2", "33.3%", "100.0%"])
    await see(page.get_by_role("img", name=re.compile("每半小时话务"))).to_be_visible()
    await page.get_by_role("combobox", name="热线", exact=True).select_option("12333")
    await see(row.get_by_role("cell")).to_have_text(["1", "0", "1", "0.0%", "—"])
    await check_page(page, "floor-history-day")
