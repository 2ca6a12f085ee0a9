"""Phones of several hosts: which host one counts for, and what an old registration may do."""

from __future__ import annotations

from acd.model import AcdPolicy
from acd.service import Acd
from acd.states import AgentState, CallState
from tests.acd.line import Line


async def _at(acd: Acd, agent: str) -> tuple[AgentState, str]:
    view = await acd.agent(agent)
    assert view is not None
    return view.state, view.host


async def _hosts(line: Line) -> tuple[Acd, Acd]:
    return await line.process("ast1/voice-1"), await line.process("ast2/voice-1")


async def test_a_phone_counts_for_the_host_that_had_news_of_it_last(line: Line) -> None:
    one, two = await _hosts(line)
    assert await one.device_state("8001", True, False) == "", "nobody is signed in there"
    await one.sign_in("1001", "8001", {"general": 1})
    await one.set_ready("1001")
    assert await _at(one, "1001") == (AgentState.READY, "ast1")
    line.pass_ms(1)
    assert await two.device_state("8001", True, False) == "ast2"
    assert await _at(one, "1001") == (AgentState.READY, "ast2")
    # The old host looks again: what it finds is no news.
    line.pass_ms(1)
    assert await one.device_state("8001", True, False, standing=True) == "ast2"
    assert await _at(one, "1001") == (AgentState.READY, "ast2")
    # Gone there: the old registration counts for as long as it stands.
    assert await two.device_state("8001", False, False) == "ast1"
    assert await one.device_state("8001", False, False) == ""
    assert (await _at(one, "1001"))[0] is AgentState.UNREACHABLE


async def test_a_host_that_comes_back_with_old_registrations_takes_no_phone(line: Line) -> None:
    line.policy = AcdPolicy(host_lease_ms=6_000)
    one, two = await _hosts(line)
    await one.device_state("8001", True, False)
    await one.sign_in("1001", "8001", {"general": 1})
    await one.set_ready("1001")
    for _ in range(7):
        line.pass_ms(1_000)
        await two.heartbeat()
        await one.heartbeat(asterisk=False)
        await two.run_timers()
    assert (await _at(two, "1001"))[0] is AgentState.UNREACHABLE
    await two.device_state("8001", True, False)
    assert await _at(two, "1001") == (AgentState.READY, "ast2")
    line.pass_ms(1_000)
    await one.heartbeat()
    assert await one.device_state("8001", True, False, standing=True) == "ast2"
    assert await _at(two, "1001") == (AgentState.READY, "ast2")
    # It registers there again: that is news.
    await one.device_state("8001", False, False)
    line.pass_ms(1)
    assert await one.device_state("8001", True, False) == "ast1"


async def test_of_two_old_registrations_the_same_one_counts_every_time(line: Line) -> None:
    one, two = await _hosts(line)
    for acd in (two, one):
        await acd.device_state("8001", True, False, standing=True)
    await one.sign_in("1001", "8001", {"general": 1})
    await one.set_ready("1001")
    for acd in (two, one, two):
        line.pass_ms(1)
        assert await acd.device_state("8001", True, False, standing=True) == "ast1"
    # Heard of in a call: whoever calls it knows best where it is.
    assert await two.device_state("8001", True, False) == "ast2"


async def test_the_agents_of_a_host_that_died_with_its_processes_are_free_of_its_calls(line: Line) -> None:
    line.policy = AcdPolicy(host_lease_ms=6_000)
    one, two = await _hosts(line)
    for agent, acd in (("1001", one), ("1002", one), ("1003", two), ("1004", two)):
        await acd.device_state("8" + agent[1:], True, False)
        await acd.sign_in(agent, "8" + agent[1:], {"general": 1})
    # Of each host's agents one talks with a citizen on the second host, one is rung for one.
    for agent in ("1001", "1003", "1002", "1004"):
        await line.call(two)
        await one.set_ready(agent)
        (offer,) = [offer for offer in await line.offers("ast2/voice-1") if offer.agent == agent]
        offer = await two.ringing(offer, 20_000)
        if agent in ("1001", "1003"):
            await two.answered(offer)
    for _ in range(4):
        line.pass_ms(1_000)
        await one.heartbeat()
        await one.run_timers()
    assert (await _at(one, "1001"))[0] is AgentState.TALKING, "its Asterisk may still be there"
    for _ in range(3):
        line.pass_ms(1_000)
        await one.heartbeat()
        await one.run_timers()
    states = {agent: (await _at(one, agent))[0] for agent in ("1001", "1002", "1003", "1004")}
    assert states == {
        "1001": AgentState.WRAP_UP,
        "1002": AgentState.READY,
        "1003": AgentState.WRAP_UP,
        "1004": AgentState.UNREACHABLE,
    }
    line.pass_ms(30_000)
    await one.heartbeat()
    await one.run_timers()
    assert [(await _at(one, agent))[0] for agent in ("1001", "1003")] == [AgentState.READY, AgentState.UNREACHABLE]


async def test_a_phone_that_rings_at_a_host_that_died_is_given_up(line: Line) -> None:
    line.policy = AcdPolicy(host_lease_ms=6_000)
    one, two = await _hosts(line)
    for agent in ("1001", "1002"):
        await two.device_state("8" + agent[1:], True, False)
        await one.sign_in(agent, "8" + agent[1:], {"general": 1})
    calls = [await line.call(one) for _ in range(2)]
    for agent in ("1001", "1002"):
        await one.set_ready(agent)
    rung, reserved = await line.offers()
    await one.ringing(rung, 20_000)
    # Its Asterisk alone is unseen: the phone rings on, and may be answered.
    for _ in range(7):
        line.pass_ms(600)
        await one.heartbeat()
        await two.heartbeat(asterisk=False)
        await one.run_timers()
    assert (await _at(one, rung.agent))[0] is AgentState.RINGING
    for _ in range(4):
        line.pass_ms(1_000)
        await one.heartbeat()
        await one.run_timers()
    assert [(await _at(one, agent))[0] for agent in ("1001", "1002")] == [AgentState.UNREACHABLE] * 2
    views = [await one.call(call) for call in calls]
    assert [view.state for view in views if view] == [CallState.WAITING] * 2
    assert "revoked" in [message["type"] for message in await line.messages()]
    assert reserved.agent != rung.agent


async def test_a_host_whose_asterisk_alone_is_unseen_keeps_its_talks(line: Line) -> None:
    line.policy = AcdPolicy(host_lease_ms=6_000)
    one, two = await _hosts(line)
    await one.device_state("8001", True, False)
    await one.sign_in("1001", "8001", {"general": 1})
    await one.set_ready("1001")
    await line.call(two)
    (offer,) = await line.offers("ast2/voice-1")
    await two.answered(await two.ringing(offer, 20_000))
    for _ in range(8):
        line.pass_ms(1_000)
        await one.heartbeat()
        await two.heartbeat(asterisk=False)
        await one.run_timers()
    assert (await _at(one, "1001"))[0] is AgentState.TALKING
    # Its processes die, too.
    for _ in range(4):
        line.pass_ms(1_000)
        await one.heartbeat()
        await one.run_timers()
    assert (await _at(one, "1001"))[0] is AgentState.WRAP_UP
