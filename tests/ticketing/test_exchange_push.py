"""Webhooks: at least once, each ticket's events in their order, whoever fails, hangs, dies or comes back."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import func, select, update
from structlog.testing import capture_logs

from calls.web_address import CheckedNetwork
from hotline.clock import ManualClock, SystemClock
from hotline.database import Database
from tests.ticketing.conftest import Counter
from tests.ticketing.exchange_peer import SOON, Peer, enter, in_order, listening, pushing
from ticketing.exchange import deliveries, receivers
from ticketing.exchange.errors import NothingParked, PositionUnknown, ReceiverInvalid
from ticketing.exchange.tables import ExchangeDeliveryRow, ExchangeEventRow, ExchangeFeedRow, ExchangeReceiverRow
from ticketing.exchange.words import DeliveryState
from ticketing.schemas import Ticket
from ticketing.vocabulary import Action


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    async with listening(Peer(SystemClock())) as one:
        yield one


async def _receiver(database: Database, code: str, peer: Peer, **fields: Any) -> None:
    async with database.transaction() as session:
        await enter(session, code, peer.url, **fields)


async def _accepted(counter: Counter, title: str = "路灯不亮") -> Ticket:
    return await counter.act(await counter.register(title), Action.ACCEPT, counter.people.agent)


async def _row(database: Database, code: str) -> ExchangeReceiverRow:
    async with database.transaction() as session:
        return await receivers.one(session, code)


async def _until(database: Database, question: Any, wanted: object) -> None:
    """Wait until the database answers so."""
    async with asyncio.timeout(SOON):
        while True:
            async with database.transaction() as session:
                found = (await session.execute(question)).scalar_one_or_none()
            if found == wanted:
                return
            await asyncio.sleep(0.02)


async def test_what_happens_to_a_ticket_arrives_signed_and_in_order(
    database: Database, counter: Counter, peer: Peer
) -> None:
    await _receiver(database, "all", peer)
    ticket = await counter.handling()
    async with pushing(database, SystemClock()):
        await peer.has(4)
        assert [one.body["action"] for one in peer.told] == ["register", "accept", "dispatch", "sign_for"]
        assert [one.body["position"] for one in peer.told] == [1, 2, 3, 4]
        assert [one.body["kind"] for one in peer.told] == ["intake", "intake", "record", "record"]
        assert {one.body["ticket"]["number"] for one in peer.told} == {ticket.number}
        assert peer.told[-1].body["ticket"]["state"] == "handling"
        assert {one.claim.sender for one in peer.told} == {"smx"}
        assert [one.claim.id for one in peer.told] == [one.body["id"] for one in peer.told]
        arrived = select(func.count()).where(ExchangeFeedRow.delivered_at.is_not(None))
        await _until(database, arrived, 4)
        await _until(database, select(func.count()).select_from(ExchangeDeliveryRow), 0)


async def test_what_was_rolled_back_is_told_to_nobody(database: Database, counter: Counter, peer: Peer) -> None:
    await _receiver(database, "all", peer)
    ticket = await counter.register()
    with contextlib.suppress(ZeroDivisionError):
        async with database.transaction() as session:
            await counter.act_in(session, ticket, Action.ACCEPT, counter.people.agent)
            raise ZeroDivisionError
    await counter.act(ticket, Action.ACCEPT, counter.people.agent)
    async with pushing(database, SystemClock()):
        await peer.has(2)
    assert [one.what for one in peer.told] == [(ticket.number, 1), (ticket.number, 2)]


async def test_a_refused_event_holds_back_its_ticket_alone(database: Database, counter: Counter, peer: Peer) -> None:
    """It is parked with an alarm after its tries; the others of the ticket wait; the rest goes on."""
    await _receiver(database, "all", peer)
    bad = await _accepted(counter, "被拒")
    good = [await _accepted(counter, f"第{step}件") for step in range(5)]
    peer.answers = lambda body: 422 if body["ticket"]["number"] == bad.number else 204
    with capture_logs() as logs:
        async with pushing(database, SystemClock()):
            await peer.has(10)
            parked = select(ExchangeDeliveryRow.state).where(ExchangeDeliveryRow.position == 1)
            await _until(database, parked, "parked")
    assert {one.body["ticket"]["number"] for one in peer.taken} == {ticket.number for ticket in good}
    refused = [one.what for one in peer.arrived if one.body["ticket"]["number"] == bad.number]
    assert refused == [(bad.number, 1)] * 3, "tried park_after times, and what comes after it never"
    assert [line["position"] for line in logs if line["event"] == "exchange.parked"] == [1]
    async with database.transaction() as session:
        held = await session.get_one(ExchangeDeliveryRow, ("all", 2))
        assert (held.state, held.attempts) == ("held", 0)
        assert [(row.position, action) for row, _, action in await receivers.parked(session)] == [(1, "register")]

    # Somebody looked; the next event of the ticket waits behind the parked one, too.
    await counter.act(bad, Action.DISPATCH, counter.people.dispatcher, lead_unit=counter.people.handler.unit_id)
    peer.answers = lambda _body: 204
    async with pushing(database, SystemClock()):
        await _until(database, select(func.count()).select_from(ExchangeDeliveryRow), 3)
        assert len(peer.taken) == 10
        async with database.transaction() as session:
            await receivers.release(session, "all", 1, now=SystemClock().now())
        await peer.has(13)
    assert [one.what for one in peer.taken[10:]] == [(bad.number, 1), (bad.number, 2), (bad.number, 3)]


async def test_a_parked_event_can_be_left_out(database: Database, counter: Counter, peer: Peer) -> None:
    await _receiver(database, "all", peer)
    await _accepted(counter)
    peer.answers = lambda body: 422 if body["version"] == 1 else 204
    parked = select(ExchangeDeliveryRow.state).where(ExchangeDeliveryRow.position == 1)
    async with pushing(database, SystemClock()):
        await _until(database, parked, "parked")
        async with database.transaction() as session:
            await receivers.release(session, "all", 1, now=SystemClock().now(), skip=True)
        await peer.has(1)
    assert [one.body["version"] for one in peer.told] == [2]
    async with database.transaction() as session:
        with pytest.raises(NothingParked):
            await receivers.release(session, "all", 1, now=SystemClock().now())


async def test_the_dead_and_the_hanging_slow_nobody(database: Database, counter: Counter, peer: Peer) -> None:
    async with listening(Peer(SystemClock(), answers=lambda _body: None)) as hanging:
        dead = Peer(SystemClock(), port=1)
        for code, one in (("dead", dead), ("hangs", hanging), ("well", peer)):
            await _receiver(database, code, one)
        for step in range(20):
            await _accepted(counter, f"第{step}件")
        async with pushing(database, SystemClock(), answer_seconds=30.0):
            # Each try at the hanging one takes longer than all of this.
            await peer.has(40)
            await hanging.until(lambda: bool(hanging.arrived), "it was never tried")
            assert not hanging.taken
            assert 1 <= len(hanging.arrived) <= 4
    assert in_order(peer.taken)
    row = await _row(database, "dead")
    assert row.failures >= 1
    assert row.resting_until is not None


async def test_who_was_away_gets_everything_in_order_and_the_log_says_so(database: Database, counter: Counter) -> None:
    """The receiver dies, is away while tickets go on, and comes back on its address."""
    peer = Peer(SystemClock())
    with capture_logs() as logs:
        async with pushing(database, SystemClock(), park_after=2):
            async with listening(peer):
                await _receiver(database, "all", peer)
                first = await _accepted(counter)
                await peer.has(2)
            # Nothing listens on its port any more.
            more = [await _accepted(counter, f"第{step}件") for step in range(3)]
            failures = select(ExchangeReceiverRow.failures >= 4)
            await _until(database, failures, wanted=True)
            await _until(database, select(ExchangeReceiverRow.alarmed_at.is_not(None)), wanted=True)
            async with database.transaction() as session:
                assert not await receivers.parked(session), "that nobody answers is no fault of an event"
            async with listening(peer):
                await peer.has(8)
    assert in_order(peer.taken)
    assert {one.what for one in peer.taken} == {(t.number, v) for t in [first, *more] for v in (1, 2)}
    assert len([line for line in logs if line["event"] == "exchange.receiver_silent"]) == 1
    row = await _row(database, "all")
    assert (row.failures, row.alarmed_at) == (0, None)


async def test_one_poisonous_event_does_not_stop_a_receiver_that_breaks_on_it(
    database: Database, counter: Counter, peer: Peer
) -> None:
    """500 says that the receiver fails wholly; as it takes others, the one is parked after all."""
    await _receiver(database, "all", peer)
    bad = await counter.register("坏")
    for step in range(5):
        await counter.register(f"第{step}件")
    peer.answers = lambda body: 500 if body["ticket"]["number"] == bad.number else 204
    async with pushing(database, SystemClock()):
        await peer.has(5)
        # Something has to arrive after its first failure: another ticket.
        await counter.register("后来")
        await peer.has(6)
        parked = select(ExchangeDeliveryRow.state).where(ExchangeDeliveryRow.position == 1)
        await _until(database, parked, "parked")


async def test_a_job_that_dies_between_sending_and_noting_repeats_under_the_same_id(
    database: Database, counter: Counter, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _receiver(database, "all", peer)
    await _accepted(counter)
    sent = asyncio.Event()
    forever = asyncio.Event()

    async def never_noted(*_: object, **__: object) -> None:
        sent.set()
        await forever.wait()

    with monkeypatch.context() as patched:
        patched.setattr(deliveries, "delivered", never_noted)
        async with pushing(database, SystemClock(), answer_seconds=0.3):
            async with asyncio.timeout(SOON):
                await sent.wait()
            assert [one.what[1] for one in peer.taken] == [1]
    # The job is gone with its claim; the next one waits for that to run out, and then sends both in order.
    async with pushing(database, SystemClock(), answer_seconds=0.3):
        await peer.has(2)
    assert [one.what[1] for one in peer.taken] == [1, 1, 2]
    assert peer.taken[0].claim.id == peer.taken[1].claim.id
    assert peer.taken[0].body == peer.taken[1].body


async def test_two_jobs_share_the_work(database: Database, counter: Counter, peer: Peer) -> None:
    await _receiver(database, "all", peer)
    async with pushing(database, SystemClock()), pushing(database, SystemClock()):
        for step in range(15):
            await _accepted(counter, f"第{step}件")
        await peer.has(30)
    assert len(peer.taken) == 30, "nobody took what the other had"
    assert in_order(peer.taken)


async def test_tickets_go_beside_each_other(database: Database, counter: Counter, peer: Peer) -> None:
    await _receiver(database, "all", peer)
    for step in range(8):
        await counter.register(f"第{step}件")
    peer.answers = lambda _body: None
    async with pushing(database, SystemClock(), answer_seconds=5.0):
        await peer.until(lambda: peer.at_once == 4, "not four at a time")
    assert peer.most_at_once == 4


async def test_everything_can_be_told_again_from_a_position(database: Database, counter: Counter, peer: Peer) -> None:
    await _receiver(database, "all", peer)
    tickets = [await _accepted(counter, f"第{step}件") for step in range(3)]
    async with pushing(database, SystemClock()):
        await peer.has(6)
        ids = {one.body["position"]: one.claim.id for one in peer.taken}
        async with database.transaction() as session:
            await receivers.replay(session, "all", 3)
        await peer.until(lambda: len(peer.taken) >= 10, "not told again")
    again = peer.taken[6:]
    assert sorted(one.body["position"] for one in again) == [3, 4, 5, 6]
    assert {one.body["position"]: one.claim.id for one in again} == {p: ids[p] for p in (3, 4, 5, 6)}
    assert {one.what for one in again} == {(t.number, v) for t in tickets[1:] for v in (1, 2)}
    async with database.transaction() as session:
        with pytest.raises(PositionUnknown):
            await receivers.replay(session, "all", 7)
        with pytest.raises(PositionUnknown):
            await receivers.replay(session, "all", 0)


async def test_a_receiver_out_of_use_gets_nothing_and_loses_nothing(
    database: Database, counter: Counter, peer: Peer
) -> None:
    await _receiver(database, "all", peer, enabled=False)
    await counter.register()
    async with pushing(database, SystemClock()):
        await _until(database, select(ExchangeReceiverRow.last), 1)
        await _until(database, select(ExchangeEventRow.shared), wanted=True)
        assert not peer.arrived
        await _receiver(database, "all", peer)
        await peer.has(1)


async def test_an_address_of_our_own_network_is_not_connected_to(
    database: Database, counter: Counter, peer: Peer
) -> None:
    """Whatever stands in the table: only a host that the settings name may be private."""
    await _receiver(database, "all", peer)
    await counter.register()
    network = CheckedNetwork([])
    why = select(ExchangeDeliveryRow.why)
    async with pushing(database, SystemClock(), network=network):
        await _until(database, why, "AddressRefused")
    network.close()
    assert not peer.arrived
    named = CheckedNetwork(["127.0.0.1"])
    async with pushing(database, SystemClock(), network=named):
        await peer.has(1)
    named.close()


@pytest.mark.parametrize(
    "webhook",
    [
        "http://10.0.0.1/hook",
        "http://example.com/hook",
        "ftp://127.0.0.1/hook",
        "https://user:secret@example.com/",
        "https:///hook",
        "https://exa mple.com/",
        "https://example.com/#a",
        "https://example.com:0/",
        "https://[::1/",
    ],
)
async def test_what_is_no_address_of_a_receiver_is_refused(database: Database, webhook: str) -> None:
    async with database.transaction() as session:
        with pytest.raises(ReceiverInvalid):
            await enter(session, "all", webhook)


async def test_who_parks_does_not_forget_deliveries_after_a_restart(
    database: Database, counter: Counter, clock: ManualClock
) -> None:
    """A claim of a job that is gone is nobody's for as long as it lasts, and everybody's after it."""
    peer = Peer(SystemClock(), port=1)
    await _receiver(database, "all", peer)
    await counter.register()
    async with database.transaction() as session:
        from ticketing.exchange import sharing

        await sharing.share(session)
    now = clock.now()
    async with database.transaction() as session:
        until = clock.now().replace(hour=2)
        assert await deliveries.claim(session, "all", now=now, until=until, site="smx") is not None
    async with database.transaction() as session:
        assert await deliveries.claim(session, "all", now=now, until=until, site="smx") is None
        await session.execute(update(ExchangeDeliveryRow).values(claimed_until=now.replace(minute=0)))
    clock.advance(1)
    async with database.transaction() as session:
        again = await deliveries.claim(session, "all", now=clock.now(), until=until, site="smx")
        assert again is not None
        assert again.attempts == 2
        row = await session.get_one(ExchangeDeliveryRow, ("all", 1))
        assert row.state == DeliveryState.PENDING
