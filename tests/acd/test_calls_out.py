"""Calls that agents make (外呼): theirs or nobody's, whatever happens meanwhile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from acd.errors import EpochChanged, StaleReservation
from acd.model import CallRequest, Offer
from acd.service import Acd
from acd.states import AgentState, CallState, Outcome
from hotline.errors import Conflict, InvalidInput
from tests.acd.line import Line, sources_without


def wanted(line: Line, acd: Acd, agent: str = "1001") -> CallRequest:
    return line.request(acd, call="call-out-7.1", only=agent)


async def out(line: Line, acd: Acd, agent: str = "1001") -> Offer:
    await acd.call_out(wanted(line, acd, agent))
    (offer,) = await line.offers()
    assert (offer.call, offer.agent, offer.group) == ("call-out-7.1", agent, f"@{agent}")
    return offer


async def state(acd: Acd, agent: str = "1001") -> AgentState:
    view = await acd.agent(agent)
    assert view is not None
    return view.state


async def call_state(acd: Acd) -> CallState:
    view = await acd.call("call-out-7.1")
    assert view is not None
    return view.state


async def test_a_free_agent_is_reserved_at_once_though_others_wait_longer(line: Line) -> None:
    acd = await line.process()
    await line.agent(acd, "1001", ready=False)
    waiting = await line.call(acd)
    offer = await out(line, acd)
    assert await state(acd) is AgentState.RESERVED
    await acd.answered(await acd.ringing(offer, 5_000))
    await acd.finished(offer, 0)
    assert await call_state(acd) is CallState.ENDED
    assert await state(acd) is AgentState.NOT_READY, "not ready before, not ready after"
    await acd.set_ready("1001")
    assert [offer.call for offer in await line.offers()] == [waiting]


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.CALLER_GONE])
async def test_an_offer_that_fails_is_its_end(line: Line, outcome: Outcome) -> None:
    acd = await line.process()
    await line.agent(acd, "1001")
    offer = await out(line, acd)
    await line.agent(acd, "1002")
    await acd.failed(await acd.ringing(offer, 5_000), outcome)
    assert await call_state(acd) is CallState.ENDED
    assert await line.offers() == []
    assert await acd.queue_lengths() == dict.fromkeys(await acd.queue_lengths(), 0)
    await acd.leave("call-out-7.1")


async def test_a_deadline_that_passes_is_its_end(line: Line) -> None:
    acd = await line.process()
    await line.agent(acd, "1001")
    await out(line, acd)
    await line.agent(acd, "1002")
    line.pass_ms(line.policy.reserve_ms + 1)
    await acd.heartbeat()
    await acd.run_timers()
    assert await call_state(acd) is CallState.ENDED
    assert [m["type"] for m in await line.messages()] == ["revoked"]
    assert await state(acd) is AgentState.READY


async def test_an_agent_who_signs_in_elsewhere_takes_it_to_its_end(line: Line) -> None:
    acd = await line.process()
    await line.agent(acd, "1001")
    await out(line, acd)
    await acd.device_state("8099", True, False)
    await acd.sign_in("1001", "8099", {"general": 1})
    assert await call_state(acd) is CallState.ENDED


async def test_in_wrap_up_an_agent_may_call_and_then_what_was_wanted_follows(line: Line) -> None:
    acd = await line.process()
    await line.agent(acd, "1001")
    await line.call(acd)
    (talk,) = await line.offers()
    await acd.answered(await acd.ringing(talk, 5_000))
    await acd.set_not_ready("1001", "用餐")
    await acd.finished(talk, 30_000)
    assert await state(acd) is AgentState.WRAP_UP
    offer = await out(line, acd)
    line.pass_ms(1_000)
    await acd.failed(await acd.ringing(offer, 5_000), Outcome.CALLER_GONE)
    view = await acd.agent("1001")
    assert view is not None
    assert (view.state, view.reason) == (AgentState.NOT_READY, "用餐")


async def test_nobody_who_is_occupied_or_away_is_reserved_and_nothing_changes(line: Line) -> None:
    acd = await line.process()
    with pytest.raises(Conflict, match="not free"):
        await acd.call_out(wanted(line, acd))
    await line.agent(acd, "1001")
    await acd.device_state("8001", True, True)
    await acd.device_state("8002", True, False)
    await acd.sign_in("1002", "8002", {"general": 1})
    before = await line.snapshot()
    with pytest.raises(Conflict):
        await acd.call_out(wanted(line, acd))
    assert await line.snapshot() == before
    await out(line, acd, "1002")
    with pytest.raises(Conflict, match="known"):
        await acd.call_out(wanted(line, acd, "1002"))
    with pytest.raises(Conflict, match="not free"):
        await acd.call_out(replace(wanted(line, acd, "1002"), call="call-out-8.1"))
    with pytest.raises(InvalidInput):
        await acd.call_out(line.request(acd))


async def test_after_a_flush_a_talk_is_told_again_and_stays_that_agents(line: Line) -> None:
    acd = await line.process()
    await line.agent(acd, "1001")
    request = wanted(line, acd)
    await acd.call_out(request)
    (offer,) = await line.offers()
    offer = await acd.ringing(offer, 5_000)
    await line.redis.flushall()
    again = await line.process()
    with pytest.raises((EpochChanged, StaleReservation)):
        await acd.failed(offer, Outcome.BUSY)
    renewed = await again.resend_talk(request, offer, CallState.RINGING)
    await line.agent(again, "1002")
    await again.failed(renewed, Outcome.BUSY)
    assert await call_state(again) is CallState.ENDED
    assert await line.offers() == []


async def test_without_its_protection_it_would_go_to_others(line: Line) -> None:
    """The mutant: what keeps a call out from everybody else is noticed when it is missing."""
    line = Line(line.redis, sources=sources_without("only"))
    acd = await line.process()
    await line.agent(acd, "1001")
    offer = await out(line, acd)
    await line.agent(acd, "1002")
    await acd.failed(await acd.ringing(offer, 5_000), Outcome.BUSY)
    assert [stray.agent for stray in await line.offers()] == ["1002"]
