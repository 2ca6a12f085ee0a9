"""Systems that exchange tickets with us: receivers, the province, apps; and what comes by telephone unattended."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

from calls.callback_models import VoiceMessageRow
from directory import partners
from directory.models import PartnerKind
from directory.partners import PartnerEntry
from hotline.signing import Request, headers
from tests.web.positive.recorder import Recorder
from tests.web.positive.tickets import act, dispatched, registered
from ticketing.exchange import deliveries, open311_keys
from ticketing.vocabulary import Source

WEBHOOK = "https://province.example/events"
"""Nothing runs here that would push to it."""


async def _signed(r: Recorder, key: str, sender: str, method: str, target: str, *, body: Any = None) -> Any:
    raw = b"" if body is None else json.dumps(body).encode()
    now = r.services.clock.now_ms() // 1000
    identity = f"x-{hashlib.sha256(target.encode() + raw).hexdigest()[:16]}"
    told = headers(key.encode(), Request(method, target, raw), sender=sender, timestamp=now, id=identity)
    return await (await r.at("")).ask(method, target, content=raw, headers=dict(told))


async def _refused(r: Recorder, code: str) -> int:
    """The position of the event that a webhook has refused once too often: parked as the jobs process parks it."""
    database, now = r.services.database, r.services.clock.now()
    async with database.transaction() as session:
        parcel = await deliveries.claim(session, code, now=now, until=now + timedelta(minutes=1), site="smx")
    assert parcel is not None, f"nothing is on its way to {code}"
    async with database.transaction() as session:
        failed = await deliveries.failed(
            session,
            parcel,
            why="422",
            now=now,
            wholly=False,
            pause=lambda _attempts: timedelta(0),
            park_after=1,
            alarm_after=timedelta(hours=1),
        )
    assert failed.parked
    return parcel.position


async def receivers(r: Recorder) -> None:
    """A unit's system, which fetches, and the province's, which is pushed to."""
    admin, supervisor, handler = [await r.at(who) for who in ("admin", "supervisor", "unit_handler")]
    async with r.services.database.transaction() as session:
        entry = PartnerEntry("省12345", PartnerKind.PROVINCE)
        await partners.save(session, "province", entry, now=r.services.clock.now())
    await r.services.directory.refresh()
    path = "/api/exchange/receivers"
    await admin.put(f"{path}/labour", name="人社局业务系统", scope="unit", unit_id=r.units.labour)
    platform = {"scope": "partner", "partner": "province", "personal": "full", "webhook": WEBHOOK}
    await admin.put(f"{path}/province", name="省平台", **platform)
    await admin.get(path)
    key = r.services.partner_keys.change("province")
    incoming = "/api/exchange/incoming"
    for version in (1, 2):
        sent = {"number": "HN-1", "version": version, "ticket": {"title": f"第{version}版"}}
        await _signed(r, key, "province", "POST", incoming, body=sent)
    await supervisor.get("/api/exchange/messages")
    dispatcher, agent = await r.at("dispatcher"), await r.at("agent")
    number = await registered(r, "跨市事项")
    transfer = await dispatcher.post(f"/api/tickets/{number}/transfers", partner="province", reason="省级事项")
    await agent.get(f"/api/tickets/{number}/transfers")
    answers = f"/api/exchange/transfers/{transfer['id']}/answers"
    await _signed(r, key, "province", "POST", answers, body={"action": "accept", "number": "HN-77"})
    await _signed(r, key, "province", "GET", "/api/exchange/feed?after=0")
    await dispatched(r)
    await handler.get("/api/exchange/unit-feed", after=0)
    await admin.post(f"{path}/province/replay", position=1)
    for what in ("retry", "skip"):
        position = await _refused(r, "province")
        assert [one["position"] for one in await supervisor.get("/api/exchange/parked")] == [position]
        await admin.ask("POST", f"{path}/province/parked/{position}/{what}")
    await admin.delete(f"{path}/labour")


async def open311(r: Recorder) -> None:
    """An app that speaks GeoReport v2, in both its forms. `lamps` is a category by now."""
    citizen = await r.at("")
    async with r.services.database.transaction() as session:
        key = await open311_keys.add(session, "city-app", Source.APP, by="admin", at=r.services.clock.now())
    for form in ("json", "xml"):
        await citizen.get(f"/open311/discovery.{form}")
        await citizen.get(f"/open311/v2/services.{form}")
        await citizen.get(f"/open311/v2/services/lamps.{form}")
        new = {"api_key": key, "service_code": "lamps", "address_string": "黄河路12号", "description": f"{form}不亮"}
        made = await citizen.ask("POST", f"/open311/v2/requests.{form}", data=new)
        if form == "json":
            number = made[0]["service_request_id"]
        await citizen.get(f"/open311/v2/requests.{form}")
        await citizen.get(f"/open311/v2/requests/{number}.{form}")


async def messages(r: Recorder) -> None:
    """A voice message that an agent writes down, and somebody who wants to be forgotten."""
    agent, supervisor = await r.at("agent"), await r.at("supervisor")
    call, sound = "ast1-1763761000.90", bytes(range(256)) * 40
    folder = r.services.settings.var_dir / "messages"
    folder.mkdir(exist_ok=True)
    (folder / f"{call}.alaw").write_bytes(sound)
    now = r.services.clock.now()
    row = VoiceMessageRow(
        call_id=call,
        caller="+8613812345699",
        line="12345",
        left_at=now - timedelta(minutes=5),
        duration_ms=1280,
        host="ast1",
        sha256=hashlib.sha256(sound).hexdigest(),
    )
    async with r.services.database.transaction() as session:
        session.add(row)
    desk = "/api/message-desk"
    await agent.get(desk)
    await agent.ask("POST", f"{desk}/{row.id}/take")
    await agent.get(f"{desk}/{row.id}/sound")
    await agent.post(f"{desk}/{row.id}/ticket", title="留言：路灯不亮")
    await supervisor.post("/api/erasures", caller_number="13999999998", reason="本人申请")
    await supervisor.get("/api/erasures")


async def unit_desk(r: Recorder) -> None:
    """Who of a unit works on what."""
    handler = await r.at("unit_handler")
    number = await dispatched(r)
    await act(handler, number, "sign_for")
    path = f"/api/tickets/{number}"
    part = (await handler.get(path))["assignments"][0]["id"]
    await (await r.at("dispatcher")).get("/api/centre-desk")
    boxes = await handler.get("/api/unit-desk")
    await handler.get(f"/api/unit-desk/{boxes[0]['box']}")
    taken = await handler.post(f"{path}/parts/{part}/handlers")
    await handler.get(f"{path}/handlers")
    said = {"action": "release", "version": taken["version"], "note": "另有安排"}
    await handler.post(f"{path}/handlers/{taken['id']}/actions", **said)
