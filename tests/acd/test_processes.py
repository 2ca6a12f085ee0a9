"""Stories of processes that die, hang and come back, and of a Redis that forgets."""

from __future__ import annotations

import asyncio

import orjson
import pytest
import redis.asyncio as aioredis

from acd.errors import EpochChanged, StaleReservation
from acd.model import Offer
from acd.scripting import site_keys
from acd.service import Acd
from acd.states import AgentState, CallState, Outcome
from hotline.errors import Conflict, PartUnavailable
from hotline.feed import inbox_key
from hotline.redis import connect
from tests.acd.line import SITE, Line


async def _state(acd: Acd, agent: str = "1001") -> AgentState:
    view = await acd.agent(agent)
    assert view is not None
    return view.state


async def test_an_owners_talk_is_adopted_exactly_once_and_the_old_owner_refused(line: Line) -> None:
    first, second = await line.process("ast1/voice-1"), await line.process("ast1/voice-2")
    third, elsewhere = await line.process("ast1/voice-3"), await line.process("ast2/voice-1")
    await line.agent(first, "1001")
    call = await line.call(first)
    (offer,) = await line.offers()
    offer = await first.answered(await first.ringing(offer, 20_000))
    assert await second.adopt_orphans() == []
    line.pass_ms(line.policy.lease_ms)
    for acd in (second, third, elsewhere):
        await acd.heartbeat()
    assert await elsewhere.adopt_orphans() == [], "another Asterisk host cannot drive this call"
    both = await asyncio.gather(second.adopt_orphans(), third.adopt_orphans())
    ((adopted,),) = [taken for taken in both if taken]
    adopter = second if both[0] else third
    assert (adopted.call, adopted.state, adopted.owner) == (call, CallState.TALKING, adopter._process)
    assert adopted.label == '{"channel":"PJSIP/carrier-1"}'
    assert adopted.offer is not None
    assert adopted.offer.reservation == offer.reservation
    await first.heartbeat()
    for write in (first.finished(offer, 0), first.renew(offer, line.now + 10**6), first.leave(call)):
        with pytest.raises(StaleReservation):
            await write
    assert [m["type"] for m in await line.messages()] == ["adopted"]
    await adopter.finished(adopted.offer, 5_000)
    assert await _state(adopter) is AgentState.WRAP_UP


async def test_a_ringing_call_of_a_dead_owner_is_adopted_and_can_be_answered(line: Line) -> None:
    first, second = await line.process("ast1/voice-1"), await line.process("ast1/voice-2")
    await line.agent(first, "1001")
    await line.call(first)
    (offer,) = await line.offers()
    await first.ringing(offer, 20_000)
    line.pass_ms(line.policy.lease_ms)
    await second.heartbeat()
    (adopted,) = await second.adopt_orphans()
    assert adopted.offer is not None
    await second.answered(adopted.offer)
    assert await _state(second) is AgentState.TALKING


async def test_waiting_callers_of_a_dead_owner_keep_their_place_but_are_not_matched(line: Line) -> None:
    first, second = await line.process("ast1/voice-1"), await line.process("ast1/voice-2")
    orphan = line.request(first)
    await first.enqueue(orphan)
    line.pass_ms(10)
    alive = await line.call(second)
    line.pass_ms(line.policy.lease_ms)
    await second.heartbeat()
    await line.agent(second, "1001")
    assert [o.call for o in await line.offers("ast1/voice-2")] == [alive], "nobody could connect the orphan"
    assert (await second.call(orphan.call)).parked  # type: ignore[union-attr]
    line.pass_ms(10)
    later = await line.call(second)
    again = line.request(second, call=orphan.call, entered_ms=orphan.entered_ms)
    await second.enqueue(again)
    assert await second.position(again.call) == 1
    assert [view.call for view in await second.calls("ast1/voice-2")] == [orphan.call, alive, later]
    await line.agent(second, "1002")
    assert [o.call for o in await line.offers("ast1/voice-2")] == [orphan.call]


async def test_the_lease_timer_parks_and_a_caller_who_does_not_return_is_reported(line: Line) -> None:
    first, second = await line.process("ast1/voice-1"), await line.process("ast1/voice-2")
    call = await line.call(first, queue="experts")
    line.pass_ms(line.policy.lease_ms)
    await second.heartbeat()
    await second.run_timers()
    assert await second.position(call) is None
    line.pass_ms(line.policy.orphan_ms)
    await second.heartbeat()
    await second.run_timers()
    (report,) = await line.messages("ast1/voice-2")
    assert (report["type"], report["call"], report["owner"]) == ("orphan_ended", call, "ast1/voice-1")
    assert (await second.call(call)).state is CallState.ENDED  # type: ignore[union-attr]


