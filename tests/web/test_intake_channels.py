"""Demands without a call over HTTP: the form on the web, and gateways that sign what they send."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from hotline.signing import ID, KEY, SENDER, SIGNATURE, TIMESTAMP, Request, headers
from tests.web.conftest import Caller
from tests.web.people import Units
from tests.web.test_administration import audited
from ticketing.channels.registry import Channel, save
from ticketing.channels.tables import IntakeRequestRow
from ticketing.models import TicketRow
from ticketing.vocabulary import Source
from web.services import Services

FORM = "/api/public/demands"
GATE = "/api/channels/demands"
DEMAND = {
    "title": "路灯不亮",
    "content": "黄河路三号路灯三天不亮",
    "type": "complaint",
    "caller_number": "13812345678",
    "caller_name": "张三",
    "address": "湖滨区黄河路3号",
    "area_code": "411202",
}


class Gateway:
    """A gateway's side."""

    def __init__(self, http: httpx.AsyncClient, services: Services, sender: str, key: str) -> None:
        self._http = http
        self._services = services
        self.sender = sender
        self.key = key

    async def send(
        self,
        identity: str = "wx-00000001",
        *,
        body: bytes | None = None,
        off: int = 0,
        changed: dict[str, str] | None = None,
        path: str = GATE,
        signed_path: str | None = None,
        **demand: Any,
    ) -> httpx.Response:
        """Send a demand signed; `changed` are headers put in afterwards, `off` seconds that its clock goes wrong."""
        body = orjson.dumps(DEMAND | demand) if body is None else body
        signed = headers(
            self.key.encode(),
            Request("POST", path if signed_path is None else signed_path, body),
            sender=self.sender,
            timestamp=self._services.clock.now_ms() // 1000 + off,
            id=identity,
        )
        return await self._http.post(path, content=body, headers=signed | (changed or {}))


@pytest.fixture
async def wechat(app: FastAPI, services: Services, units: Units) -> Any:
    """A gateway that may claim two sources."""
    async with services.database.transaction() as session:
        await save(session, Channel("wechat", "微信公众号", (Source.WECHAT, Source.APP)))
        await save(session, Channel("sms", "短信网关", (Source.SMS,)))
    key = services.channel_keys.change("wechat")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://web") as http:
        yield Gateway(http, services, "wechat", key)


async def tickets(services: Services) -> int:
    async with services.database.transaction() as session:
        return (await session.execute(select(func.count()).select_from(TicketRow))).scalar_one()


async def ticket(nobody: Caller, number: str) -> dict[str, Any]:
    supervisor = await nobody.as_("supervisor")
    found: dict[str, Any] = (await supervisor.get(f"/api/tickets/{number}")).json()["ticket"]
    return found


async def test_a_citizens_form_becomes_a_ticket_that_its_code_asks_for(services: Services, nobody: Caller) -> None:
    answer = await nobody.post(FORM, **DEMAND)
    assert answer.status_code == 201, answer.text
    told = answer.json()
    kept = await ticket(nobody, told["number"])
    assert {name: kept[name] for name in ("source", "registered_by", "state", "type", "hotline")} == {
        "source": "web",
        "registered_by": "channel:web-form",
        "state": "registered",
        "type": "complaint",
        "hotline": "",
    }
    async with services.database.transaction() as session:
        assert [row.caller_number for row in await session.scalars(select(TicketRow))] == ["+8613812345678"]
    assert told["number"] == f"SMX{told['typed_number']}"
    asked = await nobody.post("/api/public/progress", number=told["number"], code=told["query_code"])
    assert asked.json()["stage"] == "intake"
    supervisor = await nobody.as_("supervisor")
    found = (await supervisor.get("/api/tickets", registered_by="channel:web-form")).json()["tickets"]
    assert [one["number"] for one in found] == [told["number"]]


