"""Demands without a call, what comes with them, and what others collected or kept before us."""

from __future__ import annotations

from typing import Any

import orjson

from directory import partners
from directory.models import PartnerKind
from directory.partners import PartnerEntry
from hotline.signing import Request, headers
from tests.web.positive.recorder import Recorder
from tests.web.positive.tickets import registered

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360000002000001e221bc33"
    "0000000049454e44ae426082"
)
PICTURE = {"Content-Type": "image/png"}
DEMAND = {"title": "路灯不亮", "content": "黄河路三号路灯三天不亮", "type": "complaint", "caller_number": "13812345678"}
PERIOD = {"since": "2020-01-01T00:00:00Z", "before": "2099-01-01T00:00:00Z"}


def signed(r: Recorder, key: str, sender: str, path: str, *, body: bytes, identity: str) -> dict[str, str]:
    """The headers of a system that signs what it sends."""
    now = r.services.clock.now_ms() // 1000
    words = headers(key.encode(), Request("POST", path, body), sender=sender, timestamp=now, id=identity)
    return dict(words) | {"Content-Type": "application/json"}


async def channels(r: Recorder) -> None:
    """The form on the web, and a gateway."""
    admin, supervisor, citizen = await r.at("admin"), await r.at("supervisor"), await r.at("")
    told = await citizen.post("/api/public/demands", **DEMAND)
    code = {**PICTURE, "X-Query-Code": told["query_code"]}
    path = f"/api/public/demands/{told['number']}/attachments"
    await citizen.ask("POST", path, content=PNG, params={"name": "现场.png"}, headers=code)
    await admin.get("/api/channels/sources")
    await admin.put("/api/channels/wechat", name="微信公众号", sources=["wechat", "app"])
    await admin.get("/api/channels")
    key = r.services.channel_keys.change("wechat")
    path, body = "/api/channels/demands", orjson.dumps({**DEMAND, "source": "wechat"})
    await citizen.ask(
        "POST", path, content=body, headers=signed(r, key, "wechat", path, body=body, identity="wx-00000001")
    )
    path = "/api/channels/demands/wx-00000001/attachments"
    target = f"{path}?name=a.png"
    words = signed(r, key, "wechat", target, body=PNG, identity="wx-00000002") | PICTURE
    await citizen.ask("POST", target, content=PNG, headers=words)
    await supervisor.get("/api/channels/counts", **PERIOD)
    await supervisor.post("/api/channels/wechat/suspend", reason="刷单")
    await supervisor.post("/api/channels/wechat/resume")


async def attachments(r: Recorder) -> None:
    """Files of a ticket."""
    agent, supervisor = await r.at("agent"), await r.at("supervisor")
    path = f"/api/tickets/{await registered(r, caller_number='13812345678')}"
    files = f"{path}/attachments"
    added = await agent.ask("POST", files, content=PNG, params={"name": "现场.png"}, headers=PICTURE)
    await agent.get(files)
    await agent.get(f"{files}/{added['id']}")
    await supervisor.post(f"{files}/{added['id']}/release")
    await supervisor.post(f"{files}/{added['id']}/remove", reason="与诉求无关")
    await supervisor.post(f"{path}/unmask", reason="回访需要")


async def collected(r: Recorder) -> None:
    """A branch's own calls and tickets (归集)."""
    async with r.services.database.transaction() as session:
        tax = PartnerEntry("税务分中心", PartnerKind.BRANCH, line="12366")
        await partners.save(session, "tax-branch", tax, now=r.services.clock.now())
    await r.services.directory.refresh()
    key = r.services.partner_keys.change("tax-branch")
    call: dict[str, Any] = {
        "kind": "call",
        "number": "C-1",
        "began_at": "2026-11-20T01:00:00Z",
        "answered_at": "2026-11-20T01:00:09Z",
        "ended_at": "2026-11-20T01:03:00Z",
        "outcome": "answered",
    }
    path, body = "/api/collected/push", orjson.dumps({"records": [call]})
    words = signed(r, key, "tax-branch", path, body=body, identity="push-1")
    await (await r.at("")).ask("POST", path, content=body, headers=words)
    supervisor = await r.at("supervisor")
    (record,) = await supervisor.get("/api/collected")
    await supervisor.get(f"/api/collected/{record['id']}")
    await supervisor.get("/api/collected/counts")


async def imports(r: Recorder) -> None:
    """An old system's units, tried and brought in."""
    admin = await r.at("admin")
    path = "/api/imports/units/old12345"
    await admin.put(f"{path}/mapping", columns={}, words={}, defaults={})
    await admin.get(f"{path}/mapping")
    file = "单位编号,单位名称,级别\nU1,市水利局,市级\n".encode()
    await admin.ask("POST", path, content=file, headers={"Content-Type": "text/csv"})
