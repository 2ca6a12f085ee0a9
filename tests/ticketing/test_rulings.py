"""Returns that are disputed twice: 编制, 司法 or the government rule, and everybody is bound."""

from __future__ import annotations

import pytest

from tests.ticketing.conftest import Counter
from ticketing import repository
from ticketing.errors import ActionNotAllowed, ActionNotPossible, DetailMissing
from ticketing.handling import records, rulings
from ticketing.handling.errors import RulingBinds, RulingPending
from ticketing.handling.rulings import RULING_MOVES, RulingSaid
from ticketing.handling.tables import RulingRow
from ticketing.handling.words import RecordKind, RulingAction, RulingState
from ticketing.schemas import Actor, Ticket
from ticketing.vocabulary import Action, State

WHY = {"note": "不属我局职责", "basis": "三定方案第三条"}


async def disputed(counter: Counter) -> Ticket:
    """Returned by `handler`'s unit, dispatched to the other one, returned by that as well."""
    people = counter.people
    ticket = await counter.act(await counter.handling(), Action.RETURN, people.handler, **WHY)
    assert await ruling_of(counter, ticket) is None, "the centre reviews the first return by itself"
    ticket = await counter.act(ticket, Action.AGREE_RETURN, people.dispatcher)
    ticket = await counter.act(ticket, Action.DISPATCH, people.dispatcher, lead_unit=people.other_handler.unit_id)
    return await counter.act(ticket, Action.RETURN, people.other_handler, **WHY)


async def ruling_of(counter: Counter, ticket: Ticket) -> RulingRow | None:
    async with counter.database.transaction() as session:
        row = await repository.row(session, ticket.number)
        found = await rulings.of(session, row.id)
    return found[-1] if found else None


async def step(counter: Counter, ticket: Ticket, action: RulingAction, actor: Actor, **said: object) -> RulingState:
    ruling = await ruling_of(counter, ticket)
    assert ruling is not None
    async with counter.database.transaction() as session:
        row = await rulings.act(
            session,
            ticket.number,
            ruling.id,
            action,
            actor,
            version=ruling.version,
            at=counter.clock.now(),
            said=RulingSaid.model_validate(said),
        )
        return RulingState(row.state)


async def ruled(counter: Counter, ticket: Ticket, unit: int | None) -> None:
    centre = counter.people.dispatcher
    await step(counter, ticket, RulingAction.SUBMIT, centre, authority="staffing", note="两次退单,职责有争议")
    said = {"unit": unit, "ruled_by": "市委编办主任办公会", "document": "编办〔2026〕12号"}
    assert await step(counter, ticket, RulingAction.RULE, centre, **said) is RulingState.RULED


@pytest.mark.parametrize("state", RulingState)
@pytest.mark.parametrize("action", RulingAction)
def test_every_pair_is_in_the_table_or_refused_by_name(state: RulingState, action: RulingAction) -> None:
    if (state, action) in RULING_MOVES.table:
        move = RULING_MOVES.of(state, action)
        assert move.roles
        assert move.needs | move.takes <= set(RulingSaid.model_fields)
    else:
        with pytest.raises(ActionNotPossible, match=f"{action.term}.*{state.term}"):
            RULING_MOVES.of(state, action)


async def test_the_centre_does_not_decide_a_second_dispute_by_itself(counter: Counter) -> None:
    people = counter.people
    ticket = await disputed(counter)
    for action in (Action.AGREE_RETURN, Action.REFUSE_RETURN):
        with pytest.raises(RulingPending):
            await counter.act(ticket, action, people.dispatcher, **({"note": "x"} if "refuse" in action else {}))
    with pytest.raises(ActionNotAllowed):
        await step(counter, ticket, RulingAction.SUBMIT, people.handler, authority="staffing", note="x")
    with pytest.raises(DetailMissing, match="authority"):
        await step(counter, ticket, RulingAction.SUBMIT, people.dispatcher, note="x")


async def test_it_is_ruled_to_be_the_first_units_duty(counter: Counter) -> None:
    people = counter.people
    ticket = await disputed(counter)
    await ruled(counter, ticket, people.handler.unit_id)
    with pytest.raises(RulingBinds):
        await counter.act(ticket, Action.REFUSE_RETURN, people.dispatcher, note="x")
    ticket = await counter.act(ticket, Action.AGREE_RETURN, people.dispatcher)
    with pytest.raises(RulingBinds):
        await counter.act(ticket, Action.DISPATCH, people.dispatcher, lead_unit=people.other_handler.unit_id)
    ticket = await counter.act(ticket, Action.DISPATCH, people.dispatcher, lead_unit=people.handler.unit_id)
    with pytest.raises(RulingBinds):
        await counter.act(ticket, Action.RETURN, people.handler, **WHY)
    ruling = await ruling_of(counter, ticket)
    assert ruling is not None
    assert (ruling.state, ruling.authority, ruling.ruled_by, ruling.document) == (
        RulingState.APPLIED,
        "staffing",
        "市委编办主任办公会",
        "编办〔2026〕12号",
    )
    assert ruling.disputed_unit_id == people.other_handler.unit_id
    async with counter.database.transaction() as session:
        steps = await records.steps(session, RecordKind.RULING, ruling.id)
    assert [step.action for step in steps] == ["submit", "rule", "apply"]


async def test_it_is_ruled_to_be_the_disputing_units_own_duty(counter: Counter) -> None:
    people = counter.people
    ticket = await disputed(counter)
    await ruled(counter, ticket, people.other_handler.unit_id)
    with pytest.raises(RulingBinds):
        await counter.act(ticket, Action.AGREE_RETURN, people.dispatcher)
    ticket = await counter.act(ticket, Action.REFUSE_RETURN, people.dispatcher, note="已裁定由你单位办理")
    assert ticket.state is State.HANDLING
    with pytest.raises(RulingBinds):
        await counter.act(ticket, Action.RETURN, people.other_handler, **WHY)


async def test_a_return_needs_reason_and_basis(counter: Counter) -> None:
    ticket = await counter.handling()
    for missing in WHY:
        said = {name: words for name, words in WHY.items() if name != missing}
        with pytest.raises(DetailMissing, match=missing):
            await counter.act(ticket, Action.RETURN, counter.people.handler, **said)
