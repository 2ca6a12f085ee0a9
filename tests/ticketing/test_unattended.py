"""按策略自动派单: only by policy, only what is plain, with its reasons, and a person takes it back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from directory.models import AuditRow
from tests.ticketing.conftest import Counter
from tests.ticketing.test_clocks import clock_of, now
from tests.ticketing.test_dispatch_catalogue import accuse, bring, bring_categories, closed_by
from ticketing.catalogue.tables import UnattendedRow
from ticketing.catalogue.unattended import Unattended
from ticketing.clock_tables import TicketPolicyRow
from ticketing.policy import TicketPolicy
from ticketing.schemas import Ticket
from ticketing.vocabulary import Action, ClockKind, State

__all__ = ["now"]

PLAIN = {"category": "0101", "area_code": "411202"}


async def willing(counter: Counter, **policy: Any) -> None:
    """The city lets plain matters go without a person, from tickets of today on."""
    await bring_categories(counter)
    await bring(counter)
    rules = TicketPolicy(auto_dispatch=True, **policy)
    async with counter.database.transaction() as session:
        session.add(
            TicketPolicyRow(
                number=1,
                first_day=date(2026, 11, 20),
                policy=rules.model_dump(mode="json"),
                note="",
                made_by="admin",
                made_at=counter.clock.now(),
            )
        )


async def waiting(counter: Counter, title: str = "水管漏水", **fields: Any) -> Ticket:
    ticket = await counter.register(title, **{**PLAIN, **fields})
    return await counter.act(ticket, Action.ACCEPT, counter.people.agent)


def job(counter: Counter) -> Unattended:
    return Unattended(counter.database, counter.clock)


async def judged(counter: Counter) -> list[UnattendedRow]:
    async with counter.database.transaction() as session:
        return list(await session.scalars(select(UnattendedRow).order_by(UnattendedRow.id)))


@pytest.fixture(autouse=True)
def today(now: Callable[[str], None]) -> None:
    now("2026-11-21 09:00")


async def test_nothing_goes_without_a_policy_that_says_so(counter: Counter) -> None:
    await bring_categories(counter)
    await bring(counter)
    ticket = await waiting(counter)
    assert await job(counter).step() == 0
    assert (await counter.file(ticket)).ticket.state is State.TO_DISPATCH
    assert await judged(counter) == []


async def test_a_plain_matter_goes_with_its_reasons_once_and_is_audited(counter: Counter) -> None:
    await willing(counter)
    ticket = await waiting(counter)
    assert await job(counter).step() == 1
    assert await job(counter).step() == 0
    file = await counter.file(ticket)
    assert (file.ticket.state, file.history[-1].actor) == (State.TO_SIGN, "system")
    assert "派单目录" in file.history[-1].note
    lead, assisting = sorted(file.assignments, key=lambda part: part.part, reverse=True)
    people = counter.people
    assert (lead.part, lead.unit_id) == ("lead", people.other_handler.unit_id)
    assert assisting.unit_id == people.handler.unit_id
    (row,) = await judged(counter)
    assert (row.hindrance, row.confidence, row.lead_unit_id) == (None, 0.95, people.other_handler.unit_id)
    assert row.grounds[0]["source"] == "catalogue"
    assert (await clock_of(counter, ticket, ClockKind.DISPATCH)).ended == "met"
    async with counter.database.transaction() as session:
        wanted = select(AuditRow).where(AuditRow.action == "ticket.dispatched_unattended")
        (noted,) = (await session.scalars(wanted)).all()
    assert (noted.actor, noted.subject) == ("system", f"ticket:{ticket.number}")


async def test_a_person_takes_it_back_and_it_never_goes_alone_again(counter: Counter) -> None:
    await willing(counter)
    ticket = await waiting(counter)
    await job(counter).step()
    ticket = (await counter.file(ticket)).ticket
    await counter.act(ticket, Action.RECALL, counter.people.dispatcher, note="应由住建部门办理")
    assert await job(counter).step() == 0
    assert [row.hindrance for row in await judged(counter)] == [None, "came_back"]
    assert (await counter.file(ticket)).ticket.state is State.TO_DISPATCH


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"type": "report"}, "accuses"),
        ({"confidentiality": "confidential"}, "confidential"),
        ({"urgency": "urgent"}, "urgent"),
        ({"category": "0102"}, "not_its_own_entry"),
        ({"area_code": "411221"}, "not_its_own_entry"),
        ({"category": ""}, "not_in_catalogue"),
    ],
)
async def test_what_is_not_plain_waits_for_a_person(fields: dict[str, Any], why: str, counter: Counter) -> None:
    await willing(counter)
    ticket = await waiting(counter, **fields)
    assert await job(counter).step() == 0
    assert (await counter.file(ticket)).ticket.state is State.TO_DISPATCH
    assert [row.hindrance for row in await judged(counter)] == [why]
    # It is not looked at again until it has changed.
    assert await job(counter).step() == 0
    assert len(await judged(counter)) == 1


async def test_nor_what_accuses_a_unit_whatever_its_type(counter: Counter) -> None:
    await willing(counter)
    ticket = await counter.register("水管漏水", type="complaint", **PLAIN)
    unit = counter.people.other_handler.unit_id
    assert unit is not None
    await accuse(counter, ticket, unit)
    await counter.act(ticket, Action.ACCEPT, counter.people.agent)
    assert await job(counter).step() == 0
    assert [row.hindrance for row in await judged(counter)] == ["accuses"]


async def test_urgent_ones_go_where_the_policy_lets_them(counter: Counter) -> None:
    await willing(counter, auto_dispatch_urgent=True)
    ticket = await waiting(counter, urgency="urgent")
    assert await job(counter).step() == 1
    assert "handed_over_to" not in (await counter.file(ticket)).history[-1].details


async def test_similar_tickets_of_another_unit_make_it_ambiguous(counter: Counter) -> None:
    await willing(counter)
    for _ in range(2):
        await closed_by(counter, "人民路水管漏水严重", counter.people.handler.unit_id, area_code="411202")
    await waiting(counter, "人民路水管漏水严重")
    assert await job(counter).step() == 0
    assert [row.hindrance for row in await judged(counter)] == ["ambiguous"]


async def test_the_policys_bar_is_the_policys(counter: Counter) -> None:
    await willing(counter, auto_dispatch_percent=96)
    await waiting(counter)
    assert await job(counter).step() == 0
    (row,) = await judged(counter)
    assert (row.hindrance, row.confidence) == ("not_sure_enough", 0.95)


async def test_a_ticket_that_was_changed_is_judged_anew(counter: Counter) -> None:
    await willing(counter, auto_dispatch_percent=96)
    ticket = await waiting(counter)
    await job(counter).step()
    await counter.act(ticket, Action.URGE, counter.people.agent, note="市民催办")
    assert await job(counter).step() == 0
    assert [row.ticket_version for row in await judged(counter)] == [2, 3]