async def test_a_form_sent_again_gets_the_first_answer(services: Services, nobody: Caller) -> None:
    sent = DEMAND | {"request_key": "f" * 32}
    first = await nobody.post(FORM, **sent)
    again = await nobody.post(FORM, **sent)
    assert again.json() == first.json()
    assert again.json()["query_code"]
    assert await tickets(services) == 1
    other = await nobody.post(FORM, **sent | {"content": "另一件事"})
    assert (other.status_code, other.json()["code"]) == (409, "channel.key_taken")
    without_key = [await nobody.post(FORM, **DEMAND) for _ in range(2)]
    assert len({one.json()["number"] for one in without_key} | {first.json()["number"]}) == 3
    # Once a clerk has given out another code, the first one is void and is not told again.
    agent = await nobody.as_("agent")
    renewed = await agent.post(f"/api/tickets/{first.json()['number']}/query-code", reason="市民遗忘")
    assert renewed.status_code == 200, renewed.text
    assert (await nobody.post(FORM, **sent)).json() == first.json() | {"query_code": None}


async def test_the_citizens_choice_of_confidence_holds(nobody: Caller, units: Units) -> None:
    answer = await nobody.post(FORM, **DEMAND, confidentiality="confidential")
    number = answer.json()["number"]
    agent, dispatcher, unit = [await nobody.as_(name) for name in ("agent", "dispatcher", "unit_handler")]
    for person, act in (
        (agent, {"action": "accept", "version": 1}),
        (dispatcher, {"action": "dispatch", "version": 2, "lead_unit": units.labour}),
    ):
        assert (await person.post(f"/api/tickets/{number}/actions", **act)).status_code == 200
    seen = (await unit.get(f"/api/tickets/{number}")).json()["ticket"]
    assert (seen["caller_name"], seen["address"]) == ("*", "*")
    assert "13812345678" not in seen["caller_number"]
    named = await nobody.post(FORM, **DEMAND, confidentiality="anonymous")
    assert named.status_code == 422
    nameless = {name: value for name, value in DEMAND.items() if not name.startswith("caller")}
    anonymous = await nobody.post(FORM, **nameless, confidentiality="anonymous")
    assert anonymous.status_code == 201
    assert (await ticket(nobody, anonymous.json()["number"]))["confidentiality"] == "anonymous"


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": " "},
        {"content": ""},
        {"content": "x" * 20_001},
        {"title": "a\x00b"},
        {"caller_number": "not a number"},
        {"area_code": "4112"},
        {"request_key": "short"},
        {"source": "police_110"},
        {"confidentiality": "secret"},
    ],
)
async def test_a_form_that_says_nothing_of_use_is_refused(
    services: Services, nobody: Caller, wrong: dict[str, str]
) -> None:
    answer = await nobody.post(FORM, **DEMAND | wrong)
    assert answer.status_code == 422, answer.text
    assert "13812345678" not in answer.text
    assert await tickets(services) == 0


async def test_a_form_too_large_and_forms_too_many_are_refused(services: Services, nobody: Caller) -> None:
    large = await nobody.request("POST", FORM, content=b"{" + b" " * (1 << 20) + b"}")
    assert large.status_code == 413
    codes = [
        (await nobody.post(FORM, title="", content="")).status_code
        for _ in range(services.settings.web.public_per_minute + 1)
    ]
    assert codes == [422] * services.settings.web.public_per_minute + [429]
    assert await tickets(services) == 0


async def test_a_gateways_demand_has_the_source_it_claims(wechat: Gateway, nobody: Caller) -> None:
    answer = await wechat.send(source="wechat", contact="openid-7", urgency="urgent")
    assert answer.status_code == 201, answer.text
    kept = await ticket(nobody, answer.json()["number"])
    assert (kept["source"], kept["registered_by"], kept["urgency"]) == ("wechat", "channel:wechat", "urgent")
    assert "openid-7" not in orjson.dumps(kept).decode()
    asked = await nobody.post("/api/public/progress", number=answer.json()["number"], code=answer.json()["query_code"])
    assert asked.status_code == 200


