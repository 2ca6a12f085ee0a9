"""Look-ups in departments' systems, against a real HTTP service of every temper: who may, why, what is shown, and what
the audit log says of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import orjson
import pytest
import structlog
from pydantic import ValidationError
from sqlalchemy import select

from acd.model import CallRequest, Offer
from acd.queue_store import default_rules
from acd.service import Acd
from calls.handover_keys import FILE as KEYS_FILE
from calls.handover_keys import PartnerKeys
from calls.handover_signature import SIGNATURE, claimed, verify
from calls.models import CallRow
from calls.web_request import key_name
from directory.models.audit import PendingReadRow
from hotline import sealed
from hotline.feed import inbox_key
from hotline.settings import Lookups
from tests.calls.unit_system import Asked, UnitSystem, Write, answer
from tests.web.conftest import CALL, Caller
from web.services import Services

KEY = "a-key-of-a-department-long-enough-32"
CARD = "A12345678"
STATE = {"data": {"state": "正常", "paid": True, "places": ["湖滨区", "陕州区"], "left": None}}


def query(port: int, **changed: Any) -> dict[str, Any]:
    """The card's look-up at the service on this port."""
    return {
        "code": "social-card",
        "name": "社保卡状态",
        "department": "市人社局",
        "url": f"http://127.0.0.1:{port}/cards",
        "fields": [{"name": "card", "label": "社保卡号", "pattern": "[0-9A-Z]{9}", "hint": "9 位", "longest": 9}],
        "shown": [
            {"label": "状态", "at": "/data/state"},
            {"label": "已缴费", "at": "/data/paid"},
            {"label": "网点", "at": "/data/places"},
            {"label": "余额", "at": "/data/left"},
        ],
        **changed,
    }


@pytest.fixture
async def department() -> AsyncIterator[UnitSystem]:
    async with UnitSystem() as system:
        system.says(answer(orjson.dumps(STATE)))
        yield system


@pytest.fixture
def services(services: Services, department: UnitSystem) -> Services:
    """A line with look-ups: for everybody, for experts of a skill, by GET with the value in the path, without a key."""
    port = department.port
    queries = [
        query(port),
        query(port, code="pension", name="养老金", roles=["expert"], skills=["expert-12333"]),
        query(port, code="by-path", url=f"http://127.0.0.1:{port}/cards/{{card}}/state", method="GET", seconds=0.5),
        query(port, code="no-key", url=f"http://localhost:{port}/cards"),
        query(port, code="any", fields=[{"name": "a", "label": "甲"}], url=f"http://127.0.0.1:{port}/any/{{a}}"),
    ]
    PartnerKeys(services.settings.var_dir / KEYS_FILE).change(key_name("127.0.0.1"), KEY)
    lookups = Lookups.model_validate({"queries": queries})
    return replace(services, settings=services.settings.model_copy(update={"lookups": lookups}))


@pytest.fixture
async def agent(services: Services, nobody: Caller, line: Acd) -> Caller:
    """Agent 1001, talking in CALL."""
    person = await nobody.as_("agent")
    await line.configure(default_rules(()), 1)
    await line.device_state("8001", True, False)
    assert (await person.post("/api/agents/me/sign-in", extension="8001")).is_success
    assert (await person.request("POST", "/api/agents/me/ready")).is_success
    now = services.clock.now_ms()
    await line.enqueue(CallRequest(call=CALL, entered_ms=now, owner="ast1/voice-1", queue="general", hotline="12345"))
    offer = None
    while text := await services.redis.rpop(inbox_key(services.settings.site.id, "ast1/voice-1")):
        message = orjson.loads(str(text))
        offer = Offer.from_message(message) if message["type"] == "offer" else offer
    assert offer is not None
    await line.answered(await line.ringing(offer, 600_000))
    return person


async def ask(caller: Caller, code: str = "social-card", **body: Any) -> httpx.Response:
    return await caller.post(f"/api/lookups/{code}", **{"fields": {"card": CARD}, "call": CALL, **body})


async def noted(services: Services) -> list[tuple[str, str, str, dict[str, Any]]]:
    async with services.database.transaction() as session:
        rows = await session.scalars(select(PendingReadRow).order_by(PendingReadRow.id))
        return [(row.actor, row.action, row.subject, row.why) for row in rows if row.action.startswith("lookup.")]


async def test_each_sees_what_they_may_ask(nobody: Caller) -> None:
    agent = (await (await nobody.as_("agent")).get("/api/lookups")).json()
    assert [one["code"] for one in agent] == ["social-card", "by-path", "no-key", "any"]
    assert agent[0] == {
        "code": "social-card",
        "name": "社保卡状态",
        "department": "市人社局",
        "fields": [{"name": "card", "label": "社保卡号", "hint": "9 位", "longest": 9}],
    }
    expert = (await (await nobody.as_("expert")).get("/api/lookups")).json()
    assert [one["code"] for one in expert] == ["social-card", "pension", "by-path", "no-key", "any"]
    assert (await (await nobody.as_("supervisor")).get("/api/lookups")).status_code == 403


