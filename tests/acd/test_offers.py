"""Stories of offers: who is matched with whom, and what becomes of an offer."""

from __future__ import annotations

import pytest

from acd.errors import AnsweredCall, StaleReservation
from acd.states import AgentState, CallState, Outcome
from hotline.errors import Conflict, InvalidInput
from tests.acd.line import Line


async def test_one_ready_agent_and_fifty_callers_make_one_offer(line: Line) -> None:
    acd = await line.process()
    calls = []
    for _ in range(50):
        calls.append(await line.call(acd))
        line.pass_ms(10)
    assert await line.offers() == []
    await line.agent(acd, "1001")
    (offer,) = await line.offers()
    assert (offer.call, offer.agent, offer.extension, offer.group) == (calls[0], "1001", "8001", "general")
    assert offer.waited_ms == 500
    assert offer.deadline_ms == line.now + line.policy.reserve_ms
    view = await acd.agent("1001")
    assert view is not None
    assert (view.state, view.call, view.reservation) == (AgentState.RESERVED, calls[0], offer.reservation)
    assert [await acd.position(call) for call in calls[:3]] == [None, 1, 2]


async def test_callers_are_served_in_order_of_entry_and_agents_by_longest_idle(line: Line) -> None:
    acd = await line.process()
    for agent in ("1003", "1001", "1002"):
        await line.agent(acd, agent)
        line.pass_ms(1)
    first = await line.call(acd)
    assert [(o.call, o.agent) for o in await line.offers()] == [(first, "1003")]
    await line.call(acd)
    await line.call(acd)
    assert [o.agent for o in await line.offers()] == ["1001", "1002"]
    line.pass_ms(1_000)
    later = await line.call(acd)
    earlier = await line.call(acd, entered_ms=line.now - 5_000)
    assert (await acd.position(earlier), await acd.position(later)) == (1, 2)
    await line.agent(acd, "1004")
    assert [o.call for o in await line.offers()] == [earlier]


async def test_a_head_start_moves_the_place_but_only_so_far(line: Line) -> None:
    acd = await line.process()
    first = await line.call(acd, entered_ms=line.now - line.policy.head_start_max_ms - 1)
    favoured = await line.call(acd, head_start_ms=10**9)
    plain = await line.call(acd, entered_ms=line.now - 1_000)
    assert [view.call for view in await acd.calls()] == [first, favoured, plain]


async def test_experts_first_then_general_at_once_when_the_step_is_due(line: Line) -> None:
    acd = await line.process()
    await line.agent(acd, "1001", "general")
    call = await line.call(acd, queue="experts", entered_ms=line.now - 60_000)
    assert await line.offers() == []
    line.pass_ms(14_999)
    await acd.heartbeat()
    await acd.run_timers()
    assert await line.offers() == []
    line.pass_ms(1)
    assert await acd.run_timers() >= 0
    (offer,) = await line.offers()
    assert (offer.call, offer.agent, offer.group, offer.waited_ms) == (call, "1001", "general", 15_000)


async def test_an_expert_takes_the_oldest_of_all_calls_it_may_take(line: Line) -> None:
    acd = await line.process()
    general = await line.call(acd)
    line.pass_ms(5)
    expert = await line.call(acd, queue="experts")
    await line.agent(acd, "1001", "general", "expert-12333")
    assert [o.call for o in await line.offers()] == [general]
    await line.agent(acd, "1002", "general", "expert-12333")
    assert [o.call for o in await line.offers()] == [expert]


async def test_the_whole_way_to_ready_again(line: Line) -> None:
    acd = await line.process()
    await line.agent(acd, "1001")
    call = await line.call(acd)
    (offer,) = await line.offers()
    offer = await acd.ringing(offer, 20_000)
    assert offer.deadline_ms == line.now + 20_000 + line.policy.ring_grace_ms
    assert (await acd.agent("1001")).state is AgentState.RINGING  # type: ignore[union-attr]
    offer = await acd.answered(offer)
    assert await acd.answered(offer) == offer, "a lost answer may be asked for again"
    line.pass_ms(29_000)
    offer = await acd.renew(offer, line.now + 30_000)
    line.pass_ms(29_000)
    await acd.heartbeat()
    await acd.run_timers()
    await acd.finished(offer, 10_000)
    agent = await acd.agent("1001")
    assert agent is not None
    assert (agent.state, agent.deadline_ms, agent.call) == (AgentState.WRAP_UP, line.now + 10_000, None)
    ended = await acd.call(call)
    assert ended is not None
    assert (ended.state, ended.answered) == (CallState.ENDED, True)
    await acd.heartbeat()
    line.pass_ms(10_000)
    await acd.run_timers()
    assert (await acd.agent("1001")).state is AgentState.READY  # type: ignore[union-attr]


@pytest.mark.parametrize("phone_free", [True, False])
async def test_a_phone_known_to_have_hung_up_need_not_be_told_of(line: Line, phone_free: bool) -> None:
    acd = await line.process()
    await line.agent(acd, "1001")
    await line.call(acd)
    (offer,) = await line.offers()
    offer = await acd.answered(await acd.ringing(offer, 20_000))
    await acd.device_state(offer.extension, reachable=True, in_use=True)
    await line.call(acd)
    await acd.finished(offer, 0, phone_free=phone_free)
    assert len(await line.offers()) == (1 if phone_free else 0)
    await acd.device_state(offer.extension, reachable=True, in_use=False)
    assert len(await line.offers()) == (0 if phone_free else 1)


