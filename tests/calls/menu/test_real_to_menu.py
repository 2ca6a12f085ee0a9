"""Kind: real. The dialplan leads a citizen out of a talk into a menu, and back to the agent whatever becomes of it."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field

import pytest

from tests.asterisk_config.test_real_supervision import AGENT, CITIZEN, Talk, talk
from tests.asterisk_config.voice_peer import Session, VoicePeer
from tests.asterisk_fixtures import asterisk_ami, live_asterisk
from tests.ports import free_port

__all__ = ["asterisk_ami", "live_asterisk", "talk"]

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]


@dataclass
class MenuPeer:
    """Plays the voice process that runs the menu, for as long as the test wants."""

    port: int = field(default_factory=free_port)
    entered: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    def play(self, session: Session) -> None:
        assert session.header["agi_network_script"] == "menu"
        session.ask('CONTROL STREAM FILE silence/1 ""')
        self.entered.set()
        self.over.wait(30)

    async def wait_entered(self) -> None:
        assert await asyncio.to_thread(self.entered.wait, 15)


async def send(talk: Talk, port: int) -> None:
    """As `calls.talk.to_menu` does."""
    legs = await talk.legs()
    for leg, role in ((legs.citizen, "citizen"), (legs.agent, "agent")):
        await talk.ami.setvar("HL_CALL", talk.call, leg.channel)
        await talk.ami.setvar("HL_ROLE", role, leg.channel)
    for variable, value in (("HL_AT", f"127.0.0.1:{port}"), ("HL_VOICE", "voice-1"), ("HL_PHASE", "away")):
        await talk.ami.setvar(variable, value, legs.citizen.channel)
    await talk.ami.redirect(
        legs.citizen.channel,
        "hl-menu",
        extra_channel=legs.agent.channel,
        extra_context="hl-talk",
        extra_exten="agent",
    )


async def alone(talk: Talk) -> None:
    """Once Asterisk has seen the agent's leg off."""
    async with asyncio.timeout(15):
        while {one.uniqueid for one in await talk.ami.channels()} != {talk.call}:
            await asyncio.sleep(0.05)


async def test_there_and_back(talk: Talk) -> None:
    menu = MenuPeer()
    with VoicePeer(menu.port, menu.play):
        await send(talk, menu.port)
        await menu.wait_entered()
        places = {one.variables.get("HL_ROLE"): (one.context, one.application) for one in await talk.ami.channels()}
        assert places == {"citizen": ("hl-menu", "AGI"), "agent": ("hl-talk", "ConfBridge")}
        menu.over.set()
        await talk.hear({AGENT}, {CITIZEN})
    assert talk.phases == ["entered"], "no other voice process was asked"


async def test_back_at_once_when_nobody_runs_the_menu(talk: Talk) -> None:
    await send(talk, free_port())
    await talk.hear({AGENT}, {CITIZEN})


async def test_back_out_of_the_hands_of_a_process_that_hangs(talk: Talk) -> None:
    """The watchdog redirects who sits in AGI with it."""
    menu = MenuPeer()
    with VoicePeer(menu.port, menu.play):
        await send(talk, menu.port)
        await menu.wait_entered()
        citizen = next(one for one in await talk.ami.channels() if one.uniqueid == talk.call)
        await talk.ami.redirect(citizen.channel, "hl-resume")
        await talk.hear({AGENT}, {CITIZEN})
        menu.over.set()


async def test_who_comes_back_to_nobody_goes_on_as_after_a_talk(talk: Talk) -> None:
    menu = MenuPeer()
    with VoicePeer(menu.port, menu.play):
        await send(talk, menu.port)
        await menu.wait_entered()
        await talk.agent.hang_up()
        await alone(talk)
        menu.over.set()
        await asyncio.wait_for(talk.citizen.ended.wait(), 15)
    assert talk.phases == ["entered", "talked"]
