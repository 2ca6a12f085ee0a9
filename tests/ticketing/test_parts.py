"""Units that assist, and units that a county body hands its part down to, each with a part and a clock of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from sqlalchemy import insert, text

from directory.models import Role, Unit, UnitLevel
from tests.ticketing.conftest import Counter
from tests.ticketing.test_clocks import at, extended, now
from ticketing import clocks, repository
from ticketing.catalogue import accused
from ticketing.catalogue.errors import AccusedUnit
from ticketing.clock_tables import TicketClockRow, TicketNoticeRow
from ticketing.deadlines import Deadlines
from ticketing.errors import ActionNotAllowed, ActionNotPossible, DetailMissing, DetailUnexpected
from ticketing.handling import parts, records
from ticketing.handling.errors import (
    LeadPartFollowsTicket,
    NotYourSide,
    OverdueCauseMissing,
    RecordNotFound,
    StaleRecord,
    UnitHasPart,
    UnitNotBelow,
)
from ticketing.handling.parts import PART_MOVES, PartSaid
from ticketing.handling.words import PartAction, PartState, RecordKind
from ticketing.schemas import Actor, Assignment, Ticket
from ticketing.vocabulary import Action, ClockEnd, ClockKind, State

__all__ = ["now"]

A = PartAction


@dataclass(frozen=True)
class Shared:
    """A ticket that the unit of `handler` leads; the county of `county` assists and has `bureau` below it."""

    ticket: Ticket
    county: Actor
    bureau: Actor
    counter: Counter

    async def part(self, unit: int | None) -> Assignment:
        async with self.counter.database.transaction() as session:
            file = await repository.file(session, self.ticket.number)
        return [part for part in file.assignments if part.unit_id == unit][-1]

    async def act(self, actor: Actor, action: PartAction, of: Actor | None = None, **said: object) -> PartState:
        part = await self.part((of or actor).unit_id)
        return await self.act_on(part, actor, action, **said)

    async def act_on(self, part: Assignment, actor: Actor, action: PartAction, **said: object) -> PartState:
        async with self.counter.database.transaction() as session:
            row = await parts.act(
                session,
                self.ticket.number,
                part.id,
                action,
                actor,
                version=part.version,
                at=self.counter.clock.now(),
                said=PartSaid.model_validate(said),
            )
            return PartState(row.state)

    async def clock(self, actor: Actor, kind: ClockKind = ClockKind.HANDLING) -> TicketClockRow:
        async with self.counter.database.transaction() as session:
            row = await repository.row(session, self.ticket.number)
            found = [c for c in await clocks.of(session, row.id) if (c.unit_id, c.kind) == (actor.unit_id, kind)]
        return found[-1]


@pytest.fixture
async def shared(counter: Counter, now: Callable[[str], None]) -> Shared:
    now("2026-09-30 09:00")
    people = counter.people
    async with counter.database.transaction() as session:
        county = Unit(name="卢氏县", level=UnitLevel.COUNTY)
        session.add(county)
        await session.flush()
        bureau = Unit(name="卢氏县人社局", level=UnitLevel.COUNTY, parent_id=county.id)
        session.add(bureau)
        await session.flush()
        ids = county.id, bureau.id
    ticket = await counter.act(await counter.register(), Action.ACCEPT, people.agent)
    ticket = await counter.act(
        ticket, Action.DISPATCH, people.dispatcher, lead_unit=people.handler.unit_id, assisting_units=[ids[0]]
    )
    ticket = await counter.act(ticket, Action.SIGN_FOR, people.handler)
    handler = frozenset({Role.UNIT_HANDLER})
    return Shared(ticket, Actor("lsx1", handler, ids[0]), Actor("lsrs1", handler, ids[1]), counter)


@pytest.mark.parametrize("state", PartState)
@pytest.mark.parametrize("action", PartAction)
def test_every_pair_is_in_the_table_or_refused_by_name(state: PartState, action: PartAction) -> None:
    if (state, action) in PART_MOVES.table:
        move = PART_MOVES.of(state, action)
        assert move.roles
        assert move.needs | move.takes <= set(PartSaid.model_fields)
    else:
        with pytest.raises(ActionNotPossible, match=f"{action.term}.*{state.term}"):
            PART_MOVES.of(state, action)


async def test_an_assisting_unit_signs_replies_to_the_lead_and_is_sent_back_once(
    shared: Shared, now: Callable[[str], None]
) -> None:
    lead = shared.counter.people.handler
    assert await shared.act(shared.county, A.SIGN_FOR) is PartState.WORKING
    with pytest.raises(DetailMissing):
        await shared.act(shared.county, A.REPLY)
    assert await shared.act(shared.county, A.REPLY, note="已清理") is PartState.REPLIED
    assert (await shared.clock(shared.county)).ended == ClockEnd.MET
    assert (await shared.clock(shared.county, ClockKind.RETURN)).ended == ClockEnd.WITHDRAWN
    with pytest.raises(NotYourSide):
        await shared.act(shared.county, A.TAKE)
    assert await shared.act(lead, A.SEND_BACK, shared.county, note="缺照片") is PartState.WORKING
    again = await shared.clock(shared.county)
    assert (again.ended, again.ends_at, again.next_at is None) == (None, at("2026-10-13 24:00"), False)
    now("2026-10-14 00:00")
    with pytest.raises(OverdueCauseMissing):
        await shared.act(shared.county, A.REPLY, note="照片已补")
    await shared.act(shared.county, A.REPLY, note="照片已补", overdue_cause="own_delay")
    assert await shared.act(lead, A.TAKE, shared.county) is PartState.TAKEN
    late = await shared.clock(shared.county)
    assert (late.ended, late.overdue_cause) == (ClockEnd.LATE, "own_delay")
    part = await shared.part(shared.county.unit_id)
    async with shared.counter.database.transaction() as session:
        steps = await records.steps(session, RecordKind.PART, part.id)
    assert [step.action for step in steps] == ["sign_for", "reply", "send_back", "reply", "take"]
    assert steps[3].details == {"overdue_cause": "own_delay"}
    assert [step.version for step in steps] == [2, 3, 4, 5, 6]


async def test_a_cause_is_only_for_a_late_reply(shared: Shared) -> None:
    await shared.act(shared.county, A.SIGN_FOR)
    with pytest.raises(DetailUnexpected):
        await shared.act(shared.county, A.REPLY, note="已清理", overdue_cause="other")
    assert (await shared.part(shared.county.unit_id)).state is PartState.WORKING


async def test_a_part_is_for_its_own_unit_and_what_was_read(shared: Shared) -> None:
    people = shared.counter.people
    for stranger in (people.other_handler, people.handler, shared.bureau):
        with pytest.raises(NotYourSide):
            await shared.act(stranger, A.SIGN_FOR, shared.county)
    with pytest.raises(ActionNotAllowed):
        await shared.act(people.agent, A.SIGN_FOR, shared.county)
    with pytest.raises(LeadPartFollowsTicket):
        await shared.act(people.handler, A.REPLY, note="x")
    part = await shared.part(shared.county.unit_id)
    await shared.act(shared.county, A.SIGN_FOR)
    with pytest.raises(StaleRecord):
        await shared.act_on(part, shared.county, A.SIGN_FOR)
    other = await shared.counter.register()
    with pytest.raises(RecordNotFound):
        async with shared.counter.database.transaction() as session:
            await parts.act(
                session, other.number, part.id, A.REPLY, shared.county, version=2, at=part.delivered_at, said=PartSaid()
            )


async def test_of_two_at_once_exactly_one_wins(shared: Shared) -> None:
    await shared.act(shared.county, A.SIGN_FOR)
    part = await shared.part(shared.county.unit_id)
    outcomes = await asyncio.gather(
        shared.act_on(part, shared.county, A.REPLY, note="已清理"),
        shared.act_on(part, shared.county, A.RETURN, note="不属本县", basis="属地管理规定"),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["PartState", "StaleRecord"]


async def test_a_part_does_not_move_while_its_ticket_is_withdrawn_from_it(shared: Shared) -> None:
    """The centre agrees to the lead unit's return while the county hands down: nobody keeps a part of nothing."""
    counter, people = shared.counter, shared.counter.people
    await shared.act(shared.county, A.SIGN_FOR)
    ticket = await counter.act(shared.ticket, Action.RETURN, people.handler, note="不属我局", basis="三定方案")
    part = await shared.part(shared.county.unit_id)
    await asyncio.gather(
        counter.act(ticket, Action.AGREE_RETURN, people.dispatcher),
        shared.act_on(part, shared.county, A.HAND_DOWN, units=[shared.bureau.unit_id]),
        return_exceptions=True,
    )
    async with counter.database.transaction() as session:
        file = await repository.file(session, ticket.number)
    assert file.ticket.state is State.TO_DISPATCH
    assert [part.state for part in file.assignments if part.withdrawn_at is None] == []
    assert [clock for clock in file.clocks if clock.unit_id is not None and clock.ended is None] == []