async def test_an_answer_is_shown_as_labelled_fields_and_audited(
    services: Services, agent: Caller, department: UnitSystem
) -> None:
    with structlog.testing.capture_logs() as logs:
        found = await ask(agent)
    assert found.status_code == 200, found.text
    assert found.json()["fields"] == [
        {"label": "状态", "value": "正常"},
        {"label": "已缴费", "value": "是"},
        {"label": "网点", "value": "湖滨区、陕州区"},
        {"label": "余额", "value": None},
    ]
    (asked,) = department.asked
    assert (asked.method, asked.target) == ("POST", "/cards")
    assert orjson.loads(asked.body) == {"card": CARD, "operator": "1001", "reason": CALL}
    signed = f"POST\n127.0.0.1:{department.port}\n/cards\n".encode() + asked.body
    now = services.clock.now().timestamp()
    verify([KEY.encode()], claimed(asked.headers), asked.headers[SIGNATURE], signed, now=now, window_seconds=30)
    before, after = await noted(services)
    assert before[:3] == ("1001", "lookup.asked", "lookup:social-card")
    assert after[:3] == ("1001", "lookup.answered", "lookup:social-card")
    identity = found.json()["id"]
    assert before[3] == {"lookup": identity, "reason": CALL, "asked": {"card": before[3]["asked"]["card"]}}
    assert after[3] == {"lookup": identity, "reason": CALL, "shown": 4}
    # The value is findable by whoever has it, and readable by nobody.
    assert before[3]["asked"]["card"] == sealed.keys().index(CARD).hex()
    assert CARD not in str((before, after, logs))
    assert "正常" not in str((before, after, logs))


async def test_the_question_is_in_the_log_before_it_is_sent(
    services: Services, agent: Caller, department: UnitSystem
) -> None:
    seen: list[str] = []

    async def serve(_asked: Asked, write: Write) -> None:
        seen.extend(action for _, action, _, _ in await noted(services))
        await write(answer(orjson.dumps(STATE)))

    department.serve = serve
    assert (await ask(agent)).status_code == 200
    assert seen == ["lookup.asked"]


async def test_a_value_in_the_path_stays_one_segment(agent: Caller, department: UnitSystem) -> None:
    found = await ask(agent, "by-path")
    assert found.status_code == 200, found.text
    assert department.asked[0].method == "GET"
    assert department.asked[0].target == f"/cards/{CARD}/state?operator=1001&reason={CALL}"
    await ask(agent, "any", fields={"a": "../x?y=1#z 甲"})
    assert department.asked[1].target == "/any/..%2Fx%3Fy%3D1%23z%20%E7%94%B2"
    refused = await ask(agent, "any", fields={"a": ".."})
    assert (refused.status_code, refused.json()["code"]) == (422, "lookup.fields_wrong")
    assert len(department.asked) == 2


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, {"card": "请填写"}),
        ({"card": "  "}, {"card": "请填写"}),
        ({"card": "A1234567"}, {"card": "9 位"}),
        ({"card": "A1234567八"}, {"card": "9 位"}),
        ({"card": CARD, "other": "x"}, {"other": "没有这一项"}),
    ],
)
async def test_a_wrong_value_is_named_and_nothing_is_asked(
    services: Services, agent: Caller, department: UnitSystem, fields: dict[str, str], wrong: dict[str, str]
) -> None:
    refused = await ask(agent, fields=fields)
    assert (refused.status_code, refused.json()["code"]) == (422, "lookup.fields_wrong")
    assert {one["where"]: one["why"] for one in refused.json()["wrong"]} == wrong
    assert (department.asked, await noted(services)) == ([], [])


async def test_who_may_not_is_refused_before_anything_is_sent(
    services: Services, agent: Caller, department: UnitSystem
) -> None:
    refused = await ask(agent, "pension")
    assert (refused.status_code, refused.json()["code"]) == (403, "lookup.not_allowed")
    assert (await ask(agent, "nothing")).json()["code"] == "lookup.unknown"
    assert (department.asked, await noted(services)) == ([], [])