async def test_a_process_that_only_stalled_gets_its_waiting_callers_back(line: Line) -> None:
    first, second = await line.process("ast1/voice-1"), await line.process("ast1/voice-2")
    older = await line.call(first)
    line.pass_ms(10)
    younger = await line.call(first)
    line.pass_ms(line.policy.lease_ms)
    await second.heartbeat()
    await second.run_timers()
    await line.agent(second, "1001")
    assert await line.offers() == []
    await first.heartbeat()
    assert [o.call for o in await line.offers()] == [older]
    assert await first.position(younger) == 1


async def test_after_a_stall_a_new_caller_before_the_heartbeat_brings_the_others_back(line: Line) -> None:
    first, second = await line.process("ast1/voice-1"), await line.process("ast1/voice-2")
    older = await line.call(first)
    line.pass_ms(line.policy.lease_ms)
    await second.heartbeat()
    await second.run_timers()
    assert (await second.call(older)).parked  # type: ignore[union-attr]
    line.pass_ms(10)
    younger = await line.call(first)
    await first.heartbeat()
    await line.agent(second, "1001")
    assert [o.call for o in await line.offers()] == [older]
    assert await first.position(younger) == 1


async def test_a_process_restarted_under_its_name_does_not_own_what_it_forgot(line: Line) -> None:
    first = await line.process("ast1/voice-1")
    await line.agent(first, "1001")
    talking = await line.call(first)
    (offer,) = await line.offers()
    await first.answered(await first.ringing(offer, 20_000))
    waiting = await line.call(first)
    reborn = await line.process("ast1/voice-1")
    await line.agent(reborn, "1002")
    assert await line.messages() == [], "the waiting caller is nobody's yet"
    (adopted,) = await reborn.adopt_orphans()
    assert adopted.call == talking
    assert adopted.offer is not None
    await reborn.finished(adopted.offer, 0)
    await line.call(reborn, call=waiting)
    assert [o.call for o in await line.offers()] == [waiting]


async def test_a_caller_entering_elsewhere_during_an_offer_is_taken_over(line: Line) -> None:
    first, second = await line.process("ast1/voice-1"), await line.process("ast1/voice-2")
    await line.agent(first, "1001")
    request = line.request(first)
    await first.enqueue(request)
    assert await first.enqueue(request) is CallState.RESERVED, "the same owner asking twice changes nothing"
    (offer,) = await line.offers()
    again = line.request(second, call=request.call)
    await second.enqueue(again)
    assert [m["reason"] for m in await line.messages()] == ["taken_over"]
    (new,) = await line.offers("ast1/voice-2")
    assert (new.call, new.agent) == (request.call, "1001")
    with pytest.raises(StaleReservation):
        await first.ringing(offer, 20_000)


async def test_a_flush_is_noticed_and_everything_is_rebuilt_in_order(line: Line) -> None:
    acd = await line.process()
    await line.agent(acd, "1001")
    talk = line.request(acd)
    await acd.enqueue(talk)
    (offer,) = await line.offers()
    offer = await acd.answered(await acd.ringing(offer, 20_000))
    waiting = []
    for _ in range(3):
        line.pass_ms(100)
        waiting.append(line.request(acd))
        await acd.enqueue(waiting[-1])
    await line.redis.flushall()
    with pytest.raises(EpochChanged):
        await acd.heartbeat()
    with pytest.raises(EpochChanged):
        await acd.enqueue(waiting[0])
    with pytest.raises(EpochChanged):
        await acd.finished(offer, 0)
    assert await acd.open_epoch(line.new_number()) == 2
    with pytest.raises(StaleReservation):
        await acd.finished(offer, 0)
    await acd.device_state("8002", True, False)
    await acd.restore_agent("1002", "8002", {"general": 1}, AgentState.READY)
    new = await acd.resend_talk(talk, offer)
    await acd.restore_agent("1001", "8001", {"general": 1}, AgentState.NOT_READY, "lunch")
    for request in reversed(waiting):
        await acd.resend_call(request)
        assert await acd.position(request.call) == 1
    assert (await acd.heartbeat()).rebuilding
    assert await line.offers() == [], "nothing is matched before everyone had time to send"
    line.pass_ms(line.policy.rebuild_ms)
    await acd.run_timers()
    assert not (await acd.heartbeat()).rebuilding
    assert [(o.call, o.agent) for o in await line.offers()] == [(waiting[0].call, "1002")]
    assert [await acd.position(r.call) for r in waiting] == [None, 1, 2]
    await acd.finished(new, 0)
    view = await acd.agent("1001")
    assert view is not None
    assert (view.state, view.reason) == (AgentState.NOT_READY, "lunch")


