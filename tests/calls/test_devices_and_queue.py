"""Phones' states reach the ACD, and the native queue's members follow the agents."""

from __future__ import annotations

import pytest

from acd.service import Acd
from acd.states import AgentState
from ami.events import AgentCalled, ContactStatus, DeviceState
from calls.voice import VoiceProcess
from server.runtime.parts import acd_policy
from tests.calls.asterisk import member
from tests.calls.line import SITE, CallLine, until


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


async def test_a_phone_that_unregisters_while_it_rings_loses_the_call(line: CallLine, voice: VoiceProcess) -> None:
    """Asterisk calls its device ringing until the call is over; the registration alone tells that nobody is there."""
    seat = await line.agent("1001")
    citizen = line.citizen()
    await citizen.enter(voice)
    await citizen.dialled_out()
    await line.asterisk.rings(citizen.call, seat)
    await line.phone(seat, DeviceState.RINGING)
    await line.agent_is("1001", AgentState.RINGING)
    line.asterisk.globals[f"PJSIP_AOR({seat},contact)", None] = "8001;@0123"
    await line.asterisk.say(ContactStatus(seat, "Removed"))
    line.asterisk.globals[f"PJSIP_AOR({seat},contact)", None] = ""
    await line.asterisk.say(ContactStatus(seat, "Updated"))
    # Another phone is at the seat still: the first message was of one of two.
    await line.agent_is("1001", AgentState.RINGING)
    await line.asterisk.say(ContactStatus(seat, "Removed"))
    await line.agent_is("1001", AgentState.UNREACHABLE)
    await line.phone(seat, DeviceState.NOT_INUSE)
    # Back, and the citizen still waits.
    await line.agent_is("1001", AgentState.RESERVED, AgentState.RINGING)


async def test_a_look_at_all_phones_does_not_take_back_what_was_heard_since(
    line: CallLine, voice: VoiceProcess
) -> None:
    seat = await line.agent("1001")
    await line.phone(seat, DeviceState.INUSE)
    await line.agent_is("1001", AgentState.UNREACHABLE)

    async def hangs_up() -> None:
        await line.phone(seat, DeviceState.NOT_INUSE)
        await line.agent_is("1001", AgentState.READY)

    line.asterisk.on_look = hangs_up
    await voice.devices.reconcile()
    assert await line.state("1001") is AgentState.READY


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


async def test_a_phone_that_moved_to_another_host_loses_its_old_registration_on_the_second_look(
    line: CallLine, voice: VoiceProcess
) -> None:
    seat = await line.agent("1001")
    await line.agent("1002")
    other = Acd(line.redis, site=SITE, process="ast2/voice-1", clock=line.clock, policy=acd_policy(line.settings()))
    await other.load()
    await other.heartbeat()
    assert await other.device_state(seat, True, False) == "ast2"
    await voice.devices.reconcile()
    assert ("unregister", seat) not in line.asterisk.done, "the news of it may be on its way"
    await voice.devices.reconcile()
    assert [did for did in line.asterisk.done if did[0] == "unregister"] == [("unregister", seat)]
    await line.agent_is("1001", AgentState.READY)
    await other.device_state(seat, False, False)
    await line.agent_is("1001", AgentState.UNREACHABLE)


async def test_a_phone_in_a_call_keeps_its_old_registration(line: CallLine, voice: VoiceProcess) -> None:
    seat = await line.agent("1001")
    other = Acd(line.redis, site=SITE, process="ast2/voice-1", clock=line.clock, policy=acd_policy(line.settings()))
    await other.load()
    await other.heartbeat()
    await other.device_state(seat, True, False)
    line.asterisk.devices[f"PJSIP/{seat}"] = DeviceState.INUSE
    for _ in range(3):
        await voice.devices.reconcile()
    assert not [did for did in line.asterisk.done if did[0] == "unregister"]
