"""Hand-overs over HTTP: what platforms send us, signed and once; what became of what we sent."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calls import handover_store
from calls.handover_models import HandoverState
from calls.handover_signature import ID, SENDER, SIGNATURE, TIMESTAMP, Signed, headers
from directory import partners
from directory.importer import SANMENXIA, import_hotlines
from directory.models import PartnerKind
from directory.partners import PartnerEntry
from tests.web.conftest import CALL, Caller, Units
from tests.web.test_administration import audited
from web.routes import handovers
from web.services import Services

PATH = "/api/handovers"
CASE = {
    "case_number": "JJ-20261120-7",
    "summary": "路灯不亮，非警务诉求",
    "caller": "13812345678",
    "caller_name": "张三",
    "location": "湖滨区黄河路1号",
    "area_code": "411202",
    "type": "complaint",
    "urgent": True,
    "confidential": False,
}


@pytest.fixture(autouse=True)
async def platforms(services: Services, units: Units) -> str:
    """110 and the province, who have keys; returns 110's."""
    now = services.clock.now()
    async with services.database.transaction() as session:
        await import_hotlines(session, SANMENXIA.read_bytes(), services.settings.site, now=now)
        police = PartnerEntry("110指挥中心", PartnerKind.POLICE, line="110", trunk="emergency-110")
        await partners.save(session, "police-110", police, now=now)
        await partners.save(session, "province", PartnerEntry("省平台", PartnerKind.PROVINCE), now=now)
    await services.directory.refresh()
    services.partner_keys.change("province")
    return services.partner_keys.change("police-110")


class Police:
    """110's side."""

    def __init__(self, http: httpx.AsyncClient, services: Services, key: str) -> None:
        self._http = http
        self._services = services
        self.key = key
        self.sender = "police-110"

    async def send(
        self,
        identity: str = "a-1",
        *,
        body: bytes | None = None,
        off: int = 0,
        changed: dict[str, str] | None = None,
        **case: Any,
    ) -> httpx.Response:
        """Send a case signed; `changed` are headers put in afterwards."""
        body = orjson.dumps(CASE | case) if body is None else body
        signed = Signed(self.sender, self._services.clock.now_ms() // 1000 + off, identity)
        sent = headers(self.key.encode(), signed, body) | {"Content-Type": "application/json"} | (changed or {})
        return await self._http.post(PATH, content=body, headers=sent)


@pytest.fixture
async def police(app: FastAPI, services: Services, platforms: str) -> Any:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://web") as http:
        yield Police(http, services, platforms)


async def tickets(caller: Caller) -> list[dict[str, Any]]:
    supervisor = await caller.as_("supervisor")
    found: list[dict[str, Any]] = (await supervisor.get("/api/tickets")).json()["tickets"]
    return found


async def test_a_case_becomes_a_ticket_told_apart_by_its_source(police: Police, nobody: Caller) -> None:
    answer = await police.send()
    assert answer.status_code == 201, answer.text
    (ticket,) = await tickets(nobody)
    assert answer.json()["ticket"] == ticket["number"]
    assert {name: ticket[name] for name in ("source", "registered_by", "hotline", "urgency", "type", "state")} == {
        "source": "police_110",
        "registered_by": "partner:police-110",
        "hotline": "110",
        "urgency": "urgent",
        "type": "complaint",
        "state": "registered",
    }
    supervisor = await nobody.as_("supervisor")
    seen = (await supervisor.get(f"/api/tickets/{ticket['number']}")).json()["ticket"]
    assert (seen["caller_number"], seen["caller_name"], seen["address"]) == (
        "+8613812345678",
        "张三",
        "湖滨区黄河路1号",
    )
    assert ticket["title"] == "110指挥中心移交：路灯不亮，非警务诉求"
    assert "JJ-20261120-7" in ticket["content"]
    found = (await supervisor.get("/api/tickets", registered_by="partner:police-110")).json()["tickets"]
    assert [one["number"] for one in found] == [ticket["number"]]
    received = (await supervisor.get(f"{PATH}/received")).json()
    assert [(one["partner_id"], one["ticket"], one["call_id"]) for one in received] == [("a-1", ticket["number"], None)]


async def test_a_repeat_gives_the_same_answer_however_it_is_written(police: Police, nobody: Caller) -> None:
    first = await police.send()
    reordered = orjson.dumps(dict(reversed(CASE.items())), option=orjson.OPT_INDENT_2)
    for again in (await police.send(), await police.send(body=reordered), await police.send(off=60)):
        assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert len(await tickets(nobody)) == 1


@pytest.mark.parametrize("change", [{"summary": "别的"}, {"urgent": False}, {"caller": "13800000000"}])
async def test_another_content_under_the_same_id_is_refused(
    police: Police, nobody: Caller, change: dict[str, Any]
) -> None:
    first = await police.send()
    answer = await police.send(**change)
    assert (answer.status_code, answer.json()["code"]) == (409, "handover.content_changed")
    assert (await police.send()).json() == first.json()
    assert len(await tickets(nobody)) == 1


async def test_ten_at_once_make_one_ticket(police: Police, nobody: Caller) -> None:
    answers = await asyncio.gather(*(police.send() for _ in range(10)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["ticket"] for answer in answers}) == 1
    assert len(await tickets(nobody)) == 1


async def test_the_same_id_of_another_platform_is_another_case(
    police: Police, services: Services, nobody: Caller
) -> None:
    await police.send()
    police.sender, police.key = "province", services.partner_keys.of("province")[0].decode()
    await police.send()
    assert {ticket["source"] for ticket in await tickets(nobody)} == {"police_110", "province"}


async def refused(police: Police, nobody: Caller, code: str, **how: Any) -> None:
    answer = await police.send(**how)
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert await tickets(nobody) == []


@pytest.mark.parametrize(
    "changed",
    [
        {SIGNATURE: "v1=" + "0" * 64},
        {SIGNATURE: ""},
        {SENDER: "province"},
        {SENDER: "nobody"},
        {SENDER: "../../etc"},
        {TIMESTAMP: "0"},
        {ID: "a-2"},
        {ID: ""},
    ],
)
async def test_what_is_not_signed_as_agreed_is_refused(police: Police, nobody: Caller, changed: dict[str, str]) -> None:
    await refused(police, nobody, "handover.bad_signature", changed=changed)


async def test_a_copy_of_an_old_request_is_refused(police: Police, nobody: Caller) -> None:
    await refused(police, nobody, "handover.outside_window", off=-301)
    await refused(police, nobody, "handover.outside_window", off=302)


async def test_a_platform_that_is_put_aside_is_refused(police: Police, services: Services, nobody: Caller) -> None:
    async with services.database.transaction() as session:
        entry = (await partners.listed(session))["police-110"]
        off = PartnerEntry(entry.name, entry.kind, line=entry.line, enabled=False)
        await partners.save(session, "police-110", off, now=services.clock.now())
    await services.directory.refresh()
    await refused(police, nobody, "handover.bad_signature")


async def test_the_former_key_holds_until_the_next_change(police: Police, services: Services) -> None:
    services.partner_keys.change("police-110")
    assert (await police.send("a-1")).status_code == 201
    services.partner_keys.change("police-110")
    assert (await police.send("a-2")).status_code == 401


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
async def test_no_signed_bytes_make_it_fail_or_make_a_ticket(police: Police, body: bytes) -> None:
    answer = await police.send("fuzz", body=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "handover.invalid")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.fixed_dictionaries(
        {"case_number": st.text(max_size=70), "summary": st.text(max_size=60)},
        optional={
            "caller": st.text(max_size=70),
            "location": st.text(max_size=40),
            "caller_name": st.text(max_size=70),
        },
    )
)
async def test_whatever_is_said_is_taken_once_or_refused(police: Police, case: dict[str, Any]) -> None:
    try:
        body = orjson.dumps(case)
    except TypeError:
        return  # a lone surrogate, which no JSON writer sends
    identity = f"p-{abs(hash(body))}"
    first, again = await police.send(identity, body=body), await police.send(identity, body=body)
    assert first.status_code in (201, 422), first.text
    assert (again.status_code, again.json()) == (first.status_code, first.json())


