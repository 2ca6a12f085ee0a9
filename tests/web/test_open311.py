"""Open311 GeoReport v2: what the standard says, in both forms, and nothing of any citizen."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, Final
from xml.etree import ElementTree as ET

import httpx
import pytest
from sqlalchemy import update

from acd.service import Acd
from hotline.settings import Settings
from tests.web.conftest import Caller
from ticketing.catalogue.tables import CategoryRow
from ticketing.exchange import open311_keys
from ticketing.exchange.tables import Open311RequestRow
from ticketing.models import TicketRow
from ticketing.vocabulary import Source
from web.services import Services

V2 = "/open311/v2"
CALLER = {"caller_number": "13812345678", "caller_name": "张三丰", "address": "黄河路12号"}


@pytest.fixture
async def key(services: Services) -> str:
    """An app's key, in a city with three categories."""
    async with services.database.transaction() as session:
        session.add(CategoryRow(code="10", name="城市管理", active=True))
        await session.flush()
        session.add_all(
            [
                CategoryRow(code="1001", parent_code="10", name="路灯", active=True),
                CategoryRow(code="1002", parent_code="10", name="停用的", active=False),
            ]
        )
        return await open311_keys.add(session, "city-app", Source.APP, by="admin", at=services.clock.now())


def _xml(text: str) -> ET.Element:
    return ET.fromstring(text)  # noqa: S314 - our own answer


async def _post(nobody: Caller, form: str = "json", **fields: str) -> httpx.Response:
    return await nobody.request("POST", f"{V2}/requests.{form}", data=fields)


def _new(key: str, **more: str) -> dict[str, str]:
    return {"api_key": key, "service_code": "1001", "address_string": "黄河路12号", "description": "路灯不亮"} | more


def _errors(answer: httpx.Response) -> list[tuple[int, str]]:
    return [(one["code"], one["description"]) for one in answer.json()]


async def test_services_are_the_categories_in_use(nobody: Caller, key: str) -> None:
    answer = await nobody.get(f"{V2}/services.json")
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    assert [(one["service_code"], one["service_name"], one["group"]) for one in answer.json()] == [
        ("10", "城市管理", ""),
        ("1001", "路灯", "城市管理"),
    ]
    assert {(one["metadata"], one["type"]) for one in answer.json()} == {(False, "realtime")}
    as_xml = await nobody.get(f"{V2}/services.xml")
    assert as_xml.headers["content-type"] == "text/xml; charset=utf-8"
    assert as_xml.text.startswith('<?xml version="1.0" encoding="utf-8"?>\n<services><service><service_code>10<')
    assert _xml(as_xml.text)[1].findtext("group") == "城市管理"
    one = await nobody.get(f"{V2}/services/1001.json")
    assert one.json() == {"service_code": "1001", "attributes": []}
    assert (await nobody.get(f"{V2}/services/1001.xml")).text.endswith(
        "<service_definition><service_code>1001</service_code><attributes /></service_definition>"
    )
    for gone in ("1002", "9"):
        none = await nobody.get(f"{V2}/services/{gone}.json")
        assert (none.status_code, _errors(none)) == (404, [(404, "service_code not found")])


