"""The floor over REST: who may supervise whom, what is asked of which voice process, messages to agents, teams."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import orjson
import pytest

from acd.model import CallRequest, Offer
from acd.queue_store import default_rules
from acd.service import Acd
from calls.floor_board import FloorBoard, FloorRecord
from calls.supervising_states import SupervisionState
from directory import audit
from hotline.feed import inbox_key
from tests.web.conftest import CALL, Caller
from web.services import Services

TEAM = {"name": "综合一班", "agents": ["1001"], "supervisors": ["supervisor"]}
OTHERS = {"name": "综合二班", "agents": ["1002"], "supervisors": ["other_unit"]}


@pytest.fixture
async def teams(nobody: Caller) -> None:
    """Agent 1001 is of the supervisor's team, 1002 of another one."""
    admin = await nobody.as_("admin")
    for team, body in (("one", TEAM), ("two", OTHERS)):
        assert (await _put(admin, f"/api/teams/{team}", **body)).status_code == 200


@pytest.fixture
async def talk(services: Services, nobody: Caller, line: Acd, teams: None) -> None:
    """Agent 1001 talks."""
    await _talk(services, line, await nobody.as_("agent"), "8001", "1001")


async def _talk(services: Services, line: Acd, person: Caller, seat: str, agent: str) -> None:
    await line.configure(default_rules([]), 1)
    await line.device_state(seat, reachable=True, in_use=False)
    assert (await person.post("/api/agents/me/sign-in", extension=seat)).status_code == 200
    await line.set_ready(agent)
    now = services.clock.now_ms()
    await line.enqueue(CallRequest(call=CALL, entered_ms=now, owner="ast1/voice-1", queue="general", hotline="12345"))
    (message,) = [one for one in await _inbox(services) if one["type"] == "offer"]
    offer = await line.ringing(Offer.from_message(message), 20_000)
    await line.answered(offer)


async def _inbox(services: Services) -> list[dict[str, Any]]:
    """What was said to the voice process, oldest first; it is taken out."""
    told = []
    while text := await services.redis.rpop(inbox_key("smx", "ast1/voice-1")):
        told.append(orjson.loads(str(text)))
    return told


async def _put(who: Caller, path: str, **body: Any) -> httpx.Response:
    return await who.request("PUT", path, json=body)


async def _audit(services: Services) -> list[tuple[str, str, Any]]:
    async with services.database.transaction() as session:
        rows = await audit.entries(session)
        await audit.verify(session)
    return [(row.actor, row.action, row.after) for row in reversed(rows) if row.action.startswith("supervision")]


async def test_a_supervisor_listens_to_an_agent_of_the_own_team(services: Services, nobody: Caller, talk: None) -> None:
    supervisor = await nobody.as_("supervisor")
    asked = await supervisor.post("/api/floor/1001/listen", extension="8090")
    assert (asked.status_code, asked.json()) == (202, {"call": CALL, "command": "listen"})
    (message,) = await _inbox(services)
    assert {name: message[name] for name in ("type", "call", "agent", "supervisor", "command", "extension")} == {
        "type": "supervise",
        "call": CALL,
        "agent": "1001",
        "supervisor": "supervisor",
        "command": "listen",
        "extension": "8090",
    }
    assert await _audit(services) == [("supervisor", "supervision.listen", {"call": CALL, "extension": "8090"})]


@pytest.mark.parametrize("command", ["listen", "whisper", "barge", "take-over", "hang-up"])
async def test_a_supervisor_of_another_team_is_refused_and_it_is_on_record(
    services: Services, nobody: Caller, line: Acd, teams: None, command: str
) -> None:
    await _talk(services, line, await nobody.as_("second"), "8002", "1002")
    supervisor = await nobody.as_("supervisor")
    body = {"reason": "x"} if command == "hang-up" else {"extension": "8090"}
    refused = await supervisor.post(f"/api/floor/1002/{command}", **body)
    assert (refused.status_code, refused.json()["code"]) == (403, "supervision.other_team")
    assert await _inbox(services) == [], "nothing was asked of anybody"
    asked = command.replace("-", "_")
    assert await _audit(services) == [
        ("supervisor", "supervision.refused", {"asked": asked, "why": "supervision.other_team"})
    ]


