"""问责线索 and 无理重复诉求: rules raise, people decide, and never the same person twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from directory.models import Role
from tests.ticketing.conftest import Counter
from tests.ticketing.record_tables import is_in_the_table_or_refused_by_name
from tests.ticketing.test_clocks import delivered, extended, now
from ticketing import repository
from ticketing.deadlines import Deadlines
from ticketing.errors import ActionNotAllowed, DetailMissing
from ticketing.handling import leads, repeats
from ticketing.handling.errors import AlreadyDetermined, NotARepeat, NotYourSide
from ticketing.handling.leads import LEAD_MOVES, LeadSaid
from ticketing.handling.repeats import REPEAT_MOVES, Proposal, RepeatSaid
from ticketing.handling.tables import AccountabilityLeadRow, UnreasonableRepeatRow
from ticketing.handling.words import AccountabilityGround, LeadAction, LeadState, RepeatAction, RepeatState
from ticketing.models import TicketRow
from ticketing.schemas import Actor, Ticket
from ticketing.vocabulary import Action

__all__ = ["now"]

INSPECTOR = Actor("dc1", frozenset({Role.INSPECTOR}))


@pytest.mark.parametrize("state", LeadState)
@pytest.mark.parametrize("action", LeadAction)
def test_every_pair_of_a_lead_is_in_the_table_or_refused(state: LeadState, action: LeadAction) -> None:
    is_in_the_table_or_refused_by_name(LEAD_MOVES, state, action)


@pytest.mark.parametrize("state", RepeatState)
@pytest.mark.parametrize("action", RepeatAction)
def test_every_pair_of_a_repeat_is_in_the_table_or_refused(state: RepeatState, action: RepeatAction) -> None:
    is_in_the_table_or_refused_by_name(REPEAT_MOVES, state, action)


async def all_of(counter: Counter, ticket: Ticket) -> list[AccountabilityLeadRow]:
    async with counter.database.transaction() as session:
        row = await repository.row(session, ticket.number)
        return list(await leads.newest(session, ticket_id=row.id))


async def visited(counter: Counter, ticket: Ticket, said: str) -> Ticket:
    ticket = await counter.replied(ticket)
    return await counter.act(ticket, Action.VISIT, counter.people.visitor, note="回访", satisfaction=said)


async def test_the_second_dissatisfied_evaluation_is_a_lead_and_the_first_said_twice_is_none(counter: Counter) -> None:
    people = counter.people
    ticket = await visited(counter, await counter.handling(), "dissatisfied")
    ticket = await counter.act(ticket, Action.EVALUATE, people.visitor, satisfaction="very_dissatisfied")
    assert await all_of(counter, ticket) == []
    ticket = await counter.act(ticket, Action.REHANDLE, people.visitor, note="重办")
    ticket = await counter.act(ticket, Action.DISPATCH, people.dispatcher, lead_unit=people.handler.unit_id)
    ticket = await counter.act(ticket, Action.SIGN_FOR, people.handler)
    ticket = await visited(counter, ticket, "dissatisfied")
    await counter.act(ticket, Action.EVALUATE, people.visitor, satisfaction="dissatisfied")
    (lead,) = await all_of(counter, ticket)
    assert (lead.ground, lead.unit_id, lead.state, lead.raised_by) == (
        AccountabilityGround.DISSATISFIED_TWICE,
        people.handler.unit_id,
        LeadState.RAISED,
        "system",
    )


async def test_overdue_after_the_last_extension_is_a_lead_once(counter: Counter, now: Callable[[str], None]) -> None:
    now("2026-09-30 09:00")
    once = await extended(counter, await delivered(counter), signed=False)
    twice = await extended(counter, await extended(counter, await delivered(counter), signed=False), signed=True)
    deadlines = Deadlines(counter.database, counter.clock)
    now("2026-10-29 00:00")
    await deadlines.step()
    await deadlines.step()
    assert await all_of(counter, once) == []
    (lead,) = await all_of(counter, twice)
    assert (lead.ground, lead.facts) == (AccountabilityGround.SHIRKING, "已延期2次，仍超出办理时限")


async def test_a_late_receipt_is_a_lead_whether_signed_for_or_not(counter: Counter, now: Callable[[str], None]) -> None:
    now("2026-09-30 09:00")
    people = counter.people
    in_time, late, never = [
        await counter.act(
            await counter.act(await counter.register(), Action.ACCEPT, people.agent),
            Action.DISPATCH,
            people.dispatcher,
            lead_unit=people.handler.unit_id,
        )
        for _ in range(3)
    ]
    now("2026-10-08 23:59")
    await counter.act(in_time, Action.SIGN_FOR, people.handler)
    now("2026-10-09 00:00")
    await counter.act(late, Action.SIGN_FOR, people.handler)
    assert await all_of(counter, in_time) == await all_of(counter, never) == []
    assert [lead.ground for lead in await all_of(counter, late)] == [AccountabilityGround.LATE_RECEIPT]
    now("2026-10-14 00:00")
    await Deadlines(counter.database, counter.clock).step()
    await counter.act(never, Action.SIGN_FOR, people.handler)
    assert [lead.ground for lead in await all_of(counter, never)] == [AccountabilityGround.LATE_RECEIPT]


async def test_people_decide_and_not_who_raised_it(counter: Counter) -> None:
    ticket = await counter.handling()
    async with counter.database.transaction() as session:
        row = await repository.row(session, ticket.number)
        await leads.raised(
            session,
            row.id,
            counter.people.handler.unit_id,
            AccountabilityGround.LEAK,
            "诉求人称被投诉单位知悉其姓名",
            occasion="by:dc1",
            by=INSPECTOR.user,
            at=counter.clock.now(),
        )
    (lead,) = await all_of(counter, ticket)

    async def step(action: LeadAction, actor: Actor, **said: object) -> str:
        async with counter.database.transaction() as session:
            moved = await leads.act(
                session,
                lead.id,
                action,
                actor,
                version=lead.version,
                at=counter.clock.now(),
                said=LeadSaid.model_validate(said),
            )
            lead.version = moved.version
            return moved.state

    with pytest.raises(ActionNotAllowed):
        await step(LeadAction.INVESTIGATE, counter.people.supervisor)
    await step(LeadAction.INVESTIGATE, INSPECTOR)
    with pytest.raises(NotYourSide):
        await step(LeadAction.ESTABLISH, INSPECTOR, note="属实")
    second = Actor("dc2", frozenset({Role.INSPECTOR}))
    assert await step(LeadAction.ESTABLISH, second, note="属实") == LeadState.ESTABLISHED
    with pytest.raises(DetailMissing, match="to"):
        await step(LeadAction.HAND_OVER, second, note="涉嫌职务违法")
    assert await step(LeadAction.HAND_OVER, second, note="涉嫌职务违法", to="supervisory") == LeadState.HANDED_OVER
    (kept,) = await all_of(counter, ticket)
    assert kept.handed_to == "supervisory"


async def test_an_unreasonable_repeat_is_approved_by_another_person_and_told(counter: Counter) -> None:
    people, caller = counter.people, "13812345678"
    settled = await counter.register(caller_number=caller)
    async with counter.database.transaction() as session:
        await counter.desk.answer_directly(session, settled.number, "已答复", people.agent, version=1)
    stranger, ticket = await counter.register(), await counter.register(caller_number=caller)

    async def propose(*earlier: Ticket, by: Actor = people.supervisor) -> UnreasonableRepeatRow:
        proposal = Proposal(facts="同一事实和理由第五次反映", earlier=tuple(one.number for one in earlier))
        async with counter.database.transaction() as session:
            return await repeats.propose(session, ticket.number, proposal, by, at=counter.clock.now())

    for wrong in (stranger, ticket):
        with pytest.raises(NotARepeat):
            await propose(settled, wrong)
    with pytest.raises(ActionNotAllowed):
        await propose(settled, by=people.handler)
    row = await propose(settled)
    with pytest.raises(AlreadyDetermined):
        await propose(settled)

    async def step(action: RepeatAction, actor: Actor, **said: object) -> None:
        async with counter.database.transaction() as session:
            moved = await repeats.act(
                session,
                ticket.number,
                row.id,
                action,
                actor,
                version=row.version,
                at=counter.clock.now(),
                said=RepeatSaid.model_validate(said),
            )
            row.version = moved.version

    async def excluded() -> list[str]:
        async with counter.database.transaction() as session:
            return list(await session.scalars(select(TicketRow.number).where(repeats.excluded(TicketRow.id))))

    with pytest.raises(NotYourSide):
        await step(RepeatAction.APPROVE, people.supervisor, note="同意")
    await step(RepeatAction.APPROVE, Actor("9002", frozenset({Role.SUPERVISOR})), note="同意")
    assert await excluded() == [], "the citizen has to be told first"
    with pytest.raises(DetailMissing, match="way"):
        await step(RepeatAction.NOTIFY, people.agent, note="已告知")
    await step(RepeatAction.NOTIFY, people.agent, note="已告知不再受理及理由", way="phone")
    assert await excluded() == [ticket.number]
    await step(RepeatAction.REVOKE, people.supervisor, note="出现新事实")
    assert await excluded() == []
    await propose(settled)
