"""Waiting calls and agents by a supervisor's hand, and callers with a mark, over REST."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from acd.model import CallRequest
from acd.queue_store import default_rules
from acd.service import Acd
from acd.states import AgentState, CallState
from calls.recording.tables import RecordingRow
from tests.web.conftest import CALL, Caller
from web.services import Services

SECOND_CALL = "ast1-1763761000.13"


@pytest.fixture
async def waiting(services: Services, line: Acd) -> Acd:
    """Two calls wait: one for anybody, one for an expert."""
    await line.configure(default_rules([("12333", 600_000)]), 1)
    now = services.clock.now_ms()
    for call, queue, ago in ((CALL, "general", 5_000), (SECOND_CALL, "general", 9_000)):
        await line.enqueue(
            CallRequest(call=call, entered_ms=now - ago, owner="ast1/voice-1", queue=queue, hotline="12345")
        )
    return line


async def signed_in(line: Acd, nobody: Caller, who: str = "agent", seat: str = "8001") -> Caller:
    person = await nobody.as_(who)
    await line.device_state(seat, reachable=True, in_use=False)
    assert (await person.post("/api/agents/me/sign-in", extension=seat)).status_code == 200
    return person


async def test_waiting_calls_are_listed_by_place_and_without_whose_they_are(nobody: Caller, waiting: Acd) -> None:
    supervisor = await nobody.as_("supervisor")
    found = (await supervisor.get("/api/supervision/waiting")).json()
    assert [(one["call"], one["position"], one["queue"]) for one in found] == [
        (SECOND_CALL, 1, "general"),
        (CALL, 2, "general"),
    ]
    assert all("label" not in one and "caller" not in one for one in found)
    assert (await supervisor.get("/api/supervision/waiting", queue="night")).json() == []


async def test_an_agent_picks_a_call_for_nobody_else(nobody: Caller, waiting: Acd) -> None:
    agent = await signed_in(waiting, nobody)
    other = await agent.post(f"/api/supervision/waiting/{CALL}/pick", agent="1002")
    assert (other.status_code, other.json()["code"]) == (403, "access.denied")
    # The second in the queue, by an agent who is not ready: it is theirs all the same.
    assert (await agent.post(f"/api/supervision/waiting/{CALL}/pick")).status_code == 204
    view = await waiting.call(CALL)
    assert view is not None
    assert view.offer is not None
    assert view.offer.agent == "1001"
    again = await agent.post(f"/api/supervision/waiting/{CALL}/pick")
    assert again.status_code == 409
    admin = await nobody.as_("admin")
    entries = (await admin.get("/api/audit", subject=f"call:{CALL}")).json()["entries"]
    assert [(one["actor"], one["action"], one["after"]) for one in entries] == [
        ("1001", "call.picked", {"agent": "1001"})
    ]


async def test_a_supervisor_picks_for_an_agent_and_says_whom(nobody: Caller, waiting: Acd) -> None:
    await signed_in(waiting, nobody)
    supervisor = await nobody.as_("supervisor")
    assert (await supervisor.post(f"/api/supervision/waiting/{CALL}/pick")).status_code == 422
    other = await supervisor.post(f"/api/supervision/waiting/{CALL}/pick", agent="1001")
    assert (other.status_code, other.json()["code"]) == (403, "supervision.other_team")
    assert (found := await waiting.call(CALL)) is not None
    assert found.offer is None
    admin = await nobody.as_("admin")
    team = {"name": "一班", "agents": ["1001"], "supervisors": ["supervisor"]}
    assert (await admin.request("PUT", "/api/teams/one", json=team)).status_code == 200
    assert (await supervisor.post(f"/api/supervision/waiting/{CALL}/pick", agent="1001")).status_code == 204
    assert (await supervisor.post("/api/supervision/waiting/not-a-call/pick", agent="1001")).status_code == 422


async def test_a_call_is_moved_and_keeps_its_place(nobody: Caller, waiting: Acd) -> None:
    supervisor = await nobody.as_("supervisor")
    before = await waiting.call(CALL)
    moved = await supervisor.post(f"/api/supervision/waiting/{CALL}/move", queue="expert-12333")
    assert moved.status_code == 204
    after = await waiting.call(CALL)
    assert before is not None
    assert after is not None
    assert (after.queue, after.place_ms, after.queued_ms) == ("expert-12333", before.place_ms, before.queued_ms)
    nowhere = await supervisor.post(f"/api/supervision/waiting/{CALL}/move", queue="nowhere")
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "queue.unknown")
    gone = await supervisor.post("/api/supervision/waiting/ast1-1.1/move", queue="general")
    assert gone.status_code == 409
    admin = await nobody.as_("admin")
    entries = (await admin.get("/api/audit")).json()["entries"]
    assert [(one["before"], one["after"]) for one in entries] == [({"queue": "general"}, {"queue": "expert-12333"})]


async def test_a_call_that_waits_for_one_agent_is_released(nobody: Caller, services: Services, waiting: Acd) -> None:
    await signed_in(waiting, nobody, "second", "8002")
    await waiting.set_ready("1002")
    # 1002 is taken by the first in the queue; the next one waits for 1002 alone.
    call = "ast1-1763761000.14"
    now = services.clock.now_ms()
    await waiting.enqueue(
        CallRequest(call=call, entered_ms=now, owner="ast1/voice-1", queue="general", prefer="1002", hotline="12345")
    )
    supervisor = await nobody.as_("supervisor")
    released = await supervisor.post(f"/api/supervision/waiting/{call}/release")
    assert released.status_code == 204
    view = await waiting.call(call)
    assert view is not None
    assert (view.state, view.prefer) == (CallState.WAITING, "")
    assert (await supervisor.post("/api/supervision/waiting/ast1-1.1/release")).status_code == 409


async def led(nobody: Caller, *agents: str) -> None:
    """The supervisor's team."""
    body = {"name": "综合一班", "agents": agents, "supervisors": ["supervisor"]}
    assert (await (await nobody.as_("admin")).request("PUT", "/api/teams/one", json=body)).status_code == 200


