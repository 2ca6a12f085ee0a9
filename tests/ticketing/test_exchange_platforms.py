"""The province and 110: their tickets become ours once, in the newest state; ours go to them and come back."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from sqlalchemy import func, select

from directory.models import Partner, PartnerKind
from directory.snapshot import PartnerPlatform
from hotline.clock import SystemClock
from hotline.database import Database
from tests.ticketing.conftest import Counter
from tests.ticketing.exchange_peer import Peer, enter, listening, pushing
from ticketing import repository
from ticketing.errors import ActionNotAllowed, ActionNotPossible
from ticketing.exchange import feed, incoming, receivers, transfers
from ticketing.exchange.errors import (
    ReceiverNotFound,
    TicketUnknownYet,
    TransferNotFound,
    TransferStanding,
    VersionChanged,
)
from ticketing.exchange.incoming import Answer, IncomingMessage, Sender
from ticketing.exchange.tables import ExchangeMessageRow
from ticketing.exchange.transfers import TransferAnswer
from ticketing.exchange.words import Message, Outcome, Scope, TransferAction, TransferState
from ticketing.models import TicketRow
from ticketing.schemas import Ticket
from ticketing.vocabulary import Action, Confidentiality, Source, State

PROVINCE = PartnerPlatform("province", "省12345", PartnerKind.PROVINCE)
POLICE = PartnerPlatform("police", "市公安局110", PartnerKind.POLICE)


def _ticket(version: int, number: str = "HN-2026-77", **fields: Any) -> IncomingMessage:
    said = {"title": f"第{version}版", "content": f"内容{version}", "caller_number": "13812345678"} | fields
    return IncomingMessage.model_validate({"number": number, "version": version, "ticket": said})


def _words(kind: Message, note: str, number: str = "HN-2026-77") -> IncomingMessage:
    return IncomingMessage(number=number, kind=kind, note=note)


class Desk:
    """Where a platform's messages arrive, each in a transaction of its own."""

    def __init__(self, database: Database, counter: Counter, partner: PartnerPlatform = PROVINCE) -> None:
        self.database = database
        self.counter = counter
        self.sender = Sender(partner, "0398")
        self._ids = itertools.count(1)

    async def take(self, said: IncomingMessage, message_id: str = "") -> Answer:
        async with self.database.transaction() as session:
            return await incoming.receive(
                session,
                self.counter.desk,
                self.sender,
                said,
                message_id=message_id or f"m-{next(self._ids)}",
                now=self.counter.clock.now(),
            )

    async def ticket(self, number: str) -> Ticket:
        async with self.database.transaction() as session:
            return Ticket.model_validate(await repository.row(session, number))

    async def count(self, table: type) -> int:
        async with self.database.transaction() as session:
            return (await session.execute(select(func.count()).select_from(table))).scalar_one()


@pytest.fixture
async def platforms(database: Database) -> None:
    async with database.transaction() as session:
        session.add_all(Partner(code=one.code, name=one.name, kind=one.kind, webhook="") for one in (PROVINCE, POLICE))
        await session.flush()
        for one in (PROVINCE, POLICE):
            await enter(session, one.code, scope=Scope.PARTNER, partner=one.code)


@pytest.fixture(name="counter_desk")
def _counter_desk(database: Database, counter: Counter) -> Desk:
    return Desk(database, counter)


@pytest.mark.parametrize("order", list(itertools.permutations((1, 2, 3))))
async def test_sent_thrice_and_out_of_order_it_is_one_ticket_in_the_newest_state(
    counter_desk: Desk, order: tuple[int, ...]
) -> None:
    answers = [await counter_desk.take(_ticket(version)) for version in order]
    answers += [await counter_desk.take(_ticket(version)) for version in reversed(order)]
    assert {one.ticket for one in answers} == {answers[0].ticket}
    assert await counter_desk.count(TicketRow) == 1
    ticket = await counter_desk.ticket(answers[0].ticket)
    assert (ticket.title, ticket.content) == ("第3版", "内容3")
    assert (ticket.source, ticket.registered_by) == (Source.PROVINCE, "partner:province")
    assert answers[-1].newest == 3
    assert [one.outcome for one in answers[:3]].count(Outcome.CREATED) == 1
    assert [one.outcome for one in answers[3:]] == [one.outcome for one in reversed(answers[:3])], "repeats are known"


async def test_sent_at_the_same_time_it_is_one_ticket(counter_desk: Desk) -> None:
    sent = [_ticket(version) for version in (1, 2, 3)] * 3
    answers = await asyncio.gather(*(counter_desk.take(one) for one in sent))
    assert len({one.ticket for one in answers}) == 1
    assert await counter_desk.count(TicketRow) == 1
    assert (await counter_desk.ticket(answers[0].ticket)).title == "第3版"


