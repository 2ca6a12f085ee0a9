"""Stories of agents: signing in, pending wishes, wrap-up, phones that come and go."""

from __future__ import annotations

import asyncio

import pytest

from acd.model import AgentView, Offer
from acd.service import Acd
from acd.states import AgentState, CallState
from hotline.errors import Conflict, InvalidInput
from tests.acd.line import Line


async def _agent(acd: Acd, agent: str = "1001") -> AgentView:
    view = await acd.agent(agent)
    assert view is not None
    return view


async def _talk(line: Line, acd: Acd) -> Offer:
    await line.agent(acd, "1001")
    await line.call(acd)
    (offer,) = await line.offers()
    return await acd.answered(await acd.ringing(offer, 20_000))


async def test_sign_in_is_not_ready_until_asked_and_unknown_phones_are_not_offerable(line: Line) -> None:
    acd = await line.process()
    await line.call(acd)
    view = await acd.sign_in("1001", "8001", {"general": 1})
    assert (view.state, view.reason, view.deadline_ms) == (AgentState.NOT_READY, "signed_in", None)
    await acd.set_ready("1001")
    assert ((await _agent(acd)).state, (await _agent(acd)).reason) == (AgentState.UNREACHABLE, "unknown")
    await acd.device_state("8001", True, True)
    assert (await _agent(acd)).reason == "in_use"
    assert await line.offers() == []
    await acd.device_state("8001", True, False)
    assert len(await line.offers()) == 1


async def test_sign_in_takes_over_the_agents_older_session(line: Line) -> None:
    acd = await line.process()
    await line.agent(acd, "1001")
    await acd.device_state("8005", True, False)
    view = await acd.sign_in("1001", "8005", {"general": 1})
    assert (view.extension, view.state) == ("8005", AgentState.NOT_READY)
    await line.call(acd)
    assert await line.offers() == [], "the old session is offered nothing"
    await acd.sign_in("1002", "8001", {"general": 1})  # the seat is free again
    with pytest.raises(Conflict):
        await acd.sign_in("1003", "8005", {"general": 1})
    await acd.set_ready("1001")
    assert [o.extension for o in await line.offers()] == ["8005"]


async def test_signing_in_elsewhere_during_an_offer_gives_the_caller_back(line: Line) -> None:
    acd = await line.process()
    await line.agent(acd, "1001")
    call = await line.call(acd)
    (offer,) = await line.offers()
    await acd.ringing(offer, 20_000)
    await acd.sign_in("1001", "8005", {"general": 1})
    assert [(m["type"], m.get("reason")) for m in await line.messages()] == [("revoked", "signed_in_elsewhere")]
    assert await acd.position(call) == 1
    assert (await _agent(acd)).state is AgentState.NOT_READY


async def test_a_page_reloaded_in_a_talk_leaves_the_talk_alone(line: Line) -> None:
    acd = await line.process()
    offer = await _talk(line, acd)
    await acd.set_not_ready("1001", "lunch")
    view = await acd.sign_in("1001", "8001", {"general": 1, "expert-12333": 2})
    assert (view.state, view.reservation) == (AgentState.TALKING, offer.reservation)
    with pytest.raises(Conflict):
        await acd.sign_in("1001", "8007", {"general": 1})
    await acd.finished(offer, 0)


async def test_what_is_asked_for_in_a_call_is_pending(line: Line) -> None:
    acd = await line.process()
    offer = await _talk(line, acd)
    await acd.set_not_ready("1001", "lunch")
    assert ((await _agent(acd)).state, (await _agent(acd)).pending) == (AgentState.TALKING, AgentState.NOT_READY)
    await acd.finished(offer, 5_000)
    assert (await _agent(acd)).state is AgentState.WRAP_UP
    line.pass_ms(5_000)
    await acd.run_timers()
    view = await _agent(acd)
    assert (view.state, view.reason, view.pending, view.deadline_ms) == (AgentState.NOT_READY, "lunch", None, None)


async def test_signing_out_in_a_call_frees_the_seat_after_it(line: Line) -> None:
    acd = await line.process()
    offer = await _talk(line, acd)
    await acd.sign_out("1001")
    assert (await _agent(acd)).pending is AgentState.SIGNED_OUT
    await acd.finished(offer, 0)
    assert (await _agent(acd)).state is AgentState.SIGNED_OUT
    await acd.sign_out("1001")
    await acd.sign_in("1002", "8001", {"general": 1})
    with pytest.raises(Conflict):
        await acd.set_ready("1001")


async def test_ready_withdraws_a_pending_wish_and_ends_wrap_up(line: Line) -> None:
    acd = await line.process()
    offer = await _talk(line, acd)
    await acd.set_not_ready("1001", "lunch")
    await acd.set_ready("1001")
    assert (await _agent(acd)).pending is None
    await acd.finished(offer, 60_000)
    await line.call(acd)
    assert await line.offers() == []
    await acd.end_wrap_up("1001")
    assert len(await line.offers()) == 1