async def test_an_answered_call_is_never_queued_again(line: Line) -> None:
    acd = await line.process()
    await line.agent(acd, "1001")
    request = line.request(acd)
    await acd.enqueue(request)
    (offer,) = await line.offers()
    offer = await acd.answered(await acd.ringing(offer, 20_000))
    with pytest.raises(AnsweredCall):
        await acd.enqueue(request)
    await acd.finished(offer, 0)
    with pytest.raises(AnsweredCall):
        await acd.enqueue(request)
    with pytest.raises(Conflict):
        await acd.failed(offer, Outcome.NO_ANSWER)
    line.pass_ms(line.policy.forget_ms)
    await acd.run_timers()
    assert await acd.call(request.call) is None, "forgotten after its time"


async def test_each_ended_call_is_forgotten_at_its_own_time_and_one_that_came_again_is_not(line: Line) -> None:
    acd = await line.process()
    calls = []
    for _ in range(3):
        calls.append(await line.call(acd))
        await acd.leave(calls[-1])
        line.pass_ms(1_000)
    again = line.request(acd, call=calls[1])
    await acd.enqueue(again)

    async def known() -> list[bool]:
        await acd.heartbeat()
        await acd.run_timers()
        return [await acd.call(call) is not None for call in calls]

    line.pass_ms(line.policy.forget_ms - 3_001)
    assert await known() == [True, True, True]
    line.pass_ms(1)
    assert await known() == [False, True, True]
    line.pass_ms(1_000)
    assert await known() == [False, True, True], "the second came again and waits"
    await acd.leave(calls[1])
    line.pass_ms(1_000)
    assert await known() == [False, True, False]
    line.pass_ms(line.policy.forget_ms)
    assert await known() == [False, False, False]


@pytest.mark.parametrize(
    ("outcome", "state", "reason"),
    [
        (Outcome.NO_ANSWER, AgentState.NOT_READY, "no_answer"),
        (Outcome.REJECTED, AgentState.NOT_READY, "rejected"),
        (Outcome.BUSY, AgentState.UNREACHABLE, "busy"),
        (Outcome.UNREGISTERED, AgentState.UNREACHABLE, "unregistered"),
        (Outcome.FAILED, AgentState.UNREACHABLE, "failed"),
    ],
)
async def test_a_failed_offer_keeps_the_callers_place(
    line: Line, outcome: Outcome, state: AgentState, reason: str
) -> None:
    acd = await line.process()
    first = await line.call(acd)
    line.pass_ms(5)
    second = await line.call(acd)
    await line.agent(acd, "1001")
    (offer,) = await line.offers()
    offer = await acd.ringing(offer, 20_000)
    line.pass_ms(1_000)
    await acd.failed(offer, outcome)
    agent = await acd.agent("1001")
    assert agent is not None
    assert (agent.state, agent.reason) == (state, reason)
    assert agent.deadline_ms is not None, "policy put the agent there, so there is a deadline"
    assert [await acd.position(first), await acd.position(second)] == [1, 2]
    await line.agent(acd, "1002")
    (again,) = await line.offers()
    assert (again.call, again.attempt) == (first, 2)
    with pytest.raises(StaleReservation):
        await acd.answered(offer)


async def test_a_phone_that_registers_again_rests_no_longer(line: Line) -> None:
    acd = await line.process()
    await line.agent(acd, "1001")
    call = await line.call(acd)
    (offer,) = await line.offers()
    await acd.failed(offer, Outcome.UNREGISTERED)
    await acd.device_state("8001", True, False)
    assert await line.offers() == [], "that it was registered is what was said before it failed, too"
    await acd.device_state("8001", False, False)
    assert await line.offers() == []
    await acd.device_state("8001", True, False)
    assert [o.call for o in await line.offers()] == [call]


async def test_a_phone_that_failed_rests_and_then_gets_the_call_again(line: Line) -> None:
    acd = await line.process()
    await line.agent(acd, "1001")
    call = await line.call(acd)
    (offer,) = await line.offers()
    await acd.failed(offer, Outcome.BUSY)
    await acd.device_state("8001", True, False)
    assert await line.offers() == [], "no tight loop of offers"
    await acd.heartbeat()
    line.pass_ms(line.policy.rest_ms)
    await acd.heartbeat()
    await acd.run_timers()
    assert [o.call for o in await line.offers()] == [call]


async def test_a_caller_that_hangs_up_frees_the_agent_with_its_idle_time(line: Line) -> None:
    acd = await line.process()
    await line.agent(acd, "1001")
    idle = (await acd.agent("1001")).idle_since_ms  # type: ignore[union-attr]
    line.pass_ms(7_000)
    call = await line.call(acd)
    (offer,) = await line.offers()
    await acd.failed(await acd.ringing(offer, 20_000), Outcome.CALLER_GONE)
    agent = await acd.agent("1001")
    assert agent is not None
    assert (agent.state, agent.idle_since_ms) == (AgentState.READY, idle)
    assert (await acd.call(call)).state is CallState.ENDED  # type: ignore[union-attr]
    other = await line.call(acd)
    await acd.leave(other)
    assert (await acd.agent("1001")).state is AgentState.READY  # type: ignore[union-attr]


