"""Queues: levels, steps in time, edits while calls wait, who gets the call, limits, and calls that are led by hand."""

from __future__ import annotations

import pytest

from acd.errors import QueueFull, UnknownQueue
from acd.needs import Need
from acd.queues import Overflow, OverflowAction, QueueRule, TieBreak
from acd.service import Acd
from acd.states import AgentState, CallState
from hotline.errors import Conflict, InvalidInput
from tests.acd.line import RULES, Line, rule

SKILLED = rule("skilled", (0, "expert:4"), (20_000, "expert:2"))


async def configured(line: Line, *rules: QueueRule, version: int = 2) -> Acd:
    acd = await line.process()
    assert await acd.configure((*RULES, *rules), version)
    return acd


async def seated(line: Line, acd: Acd, agent: str, **groups: int) -> None:
    await acd.device_state("8" + agent[1:], True, False)
    await acd.sign_in(agent, "8" + agent[1:], groups)
    await acd.set_ready(agent)
    line.pass_ms(1)


async def offered(line: Line) -> list[tuple[str, str]]:
    return [(offer.call, offer.agent) for offer in await line.offers()]


async def until(line: Line, acd: Acd, milliseconds: int) -> None:
    """Time passes with beats, as processes keep it."""
    while milliseconds > 0:
        beat = min(milliseconds, 1_000)
        line.pass_ms(beat)
        milliseconds -= beat
        await acd.heartbeat()
        await acd.run_timers()


async def test_a_lower_level_qualifies_when_its_step_opens_and_the_place_stays(line: Line) -> None:
    acd = await configured(line, SKILLED)
    await seated(line, acd, "1001", expert=2)
    call = await line.call(acd, queue="skilled", entered_ms=line.now - 7)
    before = await acd.call(call)
    await until(line, acd, 19_999)
    assert await line.offers() == []
    await until(line, acd, 1)
    (offer,) = await line.offers()
    assert (offer.call, offer.agent, offer.group, offer.queue) == (call, "1001", "expert:2", "skilled")
    after = await acd.call(call)
    assert before is not None
    assert after is not None
    assert (after.place_ms, after.queued_ms) == (before.place_ms, before.queued_ms)


@pytest.mark.parametrize("need", ["expert", "expert:2", "expert:4", "expert-12333", "expert+expert-12333"])
async def test_a_freed_agent_finds_the_caller_in_whichever_pool(line: Line, need: str) -> None:
    """One look goes over all of an agent's pools, whose names begin alike; others are between them."""
    needs = ("expert", "expert:2", "expert:4", "expert-12333", "expert+expert-12333", "expert-1", "expert:9", "f", "a")
    acd = await configured(line, *(rule(f"q{n}", (0, text)) for n, text in enumerate(needs)))
    for other in ("expert-1", "expert:9", "f", "a"):
        await line.call(acd, queue=f"q{needs.index(other)}")
    call = await line.call(acd, queue=f"q{needs.index(need)}")
    await seated(line, acd, "1001", **{"expert": 5, "expert-12333": 1})
    assert await offered(line) == [(call, "1001")]


async def test_an_edited_step_applies_to_calls_that_wait(line: Line) -> None:
    acd = await configured(line, SKILLED)
    await seated(line, acd, "1001", expert=2)
    call = await line.call(acd, queue="skilled")
    later = await line.call(acd, queue="skilled")
    await until(line, acd, 5_000)
    edited = rule("skilled", (0, "expert:4"), (5_000, "expert:2"))
    assert await acd.configure((*RULES, edited), 3)
    assert await offered(line) == [(call, "1001")]
    assert not await acd.configure((*RULES, SKILLED), 2), "an older version came late"
    assert await acd.position(later) == 1


async def test_a_need_of_two_skills_is_met_by_both_only(line: Line) -> None:
    acd = await configured(line, rule("both", (0, "dialect-henan:3+expert:2")))
    await seated(line, acd, "1001", expert=9)
    await seated(line, acd, "1002", **{"dialect-henan": 9})
    call = await line.call(acd, queue="both")
    assert await line.offers() == []
    await acd.set_groups("1002", {"dialect-henan": 3, "expert": 2})
    assert await offered(line) == [(call, "1002")]


async def test_who_gets_the_call_is_the_queues_own_rule(line: Line) -> None:
    for tie_break, expected in (
        (TieBreak.LONGEST_IDLE, "1001"),
        (TieBreak.MOST_PROFICIENT, "1002"),
        (TieBreak.LEAST_OCCUPIED, "1003"),
    ):
        await line.redis.flushall()
        acd = await configured(line, rule("tie", (0, "general"), tie_break=tie_break))
        for agent, level in (("1001", 3), ("1002", 7)):
            await seated(line, acd, agent, general=level)
        for worked in ("1001", "1002"):
            # Both have worked, and 1001 is idle for longer by now.
            call = await line.call(acd, queue="general")
            await acd.pick(call, worked) if await acd.position(call) else None
            (offer,) = await line.offers()
            await acd.answered(await acd.ringing(offer, 20_000))
            line.pass_ms(4_000)
            await acd.finished(offer, 0)
        await seated(line, acd, "1003", general=1)
        call = await line.call(acd, queue="tie")
        assert await offered(line) == [(call, expected)], tie_break


