"""A voice process dies while a phone rings or a talk runs: another adopts the call and sees it through."""

from __future__ import annotations

import asyncio

from acd.states import AgentState, CallState
from calls.voice import VoiceProcess
from tests.calls.line import CallLine, Citizen, until


async def ringing(line: CallLine, voice: VoiceProcess) -> tuple[Citizen, str]:
    seat = await line.agent("1001")
    citizen = line.citizen()
    await citizen.enter(voice)
    await citizen.dialled_out()
    await line.asterisk.rings(citizen.call, seat)
    line.asterisk.channel(citizen.call, "Dial")
    return citizen, seat


async def talking(line: CallLine, voice: VoiceProcess) -> tuple[Citizen, str]:
    citizen, seat = await ringing(line, voice)
    await line.asterisk.bridges(citizen.call)
    line.asterisk.channel(citizen.call, "Dial", bridged=True)
    await line.agent_is("1001", AgentState.TALKING)
    return citizen, seat


async def adopted(call: str, *processes: VoiceProcess) -> VoiceProcess:
    await until(lambda: any(call in process.adoption for process in processes))
    holders = [process for process in processes if call in process.adoption]
    assert len(holders) == 1
    return holders[0]


async def test_a_talk_is_adopted_by_exactly_one_and_ends_with_wrap_up(line: CallLine) -> None:
    first, second, third = await line.start("voice-1"), await line.start("voice-2"), await line.start("voice-3")
    citizen, _ = await talking(line, first)
    await line.kill(first)
    holder = await adopted(citizen.call, second, third)
    view = await line.acd.call(citizen.call)
    assert view is not None
    assert (view.state, view.owner) == (CallState.TALKING, holder.board.process)
    await asyncio.sleep(1.0)  # longer than the lease: the talk is renewed, not given up
    assert await line.state("1001") is AgentState.TALKING
    line.asterisk.channel(citizen.call, "Playback")
    await line.agent_is("1001", AgentState.WRAP_UP)
    facts = await line.facts(citizen.call)
    assert [row.kind for row in facts if row.kind in ("adopted", "ended", "wrap_up")] == ["adopted", "ended", "wrap_up"]
    assert next(row for row in facts if row.kind == "ended").attributes["ended_by"] == "agent"


async def test_the_caller_of_an_adopted_talk_hangs_up(line: CallLine) -> None:
    first, second = await line.start("voice-1"), await line.start("voice-2")
    citizen, _ = await talking(line, first)
    await line.kill(first)
    await adopted(citizen.call, second)
    line.asterisk.live.pop(citizen.call)
    await line.agent_is("1001", AgentState.WRAP_UP)
    ended = next(row for row in await line.facts(citizen.call) if row.kind == "ended")
    assert ended.attributes["ended_by"] == "caller"


async def test_an_adopted_phone_is_answered(line: CallLine) -> None:
    first, second = await line.start("voice-1"), await line.start("voice-2")
    citizen, _ = await ringing(line, first)
    await line.kill(first)
    await adopted(citizen.call, second)
    await line.asterisk.bridges(citizen.call)
    line.asterisk.channel(citizen.call, "Dial", bridged=True)
    await line.agent_is("1001", AgentState.TALKING)
    line.asterisk.live.pop(citizen.call)
    await line.agent_is("1001", AgentState.WRAP_UP)


async def test_the_caller_of_an_adopted_ringing_call_hangs_up(line: CallLine) -> None:
    first, second = await line.start("voice-1"), await line.start("voice-2")
    citizen, _ = await ringing(line, first)
    await line.kill(first)
    await adopted(citizen.call, second)
    line.asterisk.live.pop(citizen.call)
    await line.agent_is("1001", AgentState.READY)
    await line.call_is(citizen.call, CallState.ENDED)
    assert (await line.kinds(citizen.call))[-2:] == ["offer_failed", "abandoned"]


async def test_an_adopted_call_that_comes_back_to_its_adopter_is_offered_again(line: CallLine) -> None:
    """Nobody answered; the dialplan brings the caller to the very process that had adopted the offer."""
    first, second = await line.start("voice-1"), await line.start("voice-2")
    citizen, seat = await ringing(line, first)
    await line.kill(first)
    await adopted(citizen.call, second)
    await line.asterisk.fails(citizen.call, seat, "NOANSWER")
    await line.agent("1002")
    line.asterisk.channel(citizen.call, "AGI")
    await citizen.enter(second, "ringing")
    assert (await citizen.dialled_out())[0] == "PJSIP/8002"
    assert citizen.call not in second.adoption
    await line.agent_is("1001", AgentState.NOT_READY)


async def test_an_agent_whose_phone_was_never_rung_is_free_at_once(line: CallLine) -> None:
    """The process died between the offer and the Dial: neither the phone nor the agent has failed."""
    first, second = await line.start("voice-1"), await line.start("voice-2")
    seat = await line.agent("1001")
    citizen = line.citizen()
    line.asterisk.channel(citizen.call, "AGI")
    await citizen.enter(first)
    assert (await citizen.dialled_out())[0] == f"PJSIP/{seat}"
    await line.kill(first)
    await line.agent_is("1001", AgentState.READY)
    facts = await line.facts(citizen.call)
    assert [row.attributes["outcome"] for row in facts if row.kind == "offer_failed"] == ["EXPIRED"]
    await citizen.enter(second, "ringing")
    await line.agent_is("1001", AgentState.RINGING)


async def test_asterisk_out_of_sight_gives_no_talk_up(line: CallLine) -> None:
    first, second = await line.start("voice-1"), await line.start("voice-2")
    citizen, _ = await talking(line, first)
    await line.kill(first)
    await adopted(citizen.call, second)
    line.asterisk.connected = False
    before = (await line.acd.call(citizen.call)).deadline_ms  # type: ignore[union-attr]

    async def renewed() -> bool:
        view = await line.acd.call(citizen.call)
        return view is not None and (view.deadline_ms or 0) > (before or 0)

    async with asyncio.timeout(15):
        while not await renewed():
            await asyncio.sleep(0.02)
    line.asterisk.connected = True
    assert await line.state("1001") is AgentState.TALKING