async def test_a_notice_is_written_while_a_step_waits_for_its_clock(shared: Shared) -> None:
    """Who watches deadlines has the clock and needs the ticket, a step has the ticket and needs the clock."""
    await shared.act(shared.county, A.SIGN_FOR)
    async with shared.counter.database.transaction() as session:
        row = await repository.row(session, shared.ticket.number)
        (clock,) = await clocks.running(session, row.id, {ClockKind.HANDLING}, unit=shared.county.unit_id)
        step = asyncio.create_task(shared.act(shared.county, A.REPLY, note="已清理"))
        async with asyncio.timeout(10):
            waits = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            # In a transaction of its own each time: within one it answers the same for ever.
            while not (await shared.counter.database.ask(waits))[0][0]:
                await asyncio.sleep(0.01)
        notice = {"ticket_id": row.id, "clock_id": clock.id, "kind": "warning", "ends_at": clock.ends_at}
        await session.execute(insert(TicketNoticeRow).values(notice | {"at": shared.counter.clock.now()}))
    assert await step is PartState.REPLIED


async def test_an_assisting_unit_returns_its_part_to_the_centre(shared: Shared) -> None:
    people = shared.counter.people
    with pytest.raises(DetailMissing, match="basis"):
        await shared.act(shared.county, A.RETURN, note="不属本县")
    await shared.act(shared.county, A.RETURN, note="不属本县", basis="属地管理规定")
    with pytest.raises(NotYourSide):
        await shared.act(people.handler, A.AGREE_RETURN, shared.county)
    assert await shared.act(people.dispatcher, A.AGREE_RETURN, shared.county) is PartState.WITHDRAWN
    assert (await shared.clock(shared.county)).ended == ClockEnd.WITHDRAWN
    assert (await shared.clock(shared.county, ClockKind.RETURN)).ended == ClockEnd.MET
    assert (await shared.clock(people.handler)).ended is None, "the lead unit goes on"


