"""Lists: what narrows them, and the one way in which they go on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from calls.callback_models import VoiceMessageRow
from calls.models import CallRow
from tests.web.conftest import Caller
from tests.web.people import Units
from ticketing.catalogue.tables import CategoryRow
from ticketing.centre_desk import CentreBox, counts
from ticketing.filters import OF_STATE, division
from ticketing.vocabulary import State
from web.services import Services


async def _numbers(caller: Caller, **query: Any) -> list[str]:
    answer = await caller.get("/api/tickets", **query)
    assert answer.status_code == 200, answer.text
    return [one["title"] for one in answer.json()["tickets"]]


async def centre_counts(services: Services, at: datetime) -> dict[CentreBox, int]:
    async with services.database.transaction() as session:
        return await counts(session, at=at)


async def _all_pages(caller: Caller, path: str, **query: Any) -> list[Any]:
    """Every row of a list, page by page as its `Link` says."""
    rows: list[Any] = []
    answer = await caller.get(path, **query)
    while True:
        assert answer.status_code == 200, answer.text
        body = answer.json()
        rows += body if isinstance(body, list) else next(iter(body.values()))
        link = answer.headers.get("link")
        if link is None:
            return rows
        there, _, relation = link.partition(">; ")
        assert relation == 'rel="next"'
        answer = await caller.request("GET", there.removeprefix("<"))


@pytest.fixture
async def tickets(services: Services, nobody: Caller, units: Units) -> Caller:
    """Four tickets that differ in everything; the agent who wrote them down."""
    async with services.database.transaction() as session:
        rows = [("lamps", None, "照明"), ("lamps.street", "lamps", "路灯"), ("water", None, "供水")]
        for code, parent, name in rows:
            await session.execute(insert(CategoryRow).values(code=code, parent_code=parent, name=name, active=True))
    agent, dispatcher = await nobody.as_("agent"), await nobody.as_("dispatcher")
    for title, more in {
        "路灯不亮": {"category": "lamps.street", "area_code": "150502", "source": "web"},
        "楼道灯不亮": {"category": "lamps", "area_code": "150502001000", "urgency": "urgent"},
        "自来水发黄": {"category": "water", "area_code": "150521", "content": "水里有泥沙"},
        "咨询社保": {"source": "wechat"},
    }.items():
        answer = await agent.post("/api/tickets", title=title, **more)
        assert answer.status_code == 201, answer.text
        path = f"/api/tickets/{answer.json()['number']}"
        if title in ("路灯不亮", "自来水发黄"):
            await agent.post(f"{path}/actions", action="accept", version=1)
        if title == "自来水发黄":
            sent = await dispatcher.post(f"{path}/actions", action="dispatch", version=2, lead_unit=units.labour)
            assert sent.status_code == 200, sent.text
    return agent


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"duty": "desk"}, ["咨询社保", "楼道灯不亮"]),
        ({"duty": "dispatch"}, ["路灯不亮"]),
        ({"duty": "unit"}, ["自来水发黄"]),
        ({"duty": "nobody"}, []),
        ({"category": "lamps"}, ["楼道灯不亮", "路灯不亮"]),
        ({"category": "lamps.street"}, ["路灯不亮"]),
        ({"area": "150502"}, ["楼道灯不亮", "路灯不亮"]),
        ({"area": "150500"}, ["自来水发黄", "楼道灯不亮", "路灯不亮"]),
        ({"area": "150502001000"}, ["楼道灯不亮"]),
        ({"area": "210000"}, []),
        ({"source": "web"}, ["路灯不亮"]),
        ({"urgency": "urgent"}, ["楼道灯不亮"]),
        ({"text": "不亮"}, ["楼道灯不亮", "路灯不亮"]),
        ({"text": "路灯 不亮"}, ["路灯不亮"]),
        ({"text": "泥沙"}, ["自来水发黄"]),
        ({"text": "灯楼"}, []),
        ({"text": "！？"}, []),
        ({"text": "不亮", "urgency": "urgent", "duty": "desk", "category": "lamps"}, ["楼道灯不亮"]),
    ],
)
async def test_each_filter_narrows(tickets: Caller, query: dict[str, str], found: list[str]) -> None:
    assert await _numbers(tickets, **query) == found


async def test_what_is_due_in_a_window(services: Services, tickets: Caller, nobody: Caller) -> None:
    now = services.clock.now()
    soon, far = (now + timedelta(days=days) for days in (3, 60))
    assert await _numbers(tickets, due_before=now.isoformat()) == []
    assert "自来水发黄" in await _numbers(tickets, due_from=now.isoformat(), due_before=far.isoformat())
    handler, other = await nobody.as_("unit_handler"), await nobody.as_("other_unit")
    assert await _numbers(handler, due_from=soon.isoformat(), due_before=far.isoformat()) == ["自来水发黄"]
    assert await _numbers(other, due_from=now.isoformat(), due_before=far.isoformat()) == []
    naive = await tickets.get("/api/tickets", due_from="2026-10-01T00:00:00")
    assert naive.status_code == 422


async def test_a_unit_narrows_its_own_tickets_only(nobody: Caller, tickets: Caller) -> None:
    handler = await nobody.as_("unit_handler")
    assert await _numbers(handler, text="不亮") == []
    assert await _numbers(handler, text="泥沙", duty="unit") == ["自来水发黄"]


def test_every_state_is_somebodys_or_nobodys() -> None:
    assert set(OF_STATE) == set(State)


@pytest.mark.parametrize(
    ("code", "begins"),
    [("150000", "15"), ("150500", "1505"), ("150502", "150502"), ("150502001000", "150502001000")],
)
def test_a_division_holds_those_below_it(code: str, begins: str) -> None:
    assert division(code) == begins


async def test_tickets_go_on_by_their_link_and_keep_the_question(tickets: Caller) -> None:
    found = [one["title"] for one in await _all_pages(tickets, "/api/tickets", limit=1, area="150500")]
    assert found == ["自来水发黄", "楼道灯不亮", "路灯不亮"]
    last = await tickets.get("/api/tickets", limit=4)
    assert ("link" in last.headers, last.json()["next"]) == (False, None), "a page that is full may be the last one"


async def test_rows_of_the_same_moment_are_neither_left_out_nor_told_twice(services: Services, nobody: Caller) -> None:
    at = datetime(2026, 11, 21, tzinfo=UTC)
    async with services.database.transaction() as session:
        for number in range(7):
            call = f"ast1-176376100{number}.1"
            await session.execute(insert(CallRow).values(call_id=call, entered_at=at, caller="+8613812345678"))
            session.add(
                VoiceMessageRow(
                    call_id=call,
                    caller="+8613812345678",
                    line="12345",
                    left_at=at,
                    duration_ms=1000,
                    host="ast1",
                    sha256="0" * 64,
                )
            )
    supervisor = await nobody.as_("supervisor")
    whole = [one["id"] for one in (await supervisor.get("/api/messages")).json()]
    paged = [one["id"] for one in await _all_pages(supervisor, "/api/messages", limit=2)]
    assert len(whole) == 7
    assert paged == whole


@pytest.mark.parametrize(
    "cursor", ["A", "W10", "WzFd", "WyJ4IiwxXQ", "W251bGwsMV0", "WzEsMTAwMDAwMDAwMDAwMDAwMDAwMDAwMF0"]
)
async def test_a_cursor_of_something_else_is_refused(nobody: Caller, cursor: str) -> None:
    supervisor = await nobody.as_("supervisor")
    answer = await supervisor.get("/api/messages", cursor=cursor)
    assert (answer.status_code, answer.json()["code"]) == (422, "input.invalid")


async def test_the_boxes_of_the_centre_say_how_much_lies_in_each(tickets: Caller, services: Services) -> None:
    dispatcher = await tickets.as_("dispatcher")
    counts = {one["box"]: one["count"] for one in (await dispatcher.get("/api/centre-desk")).json()}
    assert counts == dict.fromkeys(CentreBox, 0) | {"to_dispatch": 1, "to_sign": 1} | {
        box: counts[box] for box in ("due_soon", "overdue")
    }
    for box, count in counts.items():
        assert len(await _numbers(dispatcher, box=box)) == count, box
    assert await _numbers(dispatcher, box="to_dispatch") == ["路灯不亮"]
    listed = (await dispatcher.get("/api/tickets", box="to_dispatch")).json()["tickets"]
    ends = datetime.fromisoformat(listed[0]["due_at"])
    later, now = await centre_counts(services, ends + timedelta(seconds=1)), await centre_counts(services, ends)
    assert later[CentreBox.OVERDUE] >= 1
    assert now[CentreBox.DUE_SOON] >= 1
    assert (await (await tickets.as_("unit_handler")).get("/api/centre-desk")).status_code == 403


async def test_the_day_of_registration_narrows(tickets: Caller, services: Services) -> None:
    now = services.clock.now()
    before, after = (now - timedelta(hours=1)).isoformat(), (now + timedelta(hours=1)).isoformat()
    assert len(await _numbers(tickets, registered_from=before, registered_before=after)) == 4
    assert await _numbers(tickets, registered_from=after) == []
    assert await _numbers(tickets, registered_before=before) == []


async def test_a_unit_that_assists_may_nothing_of_the_leads(tickets: Caller, nobody: Caller, units: Units) -> None:
    agent, dispatcher = tickets, await nobody.as_("dispatcher")
    number = (await agent.post("/api/tickets", title="占道")).json()["number"]
    path = f"/api/tickets/{number}"
    await agent.post(f"{path}/actions", action="accept", version=1)
    sent = {"action": "dispatch", "version": 2, "lead_unit": units.labour, "assisting_units": [units.urban]}
    assert (await dispatcher.post(f"{path}/actions", **sent)).status_code == 200
    leads, assists = await nobody.as_("unit_handler"), await nobody.as_("other_unit")
    assert (await leads.get(path)).json()["ticket"]["possible"] == ["sign_for", "return"]
    assert (await assists.get(path)).json()["ticket"]["possible"] == []