@pytest.mark.parametrize(
    ("claimed", "status", "code"),
    [
        (None, 422, "channel.source_missing"),
        ("weibo", 403, "channel.source_not_allowed"),
        ("police_110", 403, "channel.source_not_allowed"),
        ("fax", 422, "channel.demand_invalid"),
    ],
)
async def test_a_gateway_claims_no_other_source(
    wechat: Gateway, services: Services, claimed: str | None, status: int, code: str
) -> None:
    demand = DEMAND if claimed is None else DEMAND | {"source": claimed}
    answer = await wechat.send(body=orjson.dumps(demand))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await tickets(services) == 0
    assert (await wechat.send(source="app")).status_code == 201, "a refused demand does not use its key up"


async def test_the_same_key_gets_the_same_answer_and_another_demand_under_it_is_refused(
    wechat: Gateway, services: Services
) -> None:
    first = await wechat.send(source="app")
    again = await wechat.send(source="app", body=orjson.dumps(DEMAND | {"source": "app"}, option=orjson.OPT_INDENT_2))
    assert again.json() == first.json()
    other = await wechat.send(source="app", content="另一件事")
    assert (other.status_code, other.json()["code"]) == (409, "channel.key_taken")
    assert await tickets(services) == 1
    replaced = services.channel_keys.change("sms")
    sms = Gateway(wechat._http, services, "sms", replaced)
    assert (await sms.send()).json()["number"] != first.json()["number"], "keys are of one channel"


async def test_of_two_at_once_one_makes_the_ticket(wechat: Gateway, services: Services) -> None:
    answers = await asyncio.gather(*(wechat.send(source="app") for _ in range(8)))
    assert [one.status_code for one in answers] == [201] * 8
    assert len({one.text for one in answers}) == 1
    assert await tickets(services) == 1
    mixed = await asyncio.gather(*(wechat.send("wx-00000002", source="app", content=f"第{n}件") for n in range(6)))
    assert sorted(one.status_code for one in mixed) == [201, *[409] * 5]
    assert await tickets(services) == 2


@pytest.mark.parametrize(
    "changed",
    [
        {SIGNATURE: "v2=" + "0" * 64},
        {SIGNATURE: ""},
        {SENDER: "sms"},
        {SENDER: "nobody"},
        {ID: "wx-00000009"},
        {TIMESTAMP: "1"},
        {KEY: "0" * 12},
        {TIMESTAMP: "0001763761000"},
    ],
)
async def test_what_is_not_signed_by_the_channel_is_refused(
    wechat: Gateway, services: Services, changed: dict[str, str]
) -> None:
    answer = await wechat.send(source="app", changed=changed)
    assert (answer.status_code, answer.json()["code"]) == (401, "signature.bad")
    assert await tickets(services) == 0


async def test_a_request_signed_for_another_door_or_another_time_is_refused(
    wechat: Gateway, services: Services
) -> None:
    elsewhere = await wechat.send(source="app", signed_path="/api/handovers")
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (401, "signature.bad")
    window = services.settings.handovers.window_seconds
    for off in (-window - 5, window + 5):
        stale = await wechat.send(source="app", off=off)
        assert (stale.status_code, stale.json()["code"]) == (401, "signature.outside_window")
    assert (await wechat.send(source="app", off=5 - window)).status_code == 201


async def test_two_keys_are_good_while_one_is_changed(wechat: Gateway, services: Services) -> None:
    former = wechat.key
    wechat.key = services.channel_keys.change("wechat")
    assert (await wechat.send("wx-00000001", source="app")).status_code == 201
    newest, wechat.key = wechat.key, former
    assert (await wechat.send("wx-00000002", source="app")).status_code == 201
    services.channel_keys.change("wechat")
    assert (await wechat.send("wx-00000003", source="app")).status_code == 401
    wechat.key = newest
    assert (await wechat.send("wx-00000003", source="app")).status_code == 201
    services.channel_keys.forget("wechat")
    assert (await wechat.send("wx-00000004", source="app")).status_code == 401