async def test_a_county_hands_its_part_down_in_its_own_time(shared: Shared, now: Callable[[str], None]) -> None:
    await shared.act(shared.county, A.SIGN_FOR)
    now("2026-10-09 09:00")
    other = shared.counter.people.other_handler.unit_id
    with pytest.raises(UnitNotBelow):
        await shared.act(shared.county, A.HAND_DOWN, units=[other])
    await shared.act(shared.county, A.HAND_DOWN, units=[shared.bureau.unit_id])
    with pytest.raises(UnitHasPart):
        await shared.act(shared.county, A.HAND_DOWN, units=[shared.bureau.unit_id])
    assert (await shared.part(shared.bureau.unit_id)).parent_id == (await shared.part(shared.county.unit_id)).id
    assert (await shared.clock(shared.bureau)).ends_at == at("2026-10-13 24:00")
    await shared.act(shared.bureau, A.SIGN_FOR)
    await shared.act(shared.bureau, A.REPLY, note="已补贴到位")
    with pytest.raises(NotYourSide):
        await shared.act(shared.counter.people.handler, A.TAKE, shared.bureau)
    assert await shared.act(shared.county, A.TAKE, shared.bureau) is PartState.TAKEN


async def test_a_unit_that_did_not_sign_and_whose_return_is_refused_has_the_ticket_in_hand(
    shared: Shared, now: Callable[[str], None]
) -> None:
    counter, people = shared.counter, shared.counter.people
    ticket = await counter.act(await counter.register(), Action.ACCEPT, people.agent)
    ticket = await counter.act(ticket, Action.DISPATCH, people.dispatcher, lead_unit=shared.county.unit_id)
    ticket = await counter.act(ticket, Action.RETURN, shared.county, note="不属于本级", basis="三定方案")
    now("2026-10-09 10:00")
    led = replace(shared, ticket=await counter.act(ticket, Action.REFUSE_RETURN, people.dispatcher, note="属地管理"))
    part = await led.part(shared.county.unit_id)
    assert (part.state, part.signed_at) == (PartState.WORKING, at("2026-10-09 10:00"))
    assert await led.act(shared.county, A.HAND_DOWN, units=[shared.bureau.unit_id]) is PartState.WORKING


