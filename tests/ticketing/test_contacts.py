"""双向答复: the citizen is answered, the report is reviewed by a second person, a confidential caller stays unknown."""

from __future__ import annotations

from datetime import timedelta

import pytest

from directory.models import Role
from tests.ticketing.conftest import Counter
from ticketing import repository
from ticketing.errors import ActionNotAllowed, ActionNotPossible, DetailMissing, NotYourUnitsTicket
from ticketing.handling import contacts
from ticketing.handling.errors import (
    CallerIsConfidential,
    CallNotOfTicket,
    CitizenNotAnswered,
    ContactWhen,
    SamePerson,
)
from ticketing.schemas import Actor, Ticket
from ticketing.vocabulary import Action, State

CALL = "ast1-1763761000.12"


async def confidential(counter: Counter) -> Ticket:
    """With the unit of `handler`, signed for."""
    people = counter.people
    ticket = await counter.register(confidentiality="confidential", caller_number="13812345678", call=CALL)
    ticket = await counter.act(ticket, Action.ACCEPT, people.agent)
    ticket = await counter.act(ticket, Action.DISPATCH, people.dispatcher, lead_unit=people.handler.unit_id)
    return await counter.act(ticket, Action.SIGN_FOR, people.handler)


async def test_a_report_passes_after_the_citizen_was_answered_by_the_unit(counter: Counter) -> None:
    people = counter.people
    ticket = await counter.act(await counter.handling(), Action.REPLY, people.handler, note="已补办")
    with pytest.raises(CitizenNotAnswered):
        await counter.act(ticket, Action.APPROVE_REPLY, people.head)
    await counter.answered(ticket, people.visitor)
    with pytest.raises(CitizenNotAnswered):
        await counter.act(ticket, Action.APPROVE_REPLY, people.head)
    await counter.answered(ticket, way="on_site", outcome="unreachable", note="上门两次无人")
    assert (await counter.act(ticket, Action.APPROVE_REPLY, people.head)).state is State.REPLIED
    async with counter.database.transaction() as session:
        kept = await contacts.of(session, (await repository.row(session, ticket.number)).id)
    assert [(one.unit_id, one.way, one.outcome, one.by, one.recorded_by) for one in kept] == [
        (None, "phone", "answered", "张工", people.visitor.user),
        (people.handler.unit_id, "on_site", "unreachable", "张工", people.handler.user),
    ]


async def test_a_handling_anew_answers_anew(counter: Counter) -> None:
    people = counter.people
    ticket = await counter.replied(await counter.handling())
    ticket = await counter.act(ticket, Action.VISIT, people.visitor, note="未解决")
    ticket = await counter.act(ticket, Action.REHANDLE, people.visitor, note="重办")
    counter.clock.advance(60)
    ticket = await counter.act(ticket, Action.DISPATCH, people.dispatcher, lead_unit=people.handler.unit_id)
    ticket = await counter.act(ticket, Action.SIGN_FOR, people.handler)
    ticket = await counter.act(ticket, Action.REPLY, people.handler, note="已解决")
    with pytest.raises(CitizenNotAnswered):
        await counter.act(ticket, Action.APPROVE_REPLY, people.head)


async def test_the_head_does_not_review_what_the_head_wrote(counter: Counter) -> None:
    people = counter.people
    ticket = await counter.handling()
    await counter.answered(ticket)
    ticket = await counter.act(ticket, Action.REPLY, people.head, note="已补办")
    with pytest.raises(SamePerson):
        await counter.act(ticket, Action.APPROVE_REPLY, people.head)
    second = Actor("rsj2", frozenset({Role.UNIT_HEAD}), people.head.unit_id)
    assert (await counter.act(ticket, Action.APPROVE_REPLY, second)).state is State.REPLIED


async def test_a_unit_speaks_with_a_confidential_caller_by_a_masked_call_of_the_ticket(counter: Counter) -> None:
    ticket = await confidential(counter)
    with pytest.raises(CallerIsConfidential):
        await counter.answered(ticket)
    with pytest.raises(DetailMissing):
        await counter.answered(ticket, way="masked_call")
    with pytest.raises(CallNotOfTicket):
        await counter.answered(ticket, way="masked_call", call="ast1-1763761000.99")
    await counter.answered(ticket, way="masked_call", call=CALL)


@pytest.mark.parametrize("by_centre", [True, False])
async def test_a_confidential_callers_ticket_is_closed_once_somebody_answered(
    counter: Counter, by_centre: bool
) -> None:
    people = counter.people
    ticket = await counter.act(await confidential(counter), Action.REPLY, people.handler, note="已查处")
    ticket = await counter.act(ticket, Action.APPROVE_REPLY, people.head)
    ticket = await counter.act(ticket, Action.VISIT, people.visitor, note="已答复", satisfaction="satisfied")
    with pytest.raises(CitizenNotAnswered):
        await counter.act(ticket, Action.CLOSE, people.visitor)
    if by_centre:
        await counter.answered(ticket, people.visitor)
    else:
        await counter.answered(ticket, way="masked_call", call=CALL)
    assert (await counter.act(ticket, Action.CLOSE, people.visitor)).state is State.CLOSED


async def test_who_may_write_a_contact_down_and_when(counter: Counter) -> None:
    people = counter.people
    fresh = await counter.register()
    with pytest.raises(ActionNotPossible):
        await counter.answered(fresh)
    ticket = await counter.handling()
    with pytest.raises(NotYourUnitsTicket):
        await counter.answered(ticket, people.other_handler)
    with pytest.raises(ActionNotAllowed):
        await counter.answered(ticket, Actor("a1", frozenset({Role.AUDITOR})))
    for wrong in (timedelta(seconds=1), -timedelta(days=1)):
        with pytest.raises(ContactWhen):
            await counter.answered(ticket, at=counter.clock.now() + wrong)
