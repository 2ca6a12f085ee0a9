"""第一时间转办 (SMX 一(二)2): complaints, reports and matters of law enforcement have a clock of their own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pytest

from tests.ticketing.conftest import Counter
from tests.ticketing.test_clocks import at, clock_of, now
from ticketing.catalogue.tables import CategoryRow
from ticketing.clock_tables import TicketPolicyRow
from ticketing.policy import TicketPolicy
from ticketing.schemas import Ticket
from ticketing.vocabulary import Action, ClockEnd, ClockKind, TicketType

__all__ = ["now"]


async def passed_on(counter: Counter, ticket: Ticket) -> bool:
    return any(clock.kind is ClockKind.PASS_ON for clock in (await counter.file(ticket)).clocks)


async def accepted(counter: Counter, said: bool | None = None, **fields: object) -> Ticket:
    ticket = await counter.register(**fields)
    details = {} if said is None else {"law_enforcement": said}
    return await counter.act(ticket, Action.ACCEPT, counter.people.agent, **details)


@pytest.mark.parametrize("kind", TicketType)
async def test_by_type(counter: Counter, kind: TicketType) -> None:
    assert await passed_on(counter, await accepted(counter, type=kind)) is (
        kind in {TicketType.COMPLAINT, TicketType.REPORT}
    )


async def test_because_who_accepts_it_says_so(counter: Counter, now: Callable[[str], None]) -> None:
    now("2026-11-17 10:00")
    ticket = await accepted(counter, True)
    assert (await clock_of(counter, ticket, ClockKind.PASS_ON)).ends_at == at("2026-11-17 10:30")
    assert (await counter.file(ticket)).history[-1].details == {"law_enforcement": True}
    assert not await passed_on(counter, await accepted(counter, False))


async def test_by_a_category_of_law_enforcement_and_those_below_it(counter: Counter) -> None:
    async with counter.database.transaction() as session:
        session.add(CategoryRow(code="07", parent_code=None, name="城市管理", active=True))
        session.add(CategoryRow(code="08", parent_code=None, name="供水", active=True))
        await session.flush()
        session.add(CategoryRow(code="0703", parent_code="07", name="违法建设", active=True))
        policy = TicketPolicy(pass_on_categories=frozenset({"07"}))
        session.add(
            TicketPolicyRow(
                number=1, first_day=date(2026, 1, 1), policy=policy.model_dump(mode="json"),
                note="", made_by="admin", made_at=counter.clock.now(),
            )
        )  # fmt: skip
    for category, wanted in (("07", True), ("0703", True), ("08", False), ("", False)):
        assert await passed_on(counter, await accepted(counter, category=category)) is wanted, category


async def test_what_comes_back_is_passed_on_at_once_again(counter: Counter, now: Callable[[str], None]) -> None:
    now("2026-11-17 10:00")
    people = counter.people
    ticket = await accepted(counter, True)
    now("2026-11-17 10:29")
    ticket = await counter.act(ticket, Action.DISPATCH, people.dispatcher, lead_unit=people.handler.unit_id)
    assert (await clock_of(counter, ticket, ClockKind.PASS_ON)).ended == ClockEnd.MET
    ticket = await counter.act(ticket, Action.RETURN, people.handler, note="非职责", basis="三定")
    now("2026-11-18 09:00")
    await counter.act(ticket, Action.AGREE_RETURN, people.dispatcher)
    clock = await clock_of(counter, ticket, ClockKind.PASS_ON)
    assert (clock.ended, clock.ends_at) == (None, at("2026-11-18 09:30"))
