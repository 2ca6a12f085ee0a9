"""Kind: real. Who hears whom while a supervisor listens, whispers, barges in and takes over: in a bridge of two, and in
the conference that a talk is moved to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import pytest

from ami.client import AmiClient
from ami.errors import AmiRefused
from ami.events import BridgeEnter, Hangup
from calls.talk_legs import TalkLegs, talk_legs
from server.asterisk import secrets
from server.demo.g711 import tone
from server.demo.phone import Phone, PhoneCall
from tests.accept.sound import tones
from tests.asterisk_config.voice_peer import Session, VoicePeer
from tests.asterisk_fixtures import CARRIER, Ami, LiveAsterisk

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]

CITIZEN, AGENT, SUPERVISOR = 440.0, 660.0, 1000.0
LEG = "supervision-test-1.1"


T = TypeVar("T")


async def eventually(look: Callable[[], Awaitable[T | None]], what: str, *, seconds: float = 15.0) -> T:
    try:
        async with asyncio.timeout(seconds):
            while not (found := await look()):
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"not within {seconds:g} s: {what}")
    return found


@dataclass
class Talk:
    """A citizen and an agent in a talk, and the phone of a supervisor."""

    ami: AmiClient
    call: str
    citizen: PhoneCall
    agent: PhoneCall
    phone: Phone
    phases: list[str]
    """With which the citizen's channel came to a voice process."""
    bridged: list[BridgeEnter] = field(default_factory=list)
    gone: list[Hangup] = field(default_factory=list)
    supervisor: PhoneCall | None = None

    async def legs(self) -> TalkLegs:
        async def look() -> TalkLegs | None:
            return talk_legs(self.call, await self.ami.channels())

        return await eventually(look, "a talk of two")

    async def to_room(self) -> None:
        """As the first hold or consultation does."""
        legs = await self.legs()
        for leg, role in ((legs.citizen, "citizen"), (legs.agent, "agent")):
            await self.ami.setvar("HL_CALL", self.call, leg.channel)
            await self.ami.setvar("HL_ROLE", role, leg.channel)
        await self.ami.redirect(
            legs.citizen.channel, "hl-talk", "citizen", extra_channel=legs.agent.channel, extra_exten="agent"
        )

        async def look() -> bool:
            here = talk_legs(self.call, await self.ami.channels())
            return here is not None and bool(here.room) and here.citizen.bridge_id == here.agent.bridge_id != ""

        await eventually(look, "both are in the room")

    async def supervise(self, extension: str) -> PhoneCall:
        """Call the supervisor's phone into an extension, or send the leg there."""
        if self.supervisor is not None:
            await self.ami.redirect(LEG, "hl-supervision", extension)
            return self.supervisor
        await self.ami.originate(
            f"PJSIP/{self.phone.user}",
            channel_id=LEG,
            context="hl-supervision",
            exten=extension,
            variables={"HL_SPIED": (await self.legs()).agent.uniqueid, "HL_ROOM": self.call},
            caller_id="12345",
            ring_seconds=10,
        )
        call = self.supervisor = await asyncio.wait_for(self.phone.incoming.get(), 10)
        call.audio.play(tone(SUPERVISOR, 1.0))
        await asyncio.wait_for(call.answered.wait(), 10)
        return call

    async def heard(self, call: PhoneCall) -> set[float]:
        return tones(await call.audio.hear(0.5), CITIZEN, AGENT, SUPERVISOR)

    async def hear(self, citizen: set[float], agent: set[float], supervisor: set[float] | None = None) -> None:
        """Everybody hears exactly this, within a moment and still after it."""
        wanted = {"citizen": (self.citizen, citizen), "agent": (self.agent, agent)}
        if supervisor is not None and self.supervisor is not None:
            wanted["supervisor"] = (self.supervisor, supervisor)
        last: dict[str, set[float]] = {}

        async def look() -> bool:
            found = await asyncio.gather(*(self.heard(call) for call, _ in wanted.values()))
            last.update(zip(wanted, found, strict=True))
            return all(last[who] == tones_ for who, (_, tones_) in wanted.items())

        try:
            async with asyncio.timeout(12):
                times = 0
                while times < 2:
                    times = times + 1 if await look() else 0
        except TimeoutError:
            pytest.fail(f"heard: {last}, wanted: { {who: tones_ for who, (_, tones_) in wanted.items()} }")


@pytest.fixture
async def talk(live_asterisk: LiveAsterisk, asterisk_ami: Ami) -> AsyncIterator[Talk]:
    """A talk as a voice process makes it: Dial from the citizen's own FastAGI session."""
    calls: list[str] = []
    phases: list[str] = []

    def play(session: Session) -> None:
        calls.append(session.arguments[0])
        phases.append(session.arguments[3])
        if session.arguments[3] == "entered":
            session.ask("ANSWER")
            session.ask("EXEC Dial PJSIP/8001,20,gm(hl)U(hl-answered)")
        session.ask("SET VARIABLE HL_PHASE done")

    keys = live_asterisk.settings
    ami = AmiClient(host=asterisk_ami.host, port=asterisk_ami.port, user=asterisk_ami.user, secret=asterisk_ami.secret)
    first = keys.voice.fastagi_port
    with VoicePeer(first, play), VoicePeer(first + 1, play):
        await ami.start()
        await ami.wait_connected(30)
        phones = []
        for extension in ("8001", "8002"):
            password = secrets.load(keys).phone(extension)
            phone = await Phone(extension, server=live_asterisk.sip, password=password).start()
            await phone.register()
            phones.append(phone)
        carrier = await Phone("13800000001", server=live_asterisk.sip, host=CARRIER).start()
        try:
            citizen = await carrier.call("12345", sound=tone(CITIZEN, 1.0))
            agent = await asyncio.wait_for(phones[0].incoming.get(), 15)
            agent.audio.play(tone(AGENT, 1.0))
            await asyncio.wait_for(citizen.answered.wait(), 15)
            made = Talk(ami, calls[0], citizen, agent, phones[1], phases)
            ami.subscribe(BridgeEnter, _kept(made.bridged))
            ami.subscribe(Hangup, _kept(made.gone))
            await made.legs()
            await made.hear({AGENT}, {CITIZEN})
            yield made
        finally:
            for phone in (carrier, *phones):
                await phone.close()

            async def none_left() -> bool:
                return not await ami.channels()

            with contextlib.suppress(Exception):
                live_asterisk.cli("channel request hangup all")
            await eventually(none_left, "all channels gone")
            await ami.close()


