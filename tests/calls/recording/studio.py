"""A real Asterisk with a citizen, an agent and a branch who each sing a tone of their own, and what was recorded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ami.client import AmiClient
from ami.counters import AmiCounters
from calls.recording.files import Tape, tapes
from server.asterisk import secrets
from server.demo.g711 import tone
from server.demo.phone import Phone, PhoneCall, answer_at_once
from tests.asterisk_config.voice_peer import Session, VoicePeer
from tests.asterisk_fixtures import CARRIER, LiveAsterisk

CITIZEN, AGENT, BRANCH = 440.0, 660.0, 1_000.0
"""The tone each of them sings, in Hz."""

DIAL = 'EXEC Dial "PJSIP/8001,20,gm(hl)B(hl-record^s^1)U(hl-answered)"'
FRAME = 160
"""20 ms."""


@dataclass
class Studio:
    """One call that is recorded. `walls` are times of the wall clock in milliseconds, by what happened."""

    asterisk: LiveAsterisk
    ami: AmiClient
    citizen: Phone
    agent: Phone
    call: PhoneCall
    seat: PhoneCall
    walls: dict[str, int] = field(default_factory=dict)

    @property
    def channel(self) -> str:
        """The citizen's."""
        found = self.asterisk.channel("PJSIP/carrier")
        assert found is not None
        return found

    @property
    def seat_channel(self) -> str:
        """The agent's."""
        found = self.asterisk.channel("PJSIP/8001")
        assert found is not None
        return found

    def now(self, what: str) -> None:
        """Note when something happens."""
        self.walls[what] = now_ms()

    async def stays(self, seconds: float) -> None:
        """The parties go on for a while: what is measured is sound in time."""
        await asyncio.sleep(seconds)

    async def tape(self) -> Tape:
        """What was recorded, once nothing is written any more."""
        await until(lambda: not self.asterisk.channel("PJSIP/carrier"), "the citizen's channel is gone")
        (found,) = tapes(self.asterisk.layout.recordings)
        return found


def now_ms() -> int:
    """The wall clock."""
    return time.time_ns() // 1_000_000


async def until(check: Callable[[], object], what: str, *, seconds: float = 15.0) -> None:
    """Wait for something to be so."""
    async with asyncio.timeout(seconds):
        while not check():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def studio(
    asterisk: LiveAsterisk, *, dial: str = DIAL, sound: bool = True, after: Callable[[Session], None] | None = None
) -> AsyncIterator[Studio]:
    """A citizen and an agent who talk. `sound`: whether the citizen's phone sends any."""

    def play(session: Session) -> None:
        if session.arguments[3] == "entered":
            session.ask("ANSWER")
            session.ask("SET MUSIC ON hl")
            session.ask("SET VARIABLE HL_PHASE ringing")
            session.ask(dial)
        if after is not None:
            after(session)
        session.ask("SET VARIABLE HL_PHASE done")

    settings = asterisk.settings
    ami = AmiClient(
        host="127.0.0.1",
        port=settings.asterisk.ami_port,
        user=settings.asterisk.ami_user,
        secret=secrets.load(settings).ami,
        counters=AmiCounters(),
    )
    for old in asterisk.layout.recordings.iterdir():
        old.unlink()

    async def rings(call: PhoneCall) -> None:
        await call.ring()

    citizen = await Phone("13800000001", server=asterisk.sip, host=CARRIER).start()
    password = secrets.load(settings).phone("8001")
    agent = await Phone("8001", server=asterisk.sip, password=password, on_call=rings).start()
    first = settings.voice.fastagi_port
    with VoicePeer(first, play), VoicePeer(first + 1, play):
        try:
            await ami.start()
            await until(lambda: ami.connected, "AMI is connected")
            await agent.register()
            call = await citizen.call("12345", sound=tone(CITIZEN, 1.0) if sound else b"")
            if not sound:
                call.audio.start = lambda peer: None  # type: ignore[method-assign]
            seat = await asyncio.wait_for(agent.incoming.get(), 15)
            seat.audio.play(tone(AGENT, 1.0))
            await asyncio.sleep(0.4)
            here = Studio(asterisk, ami, citizen, agent, call, seat)
            here.now("answered")
            await seat.answer()
            await asyncio.wait_for(seat.acknowledged.wait(), 10)
            yield here
        finally:
            await citizen.close()
            await agent.close()
            await ami.close()
            asterisk.cli("channel request hangup all")
            await until(lambda: "0 active channels" in asterisk.cli("core show channels count"), "no channels")


@asynccontextmanager
async def branch(asterisk: LiveAsterisk) -> AsyncIterator[Phone]:
    """A branch centre that answers and sings."""

    async def sings(call: PhoneCall) -> None:
        call.audio.play(tone(BRANCH, 1.0))
        await answer_at_once(call)

    phone = await Phone("branch", server=asterisk.sip, port=asterisk.trunk_port("branch"), on_call=sings).start()
    try:
        yield phone
    finally:
        await phone.close()


def sides(path: Path) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """The citizen's side and everybody else's."""
    content = path.read_bytes()
    samples = np.frombuffer(content[: len(content) // 4 * 4], "<i2").reshape(-1, 2)
    return samples[:, 0], samples[:, 1]


def strengths(samples: NDArray[np.int16], frequency: float) -> NDArray[np.float64]:
    """How strong a frequency is in each 20 ms."""
    whole = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME).astype(np.float64)
    at = np.arange(FRAME) / 8_000
    found: NDArray[np.float64] = 2 * np.abs((whole * np.exp(-2j * np.pi * frequency * at)).mean(axis=1))
    return found


def heard(samples: NDArray[np.int16], frequency: float, *, level: float = 2_000.0) -> NDArray[np.bool_]:
    """In which 20 ms a frequency is heard."""
    return strengths(samples, frequency) > level


def longest_gap_ms(present: NDArray[np.bool_]) -> int:
    """The longest time within which something is not heard, between its first and its last being heard."""
    places = np.flatnonzero(present)
    return int((np.diff(places).max(initial=1) - 1) * 20)


def first_ms(present: NDArray[np.bool_]) -> int:
    """When it is first heard."""
    return int(np.argmax(present)) * 20