async def test_who_is_no_supervisor_is_refused(services: Services, nobody: Caller, talk: None) -> None:
    agent = await nobody.as_("second")
    assert (await agent.post("/api/floor/1001/listen", extension="8090")).status_code == 403
    # An administrator is bound to no team, and listens to nobody unless the settings say so.
    admin = await nobody.as_("admin")
    refused = await admin.post("/api/floor/1001/listen", extension="8090")
    assert (refused.status_code, refused.json()["code"]) == (403, "supervision.not_permitted")
    assert (await admin.get("/api/floor")).json()["agents"][0]["agent"] == "1001"
    assert await _audit(services) == [
        ("admin", "supervision.refused", {"asked": "listen", "why": "supervision.not_permitted"})
    ]


async def test_an_agent_of_no_team_is_nobodys(services: Services, nobody: Caller, talk: None) -> None:
    admin = await nobody.as_("admin")
    assert (await admin.request("DELETE", "/api/teams/one")).status_code == 204
    supervisor = await nobody.as_("supervisor")
    assert (await supervisor.post("/api/floor/1001/listen", extension="8090")).status_code == 403
    assert (await supervisor.get("/api/floor")).json()["agents"] == []


async def test_what_cannot_be(services: Services, nobody: Caller, line: Acd, talk: None) -> None:
    supervisor = await nobody.as_("supervisor")
    for path, body, status, code in (
        ("/api/floor/1001/listen", {}, 422, "supervision.phone_missing"),
        ("/api/floor/1001/listen", {"extension": "8001"}, 409, "supervision.phone_taken"),
        ("/api/floor/1001/listen", {"extension": "x"}, 422, "input.invalid"),
        ("/api/floor/1001/stop", {}, 409, "supervision.not_there"),
        ("/api/floor/1001/hang-up", {"reason": ""}, 422, "input.invalid"),
        ("/api/floor/7777/listen", {"extension": "8090"}, 404, "user.unknown"),
        ("/api/floor/1001/dance", {"extension": "8090"}, 422, "input.invalid"),
    ):
        answer = await supervisor.post(path, **body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), path
    await line.finished((await line.call(CALL)).offer)  # type: ignore[union-attr, arg-type]
    over = await supervisor.post("/api/floor/1001/listen", extension="8090")
    assert (over.status_code, over.json()["code"]) == (409, "supervision.no_talk")
    assert await _inbox(services) == []


async def test_a_command_to_a_supervision_goes_where_it_is(services: Services, nobody: Caller, talk: None) -> None:
    """Also after 拦截, when distribution knows of no talk any more."""
    now = services.clock.now_ms()
    record = FloorRecord(
        supervisor="supervisor",
        agent="1001",
        call=CALL,
        state=SupervisionState.LISTENING,
        since_ms=now,
        until_ms=now + 60_000,
        extension="8090",
        leg="supervision-1",
        process="ast1/voice-1",
    )
    board = FloorBoard(services.redis, "smx", services.clock)
    await board.put(record)
    supervisor = await nobody.as_("supervisor")
    seen = (await supervisor.get("/api/floor")).json()
    assert [(one["supervisor"], one["state"]) for one in seen["agents"][0]["supervised"]] == [
        ("supervisor", "listening")
    ]
    assert (seen["agents"][0]["state"], seen["agents"][0]["team"], seen["own"]["agent"]) == ("TALKING", "one", "1001")
    assert (await supervisor.post("/api/floor/1001/whisper")).status_code == 202
    assert (await supervisor.post("/api/floor/1001/stop")).status_code == 202
    assert [one["command"] for one in await _inbox(services)] == ["whisper", "stop"]
    admin = await nobody.as_("admin")
    await _put(admin, "/api/teams/one", **TEAM | {"agents": ["1001", "2001"]})
    elsewhere = await supervisor.post("/api/floor/2001/listen", extension="8090")
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (409, "supervision.elsewhere")


async def test_hanging_up_needs_a_reason_which_is_kept(services: Services, nobody: Caller, talk: None) -> None:
    supervisor = await nobody.as_("supervisor")
    assert (await supervisor.post("/api/floor/1001/hang-up", reason="辱骂市民")).status_code == 202
    (message,) = await _inbox(services)
    assert (message["command"], message["reason"]) == ("hang_up", "辱骂市民")
    assert await _audit(services) == [("supervisor", "supervision.hang_up", {"call": CALL, "reason": "辱骂市民"})]


