"""A receiver's feed: all of its share, each ticket's events in order, without a gap, whatever commits when."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from typing import Any

import pytest

from hotline.database import Database
from hotline.privacy import mask_number
from tests.ticketing.conftest import Counter
from tests.ticketing.exchange_peer import enter
from ticketing.exchange import feed, receivers, sharing
from ticketing.exchange.errors import ReceiverInvalid, ReceiverNotFound, ReceiverTaken
from ticketing.exchange.feed import Page
from ticketing.exchange.tables import ExchangeEventRow
from ticketing.exchange.words import Personal, Scope
from ticketing.handling import parts
from ticketing.handling.parts import PartSaid
from ticketing.handling.words import PartAction
from ticketing.schemas import Ticket
from ticketing.vocabulary import Action

CALLER = {"caller_number": "13812345678", "caller_name": "张三丰", "address": "黄河路12号"}


async def _page(database: Database, code: str, after: int = 0, limit: int = 200) -> Page:
    async with database.transaction() as session:
        receiver = await receivers.one(session, code)
        return await feed.page(session, receiver, after=after, limit=limit, site="smx")


async def _whole(database: Database, code: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = await _page(database, code, len(found), 3)
        found += page.events
        assert page.next == len(found)
        if not page.events:
            assert page.last == len(found)
            return found


async def _of_units(database: Database, counter: Counter, personal: Personal = Personal.FULL) -> None:
    async with database.transaction() as session:
        for code, actor in (("one", counter.people.handler), ("two", counter.people.other_handler)):
            await enter(session, code, scope=Scope.UNIT, unit_id=actor.unit_id, personal=personal)


def _said(events: list[dict[str, Any]]) -> list[tuple[str, int, str]]:
    return [(one["ticket"]["number"], one["version"], one["action"]) for one in events]


async def test_a_unit_gets_intake_records_and_visits_of_its_tickets_and_of_no_others(
    database: Database, counter: Counter
) -> None:
    await _of_units(database, counter)
    people = counter.people
    ticket = await counter.handling()
    await counter.register("还没有派单")
    ticket = await counter.replied(ticket)
    ticket = await counter.act(ticket, Action.VISIT, people.visitor, note="已回访", satisfaction="satisfied")
    await counter.act(ticket, Action.CLOSE, people.visitor)
    events = await _whole(database, "one")
    assert _said(events) == [
        (ticket.number, 1, "register"),
        (ticket.number, 2, "accept"),
        (ticket.number, 3, "dispatch"),
        (ticket.number, 4, "sign_for"),
        (ticket.number, 4, "answered"),
        (ticket.number, 5, "reply"),
        (ticket.number, 6, "approve_reply"),
        (ticket.number, 7, "visit"),
        (ticket.number, 8, "close"),
    ]
    assert [one["kind"] for one in events].count("visit") == 1
    assert events[-2]["details"]["satisfaction"] == "satisfied"
    assert events[5]["note"] == "已补办"
    assert await _whole(database, "two") == []


async def test_a_unit_whose_part_ended_is_told_so_and_then_nothing(database: Database, counter: Counter) -> None:
    """And what happened before the next unit got it is told to that one."""
    await _of_units(database, counter)
    people = counter.people
    ticket = await counter.handling()
    counter.clock.advance(60)
    ticket = await counter.act(ticket, Action.RETURN, people.handler, note="不属本单位", basis="职责清单第3条")
    counter.clock.advance(60)
    ticket = await counter.act(ticket, Action.AGREE_RETURN, people.dispatcher)
    counter.clock.advance(60)
    ticket = await counter.act(ticket, Action.DISPATCH, people.dispatcher, lead_unit=people.other_handler.unit_id)
    counter.clock.advance(60)
    await counter.act(ticket, Action.SIGN_FOR, people.other_handler)
    one, two = await _whole(database, "one"), await _whole(database, "two")
    actions = ["register", "accept", "dispatch", "sign_for", "return", "agree_return", "dispatch", "sign_for"]
    assert [event["action"] for event in one] == actions[:6]
    assert [event["action"] for event in two] == actions
    assert {part["unit_id"] for event in one for part in event["parts"]} == {people.handler.unit_id}


async def test_steps_of_assisting_units_are_told(database: Database, counter: Counter) -> None:
    await _of_units(database, counter)
    people = counter.people
    ticket = await counter.act(await counter.register(), Action.ACCEPT, people.agent)
    lead, other = people.handler.unit_id, people.other_handler.unit_id
    ticket = await counter.act(ticket, Action.DISPATCH, people.dispatcher, lead_unit=lead, assisting_units=(other,))
    file = await counter.file(ticket)
    part = next(one for one in file.assignments if one.unit_id == other)
    async with database.transaction() as session:
        await parts.act(
            session,
            ticket.number,
            part.id,
            PartAction.SIGN_FOR,
            people.other_handler,
            version=part.version,
            at=counter.clock.now(),
            said=PartSaid(),
        )
    last = (await _whole(database, "two"))[-1]
    assert (last["record"], last["action"], last["part"], last["to_state"]) == (
        "part",
        "sign_for",
        part.id,
        "working",
    )


async def test_positions_have_no_gap_though_transactions_commit_out_of_their_order(
    database: Database, counter: Counter
) -> None:
    """The first writer commits last: a reader who had gone past it would have lost it."""
    async with database.transaction() as session:
        await enter(session, "all")
    tickets = [await counter.register(f"第{step}件") for step in range(3)]
    assert (await _page(database, "all")).last == 3
    may_commit, written = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        async with database.transaction() as session:
            await counter.act_in(session, tickets[0], Action.ACCEPT, counter.people.agent)
            written.set()
            await may_commit.wait()

    slowly = asyncio.create_task(slow())
    await written.wait()
    await counter.act(tickets[1], Action.ACCEPT, counter.people.agent)
    page = await _page(database, "all", 3)
    assert _said(page.events) == [(tickets[1].number, 2, "accept")]
    may_commit.set()
    await slowly
    later = await _page(database, "all", page.next)
    assert _said(later.events) == [(tickets[0].number, 2, "accept")]
    assert [one["position"] for one in (*page.events, *later.events)] == [4, 5]


async def test_many_writers_and_readers_at_once_lose_nothing(database: Database, counter: Counter) -> None:
    """Readers page while writers commit in any order; each reader ends with every event once, in order per ticket."""
    async with database.transaction() as session:
        await enter(session, "all")
    writing = True
    chance = random.Random(6)

    async def writer(worker: int) -> list[Ticket]:
        done = []
        for step in range(6):
            ticket = await counter.register(f"第{worker}-{step}件")
            async with database.transaction() as session:
                ticket = await counter.act_in(session, ticket, Action.ACCEPT, counter.people.agent)
                await asyncio.sleep(chance.random() / 50)
            done.append(ticket)
        return done

    async def reader() -> list[dict[str, Any]]:
        seen: list[dict[str, Any]] = []
        while True:
            last_round = not writing
            page = await _page(database, "all", len(seen), chance.randint(1, 5))
            seen += page.events
            assert [one["position"] for one in seen] == list(range(1, len(seen) + 1))
            if last_round and not page.events:
                return seen

    reading = [asyncio.create_task(reader()) for _ in range(3)]
    written = [ticket for some in await asyncio.gather(*(writer(one) for one in range(5))) for ticket in some]
    writing = False
    for seen in await asyncio.gather(*reading):
        assert sorted(_said(seen)) == sorted(
            (ticket.number, version, action)
            for ticket in written
            for version, action in ((1, "register"), (2, "accept"))
        )
        for ticket in written:
            versions = [one["version"] for one in seen if one["ticket"]["number"] == ticket.number]
            assert versions == [1, 2]


async def test_who_comes_later_gets_what_happened_since_a_day(database: Database, counter: Counter) -> None:
    old = await counter.register("去年的")
    counter.clock.advance(3600)
    since = counter.clock.now()
    ticket = await counter.handling()
    async with database.transaction() as session:
        while await sharing.share(session):
            pass
    unit = counter.people.handler.unit_id
    async with database.transaction() as session:
        whole = await receivers.save(
            session,
            "later",
            receivers.Receiver("后来的", Scope.UNIT, Personal.MASKED, unit_id=unit),
            named_hosts=[],
            since=since,
        )
        assert whole.last == 4
    assert {one["ticket"]["number"] for one in await _whole(database, "later")} == {ticket.number} != {old.number}
    # It goes on from there.
    await counter.act(ticket, Action.REPLY, counter.people.handler, note="已办")
    assert [one["position"] for one in await _whole(database, "later")] == [1, 2, 3, 4, 5]
    async with database.transaction() as session:
        assert await receivers.position_at(session, "later", since + timedelta(seconds=0)) == 1


@pytest.mark.parametrize(
    ("personal", "confidentiality", "told"),
    [
        (Personal.FULL, "open", ("+8613812345678", "张三丰", "黄河路12号")),
        (Personal.MASKED, "open", (mask_number("+8613812345678"), "", "黄河路12号")),
        (Personal.NONE, "open", ("", "", "")),
        (Personal.FULL, "confidential", (mask_number("+8613812345678"), "", "")),
        (Personal.NONE, "confidential", ("", "", "")),
    ],
)
async def test_what_is_told_of_the_citizen_is_the_receivers_right(
    database: Database,
    counter: Counter,
    personal: Personal,
    confidentiality: str,
    told: tuple[str, str, str],
) -> None:
    await _of_units(database, counter, personal)
    people = counter.people
    said = {"content": "我是张三丰，电话138 1234 5678，路灯不亮", "confidentiality": confidentiality}
    ticket = await counter.act(await counter.register("路灯不亮", **CALLER, **said), Action.ACCEPT, people.agent)
    await counter.act(
        ticket, Action.DISPATCH, people.dispatcher, lead_unit=people.handler.unit_id, note="请联系13812345678张三丰"
    )
    last = (await _whole(database, "one"))[-1]
    assert tuple(last["ticket"][field] for field in CALLER) == told
    whole = personal is Personal.FULL and confidentiality == "open"
    assert ("张三丰" in str(last)) == whole
    assert ("13812345678" in str(last).replace(" ", "")) == whole


async def test_the_outbox_itself_holds_nothing_personal(database: Database, counter: Counter) -> None:
    await counter.register("路灯不亮", **CALLER)
    async with database.transaction() as session:
        row = await session.get_one(ExchangeEventRow, 1)
        kept = str({column.key: getattr(row, column.key) for column in ExchangeEventRow.__table__.columns})
    for secret in CALLER.values():
        assert secret not in kept


async def test_a_receiver_is_somebodys_and_stays_it(database: Database, counter: Counter) -> None:
    await _of_units(database, counter)
    unit = counter.people.handler.unit_id
    async with database.transaction() as session:
        for wrong in (
            {"scope": Scope.UNIT},
            {"scope": Scope.ALL, "unit_id": unit},
            {"scope": Scope.PARTNER, "partner": "nobody"},
            {"scope": Scope.UNIT, "unit_id": 2**40},
        ):
            with pytest.raises(ReceiverInvalid):
                await enter(session, "new", **wrong)
        with pytest.raises(ReceiverTaken):
            await enter(session, "again", scope=Scope.UNIT, unit_id=unit)
        with pytest.raises(ReceiverInvalid):
            await enter(session, "one", scope=Scope.ALL)
        with pytest.raises(ReceiverInvalid):
            await enter(session, "Bad code")
        await receivers.remove(session, "two")
        with pytest.raises(ReceiverNotFound):
            await receivers.one(session, "two")