async def test_a_supervisor_of_another_team_puts_nobody_into_a_state(nobody: Caller, line: Acd) -> None:
    await signed_in(line, nobody)
    await led(nobody, "1002")
    path, wanted = "/api/supervision/agents/1001/state", {"state": "READY", "reason": "忘记示闲"}
    refused = await (await nobody.as_("supervisor")).post(path, **wanted)
    assert (refused.status_code, refused.json()["code"]) == (403, "supervision.other_team")
    assert await line.agent("1001") is not None
    admin = await nobody.as_("admin")
    entries = (await admin.get("/api/audit", subject="agent:1001")).json()["entries"]
    assert [entry["action"] for entry in entries] == ["supervision.refused"]
    assert (await admin.post(path, **wanted)).json()["state"] == "READY"


async def test_a_supervisor_puts_an_agent_into_a_state(nobody: Caller, services: Services, line: Acd) -> None:
    await signed_in(line, nobody)
    await led(nobody, "1001")
    supervisor = await nobody.as_("supervisor")
    path = "/api/supervision/agents/1001/state"
    ready = await supervisor.post(path, state="READY", reason="忘记示闲")
    assert ready.json()["state"] == "READY"
    away = await supervisor.post(path, state="NOT_READY", reason="离席未示忙")
    assert (away.json()["state"], away.json()["reason"]) == ("NOT_READY", "离席未示忙")
    out = await supervisor.post(path, state="SIGNED_OUT", reason="交班")
    assert out.json()["state"] == "SIGNED_OUT"
    again = await supervisor.post(path, state="READY", reason="x")
    assert again.status_code == 409
    assert (await supervisor.post("/api/supervision/agents/9999/state", state="READY", reason="x")).status_code == 404
    for wrong in ({"state": "TALKING", "reason": "x"}, {"state": "READY", "reason": ""}, {"state": "READY"}):
        assert (await supervisor.post(path, **wrong)).status_code == 422
    admin = await nobody.as_("admin")
    entries = (await admin.get("/api/audit", subject="agent:1001")).json()["entries"]
    assert [one["after"]["state"] for one in reversed(entries)] == ["READY", "NOT_READY", "SIGNED_OUT"]
    view = await line.agent("1001")
    assert view is None or view.state is AgentState.SIGNED_OUT


def _flag(services: Services, **changes: Any) -> dict[str, Any]:
    return {
        "caller": "138 1234 5678",
        "reason": "反复辱骂话务员",
        "evidence": [CALL],
        "expires_at": (services.clock.now() + timedelta(days=30)).isoformat(),
    } | changes