async def test_the_last_agent_is_waited_for_alone_and_then_anybody_serves(line: Line) -> None:
    acd = await configured(line, rule("own", (0, "general"), affinity_ms=8_000))
    await seated(line, acd, "1001", general=1)
    await line.call(acd, queue="general")
    (busy,) = await line.offers()
    await acd.answered(await acd.ringing(busy, 20_000))
    await seated(line, acd, "1002", general=1)
    call = await line.call(acd, queue="own", prefer="1001")
    assert await line.offers() == [], "1002 is free, and is not asked yet"
    view = await acd.call(call)
    assert view is not None
    assert view.prefer == "1001"
    await until(line, acd, 7_999)
    assert await line.offers() == []
    await until(line, acd, 1)
    assert (call, "1002") in await offered(line)


async def test_an_agent_who_cannot_come_is_not_waited_for(line: Line) -> None:
    acd = await configured(line)
    await seated(line, acd, "1002", general=1)
    await acd.device_state("8001", True, False)
    await acd.sign_in("1001", "8001", {"general": 1})
    call = await line.call(acd, prefer="1001")
    assert await offered(line) == [(call, "1002")]
    unknown = await line.call(acd, prefer="1099")
    view = await acd.call(unknown)
    assert view is not None
    assert view.groups == ("general",)


async def test_a_released_call_is_open_to_all(line: Line) -> None:
    acd = await configured(line)
    await seated(line, acd, "1001", general=1)
    await line.call(acd)
    await seated(line, acd, "1002", general=1)
    call = await line.call(acd, prefer="1001")
    await line.offers()
    await acd.release(call)
    assert await offered(line) == [(call, "1002")]
    with pytest.raises(Conflict):
        await acd.release(call)


async def test_a_full_queue_refuses_the_next_and_changes_nothing(line: Line) -> None:
    acd = await configured(line, rule("small", (0, "expert"), max_waiting=2))
    first = await line.call(acd, queue="small")
    await line.call(acd, queue="small")
    before = await line.snapshot()
    third = line.request(acd, queue="small")
    with pytest.raises(QueueFull):
        await acd.enqueue(third)
    assert await line.snapshot() == before
    await acd.enqueue(line.request(acd, queue="small", call=first))
    assert await acd.position(first) == 1, "who is in stays in"
    forced = line.request(acd, queue="small", even_if_full=True)
    await acd.enqueue(forced)
    assert await acd.position(forced.call) == 3
    assert await acd.queue_lengths() == {"expert": 0, "experts": 0, "general": 0, "small": 3}


async def test_who_waits_for_too_long_is_told_once_and_waits_on(line: Line) -> None:
    acd = await configured(line, rule("limited", (0, "expert"), max_wait_ms=3_000))
    call = await line.call(acd, queue="limited")
    await until(line, acd, 10_000)
    assert await line.messages() == [{"type": "late", "call": call, "queue": "limited"}]
    assert await acd.position(call) == 1


async def test_who_waits_for_too_long_overflows_at_the_same_place(line: Line) -> None:
    over = Overflow(OverflowAction.QUEUE, "general")
    acd = await configured(line, rule("limited", (0, "expert"), max_wait_ms=3_000, when_late=over))
    first = await line.call(acd, queue="limited")
    line.pass_ms(1_000)
    second = await line.call(acd)
    await until(line, acd, 3_000)
    assert await line.messages() == [{"type": "moved", "call": first, "queue": "general"}]
    assert [view.call for view in await acd.waiting("general")] == [first, second]
    # A caller that enters again is in the queue it was moved to.
    await acd.enqueue(line.request(acd, call=first, queue="limited"))
    assert [view.call for view in await acd.waiting("general")] == [first, second]


async def test_a_supervisor_moves_and_an_agent_picks(line: Line) -> None:
    acd = await configured(line)
    first, second = await line.call(acd, queue="experts"), await line.call(acd, queue="experts")
    await acd.device_state("8001", True, False)
    await acd.sign_in("1001", "8001", {"general": 1})
    await acd.pick(second, "1001")
    (offer,) = await line.offers()
    assert (offer.call, offer.agent) == (second, "1001")
    with pytest.raises(Conflict, match="not free"):
        await acd.pick(first, "1001")
    await acd.answered(await acd.ringing(offer, 5_000))
    await acd.finished(offer, 0)
    view = await acd.agent("1001")
    assert view is not None
    assert (view.state, view.reason) == (AgentState.NOT_READY, "signed_in"), "not ready before, not ready after"
    await acd.set_ready("1001")
    await acd.move(first, "general")
    assert (first, "1001") in await offered(line)
    with pytest.raises(Conflict):
        await acd.move(first, "general")
    with pytest.raises(UnknownQueue):
        await acd.move(await line.call(acd), "nowhere")


