"""A call that comes in again, after its voice process was lost at some step."""

from __future__ import annotations

import pytest

from acd.states import AgentState, CallState
from calls.voice import VoiceProcess
from tests.calls.line import CallLine, until


@pytest.mark.parametrize("phase", ["waiting", "ringing", "routing"])
async def test_a_call_that_comes_back_is_not_greeted_again_and_keeps_its_place(
    line: CallLine, voice: VoiceProcess, phase: str
) -> None:
    later = line.citizen()
    await later.enter(voice)
    await line.call_is(later.call, CallState.WAITING)
    citizen = line.citizen(entered_ms=line.clock.now_ms() - 90_000)
    citizen.entry = 1
    await citizen.enter(voice, phase)
    await line.call_is(citizen.call, CallState.WAITING)
    assert citizen.heard == []
    assert await line.acd.position(citizen.call) == 1
    assert await line.acd.position(later.call) == 2


async def test_a_call_whose_greeting_was_cut_is_greeted_again(line: CallLine, voice: VoiceProcess) -> None:
    citizen = line.citizen()
    await citizen.enter(voice, "greeting")
    await line.call_is(citizen.call, CallState.WAITING)
    assert citizen.heard == ["hotline/greeting.12300"]


async def test_a_call_that_was_answered_is_never_queued_again(line: CallLine, voice: VoiceProcess) -> None:
    """Its phase got lost; the ACD still knows."""
    seat = await line.agent("1001")
    citizen = line.citizen()
    await citizen.enter(voice)
    await citizen.dialled_out()
    await line.asterisk.rings(citizen.call, seat)
    await line.asterisk.bridges(citizen.call)
    await line.agent_is("1001", AgentState.TALKING)
    await line.asterisk.parts(citizen.call)
    citizen.dial_ends("ANSWER", 16)
    await citizen.session_over()
    await citizen.enter(voice, "waiting")
    await citizen.peer.command("HANGUP")
    await citizen.session_over()
    assert citizen.heard == ["hotline/bye.thanks"]
    assert citizen.phases[-1] == "done"


async def test_the_end_of_an_old_session_does_not_touch_the_new_one(line: CallLine, voice: VoiceProcess) -> None:
    """The same call is in again before its old session has ended: offers must still reach it."""
    citizen = line.citizen()
    await citizen.enter(voice)
    await line.call_is(citizen.call, CallState.WAITING)
    old = citizen.peer
    await citizen.enter(voice, "waiting")
    await until(lambda: voice.server.sessions == 2 and "waiting" in citizen.phases)
    await old.close()
    await until(lambda: voice.server.sessions == 1)
    seat = await line.agent("1001")
    assert (await citizen.dialled_out())[0] == f"PJSIP/{seat}"
