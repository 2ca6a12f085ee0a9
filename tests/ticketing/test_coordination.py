"""专题协调会, 联席会议 and 首接负责: reported, called, concluded; and who answers for a matter meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from directory.models import Role
from tests.ticketing.conftest import Counter
from tests.ticketing.record_tables import is_in_the_table_or_refused_by_name
from tests.ticketing.test_clocks import at, delivered, extended, now
from ticketing import repository
from ticketing.coordination import first_unit, meetings
from ticketing.coordination.errors import ExtensionsLeft, MeetingOpen, NoMeetingReported
from ticketing.coordination.first_unit import FIRST_MOVES
from ticketing.coordination.meetings import MEETING_MOVES, MeetingReport, MeetingSaid
from ticketing.coordination.tables import FirstUnitRow, MeetingRow
from ticketing.coordination.words import FirstAction, FirstState, MeetingAction, MeetingState
from ticketing.errors import ActionNotAllowed, DetailMissing, UnitNotFound
from ticketing.handling import records
from ticketing.handling.errors import NotYourSide, RecordNotFound
from ticketing.handling.records import Said
from ticketing.handling.words import RecordKind
from ticketing.schemas import Actor, Ticket
from ticketing.vocabulary import Action

__all__ = ["now"]


@pytest.mark.parametrize("moves", [MEETING_MOVES, FIRST_MOVES], ids=lambda moves: moves.record.value)
def test_every_pair_is_in_the_table_or_refused_by_name(moves: Any) -> None:
    states, actions = ({type(pair[n]) for pair in moves.table} for n in (0, 1))
    for state in next(iter(states)):
        for action in next(iter(actions)):
            is_in_the_table_or_refused_by_name(moves, state, action)


async def report(counter: Counter, ticket: Ticket, actor: Actor, **said: Any) -> MeetingRow:
    given = {"kind": "special", "report": "两次延期后仍未解决:管网权属不清", **said}
    async with counter.database.transaction() as session:
        return await meetings.report(
            session, ticket.number, MeetingReport.model_validate(given), actor, at=counter.clock.now()
        )


async def step(
    counter: Counter, ticket: Ticket, row: MeetingRow, action: MeetingAction, actor: Actor, **said: Any
) -> MeetingRow:
    async with counter.database.transaction() as session:
        return await meetings.act(
            session,
            ticket.number,
            row.id,
            action,
            actor,
            version=row.version,
            at=counter.clock.now(),
            said=MeetingSaid.model_validate(said),
        )


async def test_a_special_meeting_follows_the_last_extension_and_the_units_own_report(
    counter: Counter, now: Callable[[str], None]
) -> None:
    now("2026-09-30 09:00")
    people = counter.people
    leader = Actor("rsj9", frozenset({Role.UNIT_LEADER}), people.handler.unit_id)
    ticket = await extended(counter, await delivered(counter), signed=False)
    with pytest.raises(ExtensionsLeft):
        await report(counter, ticket, leader)
    now("2026-10-15 09:00")
    ticket = await extended(counter, ticket, signed=True)
    with pytest.raises(NoMeetingReported):
        await counter.act(ticket, Action.MEET, people.dispatcher, note="x", convener="分管副市长")
    with pytest.raises(ActionNotAllowed):
        await report(counter, ticket, people.dispatcher)
    row = await report(counter, ticket, leader)
    with pytest.raises(MeetingOpen):
        await report(counter, ticket, leader)
    with pytest.raises(DetailMissing, match="held_at"):
        await step(counter, ticket, row, MeetingAction.CONVENE, people.dispatcher, convener="分管副市长")
    row = await step(
        counter, ticket, row, MeetingAction.CONVENE, people.dispatcher,
        convener="分管副市长", held_at=at("2026-10-20 15:00"), units=[people.other_handler.unit_id],
    )  # fmt: skip
    now("2026-10-20 17:00")
    ticket = await counter.act(
        ticket, Action.MEET, people.dispatcher, note="由市城管局配合,限十月底前办结", convener="常务副市长"
    )
    async with counter.database.transaction() as session:
        kept = await session.get_one(MeetingRow, row.id)
        steps = await records.steps(session, RecordKind.MEETING, row.id)
    assert (kept.state, kept.report, kept.convener, kept.outcome, kept.units, kept.concluded_at) == (
        "concluded",
        "两次延期后仍未解决:管网权属不清",
        "常务副市长",
        "由市城管局配合,限十月底前办结",
        [people.other_handler.unit_id],
        at("2026-10-20 17:00"),
    )
    assert [one.action for one in steps] == ["convene", "conclude"]


async def test_a_joint_meeting_is_the_centres_and_of_two_units_or_more(counter: Counter) -> None:
    people = counter.people
    ticket = await counter.handling()
    both = [people.handler.unit_id, people.other_handler.unit_id]
    with pytest.raises(ActionNotAllowed):
        await report(counter, ticket, people.handler, kind="joint", units=both)
    with pytest.raises(DetailMissing):
        await report(counter, ticket, people.dispatcher, kind="joint", units=both[:1])
    with pytest.raises(UnitNotFound):
        await report(counter, ticket, people.dispatcher, kind="joint", units=[both[0], 2**40])
    row = await report(counter, ticket, people.dispatcher, kind="joint", units=both)
    assert (row.unit_id, row.units) == (None, both)
    row = await step(counter, ticket, row, MeetingAction.CANCEL, people.dispatcher, note="已协商一致")
    assert row.state == MeetingState.CANCELLED
    row = await report(counter, ticket, people.dispatcher, kind="joint", units=both)
    row = await step(
        counter, ticket, row, MeetingAction.CONCLUDE, people.supervisor, note="市人社局主办", convener="市政数局局长"
    )
    assert (row.state, row.outcome) == (MeetingState.CONCLUDED, "市人社局主办")


async def first(counter: Counter, ticket: Ticket) -> FirstUnitRow:
    async with counter.database.transaction() as session:
        row = await first_unit.of(session, (await repository.row(session, ticket.number)).id)
    assert row is not None
    return row


async def test_the_unit_that_had_it_first_answers_until_another_signs_for_it(counter: Counter) -> None:
    people = counter.people
    ticket = await counter.handling()
    row = await first(counter, ticket)
    assert (row.unit_id, row.state, row.since) == (people.handler.unit_id, "held", counter.clock.now())
    ticket = await counter.act(ticket, Action.RETURN, people.handler, note="非我单位职责", basis="三定规定")
    ticket = await counter.act(ticket, Action.AGREE_RETURN, people.dispatcher)
    assert (await first(counter, ticket)).state == FirstState.HELD
    async with counter.database.transaction() as session:
        with pytest.raises(NotYourSide):
            await first_unit.act(
                session,
                ticket.number,
                FirstAction.FOLLOW_UP,
                people.other_handler,
                version=row.version,
                at=counter.clock.now(),
                said=Said(note="x"),
            )
        followed = await first_unit.act(
            session,
            ticket.number,
            FirstAction.FOLLOW_UP,
            people.handler,
            version=row.version,
            at=counter.clock.now(),
            said=Said(note="已与市城管局衔接"),
        )
        assert (followed.state, followed.until) == (FirstState.HELD, None)
        assert people.handler.unit_id is not None
        assert [one.number for _, one in await first_unit.held_by(session, people.handler.unit_id)] == [ticket.number]
        with pytest.raises(RecordNotFound):
            await first_unit.act(
                session, ticket.number, FirstAction.HAND_ON, people.handler,
                version=followed.version, at=counter.clock.now(), said=Said(),
            )  # fmt: skip
    other = people.other_handler
    ticket = await counter.act(ticket, Action.DISPATCH, people.dispatcher, lead_unit=other.unit_id)
    assert (await first(counter, ticket)).state == FirstState.HELD, "a dispatch alone relieves nobody"
    await counter.act(ticket, Action.SIGN_FOR, other)
    row = await first(counter, ticket)
    assert (row.state, row.unit_id, row.handed_to) == (FirstState.HANDED_ON, people.handler.unit_id, other.unit_id)


async def test_a_ticket_that_is_closed_or_taken_back_relieves_the_unit(counter: Counter) -> None:
    people = counter.people
    closed = await counter.replied(await counter.handling())
    closed = await counter.act(closed, Action.VISIT, people.visitor, note="满意", satisfaction="satisfied")
    await counter.act(closed, Action.CLOSE, people.visitor)
    assert (await first(counter, closed)).state == FirstState.FULFILLED
    recalled = await counter.act(await counter.handling(), Action.RECALL, people.dispatcher, note="举报对象")
    row = await first(counter, recalled)
    assert (row.state, row.until) == (FirstState.RELEASED, counter.clock.now())
