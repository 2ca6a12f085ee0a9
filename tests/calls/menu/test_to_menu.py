"""A citizen whom an agent sends out of the talk into a menu, and who comes back, whatever becomes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from acd.states import AgentState
from agi.variables import Phase
from ami.events import BridgeEnter, Hangup
from calls.menu.out_of_talk import masked
from calls.talk.states import TalkState
from calls.voice import VoiceProcess
from media.spoken import text_key
from tests.agi.peer import AsteriskPeer, header, until
from tests.calls.asterisk import channel_of
from tests.calls.line import CallLine
from tests.calls.menu.flows import flow, install
from tests.calls.test_talk import Talking

IDENTITY = flow(
    "ask",
    key="identity",
    ask={
        "type": "collect",
        "prompt": "请输入身份证号",
        "variable": "id",
        "min_digits": 4,
        "max_digits": 18,
        "next": "back",
        "on_timeout": "none",
        "on_wrong": "none",
        "seconds": 1,
    },
    back={"type": "return", "outcome": "checked"},
    none={"type": "return", "outcome": "not-checked"},
)
ASK = f"menus/{text_key('请输入身份证号')}"


@pytest.fixture
async def talk(line: CallLine, voice: VoiceProcess) -> Talking:
    install(line, IDENTITY, version=3)
    seat = await line.agent("1001")
    citizen = line.citizen()
    del line.menus.by_line["12300"]
    await citizen.enter(voice)
    await citizen.dialled_out()
    await line.asterisk.rings(citizen.call, seat)
    await line.asterisk.bridges(citizen.call)
    await line.agent_is("1001", AgentState.TALKING)
    return Talking(line, citizen, seat)


async def sent(talk: Talking) -> None:
    await talk.ask("to_menu", menu="identity")
    await talk.shows(TalkState.IN_MENU)
    assert talk.done[-1] == ("redirect", talk.channel, "hl-menu", "s", talk.agent_leg, "hl-talk", "agent")
    await talk.out_of_the_bridge()


async def in_menu(talk: Talking, voice: VoiceProcess) -> AsteriskPeer:
    """The dialplan enters the menu's route at the process that the channel names."""
    at = talk.line.asterisk.globals["HL_AT", talk.channel]
    assert at == f"127.0.0.1:{voice.server.port}"
    call = talk.citizen.call
    opening = header(
        (call,),
        agi_network_script="menu",
        agi_request=f"agi://{at}/menu",
        agi_uniqueid=call,
        agi_channel=channel_of(call),
    )
    peer = await AsteriskPeer.connect(int(at.rpartition(":")[2]), opening)
    talk.line.peers.append(peer)
    return peer


async def back(talk: Talking) -> None:
    """The dialplan has led the citizen back to the room."""
    call = talk.citizen.call
    await talk.line.asterisk.say(BridgeEnter("room", "base", 2, channel_of(call), call, call, {}))


def last(talk: Talking) -> dict[str, Any]:
    return talk.frames()[-1]


async def test_there_and_back_with_what_was_keyed_in(talk: Talking, voice: VoiceProcess) -> None:
    await sent(talk)
    assert talk.line.asterisk.globals["HL_PHASE", talk.channel] == Phase.AWAY
    assert talk.line.asterisk.globals["HL_VOICE", talk.channel] == "voice-1"
    await talk.line.agent_is("1001", AgentState.HOLD)
    peer = await in_menu(talk, voice)
    await peer.command(f"CONTROL STREAM FILE {ASK}")
    await talk.line.asterisk.presses_by_events(talk.citizen.call, "41120219900101")
    await talk.line.asterisk.presses_by_events(talk.citizen.call, "#")
    await peer.ended.wait()
    await back(talk)
    await until(lambda: "values" in last(talk))
    assert (last(talk)["state"], last(talk)["why"], last(talk)["outcome"]) == ("talking", "menu", "checked")
    assert last(talk)["values"] == {"id": "411*******0101"}
    await talk.line.agent_is("1001", AgentState.TALKING)
    told = [row.attributes for row in await talk.line.facts(talk.citizen.call)]
    assert not [one for one in told if "19900101" in str(one)]
    entered = (await talk.line.fact(talk.citizen.call, "menu_entered")).attributes
    assert (entered["flow"], entered["version"]) == ("identity", 3)
    # The talk goes on as before.
    await talk.ask("hold")
    await talk.shows(TalkState.HELD)


async def test_0_as_a_digit_and_star_as_the_agent(talk: Talking, voice: VoiceProcess) -> None:
    await sent(talk)
    peer = await in_menu(talk, voice)
    await peer.command(f"CONTROL STREAM FILE {ASK}")
    await talk.line.asterisk.presses(talk.citizen.call, "00*")
    await peer.ended.wait()
    await back(talk)
    await talk.shows(TalkState.TALKING, "menu")
    assert last(talk)["outcome"] == "asked"


async def test_a_process_that_does_not_answer_brings_the_citizen_back(talk: Talking) -> None:
    await sent(talk)
    await back(talk)
    await talk.shows(TalkState.TALKING, "menu")
    assert last(talk)["outcome"] == "failure"


async def left_in_the_menu(talk: Talking, voice: VoiceProcess) -> None:
    """The process of the talk has died while the citizen is in the menu and the agent waits in the room."""
    line, call = talk.line, talk.citizen.call
    await sent(talk)
    await line.agent_is("1001", AgentState.HOLD)
    line.asterisk.channel(call, "AGI")
    line.asterisk.live[call] = replace(
        line.asterisk.live[call], context="hl-menu", variables={"HL_CALL": call, "HL_ROLE": "citizen"}
    )
    line.asterisk.live[f"{call}9"] = replace(
        line.asterisk.live[call],
        channel=talk.agent_leg,
        uniqueid=f"{call}9",
        context="hl-talk",
        application="ConfBridge",
        bridge_id="room",
        variables={"HL_CALL": call, "HL_ROLE": "agent"},
    )
    await line.kill(voice)


