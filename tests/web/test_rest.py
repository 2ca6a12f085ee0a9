"""REST: who may do what, what errors look like, and that a request is kept whole or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from acd.presence import AgentPresence
from acd.service import Acd
from calls.models import CallRow, JournalRow
from directory.models import Role
from hotline.database import Database
from hotline.errors import PartUnavailable
from hotline.redis import connect as connect_redis
from tests.web.conftest import CALL, PASSWORD, Caller, Units
from ticketing.events import TicketLinked
from web.app import create_app
from web.problems import DOCUMENTED
from web.services import Services

_ALL = frozenset(Role)
_SEATS = {Role.AGENT, Role.EXPERT}
_DESK = {Role.AGENT, Role.EXPERT, Role.SUPERVISOR}
_CALLS = _DESK | {Role.VISIT_AGENT, Role.INSPECTOR, Role.AUDITOR, Role.ADMIN}
_TICKETS = _ALL - {Role.KNOWLEDGE_EDITOR}

ROUTES: dict[tuple[str, str], frozenset[Role] | set[Role]] = {
    ("GET", "/api/auth/me"): _ALL,
    ("GET", "/api/auth/sessions"): _ALL,
    ("DELETE", "/api/auth/sessions/{session_id}"): _ALL,
    ("POST", "/api/auth/logout"): _ALL,
    ("GET", "/api/agents"): {Role.SUPERVISOR, Role.ADMIN},
    ("GET", "/api/agents/me"): _SEATS,
    ("POST", "/api/agents/me/sign-in"): _SEATS,
    ("POST", "/api/agents/me/ready"): _SEATS,
    ("POST", "/api/agents/me/not-ready"): _SEATS,
    ("POST", "/api/agents/me/end-wrap-up"): _SEATS,
    ("POST", "/api/agents/me/sign-out"): _SEATS,
    ("GET", "/api/calls/recent"): _CALLS,
    ("GET", "/api/calls/{call}"): _CALLS,
    ("GET", "/api/directory/hotlines"): _ALL,
    ("GET", "/api/directory/plan"): _ALL,
    ("GET", "/api/directory/units"): _ALL,
    ("GET", "/api/tickets"): _TICKETS,
    ("POST", "/api/tickets"): _DESK,
    ("GET", "/api/tickets/{number}"): _TICKETS,
    ("PATCH", "/api/tickets/{number}"): _DESK,
    ("POST", "/api/tickets/{number}/answer"): _DESK,
    ("POST", "/api/tickets/{number}/calls"): _DESK | {Role.VISIT_AGENT},
    ("POST", "/api/tickets/{number}/actions"): _DESK,
}
"""Who gets past the door of each route; on a fresh ticket only the desk has an action."""

PUBLIC = {("POST", "/api/auth/login"), ("GET", "/healthz"), ("GET", "/metrics")}

_BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/api/agents/me/not-ready"): {"reason": "小休"},
    ("POST", "/api/agents/me/sign-in"): {"extension": "8001"},
    ("POST", "/api/tickets"): {"title": "路灯不亮"},
    ("PATCH", "/api/tickets/{number}"): {"version": 1, "changes": {"title": "x"}},
    ("POST", "/api/tickets/{number}/answer"): {"version": 1, "answer": "x"},
    ("POST", "/api/tickets/{number}/calls"): {"call": CALL},
    ("POST", "/api/tickets/{number}/actions"): {"version": 1, "action": "accept"},
}


def test_the_matrix_names_every_route_there_is(app: FastAPI) -> None:
    listed = {(method.upper(), path) for path, methods in app.openapi()["paths"].items() for method in methods}
    assert listed == set(ROUTES) | PUBLIC


async def _knock(caller: Caller, method: str, route: str, number: str) -> httpx.Response:
    path = route.format(number=number, call=CALL, session_id=2**40)
    params = {"dialled": "12333"} if route.endswith("/plan") else {}
    return await caller.request(method, path, json=_BODIES.get((method, route), {}), params=params)


async def test_each_role_gets_through_its_doors_and_no_others(app: FastAPI, line: Acd, nobody: Caller) -> None:
    desk = await nobody.as_("agent")
    unit_roles = {Role.UNIT_HANDLER, Role.UNIT_HEAD, Role.UNIT_LEADER}
    wrong = []
    for role in Role:
        person = await nobody.as_(role.value)
        for (method, route), allowed in ROUTES.items():
            if route == "/api/auth/logout":
                continue
            number = (await desk.post("/api/tickets", title="x")).json()["number"] if "{number}" in route else ""
            answer = await _knock(person, method, route, number)
            # A unit reads its own tickets; a fresh one is nobody's.
            other_unit = role in unit_roles and (method, route) == ("GET", "/api/tickets/{number}")
            if (answer.status_code == 403) == (role in allowed and not other_unit) or answer.status_code == 401:
                wrong.append((role, method, route, answer.status_code))
    assert wrong == []


async def test_nobody_gets_in_without_a_token(nobody: Caller) -> None:
    for caller in (nobody, Caller(nobody._http, "not-a-token")):
        for method, route in ROUTES:
            answer = await _knock(caller, method, route, "SMX20261121000001")
            assert answer.status_code == 401, route
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.json()["code"] == "access.unauthenticated"


async def test_logging_in_and_out(nobody: Caller) -> None:
    agent = await nobody.as_("agent")
    me = (await agent.get("/api/auth/me")).json()
    assert (me["work_number"], me["roles"], me["extension"]) == ("1001", ["agent"], "8001")
    await nobody.as_("agent")
    sessions = (await agent.get("/api/auth/sessions")).json()
    assert [one["current"] for one in sessions] == [True, False]
    assert (await agent.request("DELETE", f"/api/auth/sessions/{sessions[1]['id']}")).status_code == 204
    assert len((await agent.get("/api/auth/sessions")).json()) == 1
    supervisor = await nobody.as_("supervisor")
    foreign = await supervisor.request("DELETE", f"/api/auth/sessions/{sessions[0]['id']}")
    assert (foreign.status_code, foreign.json()["code"]) == (404, "session.unknown")
    assert (await agent.post("/api/auth/logout")).status_code == 204
    assert (await agent.get("/api/auth/me")).status_code == 401


async def test_a_wrong_password_and_an_unknown_login_are_refused_alike(nobody: Caller) -> None:
    answers = [
        await nobody.post("/api/auth/login", user=user, password=password)
        for user, password in (("agent", "wrong-password"), ("stranger", PASSWORD))
    ]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["code"] == "access.sign_in_refused"


async def test_an_agents_day_and_what_is_kept_of_it(services: Services, line: Acd, nobody: Caller) -> None:
    agent, second = await nobody.as_("agent"), await nobody.as_("second")
    await line.device_state("8001", reachable=True, in_use=False)
    assert (await agent.get("/api/agents/me")).json()["state"] == "SIGNED_OUT"
    assert (await agent.post("/api/agents/me/sign-in")).json()["state"] == "NOT_READY"
    assert (await agent.post("/api/agents/me/ready")).json()["state"] == "READY"
    assert await _presence(services) == [("1001", "8001", "READY", "")]
    view = (await agent.post("/api/agents/me/not-ready", reason="小休")).json()
    assert (view["state"], view["reason"]) == ("NOT_READY", "小休")
    assert await _presence(services) == [("1001", "8001", "NOT_READY", "小休")]
    taken = await second.post("/api/agents/me/sign-in", extension="8001")
    assert taken.status_code == 409
    without = await second.post("/api/agents/me/sign-in")
    assert (without.status_code, without.json()["code"]) == (422, "agent.extension_missing")
    unsigned = await second.post("/api/agents/me/ready")
    assert unsigned.status_code == 409
    supervisor = await nobody.as_("supervisor")
    assert [one["agent"] for one in (await supervisor.get("/api/agents")).json()] == ["1001"]
    for _ in range(2):
        assert (await agent.post("/api/agents/me/sign-out")).json()["state"] == "SIGNED_OUT"
    assert await _presence(services) == []


async def _presence(services: Services) -> list[tuple[str, str, str, str]]:
    async with services.database.transaction() as session:
        rows = await session.scalars(select(AgentPresence))
        return [(row.agent, row.extension, row.wanted, row.reason) for row in rows]


async def test_a_new_epoch_is_joined_by_itself(services: Services, line: Acd, nobody: Caller) -> None:
    agent = await nobody.as_("agent")
    await agent.post("/api/agents/me/sign-in")
    await services.redis.flushall()
    away = await agent.post("/api/agents/me/ready")
    assert (away.status_code, away.json()["code"]) == (503, "part.unavailable")
    await line.open_epoch(2)
    assert (await agent.post("/api/agents/me/sign-in")).json()["state"] == "NOT_READY"


async def test_a_ticket_from_a_call_is_told_to_the_screen_and_to_the_house(services: Services, nobody: Caller) -> None:
    heard: list[TicketLinked] = []

    async def hear(event: TicketLinked) -> None:
        heard.append(event)

    services.events.subscribe(TicketLinked, hear)
    agent = await nobody.as_("agent")
    answer = await agent.post("/api/tickets", title="拖欠工资", type="complaint", call=CALL)
    assert answer.status_code == 201
    ticket = answer.json()
    assert (ticket["type_term"], ticket["state_term"], ticket["stage_term"]) == ("投诉", "已登记", "受理")
    assert ticket["possible"] == ["amend", "answer", "accept", "refuse"]
    assert [(event.call, event.number, event.agent) for event in heard] == [(CALL, ticket["number"], "1001")]
    (frame,) = await services.feed.read("1001", "0-0", block_ms=1)
    assert (frame.kind, frame.body["number"], frame.body["call"]) == ("ticket", ticket["number"], CALL)
    again = await agent.post(f"/api/tickets/{ticket['number']}/calls", call=CALL)
    assert (again.status_code, again.json()["code"]) == (409, "ticket.call_already_linked")
    file = (await agent.get(f"/api/tickets/{ticket['number']}")).json()
    assert file["calls"] == [CALL]
    assert [entry["action"] for entry in file["history"]] == ["register"]


async def test_a_ticket_is_amended_dispatched_and_seen_by_its_unit_alone(nobody: Caller, units: Units) -> None:
    agent, dispatcher = await nobody.as_("agent"), await nobody.as_("dispatcher")
    handler, other = await nobody.as_("unit_handler"), await nobody.as_("other_unit")
    number = (
        await agent.post(
            "/api/tickets",
            title="举报无证施工",
            caller_number="13812345678",
            caller_name="张三",
            address="黄河路1号",
            confidentiality="confidential",
        )
    ).json()["number"]
    path = f"/api/tickets/{number}"
    amended = await agent.request("PATCH", path, json={"version": 1, "changes": {"type": "report"}})
    assert (amended.json()["type"], amended.json()["version"]) == ("report", 2)
    assert (await handler.get(path)).json()["code"] == "ticket.other_unit"
    await agent.post(f"{path}/actions", action="accept", version=2)
    stale = await agent.post(f"{path}/actions", action="accept", version=2)
    assert (stale.status_code, stale.json()["code"]) == (409, "ticket.stale")
    sent = await dispatcher.post(f"{path}/actions", action="dispatch", version=3, lead_unit=units.labour)
    assert sent.json()["state"] == "to_sign"
    seen = (await handler.get(path)).json()["ticket"]
    assert (seen["caller_number"], seen["caller_name"], seen["address"]) == ("+86*******5678", "*", "*")
    assert seen["possible"] == ["sign_for", "return"]
    assert (await agent.get(path)).json()["ticket"]["caller_number"] == "+8613812345678"
    assert (await other.get(path)).status_code == 403
    assert [one["number"] for one in (await handler.get("/api/tickets")).json()["tickets"]] == [number]
    assert (await other.get("/api/tickets")).json()["tickets"] == []
    assert (await other.get("/api/tickets", unit_id=units.labour)).status_code == 403


async def test_a_list_is_filtered_and_goes_on_from_its_cursor(nobody: Caller) -> None:
    agent = await nobody.as_("agent")
    for number in range(5):
        await agent.post("/api/tickets", title=str(number), type="help" if number % 2 else "consult")
    page = (await agent.get("/api/tickets", limit=2, type="consult")).json()
    assert [one["title"] for one in page["tickets"]] == ["4", "2"]
    rest = (await agent.get("/api/tickets", limit=2, type="consult", before=page["next"])).json()
    assert ([one["title"] for one in rest["tickets"]], rest["next"]) == (["0"], None)


async def test_the_story_of_a_call_and_the_recent_ones(services: Services, nobody: Caller) -> None:
    at = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
    async with services.database.transaction() as session:
        await session.execute(
            insert(CallRow).values(call_id=CALL, entered_at=at, caller="+8613812345678", line="12333")
        )
        await session.execute(
            insert(JournalRow).values(
                call_id=CALL, seq=10, fact="entered", kind="entered", at=at, process="ast1/voice-1", attributes={}
            )
        )
    agent = await nobody.as_("agent")
    story = (await agent.get(f"/api/calls/{CALL}")).json()
    assert (story["summary"]["line"], [event["kind"] for event in story["events"]]) == ("12333", ["entered"])
    recent = (await agent.get("/api/calls/recent", caller="138 1234 5678")).json()["calls"]
    assert [one["call_id"] for one in recent] == [CALL]
    assert (await agent.get("/api/calls/recent", caller="13900000000")).json()["calls"] == []
    assert (await agent.get("/api/calls/ast1-1.1")).status_code == 404


async def test_the_directory(services: Services, nobody: Caller, units: Units) -> None:
    agent = await nobody.as_("agent")
    unloaded = await agent.get("/api/directory/hotlines")
    assert (unloaded.status_code, unloaded.json()["code"]) == (503, "part.unavailable")
    await services.directory.refresh()
    assert (await agent.get("/api/directory/hotlines")).json() == []
    assert {unit["id"] for unit in (await agent.get("/api/directory/units")).json()} == {units.labour, units.urban}
    unknown = await agent.get("/api/directory/plan", dialled="12333")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "line.unknown")


_NONSENSE: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/api/tickets", {"content": b"{"}),
    ("POST", "/api/tickets", {"content": b'{"title": "\\ud800"}'}),
    ("POST", "/api/tickets", {"content": b'{"title": "a\\u0000b"}'}),
    ("POST", "/api/tickets", {"content": b'{"title": "\xff"}'}),
    ("POST", "/api/tickets", {"content": b"[" * 100_000}),
    ("POST", "/api/tickets", {"content": b"null"}),
    ("POST", "/api/tickets", {"json": {"title": "x", "type": "表扬"}}),
    ("POST", "/api/tickets", {"json": {"title": "x", "caller_number": "no number"}}),
    ("POST", "/api/tickets", {"json": {"title": "x", "unknown": 1}}),
    ("GET", "/api/tickets/SMX%00", {}),
    ("GET", "/api/tickets/%F0%9F%98%80", {}),
    ("GET", "/api/tickets", {"params": {"before": 2**70}}),
    ("GET", "/api/tickets", {"params": {"unit_tag": "\x00"}}),
    ("GET", "/api/tickets", {"params": {"state": "nowhere"}}),
    ("GET", "/api/tickets", {"params": {"nonsense": "1"}}),
    ("POST", "/api/tickets/SMX1/actions", {"json": {"action": "dance", "version": 1}}),
    ("POST", "/api/tickets/SMX1/actions", {"json": {"action": "accept", "version": 2**40}}),
    ("POST", "/api/tickets/SMX1/calls", {"json": {"call": "x\r\nAction: Hangup"}}),
    ("GET", "/api/calls/not-a-call", {}),
    ("GET", "/api/calls/recent", {"params": {"agent": "A B"}}),
    ("GET", "/api/calls/recent", {"params": {"limit": "many"}}),
    ("GET", "/api/directory/plan", {"params": {"dialled": "12333", "at": "yesterday"}}),
    ("GET", "/api/directory/plan", {"params": {"dialled": "12333", "at": "2026-01-01T00:00:00"}}),
    ("POST", "/api/agents/me/sign-in", {"json": {"extension": "8001\n"}}),
    ("POST", "/api/agents/me/not-ready", {"json": {"reason": ""}}),
    ("POST", "/api/agents/me/not-ready", {"json": {"reason": "\x00"}}),
    ("POST", "/api/auth/login", {"json": {"user": "a" * 1000, "password": "x"}}),
    ("DELETE", f"/api/auth/sessions/{2**70}", {}),
]


async def test_bad_input_is_refused_by_name_and_is_never_a_bug(services: Services, nobody: Caller) -> None:
    await services.directory.refresh()
    agent = await nobody.as_("agent")
    for method, path, sent in _NONSENSE:
        answer = await agent.request(method, path, **sent)
        assert answer.status_code in (400, 422), (path, sent, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] in {"input.invalid", "http.bad_request", "number.invalid", "agent.reason_missing"}


async def test_a_refusal_never_repeats_what_was_sent(nobody: Caller) -> None:
    answer = await nobody.post("/api/auth/login", user=["secret-user"], password=7, extra="13812345678")
    assert answer.status_code == 422
    assert "secret-user" not in answer.text
    assert "13812345678" not in answer.text


async def test_a_body_that_does_not_end_is_cut_off(app: FastAPI, nobody: Caller) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b"x" * 65_536

    agent = await nobody.as_("agent")
    answer = await agent.request("POST", "/api/tickets", content=endless())
    assert (answer.status_code, answer.json()["code"]) == (413, "http.request_entity_too_large")
    assert sent < 20


async def test_paths_and_methods_that_are_none(nobody: Caller) -> None:
    assert (await nobody.get("/nowhere")).json()["code"] == "http.not_found"
    assert (await nobody.request("PUT", "/api/tickets")).json()["code"] == "http.method_not_allowed"


class _FailsToCommit(Database):
    """PostgreSQL dies between the last statement and the commit."""

    failing = False

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        async with super().transaction() as session:
            yield session
            if self.failing:
                raise PartUnavailable("PostgreSQL went away")


async def test_nobody_is_told_of_what_was_not_committed(services: Services, units: Units, database_url: str) -> None:
    database = _FailsToCommit(database_url)
    app = create_app(replace(services, database=database))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://web") as http:
        agent = await Caller(http).as_("agent")
        database.failing = True
        answer = await agent.post("/api/tickets", title="x", call=CALL)
        assert (answer.status_code, answer.json()["code"]) == (503, "part.unavailable")
        assert await services.feed.latest("1001") == "0-0"
        database.failing = False
        assert (await agent.get("/api/tickets")).json()["tickets"] == []
    await database.close()


async def test_a_ticket_is_kept_although_the_screen_cannot_be_told(services: Services, units: Units) -> None:
    away = connect_redis("redis://127.0.0.1:1/0")
    app = create_app(replace(services, redis=away))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://web") as http:
        agent = await Caller(http).as_("agent")
        assert (await agent.post("/api/tickets", title="x", call=CALL)).status_code == 201
        health = await http.get("/healthz")
        assert (health.status_code, health.json()["parts"]) == (503, {"postgres": "ok", "redis": "unavailable"})
    await away.aclose()


@pytest.mark.parametrize("path", ["/api/auth/me", "/api/tickets"])
async def test_postgresql_away_is_said_so(services: Services, path: str) -> None:
    away = Database("postgresql+asyncpg://hotline@127.0.0.1:1/hotline")
    app = create_app(replace(services, database=away))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://web") as http:
        answer = await Caller(http, "token").get(path)
    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "part.unavailable", "1")
    await away.close()


async def test_redis_away_is_said_so(services: Services, units: Units, line: Acd) -> None:
    away = connect_redis("redis://127.0.0.1:1/0")
    acd = Acd(away, site="smx", process="ast1/web", clock=services.clock, policy=line._policy)
    app = create_app(replace(services, redis=away, acd=acd))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://web") as http:
        agent, supervisor = await Caller(http).as_("agent"), await Caller(http).as_("supervisor")
        answers = [
            await agent.post("/api/agents/me/sign-in"),
            await agent.get("/api/agents/me"),
            await supervisor.get("/api/agents"),
        ]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(503, "part.unavailable")] * 3
    await away.aclose()


async def test_of_two_requests_at_once_one_wins(nobody: Caller) -> None:
    agent, supervisor = await nobody.as_("agent"), await nobody.as_("supervisor")
    for _ in range(5):
        number = (await agent.post("/api/tickets", title="x")).json()["number"]
        answers = await asyncio.gather(
            agent.post(f"/api/tickets/{number}/actions", action="accept", version=1),
            supervisor.post(
                f"/api/tickets/{number}/actions", action="refuse", version=1, ground="outside_city", note="x"
            ),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_figures_name_routes_and_never_numbers(nobody: Caller) -> None:
    agent = await nobody.as_("agent")
    await agent.get("/api/tickets/SMX20261121000042")
    figures = (await nobody.get("/metrics")).text
    assert 'hotline_http_requests_total{method="GET",route="/api/tickets/{number}",status="404"} 1.0' in figures
    assert "000042" not in figures


def test_openapi_has_a_model_for_every_answer(app: FastAPI) -> None:
    for route, methods in app.openapi()["paths"].items():
        for operation in methods.values():
            good = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
            assert (
                "204" in operation["responses"] or route == "/metrics" or good["content"]["application/json"]["schema"]
            )
            if route.startswith("/api/"):
                assert {str(status) for status in DOCUMENTED} <= set(operation["responses"])