async def test_a_request_becomes_a_ticket_of_the_apps_source(nobody: Caller, key: str, line: Acd) -> None:
    personal = {"first_name": "三丰", "last_name": "张", "phone": "138 1234 5678", "email": "z@example.com"}
    made = await _post(nobody, **_new(key, **personal, lat="34.77", long="111.2", media_url="http://127.0.0.1/a.jpg"))
    assert made.status_code == 201, made.text
    (answer,) = made.json()
    number = answer["service_request_id"]
    assert answer["account_id"] is None
    desk = await nobody.as_("agent")
    ticket = (await desk.get(f"/api/tickets/{number}")).json()["ticket"]
    assert (ticket["source"], ticket["registered_by"], ticket["category"]) == ("app", "open311:city-app", "1001")
    assert (ticket["title"], ticket["address"]) == ("路灯：路灯不亮", "黄河路12号")
    assert (ticket["caller_name"], ticket["caller_number"]) == ("张三丰", "+8613812345678")
    assert "坐标：34.77, 111.2" in ticket["content"]
    assert "图片：http://127.0.0.1/a.jpg" in ticket["content"]
    assert "电子邮箱：z@example.com" in ticket["content"]

    told = await nobody.get(f"{V2}/requests/{number}.json")
    assert told.status_code == 200
    (row,) = told.json()
    assert (row["service_request_id"], row["status"], row["service_name"]) == (number, "open", "路灯")
    assert row["requested_datetime"].endswith("+00:00")
    for form in ("json", "xml"):
        for path in (f"requests/{number}.{form}", f"requests.{form}"):
            public = (await nobody.get(f"{V2}/{path}")).text
            assert number in public
            for secret in (*personal.values(), "张三丰", "13812345678", "黄河路", "34.77", "路灯不亮"):
                assert secret not in public


async def test_a_request_that_is_sent_again_is_the_same_ticket(
    nobody: Caller, services: Services, key: str, line: Acd
) -> None:
    async def sent(headers: dict[str, str] | None = None, **more: str) -> tuple[int, str]:
        answer = await nobody.request("POST", f"{V2}/requests.json", data=_new(key, **more), extra=headers)
        told = answer.json()[0]
        return answer.status_code, str(told.get("service_request_id", told.get("description")))

    first = await sent()
    assert first[0] == 201
    assert {await sent() for _ in range(2)} == {first}, "the same words within the window"
    assert (await sent(description="路灯又不亮"))[1] != first[1]
    own = {"Idempotency-Key": "6f1c2d3e-0001"}
    keyed = await sent(own)
    assert keyed[1] != first[1], "a key of its own is a request of its own"
    assert await sent(own) == keyed
    assert await sent(own, description="另一件事") == (400, "the Idempotency-Key stands for another request")
    async with services.database.transaction() as session:
        await session.execute(update(Open311RequestRow).values(at=services.clock.now() - timedelta(minutes=10)))
    assert (await sent())[1] not in {first[1], keyed[1]}, "the window has gone"
    assert await sent(own) == keyed, "a key is for good"


async def test_two_at_once_are_one(nobody: Caller, key: str, line: Acd) -> None:
    answers = await asyncio.gather(*(_post(nobody, **_new(key, description="同时发出")) for _ in range(4)))
    assert len({answer.json()[0]["service_request_id"] for answer in answers}) == 1


async def test_the_answer_in_xml_has_the_standards_names(nobody: Caller, key: str, line: Acd) -> None:
    made = await _post(nobody, "xml", **_new(key))
    root = _xml(made.text)
    assert (made.status_code, root.tag, root[0].tag) == (201, "service_requests", "request")
    number = root[0].findtext("service_request_id")
    found = _xml((await nobody.get(f"{V2}/requests/{number}.xml")).text)
    assert [field.tag for field in found[0]] == [
        "service_request_id",
        "status",
        "status_notes",
        "service_name",
        "service_code",
        "description",
        "agency_responsible",
        "service_notice",
        "requested_datetime",
        "updated_datetime",
        "expected_datetime",
        "address",
        "address_id",
        "zipcode",
        "lat",
        "long",
        "media_url",
    ]


_REFUSED: Final[list[tuple[dict[str, str], int, str]]] = [
    ({"api_key": ""}, 403, "missing or invalid api_key"),
    ({"api_key": "wrong"}, 403, "missing or invalid api_key"),
    ({"service_code": ""}, 400, "service_code was not provided"),
    ({"service_code": "9"}, 404, "service_code not found"),
    ({"service_code": "1002"}, 404, "service_code not found"),
    ({"address_string": ""}, 400, "lat and long, address_string or address_id was not provided"),
    ({"address_string": "", "lat": "34.7"}, 400, "lat and long, address_string or address_id was not provided"),
    ({"lat": "91", "long": "0"}, 400, "cannot be read: lat"),
    ({"lat": "nan", "long": "0"}, 400, "cannot be read: lat"),
    ({"description": "x" * 4001}, 400, "cannot be read: description"),
    ({"address_string": "a\x07b"}, 400, "cannot be read: address_string"),
    ({"description": "a\x00b"}, 400, "the form cannot be read"),
]