async def test_a_suspended_channel_takes_nothing_and_answers_what_it_took(
    wechat: Gateway, services: Services, nobody: Caller
) -> None:
    first = await wechat.send(source="app")
    supervisor = await nobody.as_("supervisor")
    suspended = await supervisor.post("/api/channels/wechat/suspend", reason="网关被盗用")
    assert suspended.json()["suspended_why"] == "网关被盗用"
    refused = await wechat.send("wx-00000002", source="app")
    assert (refused.status_code, refused.json()["code"]) == (403, "channel.suspended")
    assert (await wechat.send(source="app")).json() == first.json()
    assert (await supervisor.post("/api/channels/web-form/suspend", reason="维护")).status_code == 200
    assert (await nobody.post(FORM, **DEMAND)).json()["code"] == "channel.suspended"
    for code in ("wechat", "web-form"):
        assert (await supervisor.post(f"/api/channels/{code}/resume")).json()["suspended_at"] is None
    assert (await wechat.send("wx-00000002", source="app")).status_code == 201
    assert (await nobody.post(FORM, **DEMAND)).status_code == 201
    done = [what for _, what, _ in await audited(await nobody.as_("auditor")) if what.startswith("channel.")]
    assert done == ["channel.suspended"] * 2 + ["channel.resumed"] * 2


async def test_channels_are_entered_counted_and_never_given_what_is_not_theirs(
    wechat: Gateway, services: Services, nobody: Caller
) -> None:
    admin = await nobody.as_("admin")
    bad = await admin.request("PUT", "/api/channels/gov", json={"name": "政府网", "sources": ["province"]})
    assert (bad.status_code, bad.json()["code"]) == (403, "channel.source_not_allowed")
    entry = {"name": "省长信箱", "sources": ["governor_mailbox"]}
    saved = await admin.request("PUT", "/api/channels/governor", json=entry)
    assert saved.json() == entry | {
        "code": "governor",
        "suspended_at": None,
        "suspended_why": "",
        "has_key": False,
    }
    assert [one["code"] for one in (await admin.get("/api/channels")).json()] == [
        "governor",
        "mail",
        "sms",
        "web-form",
        "wechat",
    ]
    await wechat.send("wx-00000001", source="app")
    await wechat.send("wx-00000002", source="wechat")
    await nobody.post(FORM, **DEMAND)
    day = {"since": "2020-01-01T00:00:00Z", "before": "2100-01-01T00:00:00Z"}
    counted = (await admin.get("/api/channels/counts", **day)).json()
    assert counted == {
        "demands": [
            {"channel": "web-form", "source": "web", "demands": 1},
            {"channel": "wechat", "source": "app", "demands": 1},
            {"channel": "wechat", "source": "wechat", "demands": 1},
        ],
        "mails": [],
    }
    terms = {one["code"]: one["term"] for one in (await admin.get("/api/channels/sources")).json()}
    assert terms["state_council"] == "国务院“互联网+督查”"
    assert set(terms) == set(Source)


async def test_a_key_without_a_channel_is_no_door(wechat: Gateway, services: Services) -> None:
    ghost = Gateway(wechat._http, services, "ghost", services.channel_keys.change("ghost"))
    answer = await ghost.send(source="app")
    assert (answer.status_code, answer.json()["code"]) == (401, "signature.bad")


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.one_of(st.binary(max_size=200), st.recursive(st.none() | st.text(max_size=5), st.lists).map(orjson.dumps))
)
async def test_nothing_signed_makes_it_fail(wechat: Gateway, body: bytes) -> None:
    answer = await wechat.send(body=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "channel.demand_invalid")


async def test_a_demand_that_cannot_be_kept_leaves_no_trace_and_can_be_sent_again(
    wechat: Gateway, services: Services
) -> None:
    bad = await wechat.send(source="app", category="no-such-category")
    assert bad.status_code == 404, bad.text
    async with services.database.transaction() as session:
        assert (await session.execute(select(func.count()).select_from(IntakeRequestRow))).scalar_one() == 0
    assert (await wechat.send(source="app")).status_code == 201
