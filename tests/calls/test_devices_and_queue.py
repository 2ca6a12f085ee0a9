"""Phones' states reach the ACD, and the native queue's members follow the agents."""

from __future__ import annotations

import pytest

from acd.states import AgentState
from ami.events import AgentCalled, DeviceState
from calls.voice import VoiceProcess
from tests.calls.asterisk import member
from tests.calls.line import CallLine, until


@pytest.mark.parametrize(
    ("device", "state"),
    [
        (DeviceState.NOT_INUSE, AgentState.READY),
        (DeviceState.INUSE, AgentState.UNREACHABLE),
        (DeviceState.BUSY, AgentState.UNREACHABLE),
        (DeviceState.RINGING, AgentState.UNREACHABLE),
        (DeviceState.RINGINUSE, AgentState.UNREACHABLE),
        (DeviceState.ONHOLD, AgentState.UNREACHABLE),
        (DeviceState.UNAVAILABLE, AgentState.UNREACHABLE),
        (DeviceState.INVALID, AgentState.UNREACHABLE),
        (DeviceState.UNKNOWN, AgentState.UNREACHABLE),
    ],
)
async def test_only_a_free_phone_is_offered_calls(
    line: CallLine, voice: VoiceProcess, device: DeviceState, state: AgentState
) -> None:
    seat = await line.agent("1001")
    await line.phone(seat, device)
    await line.agent_is("1001", state)
    await line.phone(seat, DeviceState.NOT_INUSE)
    await line.agent_is("1001", AgentState.READY)


async def test_a_seat_rung_by_the_native_queue_is_unoffered_at_once(line: CallLine, voice: VoiceProcess) -> None:
    seat = await line.agent("1001")
    await line.asterisk.say(
        AgentCalled("hl-native", f"PJSIP/{seat}", "1001", "PJSIP/carrier-9", "ast1-1.9", "ast1-1.9", {})
    )
    await line.agent_is("1001", AgentState.UNREACHABLE)


async def test_trunks_are_no_seats(line: CallLine, voice: VoiceProcess) -> None:
    line.asterisk.devices = {"PJSIP/carrier": DeviceState.INUSE, "Queue:hl-native": DeviceState.INUSE}
    await voice.devices.reconcile()
    assert await line.acd.agents() == []


async def test_members_follow_the_agents(line: CallLine, voice: VoiceProcess) -> None:
    members = line.asterisk.members
    seat = await line.agent("1001", ready=False)
    await until(lambda: f"PJSIP/{seat}" in members and members[f"PJSIP/{seat}"].paused)
    await line.acd.set_ready("1001")
    await until(lambda: not members[f"PJSIP/{seat}"].paused)
    await line.acd.set_not_ready("1001", "rest")
    await until(lambda: members[f"PJSIP/{seat}"].paused)
    await line.acd.sign_out("1001")
    await until(lambda: not members)


async def test_a_call_changes_no_membership(line: CallLine, voice: VoiceProcess) -> None:
    """Every state from ready to wrap-up takes calls: Asterisk is told nothing, however busy the agent."""
    seat = await line.agent("1001")
    await until(lambda: f"PJSIP/{seat}" in line.asterisk.members)
    await until(lambda: not line.asterisk.members[f"PJSIP/{seat}"].paused)
    told = len(line.asterisk.done)
    citizen = line.citizen()
    await citizen.enter(voice)
    await citizen.dialled_out()
    await line.asterisk.rings(citizen.call, seat)
    await line.asterisk.bridges(citizen.call)
    await line.agent_is("1001", AgentState.TALKING)
    await line.asterisk.parts(citizen.call)
    citizen.dial_ends("ANSWER", 16)
    await line.agent_is("1001", AgentState.WRAP_UP)
    await line.acd.set_not_ready("1001", "rest")
    await until(lambda: line.asterisk.members[f"PJSIP/{seat}"].paused)
    assert line.asterisk.done[told:] == [("pause", f"PJSIP/{seat}", "True")]


async def test_ghosts_go_and_missing_members_come(line: CallLine, voice: VoiceProcess) -> None:
    """Members survive a crash of Asterisk: signed out meanwhile, or somebody else at the seat."""
    members = line.asterisk.members
    await line.agent("1001")
    await line.agent("1002", ready=False)
    await until(lambda: len(members) == 2)
    members.clear()
    members["PJSIP/8009"] = member("PJSIP/8009", "1009")
    members["PJSIP/8002"] = member("PJSIP/8002", "1007")
    await voice.mirror.reconcile()
    assert {name: (who.member_name, who.paused) for name, who in members.items()} == {
        "PJSIP/8001": ("1001", False),
        "PJSIP/8002": ("1002", True),
    }


async def test_an_empty_redis_empties_no_queue(line: CallLine, voice: VoiceProcess) -> None:
    await line.agent("1001")
    await until(lambda: "PJSIP/8001" in line.asterisk.members)
    await line.redis.flushall()
    await voice.mirror.reconcile()
    assert "PJSIP/8001" in line.asterisk.members
