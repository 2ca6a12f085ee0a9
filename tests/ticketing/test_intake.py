"""受理: numbers, direct answers, links to calls, corrections."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Role
from directory.numbers import InvalidNumber
from hotline.database import Database
from hotline.errors import Conflict
from tests.ticketing.conftest import Counter
from ticketing import repository
from ticketing.errors import ActionNotAllowed, ActionNotPossible, CallAlreadyLinked, DetailMissing, StaleTicket
from ticketing.intake import IntakeDesk
from ticketing.models import TicketCounterRow
from ticketing.repository import Filters
from ticketing.schemas import Actor, Changes, Intake
from ticketing.vocabulary import Action, State, TicketType

CALL = "ast1-1763761000.12"


async def test_a_number_has_the_site_the_local_day_and_a_serial(counter: Counter) -> None:
    first, second = await counter.register(), await counter.register()
    assert (first.number, second.number) == ("SMX20261121000001", "SMX20261121000002")
    assert (first.state, first.version, first.registered_by) == (State.REGISTERED, 1, "1001")


async def test_the_day_turns_at_midnight_in_china_not_in_greenwich(counter: Counter) -> None:
    counter.clock.advance((datetime(2026, 11, 21, 15, 59, 59, tzinfo=UTC) - counter.clock.now()).total_seconds())
    assert (await counter.register()).number == "SMX20261121000001"
    counter.clock.advance(1)
    assert (await counter.register()).number == "SMX20261122000001"


async def test_fifty_at_once_get_fifty_numbers(counter: Counter) -> None:
    tickets = await asyncio.gather(*(counter.register() for _ in range(50)))
    assert sorted(int(ticket.number[-6:]) for ticket in tickets) == list(range(1, 51))


async def _last_plus_one(session: AsyncSession, site: str, day: date) -> int:
    """Numbering as it must not be: read, then write."""
    statement = select(TicketCounterRow.last).where(TicketCounterRow.site == site, TicketCounterRow.day == day)
    last = (await session.execute(statement)).scalar_one_or_none() or 0
    await session.execute(
        text(
            "INSERT INTO ticket_counter VALUES (:site, :day, :next) ON CONFLICT (site, day) DO UPDATE SET last = :next"
        ),
        {"site": site, "day": day, "next": last + 1},
    )
    return last + 1


async def test_mutant_a_counter_that_is_read_then_written_repeats_numbers(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "next_of_day", _last_plus_one)
    outcomes = await asyncio.gather(*(counter.register() for _ in range(50)), return_exceptions=True)
    assert any(isinstance(outcome, Exception) for outcome in outcomes), "the database's unique number is the last lock"


async def test_a_refused_registration_gives_its_number_to_nobody_else_by_mistake(
    database: Database, counter: Counter
) -> None:
    async def fails_after_the_number_was_taken() -> None:
        async with database.transaction() as session:
            await counter.desk.register(session, Intake(title="x"), counter.people.agent)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fails_after_the_number_was_taken()
    assert (await counter.register()).number == "SMX20261121000001"


async def test_what_can_be_answered_is_answered_and_closed_in_one_go(counter: Counter) -> None:
    ticket = await counter.register(type="consult", call=CALL)
    async with counter.database.transaction() as session:
        closed = await counter.desk.answer_directly(
            session, ticket.number, "带身份证到就近网点补办", counter.people.agent, version=ticket.version
        )
    assert (closed.state, closed.version) == (State.CLOSED, 3)
    async with counter.database.transaction() as session:
        file = await repository.file(session, ticket.number)
    assert [entry.action for entry in file.history] == [Action.REGISTER, Action.ANSWER, Action.CLOSE]
    assert file.history[1].note == "带身份证到就近网点补办"
    assert file.calls == (CALL,)


async def test_a_direct_answer_without_words_leaves_the_ticket_as_it_was(counter: Counter) -> None:
    ticket = await counter.register()
    with pytest.raises(DetailMissing):
        async with counter.database.transaction() as session:
            await counter.desk.answer_directly(session, ticket.number, "  ", counter.people.agent, version=1)
    async with counter.database.transaction() as session:
        assert (await repository.file(session, ticket.number)).ticket == ticket


async def test_a_registered_ticket_is_corrected_and_the_history_says_which_fields(counter: Counter) -> None:
    ticket = await counter.register(caller_number="13812345678")
    async with counter.database.transaction() as session:
        amended = await counter.desk.amend(
            session,
            ticket.number,
            Changes(type=TicketType.COMPLAINT, address="湖滨区黄河路", caller_number="0398-2812345"),
            counter.people.agent,
            version=1,
        )
    assert (amended.type, amended.address, amended.version) == (TicketType.COMPLAINT, "湖滨区黄河路", 2)
    assert (amended.title, amended.caller_number) == (ticket.title, "+863982812345")
    async with counter.database.transaction() as session:
        file = await repository.file(session, ticket.number)
        with pytest.raises(StaleTicket):
            await counter.desk.amend(session, ticket.number, Changes(title="y"), counter.people.agent, version=1)
        with pytest.raises(DetailMissing):
            await counter.desk.amend(session, ticket.number, Changes(), counter.people.agent, version=2)
    assert file.history[1].details == {"changed": ["address", "caller_number", "type"]}
    accepted = await counter.act(amended, Action.ACCEPT, counter.people.agent)
    with pytest.raises(ActionNotPossible):
        async with counter.database.transaction() as session:
            await counter.desk.amend(
                session, ticket.number, Changes(title="y"), counter.people.agent, version=accepted.version
            )


async def test_a_call_is_linked_once_to_a_ticket_but_a_ticket_may_have_many(counter: Counter) -> None:
    ticket, other = await counter.register(call=CALL), await counter.register(call=CALL)
    async with counter.database.transaction() as session:
        with pytest.raises(CallAlreadyLinked):
            await counter.desk.link_call(session, ticket.number, CALL, counter.people.agent)
        await counter.desk.link_call(session, ticket.number, "ast1-1763761000.13", counter.people.visitor)
    async with counter.database.transaction() as session:
        assert len((await repository.file(session, ticket.number)).calls) == 2
        page, _ = await repository.newest(session, Filters(call=CALL))
    assert {found.number for found in page} == {ticket.number, other.number}


async def test_a_repeated_request_makes_no_second_ticket_even_at_once(counter: Counter) -> None:
    tickets = await asyncio.gather(*(counter.register(request_key="press-000001") for _ in range(5)))
    assert len({ticket.number for ticket in tickets}) == 1
    with pytest.raises(Conflict):
        async with counter.database.transaction() as session:
            await counter.desk.register(
                session, Intake(title="x", request_key="press-000001"), Actor("1002", frozenset({Role.AGENT}))
            )


async def test_only_people_at_the_desk_register(counter: Counter) -> None:
    async with counter.database.transaction() as session:
        with pytest.raises(ActionNotAllowed):
            await counter.desk.register(session, Intake(title="x"), counter.people.handler)


async def test_the_callers_open_tickets_are_found_however_the_number_was_written(counter: Counter) -> None:
    first = await counter.register(caller_number="138 1234 5678")
    closed = await counter.register(caller_number="+8613812345678")
    await counter.register(caller_number="13900000000")
    await counter.register()
    async with counter.database.transaction() as session:
        await counter.desk.answer_directly(session, closed.number, "已答", counter.people.agent, version=1)
    async with counter.database.transaction() as session:
        found = await repository.open_tickets_of(session, "+8613812345678")
        nobody = await repository.open_tickets_of(session, "")
    assert [ticket.number for ticket in found] == [first.number]
    assert nobody == []


async def test_a_list_goes_on_from_its_cursor_and_ends(counter: Counter) -> None:
    for _ in range(5):
        await counter.register()
    seen: list[str] = []
    before: int | None = None
    while True:
        async with counter.database.transaction() as session:
            page, before = await repository.newest(session, Filters(registered_by="1001"), before=before, limit=2)
        seen += [ticket.number for ticket in page]
        if before is None:
            break
    assert seen == [f"SMX2026112100000{n}" for n in (5, 4, 3, 2, 1)]


async def test_a_caller_number_that_is_none_is_refused(desk: IntakeDesk, counter: Counter) -> None:
    with pytest.raises(InvalidNumber):
        await counter.register(caller_number="not a number")


@pytest.mark.parametrize(
    "fields",
    [
        {"title": ""},
        {"title": " "},
        {"title": "x" * 201},
        {"title": "a\x00b"},
        {"title": "x", "content": "\x1b[2J"},
        {"title": "x", "call": "not-a-call"},
        {"title": "x", "type": "表扬"},
        {"title": "x", "area_code": "12"},
        {"title": "x", "state": "archived"},
    ],
)
def test_a_demand_of_the_wrong_form_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Intake.model_validate(fields)
