"""Tickets that belong together, refusals and the dispatch catalogue over REST: who may, what is told and recorded."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from directory.models import AuditRow, Role
from tests.web.conftest import Caller, Units
from ticketing.models import TicketRow
from web.services import Services

LEAK = {"title": "黄河路12号自来水管漏水", "address": "黄河路12号", "area_code": "411202"}
CATEGORIES = "编码,名称,上级编码\n01,供水,\n0101,漏水,01\n"
ROWS = "类别编码,区划代码,主办单位,生效日期\n01,,市城管局,2026-01-01\n"


async def made(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


async def act(who: Caller, ticket: dict[str, Any], action: str, **details: Any) -> dict[str, Any]:
    body = {"action": action, "version": ticket["version"], **details}
    told: dict[str, Any] = await made(await who.post(f"/api/tickets/{ticket['number']}/actions", **body))
    return told


async def accepted(nobody: Caller, **fields: Any) -> dict[str, Any]:
    agent = await nobody.as_("agent")
    return await act(agent, await made(await agent.post("/api/tickets", **(LEAK | fields)), 201), "accept")


async def upload(who: Caller, path: str, content: bytes, **params: Any) -> httpx.Response:
    return await who.request(
        "POST", f"/api/catalogue/{path}/import", content=content, params=params, extra={"Content-Type": "text/csv"}
    )


async def test_a_possible_duplicate_is_shown_merged_and_taken_out(nobody: Caller, units: Units) -> None:
    agent, dispatcher = await nobody.as_("agent"), await nobody.as_("dispatcher")
    main, child = await accepted(nobody), await accepted(nobody)
    (found,) = await made(await agent.get(f"/api/tickets/{child['number']}/duplicates"))
    assert (found["number"], found["proposal"]) == (main["number"], "merged")
    assert [reason["why"] for reason in found["reasons"]] == ["same_place", "similar_words"]
    before = await made(await agent.post("/api/tickets/duplicates", **LEAK, caller_number="13900000001"))
    assert {one["number"] for one in before} == {main["number"], child["number"]}
    path = f"/api/tickets/{child['number']}/merge"
    refused = await dispatcher.post(path, version=child["version"], parent=child["number"])
    assert (refused.status_code, refused.json()["code"]) == (422, "ticket.merge_with_itself")
    child = await made(await dispatcher.post(path, version=child["version"], parent=main["number"], note="同一处"))
    assert (child["state"], child["state_term"]) == ("merged", "已并单")
    assert child["possible"] == ["unmerge", "take_reply", "urge", "supplement"]
    third = await accepted(nobody)
    again = await dispatcher.post(
        f"/api/tickets/{third['number']}/merge", version=third["version"], parent=child["number"]
    )
    assert (again.status_code, again.json()["code"]) == (409, "ticket.merge_of_merged")
    early = await dispatcher.post(
        f"/api/tickets/{child['number']}/actions", action="take_reply", version=child["version"]
    )
    assert (early.status_code, early.json()["code"]) == (409, "ticket.no_reply_offered")
    await act(dispatcher, child, "unmerge", note="两处")
    (link,) = (await made(await agent.get(f"/api/tickets/{main['number']}/relations")))["links"]
    assert (link["number"], link["ended_why"]) == (child["number"], "两处")


async def test_units_see_relations_of_their_own_tickets_and_merge_nothing(nobody: Caller, units: Units) -> None:
    dispatcher, handler = await nobody.as_("dispatcher"), await nobody.as_("unit_handler")
    main, child = await accepted(nobody), await accepted(nobody)
    main = await act(dispatcher, main, "dispatch", lead_unit=units.labour)
    await made(
        await dispatcher.post(f"/api/tickets/{child['number']}/merge", version=child["version"], parent=main["number"])
    )
    seen = await made(await handler.get(f"/api/tickets/{main['number']}/relations"))
    assert [link["number"] for link in seen["links"]] == [child["number"]]
    stranger = await nobody.as_("other_unit")
    for path in ("relations", "refusal"):
        assert (await stranger.get(f"/api/tickets/{main['number']}/{path}")).status_code == 403
    merge = await handler.post(f"/api/tickets/{main['number']}/merge", version=2, parent=child["number"])
    assert merge.status_code == 403


async def test_matters_split_off_have_codes_of_their_own(nobody: Caller, units: Units) -> None:
    agent = await nobody.as_("agent")
    ticket = await made(await agent.post("/api/tickets", title="漏水和路灯", caller_number="13900000001"), 201)
    answer = await agent.post(
        f"/api/tickets/{ticket['number']}/split", version=1, note="两件事", matters=[{"title": "路灯不亮"}]
    )
    told = await made(answer, 201)
    (lamp,) = told["made"]
    assert (lamp["title"], lamp["caller_number"], lamp["state"]) == ("路灯不亮", "139****0001", "registered")
    assert told["kept"]["version"] == 2
    asked = await nobody.post("/api/public/progress", number=lamp["typed_number"], code=lamp["query_code"])
    assert asked.status_code == 200, asked.text
    for matters in ([], [{"title": ""}], [{"title": "x", "state": "archived"}]):
        wrong = await agent.post(f"/api/tickets/{ticket['number']}/split", version=2, matters=matters)
        assert wrong.status_code == 422


async def test_a_repeat_is_linked_and_leads_are_for_those_who_decide(
    nobody: Caller, units: Units, services: Services
) -> None:
    agent = await nobody.as_("agent")
    first = await made(await agent.post("/api/tickets", title="噪声", type="complaint"), 201)
    again = await made(await agent.post("/api/tickets", title="噪声", type="complaint"), 201)
    path = f"/api/tickets/{again['number']}/repeats"
    standing = await agent.post(path, earlier=first["number"])
    assert (standing.status_code, standing.json()["code"]) == (409, "ticket.repeats_open_ticket")
    await made(await agent.post(f"/api/tickets/{first['number']}/answer", version=1, answer="已处理"))
    linked = await made(await agent.post(path, earlier=first["number"]), 201)
    assert (linked["relations"]["links"][0]["kind"], linked["lead"]) == ("repeats", None)
    await made(await agent.post(f"/api/tickets/{again['number']}/answer", version=1, answer="已处理"))
    third = await made(await agent.post("/api/tickets", title="噪声", type="complaint"), 201)
    async with services.database.transaction() as session:
        for number, month in ((first["number"], 1), (again["number"], 2), (third["number"], 3)):
            moment = datetime(2026, month, 15, tzinfo=UTC)
            await session.execute(update(TicketRow).where(TicketRow.number == number).values(registered_at=moment))
    linked = await made(await agent.post(f"/api/tickets/{third['number']}/repeats", earlier=again["number"]), 201)
    (lead,) = await made(await (await nobody.as_("inspector")).get("/api/accountability-leads"))
    assert (lead["id"], lead["ground"]) == (linked["lead"]["id"], "repeated_months")
    assert (lead["first_month"], lead["last_month"]) == ("2026-01-01", "2026-03-01")
    assert (await agent.get("/api/accountability-leads")).status_code == 403


async def test_a_refusal_is_told_before_it_is_archived_and_counted(nobody: Caller, units: Units) -> None:
    agent, supervisor = await nobody.as_("agent"), await nobody.as_("supervisor")
    ticket = await made(await agent.post("/api/tickets", **LEAK), 201)
    path = f"/api/tickets/{ticket['number']}"
    assert (await agent.get(f"{path}/refusal")).status_code == 404
    grounds = await made(await agent.get(f"{path}/refusal-grounds"))
    assert len(grounds) == 7
    unknown = await agent.post(f"{path}/refuse", version=1, ground="unlawful", note="x", local_ground="petition")
    assert (unknown.status_code, unknown.json()["code"]) == (422, "ticket.unknown_ground")
    body = {"version": 1, "ground": "outside_city", "note": "属邻市", "guidance": "请拨打邻市12345"}
    refused = await made(await agent.post(f"{path}/refuse", **body))
    assert refused["state"] == "refused"
    assert (await made(await agent.get(f"{path}/refusal")))["guidance"] == "请拨打邻市12345"
    early = await agent.post(f"{path}/actions", action="archive", version=2)
    assert (early.status_code, early.json()["code"]) == (409, "ticket.citizen_not_told")
    (notice,) = await made(await agent.get("/api/citizen-notices", open_only=True))
    assert "请拨打邻市12345" in notice["text"]
    told = f"/api/citizen-notices/{notice['id']}/told"
    assert (await made(await agent.post(told, how="phone")))["told_by"] == "1001"
    assert (await agent.post(told, how="sms")).status_code == 409
    assert await made(await agent.get("/api/citizen-notices", open_only=True)) == []
    await act(agent, refused, "archive")
    period = {"since": "2020-01-01T00:00:00Z", "before": "2100-01-01T00:00:00Z"}
    counted = await made(await supervisor.get("/api/refusals/counts", **period))
    assert counted["total"] == 1
    assert {one["ground"]: one["count"] for one in counted["grounds"]}["outside_city"] == 1
    assert (await agent.get("/api/refusals/counts", **period)).status_code == 403


async def test_code_tables_come_from_files_first_on_trial(nobody: Caller, units: Units, services: Services) -> None:
    admin, dispatcher = await nobody.as_("admin"), await nobody.as_("dispatcher")
    trial = await made(await upload(admin, "categories", CATEGORIES.encode()))
    assert (trial["dry_run"], trial["added"]) == (True, ["01", "0101"])
    assert await made(await dispatcher.get("/api/catalogue/categories")) == []
    await made(await upload(admin, "categories", CATEGORIES.encode(), dry_run=False))
    wrong = ROWS + "02,,市城管局,2026-01-01\n01,,无此局,2026-02-01\n"
    assert [bad["line"] for bad in (await made(await upload(admin, "rows", wrong.encode())))["bad"]] == [3, 4]
    refused = await upload(admin, "rows", wrong.encode(), dry_run=False)
    assert (refused.status_code, refused.json()["code"]) == (422, "catalogue.import_refused")
    assert [one["where"] for one in refused.json()["wrong"]] == ["line 3", "line 4"]
    for _ in range(2):
        report = await made(await upload(admin, "rows", ROWS.encode(), dry_run=False))
    assert (report["added"], report["unchanged"]) == ([], 1)
    (row,) = await made(await dispatcher.get("/api/catalogue/rows", category="01"))
    assert row["lead_unit_id"] == units.urban
    assert (await upload(admin, "rows", b"\x00", dry_run=False)).json()["code"] == "catalogue.unreadable"
    assert (await upload(dispatcher, "rows", ROWS.encode())).status_code == 403
    assert (await upload(nobody, "rows", ROWS.encode())).status_code == 401
    async with services.database.transaction() as session:
        actions = await session.scalars(select(AuditRow.action).where(AuditRow.subject == "catalogue"))
        assert sorted(actions) == ["catalogue.categories_imported", "catalogue.rows_imported"]


async def test_a_table_larger_than_other_bodies_is_read(nobody: Caller, units: Units) -> None:
    admin = await nobody.as_("admin")
    padding = "，".join(["备注"] * 60)
    text = "编码,名称\n" + "\n".join(f"c{n},{padding[:60]}" for n in range(9_000))
    assert len(text.encode()) > 1 << 20
    assert len((await made(await upload(admin, "categories", text.encode())))["added"]) == 9_000
    assert (await upload(admin, "categories", b"x" * (6 << 20))).status_code == 413


async def test_a_report_is_kept_from_the_unit_it_accuses(nobody: Caller, units: Units) -> None:
    admin, dispatcher, agent = await nobody.as_("admin"), await nobody.as_("dispatcher"), await nobody.as_("agent")
    await made(await upload(admin, "categories", CATEGORIES.encode(), dry_run=False))
    await made(await upload(admin, "rows", ROWS.encode(), dry_run=False))
    report = await accepted(nobody, type="report", category="0101", confidentiality="confidential")
    path = f"/api/tickets/{report['number']}"
    (suggestion,) = (await made(await dispatcher.get(f"{path}/suggestions")))["suggested"]
    assert (suggestion["lead_unit"], suggestion["lead_name"]) == (units.urban, "市城管局")
    named = await made(await agent.post(f"{path}/accused", units=[units.urban]))
    assert named == {"units": [units.urban], "routed": False}
    assert (await made(await dispatcher.get(f"{path}/suggestions"))) == {"suggested": [], "barred": [units.urban]}
    sent = await dispatcher.post(f"{path}/actions", action="dispatch", version=report["version"], lead_unit=units.urban)
    assert (sent.status_code, sent.json()["code"]) == (409, "ticket.accused_unit")
    await act(dispatcher, report, "dispatch", lead_unit=units.labour)
    # Nobody of a unit learns whom it accuses, not even where it was sent.
    for user in ("unit_handler", "other_unit"):
        assert (await (await nobody.as_(user)).get(f"{path}/accused")).status_code == 403
    assert (await (await nobody.as_("other_unit")).get(path)).status_code == 403


_MATRIX = [
    ("POST", "/api/tickets/duplicates", {"agent", "expert", "supervisor", "dispatcher", "visit_agent"}),
    ("GET", "/api/tickets/X1/duplicates", {"agent", "expert", "supervisor", "dispatcher", "visit_agent"}),
    ("GET", "/api/tickets/X1/relations", {role.value for role in Role} - {"knowledge_editor"}),
    ("POST", "/api/tickets/X1/merge", {"agent", "expert", "supervisor", "dispatcher", "visit_agent"}),
    ("POST", "/api/tickets/X1/split", {"agent", "expert", "supervisor", "dispatcher", "visit_agent"}),
    ("POST", "/api/tickets/X1/repeats", {"agent", "expert", "supervisor", "dispatcher", "visit_agent"}),
    ("POST", "/api/tickets/X1/refuse", {"agent", "expert", "supervisor", "dispatcher", "unit_head"}),
    ("GET", "/api/citizen-notices", {"agent", "expert", "supervisor", "dispatcher", "visit_agent"}),
    ("GET", "/api/tickets/X1/suggestions", {"supervisor", "dispatcher"}),
    ("GET", "/api/tickets/X1/accused", {"agent", "expert", "supervisor", "dispatcher"}),
    ("POST", "/api/tickets/X1/accused", {"agent", "expert", "supervisor", "dispatcher"}),
    ("POST", "/api/catalogue/rows/import", {"admin", "supervisor"}),
    ("POST", "/api/catalogue/categories/import", {"admin", "supervisor"}),
]


@pytest.mark.parametrize(("method", "path", "allowed"), _MATRIX)
async def test_who_may_at_all(method: str, path: str, allowed: set[str], nobody: Caller, units: Units) -> None:
    answer = await nobody.request(method, path, json={} if method == "POST" else None)
    assert answer.status_code == 401
    for role in Role:
        caller = await nobody.as_(role.value)
        answer = await caller.request(method, path, json={} if method == "POST" else None)
        assert (answer.status_code != 403) == (role.value in allowed), (role, answer.text)
        assert answer.status_code < 500