async def test_a_reason_must_be_at_hand(services: Services, agent: Caller, department: UnitSystem) -> None:
    for body in ({"call": None}, {"ticket": "SMX20261121000001"}):
        refused = await ask(agent, **body)
        assert (refused.status_code, refused.json()["code"]) == (422, "lookup.reason_missing")
    foreign = await ask(agent, call="ast1-1763761000.99")
    assert (foreign.status_code, foreign.json()["code"]) == (409, "lookup.not_at_hand")
    unknown = await ask(agent, call=None, ticket="SMX20261121999999")
    assert unknown.status_code == 404
    assert (department.asked, await noted(services)) == ([], [])
    ticket = (await agent.post("/api/tickets", title="社保卡补办")).json()
    assert (await ask(agent, call=None, ticket=ticket["number"])).status_code == 200
    assert orjson.loads(department.asked[0].body)["reason"] == ticket["number"]
    answered = await agent.post(f"/api/tickets/{ticket['number']}/answer", version=ticket["version"], answer="已说明")
    assert answered.status_code == 200, answered.text
    over = await ask(agent, call=None, ticket=ticket["number"])
    assert (over.status_code, over.json()["code"]) == (409, "lookup.not_at_hand")


@pytest.mark.parametrize(
    ("who", "minutes", "status"), [("1001", 1, 200), ("1001", 60, 409), ("1002", 1, 409), ("1001", None, 409)]
)
async def test_a_call_that_is_over_counts_for_its_agent_and_not_for_long(
    services: Services, agent: Caller, who: str, minutes: int | None, status: int
) -> None:
    past = "ast1-1763761000.77"
    ended = None if minutes is None else services.clock.now() - timedelta(minutes=minutes)
    async with services.database.transaction() as session:
        session.add(CallRow(call_id=past, agent=who, ended_at=ended))
    assert (await ask(agent, call=past)).status_code == status


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (answer(b"{}", status="500 No"), "lookup.department_refused"),
        (answer(b"{}", status="403 No"), "lookup.department_refused"),
        (b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n", "lookup.department_unclear"),
        (answer(b"<html>", kind="text/html"), "lookup.department_unclear"),
        (answer(b"{"), "lookup.department_unclear"),
        (answer(b"{}"), "lookup.department_unclear"),
        (answer(b'{"data": {"state": {"a": 1}}}'), "lookup.department_unclear"),
        (answer(b'{"data": {"state": "a\\u0000b"}}'), "lookup.department_unclear"),
        (answer(orjson.dumps({"data": {"state": "长" * 501}})), "lookup.department_unclear"),
        (answer(b" " * 70_000 + b"{}"), "lookup.department_unclear"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{}",
            "lookup.department_silent",
        ),
    ],
)
async def test_a_bad_answer_is_a_typed_error_in_chinese(
    services: Services, agent: Caller, department: UnitSystem, said: bytes, code: str
) -> None:
    department.says(said)
    failed = await ask(agent)
    assert (failed.status_code, failed.json()["code"]) == (503, code)
    assert "市人社局的系统" in failed.json()["detail"]
    assert failed.json()["remedy"]
    assert [(action, why.get("code")) for _, action, _, why in await noted(services)] == [
        ("lookup.asked", None),
        ("lookup.failed", code),
    ]
    await department.settled()


async def test_nothing_found_is_no_error(services: Services, agent: Caller, department: UnitSystem) -> None:
    department.says(answer(b"{}", status="404 Not Found"))
    found = await ask(agent)
    assert (found.status_code, found.json()["fields"]) == (200, [])
    assert [action for _, action, _, _ in await noted(services)] == ["lookup.asked", "lookup.nothing"]


async def test_without_a_key_nothing_is_sent(agent: Caller, department: UnitSystem) -> None:
    failed = await ask(agent, "no-key")
    assert (failed.status_code, failed.json()["code"]) == (503, "lookup.not_set_up")
    assert department.asked == []


async def test_one_question_of_an_agent_at_a_time_and_never_for_ever(agent: Caller, department: UnitSystem) -> None:
    department.serve = department.never
    first = asyncio.create_task(ask(agent, "by-path"))
    await department.came(1)
    second = await ask(agent)
    assert (second.status_code, second.json()["code"]) == (429, "lookup.under_way")
    assert (await first).json()["code"] == "lookup.department_silent"
    department.says(answer(orjson.dumps(STATE)))
    assert (await ask(agent)).status_code == 200


@pytest.mark.parametrize(
    "changed",
    [
        {"url": "http://host/{other}"},
        {"url": "http://{card}/x"},
        {"url": "http://user@host/x"},
        {"fields": [{"name": "operator", "label": "x"}]},
        {"fields": [{"name": "a", "label": "x"}, {"name": "a", "label": "y"}]},
        {"fields": [{"name": "a", "label": "x", "pattern": "("}]},
        {"roles": ["admin"]},
        {"shown": []},
    ],
)
def test_settings_that_do_not_hang_together_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Lookups.model_validate({"queries": [query(1, **changed)]})


def test_each_query_has_a_code_of_its_own() -> None:
    with pytest.raises(ValidationError, match="code of its own"):
        Lookups.model_validate({"queries": [query(1), query(2)]})