async def test_after_a_rebuild_the_oldest_calls_get_the_longest_idle_agents(line: Line) -> None:
    acd = await line.process()
    await line.redis.flushall()
    await acd.open_epoch(line.new_number())
    for agent, groups in (("1003", ("expert-12333", "general")), ("1001", ("general",)), ("1002", ("general",))):
        await line.agent(acd, agent, *groups)
        line.pass_ms(1)
    requests = [line.request(acd, entered_ms=line.now - age) for age in (1_000, 5_000, 3_000, 2_000)]
    for request in requests:
        await acd.resend_call(request)
    line.pass_ms(line.policy.rebuild_ms)
    await acd.run_timers()
    oldest = [requests[i].call for i in (1, 2, 3)]
    assert [(o.call, o.agent) for o in await line.offers()] == list(zip(oldest, ("1003", "1001", "1002"), strict=True))


async def test_steps_go_on_from_the_first_enqueue_after_a_flush(line: Line) -> None:
    acd = await line.process()
    request = line.request(acd, queue="experts", queued_ms=line.now - 14_000)
    await line.agent(acd, "1001")
    await acd.enqueue(request)
    assert await line.offers() == []
    line.pass_ms(1_000)
    await acd.run_timers()
    assert len(await line.offers()) == 1


async def test_of_many_processes_one_opens_the_epoch_and_the_others_join(line: Line) -> None:
    processes = [await line.process(f"ast1/voice-{n}") for n in range(1, 4)]
    await line.redis.flushall()
    epochs = await asyncio.gather(*(acd.open_epoch(line.new_number()) for acd in processes))
    assert len(set(epochs)) == 1
    call = await line.call(processes[0])
    assert await processes[1].call(call) is not None
    # A straggler that has not noticed yet changes nothing, and joins when it does.
    late = Acd(line.redis, site=SITE, process="ast1/voice-4", clock=line.clock, policy=line.policy)
    with pytest.raises(EpochChanged):
        await late.heartbeat()
    assert await late.open_epoch(line.new_number()) == epochs[0]
    assert await processes[1].call(call) is not None


async def test_another_replication_id_is_another_epoch(line: Line) -> None:
    acd = await line.process()
    await line.agent(acd, "1001")
    await line.redis.replicaof("127.0.0.1", 1)
    await line.redis.replicaof("NO", "ONE")
    with pytest.raises(EpochChanged):
        await acd.heartbeat()
    assert await acd.open_epoch(line.new_number()) == 2
    assert await acd.agents() == [], "what a replica had may be old: everything is sent again"
    await acd.heartbeat()


async def test_records_of_a_version_that_laid_them_out_otherwise_are_another_epoch(line: Line) -> None:
    acd = await line.process()
    await line.agent(acd, "1001")
    await line.redis.hset(site_keys(SITE)[0], "layout", "another")
    with pytest.raises(EpochChanged):
        await acd.heartbeat()
    newer = Acd(line.redis, site=SITE, process="ast1/voice-2", clock=line.clock, policy=line.policy)
    await newer.load()
    assert newer.epoch == 0, "it does not join, and reads nothing"
    assert await newer.open_epoch(line.new_number()) == 2
    assert await newer.agents() == []
    assert await acd.open_epoch(line.new_number()) == 2, "the others join"
    await acd.heartbeat()


async def test_scripts_lost_by_a_restart_are_loaded_again(line: Line) -> None:
    acd = await line.process()
    await line.redis.script_flush()
    await line.agent(acd, "1001")
    await line.call(acd)
    assert len(await line.offers()) == 1


