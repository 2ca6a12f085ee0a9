"""归集: branches push their calls and tickets, signed; they are found and counted here."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import orjson
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select, update

from directory import partners
from directory.importer import SANMENXIA, import_hotlines
from directory.models import Hotline, PartnerKind
from directory.partners import PartnerEntry
from hotline.signing import Request, headers
from tests.web.conftest import Caller
from tests.web.people import Units
from tests.web.test_administration import audited
from ticketing.collected.tables import CollectedRow, CollectedVersionRow
from ticketing.models import TicketRow
from web.services import Services

PATH = "/api/collected/push"
CALL: dict[str, Any] = {
    "kind": "call",
    "number": "C-1",
    "began_at": "2026-11-20T01:00:00Z",
    "answered_at": "2026-11-20T01:00:09Z",
    "ended_at": "2026-11-20T01:03:00Z",
    "outcome": "answered",
    "caller_number": "13812345678",
    "summary": "询问发票代开",
}
TICKET: dict[str, Any] = {
    "kind": "ticket",
    "number": "T-1",
    "type": "complaint",
    "state": "open",
    "title": "张三丰反映加油站不开发票",
    "content": "来电号码138 1234 5678，要求查处",
    "caller_number": "13812345678",
    "caller_name": "张三丰",
    "registered_at": "2026-11-20T01:05:00Z",
}


class Branch:
    """The tax branch's side."""

    def __init__(self, http: httpx.AsyncClient, services: Services, key: str) -> None:
        self._http = http
        self._services = services
        self.key = key
        self.sender = "tax-branch"

    async def push(self, *records: dict[str, Any], off: int = 0, body: bytes | None = None) -> httpx.Response:
        body = orjson.dumps({"records": records}) if body is None else body
        signed = headers(
            self.key.encode(),
            Request("POST", PATH, body),
            sender=self.sender,
            timestamp=self._services.clock.now_ms() // 1000 + off,
            id="push-1",
        )
        return await self._http.post(PATH, content=body, headers=signed)

    async def taken(self, *records: dict[str, Any]) -> list[tuple[str, int]]:
        answer = await self.push(*records)
        assert answer.status_code == 200, answer.text
        return [(one["taken"], one["version"]) for one in answer.json()["outcomes"]]


@pytest.fixture
async def branch(app: FastAPI, services: Services, units: Units) -> Any:
    """The tax branch (12366), whose line is the labour bureau's here, and a utility without a line of ours."""
    now = services.clock.now()
    async with services.database.transaction() as session:
        await import_hotlines(session, SANMENXIA.read_bytes(), services.settings.site, now=now)
        await session.execute(update(Hotline).where(Hotline.number == "12366").values(unit_id=units.labour))
        tax = PartnerEntry("税务分中心", PartnerKind.BRANCH, line="12366")
        await partners.save(session, "tax-branch", tax, now=now)
        await partners.save(session, "water", PartnerEntry("供水公司", PartnerKind.UTILITY), now=now)
    await services.directory.refresh()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://web") as http:
        yield Branch(http, services, services.partner_keys.change("tax-branch"))


async def test_records_are_kept_as_their_own_and_become_no_tickets_of_ours(
    branch: Branch, nobody: Caller, services: Services, units: Units
) -> None:
    assert await branch.taken(CALL, TICKET) == [("kept", 1), ("kept", 1)]
    supervisor = await nobody.as_("supervisor")
    listed = (await supervisor.get("/api/collected")).json()
    assert [(one["kind"], one["number"], one["partner"], one["unit_id"]) for one in listed] == [
        ("ticket", "T-1", "tax-branch", units.labour),
        ("call", "C-1", "tax-branch", units.labour),
    ]
    assert "张三丰" not in orjson.dumps(listed).decode()
    file = (await supervisor.get(f"/api/collected/{listed[0]['id']}")).json()
    assert (file["said"]["caller_name"], file["former"]) == ("张三丰", [])
    read = [one for one in await audited(await nobody.as_("auditor")) if one[1] == "collected.read"]
    assert read == [("supervisor", "collected.read", f"collected:{listed[0]['id']}")]
    async with services.database.transaction() as session:
        assert (await session.execute(select(func.count()).select_from(TicketRow))).scalar_one() == 0
        texts = (await session.scalars(select(CollectedRow.text))).all()
    told = [part for part in ("张三丰", "12345678", "1234 5678") for text in texts if part in text]
    assert told == [], "what is searched names nobody"


async def test_versions_replace_with_history_and_old_ones_are_ignored(branch: Branch, nobody: Caller) -> None:
    closed = TICKET | {"version": 3, "state": "closed", "closed_at": "2026-11-21T02:00:00Z", "answer": "已开票"}
    assert await branch.taken(TICKET | {"version": 2}) == [("kept", 2)]
    assert await branch.taken(closed) == [("replaced", 3)]
    assert await branch.taken(TICKET | {"version": 1}, TICKET | {"version": 2}) == [("older", 3)] * 2
    assert await branch.taken(closed) == [("repeated", 3)]
    changed = await branch.push(CALL, closed | {"answer": "未开票"})
    assert (changed.status_code, changed.json()["code"]) == (409, "collected.content_changed")
    supervisor = await nobody.as_("supervisor")
    (only,) = (await supervisor.get("/api/collected")).json()
    assert (only["version"], only["state"]) == (3, "closed"), "a refused push keeps nothing"
    file = (await supervisor.get(f"/api/collected/{only['id']}")).json()
    assert [(one["version"], one["said"]["state"]) for one in file["former"]] == [(2, "open")]
    assert file["said"]["answer"] == "已开票"