def _kept(kept: list[T]) -> Callable[[T], Awaitable[None]]:
    async def keep(event: T) -> None:
        kept.append(event)

    return keep


async def test_listen_whisper_and_barge_in_a_bridge_of_two(talk: Talk) -> None:
    await talk.supervise("listen")
    await talk.hear({AGENT}, {CITIZEN}, {CITIZEN, AGENT})
    await talk.supervise("whisper")
    await talk.hear({AGENT}, {CITIZEN, SUPERVISOR}, {CITIZEN, AGENT})
    await talk.supervise("barge")
    await talk.hear({AGENT, SUPERVISOR}, {CITIZEN, SUPERVISOR}, {CITIZEN, AGENT})
    await talk.supervise("listen")
    await talk.hear({AGENT}, {CITIZEN}, {CITIZEN, AGENT})
    supervisor = talk.supervisor
    assert supervisor is not None
    assert len(talk.phone.calls) == 1, "it was one call all the time"
    await talk.agent.hang_up()
    await asyncio.wait_for(supervisor.ended.wait(), 5)


async def test_listen_whisper_and_barge_in_a_conference(talk: Talk) -> None:
    await talk.to_room()
    await talk.hear({AGENT}, {CITIZEN})
    await talk.supervise("listen")
    await talk.hear({AGENT}, {CITIZEN}, {CITIZEN, AGENT})
    await talk.supervise("whisper")
    await talk.hear({AGENT}, {CITIZEN, SUPERVISOR}, {CITIZEN, AGENT})
    await talk.supervise("join")
    await talk.hear({AGENT, SUPERVISOR}, {CITIZEN, SUPERVISOR}, {CITIZEN, AGENT})
    await talk.supervise("whisper")
    await talk.hear({AGENT}, {CITIZEN, SUPERVISOR}, {CITIZEN, AGENT})


async def test_who_listens_goes_along_into_the_conference(talk: Talk) -> None:
    await talk.supervise("listen")
    await talk.hear({AGENT}, {CITIZEN}, {CITIZEN, AGENT})
    before = (await talk.legs()).agent
    await talk.to_room()
    await talk.hear({AGENT}, {CITIZEN}, {CITIZEN, AGENT})
    after = (await talk.legs()).agent
    assert (before.uniqueid, before.channel) == (after.uniqueid, after.channel)
    assert not [event for event in talk.gone if event.uniqueid == before.uniqueid]


async def test_chanspys_barge_speaks_to_nobody_but_the_agent_in_a_conference(talk: Talk) -> None:
    await talk.to_room()
    await talk.supervise("barge")
    await talk.hear({AGENT}, {CITIZEN, SUPERVISOR}, {CITIZEN, AGENT})


async def test_a_supervisor_takes_the_citizen_over_in_one_action(talk: Talk) -> None:
    supervisor = await talk.supervise("listen")
    await talk.hear({AGENT}, {CITIZEN}, {CITIZEN, AGENT})
    legs = await talk.legs()
    leg = next(one for one in await talk.ami.channels() if one.uniqueid == LEG)
    await talk.ami.bridge(leg.channel, legs.citizen.channel)
    await asyncio.wait_for(talk.agent.ended.wait(), 5)
    async with asyncio.timeout(12):
        while await talk.heard(talk.citizen) != {SUPERVISOR} or await talk.heard(supervisor) != {CITIZEN}:
            pass
    assert not supervisor.ended.is_set()
    entered = {event.uniqueid: event.bridge_id for event in talk.bridged}
    assert entered[LEG] == entered[talk.call]
    await supervisor.hang_up()
    # The session that dialled is over by that; the dialplan finds another one, which says goodbye.
    await asyncio.wait_for(talk.citizen.ended.wait(), 5)
    assert talk.citizen.ended_by == "remote"
    assert talk.phases == ["entered", "talked"]


async def test_a_supervisor_who_is_gone_takes_nobody_over(talk: Talk) -> None:
    supervisor = await talk.supervise("listen")
    legs = await talk.legs()
    leg = next(one for one in await talk.ami.channels() if one.uniqueid == LEG)
    await supervisor.hang_up()

    async def gone() -> bool:
        return all(one.uniqueid != LEG for one in await talk.ami.channels())

    await eventually(gone, "the supervisor's leg is gone")
    with pytest.raises(AmiRefused):
        await talk.ami.bridge(leg.channel, legs.citizen.channel)
    await talk.hear({AGENT}, {CITIZEN})