async def test_two_platforms_may_have_the_same_number(database: Database, counter: Counter) -> None:
    one = await Desk(database, counter).take(_ticket(1))
    two = await Desk(database, counter, POLICE).take(_ticket(1))
    assert one.ticket != two.ticket
    assert (await Desk(database, counter).ticket(two.ticket)).source is Source.POLICE_110


async def test_another_content_under_a_version_is_refused(counter_desk: Desk) -> None:
    first = await counter_desk.take(_ticket(2))
    with pytest.raises(VersionChanged):
        await counter_desk.take(_ticket(2, content="改了"))
    assert (await counter_desk.ticket(first.ticket)).content == "内容2"


async def test_of_a_ticket_under_way_words_follow_and_the_rest_is_noted(counter_desk: Desk, counter: Counter) -> None:
    """Clocks and units follow type and urgency: the centre decides on those."""
    first = await counter_desk.take(_ticket(1, confidentiality="confidential"))
    ticket = await counter_desk.ticket(first.ticket)
    await counter.act(ticket, Action.ACCEPT, counter.people.agent)
    answer = await counter_desk.take(_ticket(4, urgency="urgent", type="complaint"))
    assert (answer.outcome, answer.state, answer.newest) == (Outcome.UPDATED, State.TO_DISPATCH, 4)
    ticket = await counter_desk.ticket(first.ticket)
    assert (ticket.title, ticket.urgency, ticket.type) == ("第4版", "general", "help")
    assert ticket.confidentiality is Confidentiality.CONFIDENTIAL, "who asked for confidence keeps it"
    last = (await counter.file(ticket)).history[-1]
    assert (last.action, last.actor) == (Action.SUPPLEMENT, "partner:province")
    assert last.note == "来源平台更新至第4版；类型：投诉；紧急程度：紧急"


async def test_what_they_urge_and_add_is_history(counter_desk: Desk, counter: Counter) -> None:
    with pytest.raises(TicketUnknownYet):
        await counter_desk.take(_words(Message.URGE, "请加快办理"), "urge-1")
    first = await counter_desk.take(_ticket(1))
    noted = await counter_desk.take(_words(Message.URGE, "请加快办理"), "urge-1")
    again = await counter_desk.take(_words(Message.URGE, "请加快办理"), "urge-1")
    assert noted == again
    await counter_desk.take(_words(Message.SUPPLEMENT, "门牌是12号"), "add-1")
    with pytest.raises(VersionChanged):
        await counter_desk.take(_words(Message.URGE, "别的"), "urge-1")
    file = await counter.file(await counter_desk.ticket(first.ticket))
    assert [(entry.action, entry.note) for entry in file.history[1:]] == [
        (Action.URGE, "请加快办理"),
        (Action.SUPPLEMENT, "门牌是12号"),
    ]


async def test_a_closed_ticket_is_not_opened_by_what_comes_late(counter_desk: Desk, counter: Counter) -> None:
    first = await counter_desk.take(_ticket(1))
    async with counter.database.transaction() as session:
        await counter.desk.answer_directly(session, first.ticket, "已告知", counter.people.agent, version=1)
    late = await counter_desk.take(_ticket(2))
    assert (late.outcome, late.state) == (Outcome.AFTER_CLOSE, State.CLOSED)
    assert (await counter_desk.take(_words(Message.URGE, "催"))).outcome is Outcome.AFTER_CLOSE
    assert (await counter_desk.ticket(first.ticket)).title == "第1版"
    assert await counter_desk.count(ExchangeMessageRow) == 3, "kept nevertheless"


