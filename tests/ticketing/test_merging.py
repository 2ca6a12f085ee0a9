"""并单: children keep their number and end, and are never overdue; splits; what cannot be merged."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from hotline.errors import HotlineError
from tests.ticketing.conftest import Counter
from ticketing import lifecycle, repository
from ticketing.clock_tables import TicketNoticeRow
from ticketing.deadlines import Deadlines
from ticketing.errors import ActionNotAllowed, ActionNotPossible, DetailMissing, StaleTicket, TicketNotFound
from ticketing.refusals.schemas import RefusalDetails
from ticketing.relations import links, splitting
from ticketing.relations.errors import HasMergedTickets, MergeOfMerged, MergeWithItself, NoReplyOffered, ParentNotOpen
from ticketing.relations.schemas import Matter, Offer, Relations
from ticketing.relations.tables import ReplyOfferRow
from ticketing.schemas import Ticket
from ticketing.vocabulary import Action, ClockEnd, ClockKind, LinkKind, State, TicketType, Urgency


async def accepted(counter: Counter, title: str = "水管漏水", **fields: object) -> Ticket:
    return await counter.act(await counter.register(title, **fields), Action.ACCEPT, counter.people.agent)


async def dispatched(counter: Counter) -> Ticket:
    people = counter.people
    return await counter.act(
        await accepted(counter), Action.DISPATCH, people.dispatcher, lead_unit=people.handler.unit_id
    )


async def replied(counter: Counter, ticket: Ticket, reply: str = "已修复") -> Ticket:
    people = counter.people
    await counter.answered(ticket)
    ticket = await counter.act(ticket, Action.REPLY, people.handler, note=reply)
    return await counter.act(ticket, Action.APPROVE_REPLY, people.head)


async def relations(counter: Counter, ticket: Ticket) -> Relations:
    async with counter.database.transaction() as session:
        return await links.of(session, ticket.number)


def open_offers(found: Relations) -> list[Offer]:
    return [offer for offer in found.offers if offer.taken_at is None and offer.withdrawn_at is None]


async def test_a_merged_ticket_is_answered_visited_and_evaluated_by_itself(counter: Counter) -> None:
    people = counter.people
    main, child = await counter.handling(), await dispatched(counter)
    child = await counter.merge(child, main.number, people.dispatcher)
    assert (child.state, child.state.open) == (State.MERGED, True)
    with pytest.raises(NoReplyOffered):
        await counter.act(child, Action.TAKE_REPLY, people.dispatcher)
    main = await replied(counter, main, "管道已更换")
    (offer,) = (await relations(counter, child)).offers
    assert (offer.number, offer.parent, offer.reply, offer.taken_at) == (child.number, main.number, "管道已更换", None)
    child = await counter.act(child, Action.TAKE_REPLY, people.dispatcher)
    assert child.state is State.REPLIED
    # The main ticket goes its own way meanwhile.
    await counter.act(main, Action.VISIT, people.visitor, note="满意", satisfaction="satisfied")
    child = await counter.act(child, Action.VISIT, people.visitor, note="基本满意", satisfaction="fairly_satisfied")
    child = await counter.act(child, Action.CLOSE, people.visitor)
    child = await counter.act(child, Action.EVALUATE, people.visitor, satisfaction="fairly_satisfied")
    child = await counter.act(child, Action.ARCHIVE, people.visitor)
    file = await counter.file(child)
    assert [entry.action for entry in file.history] == [
        Action.REGISTER,
        Action.ACCEPT,
        Action.DISPATCH,
        Action.MERGE,
        Action.TAKE_REPLY,
        Action.VISIT,
        Action.CLOSE,
        Action.EVALUATE,
        Action.ARCHIVE,
    ]
    assert file.history[3].details == {"parent": main.number}
    (link,) = (await relations(counter, main)).links
    assert (link.kind, link.number, link.main, link.ended_at) == (LinkKind.MERGED, child.number, False, None)


async def test_the_child_of_a_merge_never_goes_overdue(counter: Counter) -> None:
    child, main = await dispatched(counter), await counter.handling()
    alone = await dispatched(counter)
    child = await counter.merge(child, main.number, counter.people.dispatcher)
    counter.clock.advance(timedelta(days=60).total_seconds())
    await Deadlines(counter.database, counter.clock).step()
    async with counter.database.transaction() as session:
        told = set(await session.scalars(select(TicketNoticeRow.ticket_id)))
        ids = {one.number: await repository.row(session, one.number) for one in (child, main, alone)}
    assert told == {ids[main.number].id, ids[alone.number].id}
    file = await counter.file(child)
    assert {clock.ended for clock in file.clocks} == {ClockEnd.MET, ClockEnd.WITHDRAWN}
    assert all(part.withdrawn_at for part in file.assignments)


async def test_a_merge_forgives_nothing_that_was_overdue(counter: Counter) -> None:
    child, main = await dispatched(counter), await counter.handling()
    counter.clock.advance(timedelta(days=60).total_seconds())
    child = await counter.merge(child, main.number, counter.people.dispatcher)
    ends = {clock.kind: clock.ended for clock in (await counter.file(child)).clocks}
    assert (ends[ClockKind.HANDLING], ends[ClockKind.RETURN]) == (ClockEnd.LATE, ClockEnd.LATE)


async def test_taken_out_again_it_is_to_be_dispatched_with_a_fresh_clock(counter: Counter) -> None:
    people = counter.people
    child, main = await dispatched(counter), await counter.handling()
    child = await counter.merge(child, main.number, people.dispatcher)
    await replied(counter, main)
    counter.clock.advance(timedelta(days=1).total_seconds())
    with pytest.raises(DetailMissing):
        await counter.act(child, Action.UNMERGE, people.dispatcher)
    child = await counter.act(child, Action.UNMERGE, people.dispatcher, note="不是同一处")
    assert child.state is State.TO_DISPATCH
    (running,) = [clock for clock in (await counter.file(child)).clocks if clock.ended is None]
    assert (running.kind, running.begun_at) == (ClockKind.DISPATCH, counter.clock.now())
    found = await relations(counter, child)
    assert (found.links[0].ended_by, found.links[0].ended_why) == ("2001", "不是同一处")
    assert open_offers(found) == []
    other = await counter.handling()
    assert (await counter.merge(child, other.number, people.dispatcher)).state is State.MERGED


async def test_a_ticket_merged_after_the_reply_is_offered_it_at_once(counter: Counter) -> None:
    main = await replied(counter, await counter.handling(), "已修复")
    child = await counter.merge(await accepted(counter), main.number, counter.people.dispatcher)
    assert [offer.reply for offer in open_offers(await relations(counter, child))] == ["已修复"]


async def test_a_reply_that_did_not_hold_is_not_taken(counter: Counter) -> None:
    people = counter.people
    main = await counter.handling()
    child = await counter.merge(await accepted(counter), main.number, people.dispatcher)
    main = await replied(counter, main, "已修复")
    main = await counter.act(main, Action.VISIT, people.visitor, note="还在漏")
    main = await counter.act(main, Action.REHANDLE, people.visitor, note="应办未办")
    with pytest.raises(NoReplyOffered):
        await counter.act(child, Action.TAKE_REPLY, people.dispatcher)
    main = await counter.act(main, Action.DISPATCH, people.dispatcher, lead_unit=people.handler.unit_id)
    main = await counter.act(main, Action.SIGN_FOR, people.handler)
    await replied(counter, main, "已更换")
    assert [offer.reply for offer in open_offers(await relations(counter, child))] == ["已更换"]


async def test_handled_again_a_child_is_on_its_own(counter: Counter) -> None:
    people = counter.people
    main = await counter.handling()
    child = await counter.merge(await accepted(counter), main.number, people.dispatcher)
    main = await replied(counter, main)
    child = await counter.act(child, Action.TAKE_REPLY, people.supervisor)
    child = await counter.act(child, Action.VISIT, people.visitor, note="没修")
    child = await counter.act(child, Action.REHANDLE, people.visitor, note="应办未办")
    assert (await relations(counter, child)).links[0].ended_at is not None
    assert (await counter.merge(child, main.number, people.dispatcher)).state is State.MERGED


async def test_what_cannot_be_merged_is_refused_by_name(counter: Counter) -> None:
    people = counter.people
    main, other = await counter.handling(), await counter.handling()
    child = await counter.merge(await accepted(counter), main.number, people.dispatcher)
    loose = await accepted(counter)
    refused: list[tuple[Ticket, str, type[HotlineError]]] = [
        (loose, loose.number, MergeWithItself),
        (loose, child.number, MergeOfMerged),
        (main, other.number, MergeOfMerged),
        (child, other.number, ActionNotPossible),
        (loose, (await counter.register()).number, ParentNotOpen),
        (loose, "SMX00000000000000", TicketNotFound),
    ]
    for ticket, parent, error in refused:
        with pytest.raises(error):
            await counter.merge(ticket, parent, people.dispatcher)
    with pytest.raises(ActionNotAllowed):
        await counter.merge(loose, main.number, people.handler)
    with pytest.raises(StaleTicket):
        await counter.merge(loose.model_copy(update={"version": 1}), main.number, people.dispatcher)
    with pytest.raises(DetailMissing):
        await counter.act(loose, Action.MERGE, people.dispatcher, note="无主单")
    assert len((await relations(counter, main)).links) == 1
    assert (await counter.file(loose)).ticket == loose


async def test_a_main_ticket_is_not_refused_while_others_wait_for_it(counter: Counter) -> None:
    people = counter.people
    main = await accepted(counter)
    child = await counter.merge(await accepted(counter), main.number, people.dispatcher)
    refusal = {"ground": "outside_city", "note": "省管"}
    with pytest.raises(HasMergedTickets):
        await counter.act(main, Action.REFUSE, people.dispatcher, **refusal)
    await counter.act(child, Action.UNMERGE, people.dispatcher, note="另办")
    assert (await counter.act(main, Action.REFUSE, people.dispatcher, **refusal)).state is State.REFUSED


async def test_of_two_that_are_merged_into_each_other_at_once_one_wins(counter: Counter) -> None:
    for _ in range(8):
        one, two = await accepted(counter), await accepted(counter)
        outcomes = await asyncio.gather(
            counter.merge(one, two.number, counter.people.dispatcher),
            counter.merge(two, one.number, counter.people.dispatcher),
            return_exceptions=True,
        )
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["MergeOfMerged", "Ticket"]


async def test_a_child_merged_while_the_reply_is_approved_is_offered_it(counter: Counter) -> None:
    people = counter.people
    for turn in range(1, 9):
        main = await counter.act(await counter.handling(), Action.REPLY, people.handler, note="已修复")
        await counter.answered(main)
        child = await accepted(counter)
        merged, approved = await asyncio.gather(
            counter.merge(child, main.number, people.dispatcher),
            counter.act(main, Action.APPROVE_REPLY, people.head),
            return_exceptions=True,
        )
        assert isinstance(approved, Ticket)
        assert isinstance(merged, Ticket)
        async with counter.database.transaction() as session:
            offered = await session.scalars(select(ReplyOfferRow.reply).where(ReplyOfferRow.taken_at.is_(None)))
            assert list(offered).count("已修复") == turn


async def test_a_demand_with_three_matters_becomes_three_tickets(counter: Counter) -> None:
    """Taken apart after midnight, each is still due on the day the demand was accepted (TH 15)."""
    people = counter.people
    counter.clock.advance((datetime(2026, 11, 21, 15, 58, tzinfo=UTC) - counter.clock.now()).total_seconds())
    ticket = await accepted(
        counter, "漏水、路灯、噪声", type="complaint", caller_number="13900000001", source="wechat", area_code="411202"
    )
    counter.clock.advance(300)
    matters = [Matter(title="路灯不亮", type=TicketType.HELP), Matter(title="夜间噪声", urgency=Urgency.URGENT)]
    async with counter.database.transaction() as session:
        kept, lamp, noise = await splitting.split(
            session,
            counter.desk,
            ticket.number,
            matters,
            people.dispatcher,
            version=ticket.version,
            note="三件事",
            at=counter.clock.now(),
        )
    assert (kept.number, kept.state, kept.version) == (ticket.number, State.TO_DISPATCH, ticket.version + 1)
    assert (lamp.type, lamp.state, lamp.caller_number) == (TicketType.HELP, State.TO_DISPATCH, ticket.caller_number)
    assert (noise.type, noise.source, noise.urgency) == (TicketType.COMPLAINT, ticket.source, Urgency.URGENT)
    assert noise.content == ""
    due = {clock.kind: clock.ends_at for clock in (await counter.file(ticket)).clocks}
    for made in (lamp, noise):
        assert {clock.kind: clock.ends_at for clock in (await counter.file(made)).clocks} == due
        (link,) = (await relations(counter, made)).links
        assert (link.kind, link.number, link.main) == (LinkKind.SPLIT, ticket.number, True)
    assert (await counter.file(ticket)).history[-1].details == {"tickets": [lamp.number, noise.number]}
    sent = await counter.act(lamp, Action.DISPATCH, people.dispatcher, lead_unit=people.handler.unit_id)
    assert {clock.kind: clock.ended for clock in (await counter.file(sent)).clocks}[ClockKind.DISPATCH] is ClockEnd.LATE


async def test_a_split_that_is_refused_leaves_nothing(counter: Counter) -> None:
    people = counter.people
    handled, ticket = await counter.handling(), await accepted(counter)

    async def split(number: str, version: int, actor: object) -> None:
        async with counter.database.transaction() as session:
            await splitting.split(
                session,
                counter.desk,
                number,
                [Matter(title="路灯不亮")],
                actor,  # type: ignore[arg-type]
                version=version,
                note="",
                at=counter.clock.now(),
            )

    with pytest.raises(ActionNotPossible):
        await split(handled.number, handled.version, people.dispatcher)
    with pytest.raises(ActionNotAllowed):
        await split(ticket.number, ticket.version, people.handler)
    with pytest.raises(StaleTicket):
        await split(ticket.number, 1, people.dispatcher)
    with pytest.raises(DetailMissing):
        await counter.act(ticket, Action.SPLIT, people.dispatcher, note="x")
    assert (await relations(counter, ticket)).links == ()
    assert (await counter.register()).number.endswith("000003")


async def test_a_centre_takes_back_what_it_sent(counter: Counter) -> None:
    people = counter.people
    ticket = await counter.act(await counter.handling(), Action.RECALL, people.dispatcher, note="派错单位")
    assert ticket.state is State.TO_DISPATCH
    file = await counter.file(ticket)
    assert all(part.withdrawn_at for part in file.assignments)
    assert [clock.kind for clock in file.clocks if clock.ended is None] == [ClockKind.DISPATCH]


async def test_details_of_another_action_are_no_use(counter: Counter) -> None:
    ticket = await accepted(counter)
    async with counter.database.transaction() as session:
        with pytest.raises(DetailMissing):
            await lifecycle.apply(
                session,
                ticket.number,
                Action.MERGE,
                counter.people.dispatcher,
                version=ticket.version,
                at=counter.clock.now(),
                details=RefusalDetails(note="x"),
            )
