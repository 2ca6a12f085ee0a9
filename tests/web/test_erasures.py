"""A citizen's request to be forgotten, as a supervisor enters it and an auditor sees it."""

from __future__ import annotations

from sqlalchemy import select

from directory.models.audit import AuditRow
from tests.web.conftest import Caller
from ticketing.erasing import Erasing
from web.services import Services


async def test_a_request_is_followed_and_told_without_whose_it_is(
    services: Services, nobody: Caller, units: object
) -> None:
    supervisor, auditor = await nobody.as_("supervisor"), await nobody.as_("auditor")
    asked = await supervisor.post("/api/erasures", caller_number="138 1234 5678", reason="本人书面申请")
    assert (asked.status_code, asked.json()["done_at"]) == (202, None)
    again = await supervisor.post("/api/erasures", caller_number="13812345678", reason="又一次")
    assert (again.status_code, again.json()["code"]) == (409, "erasure.already_asked")
    assert (await nobody.post("/api/erasures", caller_number="13812345678", reason="x")).status_code == 401
    assert await Erasing(services.database, services.clock).step() == 0
    (shown,) = (await auditor.get("/api/erasures")).json()
    assert (shown["reason"], shown["asked_by"], shown["tickets"]) == ("本人书面申请", "supervisor", 0)
    assert shown["done_at"] is not None
    async with services.database.transaction() as session:
        (row,) = await session.scalars(select(AuditRow))
    assert (row.action, row.subject) == ("erasure.asked", f"erasure:{shown['id']}")
    assert not any(part in f"{row.after}{shown}" for part in ("13812345678", "1234 5678"))
