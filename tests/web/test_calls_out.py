"""Calls out and follow-up rounds over REST: who may what, what is audited, and what the screen reads."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from acd.service import Acd
from calls.call_out_models import CallOutRow
from calls.round_models import VisitItemRow
from directory.models import AuditRow
from hotline.clock import from_ms
from hotline.settings import Settings
from tests.web.conftest import Caller
from ticketing.models import TicketRow
from web.services import Services

NUMBER = "+8613812345678"


@pytest.fixture(autouse=True)
async def _directory(services: Services) -> None:
    """As the web process has it."""
    await services.directory.refresh()


@pytest.fixture
async def visitor(services: Services, nobody: Caller, line: Acd) -> Caller:
    """A visit agent (回访员) with a seat, on a line that may call at any hour."""
    hours = {"opens": "00:00", "closes": "00:00"}
    settings = Settings(var_dir=services.settings.var_dir, calls_out=hours, rounds=hours)
    object.__setattr__(services, "settings", settings)
    return await nobody.as_("visitor")


async def ticket(services: Services, serial: int = 1, number: str = NUMBER, **columns: Any) -> str:
    now = services.clock.now()
    values = {
        "number": f"SMX20261123{serial:06d}", "type": "complaint", "title": "路灯不亮", "content": "",
        "source": "phone",
        "caller_number": number, "caller_name": "", "address": "", "area_code": "", "urgency": "general",
        "confidentiality": "open", "hotline": "12345", "unit_tag": "", "state": "replied", "version": 1,
        "registered_by": "1001", "registered_at": now, "updated_at": now,
    } | columns  # fmt: skip
    async with services.database.transaction() as session:
        session.add(TicketRow(**values))
    return str(values["number"])


async def audited(services: Services) -> list[str]:
    async with services.database.transaction() as session:
        return list(await session.scalars(select(AuditRow.action).order_by(AuditRow.seq)))


async def test_a_click_is_kept_and_audited_and_shows_no_number(services: Services, visitor: Caller) -> None:
    number = await ticket(services)
    answer = await visitor.post("/api/calls-out", ticket=number)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    assert (told["state"], told["whom"], told["agent"], told["number"]) == (
        "requested",
        "citizen",
        "1007",
        "138****5678",
    )
    assert told["call"] == f"call-out-{told['id']}.1"
    assert await audited(services) == ["call_out.requested"]
    (listed,) = (await visitor.get("/api/calls-out", ticket=number)).json()
    assert listed == (await visitor.get(f"/api/calls-out/{told['id']}")).json() == told
    assert NUMBER not in answer.text


async def test_what_the_screen_reads_when_it_may_not_be(services: Services, visitor: Caller) -> None:
    number = await ticket(services)
    first = (await visitor.post("/api/calls-out", ticket=number)).json()
    busy = await visitor.post("/api/calls-out", ticket=number)
    assert (busy.status_code, busy.json()["code"]) == (409, "call_out.busy")
    assert busy.json()["remedy"] == "您或该号码正在外呼中"
    assert (await visitor.post(f"/api/calls-out/{first['id']}/withdraw")).json()["state"] == "not_placed"
    assert (await visitor.post(f"/api/calls-out/{first['id']}/withdraw")).status_code == 409
    assert (
        await visitor.post("/api/calls-out/not-called", number="138 1234 5678", reason="本人要求")
    ).status_code == 204
    refused = await visitor.post("/api/calls-out", ticket=number)
    assert (refused.status_code, refused.json()["code"]) == (409, "call_out.not_allowed")
    assert refused.json()["remedy"] == "该号码在免打扰名单中，不得外呼"
    assert "do_not_call.added" in await audited(services)


async def test_numbers_are_typed_by_who_may(services: Services, visitor: Caller) -> None:
    number = await ticket(services)
    answer = await visitor.post("/api/calls-out", ticket=number, whom="typed", typed="13900001111")
    assert (answer.status_code, answer.json()["remedy"]) == (403, "您没有手动输入号码外呼的权限")


@pytest.mark.parametrize(
    "body",
    [
        {"whom": "typed"},
        {"whom": "contact"},
        {"whom": "duty", "contact": 1},
        {"whom": "citizen", "typed": "13900001111"},
        {"purpose": "survey"},
        {"number": "13900001111"},
    ],
)
async def test_a_request_that_cannot_be_meant(services: Services, visitor: Caller, body: dict[str, Any]) -> None:
    assert (await visitor.post("/api/calls-out", ticket=await ticket(services), **body)).status_code == 422


async def test_the_list_of_numbers_not_called_is_led_by_supervisors(
    services: Services, visitor: Caller, nobody: Caller
) -> None:
    assert (await visitor.get("/api/calls-out/not-called")).status_code == 403
    await visitor.post("/api/calls-out/not-called", number=NUMBER, reason="本人要求")
    supervisor = await nobody.as_("supervisor")
    assert [row["number"] for row in (await supervisor.get("/api/calls-out/not-called")).json()] == [NUMBER]
    gone = {"number": NUMBER, "reason": "本人同意"}
    assert (await visitor.post("/api/calls-out/not-called/remove", **gone)).status_code == 403
    assert (await supervisor.post("/api/calls-out/not-called/remove", **gone)).status_code == 204
    assert (await supervisor.post("/api/calls-out/not-called/remove", **gone)).status_code == 404


@pytest.mark.parametrize("who", ["unit_handler", "knowledge_editor", "auditor"])
async def test_others_call_nobody(services: Services, nobody: Caller, line: Acd, who: str) -> None:
    caller = await nobody.as_(who)
    assert (await caller.post("/api/calls-out", ticket=await ticket(services))).status_code == 403
    assert (await caller.get("/api/rounds")).status_code == 403


async def test_a_round_from_its_making_to_its_report(services: Services, visitor: Caller, nobody: Caller) -> None:
    tickets = [await ticket(services, n, f"+8613800000{n:03d}") for n in range(1, 4)]
    await ticket(services, 9, state="handling")
    supervisor = await nobody.as_("supervisor")
    assert (await visitor.post("/api/rounds", name="回访", tickets=tickets)).status_code == 403
    answer = await supervisor.post("/api/rounds", name="十一月", filter={"state": "replied"})
    assert answer.status_code == 201, answer.text
    made = answer.json()
    found = (await supervisor.get(f"/api/rounds/{made['id']}/items")).json()
    assert [item["ticket"] for item in found] == tickets, "oldest first"
    assert (await visitor.post("/api/rounds/next")).json() is None
    assert (await visitor.post(f"/api/rounds/{made['id']}/start")).status_code == 403
    assert (await supervisor.post(f"/api/rounds/{made['id']}/start")).json()["state"] == "running"
    item = (await visitor.post("/api/rounds/next")).json()
    assert (item["ticket"], item["state"], item["agent"]) == (tickets[0], "preview", "1007")
    early = await visitor.post(f"/api/rounds/items/{item['id']}/outcome", result="satisfied")
    assert (early.status_code, early.json()["code"]) == (409, "round.moved")
    call = await visitor.post(f"/api/rounds/items/{item['id']}/start")
    assert call.status_code == 201, call.text
    assert (call.json()["item_id"], call.json()["ticket"]) == (item["id"], tickets[0])
    assert (await visitor.post(f"/api/rounds/items/{item['id']}/start")).status_code == 409
    await _talked(services, call.json()["id"], item["id"])
    done = (await visitor.post(f"/api/rounds/items/{item['id']}/outcome", result="satisfied", note="已修好")).json()
    assert (done["state"], done["result"], done["on_ticket"]) == ("done", "satisfied", True)
    second = (await visitor.post("/api/rounds/next")).json()
    skipped = await visitor.post(f"/api/rounds/items/{second['id']}/skip", reason="已当面答复")
    assert (skipped.json()["state"], skipped.json()["note"]) == ("skipped", "已当面答复")
    again = await visitor.post(f"/api/rounds/items/{second['id']}/skip", reason="再次")
    assert (again.status_code, again.json()["code"]) == (403, "round.other_agent")
    assert (await supervisor.post(f"/api/rounds/{made['id']}/close")).json()["state"] == "closed"
    report = (await supervisor.get(f"/api/rounds/{made['id']}/report")).json()
    assert report["states"] == {"done": 1, "skipped": 1, "withdrawn": 1}
    assert (report["satisfaction"], report["response"]) == (1.0, 1.0)
    assert await audited(services) == [
        "round.made", "round.started", "round.item_called", "round.item_outcome", "round.item_skipped", "round.closed",
    ]  # fmt: skip


async def test_an_item_whose_call_is_withdrawn_is_with_its_agent_again(
    services: Services, visitor: Caller, nobody: Caller
) -> None:
    supervisor = await nobody.as_("supervisor")
    made = (await supervisor.post("/api/rounds", name="回访", tickets=[await ticket(services)])).json()
    await supervisor.post(f"/api/rounds/{made['id']}/start")
    item = (await visitor.post("/api/rounds/next")).json()
    path = f"/api/rounds/items/{item['id']}"
    call = (await visitor.post(f"{path}/start")).json()
    assert (await visitor.get(path)).json()["state"] == "calling"
    assert (await visitor.post(f"/api/calls-out/{call['id']}/withdraw")).json()["state"] == "not_placed"
    kept = (await visitor.get(path)).json()
    assert (kept["state"], kept["agent"], kept["attempts"]) == ("preview", "1007", 0)
    assert kept["lease_until"] is not None
    assert (await visitor.post(f"{path}/skip", reason="已当面答复")).json()["state"] == "skipped"


async def test_a_round_has_tickets(services: Services, nobody: Caller) -> None:
    supervisor = await nobody.as_("supervisor")
    for body in ({"filter": {"state": "closed"}}, {"tickets": [await ticket(services)] * 2}):
        refused = await supervisor.post("/api/rounds", name="回访", **body)
        assert (refused.status_code, refused.json()["code"]) == (422, "round.length")


async def _talked(services: Services, call_out: int, item: int) -> None:
    """What a voice process writes."""
    now = services.clock.now()
    async with services.database.transaction() as session:
        call = await session.get(CallOutRow, call_out)
        row = await session.get(VisitItemRow, item)
        assert call is not None
        assert row is not None
        call.state, call.outcome, call.dialled_at, call.closed_at = "ended", "answered", now, now
        row.state, row.attempts, row.first_at, row.last_at = "talked", 1, now, now
        row.lease_until = from_ms(2**42)


async def test_who_is_to_be_told_by_sms(services: Services, nobody: Caller, line: Acd) -> None:
    supervisor = await nobody.as_("supervisor")
    number = await ticket(services)
    made = (await supervisor.post("/api/rounds", name="回访", tickets=[number])).json()
    (item,) = (await supervisor.get(f"/api/rounds/{made['id']}/items")).json()
    assert (await supervisor.get("/api/rounds/sms")).json() == []
    assert (await supervisor.post(f"/api/rounds/items/{item['id']}/sms-sent")).status_code == 404
    async with services.database.transaction() as session:
        row = await session.get(VisitItemRow, item["id"])
        assert row is not None
        row.state, row.closed_at, row.sms_due_at = "unreachable", services.clock.now(), services.clock.now()
    assert [due["ticket"] for due in (await supervisor.get("/api/rounds/sms")).json()] == [number]
    assert (await supervisor.post(f"/api/rounds/items/{item['id']}/sms-sent")).status_code == 204
    assert (await supervisor.get("/api/rounds/sms")).json() == []


@pytest.mark.parametrize(
    "body",
    [
        {"name": "回访"},
        {"name": "回访", "tickets": ["SMX1"], "filter": {}},
        {"name": "", "tickets": ["SMX1"]},
        {"name": "回访", "tickets": ["SMX1"], "mode": "robot"},
    ],
)
async def test_a_round_that_cannot_be_meant(nobody: Caller, body: dict[str, Any]) -> None:
    supervisor = await nobody.as_("supervisor")
    assert (await supervisor.post("/api/rounds", **body)).status_code == 422


async def test_unknown_ones_are_not_found(nobody: Caller) -> None:
    supervisor = await nobody.as_("supervisor")
    assert (await supervisor.post("/api/rounds", name="回访", tickets=["SMX1"])).status_code == 404
    for path in ("/api/rounds/7", "/api/rounds/7/report", "/api/calls-out/7"):
        assert (await supervisor.get(path)).status_code == 404
    assert (await supervisor.post("/api/rounds/7/start")).status_code == 404