async def test_what_cannot_be_taken_is_refused_as_the_standard_says(nobody: Caller, key: str) -> None:
    for change, status, said in _REFUSED:
        answer = await _post(nobody, **_new(key, **change))
        assert (answer.status_code, _errors(answer)) == (status, [(status, said)])
        as_xml = await _post(nobody, "xml", **_new(key, **change))
        root = _xml(as_xml.text)
        shape = (as_xml.status_code, root.tag, root[0].tag, root[0].findtext("code"))
        assert shape == (status, "errors", "error", str(status))


async def test_only_a_form_is_taken(nobody: Caller, key: str, line: Acd) -> None:
    answer = await nobody.request("POST", f"{V2}/requests.json", json=_new(key))
    assert (answer.status_code, answer.json()[0]["code"]) == (400, 400)
    odd = await nobody.request(
        "POST",
        f"{V2}/requests.json",
        content=b"api_key=%ff&&=",
        extra={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert odd.status_code == 403
    assert (await nobody.get(f"{V2}/requests.csv")).status_code == 404


async def test_a_key_that_ended_opens_nothing(nobody: Caller, services: Services, key: str, line: Acd) -> None:
    async with services.database.transaction() as session:
        await open311_keys.end(session, "city-app", at=services.clock.now())
        with pytest.raises(open311_keys.KeyUnknown):
            await open311_keys.end(session, "city-app", at=services.clock.now())
        with pytest.raises(open311_keys.KeyTaken):
            await open311_keys.add(session, "city-app", Source.APP, by="admin", at=services.clock.now())
    assert (await _post(nobody, **_new(key))).status_code == 403


async def test_what_is_confidential_or_a_report_is_told_to_nobody(nobody: Caller, key: str, line: Acd) -> None:
    desk = await nobody.as_("agent")
    hidden = [
        (await desk.post("/api/tickets", title="x", **CALLER, **more)).json()["number"]
        for more in ({"confidentiality": "confidential"}, {"confidentiality": "anonymous"}, {"type": "report"})
    ]
    shown = (await desk.post("/api/tickets", title="张三丰 13812345678", content="黄河路12号", **CALLER)).json()[
        "number"
    ]
    listed = await nobody.get(f"{V2}/requests.json")
    assert [one["service_request_id"] for one in listed.json()] == [shown]
    for secret in CALLER.values():
        assert secret not in listed.text
    for number in hidden:
        assert (await nobody.get(f"{V2}/requests/{number}.json")).status_code == 404
    asked = await nobody.get(f"{V2}/requests.json", service_request_id=",".join([*hidden, shown]))
    assert [one["service_request_id"] for one in asked.json()] == [shown]


async def test_requests_are_found_by_day_service_and_status_page_by_page(
    nobody: Caller, services: Services, key: str, line: Acd
) -> None:
    desk = await nobody.as_("agent")
    now = services.clock.now()
    numbers = []
    for step in range(5):
        made = await desk.post("/api/tickets", title=f"第{step}件", category="1001" if step % 2 else "10")
        numbers.append(made.json()["number"])
    answered = await desk.post(f"/api/tickets/{numbers[0]}/answer", version=1, answer="已告知")
    assert answered.status_code == 200
    async with services.database.transaction() as session:
        for number, days in ((numbers[3], 100), (numbers[4], 10)):
            old = update(TicketRow).where(TicketRow.number == number)
            await session.execute(old.values(registered_at=now - timedelta(days=days)))

    async def found(**asked: Any) -> list[str]:
        answer = await nobody.get(f"{V2}/requests.json", **asked)
        assert answer.status_code == 200, answer.text
        return [one["service_request_id"] for one in answer.json()]

    def day(days: float) -> str:
        return (now - timedelta(days=days)).isoformat(timespec="seconds").replace("+00:00", "Z")

    recent = [numbers[4], numbers[2], numbers[1], numbers[0]]
    assert await found() == recent, "90 days, newest first"
    assert await found(start_date="", status="", service_code="") == recent, "what is empty is not said"
    assert await found(status="closed") == [numbers[0]]
    assert await found(status="open,closed") == recent
    assert await found(service_code="1001") == [numbers[1]]
    assert await found(service_code="1001,10") == recent
    assert await found(start_date=day(110), end_date=day(95)) == [numbers[3]]
    assert await found(start_date=day(120)) == [numbers[3]], "90 days from there, up to 30 days ago"
    assert await found(end_date=day(5)) == [numbers[4]]
    assert await found(start_date=day(1)) == recent[1:]
    assert await found(service_request_id=f"{numbers[3]},{numbers[1]}", status="closed") == [numbers[3], numbers[1]]
    pages = [await found(page_size=3, page=page) for page in (1, 2, 3)]
    assert pages == [recent[:3], recent[3:], []]
    (closed,) = (await nobody.get(f"{V2}/requests/{numbers[0]}.json")).json()
    assert (closed["status"], closed["status_notes"]) == ("closed", "您的诉求已经办结。")


_SENSELESS: Final[list[dict[str, str]]] = [
    {"start_date": "yesterday"},
    {"start_date": "2026-01-01T00:00:00"},
    {"end_date": "0001-01-01T00:00:00Z"},
    {"start_date": "9999-12-31T00:00:00Z"},
    {"start_date": "2026-01-01T00:00:00Z", "end_date": "2026-05-01T00:00:00Z"},
    {"start_date": "2026-02-01T00:00:00Z", "end_date": "2026-01-01T00:00:00Z"},
    {"status": "handled"},
    {"page": "0"},
    {"page_size": "1001"},
    {"page_size": "٣"},
    {"service_request_id": ",".join(["A1"] * 101)},
    {"start_date": "x" * 41},
]


async def test_a_question_that_makes_no_sense_is_refused(nobody: Caller) -> None:
    for asked in _SENSELESS:
        answer = await nobody.get(f"{V2}/requests.json", **asked)
        assert (answer.status_code, answer.json()[0]["code"]) == (400, 400), asked


async def test_discovery_says_where_and_in_which_forms(nobody: Caller) -> None:
    found = (await nobody.get("/open311/discovery.json")).json()
    (endpoint,) = found["endpoints"]
    assert endpoint["specification"] == "http://wiki.open311.org/GeoReport_v2"
    assert endpoint["url"] == "http://web/open311/v2"
    root = _xml((await nobody.get("/open311/discovery.xml")).text)
    assert [one.text for one in root.iterfind("endpoints/endpoint/formats/format")] == ["text/xml", "application/json"]


async def test_another_jurisdiction_is_not_here_and_too_many_questions_are_too_many(
    nobody: Caller, services: Services
) -> None:
    assert (await nobody.get(f"{V2}/services.json", jurisdiction_id="anything")).status_code == 200
    settings: Settings = services.settings
    object.__setattr__(settings, "exchange", settings.exchange.model_copy(update={"jurisdiction": "smx.gov.cn"}))
    object.__setattr__(settings, "web", settings.web.model_copy(update={"public_per_minute": 4}))
    assert (await nobody.get(f"{V2}/services.json", jurisdiction_id="smx.gov.cn")).status_code == 200
    other = await nobody.get(f"{V2}/services.json", jurisdiction_id="city.gov")
    assert (other.status_code, _errors(other)) == (404, [(404, "jurisdiction_id not found")])
    assert (await nobody.get(f"{V2}/services.json")).status_code == 200
    many = await nobody.get(f"{V2}/services.xml")
    assert (many.status_code, many.headers["retry-after"]) == (429, "60")
    assert _xml(many.text)[0].findtext("code") == "429"
