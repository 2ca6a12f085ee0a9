"""承办单位工作台: who works on a part, and which boxes it lies in on its way."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from directory.models import Role, Unit
from directory.passwords import Passwords
from directory.users import NewUser, add_user
from tests.ticketing.conftest import Counter
from tests.ticketing.record_tables import is_in_the_table_or_refused_by_name
from tests.ticketing.test_clocks import now
from ticketing import repository
from ticketing.deadlines import Deadlines
from ticketing.errors import ActionNotAllowed, DetailMissing, NotYourUnitsTicket
from ticketing.handling import parts
from ticketing.handling.errors import NotYourSide
from ticketing.handling.parts import PartSaid
from ticketing.handling.words import PartAction
from ticketing.schemas import Actor, Ticket
from ticketing.unit_desk import handlers, inbox
from ticketing.unit_desk.errors import AnotherHandler, HandlesAlready, NotOfTheUnit
from ticketing.unit_desk.handlers import HANDLER_MOVES, HandlerSaid
from ticketing.unit_desk.tables import HandlerRow
from ticketing.unit_desk.words import Box, HandlerAction, HandlerState
from ticketing.vocabulary import Action

__all__ = ["now"]


@pytest.fixture
async def colleagues(counter: Counter) -> Actor:
    """The people of `people` have logins; the answer is a second handler of the first unit."""
    one, two = counter.people.handler.unit_id, counter.people.other_handler.unit_id
    async with counter.database.transaction() as session:
        for login, role, unit in (
            ("rsj1", Role.UNIT_HANDLER, one),
            ("rsj2", Role.UNIT_HANDLER, one),
            ("rsj0", Role.UNIT_HEAD, one),
            ("rsj9", Role.UNIT_LEADER, one),
            ("cgj1", Role.UNIT_HANDLER, two),
        ):
            new = NewUser(login, login, frozenset({role}), unit)
            await add_user(session, new, "hotline-test-1", Passwords(), now=counter.clock.now())
    return Actor("rsj2", frozenset({Role.UNIT_HANDLER}), one)


async def part_of(counter: Counter, ticket: Ticket) -> int:
    async with counter.database.transaction() as session:
        part = await repository.lead_part(session, (await repository.row(session, ticket.number)).id)
    assert part is not None
    return part.id


async def claim(counter: Counter, ticket: Ticket, actor: Actor, person: str = "") -> HandlerRow:
    part = await part_of(counter, ticket)
    async with counter.database.transaction() as session:
        return await handlers.claim(session, ticket.number, part, actor, person=person, at=counter.clock.now())


async def step(
    counter: Counter, ticket: Ticket, row: HandlerRow, action: HandlerAction, actor: Actor, **said: str
) -> str:
    async with counter.database.transaction() as session:
        moved = await handlers.act(
            session,
            ticket.number,
            row.id,
            action,
            actor,
            version=row.version,
            at=counter.clock.now(),
            said=HandlerSaid.model_validate(said),
        )
        return moved.state


async def boxes(counter: Counter, actor: Actor | None = None) -> set[Box]:
    """Those that are not empty; each count is what the list holds."""
    person = actor or counter.people.handler
    assert person.unit_id is not None
    async with counter.database.transaction() as session:
        counted = await inbox.counts(session, person.unit_id, person, at=counter.clock.now())
        for box, count in counted.items():
            found = await inbox.entries(session, person.unit_id, box, person, at=counter.clock.now())
            assert len(found) == count, box
    return {box for box, count in counted.items() if count}


@pytest.mark.parametrize("state", HandlerState)
@pytest.mark.parametrize("action", HandlerAction)
def test_every_pair_is_in_the_table_or_refused_by_name(state: HandlerState, action: HandlerAction) -> None:
    is_in_the_table_or_refused_by_name(HANDLER_MOVES, state, action)


async def test_a_part_is_for_those_who_took_it_on_and_is_handed_over(counter: Counter, colleagues: Actor) -> None:
    people = counter.people
    ticket = await counter.handling()
    with pytest.raises(NotYourUnitsTicket):
        await claim(counter, ticket, people.other_handler)
    with pytest.raises(ActionNotAllowed):
        await claim(counter, ticket, people.handler, "rsj2")
    for nobody in ("cgj1", "rsj9", "stranger"):
        with pytest.raises(NotOfTheUnit):
            await claim(counter, ticket, people.head, nobody)
    row = await claim(counter, ticket, colleagues)
    with pytest.raises(HandlesAlready):
        await claim(counter, ticket, colleagues)
    assert Box.MINE in await boxes(counter, colleagues)
    assert Box.MINE not in await boxes(counter)
    with pytest.raises(AnotherHandler, match="rsj2"):
        await counter.act(ticket, Action.EXTEND, people.handler, note="需勘验")
    with pytest.raises(NotYourSide):
        await step(counter, ticket, row, HandlerAction.HAND_OVER, people.handler, to="rsj1", note="x")
    with pytest.raises(DetailMissing):
        await step(counter, ticket, row, HandlerAction.HAND_OVER, colleagues, to="rsj1")
    assert (
        await step(counter, ticket, row, HandlerAction.HAND_OVER, colleagues, to="rsj1", note="休假") == "handed_over"
    )
    ticket = await counter.act(ticket, Action.EXTEND, people.handler, note="需勘验")
    async with counter.database.transaction() as session:
        rows = await handlers.of(session, (await repository.row(session, ticket.number)).id)
    assert [(one.person, one.state, one.given_by) for one in rows] == [
        ("rsj2", "handed_over", "rsj2"),
        ("rsj1", "active", "rsj2"),
    ]


async def test_several_may_work_on_it_and_the_head_gives_and_takes(counter: Counter, colleagues: Actor) -> None:
    people = counter.people
    ticket = await counter.handling()
    await claim(counter, ticket, people.head, "rsj1")
    row = await claim(counter, ticket, people.head, "rsj2")
    assert (row.given_by, row.person) == ("rsj0", "rsj2")
    for one in (people.handler, colleagues):
        assert Box.MINE in await boxes(counter, one)
    assert await step(counter, ticket, row, HandlerAction.RELEASE, people.head) == HandlerState.RELEASED
    await counter.answered(ticket)
    with pytest.raises(AnotherHandler):
        await counter.act(ticket, Action.REPLY, colleagues, note="已办")
    # The head is not kept from it.
    await counter.act(ticket, Action.REPLY, people.head, note="已办")


async def test_an_assisting_units_part_has_handlers_of_its_own(counter: Counter, colleagues: Actor) -> None:
    people = counter.people
    ticket = await counter.act(await counter.register(), Action.ACCEPT, people.agent)
    ticket = await counter.act(
        ticket, Action.DISPATCH, people.dispatcher,
        lead_unit=people.other_handler.unit_id, assisting_units=[people.handler.unit_id],
    )  # fmt: skip
    (assisting,) = [part for part in (await counter.file(ticket)).assignments if part.part == "assist"]
    async with counter.database.transaction() as session:
        await handlers.claim(session, ticket.number, assisting.id, colleagues, at=counter.clock.now())
        with pytest.raises(AnotherHandler):
            await parts.act(
                session, ticket.number, assisting.id, PartAction.SIGN_FOR, people.handler,
                version=1, at=counter.clock.now(), said=PartSaid(),
            )  # fmt: skip
        await parts.act(
            session, ticket.number, assisting.id, PartAction.SIGN_FOR, colleagues,
            version=1, at=counter.clock.now(), said=PartSaid(),
        )  # fmt: skip
    assert await boxes(counter) == {Box.WORKING}
    async with counter.database.transaction() as session:
        await parts.act(
            session, ticket.number, assisting.id, PartAction.REPLY, colleagues,
            version=2, at=counter.clock.now(), said=PartSaid(note="已核查"),
        )  # fmt: skip
    assert await boxes(counter) == set(), "done"
    assert Box.TO_TAKE in await boxes(counter, people.other_handler)


async def test_a_ticket_goes_through_the_boxes_of_its_unit(counter: Counter, now: Callable[[str], None]) -> None:
    now("2026-09-30 09:00")
    people = counter.people
    ticket = await counter.act(await counter.register(), Action.ACCEPT, people.agent)
    assert await boxes(counter) == set()
    ticket = await counter.act(ticket, Action.DISPATCH, people.dispatcher, lead_unit=people.handler.unit_id)
    assert await boxes(counter) == {Box.TO_SIGN}
    assert await boxes(counter, people.other_handler) == set()
    ticket = await counter.act(ticket, Action.SIGN_FOR, people.handler)
    assert await boxes(counter) == {Box.WORKING}
    ticket = await counter.act(ticket, Action.RETURN, people.handler, note="非职责", basis="三定")
    assert await boxes(counter) == {Box.WITH_CENTRE}
    ticket = await counter.act(ticket, Action.REFUSE_RETURN, people.dispatcher, note="属于")
    assert await boxes(counter) == {Box.WORKING, Box.SENT_BACK}
    ticket = await counter.act(ticket, Action.EXTEND, people.handler, note="需勘验")
    assert await boxes(counter) == {Box.TO_SIGN_OFF, Box.WITH_CENTRE}
    ticket = await counter.act(ticket, Action.REFUSE_EXTENSION, people.dispatcher, note="理由不足")
    deadlines = Deadlines(counter.database, counter.clock)
    # Three quarters of 13 days and 15 hours from 9/30 09:00.
    now("2026-10-10 14:14")
    await deadlines.step()
    assert await boxes(counter) == {Box.WORKING, Box.SENT_BACK}
    now("2026-10-10 14:15")
    await deadlines.step()
    assert await boxes(counter) == {Box.WORKING, Box.SENT_BACK, Box.DUE_SOON}
    now("2026-10-14 00:00")
    await deadlines.step()
    assert await boxes(counter) == {Box.WORKING, Box.SENT_BACK, Box.OVERDUE, Box.SUPERVISED}
    await counter.answered(ticket)
    ticket = await counter.act(ticket, Action.REPLY, people.handler, note="已办")
    assert await boxes(counter) == {Box.TO_REVIEW, Box.OVERDUE, Box.SUPERVISED}
    ticket = await counter.act(ticket, Action.APPROVE_REPLY, people.head, overdue_cause="complex")
    assert await boxes(counter) == set()
    ticket = await counter.act(ticket, Action.VISIT, people.visitor, note="未解决", satisfaction="dissatisfied")
    ticket = await counter.act(ticket, Action.REHANDLE, people.visitor, note="重办")
    await counter.act(ticket, Action.DISPATCH, people.dispatcher, lead_unit=people.handler.unit_id)
    assert await boxes(counter) == {Box.TO_SIGN, Box.REHANDLED, Box.SUPERVISED}


async def test_a_box_goes_on_from_behind_its_last_part(counter: Counter) -> None:
    tickets = [await counter.handling() for _ in range(3)]
    unit = counter.people.handler.unit_id
    assert unit is not None
    async with counter.database.transaction() as session:
        assert isinstance(await session.get(Unit, unit), Unit)
        found: list[str] = []
        after = 0
        while page := await inbox.entries(
            session, unit, Box.WORKING, counter.people.handler, at=counter.clock.now(), after=after, limit=2
        ):
            found += [entry.ticket.number for entry in page]
            assert all(entry.due_at is not None for entry in page)
            after = page[-1].part.id
    assert found == [ticket.number for ticket in tickets]