@pytest.mark.parametrize(
    "wrong",
    [
        {"number": "1", "version": 1},
        {"number": "1", "ticket": {"title": "x"}},
        {"number": "1", "kind": "urge"},
        {"number": "1", "kind": "urge", "note": "x", "version": 1},
        {"number": "1", "version": 1, "ticket": {"title": "x"}, "note": "x"},
        {"number": "1", "version": 0, "ticket": {"title": "x"}},
        {"number": "a\nb", "version": 1, "ticket": {"title": "x"}},
        {"number": "1", "version": 1, "ticket": {"title": ""}},
    ],
)
def test_half_a_message_is_none(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        IncomingMessage.model_validate(wrong)


async def test_a_number_nobody_can_dial_is_kept_as_it_was_written(counter_desk: Desk) -> None:
    ticket = await counter_desk.ticket((await counter_desk.take(_ticket(1, caller_number="分机 abc"))).ticket)
    assert ticket.caller_number == ""
    assert ticket.content == "内容1\n来电号码（原文）：分机 abc"


async def _hand_over(counter: Counter, ticket: Ticket, partner: str = "police") -> int:
    async with counter.database.transaction() as session:
        row = await transfers.hand_over(
            session, ticket.number, partner, "涉及警情", counter.people.dispatcher, at=counter.clock.now()
        )
        return row.id


async def _answered(counter: Counter, transfer: int, partner: str = "police", **said: Any) -> TransferState:
    async with counter.database.transaction() as session:
        row = await transfers.answered(
            session, partner, transfer, TransferAnswer.model_validate(said), at=counter.clock.now()
        )
        return TransferState(row.state)


@pytest.mark.usefixtures("platforms")
async def test_a_ticket_handed_over_arrives_and_its_result_comes_back(database: Database, counter: Counter) -> None:
    ticket = await counter.act(await counter.register("门前打架"), Action.ACCEPT, counter.people.agent)
    async with listening(Peer(SystemClock())) as peer, pushing(database, SystemClock()):
        async with database.transaction() as session:
            await enter(session, "police", peer.url, scope=Scope.PARTNER, partner="police")
        transfer = await _hand_over(counter, ticket)
        await peer.has(4)
        sent = peer.told[-1].body
        assert (sent["kind"], sent["action"], sent["note"]) == ("transfer", "sent", "涉及警情")
        assert (sent["transfer"], sent["ticket"]["number"]) == (transfer, ticket.number)
        assert [one.body["action"] for one in peer.told[:3]] == ["register", "accept", "supplement"], "all before it"

        accept: dict[str, Any] = {"action": TransferAction.ACCEPT, "number": "JQ-9"}
        assert await _answered(counter, transfer, **accept) is TransferState.ACCEPTED
        assert await _answered(counter, transfer, **accept) is TransferState.ACCEPTED, "a repeat"
        done: dict[str, Any] = {"action": TransferAction.FINISH, "note": "已到场劝离"}
        assert await _answered(counter, transfer, **done) is TransferState.DONE
        assert await _answered(counter, transfer, **accept) is TransferState.DONE, "late, and said already"
        with pytest.raises(ActionNotPossible):
            await _answered(counter, transfer, action=TransferAction.REFUSE, note="不属警情")
        # What happens to the ticket here is told to them, under their number.
        await peer.has(8)
        assert peer.told[-1].body["ticket"]["their_number"] == "JQ-9"
    notes = [entry.note for entry in (await counter.file(ticket)).history if entry.action is Action.SUPPLEMENT]
    assert notes == ["移交市公安局110：涉及警情", "市公安局110已接收：编号JQ-9", "市公安局110已反馈结果：已到场劝离"]
    async with database.transaction() as session:
        row = await repository.row(session, ticket.number)
        (kept,) = await transfers.of_ticket(session, row.id)
        assert (kept.their_number, kept.result, kept.ordered_by) == ("JQ-9", "已到场劝离", "2001")
        assert kept.answered_at == kept.done_at == counter.clock.now()


@pytest.mark.usefixtures("platforms")
async def test_a_ticket_is_with_a_platform_once_and_comes_back_when_refused(counter: Counter) -> None:
    ticket = await counter.register()
    first = await _hand_over(counter, ticket)
    with pytest.raises(TransferStanding):
        await _hand_over(counter, ticket)
    with pytest.raises(TransferNotFound):
        await _answered(counter, first, "province", action=TransferAction.ACCEPT)
    await _answered(counter, first, action=TransferAction.REFUSE, note="不属警情")
    assert await _hand_over(counter, ticket) != first
    await _hand_over(counter, ticket, "province")


@pytest.mark.usefixtures("platforms")
async def test_who_and_what_may_be_handed_over(counter: Counter) -> None:
    ticket = await counter.register()
    async with counter.database.transaction() as session:
        with pytest.raises(ActionNotAllowed):
            await transfers.hand_over(
                session, ticket.number, "police", "x", counter.people.handler, at=counter.clock.now()
            )
        with pytest.raises(ReceiverNotFound):
            await transfers.hand_over(
                session, ticket.number, "nobody", "x", counter.people.dispatcher, at=counter.clock.now()
            )
        await counter.desk.answer_directly(session, ticket.number, "已答", counter.people.agent, version=1)
        with pytest.raises(ActionNotPossible):
            await transfers.hand_over(
                session, ticket.number, "police", "x", counter.people.dispatcher, at=counter.clock.now()
            )


@pytest.mark.usefixtures("platforms")
async def test_the_province_sees_what_becomes_of_its_tickets_and_of_no_others(
    database: Database, counter: Counter, counter_desk: Desk
) -> None:
    first = await counter_desk.take(_ticket(1))
    await counter.register("别人的")
    ticket = await counter.act(await counter_desk.ticket(first.ticket), Action.ACCEPT, counter.people.agent)
    async with database.transaction() as session:
        receiver = await receivers.of_partner(session, "province")
        page = await feed.page(session, receiver, after=0, limit=100, site="smx")
    assert [(one["ticket"]["number"], one["action"]) for one in page.events] == [
        (ticket.number, "register"),
        (ticket.number, "accept"),
    ]
    assert {one["ticket"]["their_number"] for one in page.events} == {"HN-2026-77"}