async def test_a_report_is_not_handed_down_to_the_unit_it_accuses(shared: Shared) -> None:
    counter, people = shared.counter, shared.counter.people
    report = await counter.act(await counter.register("举报", type="report"), Action.ACCEPT, people.agent)
    async with counter.database.transaction() as session:
        row = await repository.row(session, report.number)
        assert shared.bureau.unit_id is not None
        await accused.name(session, row, [shared.bureau.unit_id], by="1001", at=counter.clock.now())
    report = await counter.act(report, Action.DISPATCH, people.dispatcher, lead_unit=shared.county.unit_id)
    report = await counter.act(report, Action.SIGN_FOR, shared.county)
    led = Shared(report, shared.county, shared.bureau, counter)
    with pytest.raises(AccusedUnit):
        await led.act(shared.county, A.HAND_DOWN, units=[shared.bureau.unit_id])


async def test_the_calendar_and_extensions_move_a_part_handed_down_with_the_one_above(
    shared: Shared, now: Callable[[str], None]
) -> None:
    """Here the county leads: its part is handed down after one extension, and extended once more."""
    counter, people = shared.counter, shared.counter.people
    ticket = await counter.act(await counter.register(), Action.ACCEPT, people.agent)
    ticket = await counter.act(ticket, Action.DISPATCH, people.dispatcher, lead_unit=shared.county.unit_id)
    ticket = await counter.act(ticket, Action.SIGN_FOR, shared.county)
    ticket = await counter.act(ticket, Action.EXTEND, shared.county, note="需勘验")
    ticket = await counter.act(ticket, Action.GRANT_EXTENSION, people.dispatcher)
    led = Shared(ticket, shared.county, shared.bureau, counter)
    await led.act(shared.county, A.HAND_DOWN, units=[shared.bureau.unit_id])
    assert (await led.clock(shared.bureau)).ends_at == at("2026-10-20 24:00")
    await Deadlines(counter.database, counter.clock).step()
    assert (await led.clock(shared.bureau)).ends_at == at("2026-10-20 24:00"), "the calendar says the same"
    ticket = await counter.act(ticket, Action.EXTEND, shared.county, note="仍需勘验")
    leader = Actor("lsx9", frozenset({Role.UNIT_LEADER}), shared.county.unit_id)
    ticket = await counter.act(ticket, Action.SIGN_EXTENSION, leader)
    ticket = await counter.act(ticket, Action.GRANT_EXTENSION, people.dispatcher)
    assert (await led.clock(shared.bureau)).ends_at == (await led.clock(shared.county)).ends_at
    assert (await led.clock(shared.bureau)).ends_at == at("2026-10-27 24:00")


async def test_the_lead_replies_and_the_assisting_units_clock_runs_on_until_the_close(
    shared: Shared, now: Callable[[str], None]
) -> None:
    counter, people = shared.counter, shared.counter.people
    await shared.act(shared.county, A.SIGN_FOR)
    await shared.act(shared.county, A.HAND_DOWN, units=[shared.bureau.unit_id])
    ticket = await counter.replied(shared.ticket)
    assert (await shared.clock(people.handler)).ended == ClockEnd.MET
    assert (await shared.clock(shared.county)).ended is None
    now("2026-10-14 09:00")
    ticket = await counter.act(ticket, Action.VISIT, people.visitor, note="已解决", satisfaction="satisfied")
    await counter.act(ticket, Action.CLOSE, people.visitor)
    for late in (shared.county, shared.bureau):
        assert (await shared.clock(late)).ended == ClockEnd.LATE
        assert (await shared.part(late.unit_id)).state is PartState.WITHDRAWN
    assert (await shared.part(people.handler.unit_id)).state is PartState.REPLIED


async def test_a_reply_of_the_unit_above_ends_what_it_handed_down(shared: Shared) -> None:
    await shared.act(shared.county, A.SIGN_FOR)
    await shared.act(shared.county, A.HAND_DOWN, units=[shared.bureau.unit_id])
    await shared.act(shared.county, A.REPLY, note="已办")
    assert (await shared.part(shared.bureau.unit_id)).state is PartState.WITHDRAWN
    assert (await shared.clock(shared.bureau)).ended == ClockEnd.WITHDRAWN


async def test_extensions_are_still_the_lead_units_alone(shared: Shared) -> None:
    await extended(shared.counter, shared.ticket, signed=False)
    assert (await shared.clock(shared.counter.people.handler)).ends_at == at("2026-10-20 24:00")
    assert (await shared.clock(shared.county)).ends_at == at("2026-10-13 24:00")
