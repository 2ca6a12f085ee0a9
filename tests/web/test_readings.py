"""Who sees a citizen in a ticket, and that each reading leaves exactly one row."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from directory import reads
from directory.models.audit import AuditRow
from hotline import sealed
from tests.web.conftest import Caller, Units
from web.services import Services

NUMBER = "+8613812345678"
SPOKEN = NUMBER.removeprefix("+86")
"""As people write it; whole, for three of its digits may stand in any time or token."""
CITIZEN = {"caller_number": NUMBER, "caller_name": "张三丰", "address": "黄河路1号2单元"}
MASKED = {"caller_number": "138****5678", "caller_name": "*", "address": "*"}
REASON = "核实来电人身份"


async def rows(services: Services) -> list[AuditRow]:
    """All readings so far, oldest first."""
    async with services.database.transaction() as session:
        await reads.chain(session)
    async with services.database.transaction() as session:
        found = select(AuditRow).where(AuditRow.read_id.is_not(None)).order_by(AuditRow.seq)
        return list(await session.scalars(found))


def of(ticket: dict[str, Any]) -> dict[str, str]:
    return {field: ticket[field] for field in CITIZEN}


async def handled(nobody: Caller, units: Units, **more: str) -> str:
    """A ticket with a unit; the path of it."""
    agent, dispatcher = await nobody.as_("agent"), await nobody.as_("dispatcher")
    title = f"张三丰反映噪声, 电话{SPOKEN}"
    ticket = (await agent.post("/api/tickets", title=title, **(CITIZEN | more))).json()
    assert of(ticket) == CITIZEN
    path = f"/api/tickets/{ticket['number']}"
    await agent.post(f"{path}/actions", action="accept", version=1)
    sent = await dispatcher.post(f"{path}/actions", action="dispatch", version=2, lead_unit=units.labour)
    assert of(sent.json()) == MASKED
    assert SPOKEN not in sent.json()["title"]
    return path


@pytest.mark.parametrize(
    ("who", "openly", "confidentially"),
    [
        ("agent", True, True),
        ("visit_agent", True, True),
        ("supervisor", True, True),
        ("dispatcher", True, False),
        ("unit_handler", True, False),
        ("unit_head", True, False),
        ("inspector", False, False),
        ("auditor", False, False),
        ("admin", False, False),
    ],
)
async def test_a_ticket_shows_the_citizen_to_those_who_deal_with_them(  # noqa: PLR0917 - fixtures and a row
    services: Services, nobody: Caller, units: Units, who: str, openly: bool, confidentially: bool
) -> None:
    for confidentiality, clear in (("open", openly), ("confidential", confidentially)):
        path = await handled(nobody, units, confidentiality=confidentiality)
        reader = await nobody.as_(who)
        before = len(await rows(services))
        seen = await reader.get(path)
        assert of(seen.json()["ticket"]) == (CITIZEN if clear else MASKED)
        assert (SPOKEN in seen.text) == clear
        left = (await rows(services))[before:]
        assert [(row.action, row.subject) for row in left] == (
            [("ticket.read", f"ticket:{path.rpartition('/')[2]}")] if clear else []
        )
        # Unchanged, it is not given out again: nothing is read.
        again = await reader.request("GET", path, extra={"If-None-Match": seen.headers["etag"]})
        assert again.status_code == 304
        assert len(await rows(services)) == before + len(left)


async def test_lists_are_masked_for_everybody_and_leave_nothing(
    services: Services, nobody: Caller, units: Units
) -> None:
    await handled(nobody, units)
    for who in ("agent", "dispatcher", "unit_handler", "auditor"):
        (ticket,) = (await (await nobody.as_(who)).get("/api/tickets")).json()["tickets"]
        assert of(ticket) == MASKED
    assert await rows(services) == []


async def test_an_unmasking_has_a_reason_and_leaves_one_row(services: Services, nobody: Caller, units: Units) -> None:
    path = await handled(nobody, units)
    auditor = await nobody.as_("auditor")
    assert (await auditor.post(f"{path}/unmask")).status_code == 422
    assert (await auditor.post(f"{path}/unmask", reason=" ")).status_code == 422
    assert await rows(services) == []
    assert (await auditor.post(f"{path}/unmask", reason=REASON)).json() == CITIZEN
    (row,) = await rows(services)
    assert (row.actor, row.action, row.subject, row.after) == (
        "auditor", "ticket.unmasked", f"ticket:{path.rpartition('/')[2]}", {"reason": REASON},
    )  # fmt: skip


async def test_a_unit_unmasks_no_confidential_caller_and_no_other_units_ticket(
    services: Services, nobody: Caller, units: Units
) -> None:
    hidden, elsewhere = await handled(nobody, units, confidentiality="confidential"), await handled(nobody, units)
    refused = await (await nobody.as_("unit_head")).post(f"{hidden}/unmask", reason=REASON)
    assert (refused.status_code, refused.json()["code"]) == (403, "access.denied")
    stranger = await (await nobody.as_("other_unit")).post(f"{elsewhere}/unmask", reason=REASON)
    assert (stranger.status_code, stranger.json()["code"]) == (403, "ticket.other_unit")
    assert await rows(services) == []
    dispatcher = await nobody.as_("dispatcher")
    assert (await dispatcher.post(f"{hidden}/unmask", reason=REASON)).json() == CITIZEN


async def test_a_search_leaves_one_row_that_does_not_say_who_was_looked_for(
    services: Services, nobody: Caller, units: Units
) -> None:
    await handled(nobody, units)
    agent = await nobody.as_("agent")
    assert len((await agent.get("/api/tickets", caller_number="138 1234 5678")).json()["tickets"]) == 1
    (row,) = await rows(services)
    assert (row.actor, row.action, row.subject) == ("1001", "tickets.searched", "tickets")
    assert row.after == {"asked": {"caller_number": sealed.keys().index(NUMBER).hex()}, "found": 1}
    assert (await agent.get("/api/tickets", text="噪声")).status_code == 200
    _, row = await rows(services)
    assert (row.action, set(row.after["asked"]), row.after["found"]) == ("tickets.searched", {"text"}, 1)
