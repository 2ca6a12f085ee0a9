"""What each action puts on the wire and makes of the answer. Kind: protocol tests with a fake peer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from ami.client import AmiClient
from ami.errors import AmiDisconnected, AmiProtocolError, AmiRefused, AmiTimeout
from ami.events import DeviceState, OriginateResponse
from tests.ami.conftest import QUICK, MakeClient
from tests.ami.peer import DEADLINE, Action, Peer, block, error, listing, success

WIRE: list[tuple[Callable[[AmiClient], Awaitable[object]], Action]] = [
    (
        lambda client: client.redirect("PJSIP/t-1", "hl-resume"),
        {"Action": "Redirect", "Channel": "PJSIP/t-1", "Context": "hl-resume", "Exten": "s", "Priority": "1"},
    ),
    (
        lambda client: client.redirect("PJSIP/t-1", "hl-conf", "7", 2, extra_channel="PJSIP/a-1"),
        {
            "Action": "Redirect",
            "Channel": "PJSIP/t-1",
            "Context": "hl-conf",
            "Exten": "7",
            "Priority": "2",
            "ExtraChannel": "PJSIP/a-1",
            "ExtraContext": "hl-conf",
            "ExtraExten": "s",
            "ExtraPriority": "1",
        },
    ),
    (
        lambda client: client.hangup("PJSIP/t-1", 17),
        {"Action": "Hangup", "Channel": "PJSIP/t-1", "Cause": "17"},
    ),
    (
        lambda client: client.setvar("HL_VOICES", "voice-1@127.0.0.1:1,voice-2@127.0.0.1:2"),
        {"Action": "Setvar", "Variable": "HL_VOICES", "Value": "voice-1@127.0.0.1:1,voice-2@127.0.0.1:2"},
    ),
    (
        lambda client: client.setvar("HL_PHASE", "waiting", "PJSIP/t-1"),
        {"Action": "Setvar", "Variable": "HL_PHASE", "Value": "waiting", "Channel": "PJSIP/t-1"},
    ),
    (
        lambda client: client.queue_add("hl-native", "PJSIP/8001", member_name="1001", paused=True),
        {
            "Action": "QueueAdd",
            "Queue": "hl-native",
            "Interface": "PJSIP/8001",
            "MemberName": "1001",
            "Paused": "true",
            "Penalty": "0",
            "StateInterface": "PJSIP/8001",
        },
    ),
    (
        lambda client: client.queue_remove("hl-native", "PJSIP/8001"),
        {"Action": "QueueRemove", "Queue": "hl-native", "Interface": "PJSIP/8001"},
    ),
    (
        lambda client: client.queue_pause("hl-native", "PJSIP/8001", True, "小休"),
        {
            "Action": "QueuePause",
            "Queue": "hl-native",
            "Interface": "PJSIP/8001",
            "Paused": "true",
            "Reason": "小休",
        },
    ),
    (
        lambda client: client.stop_playback("PJSIP/t-1"),
        {"Action": "ControlPlayback", "Channel": "PJSIP/t-1", "Control": "stop"},
    ),
]


@pytest.mark.parametrize(("act", "expected"), WIRE)
async def test_on_the_wire(
    peer: Peer, client: AmiClient, act: Callable[[AmiClient], Awaitable[object]], expected: Action
) -> None:
    await act(client)
    sent = await peer.action(expected["Action"])
    assert {header: value for header, value in sent.items() if header != "ActionID"} == expected


@pytest.mark.parametrize(("act", "expected"), WIRE)
async def test_each_has_a_deadline(
    peer: Peer, make_client: MakeClient, act: Callable[[AmiClient], Awaitable[object]], expected: Action
) -> None:
    peer.answers[expected["Action"]] = None
    client = make_client(replace(QUICK, action_timeout=0.02))
    await client.start()
    await client.wait_connected(DEADLINE)
    with pytest.raises(AmiTimeout):
        await act(client)


async def test_getvar(peer: Peer, client: AmiClient) -> None:
    peer.answers["Getvar"] = lambda action: block(
        "Response: Success", f"ActionID: {action['ActionID']}", "Variable: HL_PHASE", "Value: 等待: a=b"
    )
    assert await client.getvar("HL_PHASE", "PJSIP/t-1") == "等待: a=b"
    peer.answers["Getvar"] = lambda action: block(
        "Response: Success", f"ActionID: {action['ActionID']}", "Variable: HL_PHASE", "Value: "
    )
    assert await client.getvar("HL_PHASE") == ""


CHANNEL_ROW = (
    "Event: CoreShowChannel",
    "Channel: PJSIP/carrier-00000001",
    "ChannelState: 6",
    "ChannelStateDesc: Up",
    "CallerIDNum: 13800000000",
    "Context: hl-inbound",
    "Exten: 12333",
    "Uniqueid: ast1-1.1",
    "Linkedid: ast1-1.1",
    "ChanVariable: HL_CALL=ast1-ast1-1.1",
    "ChanVariable: HL_PHASE=waiting",
    "ChanVariable: HL_VOICE=",
    "Application: AGI",
    "ApplicationData: agi://x",
    "Duration: 01:02:03",
    "BridgeId: ",
)


async def test_channels_with_their_variables(peer: Peer, client: AmiClient) -> None:
    peer.answers["CoreShowChannels"] = listing("CoreShowChannelsComplete", CHANNEL_ROW)
    (channel,) = await client.channels()
    assert channel.channel == "PJSIP/carrier-00000001"
    assert channel.application == "AGI"
    assert channel.duration == 3723
    assert channel.bridge_id == ""
    assert channel.variables == {"HL_CALL": "ast1-ast1-1.1", "HL_PHASE": "waiting"}


async def test_no_channels(peer: Peer, client: AmiClient) -> None:
    peer.answers["CoreShowChannels"] = listing("CoreShowChannelsComplete")
    assert await client.channels() == []


async def test_a_row_that_lacks_a_field(peer: Peer, client: AmiClient) -> None:
    peer.answers["CoreShowChannels"] = listing("CoreShowChannelsComplete", CHANNEL_ROW[:4])
    with pytest.raises(AmiProtocolError):
        await client.channels()


async def test_bridges(peer: Peer, client: AmiClient) -> None:
    peer.answers["BridgeList"] = listing(
        "BridgeListComplete",
        (
            "Event: BridgeListItem",
            "BridgeUniqueid: 93be",
            "BridgeType: basic",
            "BridgeTechnology: simple_bridge",
            "BridgeName: <unknown>",
            "BridgeNumChannels: 2",
        ),
    )
    (bridge,) = await client.bridges()
    assert (bridge.bridge_id, bridge.channels, bridge.name) == ("93be", 2, "")


async def test_device_states(peer: Peer, client: AmiClient) -> None:
    peer.answers["DeviceStateList"] = listing(
        "DeviceStateListComplete",
        ("Event: DeviceStateChange", "Device: PJSIP/8001", "State: NOT_INUSE"),
        ("Event: DeviceStateChange", "Device: PJSIP/8002", "State: SOMETHING_NEW"),
    )
    assert await client.device_states() == {"PJSIP/8001": DeviceState.NOT_INUSE, "PJSIP/8002": DeviceState.UNKNOWN}


MEMBER_ROW = (
    "Event: QueueMember",
    "Queue: hl-native",
    "Name: 1001",
    "Location: PJSIP/8001",
    "StateInterface: PJSIP/8001",
    "Membership: dynamic",
    "Penalty: 0",
    "InCall: 0",
    "Status: 5",
    "Paused: 1",
    "PausedReason: 小休",
)
QUEUE = listing(
    "QueueStatusComplete",
    ("Event: QueueParams", "Queue: hl-native"),
    MEMBER_ROW,
    (
        "Event: QueueEntry",
        "Queue: hl-native",
        "Position: 1",
        "Channel: PJSIP/t-1",
        "Uniqueid: ast1-1.1",
        "Wait: 12",
        "Priority: 3",
    ),
)


async def test_queue_status(peer: Peer, client: AmiClient) -> None:
    peer.answers["QueueStatus"] = QUEUE
    info = await client.queue_status("hl-native")
    (member,) = info.members
    assert member.state is DeviceState.UNAVAILABLE
    assert member.paused
    assert member.paused_reason == "小休"
    assert member.dynamic
    (entry,) = info.entries
    assert (entry.position, entry.waited, entry.priority) == (1, 12, 3)


async def test_an_unknown_queue_is_refused_though_asterisk_says_success(peer: Peer, client: AmiClient) -> None:
    peer.answers["QueueStatus"] = listing("QueueStatusComplete")
    with pytest.raises(AmiRefused, match="no such queue"):
        await client.queue_status("nope")


async def test_adding_a_member_twice_and_removing_it_twice(peer: Peer, client: AmiClient) -> None:
    peer.answers["QueueAdd"] = error("any text")
    peer.answers["QueueRemove"] = error("any text")
    peer.answers["QueueStatus"] = QUEUE
    assert await client.queue_add("hl-native", "PJSIP/8001", member_name="1001") is False
    with pytest.raises(AmiRefused):
        await client.queue_add("hl-native", "PJSIP/8002", member_name="1002")
    assert await client.queue_remove("hl-native", "PJSIP/8002") is False
    with pytest.raises(AmiRefused):
        await client.queue_remove("hl-native", "PJSIP/8001")


def dial_begin(channel_id: str) -> str:
    return block(
        "Event: DialBegin",
        "Privilege: call,all",
        "DestChannel: PJSIP/8001-00000001",
        f"DestUniqueid: {channel_id}",
        f"DestLinkedid: {channel_id}",
        "DestChanVariable: HL_CALL=ast1-ast1-1.1",
        "DialString: 8001",
    )


def originate_response(action_id: str, channel_id: str, response: str) -> str:
    return block(
        "Event: OriginateResponse",
        "Privilege: call,all",
        f"ActionID: {action_id}",
        f"Response: {response}",
        "Channel: PJSIP/8001",
        "Reason: 0",
        f"Uniqueid: {channel_id}",
        "CallerIDNum: <unknown>",
    )


async def test_originate_on_the_wire(peer: Peer, client: AmiClient) -> None:
    peer.answers["Originate"] = lambda action: success(action) + dial_begin(action["ChannelId"])
    await client.originate(
        "PJSIP/8001",
        channel_id="hl-cb-1",
        context="hl-resume",
        variables={"HL_CALL": "ast1-ast1-1.1", "HL_PHASE": "waiting"},
        caller_id="12345",
        ring_seconds=2.5,
    )
    sent = await peer.action("Originate")
    assert sent.pop("ActionID")
    assert sent == {
        "Action": "Originate",
        "Async": "true",
        "Channel": "PJSIP/8001",
        "ChannelId": "hl-cb-1",
        "Context": "hl-resume",
        "Exten": "s",
        "Priority": "1",
        "Timeout": "2500",
        "CallerID": "12345",
        "Variable": "HL_CALL=ast1-ast1-1.1\nHL_PHASE=waiting",
    }


async def test_a_channel_id_in_use_is_refused_though_asterisk_says_success(peer: Peer, client: AmiClient) -> None:
    """As measured: the reply is "Originate successfully queued", the refusal comes as an event."""
    peer.answers["Originate"] = lambda action: (
        success(action) + originate_response(action["ActionID"], action["ChannelId"], "Failure")
    )
    responses: asyncio.Queue[OriginateResponse] = asyncio.Queue()
    client.subscribe(OriginateResponse, responses.put)
    with pytest.raises(AmiRefused):
        await client.originate("PJSIP/8001", channel_id="hl-cb-1", app="ConfBridge", data="hl-1")
    async with asyncio.timeout(DEADLINE):
        response = await responses.get()
    assert response.channel_id == "hl-cb-1"
    assert not response.answered


async def test_another_process_s_failure_with_the_same_channel_id_is_not_ours(peer: Peer, client: AmiClient) -> None:
    peer.answers["Originate"] = lambda action: (
        success(action)
        + originate_response("another/process", action["ChannelId"], "Failure")
        + dial_begin("another-channel")
        + dial_begin(action["ChannelId"])
    )
    await client.originate("PJSIP/8001", channel_id="hl-cb-1", context="hl-resume")


async def test_two_originates_of_ours_with_one_channel_id(peer: Peer, client: AmiClient) -> None:
    first = asyncio.create_task(client.originate("PJSIP/8001", channel_id="hl-cb-1", context="hl-resume"))
    await peer.action("Originate")
    with pytest.raises(AmiRefused):
        await client.originate("PJSIP/8001", channel_id="hl-cb-1", context="hl-resume")
    peer.send(dial_begin("hl-cb-1"))
    await first
    assert peer.names().count("Originate") == 1


async def test_originate_without_any_sign_of_the_leg(peer: Peer, client: AmiClient) -> None:
    with pytest.raises(AmiTimeout):
        await client.originate("PJSIP/8001", channel_id="hl-cb-1", context="hl-resume", timeout=0.05)


async def test_originate_when_the_connection_is_lost(peer: Peer, client: AmiClient) -> None:
    task = asyncio.create_task(client.originate("PJSIP/8001", channel_id="hl-cb-1", context="hl-resume"))
    await peer.action("Originate")
    await client.getvar("HL_VOICES")
    peer.disconnect()
    with pytest.raises(AmiDisconnected):
        await task
