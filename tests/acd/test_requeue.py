"""A citizen whom the agent gives on: the only way back from a talk into a queue."""

from __future__ import annotations

from dataclasses import replace

import pytest

from acd.errors import AnsweredCall, StaleReservation, UnknownQueue
from acd.model import CallRequest, Offer
from acd.service import Acd
from acd.states import AgentState, CallState
from hotline.errors import Conflict
from tests.acd.line import Line


async def in_talk(line: Line, acd: Acd) -> tuple[CallRequest, Offer]:
    await line.agent(acd, "1001")
    request = line.request(acd)
    await acd.enqueue(request)
    (offer,) = await line.offers()
    return request, await acd.answered(await acd.ringing(offer, 5_000))


async def state(acd: Acd, agent: str) -> AgentState:
    view = await acd.agent(agent)
    assert view is not None
    return view.state


async def test_another_group_has_the_citizen_at_the_place_of_the_entry(line: Line) -> None:
    acd = await line.process()
    request, offer = await in_talk(line, acd)
    line.pass_ms(2_000)
    await line.call(acd, queue="experts")
    await acd.requeue(offer, "experts")
    assert await state(acd, "1001") is AgentState.WRAP_UP
    await acd.enqueue(request)
    await line.agent(acd, "2002", "expert-12333")
    (again,) = await line.offers()
    assert (again.call, again.queue, again.agent) == (request.call, "experts", "2002"), "the earlier place comes first"
    view = await acd.call(request.call)
    assert view is not None
    assert (view.place_ms, view.answered) == (request.entered_ms, False)


async def test_nobody_is_matched_before_the_session_asks(line: Line) -> None:
    acd = await line.process()
    request, offer = await in_talk(line, acd)
    await line.agent(acd, "1002")
    await acd.requeue(offer, "general")
    assert await line.offers() == []
    await acd.enqueue(request)
    assert [one.agent for one in await line.offers()] == ["1002"]


async def test_whom_an_agent_gave_on_is_not_asked_back_to_the_same_agent(line: Line) -> None:
    acd = await line.process()
    request, offer = await in_talk(line, acd)
    await line.agent(acd, "1002")
    line.pass_ms(1_000)
    await acd.requeue(offer, "general", wrap_up_ms=0)
    await acd.enqueue(replace(request, prefer="1001"))
    (again,) = await line.offers()
    assert again.agent == "1002", "whoever is idle longest, not who was preferred"


async def test_a_phone_that_was_lost_has_its_agent_asked_alone_for_a_while(line: Line) -> None:
    acd = await line.process()
    request, offer = await in_talk(line, acd)
    await line.agent(acd, "1002")
    await acd.device_state("8001", False, False)
    await acd.requeue(offer, "general", prefer="1001", wrap_up_ms=0)
    await acd.enqueue(request)
    assert await line.offers() == []
    await acd.device_state("8001", True, False)
    (again,) = await line.offers()
    assert again.agent == "1001"


async def test_a_talk_that_is_over_can_still_be_given_on_by_who_held_it(line: Line) -> None:
    acd = await line.process()
    request, offer = await in_talk(line, acd)
    await acd.finished(offer, 0)
    with pytest.raises(AnsweredCall):
        await acd.enqueue(request)
    await acd.requeue(offer, "general")
    await acd.enqueue(request)
    assert [one.call for one in await line.offers()] == [request.call]


async def test_nothing_else_makes_a_waiting_call_of_an_answered_one(line: Line) -> None:
    acd = await line.process()
    other = await line.process("ast1/voice-2")
    request, offer = await in_talk(line, acd)
    before = await line.snapshot()
    for attempt in (
        acd.requeue(offer, "no-such-queue"),
        acd.requeue(replace(offer, reservation=offer.reservation + "9"), "general"),
        other.requeue(offer, "general"),
        acd.enqueue(request),
        acd.requeue(replace(offer, call="ast1-1763761000.999"), "general"),
    ):
        with pytest.raises((UnknownQueue, StaleReservation, Conflict)):
            await attempt
    # The refused `enqueue` leaves the lease of who asked, and nothing else.
    assert await line.snapshot() == before
    view = await acd.call(request.call)
    assert view is not None
    assert view.state is CallState.TALKING


async def test_who_waits_or_rings_cannot_be_given_on(line: Line) -> None:
    acd = await line.process()
    request = line.request(acd)
    await acd.enqueue(request)
    await line.agent(acd, "1001")
    (offer,) = await line.offers()
    with pytest.raises(Conflict):
        await acd.requeue(offer, "general")


async def test_a_citizen_who_never_comes_back_is_forgotten_in_time(line: Line) -> None:
    acd = await line.process()
    request, offer = await in_talk(line, acd)
    await acd.requeue(offer, "general")
    line.pass_ms(line.policy.orphan_ms + 1)
    await acd.run_timers()
    view = await acd.call(request.call)
    assert view is None or view.state is CallState.ENDED


async def test_only_the_agent_of_the_talk_is_heard(line: Line) -> None:
    acd = await line.process()
    request, offer = await in_talk(line, acd)
    await line.agent(acd, "1002", ready=False)
    await acd.say(request.call, "1001", {"type": "talk", "command": "hold"})
    (told,) = await line.messages(kind="talk")
    assert told == {"type": "talk", "command": "hold", "call": request.call, "agent": "1001"}
    for call, agent in ((request.call, "1002"), ("ast1-1763761000.999", "1001")):
        with pytest.raises(Conflict):
            await acd.say(call, agent, {"type": "talk", "command": "hold"})
    await acd.finished(offer, 0)
    with pytest.raises(Conflict):
        await acd.say(request.call, "1001", {"type": "talk", "command": "hold"})
    assert await line.messages(kind="talk") == []