async def test_the_answer_to_a_wrong_case_says_where_and_not_what(police: Police) -> None:
    answer = await police.send(summary="", caller_name="张三\x00", more="更多")
    assert (answer.status_code, answer.json()["code"]) == (422, "handover.invalid")
    assert {part.split(":")[0] for part in answer.json()["detail"].split("; ")} == {"summary", "caller_name", "more"}
    assert "张三" not in answer.text


async def order(services: Services, identity: str, **changes: Any) -> None:
    async with services.database.transaction() as session:
        told = {"partner": "police-110", "target": "line:110", "caller": "+8613812345678"}
        row = handover_store.order_row(identity, call=CALL, agent="1001", at=services.clock.now(), told=told)
        assert row is not None
        await handover_store.keep(session, [row | changes])


async def test_a_supervisor_sees_what_was_sent_and_has_it_tried_again(services: Services, nobody: Caller) -> None:
    now = services.clock.now()
    waiting, given_up, delivered = (f"{n:032x}" for n in range(3))
    await order(services, waiting)
    await order(services, given_up, state=HandoverState.GIVEN_UP, closed_at=now, why="too_old")
    await order(services, delivered, state=HandoverState.DELIVERED, closed_at=now)
    supervisor = await nobody.as_("supervisor")
    answer = await supervisor.get(PATH)
    assert {one["id"]: one["state"] for one in answer.json()} == {
        waiting: "pending",
        given_up: "given_up",
        delivered: "delivered",
    }
    assert "13812345678" not in answer.text
    assert [one["id"] for one in (await supervisor.get(PATH, state="given_up")).json()] == [given_up]
    assert (await supervisor.get(PATH, partner="province")).json() == []
    assert len((await supervisor.get(PATH, call=CALL)).json()) == 3
    for one in (waiting, given_up):
        assert (await supervisor.post(f"{PATH}/{one}/now")).json()["state"] == "pending"
    assert (await supervisor.post(f"{PATH}/{delivered}/now")).json()["code"] == "handover.closed"
    assert (await supervisor.post(f"{PATH}/{'f' * 32}/now")).status_code == 404
    admin = await nobody.as_("admin")
    assert len(await audited(admin, subject="handover")) == 2


def test_the_form_is_in_the_api_description() -> None:
    api = FastAPI()
    api.include_router(handovers.router)
    described = api.openapi()["paths"][PATH]["post"]
    assert {one["name"] for one in described["parameters"]} == {SENDER, TIMESTAMP, ID, SIGNATURE}
    assert "case_number" in described["requestBody"]["content"]["application/json"]["schema"]["properties"]
