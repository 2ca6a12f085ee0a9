"""县级承办单位 and 政府分管领导 over REST: what they read, whose figures they are told, what stays hidden."""

from __future__ import annotations

from typing import Any

import pytest

from directory.models import Role, Unit, UnitLevel
from directory.users import NewUser, add_user
from tests.web.conftest import Caller
from tests.web.people import PASSWORD, Units, quick_passwords
from web.services import Services

CITIZEN = {"caller_number": "13612340000", "caller_name": "诸葛不明", "confidentiality": "confidential"}


@pytest.fixture
async def bureau(services: Services, units: Units) -> int:
    """A bureau of a county, and the county's body above it with a person of its own."""
    passwords = quick_passwords()
    async with services.database.transaction() as session:
        body = Unit(name="湖滨区政府热线办", level=UnitLevel.COUNTY)
        session.add(body)
        await session.flush()
        below = Unit(name="湖滨区城管局", level=UnitLevel.COUNTY, parent_id=body.id)
        session.add(below)
        await session.flush()
        new = NewUser("hbq", "湖滨区", frozenset({Role.COUNTY_BODY}), body.id)
        await add_user(session, new, PASSWORD, passwords, now=services.clock.now())
        return below.id


async def dispatched(nobody: Caller, unit: int) -> str:
    agent, dispatcher = await nobody.as_("agent"), await nobody.as_("dispatcher")
    number = str((await agent.post("/api/tickets", title="路灯不亮", **CITIZEN)).json()["number"])
    path = f"/api/tickets/{number}/actions"
    assert (await agent.post(path, action="accept", version=1)).status_code == 200
    sent = await dispatcher.post(path, action="dispatch", version=2, lead_unit=unit)
    assert sent.status_code == 200, sent.text
    return number


async def test_a_countys_body_reads_what_units_below_it_have_and_moves_none_of_it(
    nobody: Caller, bureau: int, units: Units
) -> None:
    number, foreign = await dispatched(nobody, bureau), await dispatched(nobody, units.labour)
    county = await nobody.as_("hbq")
    seen = await county.get(f"/api/tickets/{number}")
    assert seen.status_code == 200
    assert "13612340000" not in seen.text
    assert (await county.get(f"/api/tickets/{foreign}")).status_code == 403
    listed = (await county.get("/api/tickets", unit_id=bureau)).json()["tickets"]
    assert [one["number"] for one in listed] == [number]
    assert (await county.get("/api/tickets", unit_id=units.labour)).status_code == 403
    refused = await county.post(f"/api/tickets/{number}/actions", action="sign_for", version=3)
    assert (refused.status_code, refused.json()["code"]) == (403, "ticket.other_unit")
    order = {"ground": "other", "form": "order", "deadline": "2099-01-01T00:00:00Z"}
    told = await county.post(
        f"/api/tickets/{number}/actions", action="supervise", version=3, note="请抓紧", supervision=order
    )
    assert told.status_code == 200, told.text
    (mine,) = (await county.get("/api/supervisions", unit_id=bureau)).json()
    assert (mine["raised_by"], mine["possible"]) == ("hbq", ["lift"])


async def test_a_countys_figures_are_those_of_its_units(nobody: Caller, bureau: int, units: Units) -> None:
    await dispatched(nobody, bureau)
    await dispatched(nobody, units.labour)
    asked: dict[str, Any] = {"from": "2026", "figure": "return_rate"}
    county, supervisor = await nobody.as_("hbq"), await nobody.as_("supervisor")

    async def under(caller: Caller, **more: Any) -> int:
        answer = await caller.get("/api/figures/tickets", **asked, **more)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["total"]["return_rate"]["under"])

    assert await under(county) == 1
    assert await under(county, unit=bureau) == 1
    assert (await county.get("/api/figures/tickets", **asked, unit=units.labour)).status_code == 403
    assert await under(supervisor) == 2
    rows = (await supervisor.get("/api/figures/tickets", **asked, by="county")).json()["rows"]
    by_county = {row["subject"]: row["figures"]["return_rate"]["under"] for row in rows}
    (body,) = (subject for subject in by_county if subject)
    assert by_county == {"": 1, body: 1}
    assert int(body) != bureau, "the highest of the county's units"
    assert await under(supervisor, unit=int(body)) == 0
    assert await under(supervisor, unit=int(body), below=True) == 1


async def test_the_governments_leader_reads_all_masked_and_learns_of_no_confidential_caller(
    nobody: Caller, bureau: int
) -> None:
    number = await dispatched(nobody, bureau)
    leader = await nobody.as_("government_leader")
    seen = await leader.get(f"/api/tickets/{number}")
    assert seen.status_code == 200
    assert "13612340000" not in seen.text
    assert "诸葛" not in seen.text
    refused = await leader.post(f"/api/tickets/{number}/unmask", reason="想了解来电人")
    assert refused.status_code == 403
    searched = await leader.get("/api/tickets", caller_number=CITIZEN["caller_number"])
    assert searched.json()["tickets"] == []
    assert (await leader.get("/api/figures/tickets", **{"from": "2026"})).status_code == 200
    assert (await leader.get("/api/reports")).status_code == 200
    order = {"ground": "other", "form": "leader", "deadline": "2099-01-01T00:00:00Z"}
    told = await leader.post(
        f"/api/tickets/{number}/actions", action="supervise", version=3, note="请核实", supervision=order
    )
    assert told.status_code == 200, told.text
