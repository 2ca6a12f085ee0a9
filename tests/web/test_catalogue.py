"""派单目录 and 承办单位 over REST, entry by entry: what has begun is not rewritten, nobody writes over another."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import select

from directory.models import AuditRow
from tests.web.conftest import Caller
from tests.web.people import Units
from ticketing.catalogue.tables import CategoryRow
from web.services import Services


@pytest.fixture
async def supervisor(services: Services, nobody: Caller, units: Units) -> Caller:
    """With two categories, one of them retired."""
    async with services.database.transaction() as session:
        session.add(CategoryRow(code="lamps", name="照明", active=True))
        session.add(CategoryRow(code="gone", name="旧类", active=False))
    await services.directory.refresh()
    return await nobody.as_("supervisor")


def day(services: Services, days: int = 0) -> str:
    here = services.clock.now().astimezone(ZoneInfo(services.settings.site.timezone)).date()
    return (here + timedelta(days=days)).isoformat()


async def enter(who: Caller, lead: int, from_day: str, **more: Any) -> httpx.Response:
    return await who.post(
        "/api/catalogue/rows", **{"category_code": "lamps", "lead_unit_id": lead, "from_day": from_day, **more}
    )


async def save(who: Caller, row: dict[str, Any], **changed: Any) -> httpx.Response:
    kept = {name: row[name] for name in ("lead_unit_id", "assisting_unit_ids", "until_day", "note")}
    body = {**kept, "read": row["made_at"], **changed}
    return await who.request("PUT", f"/api/catalogue/rows/{row['id']}", json=body)


async def audited(services: Services, subject: str) -> list[str]:
    async with services.database.transaction() as session:
        found = select(AuditRow.action).where(AuditRow.subject == subject).order_by(AuditRow.seq)
        return list(await session.scalars(found))


async def test_a_row_that_has_begun_is_ended_and_another_begins(
    services: Services, supervisor: Caller, units: Units
) -> None:
    row = (await enter(supervisor, units.urban, day(services), note="全市")).json()
    rewritten = await save(supervisor, row, lead_unit_id=units.labour)
    assert (rewritten.status_code, rewritten.json()["code"]) == (422, "catalogue.entry_refused")
    assert "不改写" in rewritten.json()["detail"]
    ended = await save(supervisor, row, until_day=day(services, 30))
    assert (ended.status_code, ended.json()["until_day"]) == (200, day(services, 30))
    assert (await enter(supervisor, units.labour, day(services, 31))).status_code == 201
    listed = (await supervisor.get("/api/catalogue/rows")).json()
    assert [one["lead_unit_id"] for one in listed] == [units.urban, units.labour]
    assert await audited(services, f"catalogue:{row['id']}") == ["catalogue.row_entered", "catalogue.row_changed"]


async def test_a_row_to_come_is_rewritten_by_who_read_it(services: Services, supervisor: Caller, units: Units) -> None:
    row = (await enter(supervisor, units.urban, day(services, 7))).json()
    changed = await save(supervisor, row, lead_unit_id=units.labour, assisting_unit_ids=[units.urban])
    assert (changed.json()["lead_unit_id"], changed.json()["assisting_unit_ids"]) == (units.labour, [units.urban])
    stale = await save(supervisor, row, note="晚了一步")
    assert (stale.status_code, stale.json()["code"]) == (409, "record.stale")
    assert (await supervisor.get("/api/catalogue/rows")).json() == [changed.json()]


@pytest.mark.parametrize(
    ("wrong", "answered"),
    [
        ({"from_day": "2020-01-01"}, (422, "catalogue.entry_refused")),
        ({"until_day": "2020-01-01"}, (422, "catalogue.entry_refused")),
        ({"category_code": "gone"}, (404, "ticket.category_not_found")),
        ({"category_code": "none"}, (404, "ticket.category_not_found")),
        ({"category_code": ""}, (422, "input.invalid")),
        ({"lead_unit_id": 999}, (404, "ticket.unit_not_found")),
        ({"assisting_unit_ids": [999]}, (404, "ticket.unit_not_found")),
        ({"area_code": "4112"}, (422, "input.invalid")),
        ({"note": "a\nb"}, (422, "input.invalid")),
        ({"note": "a\u2028b"}, (422, "catalogue.entry_refused")),
    ],
)
async def test_a_row_that_cannot_be_is_refused(
    services: Services, supervisor: Caller, units: Units, wrong: dict[str, Any], answered: tuple[int, str]
) -> None:
    answer = await enter(supervisor, units.urban, **{"from_day": day(services), **wrong})
    assert (answer.status_code, answer.json()["code"]) == answered
    assert (await supervisor.get("/api/catalogue/rows")).json() == []


async def test_one_row_a_day_and_no_unit_twice(services: Services, supervisor: Caller, units: Units) -> None:
    twice = await enter(supervisor, units.urban, day(services), assisting_unit_ids=[units.urban])
    assert twice.json()["detail"] == "同一单位写了两次"
    assert (await enter(supervisor, units.urban, day(services))).status_code == 201
    again = await enter(supervisor, units.labour, day(services))
    assert (again.status_code, again.json()["code"]) == (409, "catalogue.entry_taken")
    assert (await enter(supervisor, units.labour, day(services), area_code="411202")).status_code == 201


async def test_a_unit_is_entered_moved_and_never_below_itself(services: Services, nobody: Caller, units: Units) -> None:
    await services.directory.refresh()
    admin = await nobody.as_("admin")

    async def put(unit: dict[str, Any], **changed: Any) -> httpx.Response:
        read = {name: unit[name] for name in ("name", "level", "parent_id")}
        return await admin.request("PUT", f"/api/directory/units/{unit['id']}", json={**read, **changed, "read": read})

    county = (await admin.post("/api/directory/units", name="湖滨区", level="county", parent_id=units.urban)).json()
    below = (
        await admin.post("/api/directory/units", name="湖滨区城管局", level="county", parent_id=county["id"])
    ).json()
    moved = (await put(county, parent_id=units.labour)).json()
    assert moved == {**county, "parent_id": units.labour}
    # The list is this process's copy of the directory, and has it already.
    assert moved in (await admin.get("/api/directory/units")).json()
    stale = await put(county, name="湖滨")
    assert (stale.status_code, stale.json()["code"]) == (409, "record.stale")
    for unit, changed in (
        (moved, {"parent_id": below["id"]}),
        (moved, {"parent_id": moved["id"]}),
        (below, {"parent_id": None}),
    ):
        refused = await put(unit, **changed)
        assert (refused.status_code, refused.json()["code"]) == (422, "unit.misplaced")
    assert (await put(below, parent_id=999)).json()["code"] == "unit.unknown"
    taken = await admin.post("/api/directory/units", name="市城管局", level="city")
    assert (taken.status_code, taken.json()["code"]) == (409, "unit.name_taken")
    assert await audited(services, f"unit:{county['id']}") == ["unit.saved", "unit.saved"]
