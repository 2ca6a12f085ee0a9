"""Tickets from the demand to the archive: every desk's steps."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.web.positive.recorder import Desk, Recorder

CALL = "ast1-1763761000.50"


async def registered(r: Recorder, title: str = "路灯不亮", **fields: Any) -> str:
    """The number of a demand that an agent wrote down."""
    agent = await r.at("agent")
    return str((await agent.post("/api/tickets", title=title, **fields))["number"])


async def act(desk: Desk, number: str, action: str, **details: Any) -> Any:
    """One action on the ticket as it stands."""
    version = (await desk.get(f"/api/tickets/{number}"))["ticket"]["version"]
    return await desk.post(f"/api/tickets/{number}/actions", action=action, version=version, **details)


async def dispatched(r: Recorder, *assisting: int, **fields: Any) -> str:
    """The number of a ticket that waits for the labour office to sign for it."""
    number = await registered(r, **fields)
    await act(await r.at("agent"), number, "accept")
    others: dict[str, Any] = {"assisting_units": list(assisting)} if assisting else {}
    if fields.get("urgency") == "urgent":
        others["handed_over_to"] = "值班员王工"
    await act(await r.at("dispatcher"), number, "dispatch", lead_unit=r.units.labour, **others)
    return number


async def answered(r: Recorder, title: str = "路灯不亮", **fields: Any) -> str:
    """The number of a ticket that was answered at once and is closed."""
    number = await registered(r, title, **fields)
    agent = await r.at("agent")
    await agent.post(f"/api/tickets/{number}/answer", version=1, answer="已告知办理流程")
    return number


async def intake(r: Recorder) -> None:
    """受理."""
    agent, citizen = await r.at("agent"), await r.at("")
    made = await agent.post("/api/tickets", title="社保卡补办", caller_number="13812345678", type="complaint")
    path = f"/api/tickets/{made['number']}"
    await agent.get("/api/tickets", text="社保卡", duty="desk")
    await agent.get(path)
    await agent.patch(path, version=1, changes={"title": "社保卡如何补办"})
    await agent.post(f"{path}/calls", call=CALL)
    told = {"number": made["typed_number"], "code": made["query_code"]}
    await citizen.post("/api/public/progress", **told)
    await agent.post(f"{path}/query-code", reason="市民遗忘查询码，核对过身份")
    await agent.get(f"{path}/surveys")
    await answered(r)


async def handling(r: Recorder) -> None:
    """派单, 办理, 答复, 评价."""
    handler, head, other = [await r.at(who) for who in ("unit_handler", "unit_head", "other_unit")]
    agent, citizen = await r.at("agent"), await r.at("")
    number = await dispatched(r, r.units.urban, type="help")
    path = f"/api/tickets/{number}"
    assist = next(part["id"] for part in (await other.get(path))["assignments"] if part["unit_id"] == r.units.urban)
    await other.get(f"{path}/parts/{assist}")
    await other.post(f"{path}/parts/{assist}/actions", action="sign_for", version=1)
    await other.get(f"{path}/parts/{assist}/steps")
    await act(handler, number, "sign_for")
    at = r.services.clock.now().isoformat()
    await handler.post(f"{path}/contacts", at=at, way="phone", by="张工", outcome="answered", note="已答复")
    await handler.get(f"{path}/contacts")
    await act(handler, number, "reply", note="已修复")
    await act(head, number, "approve_reply")
    told = await agent.post(f"{path}/query-code", reason="市民未记下查询码，核对过身份")
    proof = {"number": told["typed_number"], "code": told["query_code"]}
    await citizen.post("/api/public/evaluations", **proof, satisfaction="satisfied", contacted=True, solved=True)


async def relations(r: Recorder) -> None:
    """并单, 拆单, repeats."""
    agent = await r.at("agent")
    main, child = await registered(r, "黄河路路灯不亮"), await registered(r, "黄河路路灯不亮")
    await act(agent, main, "accept")
    await agent.post("/api/tickets/duplicates", title="黄河路路灯不亮")
    await agent.get(f"/api/tickets/{child}/duplicates")
    await agent.post(f"/api/tickets/{child}/merge", version=1, parent=main)
    await agent.get(f"/api/tickets/{main}/relations")
    both = await registered(r, "路灯不亮，井盖丢失")
    await agent.post(f"/api/tickets/{both}/split", version=1, matters=[{"title": "井盖丢失"}], note="两件事")
    earlier = await answered(r, "噪声扰民", type="complaint")
    again = await registered(r, "噪声扰民", type="complaint")
    await agent.post(f"/api/tickets/{again}/repeats", earlier=earlier)


async def refusals(r: Recorder) -> None:
    """不予受理."""
    agent = await r.at("agent")
    number = await registered(r, "外省诉求", caller_number="13812345678")
    await agent.get(f"/api/tickets/{number}/refusal-grounds")
    await agent.post(f"/api/tickets/{number}/refuse", version=1, ground="outside_city", note="不在本市")
    await agent.get(f"/api/tickets/{number}/refusal")
    notice = (await agent.get("/api/citizen-notices", number=number))[0]["id"]
    await agent.post(f"/api/citizen-notices/{notice}/told", how="phone")
    period = {"since": "2020-01-01T00:00:00Z", "before": "2099-01-01T00:00:00Z"}
    await (await r.at("supervisor")).get("/api/refusals/counts", **period)
    await act(agent, number, "archive")
    await (await r.at("auditor")).get(f"/api/tickets/{number}/archive")


async def supervision(r: Recorder) -> None:
    """督办 and 问责线索."""
    supervisor, handler, inspector = [await r.at(who) for who in ("supervisor", "unit_handler", "inspector")]
    deadline = (r.services.clock.now() + timedelta(days=3)).isoformat()
    order = {"unit_id": r.units.labour, "ground": "knowledge", "form": "letter", "deadline": deadline}
    made = await supervisor.post("/api/supervisions", **order, words="知识条目已过期")
    path = f"/api/supervisions/{made['id']}"
    await handler.get("/api/supervisions")
    await handler.post(f"{path}/actions", action="answer", version=1, note="已更新")
    await handler.get(f"{path}/steps")
    number = await dispatched(r)
    lead = {"number": number, "unit_id": r.units.labour, "ground": "leak", "facts": "泄露诉求人信息"}
    await inspector.post("/api/accountability-leads", **lead)
    raised = (await inspector.get("/api/accountability-leads", number=number))[0]
    path = f"/api/accountability-leads/{raised['id']}"
    await inspector.post(f"{path}/actions", action="investigate", version=raised["version"])
    await inspector.get(f"{path}/steps")


async def disputes(r: Recorder) -> None:
    """Returned twice: ruled by others (职责裁定)."""
    dispatcher, handler, other = [await r.at(who) for who in ("dispatcher", "unit_handler", "other_unit")]
    why = {"note": "不属我局职责", "basis": "三定方案第三条"}
    number = await dispatched(r)
    await act(handler, number, "return", **why)
    await act(dispatcher, number, "agree_return")
    await act(dispatcher, number, "dispatch", lead_unit=r.units.urban)
    await dispatcher.get(f"/api/tickets/{number}/unattended")
    await act(other, number, "return", **why)
    path = f"/api/tickets/{number}/rulings"
    ruling = (await dispatcher.get(path))[0]
    said = {"authority": "staffing", "note": "两次退单，职责有争议"}
    await dispatcher.post(f"{path}/{ruling['id']}/actions", action="submit", version=ruling["version"], **said)


async def demands(r: Recorder) -> None:
    """无理重复诉求认定."""
    agent, supervisor = await r.at("agent"), await r.at("supervisor")
    claim = {"title": "要求重复赔偿", "type": "complaint", "caller_number": "13900000077"}
    earlier = await answered(r, **claim)
    number = await registered(r, **claim)
    path = f"/api/tickets/{number}/repeat-determinations"
    made = await agent.post(path, facts="已依法办结并告知", earlier=[earlier])
    await agent.get(path)
    await supervisor.post(f"{path}/{made['id']}/actions", action="approve", version=1, note="属实")


async def catalogue(r: Recorder) -> None:
    """派单目录."""
    supervisor, agent, dispatcher = [await r.at(who) for who in ("supervisor", "agent", "dispatcher")]
    csv = {"Content-Type": "text/csv"}
    categories = "编码,名称,上级编码,停用\nlamps,照明,,\n".encode()
    imports = "/api/catalogue/{}/import"
    await supervisor.ask(
        "POST", imports.format("categories"), content=categories, params={"dry_run": False}, headers=csv
    )
    rows = "类别编码,区划代码,主办单位,协办单位,生效日期,失效日期,备注\nlamps,411202,市城管局,,2020-01-01,,\n".encode()
    await supervisor.ask("POST", imports.format("rows"), content=rows, params={"dry_run": False}, headers=csv)
    await agent.get("/api/catalogue/categories")
    (row,) = await agent.get("/api/catalogue/rows")
    row = await supervisor.put(
        f"/api/catalogue/rows/{row['id']}", lead_unit_id=r.units.urban, note="照明", read=row["made_at"]
    )
    await supervisor.post(
        "/api/catalogue/rows", category_code="lamps", lead_unit_id=r.units.urban, from_day="2098-01-01"
    )
    number = await registered(r, "举报市城管局", type="report", category="lamps", area_code="411202")
    await agent.post(f"/api/tickets/{number}/accused", units=[r.units.urban])
    await agent.get(f"/api/tickets/{number}/accused")
    await dispatcher.get(f"/api/tickets/{number}/suggestions")
