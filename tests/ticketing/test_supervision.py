"""督办: raised by a clock that ran out, once for each end, and by people; answered, and lifted."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from directory.models import Role
from tests.ticketing.conftest import Counter
from tests.ticketing.record_tables import is_in_the_table_or_refused_by_name
from tests.ticketing.test_clocks import at, delivered, now
from ticketing import repository
from ticketing.deadlines import Deadlines
from ticketing.errors import ActionNotAllowed, DetailMissing, DetailUnexpected, UnitNotFound
from ticketing.handling import records, supervision
from ticketing.handling.errors import DeadlinePassed, NotYourSide, OverdueCauseMissing, StaleRecord
from ticketing.handling.records import Said
from ticketing.handling.supervision import SUPERVISION_MOVES
from ticketing.handling.tables import SupervisionRow
from ticketing.handling.words import RecordKind, SupervisionAction, SupervisionState
from ticketing.schemas import Actor, SupervisionOrder, Ticket
from ticketing.vocabulary import Action

__all__ = ["now"]

A = SupervisionAction


async def all_of(counter: Counter, ticket: Ticket) -> list[SupervisionRow]:
    async with counter.database.transaction() as session:
        row = await repository.row(session, ticket.number)
        return list(await supervision.newest(session, ticket_id=row.id))


async def step(counter: Counter, row: SupervisionRow, action: SupervisionAction, actor: Actor, note: str) -> str:
    async with counter.database.transaction() as session:
        moved = await supervision.act(
            session, row.id, action, actor, version=row.version, at=counter.clock.now(), said=Said(note=note)
        )
        row.version = moved.version
        return moved.state


@pytest.mark.parametrize("state", SupervisionState)
@pytest.mark.parametrize("action", SupervisionAction)
def test_every_pair_is_in_the_table_or_refused_by_name(state: SupervisionState, action: SupervisionAction) -> None:
    is_in_the_table_or_refused_by_name(SUPERVISION_MOVES, state, action)


async def test_a_clock_that_runs_out_raises_one_for_each_of_its_ends(
    counter: Counter, now: Callable[[str], None]
) -> None:
    now("2026-09-30 09:00")
    ticket = await delivered(counter)
    ticket = await counter.act(ticket, Action.EXTEND, counter.people.handler, note="需勘验")
    deadlines, again = Deadlines(counter.database, counter.clock), Deadlines(counter.database, counter.clock)
    now("2026-10-13 23:59")
    await deadlines.step()
    assert await all_of(counter, ticket) == []
    now("2026-10-14 00:00")
    for one in (deadlines, again, deadlines):
        await one.step()
    (row,) = await all_of(counter, ticket)
    assert (row.ground, row.form, row.raised_by, row.unit_id) == (
        "overdue",
        "order",
        "system",
        counter.people.handler.unit_id,
    )
    assert (row.clock_ends_at, row.deadline) == (at("2026-10-13 24:00"), at("2026-10-15 24:00"))
    # Asked for in time and granted late: another end, and another supervision when that has passed.
    await counter.act(ticket, Action.GRANT_EXTENSION, counter.people.dispatcher)
    await deadlines.step()
    now("2026-10-21 00:00")
    await deadlines.step()
    assert [row.clock_ends_at for row in await all_of(counter, ticket)] == [
        at("2026-10-20 24:00"),
        at("2026-10-13 24:00"),
    ]


async def test_a_return_window_that_passes_is_no_fault(counter: Counter, now: Callable[[str], None]) -> None:
    now("2026-09-30 09:00")
    ticket = await delivered(counter)
    now("2026-10-10 00:00")
    await Deadlines(counter.database, counter.clock).step()
    assert await all_of(counter, ticket) == []


async def test_it_is_raised_answered_sent_back_and_lifted_by_people(counter: Counter) -> None:
    people = counter.people
    ticket = await counter.handling()
    order = {"ground": "repeated", "form": "interview", "deadline": counter.clock.now() + timedelta(days=1)}
    with pytest.raises(DetailMissing, match="supervision"):
        await counter.act(ticket, Action.SUPERVISE, people.supervisor, note="请抓紧")
    await counter.act(ticket, Action.SUPERVISE, people.supervisor, note="约谈:三次反映", supervision=order)
    (row,) = await all_of(counter, ticket)
    assert (row.unit_id, row.words, row.raised_by) == (people.handler.unit_id, "约谈:三次反映", "9001")
    with pytest.raises(NotYourSide):
        await step(counter, row, A.ANSWER, people.other_handler, "x")
    with pytest.raises(ActionNotAllowed):
        await step(counter, row, A.LIFT, people.handler, "x")
    assert await step(counter, row, A.ANSWER, people.handler, "已安排") == SupervisionState.ANSWERED
    inspector = Actor("dc1", frozenset({Role.INSPECTOR}))
    assert await step(counter, row, A.REJECT_ANSWER, inspector, "未说明时间") == SupervisionState.ISSUED
    stale = row.version - 1
    await step(counter, row, A.ANSWER, people.handler, "本周五前完成")
    row.version, newest = stale, row.version
    with pytest.raises(StaleRecord):
        await step(counter, row, A.LIFT, inspector, "x")
    row.version = newest
    assert await step(counter, row, A.LIFT, inspector, "已完成") == SupervisionState.LIFTED
    (kept,) = await all_of(counter, ticket)
    assert (kept.answer, kept.lifted_at) == ("本周五前完成", counter.clock.now())
    async with counter.database.transaction() as session:
        steps = await records.steps(session, RecordKind.SUPERVISION, row.id)
    assert [one.action for one in steps] == ["answer", "reject_answer", "answer", "lift"]


async def test_one_about_a_units_knowledge_has_no_ticket(counter: Counter) -> None:
    at_once = counter.clock.now()
    order = {"unit_id": counter.people.handler.unit_id, "ground": "knowledge", "form": "letter"}
    async with counter.database.transaction() as session:
        row = await supervision.issue(
            session,
            SupervisionOrder.model_validate({**order, "deadline": at_once + timedelta(days=3)}),
            "知识条目已过期",
            ticket=None,
            by=counter.people.supervisor,
            at=at_once,
        )
        assert row.ticket_id is None
        with pytest.raises(DeadlinePassed):
            await supervision.issue(
                session,
                SupervisionOrder.model_validate({**order, "deadline": at_once}),
                "x",
                ticket=None,
                by=counter.people.supervisor,
                at=at_once,
            )
        with pytest.raises(UnitNotFound):
            await supervision.issue(
                session,
                SupervisionOrder.model_validate({**order, "unit_id": 2**40, "deadline": at_once + timedelta(days=3)}),
                "x",
                ticket=None,
                by=counter.people.supervisor,
                at=at_once,
            )


async def test_a_late_report_names_its_cause_and_one_in_time_has_none(
    counter: Counter, now: Callable[[str], None]
) -> None:
    now("2026-09-30 09:00")
    early, late = await delivered(counter), await delivered(counter)
    with pytest.raises(DetailUnexpected):
        await counter.replied(early, overdue_cause="complex")
    now("2026-10-14 00:00")
    with pytest.raises(OverdueCauseMissing):
        await counter.replied(late)
