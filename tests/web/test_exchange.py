"""Receivers and platforms at the door: signed, by right, and nobody else."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import select

from acd.service import Acd
from calls import handover_signature
from directory.models import Partner, PartnerKind
from directory.models.audit import PendingReadRow
from hotline.signing import Request, headers
from tests.web.conftest import Caller
from tests.web.people import Units
from web.services import Services

KEY = "a-key-of-the-province-0123456789abcdef"


@dataclass
class Platform:
    """Another system, with its key."""

    http: httpx.AsyncClient
    services: Services
    sender: str
    key: str = KEY
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def send(
        self, method: str, target: str, body: Any = None, *, message: str = "", late: timedelta = timedelta(0)
    ) -> httpx.Response:
        raw = b"" if body is None else json.dumps(body).encode()
        told = headers(
            self.key.encode(),
            Request(method, target, raw),
            sender=self.sender,
            timestamp=int((self.services.clock.now() - late).timestamp()),
            id=message or f"m-{next(self.ids)}",
        )
        return await self.http.request(method, target, content=raw, headers=told)


@pytest.fixture
async def province(app: FastAPI, services: Services, nobody: Caller) -> Platform:
    async with services.database.transaction() as session:
        session.add(Partner(code="province", name="省12345", kind=PartnerKind.PROVINCE))
    admin = await nobody.as_("admin")
    saved = await admin.request(
        "PUT",
        "/api/exchange/receivers/province",
        json={"name": "省平台", "scope": "partner", "partner": "province", "personal": "full"},
    )
    assert saved.status_code == 200, saved.text
    services.partner_keys.change("province", KEY)
    await services.directory.refresh()
    # The snapshot counts by the directory's version; this row came past the administration.
    assert app is not None
    return Platform(nobody._http, services, "province")


def _unit(units: Units, **more: Any) -> dict[str, Any]:
    return {"name": "人社局业务系统", "scope": "unit", "unit_id": units.labour, **more}


def _ticket(version: int, **more: Any) -> dict[str, Any]:
    return {"number": "HN-1", "version": version, "ticket": {"title": f"第{version}版", **more}}


async def test_a_receiver_is_entered_shown_changed_and_taken_away(nobody: Caller, units: Units, line: Acd) -> None:
    admin = await nobody.as_("admin")
    path = "/api/exchange/receivers/labour"
    saved = await admin.request("PUT", path, json=_unit(units, webhook="https://example.gov.cn/hook"))
    assert saved.status_code == 200, saved.text
    assert saved.json() | _unit(units) == saved.json()
    assert (saved.json()["personal"], saved.json()["has_key"], saved.json()["waiting"]) == ("masked", False, 0)
    wrong = await admin.request("PUT", path, json=_unit(units, webhook="http://10.0.0.1/hook"))
    assert (wrong.status_code, wrong.json()["code"]) == (422, "exchange.receiver_invalid")
    taken = await admin.request("PUT", "/api/exchange/receivers/other", json=_unit(units))
    assert (taken.status_code, taken.json()["code"]) == (409, "exchange.receiver_taken")
    auditor = await nobody.as_("auditor")
    assert [one["code"] for one in (await auditor.get("/api/exchange/receivers")).json()] == ["labour"]
    assert (await admin.request("DELETE", path)).status_code == 204
    assert (await admin.request("DELETE", path)).status_code == 404


async def test_a_unit_fetches_its_feed_signed_and_its_people_signed_in(
    nobody: Caller, services: Services, units: Units, line: Acd
) -> None:
    admin, desk, dispatcher = [await nobody.as_(user) for user in ("admin", "agent", "dispatcher")]
    assert (await admin.request("PUT", "/api/exchange/receivers/labour", json=_unit(units))).status_code == 200
    key = services.partner_keys.change("exchange:labour")
    ticket = (await desk.post("/api/tickets", title="社保卡", caller_number="13812345678")).json()
    path = f"/api/tickets/{ticket['number']}/actions"
    assert (await desk.post(path, version=1, action="accept")).status_code == 200
    gone = await dispatcher.post(path, version=2, action="dispatch", lead_unit=units.labour)
    assert gone.status_code == 200, gone.text
    other = await desk.post("/api/tickets", title="别的")
    assert other.status_code == 201

    unit = Platform(nobody._http, services, "labour", key)
    first = (await unit.send("GET", "/api/exchange/feed?after=0&limit=2")).json()
    assert [one["action"] for one in first["events"]] == ["register", "accept"]
    assert (first["next"], first["last"]) == (2, 3)
    rest = (await unit.send("GET", f"/api/exchange/feed?after={first['next']}&limit=2")).json()
    assert [one["action"] for one in rest["events"]] == ["dispatch"]
    assert rest["events"][0]["ticket"]["number"] == ticket["number"]
    assert "13812345678" not in json.dumps(rest)
    end = (await unit.send("GET", f"/api/exchange/feed?after={rest['next']}")).json()
    assert (end["events"], end["next"]) == ([], 3)
    async with services.database.transaction() as session:
        reads = (await session.scalars(select(PendingReadRow))).all()
        assert len([row for row in reads if row.action == "exchange.fetched"]) == 2, "an export leaves a row, each page"

    handler = await nobody.as_("unit_handler")
    mine = await handler.get("/api/exchange/unit-feed", after=0)
    assert [one["position"] for one in mine.json()["events"]] == [1, 2, 3]
    stranger = await nobody.as_("other_unit")
    assert (await stranger.get("/api/exchange/unit-feed")).json()["code"] == "exchange.receiver_not_found"
    # Out of use, nothing is given out any more.
    await admin.request("PUT", "/api/exchange/receivers/labour", json=_unit(units, enabled=False))
    assert (await unit.send("GET", "/api/exchange/feed?after=0")).status_code == 401
    assert (await handler.get("/api/exchange/unit-feed")).status_code == 404


async def test_a_feed_is_for_who_signs_with_its_key_alone(
    nobody: Caller, services: Services, units: Units, line: Acd
) -> None:
    admin = await nobody.as_("admin")
    await admin.request("PUT", "/api/exchange/receivers/labour", json=_unit(units))
    key = services.partner_keys.change("exchange:labour")
    # A platform of the same name is somebody else, with a key of its own.
    services.partner_keys.change("labour", KEY)
    path = "/api/exchange/feed?after=0"
    wrong = [
        await Platform(nobody._http, services, "labour", "x" * 40).send("GET", path),
        await Platform(nobody._http, services, "labour", KEY).send("GET", path),
        await Platform(nobody._http, services, "nobody", key).send("GET", path),
        await Platform(nobody._http, services, "labour", key).send("GET", path, late=timedelta(hours=1)),
        await nobody.get("/api/exchange/feed"),
        await admin.get("/api/exchange/feed"),
    ]
    assert {answer.status_code for answer in wrong} == {401}
    assert (await Platform(nobody._http, services, "labour", key).send("GET", path)).status_code == 200


async def test_the_province_sends_thrice_and_out_of_order(province: Platform, nobody: Caller, line: Acd) -> None:
    path = "/api/exchange/incoming"
    answers = [await province.send("POST", path, _ticket(version)) for version in (2, 3, 1, 3)]
    assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]
    said = [answer.json() for answer in answers]
    assert [one["outcome"] for one in said] == ["created", "updated", "outdated", "updated"]
    (number,) = {one["ticket"] for one in said}
    agent, supervisor = await nobody.as_("agent"), await nobody.as_("supervisor")
    file = (await agent.get(f"/api/tickets/{number}")).json()
    assert (file["ticket"]["title"], file["ticket"]["source"]) == ("第3版", "province")
    changed = await province.send("POST", path, _ticket(3, content="另一个"))
    assert (changed.status_code, changed.json()["code"]) == (409, "exchange.version_changed")
    urged = await province.send("POST", path, {"number": "HN-1", "kind": "urge", "note": "请加快"})
    assert urged.json()["outcome"] == "noted"
    kept = (await supervisor.get("/api/exchange/messages", partner="province")).json()
    assert [(one["kind"], one["version"], one["outcome"]) for one in kept][::-1] == [
        ("ticket", 2, "created"),
        ("ticket", 3, "updated"),
        ("ticket", 1, "outdated"),
        ("urge", None, "noted"),
    ]
    half = await supervisor.get("/api/exchange/messages", limit=2)
    assert len(half.json()) == 2
    rest = await supervisor.request("GET", half.links["next"]["url"])
    assert [one["version"] for one in rest.json()] == [3, 2]


async def test_what_is_no_message_or_unsigned_is_refused(province: Platform, services: Services, line: Acd) -> None:
    path = "/api/exchange/incoming"
    half = await province.send("POST", path, {"number": "1", "version": 1})
    assert (half.status_code, half.json()["code"]) == (422, "exchange.invalid_message")
    secret = {"title": "x", "secret": "13812345678"}
    none = await province.send("POST", path, {"number": "1", "version": 1, "ticket": secret})
    assert secret["secret"] not in none.text
    stranger = Platform(province.http, services, "nobody")
    assert (await stranger.send("POST", path, _ticket(1))).status_code == 401
    unknown = await province.send("POST", path, {"number": "HN-9", "kind": "supplement", "note": "x"})
    assert (unknown.status_code, unknown.json()["code"]) == (409, "exchange.ticket_unknown_yet")


async def test_a_ticket_goes_to_the_province_and_comes_back(province: Platform, nobody: Caller, line: Acd) -> None:
    agent, dispatcher = await nobody.as_("agent"), await nobody.as_("dispatcher")
    number = (await agent.post("/api/tickets", title="跨市事项")).json()["number"]
    sent = await dispatcher.post(f"/api/tickets/{number}/transfers", partner="province", reason="省级事项")
    assert sent.status_code == 201, sent.text
    transfer = sent.json()["id"]
    again = await dispatcher.post(f"/api/tickets/{number}/transfers", partner="province", reason="省级事项")
    assert again.json()["code"] == "exchange.transfer_standing"
    page = (await province.send("GET", "/api/exchange/feed")).json()
    assert [(one["action"], one.get("transfer")) for one in page["events"]] == [
        ("register", None),
        ("supplement", None),
        ("sent", transfer),
    ]
    path = f"/api/exchange/transfers/{transfer}/answers"
    accepted = await province.send("POST", path, {"action": "accept", "number": "HN-77"})
    assert (accepted.json()["state"], accepted.json()["ticket"]) == ("accepted", number)
    done = await province.send("POST", path, {"action": "finish", "note": "已协调"})
    assert done.json()["state"] == "done"
    no = await province.send("POST", path, {"action": "refuse"})
    assert no.status_code == 409
    assert (await province.send("POST", "/api/exchange/transfers/999999/answers", {"action": "accept"})).json()[
        "code"
    ] == "exchange.transfer_not_found"
    (kept,) = (await agent.get(f"/api/tickets/{number}/transfers")).json()
    assert (kept["their_number"], kept["result"], kept["state_term"]) == ("HN-77", "已协调", "已反馈结果")


async def test_everything_can_be_told_again_by_rest(province: Platform, nobody: Caller, line: Acd) -> None:
    admin = await nobody.as_("admin")
    await province.send("POST", "/api/exchange/incoming", _ticket(1))
    await province.send("POST", "/api/exchange/incoming", _ticket(2))
    assert (await province.send("GET", "/api/exchange/feed")).json()["last"] == 2
    path = "/api/exchange/receivers/province/replay"
    told = await admin.post(path, position=1)
    assert (told.status_code, told.json()["last"]) == (200, 2)
    assert (await admin.post(path, since="2020-01-01T00:00:00Z")).status_code == 200
    assert (await admin.post(path, position=9)).json()["code"] == "exchange.position_unknown"
    assert (await admin.post(path, since="2099-01-01T00:00:00Z")).json()["code"] == "exchange.position_unknown"
    assert (await admin.post(path)).status_code == 422
    for what in ("retry", "skip"):
        no = await admin.post(f"/api/exchange/receivers/province/parked/1/{what}")
        assert no.json()["code"] == "exchange.nothing_parked"
    assert (await admin.get("/api/exchange/parked", receiver="province")).json() == []


async def test_a_case_that_came_with_a_call_and_as_a_ticket_is_one(
    province: Platform, services: Services, nobody: Caller, line: Acd
) -> None:
    raw = json.dumps({"case_number": "HN-1", "summary": "市民来电，路灯不亮"}).encode()
    signed = handover_signature.Signed("province", int(services.clock.now().timestamp()), "call-1")
    first = await province.http.post(
        "/api/handovers", content=raw, headers=handover_signature.headers(KEY.encode(), signed, raw)
    )
    assert first.status_code == 201, first.text
    answer = (await province.send("POST", "/api/exchange/incoming", _ticket(5))).json()
    assert (answer["ticket"], answer["outcome"]) == (first.json()["ticket"], "updated")
    agent = await nobody.as_("agent")
    again = handover_signature.Signed("province", int(services.clock.now().timestamp()), "call-2")
    second = await province.http.post(
        "/api/handovers", content=raw, headers=handover_signature.headers(KEY.encode(), again, raw)
    )
    assert second.json()["ticket"] == answer["ticket"]
    file = (await agent.get(f"/api/tickets/{answer['ticket']}")).json()
    assert [(one["action"], one["note"]) for one in file["history"]] == [
        ("register", ""),
        ("amend", ""),
        ("supplement", "随话务移交：市民来电，路灯不亮"),
    ]
    assert file["ticket"]["title"] == "第5版"