async def test_a_talk_displaces_an_offer_made_meanwhile_but_not_another_talk(line: Line) -> None:
    acd = await line.process()
    await line.agent(acd, "1001")
    real = line.request(acd)
    offered = await line.call(acd)
    (offer,) = await line.offers()
    fact = Offer("0-7", 0, line.now, real.call, "1001", "8001", "ast1", "general", "general", 4_000, 1)
    new = await acd.resend_talk(real, fact)
    assert await acd.resend_talk(real, fact) == new, "sending twice changes nothing"
    assert [m["reason"] for m in await line.messages()] == ["in_another_talk"]
    assert await acd.position(offered) == 1
    with pytest.raises(StaleReservation):
        await acd.answered(offer)
    with pytest.raises(Conflict):
        await acd.resend_talk(line.request(acd), fact)
    assert new.waited_ms == 4_000
    await acd.finished(new, 0)
    assert [o.call for o in await line.offers()] == [offered]


async def test_sending_an_offer_again_keeps_it(line: Line) -> None:
    acd = await line.process()
    request = line.request(acd)
    fact = Offer("0-7", 0, line.now, request.call, "1001", "8001", "ast1", "general", "general", 4_000, 2)
    new = await acd.resend_talk(request, fact, CallState.RINGING)
    await acd.restore_agent("1001", "8001", {"general": 1}, AgentState.READY)
    await acd.failed(new, Outcome.NO_ANSWER)
    assert await _state(acd) is AgentState.NOT_READY
    assert await acd.position(request.call) == 1


async def test_the_inbox_gives_messages_in_order_and_survives_the_wait(line: Line) -> None:
    acd = await line.process()
    await line.redis.lpush(inbox_key(SITE, "ast1/voice-1"), '{"type":"frame_written"}')
    await line.agent(acd, "1001")
    await line.call(acd)
    kinds = []
    async with asyncio.timeout(5):
        async for message in acd.inbox():
            kinds.append(message["type"])
            if len(kinds) == 2:
                break
    assert kinds == ["frame_written", "offer"]


async def test_a_redis_that_is_away_is_named(line: Line, redis_url: str) -> None:
    away = connect("redis://127.0.0.1:1/0", timeout=0.5)
    acd = Acd(away, site=SITE, process="ast1/voice-1", clock=line.clock, policy=line.policy)
    with pytest.raises(PartUnavailable):
        await acd.load()
    with pytest.raises(PartUnavailable):
        await acd.heartbeat()
    with pytest.raises(PartUnavailable):
        await acd.agents()
    await away.aclose()


async def test_offers_of_many_clients_and_stale_writers_never_collide(line: Line, redis_url: str) -> None:
    """20 agents, 200 calls, 4 processes with connections of their own, each write sent twice, some with old offers."""
    names = [f"ast1/voice-{n}" for n in range(1, 5)]
    clients = [aioredis.from_url(redis_url, decode_responses=True) for _ in names]
    lines = [Line(client) for client in clients]
    for other in lines:
        other.clock = line.clock
    first = await line.process(names[0])
    processes = [first] + [await other.process(name) for name, other in zip(names[1:], lines[1:], strict=True)]
    for n in range(20):
        await line.agent(first, str(1001 + n))
    calls_each = 50
    holders: dict[str, str] = {}
    served: list[str] = []
    stale = 0

    async def voice(index: int) -> None:
        nonlocal stale
        acd, mine = processes[index], lines[index]
        mine._calls = 1_000 * (index + 1)
        for _ in range(calls_each):
            await mine.call(acd)
        finished = 0
        former: Offer | None = None
        while finished < calls_each:
            message = await mine.redis.brpop([inbox_key(SITE, names[index])], timeout=5)
            assert message is not None, "callers wait, agents are free, and nothing happens"
            offer = Offer.from_message(orjson.loads(message[1]))
            assert holders.setdefault(offer.agent, offer.call) == offer.call, "an agent with two calls"
            offer = await acd.ringing(offer, 20_000)
            if former is not None:
                with pytest.raises(StaleReservation):
                    await acd.failed(former, Outcome.NO_ANSWER)
                stale += 1
            with pytest.raises(StaleReservation):
                await processes[(index + 1) % 4].answered(offer)
            offer = await acd.answered(offer)
            assert holders.pop(offer.agent) == offer.call
            await acd.finished(offer, 0)
            served.append(offer.call)
            former = offer
            finished += 1

    async with asyncio.timeout(60):
        await asyncio.gather(*(voice(index) for index in range(4)))
    assert len(served) == len(set(served)) == 4 * calls_each
    assert stale == 4 * (calls_each - 1)
    assert {view.state for view in await first.agents()} == {AgentState.READY}
    assert await first.calls() == []
    for client in clients:
        await client.aclose()