async def test_an_agent_flags_and_a_supervisor_limits(services: Services, nobody: Caller) -> None:
    await services.directory.refresh()
    agent, supervisor = await nobody.as_("agent"), await nobody.as_("supervisor")
    refused = await agent.post("/api/callers/nuisance", **_flag(services, measure="limit", calls_per_hour=3))
    assert (refused.status_code, refused.json()["code"]) == (403, "access.denied")
    flagged = await agent.post("/api/callers/nuisance", **_flag(services))
    assert flagged.status_code == 201
    assert (flagged.json()["caller"], flagged.json()["flagged_by"]) == ("+8613812345678", "1001")
    twice = await supervisor.post("/api/callers/nuisance", **_flag(services))
    assert (twice.status_code, twice.json()["code"]) == (409, "nuisance.already_flagged")
    lifted = await supervisor.post(f"/api/callers/nuisance/{flagged.json()['id']}/lift")
    assert lifted.json()["lifted_by"] == "supervisor"
    limit = _flag(services, measure="limit", calls_per_hour=3, queue="night")
    assert (await supervisor.post("/api/callers/nuisance", **limit)).status_code == 201
    in_force = (await supervisor.get("/api/callers/nuisance")).json()
    assert [(one["measure"], one["calls_per_hour"]) for one in in_force] == [("limit", 3)]
    assert len((await supervisor.get("/api/callers/nuisance", ended=True)).json()) == 2
    admin = await nobody.as_("admin")
    log = await admin.get("/api/audit")
    assert [one["action"] for one in reversed(log.json()["entries"])] == [
        "nuisance.flagged",
        "nuisance.lifted",
        "nuisance.flagged",
    ]
    assert "13812345678" not in log.text


@pytest.mark.parametrize(
    "changes",
    [
        {"caller": "no number"},
        {"evidence": []},
        {"evidence": ["x\r\ny"]},
        {"expires_at": "2020-01-01T00:00:00Z"},
        {"expires_at": "2030-01-01T00:00:00"},
        {"measure": "limit"},
        {"measure": "warn", "calls_per_hour": 1},
        {"measure": "limit", "calls_per_hour": 1, "queue": "nowhere"},
        {"reason": "\u0000"},
    ],
)
async def test_a_flag_that_cannot_be_is_refused(services: Services, nobody: Caller, changes: dict[str, Any]) -> None:
    await services.directory.refresh()
    supervisor = await nobody.as_("supervisor")
    answer = await supervisor.post("/api/callers/nuisance", **_flag(services, **changes))
    assert answer.status_code == 422, answer.text
    assert (await supervisor.get("/api/callers/nuisance")).json() == []


async def test_evidence_says_who_added_it_and_when(services: Services, nobody: Caller) -> None:
    await services.directory.refresh()
    async with services.database.transaction() as session:
        recording = RecordingRow(
            call_id=CALL, segment=1, host="ast1", state="sealed", started_ms=1, retain_until=services.clock.now()
        )
        session.add(recording)
        await session.flush()
    agent, supervisor = await nobody.as_("agent"), await nobody.as_("supervisor")
    flag = _flag(services, evidence=[CALL, "SMX20261121000001"], recordings=[recording.id], note="辱骂，第3分钟起")
    flagged = (await agent.post("/api/callers/nuisance", **flag)).json()
    told = [(one["call_id"], one["ticket"], one["recording_id"], one["note"]) for one in flagged["evidence"]]
    assert told == [
        (CALL, None, None, None),
        (None, "SMX20261121000001", None, None),
        (None, None, recording.id, None),
        (None, None, None, "辱骂，第3分钟起"),
    ]
    path = f"/api/callers/nuisance/{flagged['id']}/evidence"
    more = await supervisor.post(path, call="ast1-1763761000.13", note="同一号码再次来电")
    assert more.status_code == 201
    (listed,) = (await supervisor.get("/api/callers/nuisance")).json()
    last = listed["evidence"][-1]
    assert (last["call_id"], last["note"], last["added_by"]) == ("ast1-1763761000.13", "同一号码再次来电", "supervisor")
    assert [one["added_by"] for one in listed["evidence"]] == ["1001"] * 4 + ["supervisor"]
    assert all(one["added_at"] for one in listed["evidence"])
    for wrong in (
        {},
        {"call": CALL, "ticket": "A1"},
        {"recording": recording.id + 1},
        {"call": "x"},
        {"note": "\u0000"},
    ):
        assert (await supervisor.post(path, **wrong)).status_code == 422, wrong
    assert (await supervisor.post("/api/callers/nuisance/9999/evidence", call=CALL)).status_code == 404
    log = (await (await nobody.as_("admin")).get("/api/audit")).text
    assert "nuisance.evidence_added" in log
    assert "同一号码" not in log


async def test_numbers_of_vulnerable_callers(nobody: Caller) -> None:
    supervisor = await nobody.as_("supervisor")
    marked = await supervisor.post("/api/callers/vulnerable", caller="13812345678", reason="独居老人")
    assert marked.status_code == 204
    (found,) = (await supervisor.get("/api/callers/vulnerable")).json()
    assert (found["caller"], found["reason"], found["marked_by"]) == ("+8613812345678", "独居老人", "supervisor")
    assert (await supervisor.post("/api/callers/vulnerable/unmark", caller="+86 138 1234 5678")).status_code == 204
    gone = await supervisor.post("/api/callers/vulnerable/unmark", caller="13812345678")
    assert (gone.status_code, gone.json()["code"]) == (404, "vulnerable.unknown")
