"""What a ticket may do next, who may do it, and that only one of two wins."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy import true

from directory.models import Role
from tests.ticketing.conftest import Counter
from ticketing import repository
from ticketing.errors import (
    ActionNotAllowed,
    ActionNotPossible,
    DetailMissing,
    DetailUnexpected,
    NotYourUnitsTicket,
    StaleTicket,
    TicketNotFound,
    UnitNotFound,
)
from ticketing.lifecycle import TRANSITIONS, possible, rule_of
from ticketing.models import TicketRow
from ticketing.refusals.schemas import RefusalDetails
from ticketing.relations.schemas import MergeDetails, SplitDetails
from ticketing.schemas import Details, Ticket
from ticketing.vocabulary import Action, Part, Stage, State


@pytest.mark.parametrize(("state", "action"), list(product(State, Action)), ids=str)
def test_every_state_and_action_is_allowed_or_refused_by_name(state: State, action: Action) -> None:
    if (state, action) in TRANSITIONS:
        rule = rule_of(state, action)
        assert rule.roles, "a line that nobody may use is dead"
        kinds = (Details, MergeDetails, SplitDetails, RefusalDetails)
        assert rule.needs | rule.takes <= {field for kind in kinds for field in kind.model_fields} | {"changes"}
    else:
        with pytest.raises(ActionNotPossible, match=f"{action.term}.*{state.term}"):
            rule_of(state, action)


def test_every_state_can_be_reached_and_only_the_archive_is_an_end() -> None:
    reached, todo = {State.REGISTERED}, [State.REGISTERED]
    while todo:
        state = todo.pop()
        onward = {rule.next for (source, _), rule in TRANSITIONS.items() if source is state}
        assert onward or state is State.ARCHIVED
        todo.extend(onward - reached)
        reached |= onward
    assert reached == set(State)


def test_no_ticket_is_a_trap_the_archive_can_be_reached_from_everywhere() -> None:
    reaching = {State.ARCHIVED}
    while grown := {source for (source, _), rule in TRANSITIONS.items() if rule.next in reaching} - reaching:
        reaching |= grown
    assert reaching == set(State)


def test_every_action_but_registering_has_a_line_and_every_stage_is_touched() -> None:
    assert {action for _, action in TRANSITIONS} == set(Action) - {Action.REGISTER}
    # 督办 and 评价 go on beside the states: they are actions.
    assert {state.stage for state in State} == set(Stage) - {Stage.SUPERVISION, Stage.EVALUATION}


def test_what_is_possible_depends_on_the_roles() -> None:
    assert Action.DISPATCH in possible(State.TO_DISPATCH, frozenset({Role.DISPATCHER}))
    assert possible(State.TO_DISPATCH, frozenset({Role.AGENT})) == (Action.URGE, Action.SUPPLEMENT)
    assert possible(State.ARCHIVED, frozenset(Role)) == ()


async def test_a_demand_walks_through_all_stages(counter: Counter) -> None:
    people = counter.people
    ticket = await counter.handling()
    order = {"ground": "other", "form": "phone", "deadline": counter.clock.now() + timedelta(days=1)}
    ticket = await counter.act(ticket, Action.SUPERVISE, people.supervisor, note="请抓紧", supervision=order)
    ticket = await counter.act(ticket, Action.REPLY, people.handler, note="已补发社保卡")
    await counter.answered(ticket)
    ticket = await counter.act(ticket, Action.APPROVE_REPLY, people.head)
    ticket = await counter.act(ticket, Action.VISIT, people.visitor, note="已联系", satisfaction="satisfied")
    ticket = await counter.act(ticket, Action.CLOSE, people.visitor)
    ticket = await counter.act(ticket, Action.EVALUATE, people.agent, satisfaction="very_satisfied")
    ticket = await counter.act(ticket, Action.ARCHIVE, people.visitor)
    assert ticket.state is State.ARCHIVED

    async with counter.database.transaction() as session:
        file = await repository.file(session, ticket.number)
    assert [entry.action for entry in file.history] == [
        Action.REGISTER,
        Action.ACCEPT,
        Action.DISPATCH,
        Action.SIGN_FOR,
        Action.SUPERVISE,
        Action.REPLY,
        Action.APPROVE_REPLY,
        Action.VISIT,
        Action.CLOSE,
        Action.EVALUATE,
        Action.ARCHIVE,
    ]
    assert [entry.version for entry in file.history] == list(range(1, 12))
    assert [entry.from_state for entry in file.history[1:]] == [entry.to_state for entry in file.history[:-1]]
    assert file.history[7].details == {"satisfaction": "satisfied"}
    (lead,) = file.assignments
    assert (lead.unit_id, lead.part) == (people.handler.unit_id, Part.LEAD)
    assert lead.signed_at is not None
    assert lead.replied_at is not None


async def test_an_agreed_return_withdraws_the_units_and_the_next_dispatch_is_fresh(counter: Counter) -> None:
    people = counter.people
    ticket = await counter.handling()
    ticket = await counter.act(ticket, Action.RETURN, people.handler, note="不属本单位职责", basis="三定方案")
    ticket = await counter.act(ticket, Action.AGREE_RETURN, people.dispatcher)
    ticket = await counter.act(
        ticket,
        Action.DISPATCH,
        people.dispatcher,
        lead_unit=people.other_handler.unit_id,
        assisting_units=[people.handler.unit_id],
    )
    with pytest.raises(NotYourUnitsTicket):
        await counter.act(ticket, Action.SIGN_FOR, people.handler)
    ticket = await counter.act(ticket, Action.SIGN_FOR, people.other_handler)
    async with counter.database.transaction() as session:
        file = await repository.file(session, ticket.number)
    assert [(part.unit_id, part.part, part.withdrawn_at is None) for part in file.assignments] == [
        (people.handler.unit_id, Part.LEAD, False),
        (people.other_handler.unit_id, Part.LEAD, True),
        (people.handler.unit_id, Part.ASSIST, True),
    ]


@pytest.mark.parametrize(
    ("action", "details", "error"),
    [
        (Action.DISPATCH, {}, DetailMissing),
        (Action.DISPATCH, {"note": "x", "lead_unit": 2**40}, UnitNotFound),
        (Action.DISPATCH, {"lead_unit": 1, "assisting_units": [1]}, DetailUnexpected),
        (Action.DISPATCH, {"lead_unit": 1, "satisfaction": "satisfied"}, DetailUnexpected),
        (Action.REFUSE, {"note": "请向上级反映"}, DetailMissing),
        (Action.REFUSE, {"ground": "outside_city"}, DetailMissing),
        (Action.CLOSE, {}, ActionNotPossible),
        (Action.SUPERVISE, {"note": "x"}, ActionNotAllowed),
    ],
)
async def test_a_refused_action_changes_nothing(
    counter: Counter, action: Action, details: dict[str, object], error: type[Exception]
) -> None:
    ticket = await counter.act(await counter.register(), Action.ACCEPT, counter.people.agent)
    with pytest.raises(error):
        await counter.act(ticket, action, counter.people.dispatcher, **details)
    async with counter.database.transaction() as session:
        file = await repository.file(session, ticket.number)
    assert file.ticket == ticket
    assert len(file.history) == 2
    assert file.assignments == ()


async def test_an_unknown_number_is_refused(counter: Counter) -> None:
    ticket = (await counter.register()).model_copy(update={"number": "SMX20261121999999"})
    with pytest.raises(TicketNotFound):
        await counter.act(ticket, Action.ACCEPT, counter.people.agent)


async def _two_at_once(counter: Counter) -> tuple[Ticket | BaseException, Ticket | BaseException]:
    """Two people have read the same ticket and act at the same moment: both have looked before either writes."""
    ticket = await counter.register()
    looked = asyncio.Barrier(2)
    read = repository.row

    async def read_together(*arguments: object) -> TicketRow:
        found = await read(*arguments)  # type: ignore[arg-type]
        await looked.wait()
        return found

    repository.row = read_together  # type: ignore[assignment]
    try:
        return await asyncio.gather(
            counter.act(ticket, Action.ACCEPT, counter.people.agent),
            counter.act(ticket, Action.ANSWER, counter.people.supervisor, note="请拨省热线"),
            return_exceptions=True,
        )
    finally:
        repository.row = read


async def test_of_two_at_once_exactly_one_wins(counter: Counter) -> None:
    outcomes = await _two_at_once(counter)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["StaleTicket", "Ticket"]


async def test_mutant_without_the_version_check_both_write(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "unchanged", lambda _ticket: true())
    with pytest.MonkeyPatch.context() as history:
        # The history's own unique version is a second lock; it is taken out too, or it would hide the fault.
        history.setattr(repository, "add_history", _no_history)
        outcomes = await _two_at_once(counter)
    assert [type(outcome).__name__ for outcome in outcomes] == ["Ticket", "Ticket"]


async def _no_history(*_arguments: object, **_values: object) -> None:
    return None


async def test_a_version_read_long_ago_is_refused(counter: Counter) -> None:
    ticket = await counter.register()
    await counter.act(ticket, Action.ACCEPT, counter.people.agent)
    with pytest.raises(StaleTicket):
        await counter.act(ticket, Action.REFUSE, counter.people.agent, ground="outside_city", note="x")