async def test_versions_in_one_push_end_with_the_last_however_they_stand(branch: Branch, services: Services) -> None:
    many = [TICKET | {"version": version, "content": f"第{version}版"} for version in (3, 1, 2)]
    assert [version for _, version in await branch.taken(*many)] == [3, 1, 2]
    async with services.database.transaction() as session:
        assert (await session.scalars(select(CollectedRow.version))).all() == [3]
        former = await session.scalars(select(CollectedVersionRow.version).order_by(CollectedVersionRow.version))
        assert former.all() == [1, 2]


async def test_pushes_at_once_keep_each_record_once(branch: Branch, services: Services) -> None:
    records = [TICKET | {"number": f"T-{n}"} for n in range(6)]
    answers = await asyncio.gather(
        *(branch.taken(*(records if n % 2 else records[::-1])) for n in range(6)),
        *(branch.taken(*(one | {"version": 2} for one in records)) for _ in range(2)),
    )
    assert all(len(one) == 6 for one in answers)
    async with services.database.transaction() as session:
        assert (await session.scalars(select(CollectedRow.version))).all() == [2] * 6


async def test_what_was_collected_is_found_and_counted(branch: Branch, nobody: Caller, units: Units) -> None:
    await branch.taken(
        CALL,
        CALL | {"number": "C-2", "outcome": "abandoned", "answered_at": None, "caller_number": ""},
        TICKET,
        TICKET | {"number": "T-2", "type": "consult", "title": "咨询个税", "registered_at": "2026-10-01T00:00:00Z"},
    )
    inspector = await nobody.as_("inspector")

    async def numbers(**query: Any) -> list[str]:
        answer = await inspector.get("/api/collected", **query)
        assert answer.status_code == 200, answer.text
        return sorted(one["number"] for one in answer.json())

    assert await numbers(q="发票") == ["C-1", "C-2", "T-1"]
    assert await numbers(q="发票 加油站") == ["T-1"]
    assert await numbers(q="票发") == []
    assert await numbers(caller_number="138-1234-5678") == ["C-1", "T-1", "T-2"]
    assert await numbers(since="2026-11-20T00:00:00Z", kind="ticket") == ["T-1"]
    assert await numbers(partner="water") == []
    assert await numbers(unit_id=units.urban) == []
    counted = (await inspector.get("/api/collected/counts", before="2026-12-01T00:00:00Z")).json()
    assert {(one["kind"], one["type"], one["state"]): one["records"] for one in counted} == {
        ("call", "", "abandoned"): 1,
        ("call", "", "answered"): 1,
        ("ticket", "complaint", "open"): 1,
        ("ticket", "consult", "open"): 1,
    }
    seen, path = [], "/api/collected?limit=1"
    while path:
        answer = await inspector.get(path)
        seen += [one["number"] for one in answer.json()]
        path = answer.headers["link"].partition(">")[0][1:] if "link" in answer.headers else ""
    assert seen == ["T-2", "T-1", "C-2", "C-1"]


async def test_numbers_are_each_senders_own(branch: Branch, services: Services) -> None:
    await branch.taken(TICKET)
    water = Branch(branch._http, services, services.partner_keys.change("water"))
    water.sender = "water"
    assert await water.taken(TICKET | {"title": "停水"}) == [("kept", 1)]
    async with services.database.transaction() as session:
        rows = (await session.scalars(select(CollectedRow).order_by(CollectedRow.partner))).all()
    assert [(row.partner, row.unit_id is None) for row in rows] == [("tax-branch", False), ("water", True)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"outcome": "abandoned"},
        {"answered_at": None},
        {"ended_at": "2026-11-20T00:59:00Z"},
        {"began_at": "2026-11-20T01:00:00"},
        {"version": 0},
        {"number": ""},
        {"kind": "letter"},
        {"more": 1},
    ],
)
async def test_a_push_with_one_bad_record_is_refused_whole(
    branch: Branch, services: Services, wrong: dict[str, Any]
) -> None:
    answer = await branch.push(TICKET, CALL | wrong)
    assert (answer.status_code, answer.json()["code"]) == (422, "collected.invalid")
    assert "records.1" in answer.json()["detail"]
    assert "13812345678" not in answer.text
    async with services.database.transaction() as session:
        assert (await session.execute(select(func.count()).select_from(CollectedRow))).scalar_one() == 0


async def test_only_a_platforms_signature_opens_the_door(branch: Branch, services: Services) -> None:
    assert (await branch.push(TICKET, off=-4000)).json()["code"] == "signature.outside_window"
    key, branch.key = branch.key, "k" * 40
    assert (await branch.push(TICKET)).json()["code"] == "signature.bad"
    branch.key, branch.sender = key, "water"
    assert (await branch.push(TICKET)).json()["code"] == "signature.bad"
    branch.key, branch.sender = services.partner_keys.change("ghost"), "ghost"
    assert (await branch.push(TICKET)).json()["code"] == "signature.bad"
    branch.key, branch.sender = key, "tax-branch"
    assert (await branch.push(body=b"[" * 2000)).json()["code"] == "collected.invalid"
    large = await branch.push(body=b" " * (1 << 20) + b"{}")
    assert large.status_code == 413