async def test_messages_reach_one_a_team_or_all_and_are_read(services: Services, nobody: Caller, teams: None) -> None:
    supervisor, agent = await nobody.as_("supervisor"), await nobody.as_("agent")
    one = await supervisor.post("/api/floor/messages", text="请放慢语速", agent="1001")
    assert one.status_code == 201
    team = await supervisor.post("/api/floor/messages", text="十点开会", team="one")
    everybody = await supervisor.post("/api/floor/messages", text="系统今晚升级", all=True)
    assert [[r["agent"] for r in sent.json()["receipts"]] for sent in (one, team, everybody)] == [["1001"]] * 3
    mine = (await agent.get("/api/floor/messages/mine")).json()
    assert [(m["sender"], m["text"]) for m in mine] == [
        ("supervisor", "系统今晚升级"),
        ("supervisor", "十点开会"),
        ("supervisor", "请放慢语速"),
    ]
    shown = await services.feed.newest("1001", "message")
    assert shown is not None
    assert shown.body["text"] == "系统今晚升级"
    assert (await agent.post(f"/api/floor/messages/{one.json()['id']}/read")).status_code == 204
    assert len((await agent.get("/api/floor/messages/mine", unread=True)).json()) == 2
    receipts = {m["text"]: m["receipts"][0]["read_at"] for m in (await supervisor.get("/api/floor/messages")).json()}
    assert receipts["请放慢语速"] is not None
    assert receipts["十点开会"] is None


async def test_messages_that_are_refused(nobody: Caller, teams: None) -> None:
    supervisor, second = await nobody.as_("supervisor"), await nobody.as_("second")
    for body, status in (
        ({"text": "x", "agent": "1002"}, 403),
        ({"text": "x", "team": "two"}, 403),
        ({"text": "x", "team": "none"}, 404),
        ({"text": "x", "agent": "7777"}, 404),
        ({"text": "x"}, 422),
        ({"text": "x", "agent": "1001", "all": True}, 422),
        ({"text": " ", "agent": "1001"}, 422),
        ({"text": "x" * 501, "agent": "1001"}, 422),
    ):
        assert (await supervisor.post("/api/floor/messages", **body)).status_code == status, body
    admin = await nobody.as_("admin")
    sent = await admin.post("/api/floor/messages", text="全体", all=True)
    assert {one["agent"] for one in sent.json()["receipts"]} == {"1001", "1002", "1007", "2001"}
    message = await supervisor.post("/api/floor/messages", text="x", agent="1001")
    assert (await second.post(f"/api/floor/messages/{message.json()['id']}/read")).status_code == 404


async def test_teams(services: Services, nobody: Caller, teams: None) -> None:
    admin, supervisor = await nobody.as_("admin"), await nobody.as_("supervisor")
    assert (await _put(supervisor, "/api/teams/three", **TEAM)).status_code == 403
    taken = await _put(admin, "/api/teams/three", **TEAM)
    assert (taken.status_code, taken.json()["code"]) == (409, "team.name_taken")
    assert (await _put(admin, "/api/teams/three", name="三班", agents=["7777"], supervisors=[])).status_code == 404
    moved = await _put(admin, "/api/teams/two", **OTHERS | {"agents": ["1001", "1002"]})
    assert moved.json()["agents"] == ["1001", "1002"]
    found = {one["team"]: one for one in (await supervisor.get("/api/teams")).json()}
    assert found["one"]["agents"] == [], "nobody is in two teams"
    assert (await admin.request("DELETE", "/api/teams/three")).status_code == 404
    stale = await _put(admin, "/api/teams/one", **TEAM, version=0)
    assert (stale.status_code, stale.json()["code"]) == (409, "team.stale")
    assert moved.json()["version"] == found["two"]["version"]
    kept = await _put(admin, "/api/teams/one", name="一班", agents=[], supervisors=[], version=found["one"]["version"])
    assert kept.json()["version"] != found["one"]["version"]
    entries = (await admin.get("/api/audit", subject="team:two")).json()["entries"]
    assert [(one["action"], one["after"]["agents"]) for one in entries] == [
        ("team.saved", ["1001", "1002"]),
        ("team.saved", ["1002"]),
    ]


async def test_of_many_who_read_the_same_team_one_changes_it(nobody: Caller, teams: None) -> None:
    admin = await nobody.as_("admin")
    read = {one["team"]: one["version"] for one in (await admin.get("/api/teams")).json()}
    saves = [_put(admin, "/api/teams/one", **TEAM | {"name": f"第{n}班"}, version=read["one"]) for n in range(5)]
    assert sorted(answer.status_code for answer in await asyncio.gather(*saves)) == [200] + [409] * 4
