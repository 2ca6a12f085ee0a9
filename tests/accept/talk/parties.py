"""The people of a talk, each with a tone of their own, and what each of them hears."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from server.demo.g711 import decode, tone
from server.demo.phone import Incoming, Phone, PhoneCall, answer_at_once
from tests.accept.first_call.basics import answered, next_call
from tests.accept.line import Line, eventually
from tests.accept.people import Citizen, Desk, branch, citizen, desk

CITIZEN, AGENT, THIRD = 440.0, 660.0, 1000.0
_TONES = (CITIZEN, AGENT, THIRD)
_RATE = 8_000
_HEARD_DB, _SILENT_DB = -25.0, -45.0
"""Of a tone of our own, against the level it is sent with: heard above the first, not there below the second."""

_seats = itertools.count(0)


def levels(alaw: bytes) -> dict[float, float]:
    """How loud each party's tone is in this sound, in dB of the level it is sent with."""
    samples = decode(alaw).astype(np.float64)
    window = np.hanning(len(samples))
    sent = decode(tone(CITIZEN, len(samples) / _RATE)).astype(np.float64)
    reference = np.abs(np.fft.rfft(sent[: len(samples)] * window)).max()
    spectrum = np.abs(np.fft.rfft(samples * window))
    found = {}
    for frequency in _TONES:
        at = round(frequency * len(samples) / _RATE)
        found[frequency] = float(20 * np.log10(max(spectrum[at - 2 : at + 3].max(), 1e-6) / reference))
    return found


async def hears_exactly(call: PhoneCall, *others: float, who: str, seconds: float = 6.0) -> None:
    """Wait until this party hears these tones and none of the others, its own among them."""
    seen: dict[float, float] = {}

    async def look() -> bool:
        nonlocal seen
        try:
            seen = levels(await call.audio.hear(0.5, timeout=2.0))
        except TimeoutError:
            seen = dict.fromkeys(_TONES, -200.0)
        return all(seen[t] > _HEARD_DB if t in others else seen[t] < _SILENT_DB for t in _TONES)

    try:
        await eventually(look, "", seconds=seconds)
    except AssertionError:
        shown = {frequency: round(level) for frequency, level in seen.items()}
        raise AssertionError(f"{who} should hear {others} alone and hears {shown} dB") from None


async def is_silent(call: PhoneCall, *, who: str, seconds: float = 6.0) -> None:
    """Wait until there is nothing to hear: silence, or no packets at all."""

    async def look() -> bool:
        try:
            sound = decode(await call.audio.hear(0.4, timeout=1.0)).astype(np.float64)
        except TimeoutError:
            return True
        return bool(np.sqrt(np.mean(sound**2)) < 60.0)

    await eventually(look, f"{who} hears silence", seconds=seconds)


async def hears_music(call: PhoneCall, *, who: str, seconds: float = 6.0) -> None:
    """Wait until there is sound, and none of the parties' tones in it."""

    async def look() -> bool:
        sound = await call.audio.hear(0.8)
        loud = np.sqrt(np.mean(decode(sound).astype(np.float64) ** 2)) > 60.0
        return bool(loud and max(levels(sound).values()) < -20.0)

    await eventually(look, f"{who} hears music", seconds=seconds)


async def sings(call: PhoneCall, frequency: float) -> PhoneCall:
    """This party's tone from now on."""
    call.audio.play(tone(frequency, 1.0))
    return call


@dataclass
class Talk:
    """A citizen and an agent who talk."""

    line: Line
    who: Citizen
    citizen: PhoneCall
    seat: Desk
    agent: PhoneCall
    id: str

    async def ask(self, command: str, **body: Any) -> None:
        """What the agent's page sends."""
        await self.seat.post(f"/api/talks/{self.id}/{command}", body)

    async def state(self, state: str, *, seconds: float = 10.0, since: float = 0.0, why: str = "") -> None:
        """Wait until the agent's screen says so."""

        async def look() -> bool:
            told = [frame.body for frame in self.seat.frames if frame.kind == "talk" and frame.at >= since]
            mine = [body for body in told if body["call"] == self.id]
            return bool(mine) and mine[-1]["state"] == state and (not why or why in str(mine[-1].get("why")))

        try:
            await eventually(look, "", seconds=seconds, every=0.01)
        except AssertionError:
            told = [frame.body for frame in self.seat.frames if frame.kind.startswith("talk")][-6:]
            raise AssertionError(f"within {seconds:g} s: the screen shows {state}; it showed {told}") from None

    async def apart_never(self) -> None:
        """Citizen and agent are together, and nobody else."""
        await asyncio.gather(
            hears_exactly(self.citizen, AGENT, who="the citizen"), hears_exactly(self.agent, CITIZEN, who="the agent")
        )

    async def over(self) -> None:
        """The agent hangs up; all legs end."""
        await self.agent.hang_up()
        await asyncio.wait_for(self.citizen.ended.wait(), 15)
        await self.seat.leave()

    async def told(self, kinds: Collection[str] = ()) -> list[dict[str, Any]]:
        """The talk's facts in the journal, once the call has ended."""
        story = await self.line.story_of(self.id, until="ended", seconds=20)
        return [
            {"kind": event.kind, "at": event.at, **event.attributes}
            for event in story.events
            if event.kind == "talk" or event.kind in kinds
        ]


async def talking(line: Line, *, number: str = "12345") -> Talk:
    """A citizen has called, and an agent of their own has answered; each sends their tone."""
    n = next(_seats) % 20
    seat = await desk(line, f"{1001 + n}", f"{8001 + n}")
    line.cleanup.append(seat.leave)
    who = await citizen(line)
    call = await who.dial(number, sound=tone(CITIZEN, 1.0))
    at_seat = await sings(await next_call(seat), AGENT)
    await answered(call)
    await answered(at_seat)
    pop = await seat.frame("pop")
    talk = Talk(line, who, call, seat, at_seat, str(pop.body["call"]))
    await seat.until_state("TALKING")
    await talk.apart_never()
    return talk


async def answers(call: PhoneCall) -> None:
    """A third party takes the call at once, with its tone."""
    call.audio.play(tone(THIRD, 1.0))
    await answer_at_once(call)


async def third(line: Line, trunk: str = "branch-12366", on_call: Incoming = answers) -> Phone:
    """Somebody at the far side of a trunk."""
    return await branch(line, trunk, on_call)


async def rung(phone: Phone, *, seconds: float = 10.0) -> PhoneCall:
    """The next call that comes there."""
    return await asyncio.wait_for(phone.incoming.get(), seconds)