async def test_states_within_a_talk_and_after_call_work(line: Line) -> None:
    acd = await configured(line, rule("timed", (0, "general"), wrap_up_ms=10_000, wrap_up_max_ms=25_000))
    await seated(line, acd, "1001", general=1)
    await line.call(acd, queue="timed")
    (offer,) = await line.offers()
    with pytest.raises(Conflict):
        await acd.in_talk(offer, AgentState.HOLD)
    offer = await acd.answered(await acd.ringing(offer, 5_000))
    for state in (AgentState.HOLD, AgentState.CONSULT, AgentState.CONFERENCE, AgentState.TALKING, AgentState.HOLD):
        await acd.in_talk(offer, state)
        view = await acd.agent("1001")
        assert view is not None
        assert view.state is state
    with pytest.raises(InvalidInput):
        await acd.in_talk(offer, AgentState.READY)
    await acd.set_not_ready("1001", "meal")
    await acd.finished(offer)
    ends = line.now + 10_000
    view = await acd.agent("1001")
    assert view is not None
    assert (view.state, view.deadline_ms, view.pending, view.queue) == (
        AgentState.WRAP_UP,
        ends,
        AgentState.NOT_READY,
        "timed",
    )
    assert await acd.extend_wrap_up("1001", 10_000) == ends + 10_000
    assert await acd.extend_wrap_up("1001", 10_000) == ends + 15_000, "the queue's longest"
    with pytest.raises(Conflict):
        await acd.extend_wrap_up("1001", 1)
    await until(line, acd, 24_999)
    assert (await acd.agent("1001")).state is AgentState.WRAP_UP  # type: ignore[union-attr]
    await until(line, acd, 1)
    assert (await acd.agent("1001")).reason == "meal"  # type: ignore[union-attr]


async def test_a_phone_that_never_takes_a_call_rests_longer_each_time(line: Line) -> None:
    from acd.states import Outcome

    acd = await configured(line)
    await seated(line, acd, "1001", general=1)
    await line.call(acd)
    rests = []
    for _ in range(6):
        (offer,) = await line.offers()
        await acd.failed(offer, Outcome.BUSY)
        view = await acd.agent("1001")
        assert view is not None
        assert view.deadline_ms is not None
        rests.append(view.deadline_ms - line.now)
        await until(line, acd, rests[-1])
    assert rests == [5_000, 10_000, 20_000, 40_000, 60_000, 60_000]


async def test_a_removed_queue_serves_who_is_in_it(line: Line) -> None:
    acd = await configured(line, SKILLED)
    call = await line.call(acd, queue="skilled")
    assert await acd.configure(RULES, 3)
    await seated(line, acd, "1001", expert=4)
    assert await offered(line) == [(call, "1001")]
    assert await acd.configure(RULES, 4)
    with pytest.raises(UnknownQueue):
        await line.call(acd, queue="skilled")


async def test_what_cannot_be_meant_is_refused() -> None:
    for broken in ("", "general:0", "general:10", "general+general", "General", "a:x", "+"):
        with pytest.raises(InvalidInput):
            Need.parse(broken)
    assert Need.parse("b:2+a").text == "a+b:2"
    for steps in ((), ((1, "general"),), ((0, "general"), (5, "general"), (5, "general"))):
        with pytest.raises(InvalidInput):
            rule("general", *steps)


async def test_phones_of_a_host_nobody_sees_are_not_offered_and_come_back(line: Line) -> None:
    from acd.model import AcdPolicy

    line.policy = AcdPolicy(host_lease_ms=6_000)
    here, there = await line.process("ast1/voice-1"), await line.process("ast2/voice-1")
    await seated(line, there, "1001", general=1)
    await seated(line, here, "1002", general=1)

    async def beats(seconds: int, asterisk: bool) -> None:
        for _ in range(seconds):
            line.pass_ms(1_000)
            await here.heartbeat()
            await there.heartbeat(asterisk=asterisk)
            await here.run_timers()

    async def state(agent: str) -> AgentState:
        view = await here.agent(agent)
        assert view is not None
        return view.state

    await beats(5, asterisk=False)
    assert await state("1001") is AgentState.READY
    await beats(1, asterisk=False)
    assert await state("1001") is AgentState.UNREACHABLE
    assert await state("1002") is AgentState.READY
    await there.heartbeat()
    assert await state("1001") is AgentState.UNREACHABLE, "nobody has told of its phone since"
    await there.device_state("8001", True, False)
    assert await state("1001") is AgentState.READY
    # Registered elsewhere, while the old host is away: the new one is where it is.
    await beats(7, asterisk=False)
    await here.device_state("8001", True, False)
    call = await line.call(here)
    line.pass_ms(1)
    other = await line.call(here)
    found = {offer.call: (offer.agent, offer.host) for offer in await line.offers()}
    assert found == {call: ("1002", "ast1"), other: ("1001", "ast1")}
    assert (await here.call(call)).state is CallState.RESERVED  # type: ignore[union-attr]
