"""法定程序, 补充询问, 不可抗力 at literal dates (2026: off 9/25-27 and 10/1-7, work 9/20 and 10/10)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from directory import special_days
from directory.models import Role
from tests.ticketing.conftest import Counter
from tests.ticketing.record_tables import is_in_the_table_or_refused_by_name
from tests.ticketing.test_clocks import at, clock_of, delivered, extended, now
from ticketing import repository
from ticketing.clock_tables import TicketNoticeRow, TicketPolicyRow
from ticketing.deadlines import Deadlines
from ticketing.errors import ActionNotAllowed, DetailMissing, NotYourUnitsTicket
from ticketing.handling import supervision
from ticketing.handling.errors import NotYourSide, OverdueCauseMissing, RecordNotFound
from ticketing.handling.records import Said
from ticketing.policy import TicketPolicy
from ticketing.procedures import answering, force_majeure, questions, statutory
from ticketing.procedures.errors import (
    MajeureClaimed,
    NoQuestionOpen,
    NotUrgent,
    QuestionOpen,
    StatutoryStands,
    StatutoryWhen,
)
from ticketing.procedures.force_majeure import MAJEURE_MOVES
from ticketing.procedures.questions import QUESTION_MOVES, Lapsing
from ticketing.procedures.statutory import STATUTORY_MOVES, StatutoryReport, StatutorySaid
from ticketing.procedures.tables import MajeureRow, QuestionRow, StatutoryRow
from ticketing.procedures.words import MajeureAction, QuestionAction, QuestionState, StatutoryAction, StatutoryState
from ticketing.schemas import Actor, Ticket
from ticketing.vocabulary import Action, ClockKind

__all__ = ["now"]

A = StatutoryAction


@pytest.mark.parametrize("moves", [STATUTORY_MOVES, QUESTION_MOVES, MAJEURE_MOVES], ids=lambda one: one.record.value)
def test_every_pair_is_in_the_table_or_refused_by_name(moves: Any) -> None:
    states, actions = ({type(pair[n]) for pair in moves.table} for n in (0, 1))
    for state in next(iter(states)):
        for action in next(iter(actions)):
            is_in_the_table_or_refused_by_name(moves, state, action)


async def report(counter: Counter, ticket: Ticket, actor: Actor | None = None, **said: Any) -> StatutoryRow:
    given = {
        "kind": "filing",
        "basis": "《市场监督管理行政处罚程序规定》第十八条",
        "entered_on": "2026-10-09",
        "document": "三市监立〔2026〕8号",
        "ends_on": "2027-01-07",
        **said,
    }
    async with counter.database.transaction() as session:
        return await statutory.report(
            session,
            ticket.number,
            StatutoryReport.model_validate(given),
            actor or counter.people.handler,
            at=counter.clock.now(),
        )


async def step(
    counter: Counter, ticket: Ticket, row: StatutoryRow, action: StatutoryAction, actor: Actor, **said: Any
) -> StatutoryRow:
    async with counter.database.transaction() as session:
        return await statutory.act(
            session,
            ticket.number,
            row.id,
            action,
            actor,
            version=row.version,
            at=counter.clock.now(),
            said=StatutorySaid.model_validate(said),
        )


async def again(counter: Counter, ticket: Ticket) -> Ticket:
    async with counter.database.transaction() as session:
        return Ticket.model_validate(await repository.row(session, ticket.number))


async def test_a_case_is_filed_within_five_working_days_and_the_result_follows(
    counter: Counter, now: Callable[[str], None]
) -> None:
    now("2026-09-30 09:00")
    people = counter.people
    ticket = await delivered(counter)
    now("2026-10-13 23:59")
    with pytest.raises(NotYourUnitsTicket):
        await report(counter, ticket, people.other_handler)
    with pytest.raises(ActionNotAllowed):
        await report(counter, ticket, people.dispatcher)
    with pytest.raises(StatutoryWhen):
        await report(counter, ticket, entered_on="2026-09-29")
    with pytest.raises(StatutoryWhen):
        await report(counter, ticket, ends_on="2026-10-13")
    row = await report(counter, ticket)
    handling = await clock_of(counter, ticket, ClockKind.HANDLING)
    assert (handling.ended, handling.ended_at) == ("met", at("2026-10-13 23:59"))
    own = await clock_of(counter, ticket, ClockKind.STATUTORY)
    assert (own.unit_id, own.begun_at, own.ends_at, own.ended) == (
        people.handler.unit_id, at("2026-10-13 23:59"), at("2027-01-07 24:00"), None,
    )  # fmt: skip
    assert (await clock_of(counter, ticket, ClockKind.RETURN)).ended == "withdrawn"
    with pytest.raises(StatutoryStands):
        await report(counter, ticket)
    for action, said in ((Action.EXTEND, {}), (Action.RETURN, {"basis": "三定规定"})):
        with pytest.raises(StatutoryStands):
            await counter.act(ticket, action, people.handler, note="x", **said)
    row = await step(counter, ticket, row, A.ACCEPT, people.dispatcher)
    assert row.state == StatutoryState.RUNNING
    with pytest.raises(DetailMissing, match="ends_on"):
        await step(counter, ticket, row, A.PROLONG, people.dispatcher, note="第六十四条")
    with pytest.raises(StatutoryWhen):
        await step(counter, ticket, row, A.PROLONG, people.dispatcher, note="第六十四条", ends_on="2027-01-07")
    row = await step(counter, ticket, row, A.PROLONG, people.dispatcher, note="第六十四条", ends_on="2027-02-06")
    assert (await clock_of(counter, ticket, ClockKind.STATUTORY)).ends_at == at("2027-02-06 24:00")
    with pytest.raises(StatutoryStands):
        await step(counter, ticket, row, A.CONCLUDE, people.head)
    now("2027-02-01 09:00")
    ticket = await counter.replied(await again(counter, ticket))
    assert (await clock_of(counter, ticket, ClockKind.STATUTORY)).ended == "met"
    async with counter.database.transaction() as session:
        kept = await session.get_one(StatutoryRow, row.id)
    assert (kept.state, kept.ends_on) == (StatutoryState.CONCLUDED, date(2027, 2, 6))


async def test_its_clock_warns_runs_out_once_and_is_supervised(counter: Counter, now: Callable[[str], None]) -> None:
    now("2026-09-30 09:00")
    ticket = await delivered(counter)
    now("2026-10-09 09:00")
    await report(counter, ticket, ends_on="2026-10-18")
    deadlines = Deadlines(counter.database, counter.clock)
    for moment, told in (
        ("2026-10-16 08:00", []),
        ("2026-10-17 09:00", ["warning"]),
        ("2026-10-19 00:00", ["warning", "overdue"]),
    ):
        now(moment)
        await deadlines.step()
        await deadlines.step()
        clock = await clock_of(counter, ticket, ClockKind.STATUTORY)
        async with counter.database.transaction() as session:
            rows = await session.scalars(
                select(TicketNoticeRow.kind).where(TicketNoticeRow.clock_id == clock.id).order_by(TicketNoticeRow.id)
            )
            assert list(rows) == told, moment
    async with counter.database.transaction() as session:
        row = await repository.row(session, ticket.number)
        assert [one.ground for one in await supervision.newest(session, ticket_id=row.id)] == ["overdue"]
    with pytest.raises(OverdueCauseMissing):
        await counter.replied(ticket)


async def test_an_extension_does_not_prolong_the_time_to_enter(counter: Counter, now: Callable[[str], None]) -> None:
    now("2026-09-30 09:00")
    ticket = await extended(counter, await delivered(counter), signed=False)
    now("2026-10-14 00:00")
    with pytest.raises(OverdueCauseMissing):
        await report(counter, ticket)
    await report(counter, ticket, overdue_cause="procedure")
    handling = await clock_of(counter, ticket, ClockKind.HANDLING)
    assert (handling.ended, handling.ends_at, handling.overdue_cause) == ("late", at("2026-10-13 24:00"), "procedure")


async def test_one_that_is_not_accepted_was_none_and_the_limit_runs_on(
    counter: Counter, now: Callable[[str], None]
) -> None:
    now("2026-09-30 09:00")
    people = counter.people
    ticket = await extended(counter, await delivered(counter), signed=False)
    now("2026-10-09 09:00")
    row = await report(counter, ticket)
    now("2026-10-12 09:00")
    row = await step(counter, ticket, row, A.REFUSE, people.dispatcher, note="无法律依据")
    assert row.state == StatutoryState.REFUSED
    assert (await clock_of(counter, ticket, ClockKind.STATUTORY)).ended == "withdrawn"
    handling = await clock_of(counter, ticket, ClockKind.HANDLING)
    assert (handling.ended, handling.ends_at) == (None, at("2026-10-20 24:00")), "with the extension"
    now("2026-10-21 00:00")
    await Deadlines(counter.database, counter.clock).step()
    with pytest.raises(OverdueCauseMissing):
        await counter.replied(await again(counter, ticket))


async def test_it_ends_when_the_unit_no_longer_leads(counter: Counter, now: Callable[[str], None]) -> None:
    now("2026-09-30 09:00")
    ticket = await delivered(counter)
    now("2026-10-09 09:00")
    row = await report(counter, ticket)
    await counter.act(await again(counter, ticket), Action.RECALL, counter.people.dispatcher, note="误派")
    async with counter.database.transaction() as session:
        assert (await session.get_one(StatutoryRow, row.id)).state == StatutoryState.ENDED
    assert (await clock_of(counter, ticket, ClockKind.STATUTORY)).ended == "withdrawn"


async def ask(counter: Counter, ticket: Ticket, actor: Actor | None = None) -> QuestionRow:
    async with counter.database.transaction() as session:
        return await questions.ask(
            session, ticket.number, "请提供合同照片", actor or counter.people.handler, at=counter.clock.now()
        )


async def close(
    counter: Counter, ticket: Ticket, row: QuestionRow, action: QuestionAction, actor: Actor
) -> QuestionRow:
    async with counter.database.transaction() as session:
        return await questions.act(
            session,
            ticket.number,
            row.id,
            action,
            actor,
            version=row.version,
            at=counter.clock.now(),
            said=Said(note="已收到照片"),
        )


async def pausing(counter: Counter) -> None:
    """The city lets limits stand still, from tickets of 2026-09-30 on."""
    async with counter.database.transaction() as session:
        session.add(
            TicketPolicyRow(
                number=1,
                first_day=date(2026, 9, 30),
                policy=TicketPolicy(question_pauses=True).model_dump(mode="json"),
                note="",
                made_by="admin",
                made_at=counter.clock.now(),
            )
        )


async def test_a_question_stops_nothing_unless_policy_says_so(counter: Counter, now: Callable[[str], None]) -> None:
    now("2026-09-30 09:00")
    people = counter.people
    ticket = await delivered(counter)
    with pytest.raises(ActionNotAllowed):
        await ask(counter, ticket, people.dispatcher)
    row = await ask(counter, ticket)
    assert (row.pauses, row.due_at) == (False, at("2026-10-13 24:00"))
    with pytest.raises(QuestionOpen):
        await ask(counter, ticket)
    with pytest.raises(ActionNotAllowed):
        await close(counter, ticket, row, QuestionAction.ANSWER, people.handler)
    now("2026-10-09 09:00")
    row = await close(counter, ticket, row, QuestionAction.ANSWER, people.agent)
    assert (row.state, row.answer) == (QuestionState.ANSWERED, "已收到照片")
    clock = await clock_of(counter, ticket, ClockKind.HANDLING)
    assert (clock.ends_at, clock.paused_days) == (at("2026-10-13 24:00"), 0)


async def test_where_policy_says_so_the_working_days_are_given_back(
    counter: Counter, now: Callable[[str], None]
) -> None:
    now("2026-09-30 09:00")
    await pausing(counter)
    people = counter.people
    ticket = await delivered(counter)
    row = await ask(counter, ticket)
    assert row.pauses
    with pytest.raises(QuestionOpen):
        await counter.act(ticket, Action.EXTEND, people.handler, note="x")
    now("2026-10-10 18:00")
    deadlines = Deadlines(counter.database, counter.clock)
    assert await deadlines.step() == 1, "the return window alone"
    await close(counter, ticket, row, QuestionAction.ANSWER, people.agent)
    clock = await clock_of(counter, ticket, ClockKind.HANDLING)
    # 10/8, 10/9 and 10/10 have gone; five working days from 9/30 end on 10/13, three more on 10/16.
    assert (clock.paused_days, clock.paused_at, clock.ends_at) == (3, None, at("2026-10-16 24:00"))
    # The calendar is amended in the middle: 10/15 is off.
    async with counter.database.transaction() as session:
        await special_days.lay_down(session, date(2026, 10, 15), False, note="停工", now=counter.clock.now())
    await deadlines.step()
    assert (await clock_of(counter, ticket, ClockKind.HANDLING)).ends_at == at("2026-10-19 24:00"), (
        "10/17 and 10/18 are a weekend"
    )


async def test_a_question_nobody_answers_lapses_and_the_limit_runs_on_from_there(
    counter: Counter, now: Callable[[str], None]
) -> None:
    now("2026-09-30 09:00")
    await pausing(counter)
    ticket = await delivered(counter)
    row = await ask(counter, ticket)
    lapsing = Lapsing(counter.database, counter.clock)
    now("2026-10-13 23:59")
    assert await lapsing.step() == 0
    # Noticed late: the time ran from the question's own end.
    now("2026-10-15 09:00")
    assert await lapsing.step() == 1
    assert await lapsing.step() == 0
    clock = await clock_of(counter, ticket, ClockKind.HANDLING)
    assert (clock.paused_days, clock.ends_at) == (5, at("2026-10-20 24:00"))
    async with counter.database.transaction() as session:
        assert (await session.get_one(QuestionRow, row.id)).state == QuestionState.LAPSED


async def own(counter: Counter, ticket: Ticket, row: QuestionRow, words: str = "照片已上传") -> QuestionRow:
    async with counter.database.transaction() as session:
        return await answering.own(session, ticket.number, row.id, words, at=counter.clock.now())


async def test_a_citizens_own_answer_gives_back_what_one_by_telephone_does(
    counter: Counter, now: Callable[[str], None]
) -> None:
    now("2026-09-30 09:00")
    await pausing(counter)
    ticket, another = await delivered(counter), await delivered(counter)
    row = await ask(counter, ticket)
    now("2026-10-10 18:00")
    with pytest.raises(RecordNotFound):
        await own(counter, another, row)
    row = await own(counter, ticket, row)
    clock = await clock_of(counter, ticket, ClockKind.HANDLING)
    assert (row.state, row.answer) == (QuestionState.ANSWERED, "照片已上传")
    assert (clock.paused_days, clock.paused_at, clock.ends_at) == (3, None, at("2026-10-16 24:00"))
    now("2026-10-12 18:00")
    again = await own(counter, ticket, row)
    assert again.version == row.version, "the same answer once more changes nothing"
    with pytest.raises(NoQuestionOpen):
        await own(counter, ticket, row, "另一张照片")
    assert (await clock_of(counter, ticket, ClockKind.HANDLING)).paused_days == 3


async def test_an_answer_after_the_questions_days_gives_back_no_more_than_they_were(
    counter: Counter, now: Callable[[str], None]
) -> None:
    now("2026-09-30 09:00")
    await pausing(counter)
    ticket = await delivered(counter)
    row = await ask(counter, ticket)
    assert row.due_at == at("2026-10-13 24:00")
    # Nobody has noticed yet that the days have gone.
    now("2026-10-15 09:00")
    await own(counter, ticket, row)
    clock = await clock_of(counter, ticket, ClockKind.HANDLING)
    assert (clock.paused_days, clock.ends_at) == (5, at("2026-10-20 24:00"))


async def test_a_reply_ends_the_question_and_is_judged_by_the_time_used(
    counter: Counter, now: Callable[[str], None]
) -> None:
    now("2026-09-30 09:00")
    await pausing(counter)
    ticket = await delivered(counter)
    row = await ask(counter, ticket)
    now("2026-10-13 09:00")
    other = counter.people.other_handler
    with pytest.raises(NotYourSide):
        await close(counter, ticket, row, QuestionAction.WITHDRAW, other)
    ticket = await counter.replied(ticket)
    clock = await clock_of(counter, ticket, ClockKind.HANDLING)
    assert (clock.ended, clock.ends_at) == ("met", at("2026-10-20 24:00"))
    async with counter.database.transaction() as session:
        assert (await session.get_one(QuestionRow, row.id)).state == QuestionState.WITHDRAWN


async def claim(counter: Counter, ticket: Ticket) -> MajeureRow:
    async with counter.database.transaction() as session:
        return await force_majeure.claim(
            session, ticket.number, "暴雨致道路中断", counter.people.handler, at=counter.clock.now()
        )


async def judged(counter: Counter, ticket: Ticket, row: MajeureRow, action: MajeureAction, actor: Actor) -> str:
    async with counter.database.transaction() as session:
        moved = await force_majeure.act(
            session,
            ticket.number,
            row.id,
            action,
            actor,
            version=row.version,
            at=counter.clock.now(),
            said=Said(note="气象预警属实"),
        )
        return moved.state


async def test_force_majeure_puts_the_general_limit_in_place_of_the_hours(
    counter: Counter, now: Callable[[str], None]
) -> None:
    now("2026-09-30 20:00")
    people = counter.people
    ticket = await delivered(counter, urgency="urgent")
    assert (await clock_of(counter, ticket, ClockKind.HANDLING)).ends_at == at("2026-10-01 08:00")
    row = await claim(counter, ticket)
    with pytest.raises(MajeureClaimed):
        await claim(counter, ticket)
    with pytest.raises(ActionNotAllowed):
        await judged(counter, ticket, row, MajeureAction.ACKNOWLEDGE, people.head)
    now("2026-10-01 09:00")
    deadlines = Deadlines(counter.database, counter.clock)
    await deadlines.step()
    assert await judged(counter, ticket, row, MajeureAction.ACKNOWLEDGE, people.dispatcher) == "acknowledged"
    clock = await clock_of(counter, ticket, ClockKind.HANDLING)
    assert clock.ends_at == at("2026-10-13 24:00")
    # The calendar is amended: it follows as a general one, and not back to its hours.
    async with counter.database.transaction() as session:
        await special_days.lay_down(session, date(2026, 10, 12), False, note="停工", now=counter.clock.now())
    await deadlines.step()
    assert (await clock_of(counter, ticket, ClockKind.HANDLING)).ends_at == at("2026-10-14 24:00")


async def test_force_majeure_is_for_urgent_matters_and_may_be_refused(
    counter: Counter, now: Callable[[str], None]
) -> None:
    now("2026-09-30 20:00")
    with pytest.raises(NotUrgent):
        await claim(counter, await delivered(counter))
    ticket = await delivered(counter, urgency="urgent")
    row = await claim(counter, ticket)
    assert await judged(counter, ticket, row, MajeureAction.REFUSE, counter.people.dispatcher) == "refused"
    assert (await clock_of(counter, ticket, ClockKind.HANDLING)).ends_at == at("2026-10-01 08:00")
    leader = Actor("rsj9", frozenset({Role.UNIT_LEADER}), counter.people.handler.unit_id)
    with pytest.raises(ActionNotAllowed):
        async with counter.database.transaction() as session:
            await force_majeure.claim(session, ticket.number, "x", leader, at=counter.clock.now())
