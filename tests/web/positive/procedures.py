"""What stands beside a ticket: meetings, the first unit, procedures by law, questions, force majeure, findings."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from tests.web.positive.recorder import Desk, Recorder
from tests.web.positive.tickets import act, dispatched


async def _step(desk: Desk, path: str, action: str, **said: object) -> None:
    """The first step of the newest record there."""
    newest = (await desk.get(path))[-1]
    await desk.post(f"{path}/{newest['id']}/actions", action=action, version=newest["version"], **said)


async def beside(r: Recorder) -> None:
    """Each record once, by the unit that handles the ticket."""
    handler, dispatcher, agent = [await r.at(who) for who in ("unit_handler", "dispatcher", "agent")]
    number = await dispatched(r, type="help", caller_number="13900000088")
    await act(handler, number, "sign_for")
    path = f"/api/tickets/{number}"
    both = [r.units.labour, r.units.urban]
    await dispatcher.post(f"{path}/meetings", kind="joint", report="两家职责交叉", units=both)
    await _step(dispatcher, f"{path}/meetings", "cancel", note="已协商一致")
    await handler.get(f"{path}/first-unit")
    await handler.get("/api/first-units/mine")
    await handler.post(f"{path}/first-unit/actions", action="follow_up", version=1, note="正在协调")
    await handler.post(f"{path}/questions", words="请提供照片")
    await _step(agent, f"{path}/questions", "answer", note="市民已提供")
    asked = await handler.post(f"{path}/questions", words="请提供现场地址")
    told = await agent.post(f"{path}/query-code", reason="市民未记下查询码，核对过身份")
    proof = {"number": told["typed_number"], "code": told["query_code"]}
    citizen = await r.at("")
    await citizen.post("/api/public/questions", **proof)
    await citizen.post("/api/public/answers", **proof, question=asked["id"], answer="黄河路12号门前")
    today = r.services.clock.now().astimezone(ZoneInfo("Asia/Shanghai")).date()
    law = {"kind": "filing", "basis": "行政处罚法第五十四条", "ends_on": (today + timedelta(days=90)).isoformat()}
    await handler.post(f"{path}/statutory-procedures", entered_on=today.isoformat(), **law)
    await _step(dispatcher, f"{path}/statutory-procedures", "accept")
    urgent = await dispatched(r, type="help", urgency="urgent")
    await act(handler, urgent, "sign_for")
    path = f"/api/tickets/{urgent}"
    await handler.post(f"{path}/force-majeure", facts="暴雨")
    await _step(dispatcher, f"{path}/force-majeure", "refuse", note="未影响办理")


async def visited(r: Recorder) -> None:
    """A visit to somebody who is dissatisfied, and whether the unit kept to the law."""
    handler, head, visitor, auditor = [
        await r.at(who) for who in ("unit_handler", "unit_head", "visit_agent", "auditor")
    ]
    number = await dispatched(r, type="help", caller_number="13900000099")
    await act(handler, number, "sign_for")
    path = f"/api/tickets/{number}"
    at = r.services.clock.now().isoformat()
    await handler.post(f"{path}/contacts", at=at, way="phone", by="张工", outcome="answered")
    await act(handler, number, "reply", note="已修复")
    await act(head, number, "approve_reply")
    await visitor.get("/api/visits/due")
    said = {"contacted": True, "solved": False, "satisfaction": "dissatisfied"}
    await act(visitor, number, "visit", note="市民不满意", **said)
    await visitor.get(f"{path}/visits")
    await visitor.post(f"{path}/findings", facts="市民要求超出政策")
    await auditor.get("/api/findings/waiting")
    await _step(auditor, f"{path}/findings", "find_compliant", note="依法办理", basis="城市照明管理规定第十条")
