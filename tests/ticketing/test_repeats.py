"""The same matter again after closing, month after month."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import text

from tests.ticketing.conftest import Counter
from ticketing.handling import leads
from ticketing.handling.tables import AccountabilityLeadRow
from ticketing.handling.words import AccountabilityGround, LeadState
from ticketing.models import TicketRow
from ticketing.relations import repeats
from ticketing.relations.errors import AlreadyLinked, NotEarlier, StillOpen
from ticketing.relations.repeats import longest_run
from ticketing.schemas import Ticket
from ticketing.vocabulary import Action

OCTOBER, NOVEMBER, DECEMBER, JANUARY, FEBRUARY, MARCH = (
    date(2026, 10, 1),
    date(2026, 11, 1),
    date(2026, 12, 1),
    date(2027, 1, 1),
    date(2027, 2, 1),
    date(2027, 3, 1),
)


def go_to(counter: Counter, *moment: int) -> None:
    """To a moment of UTC."""
    year, month, day, hour, minute = (*moment, 0, 0)[:5]
    moment_of_utc = datetime(year, month, day, hour, minute, tzinfo=UTC)
    counter.clock.advance((moment_of_utc - counter.clock.now()).total_seconds())


async def complained(counter: Counter, kind: str = "complaint") -> Ticket:
    """Taken down, answered and closed."""
    ticket = await counter.register("夜间施工噪声", type=kind)
    async with counter.database.transaction() as session:
        return await counter.desk.answer_directly(
            session, ticket.number, "已责令停工", counter.people.agent, version=ticket.version
        )


async def link(counter: Counter, ticket: Ticket, earlier: Ticket) -> AccountabilityLeadRow | None:
    async with counter.database.transaction() as session:
        return await repeats.link(
            session, ticket.number, earlier.number, note="同一事项", by="1001", at=counter.clock.now()
        )


async def raised(counter: Counter) -> list[AccountabilityLeadRow]:
    async with counter.database.transaction() as session:
        return list(await leads.newest(session))[::-1]


@pytest.mark.parametrize(
    ("months", "month", "run"),
    [
        ([NOVEMBER, DECEMBER], JANUARY, (NOVEMBER, JANUARY)),
        ([NOVEMBER, JANUARY], JANUARY, (JANUARY, JANUARY)),
        ([NOVEMBER, JANUARY, FEBRUARY], DECEMBER, (NOVEMBER, FEBRUARY)),
        ([], MARCH, (MARCH, MARCH)),
    ],
)
def test_runs_of_months(months: list[date], month: date, run: tuple[date, date]) -> None:
    assert longest_run(months, month) == run


async def test_the_third_month_in_a_row_across_a_year_end_raises_one_lead(counter: Counter) -> None:
    november = await complained(counter)
    go_to(counter, 2026, 12, 31, 15, 59)
    december = await complained(counter)
    assert await link(counter, december, november) is None
    # One minute later it is January in China, and still December in Greenwich.
    go_to(counter, 2026, 12, 31, 16, 0)
    january = await complained(counter, "report")
    lead = await link(counter, january, december)
    assert lead is not None
    async with counter.database.transaction() as session:
        numbers = [(await session.get_one(TicketRow, one)).number for one in (lead.matter_id, lead.ticket_id)]
    assert (lead.ground, numbers) == (AccountabilityGround.REPEATED_MONTHS, [november.number, january.number])
    assert (lead.first_month, lead.last_month) == (NOVEMBER, JANUARY)
    go_to(counter, 2027, 2, 10)
    assert await link(counter, await complained(counter), january) is None
    (only,) = await raised(counter)
    assert (only.id, only.first_month, only.last_month) == (lead.id, NOVEMBER, FEBRUARY)
    async with counter.database.transaction() as session:
        (kept,) = await leads.newest(session)
    assert (kept.ground, kept.state, kept.raised_by) == (
        AccountabilityGround.REPEATED_MONTHS,
        LeadState.RAISED,
        "system",
    )


async def test_three_times_in_one_month_or_with_a_month_between_is_none(counter: Counter) -> None:
    first, second = await complained(counter), await complained(counter)
    third = await complained(counter)
    assert [await link(counter, second, first), await link(counter, third, second)] == [None, None]
    go_to(counter, 2027, 1, 15)
    later = await complained(counter)
    go_to(counter, 2027, 2, 15)
    last = await complained(counter)
    assert [await link(counter, later, third), await link(counter, last, later)] == [None, None]
    assert await raised(counter) == []


async def test_a_question_is_no_complaint(counter: Counter) -> None:
    november = await complained(counter)
    go_to(counter, 2026, 12, 15)
    december = await complained(counter, "consult")
    go_to(counter, 2027, 1, 15)
    january = await complained(counter)
    assert [await link(counter, december, november), await link(counter, january, december)] == [None, None]
    assert await raised(counter) == []


async def test_the_month_that_was_missing_joins_two_ends(counter: Counter) -> None:
    november = await complained(counter)
    go_to(counter, 2026, 12, 15)
    december = await complained(counter)
    go_to(counter, 2027, 1, 15)
    january = await complained(counter)
    assert await link(counter, january, november) is None
    lead = await link(counter, december, november)
    assert lead is not None
    assert (lead.first_month, lead.last_month) == (NOVEMBER, JANUARY)


async def test_what_was_merged_belongs_to_the_matter(counter: Counter) -> None:
    people = counter.people
    november = await complained(counter)
    go_to(counter, 2026, 12, 15)
    main = await counter.act(await counter.register("噪声", type="consult"), Action.ACCEPT, people.agent)
    child = await counter.act(await counter.register("噪声", type="complaint"), Action.ACCEPT, people.agent)
    await counter.merge(child, main.number, people.dispatcher)
    main = await counter.act(main, Action.DISPATCH, people.dispatcher, lead_unit=people.handler.unit_id)
    main = await counter.act(main, Action.SIGN_FOR, people.handler)
    main = await counter.act(main, Action.REPLY, people.handler, note="已处理")
    await counter.answered(main)
    main = await counter.act(main, Action.APPROVE_REPLY, people.head)
    main = await counter.act(main, Action.VISIT, people.visitor, note="满意")
    main = await counter.act(main, Action.CLOSE, people.visitor)
    assert await link(counter, main, november) is None
    go_to(counter, 2027, 1, 15)
    lead = await link(counter, await complained(counter), main)
    assert lead is not None
    assert (lead.first_month, lead.last_month) == (NOVEMBER, JANUARY)


async def test_two_links_at_once_miss_no_month(counter: Counter) -> None:
    """The second one looks when the first one has committed: neither alone would see three months."""
    november = await complained(counter)
    go_to(counter, 2026, 12, 15)
    december = await complained(counter)
    go_to(counter, 2027, 1, 15)
    january = await complained(counter)
    async with counter.database.transaction() as session:
        first = await repeats.link(
            session, december.number, november.number, note="", by="1001", at=counter.clock.now()
        )
        second = asyncio.create_task(link(counter, january, december))
        async with asyncio.timeout(20):
            while not (second.done() or await session.scalar(_SOMEBODY_WAITS)):
                await asyncio.sleep(0)
    assert first is None
    assert await second is not None
    assert len(await raised(counter)) == 1


_SOMEBODY_WAITS = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")


async def test_only_what_is_closed_and_earlier_is_repeated(counter: Counter) -> None:
    standing, closed = await counter.register("噪声"), await complained(counter)
    again = await counter.register("噪声")
    with pytest.raises(StillOpen):
        await link(counter, again, standing)
    with pytest.raises(NotEarlier):
        await link(counter, closed, again)
    with pytest.raises(NotEarlier):
        await link(counter, closed, closed)
    await link(counter, again, closed)
    with pytest.raises(AlreadyLinked):
        await link(counter, again, closed)