async def test_leaving_the_queue(line: Line) -> None:
    acd = await line.process()
    call = await line.call(acd)
    await acd.leave(call)
    await acd.leave(call)
    await acd.leave("ast1-1.1")
    await line.agent(acd, "1001")
    assert await line.offers() == []
    back = await line.call(acd, call=call, entered_ms=line.now + 99)
    view = await acd.call(back)
    assert view is not None
    assert view.place_ms < line.now + 99, "back in the queue, at the place of its first entry"


async def test_stale_writes_change_nothing(line: Line) -> None:
    acd = await line.process()
    await line.agent(acd, "1001")
    await line.call(acd)
    (old,) = await line.offers()
    await acd.failed(old, Outcome.EXPIRED)
    (live,) = await line.offers()
    before = await line.snapshot()
    for write in (
        acd.ringing(old, 1_000),
        acd.answered(old),
        acd.failed(old, Outcome.BUSY),
        acd.finished(old, 0),
        acd.renew(old, line.now + 10**6),
    ):
        with pytest.raises(StaleReservation):
            await write
    assert await line.snapshot() == before
    line.pass_ms(line.policy.reserve_ms)
    for late in (acd.ringing(live, 1_000), acd.answered(live), acd.failed(live, Outcome.BUSY)):
        with pytest.raises(StaleReservation):
            await late
    assert await line.snapshot() == before, "past its deadline, though no timer ran yet"


async def test_an_offer_nobody_takes_up_expires(line: Line) -> None:
    acd = await line.process()
    await line.agent(acd, "1001")
    call = await line.call(acd)
    (offer,) = await line.offers()
    line.pass_ms(line.policy.reserve_ms)
    await acd.heartbeat()
    assert await acd.run_timers() <= 200
    revoked, again = await line.messages()
    assert (revoked["type"], revoked["reservation"], revoked["reason"]) == ("revoked", offer.reservation, "expired")
    assert (again["type"], again["call"], again["attempt"]) == ("offer", call, 2)


async def test_ringing_past_its_time_counts_as_no_answer(line: Line) -> None:
    acd = await line.process()
    await line.agent(acd, "1001")
    call = await line.call(acd)
    (offer,) = await line.offers()
    await acd.ringing(offer, 20_000)
    line.pass_ms(20_000)
    await acd.heartbeat()
    await acd.run_timers()
    assert await line.messages() == [], "the grace after the ringing time is the owner's"
    line.pass_ms(line.policy.ring_grace_ms)
    await acd.heartbeat()
    await acd.run_timers()
    assert [m["type"] for m in await line.messages()] == ["revoked"]
    agent = await acd.agent("1001")
    assert agent is not None
    assert (agent.state, agent.reason) == (AgentState.NOT_READY, "no_answer")
    assert await acd.position(call) == 1


async def test_a_timer_set_anew_by_another_of_the_same_batch_is_kept(line: Line) -> None:
    acd = await line.process()
    await line.agent(acd, "1001", "expert-12333")
    await line.call(acd, queue="experts")
    (offer,) = await line.offers()
    await acd.finished(await acd.answered(offer), 15_000)
    call = await line.call(acd, queue="experts", entered_ms=line.now - 1)
    line.pass_ms(16_000)  # both the wrap-up and the call's step are due, in this order
    await acd.heartbeat()
    await acd.run_timers()
    (offer,) = await line.offers()
    line.pass_ms(line.policy.reserve_ms)
    await acd.heartbeat()
    await acd.run_timers()
    assert next((m["type"], m["reservation"]) for m in await line.messages()) == ("revoked", offer.reservation)
    assert offer.call == call


async def test_a_talk_that_nobody_renews_ends_with_wrap_up(line: Line) -> None:
    acd = await line.process()
    await line.agent(acd, "1001")
    call = await line.call(acd)
    (offer,) = await line.offers()
    await acd.answered(await acd.ringing(offer, 20_000))
    line.pass_ms(line.policy.talk_ms)
    await acd.heartbeat()
    await acd.run_timers()
    assert [m["reason"] for m in await line.messages()] == ["talk_expired"]
    assert (await acd.agent("1001")).state is AgentState.WRAP_UP  # type: ignore[union-attr]
    assert (await acd.call(call)).state is CallState.ENDED  # type: ignore[union-attr]


async def test_requests_that_cannot_be_meant(line: Line) -> None:
    acd = await line.process()
    for wrong in (
        {"queue": ""},
        {"queue": "General!"},
        {"prefer": "no such agent"},
        {"call": "ast1-1|2"},
        {"owner": "ast1/voice-9"},
    ):
        with pytest.raises(InvalidInput):
            await acd.enqueue(line.request(acd, **wrong))
    assert await acd.calls() == []