async def test_wrap_up_ends_by_itself_and_takes_the_next_caller(line: Line) -> None:
    acd = await line.process()
    offer = await _talk(line, acd)
    await acd.finished(offer, 5_000)
    call = await line.call(acd)
    line.pass_ms(4_999)
    await acd.heartbeat()
    await acd.run_timers()
    assert await line.offers() == []
    line.pass_ms(1)
    await acd.run_timers()
    assert [o.call for o in await line.offers()] == [call]


async def test_a_phone_that_goes_away_mid_shift(line: Line) -> None:
    acd = await line.process()
    await line.agent(acd, "1001")
    await acd.device_state("8001", False, False)
    assert ((await _agent(acd)).state, (await _agent(acd)).reason) == (AgentState.UNREACHABLE, "unreachable")
    call = await line.call(acd)
    assert await line.offers() == []
    await acd.device_state("8001", True, False)
    (offer,) = await line.offers()
    await acd.device_state("8001", False, False)
    assert [m["reason"] for m in await line.messages()] == ["unreachable"]
    assert await acd.position(call) == 1
    await acd.device_state("8001", True, False)
    (offer,) = await line.offers()
    offer = await acd.answered(await acd.ringing(offer, 20_000))
    await acd.device_state("8001", True, True)
    await acd.device_state("8001", False, False)
    assert (await _agent(acd)).state is AgentState.TALKING, "the talk's own end decides"
    await acd.finished(offer, 0)
    assert (await _agent(acd)).state is AgentState.UNREACHABLE


async def test_a_phone_that_stays_away_ends_the_shift(line: Line) -> None:
    acd = await line.process()
    await line.agent(acd, "1001")
    await acd.device_state("8001", False, False)
    line.pass_ms(line.policy.unreachable_ms)
    await acd.run_timers()
    assert ((await _agent(acd)).state, (await _agent(acd)).reason) == (AgentState.NOT_READY, "unreachable")
    line.pass_ms(line.policy.absent_ms)
    await acd.run_timers()
    assert ((await _agent(acd)).state, (await _agent(acd)).reason) == (AgentState.SIGNED_OUT, "absent")


async def test_in_use_is_expected_in_our_own_call_only(line: Line) -> None:
    acd = await line.process()
    offer = await _talk(line, acd)
    await acd.device_state("8001", True, True)
    await acd.finished(offer, 0)
    assert ((await _agent(acd)).state, (await _agent(acd)).reason) == (AgentState.UNREACHABLE, "in_use")
    await acd.device_state("8001", True, False)
    assert (await _agent(acd)).state is AgentState.READY


@pytest.mark.parametrize("ringing", [False, True])
async def test_an_agent_that_a_native_queue_rings_is_unoffered_at_once(line: Line, ringing: bool) -> None:
    acd = await line.process()
    await line.agent(acd, "1001")
    call = await line.call(acd)
    (offer,) = await line.offers()
    if ringing:
        await acd.ringing(offer, 20_000)
    await acd.busy_elsewhere("8001")
    assert [(m["reservation"], m["reason"]) for m in await line.messages()] == [(offer.reservation, "busy_elsewhere")]
    assert (await _agent(acd)).state is AgentState.UNREACHABLE
    assert await acd.position(call) == 1
    await acd.device_state("8001", True, False)
    assert [o.call for o in await line.offers()] == [call]


async def test_busy_elsewhere_while_ready(line: Line) -> None:
    acd = await line.process()
    await line.agent(acd, "1001")
    await acd.busy_elsewhere("8001")
    await line.call(acd)
    assert await line.offers() == []
    assert ((await _agent(acd)).state, (await _agent(acd)).reason) == (AgentState.UNREACHABLE, "busy_elsewhere")


async def test_changes_of_agents_can_be_followed(line: Line) -> None:
    acd = await line.process()
    offer = await _talk(line, acd)
    await acd.set_not_ready("1001", "lunch")
    await acd.finished(offer, 0)
    seen = []
    async with asyncio.timeout(5):
        async for event in acd.follow_events("0-0"):
            seen.append((event.state.value, event.pending))
            if event.state is AgentState.NOT_READY and event.reason == "lunch":
                break
    assert seen == [
        ("NOT_READY", None),
        ("READY", None),
        ("RESERVED", None),
        ("RINGING", None),
        ("TALKING", None),
        ("TALKING", AgentState.NOT_READY),
        ("NOT_READY", None),
    ]
    assert (await acd.call(offer.call)).state is CallState.ENDED  # type: ignore[union-attr]


async def test_identifiers_are_checked(line: Line) -> None:
    acd = await line.process()
    for agent, seat, group in (("1|1", "8001", "general"), ("1001", "80*1", "general"), ("1001", "8001", "a|b")):
        with pytest.raises(InvalidInput):
            await acd.sign_in(agent, seat, {group: 1})
