"""回访批次: a supervisor makes a round and closes it; a visit agent works through it by keyboard, item by item."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Page
from playwright.async_api import expect as see
from sqlalchemy import select

from calls import round_items, rounds
from calls.call_out_models import CallOutRow
from calls.round_models import VisitItemRow, VisitRoundRow
from calls.round_states import Mode, RoundState
from directory.models import Role
from hotline.settings import CallsOut, Rounds
from tests.pages.accessibility import check_page
from tests.pages.conftest import PageOf, Site
from ticketing.models import TicketRow

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

Expect = Callable[[Page, str], None]

SUPERVISOR = Role.SUPERVISOR.value
REACHED = {"no_answer": 0, "answered": 65_000}


@pytest.fixture
async def tickets(site: Site) -> list[str]:
    """Three answered tickets, oldest first; citizens may be called whenever the tests run."""
    services = site.services
    hours = {"opens": "00:00", "closes": "00:00"}
    update = {"calls_out": CallsOut.model_validate(hours), "rounds": Rounds.model_validate(hours)}
    object.__setattr__(services, "settings", services.settings.model_copy(update=update))
    await services.directory.refresh()
    now = services.clock.now()
    numbers = [f"SMX20261123{serial:06d}" for serial in (1, 2, 3)]
    async with services.database.transaction() as session:
        for serial, number in enumerate(numbers, start=1):
            session.add(
                TicketRow(
                    number=number,
                    type="complaint",
                    title=f"路灯不亮{serial}",
                    content="夜里看不见路",
                    source="phone",
                    caller_number=f"+861380000000{serial}",
                    caller_name="",
                    address="",
                    area_code="",
                    urgency="general",
                    confidentiality="open",
                    hotline="12345",
                    unit_tag="",
                    state="replied",
                    version=1,
                    registered_by="1001",
                    registered_at=now,
                    updated_at=now,
                )
            )
            await session.flush()
    return numbers


async def _running(site: Site, tickets: list[str]) -> int:
    """A round that agents work on."""
    services = site.services
    now = services.clock.now()
    async with services.database.transaction() as session:
        made = await rounds.make(
            session, "十一月", Mode.AGENT, tickets, directory=services.directory.snapshot, forbidden=(),
            by=SUPERVISOR, now=now,
        )  # fmt: skip
        await rounds.turn(session, made.id, RoundState.RUNNING, now)
        return made.id


async def _ended(site: Site, call_out: int, outcome: str) -> None:
    """What a voice process writes of a call that is over."""
    services = site.services
    now = services.clock.now()
    async with services.database.transaction() as session:
        call = await session.get(CallOutRow, call_out)
        assert call is not None
        call.state, call.outcome, call.dialled_at, call.closed_at = "ended", outcome, now, now
        call.talk_ms = REACHED[outcome]
        policy = await rounds.policy_of(session, services.settings)
        await round_items.call_over(session, call, policy, now)


async def _item(site: Site, ticket: str) -> VisitItemRow:
    async with site.services.database.transaction() as session:
        return (await session.scalars(select(VisitItemRow).where(VisitItemRow.ticket == ticket))).one()


async def _round(site: Site, name: str) -> VisitRoundRow:
    async with site.services.database.transaction() as session:
        return (await session.scalars(select(VisitRoundRow).where(VisitRoundRow.name == name))).one()


async def test_a_round_is_made_led_and_closed(site: Site, tickets: list[str], page_of: PageOf, expect: Expect) -> None:
    page = await page_of(Role.SUPERVISOR)
    await page.goto("/rounds")
    await see(page.get_by_text("还没有回访批次")).to_be_visible()
    await see(page.get_by_text("没有待告知的诉求人")).to_be_visible()
    await see(page.get_by_role("heading", name="我的回访")).to_have_count(0)
    await check_page(page, "rounds-empty")
    await page.get_by_role("button", name="新建批次").press("Enter")
    dialog = page.get_by_role("dialog")
    await page.keyboard.press("Control+Enter")
    await see(dialog.get_by_text("请填写名称")).to_be_visible()
    await see(dialog.get_by_label("名称")).to_be_focused()
    await dialog.get_by_label("名称").fill("十一月")
    await dialog.get_by_label("按工单编号").check()
    numbers = dialog.get_by_role("textbox", name="工单编号")
    await numbers.fill(f"{tickets[0]}、路灯")
    await page.keyboard.press("Control+Enter")
    await see(dialog.get_by_text("不是工单编号：路灯")).to_be_visible()
    await see(numbers).to_be_focused()
    await check_page(page, "rounds-new-wrong")
    await dialog.get_by_label("符合条件的").check()
    await dialog.get_by_label("工单状态").select_option("closed")
    expect(page, "422 POST /api/rounds$")
    await page.keyboard.press("Control+Enter")
    await see(dialog.get_by_role("alert")).to_contain_text("没有符合条件的工单")
    await check_page(page, "rounds-new-none")
    await dialog.get_by_label("工单状态").select_option("replied")
    await page.keyboard.press("Control+Enter")

    one = page.get_by_role("region", name="回访批次详情")
    await see(one.get_by_role("heading", level=2, name="十一月")).to_be_focused()
    await see(one).to_contain_text("3 件，未了 3 件")
    rows = one.get_by_role("grid", name="批次任务").locator("tbody tr")
    await see(rows).to_have_count(3)
    await see(rows.first).to_contain_text(tickets[0])
    await one.get_by_role("button", name="开始").press("Enter")
    await see(one.get_by_role("status").filter(has_text="批次已开始")).to_be_visible()
    await see(one.get_by_role("button", name="暂停")).to_be_focused()
    await page.keyboard.press("Enter")
    await see(one.get_by_role("status").filter(has_text="批次已暂停")).to_be_visible()
    await one.get_by_role("button", name="继续").press("Enter")
    await see(one.get_by_text("进行中")).to_be_visible()
    await see(one.get_by_role("button", name="暂停")).to_be_enabled()

    made = await _round(site, "十一月")
    async with site.services.database.transaction() as session:
        await rounds.turn(session, made.id, RoundState.PAUSED, site.services.clock.now())
    expect(page, f"409 POST /api/rounds/{made.id}/pause")
    await one.get_by_role("button", name="暂停").press("Enter")
    await see(one.get_by_role("alert")).to_contain_text("状态刚刚变了")
    await see(one.get_by_role("button", name="继续")).to_be_visible()
    await see(page.get_by_role("grid", name="批次", exact=True)).to_contain_text("已暂停")
    await check_page(page, "rounds-moved")
    await one.get_by_label("状态").select_option("invalid")
    await see(one.get_by_text("没有这种状态的任务")).to_be_visible()
    await one.get_by_label("状态").select_option("")

    await one.get_by_role("button", name="结束").press("Enter")
    await see(dialog).to_contain_text("还没有呼叫的 3 件将撤回")
    await see(dialog.get_by_role("button", name="取消")).to_be_focused()
    await check_page(page, "rounds-close")
    await dialog.get_by_role("button", name="结束批次").press("Enter")
    await see(one.get_by_role("status").filter(has_text="批次已结束")).to_be_visible()
    await see(one.get_by_role("heading", level=2, name="十一月")).to_be_focused()
    await see(one).to_contain_text("已撤回 3")
    await see(one.get_by_role("button", name="继续")).to_have_count(0)
    assert (await _round(site, "十一月")).state == "closed"
    await check_page(page, "rounds-closed")


async def test_a_visit_agent_works_through_a_round_by_keyboard(site: Site, tickets: list[str], page_of: PageOf) -> None:
    made = await _running(site, tickets)
    page = await page_of("visitor")
    await page.goto(f"/rounds?round={made}")
    await see(page.get_by_role("grid", name="批次任务").locator("tbody tr")).to_have_count(3)
    for button in ("新建批次", "暂停", "结束"):
        await see(page.get_by_role("button", name=button)).to_have_count(0)
    await see(page.get_by_role("grid", name="待短信告知")).to_have_count(0)
    task = page.get_by_role("region", name="回访任务")
    dial = task.get_by_role("button", name="呼叫诉求人")

    async def call() -> int:
        async with page.expect_response(lambda answer: answer.url.endswith("/start")) as asked:
            await dial.press("Enter")
        told = await (await asked.value).json()
        assert told["agent"] == "1007"
        number: int = told["id"]
        return number

    await page.keyboard.press("Alt+n")
    await see(task.get_by_role("heading", level=3, name="路灯不亮1")).to_be_focused()
    await see(task.get_by_role("timer")).to_be_visible()
    await see(task).to_contain_text("夜里看不见路")
    await check_page(page, "rounds-item")
    await page.reload()
    await see(task.get_by_role("heading", level=3, name="路灯不亮1")).to_be_visible()
    await call()
    await see(task.get_by_text("呼叫中")).to_be_visible()
    await see(task.get_by_role("button", name="不呼叫")).to_have_count(0)
    await task.get_by_role("button", name="撤回呼叫").press("Enter")
    await see(task.get_by_text("没有呼出：已撤回")).to_be_visible()
    await see(task.get_by_role("button", name="不呼叫")).to_be_visible()
    await _ended(site, await call(), "no_answer")
    await see(page.get_by_text("无人接听：已排到")).to_be_focused()
    await see(dial).to_have_count(0)
    await check_page(page, "rounds-not-reached")

    await page.keyboard.press("Alt+n")
    await see(task.get_by_role("heading", level=3, name="路灯不亮2")).to_be_focused()
    await _ended(site, await call(), "answered")
    form = task.get_by_role("form", name="登记结果")
    await see(form.get_by_label("非常满意")).to_be_focused()
    await page.keyboard.press("Control+Enter")
    await see(form.get_by_role("alert")).to_have_text("请选择诉求人的评价")
    await check_page(page, "rounds-outcome-wrong")
    await form.get_by_label("约定再次呼叫").check()
    await page.keyboard.press("Control+Enter")
    await see(form.get_by_role("alert")).to_have_text("请填写约定的时间")
    await see(form.get_by_label("约定的时间")).to_be_focused()
    await form.get_by_label("非常满意").focus()
    await page.keyboard.press("Space")
    await page.keyboard.press("ArrowDown")
    await form.get_by_label("回访情况").fill("已修好")
    await page.keyboard.press("Control+Enter")
    await see(page.get_by_role("status").filter(has_text=f"{tickets[1]}：满意，已写入工单")).to_be_visible()
    kept = await _item(site, tickets[1])
    assert (kept.state, kept.result, kept.note, kept.on_ticket) == ("done", "satisfied", "已修好", True)

    await see(task.get_by_role("heading", level=3, name="路灯不亮3")).to_be_focused()
    await page.keyboard.press("Alt+s")
    dialog = page.get_by_role("dialog")
    await page.keyboard.press("Control+Enter")
    await see(dialog.get_by_text("请填写不呼叫的原因")).to_be_visible()
    await see(dialog.get_by_text("请填写时间")).to_be_visible()
    await check_page(page, "rounds-skip-wrong")
    await dialog.get_by_label("原因").fill("出差")
    later = datetime.now(ZoneInfo("Asia/Shanghai")) + timedelta(days=1)
    await dialog.get_by_label("推迟到").fill(f"{later:%Y-%m-%dT}10:00")
    await page.keyboard.press("Control+Enter")
    await see(page.get_by_role("status").filter(has_text=f"已推迟到 {later:%Y-%m-%d} 10:00")).to_be_visible()
    await see(page.get_by_text("现在没有可以回访的任务")).to_be_focused()
    kept = await _item(site, tickets[2])
    assert (kept.state, kept.note, kept.agent) == ("waiting", "出差", None)
    await see(page.get_by_role("region", name="回访批次详情")).to_contain_text("接通1 件，作出评价 1 件")
    await check_page(page, "rounds-none-left")


async def test_an_item_kept_too_long_goes_back(site: Site, tickets: list[str], page_of: PageOf, expect: Expect) -> None:
    await _running(site, tickets[:1])
    page = await page_of("visitor")
    await page.goto("/rounds")
    await page.get_by_role("button", name="领取下一件").press("Enter")
    task = page.get_by_role("region", name="回访任务")
    await see(task.get_by_role("heading", level=3, name="路灯不亮1")).to_be_focused()
    item = await _item(site, tickets[0])
    async with site.services.database.transaction() as session:
        row = await round_items.item(session, item.id)
        row.lease_until = site.services.clock.now()
    await page.reload()
    await see(page.get_by_text("领取的时限已过，任务随时会退回批次")).to_be_visible()
    await check_page(page, "rounds-lapsed")
    async with site.services.database.transaction() as session:
        assert await round_items.give_back(session, site.services.clock.now()) == 1
    expect(page, f"403 POST /api/rounds/items/{item.id}/start")
    await task.get_by_role("button", name="呼叫诉求人").press("Enter")
    await see(page.get_by_text("领取的时限已过，任务已退回批次")).to_be_focused()
    await see(task.get_by_role("button", name="呼叫诉求人")).to_have_count(0)
    await page.keyboard.press("Alt+n")
    await see(task.get_by_role("timer")).to_be_visible()


async def test_what_was_typed_stays_to_be_read_when_its_item_is_lost(
    site: Site, tickets: list[str], page_of: PageOf, expect: Expect
) -> None:
    await _running(site, tickets[:1])
    page = await page_of("visitor")
    await page.goto("/rounds")
    await page.get_by_role("button", name="领取下一件").press("Enter")
    task = page.get_by_role("region", name="回访任务")
    await see(task.get_by_role("timer")).to_be_visible()
    item = await _item(site, tickets[0])
    async with site.services.database.transaction() as session:
        (await round_items.item(session, item.id)).state = "talked"
    await page.reload()
    await task.get_by_label("满意", exact=True).check()
    await task.get_by_label("回访情况").fill("已修好，很满意")
    async with site.services.database.transaction() as session:
        (await round_items.item(session, item.id)).lease_until = site.services.clock.now()
        assert await round_items.give_back(session, site.services.clock.now()) == 1
    expect(page, f"(403|409) POST /api/rounds/items/{item.id}/outcome")
    await page.keyboard.press("Control+Enter")
    await see(task.get_by_text("您填写的回访情况没有登记：已修好，很满意")).to_be_visible()
    await check_page(page, "rounds-not-written-down")


async def test_who_is_told_by_sms_is_written_down(site: Site, tickets: list[str], page_of: PageOf) -> None:
    await _running(site, tickets[:1])
    now = site.services.clock.now()
    item = await _item(site, tickets[0])
    async with site.services.database.transaction() as session:
        row = await round_items.item(session, item.id)
        row.state, row.outcome, row.attempts = "unreachable", "busy", 3
        row.closed_at = row.sms_due_at = now
    page = await page_of(Role.SUPERVISOR)
    await page.goto("/rounds")
    due = page.get_by_role("grid", name="待短信告知").locator("tbody tr")
    await see(due).to_contain_text(tickets[0])
    await see(due).to_contain_text("对方占线")
    await check_page(page, "rounds-sms")
    await due.get_by_role("button", name="已告知").press("Enter")
    await see(page.get_by_role("status").filter(has_text="已登记告知")).to_be_visible()
    await see(due).to_have_count(0)
    await see(page.get_by_role("heading", name="待短信告知")).to_be_focused()
    assert (await _item(site, tickets[0])).sms_sent_at is not None


async def test_without_a_seat_rounds_are_read_alone(site: Site, tickets: list[str], page_of: PageOf) -> None:
    await _running(site, tickets)
    page = await page_of(Role.VISIT_AGENT)
    await page.goto("/rounds")
    await see(page.get_by_text("您没有座席")).to_be_visible()
    await see(page.get_by_role("button", name="领取下一件")).to_have_count(0)
    row = page.get_by_role("grid", name="批次", exact=True).locator("tbody tr")
    await row.focus()
    await page.keyboard.press("Enter")
    one = page.get_by_role("region", name="回访批次详情")
    await see(one).to_contain_text("3 件，未了 3 件")
    await see(one.get_by_role("button", name="暂停")).to_have_count(0)
    await check_page(page, "rounds-read")
