"""回访: due for each reply, written down with what the citizen said, given up only by the rule; closed by TH 19."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from directory.models import Role
from tests.ticketing.conftest import Counter
from tests.ticketing.record_tables import is_in_the_table_or_refused_by_name
from tests.ticketing.test_clocks import now
from ticketing import repository
from ticketing.errors import ActionNotAllowed, DetailMissing, DetailUnexpected
from ticketing.handling.errors import NotYourSide, StaleRecord
from ticketing.refusals import refusing
from ticketing.schemas import Actor, Ticket
from ticketing.visits import findings, visiting
from ticketing.visits.errors import FindingStands, NotDissatisfied, NotToClose, NotToldBySms, NotTriedEnough
from ticketing.visits.findings import FINDING_MOVES, FindingSaid
from ticketing.visits.tables import ComplianceFindingRow, VisitRow
from ticketing.visits.visiting import VISIT_MOVES
from ticketing.visits.words import AttemptWay, FindingAction, FindingState, VisitAction, VisitState
from ticketing.vocabulary import Action, State, Told

__all__ = ["now"]

AUDITOR = Actor("sj1", frozenset({Role.AUDITOR}))


async def visits(counter: Counter, ticket: Ticket) -> list[VisitRow]:
    async with counter.database.transaction() as session:
        return list(await visiting.of(session, (await repository.row(session, ticket.number)).id))


async def visited(counter: Counter, ticket: Ticket | None = None, **said: object) -> Ticket:
    ticket = ticket or await counter.replied(await counter.handling())
    return await counter.act(ticket, Action.VISIT, counter.people.visitor, note="回访", **said)


async def tried(counter: Counter, ticket: Ticket, occasion: str) -> None:
    async with counter.database.transaction() as session:
        await visiting.attempted(
            session, ticket.number, AttemptWay.PHONE, occasion=occasion, by="3001", at=counter.clock.now()
        )


async def ask(counter: Counter, ticket: Ticket, actor: Actor | None = None) -> ComplianceFindingRow:
    async with counter.database.transaction() as session:
        return await findings.ask(
            session, ticket.number, "要求超出政策标准", actor or counter.people.visitor, at=counter.clock.now()
        )


async def find(
    counter: Counter, ticket: Ticket, row: ComplianceFindingRow, action: FindingAction, actor: Actor = AUDITOR
) -> str:
    async with counter.database.transaction() as session:
        moved = await findings.act(
            session,
            ticket.number,
            row.id,
            action,
            actor,
            version=row.version,
            at=counter.clock.now(),
            said=FindingSaid(note="答复符合规定", basis="《社会保险法》第五十八条"),
        )
        return moved.state


@pytest.mark.parametrize("state", VisitState)
@pytest.mark.parametrize("action", VisitAction)
def test_every_pair_of_a_visit_is_in_the_table_or_refused_by_name(state: VisitState, action: VisitAction) -> None:
    is_in_the_table_or_refused_by_name(VISIT_MOVES, state, action)


@pytest.mark.parametrize("state", FindingState)
@pytest.mark.parametrize("action", FindingAction)
def test_every_pair_of_a_finding_is_in_the_table_or_refused_by_name(state: FindingState, action: FindingAction) -> None:
    is_in_the_table_or_refused_by_name(FINDING_MOVES, state, action)


async def test_each_reply_makes_one_visit_due_and_each_handling_has_its_own(counter: Counter) -> None:
    people = counter.people
    ticket = await counter.handling()
    assert await visits(counter, ticket) == []
    ticket = await counter.replied(ticket)
    (due,) = await visits(counter, ticket)
    assert (due.state, due.cycle, due.unit_id, due.due_since) == (
        "due", 0, people.handler.unit_id, counter.clock.now(),
    )  # fmt: skip
    async with counter.database.transaction() as session:
        assert [number for _, number, _ in await visiting.due(session, limit=10)] == [ticket.number]
    ticket = await visited(counter, ticket, satisfaction="dissatisfied", contacted=True, solved=False)
    ticket = await counter.act(ticket, Action.REHANDLE, people.visitor, note="未解决,重办")
    ticket = await counter.act(ticket, Action.DISPATCH, people.dispatcher, lead_unit=people.handler.unit_id)
    ticket = await counter.replied(await counter.act(ticket, Action.SIGN_FOR, people.handler))
    first, second = await visits(counter, ticket)
    assert (first.state, first.outcome, first.contacted, first.solved, first.satisfaction, first.visited_by) == (
        "done", "reached", True, False, "dissatisfied", "3001",
    )  # fmt: skip
    assert (second.state, second.cycle, second.satisfaction) == ("due", 1, None)


async def test_a_merged_ticket_is_visited_by_itself_for_the_unit_that_handled_it(counter: Counter) -> None:
    people = counter.people
    main = await counter.handling()
    child = await counter.act(await counter.register("水管又漏了"), Action.ACCEPT, people.agent)
    child = await counter.merge(child, main.number, people.dispatcher)
    await counter.replied(main)
    assert await visits(counter, child) == [], "nobody took the reply for it yet"
    child = await counter.act(child, Action.TAKE_REPLY, people.visitor)
    (due,) = await visits(counter, child)
    assert (due.state, due.unit_id) == ("due", people.handler.unit_id)
    assert len(await visits(counter, main)) == 1


async def test_unreachable_is_three_attempts_on_two_days_and_an_sms(
    counter: Counter, now: Callable[[str], None]
) -> None:
    now("2026-09-30 09:00")
    people = counter.people
    ticket = await counter.replied(await counter.handling())
    for occasion in ("call-out-1.1", "call-out-2.1", "call-out-2.1", "call-out-3.1"):
        await tried(counter, ticket, occasion)
    with pytest.raises(NotTriedEnough, match="3 attempts on 1 days"):
        await visited(counter, ticket, outcome="unreachable")
    now("2026-10-01 10:00")
    await tried(counter, ticket, "call-out-4.1")
    with pytest.raises(DetailUnexpected):
        await visited(counter, ticket, outcome="unreachable", satisfaction="satisfied")
    ticket = await visited(counter, ticket, outcome="unreachable")
    (row,) = await visits(counter, ticket)
    assert (row.state, row.outcome, row.satisfaction) == ("unreachable", "unreachable", None)
    with pytest.raises(NotToldBySms):
        await counter.act(ticket, Action.CLOSE, people.visitor)
    async with counter.database.transaction() as session:
        (notice,) = await refusing.notices(session, number=ticket.number)
        assert ticket.number in notice.text
        await refusing.told(session, notice.id, Told.SMS, note="回执 1", by="sms", at=counter.clock.now())
    assert (await counter.act(ticket, Action.CLOSE, people.visitor)).state is State.CLOSED


async def test_two_attempts_on_two_days_are_not_enough(counter: Counter, now: Callable[[str], None]) -> None:
    now("2026-09-30 23:59")
    ticket = await counter.replied(await counter.handling())
    await tried(counter, ticket, "call-out-1.1")
    now("2026-10-01 00:00")
    await tried(counter, ticket, "call-out-2.1")
    with pytest.raises(NotTriedEnough, match="2 attempts on 2 days"):
        await visited(counter, ticket, outcome="unreachable")


@pytest.mark.parametrize("said", ["very_satisfied", "satisfied", "fairly_satisfied"])
async def test_satisfied_or_fairly_satisfied_closes(counter: Counter, said: str) -> None:
    ticket = await visited(counter, satisfaction=said)
    assert (await counter.act(ticket, Action.CLOSE, counter.people.visitor)).state is State.CLOSED


async def test_dissatisfied_is_handled_again_or_found_to_comply_by_an_auditor(counter: Counter) -> None:
    people = counter.people
    ticket = await visited(counter, satisfaction="very_dissatisfied")
    with pytest.raises(NotToClose):
        await counter.act(ticket, Action.CLOSE, people.visitor)
    with pytest.raises(ActionNotAllowed):
        await ask(counter, ticket, people.handler)
    row = await ask(counter, ticket)
    with pytest.raises(FindingStands):
        await ask(counter, ticket)
    with pytest.raises(NotToClose):
        await counter.act(ticket, Action.CLOSE, people.visitor)
    with pytest.raises(ActionNotAllowed):
        await find(counter, ticket, row, FindingAction.FIND_COMPLIANT, people.supervisor)
    both = Actor(people.visitor.user, frozenset({Role.AUDITOR}))
    with pytest.raises(NotYourSide):
        await find(counter, ticket, row, FindingAction.FIND_COMPLIANT, both)
    async with counter.database.transaction() as session:
        assert [(one.id, number) for one, number in await findings.waiting(session)] == [(row.id, ticket.number)]
        with pytest.raises(DetailMissing, match="basis"):
            await findings.act(
                session,
                ticket.number,
                row.id,
                FindingAction.FIND_COMPLIANT,
                AUDITOR,
                version=1,
                at=counter.clock.now(),
                said=FindingSaid(note="x"),
            )
    assert await find(counter, ticket, row, FindingAction.FIND_COMPLIANT) == FindingState.COMPLIANT
    with pytest.raises(StaleRecord):
        await find(counter, ticket, row, FindingAction.FIND_NOT_COMPLIANT)
    assert (await counter.act(ticket, Action.CLOSE, people.visitor)).state is State.CLOSED


async def test_a_reply_that_does_not_comply_is_handled_again_and_asked_for_anew(counter: Counter) -> None:
    people = counter.people
    ticket = await visited(counter, satisfaction="dissatisfied")
    row = await ask(counter, ticket)
    assert await find(counter, ticket, row, FindingAction.FIND_NOT_COMPLIANT) == FindingState.NOT_COMPLIANT
    with pytest.raises(NotToClose):
        await counter.act(ticket, Action.CLOSE, people.visitor)
    ticket = await counter.act(ticket, Action.REHANDLE, people.visitor, note="依认定重办")
    ticket = await counter.act(ticket, Action.DISPATCH, people.dispatcher, lead_unit=people.handler.unit_id)
    ticket = await counter.replied(await counter.act(ticket, Action.SIGN_FOR, people.handler))
    ticket = await visited(counter, ticket, satisfaction="dissatisfied")
    with pytest.raises(NotToClose):
        await counter.act(ticket, Action.CLOSE, people.visitor)
    assert (await ask(counter, ticket)).cycle == 1


async def test_what_the_citizen_says_last_of_a_handling_counts(counter: Counter) -> None:
    people = counter.people
    ticket = await visited(counter, satisfaction="dissatisfied")
    ticket = await counter.act(ticket, Action.EVALUATE, people.agent, satisfaction="satisfied", solved=True)
    (row,) = await visits(counter, ticket)
    assert (row.satisfaction, row.solved, row.outcome) == ("satisfied", True, "reached")
    with pytest.raises(NotDissatisfied):
        await ask(counter, ticket)
    assert (await counter.act(ticket, Action.CLOSE, people.visitor)).state is State.CLOSED


async def test_an_evaluation_before_the_visit_leaves_the_visit_due(counter: Counter) -> None:
    ticket = await counter.replied(await counter.handling())
    ticket = await counter.act(ticket, Action.EVALUATE, counter.people.agent, satisfaction="dissatisfied")
    (row,) = await visits(counter, ticket)
    assert (row.state, row.satisfaction, row.outcome) == ("due", "dissatisfied", None)
    ticket = await visited(counter, ticket, outcome="declined")
    with pytest.raises(NotToClose):
        await counter.act(ticket, Action.CLOSE, counter.people.visitor)