async def test_another_process_takes_the_talk_up_while_the_citizen_is_in_the_menu(
    talk: Talking, voice: VoiceProcess
) -> None:
    await left_in_the_menu(talk, voice)
    second = await talk.line.start("voice-2")
    await until(lambda: talk.citizen.call in second.board.live)
    await back(talk)
    await talk.shows(TalkState.TALKING, "menu")
    assert last(talk)["outcome"] == "failure"
    await talk.ask("hold")
    await talk.shows(TalkState.HELD)


@pytest.mark.parametrize("looks", [1, 2, 3])
@pytest.mark.parametrize("happens", ["back", "gone"])
async def test_what_happens_while_a_talk_is_taken_up_is_not_missed(
    talk: Talking, voice: VoiceProcess, happens: str, looks: int
) -> None:
    """Between a look at the channels and the answer to it, whichever look it is."""
    line, call = talk.line, talk.citizen.call
    await left_in_the_menu(talk, voice)
    seen = 0

    async def happen() -> None:
        nonlocal seen
        seen += 1
        if seen != looks:
            return
        if happens == "gone":
            await line.asterisk.caller_gone(call, "away")
        else:
            citizen = line.asterisk.live[call]
            line.asterisk.live[call] = replace(citizen, context="hl-talk", application="ConfBridge", bridge_id="room")
            await back(talk)

    line.asterisk.on_channels = happen
    await line.start("voice-2")
    if happens == "gone":
        await line.agent_is("1001", AgentState.WRAP_UP)
        assert (await line.fact(call, "ended")).attributes["ended_by"] == "caller"
    else:
        await line.agent_is("1001", AgentState.TALKING)
        await talk.ask("hold")
        await talk.shows(TalkState.HELD)


async def test_the_agent_takes_the_citizen_back(talk: Talking, voice: VoiceProcess) -> None:
    await sent(talk)
    peer = await in_menu(talk, voice)
    await peer.command(f"CONTROL STREAM FILE {ASK}")
    await talk.ask("retrieve")
    await talk.shows(TalkState.TALKING, "retrieved")
    assert talk.done[-1] == ("redirect", talk.channel, "hl-talk", "citizen")
    peer.send(b"HANGUP\n")
    await peer.close()
    await back(talk)
    await talk.ask("hold")
    await talk.shows(TalkState.HELD)


async def test_the_citizen_hangs_up_in_the_menu(talk: Talking, voice: VoiceProcess) -> None:
    await sent(talk)
    peer = await in_menu(talk, voice)
    await peer.command(f"CONTROL STREAM FILE {ASK}")
    peer.send(b"HANGUP\n")
    await talk.line.asterisk.caller_gone(talk.citizen.call, "away")
    await talk.shows(TalkState.ENDED)
    await talk.line.agent_is("1001", AgentState.WRAP_UP)
    assert (await talk.line.fact(talk.citizen.call, "ended")).attributes["ended_by"] == "caller"
    await until(lambda: ("hangup", f"{talk.citizen.call}9") in talk.done)


async def test_the_agent_hangs_up_meanwhile(talk: Talking, voice: VoiceProcess) -> None:
    await sent(talk)
    peer = await in_menu(talk, voice)
    await peer.command(f"CONTROL STREAM FILE {ASK}")
    call = talk.citizen.call
    await talk.line.asterisk.say(Hangup(talk.agent_leg, f"{call}9", call, 16, "", {"HL_CALL": call}))
    await talk.shows(TalkState.ENDED)
    # As after every talk: thanks, or the survey.
    await until(lambda: talk.done[-1] == ("redirect", talk.channel, "hl-resume", "s"))
    assert talk.line.asterisk.globals["HL_PHASE", talk.channel] == Phase.TALKED
    await talk.line.agent_is("1001", AgentState.WRAP_UP)


@pytest.mark.parametrize(("menu", "code"), [("nothing", "talk.no_such_menu"), ("identity", "part.unavailable")])
async def test_what_cannot_be_done_is_refused_and_moves_nobody(talk: Talking, menu: str, code: str) -> None:
    before = list(talk.done)
    if menu == "identity":
        talk.line.asterisk.connected = False
    await talk.ask("to_menu", menu=menu)
    await until(lambda: bool(talk.frames("talk_refused")))
    refused = talk.frames("talk_refused")[-1]
    assert refused["command"] == "to_menu"
    assert refused["code"] == code or menu == "identity"
    assert talk.done == before


async def test_a_session_for_no_talk_ends_at_once(line: CallLine, voice: VoiceProcess) -> None:
    opening = header(("ast1-1763761000.99",), agi_network_script="menu", agi_request="agi://127.0.0.1/menu")
    peer = await AsteriskPeer.connect(voice.server.port, opening)
    line.peers.append(peer)
    await until(peer.ended.is_set)
    assert peer.commands == []


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("411202199001011234", "411***********1234"),
        ("41120219900101123X", "411***********123X"),
        ("1234", "****"),
        ("1", "1"),
        ("12", "12"),
        ("办理中", "办理中"),
    ],
)
def test_values_are_masked(value: str, shown: str) -> None:
    assert masked({"id": value, "line": "12345"}) == {"id": shown}
