"""不予受理: on record with its basis, told to the citizen, counted."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta

import pytest

from tests.ticketing.conftest import Counter
from ticketing import lifecycle
from ticketing.clock_tables import TicketPolicyRow
from ticketing.errors import ActionNotAllowed, DetailMissing, NotYourUnitsTicket, StaleTicket
from ticketing.policy import LocalGround, TicketPolicy
from ticketing.refusals import refusing
from ticketing.refusals.errors import NoticeNotFound, NotToldYet, ToldAlready, UnknownGround
from ticketing.refusals.schemas import CitizenNotice, Refusal, RefusalCount, RefusalDetails
from ticketing.schemas import Actor, Ticket
from ticketing.vocabulary import Action, ClockEnd, ClockKind, RefusalGround, State, Told

PETITION = LocalGround(
    code="petition",
    term="涉访事项",
    under=RefusalGround.OTHER_PROCEDURE,
    basis="《信访工作条例》",
    guidance="请向信访部门提出",
)


async def refuse(counter: Counter, ticket: Ticket, actor: Actor | None = None, **details: object) -> Ticket:
    async with counter.database.transaction() as session:
        return await lifecycle.apply(
            session,
            ticket.number,
            Action.REFUSE,
            actor or counter.people.agent,
            version=ticket.version,
            at=counter.clock.now(),
            details=RefusalDetails.model_validate({"note": "不归我市管", "ground": "outside_city"} | details),
        )


async def on_record(counter: Counter, ticket: Ticket) -> tuple[Refusal | None, list[CitizenNotice]]:
    async with counter.database.transaction() as session:
        return (
            await refusing.of(session, ticket.number),
            list(await refusing.notices(session, number=ticket.number)),
        )


async def told(counter: Counter, notice: int) -> CitizenNotice:
    async with counter.database.transaction() as session:
        return await refusing.told(session, notice, Told.PHONE, note="", by="1001", at=counter.clock.now())


async def counts(counter: Counter) -> dict[str, int]:
    day = timedelta(days=1)
    async with counter.database.transaction() as session:
        found: list[RefusalCount] = await refusing.counts(
            session, since=counter.clock.now() - day, before=counter.clock.now() + day
        )
    return {one.local_ground or one.ground.value: one.count for one in found}


async def lay_down(counter: Counter, policy: TicketPolicy) -> None:
    async with counter.database.transaction() as session:
        session.add(
            TicketPolicyRow(
                number=1,
                first_day=date(2026, 1, 1),
                policy=policy.model_dump(mode="json"),
                note="",
                made_by="admin",
                made_at=counter.clock.now(),
            )
        )


@pytest.mark.parametrize("ground", RefusalGround)
async def test_each_of_the_seven_grounds_is_told_with_its_basis(ground: RefusalGround, counter: Counter) -> None:
    ticket = await refuse(counter, await counter.register("邻市的路灯不亮"), ground=ground, note="经核实")
    assert ticket.state is State.REFUSED
    refusal, (notice,) = await on_record(counter, ticket)
    assert refusal is not None
    assert (refusal.ground, refusal.reason, refusal.unit_id, refusal.refused_by) == (ground, "经核实", None, "1001")
    assert f"第十条第（{'一二三四五六七'[list(RefusalGround).index(ground)]}）项" in refusal.basis
    for part in (ticket.number, "邻市的路灯不亮", ground.term, "经核实", refusal.basis, refusal.guidance):
        assert part in notice.text
    assert notice.told is None
    assert (await counts(counter))[ground.value] == 1


async def test_what_is_said_better_is_told(counter: Counter) -> None:
    ticket = await refuse(counter, await counter.register(), basis="某省条例第三条", guidance="请拨打0371-12345")
    refusal, (notice,) = await on_record(counter, ticket)
    assert refusal is not None
    assert (refusal.basis, refusal.guidance) == ("某省条例第三条", "请拨打0371-12345")
    assert "请拨打0371-12345。" in notice.text


async def test_a_plain_action_leaves_the_same_record(counter: Counter) -> None:
    """Whatever way it came: there is no refusal without its notice."""
    ticket = await counter.act(
        await counter.register(), Action.REFUSE, counter.people.agent, ground="other_powers", note="军队事务"
    )
    refusal, notices = await on_record(counter, ticket)
    assert refusal is not None
    assert len(notices) == 1


async def test_a_citys_own_ground_is_counted_under_one_of_the_seven_too(counter: Counter) -> None:
    before = await counter.register()
    await lay_down(counter, TicketPolicy(refusal_grounds=(PETITION,)))
    ticket = await counter.register()
    with pytest.raises(UnknownGround):
        await refuse(counter, ticket, ground="other_procedure", local_ground="reconsideration")
    with pytest.raises(UnknownGround):
        await refuse(counter, ticket, ground="secrets", local_ground="petition")
    with pytest.raises(UnknownGround):
        # A ticket keeps the policy that it began with.
        await refuse(counter, before, ground="other_procedure", local_ground="petition")
    refusal, _ = await on_record(
        counter, await refuse(counter, ticket, ground="other_procedure", local_ground="petition")
    )
    assert refusal is not None
    assert (refusal.term, refusal.basis, refusal.guidance) == ("涉访事项", "《信访工作条例》", "请向信访部门提出")
    await refuse(counter, before, ground="other_procedure")
    found = await counts(counter)
    assert (found["other_procedure"], found["petition"], found["secrets"]) == (2, 1, 0)


def test_grounds_have_codes_of_their_own() -> None:
    for taken in ((PETITION, PETITION), (PETITION.model_copy(update={"code": "secrets"}),)):
        with pytest.raises(ValueError, match="code of its own"):
            TicketPolicy(refusal_grounds=taken)


async def test_it_is_archived_when_the_citizen_was_told_and_told_once(counter: Counter) -> None:
    ticket = await refuse(counter, await counter.register())
    with pytest.raises(NotToldYet):
        await counter.act(ticket, Action.ARCHIVE, counter.people.agent)
    _, (notice,) = await on_record(counter, ticket)
    counter.clock.advance(60)
    assert (await told(counter, notice.id)).told_at == counter.clock.now()
    with pytest.raises(ToldAlready):
        await told(counter, notice.id)
    with pytest.raises(NoticeNotFound):
        await told(counter, notice.id + 1)
    assert (await counter.act(ticket, Action.ARCHIVE, counter.people.agent)).state is State.ARCHIVED


async def test_a_ground_and_a_reason_are_needed(counter: Counter) -> None:
    ticket = await counter.register()
    for lacking in ({"ground": None}, {"note": ""}):
        with pytest.raises(DetailMissing):
            await refuse(counter, ticket, **lacking)
    assert await on_record(counter, ticket) == (None, [])


async def test_a_units_head_refuses_its_own_ticket_and_nobody_elses(counter: Counter) -> None:
    people = counter.people
    ticket = await counter.handling()
    for actor, error in (
        (people.handler, ActionNotAllowed),
        (Actor("cgj0", people.head.roles, people.other_handler.unit_id), NotYourUnitsTicket),
    ):
        with pytest.raises(error):
            await refuse(counter, ticket, actor)
    refusal, _ = await on_record(counter, await refuse(counter, ticket, people.head, ground="already_handled"))
    assert refusal is not None
    assert refusal.unit_id == people.head.unit_id
    ends = {clock.kind: clock.ended for clock in (await counter.file(ticket)).clocks}
    assert ends == {
        ClockKind.DISPATCH: ClockEnd.MET,
        ClockKind.HANDLING: ClockEnd.MET,
        ClockKind.RETURN: ClockEnd.WITHDRAWN,
    }


async def test_of_two_refusals_at_once_the_second_is_told_that_the_ticket_changed(counter: Counter) -> None:
    ticket = await counter.register("水管漏水")
    said = await asyncio.gather(*(refuse(counter, ticket) for _ in range(2)), return_exceptions=True)
    assert sorted(type(one) for one in said if isinstance(one, BaseException)) == [StaleTicket]
    refusal, notices = await on_record(counter, ticket)
    assert refusal is not None
    assert len(notices) == 1
