"""Agents and who leads them: signing in, shifts, the floor, calls that wait."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import orjson

from acd.model import CallRequest, Offer
from acd.queue_store import default_rules
from calls.floor_board import FloorBoard, FloorRecord
from calls.supervising_states import SupervisionState
from hotline.feed import inbox_key
from tests.web.positive.recorder import Recorder

TALK = "ast1-1763761000.40"
WAITING = "ast1-1763761000.41"
FOR_ONE = "ast1-1763761000.42"


async def signing_in(r: Recorder) -> None:
    """An agent's day without a call."""
    agent, supervisor = await r.at("agent"), await r.at("supervisor")
    await r.line.configure(default_rules([("12333", 600_000)]), 1)
    for seat in ("8001", "8002"):
        await r.line.device_state(seat, reachable=True, in_use=False)
    await agent.get("/api/agents/reasons")
    await agent.post("/api/agents/me/sign-in", extension="8001")
    await agent.get("/api/agents/me")
    await agent.post("/api/agents/me/ready")
    await agent.post("/api/agents/me/not-ready", reason="小休")
    await supervisor.get("/api/agents")
    await supervisor.post("/api/supervision/agents/1001/state", state="READY", reason="忘记示闲")


async def rosters(r: Recorder) -> None:
    """A shift, and a swap of each kind."""
    supervisor, agent, second = [await r.at(who) for who in ("supervisor", "agent", "second")]
    first = r.services.clock.now().astimezone(ZoneInfo("Asia/Shanghai")).date() + timedelta(days=2)

    async def shift(days: int) -> int:
        day = (first + timedelta(days=days)).isoformat()
        times = {"first": day, "last": day, "begins": "08:00", "ends": "16:00"}
        (made,) = await supervisor.post("/api/rosters/shifts", agents=["1001"], group="general", **times)
        return int(made["id"])

    async def swap(days: int) -> int:
        wish = await agent.post("/api/rosters/swaps", shift_id=await shift(days), to_agent="1002")
        return int(wish["id"])

    approved, refused, withdrawn = [await swap(days) for days in (0, 1, 2)]
    for one in (approved, refused):
        await second.post(f"/api/rosters/swaps/{one}/agree")
    await supervisor.post(f"/api/rosters/swaps/{approved}/approve")
    await supervisor.post(f"/api/rosters/swaps/{refused}/refuse")
    await agent.post(f"/api/rosters/swaps/{withdrawn}/withdraw")
    await supervisor.get("/api/rosters/swaps")
    begin = r.services.clock.now()
    await agent.get("/api/rosters/shifts", begin=begin.isoformat(), end=(begin + timedelta(days=9)).isoformat())
    await supervisor.get("/api/rosters/due")
    await supervisor.get("/api/rosters/missing")
    await supervisor.delete(f"/api/rosters/shifts/{await shift(5)}")


async def floor(r: Recorder) -> None:
    """A talk that a supervisor hears, and what is said on the floor."""
    agent, supervisor = await r.at("agent"), await r.at("supervisor")
    await r.line.set_ready("1001")
    now = r.services.clock.now_ms()
    call = CallRequest(call=TALK, entered_ms=now, owner="ast1/voice-1", queue="general", hotline="12345")
    await r.line.enqueue(call)
    offered = None
    while text := await r.services.redis.rpop(inbox_key(r.services.settings.site.id, "ast1/voice-1")):
        message = orjson.loads(str(text))
        offered = message if message["type"] == "offer" else offered
    assert offered is not None
    offer = await r.line.ringing(Offer.from_message(offered), 20_000)
    await r.line.answered(offer)
    await agent.post(f"/api/talks/{TALK}/hold")
    await agent.post(f"/api/talks/{TALK}/phone-lost")
    await supervisor.get("/api/floor")
    await supervisor.post("/api/floor/1001/listen", extension="8090")
    record = FloorRecord(
        supervisor="supervisor",
        agent="1001",
        call=TALK,
        state=SupervisionState.LISTENING,
        since_ms=now,
        until_ms=now + 60_000,
        extension="8090",
        leg="supervision-1",
        process="ast1/voice-1",
    )
    await FloorBoard(r.services.redis, r.services.settings.site.id, r.services.clock).put(record)
    await supervisor.post("/api/floor/1001/stop")
    await supervisor.post("/api/floor/1001/hang-up", reason="辱骂市民")
    message = await supervisor.post("/api/floor/messages", text="十点开会", agent="1001")
    await supervisor.get("/api/floor/messages")
    await agent.get("/api/floor/messages/mine")
    await agent.post(f"/api/floor/messages/{message['id']}/read")
    await r.line.finished(offer, 30_000, phone_free=True)
    await agent.post("/api/agents/me/extend-wrap-up", seconds=30)
    await agent.post("/api/agents/me/end-wrap-up")
    await agent.post("/api/agents/me/sign-out")


async def waiting(r: Recorder) -> None:
    """Calls that wait are moved, released and picked."""
    supervisor = await r.at("supervisor")
    second = await r.at("second")
    await second.post("/api/agents/me/sign-in", extension="8002")
    now = r.services.clock.now_ms()
    for call, prefer in ((WAITING, ""), (FOR_ONE, "1002")):
        asked = CallRequest(
            call=call, entered_ms=now, owner="ast1/voice-1", queue="general", prefer=prefer, hotline="12345"
        )
        await r.line.enqueue(asked)
    await supervisor.get("/api/supervision/waiting")
    await supervisor.post(f"/api/supervision/waiting/{WAITING}/move", queue="expert-12333")
    await supervisor.post(f"/api/supervision/waiting/{FOR_ONE}/release")
    await (await r.at("admin")).post(f"/api/supervision/waiting/{FOR_ONE}/pick", agent="1002")


async def guests(r: Recorder) -> None:
    """嘉宾接听: a deputy answers calls at a seat."""
    supervisor = await r.at("supervisor")
    path = "/api/guest-sittings"
    sitting = await supervisor.post(path, guest="李代表", standing="deputy", seat="1002", host="1001")
    for version, action in enumerate(("begin", "end"), start=1):
        await supervisor.post(f"{path}/{sitting['id']}/actions", action=action, version=version)
    await supervisor.get(path)
