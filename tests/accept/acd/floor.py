"""The floor (座席大厅): seats whose phones do what the test says of each citizen, and proofs that nothing is stuck."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from server.demo.g711 import tone
from server.demo.phone import PhoneCall
from tests.accept.console import console
from tests.accept.line import Line, eventually
from tests.accept.people import Desk, citizen, desk

AtSeat = Callable[[Desk, PhoneCall], Awaitable[None]]
"""What a phone does when a citizen's call rings it."""

AGENT_TONE = 660.0
CITIZEN_TONE = 440.0
TALK_SECONDS = 1.2
"""Of a short talk: more than the half second under which nobody was served, on a busy machine too."""
_CITIZEN = re.compile(r"1[3-9][0-9]{9}")
_LOGINS_AT_ONCE = 4


def citizen_in(call: PhoneCall) -> str:
    """The number that an INVITE at an agent's phone shows."""
    found = _CITIZEN.search(call.invite.get("from"))
    return found.group() if found else ""


async def take_briefly(seat: Desk, call: PhoneCall) -> None:
    """Ring, answer, talk for a moment, hang up."""
    await call.ring()
    call.audio.play(tone(AGENT_TONE, 1.0))
    await call.answer()
    await asyncio.sleep(TALK_SECONDS)
    await call.hang_up()


async def take_and_wrap_up(seat: Desk, call: PhoneCall) -> None:
    """A short talk without sound, and no wrap-up: many are to be served soon."""
    await call.ring()
    await call.answer(sound=False)
    await asyncio.sleep(TALK_SECONDS)
    await call.hang_up()
    await seat.until_state("WRAP_UP", "READY", "RESERVED", "RINGING")
    await seat.post("/api/agents/me/end-wrap-up")


async def let_ring(seat: Desk, call: PhoneCall) -> None:
    """Ring, and nobody answers."""
    await call.ring()


@dataclass
class Floor:
    """Seats 1001, 1002, ... `plans` says by a citizen's number what the phone does, `usual` what it does else."""

    line: Line
    seats: list[Desk] = field(default_factory=list)
    plans: dict[str, AtSeat] = field(default_factory=dict)
    usual: AtSeat = take_briefly

    async def add(self, agent: str, extension: str, *, ready: bool = True, screen: bool = True) -> Desk:
        """One more seat."""
        seats: list[Desk] = []

        async def on_call(call: PhoneCall) -> None:
            await self.plans.get(citizen_in(call), self.usual)(seats[0], call)

        seat = await desk(self.line, agent, extension, ready=False, screen=screen, on_call=on_call)
        seats.append(seat)
        self.line.cleanup.append(seat.leave)
        self.seats.append(seat)
        if ready:
            await seat.ready()
        return seat

    def invites(self) -> list[tuple[Desk, PhoneCall]]:
        """Every INVITE that reached a phone so far, by its time."""
        rang = [(seat, call) for seat in self.seats for call in seat.phone.calls if call.incoming]
        return sorted(rang, key=lambda pair: pair[1].log["invite"])

    async def all_free(self, *, seconds: float = 12.0) -> None:
        """Wait until every seat is READY, by itself, and its phone has no call."""
        for seat in self.seats:
            await seat.until_state("READY", seconds=seconds)
            held = [call for call in seat.phone.calls if not call.ended.is_set()]
            assert not held, f"agent {seat.agent} is READY and its phone still holds a call"

    async def each_takes_one(self) -> None:
        """As many citizens as seats call: every seat is offered exactly one. So nobody needs a reset by hand."""
        before = {seat.agent: len(seat.phone.calls) for seat in self.seats}
        held = asyncio.Event()

        async def hold(seat: Desk, call: PhoneCall) -> None:
            await call.ring()
            await call.answer()
            await held.wait()
            await asyncio.sleep(TALK_SECONDS)  # of the one who answered last, too
            await call.hang_up()

        usual, self.usual = self.usual, hold
        try:
            calls = [await (await citizen(self.line)).dial("12345") for _ in self.seats]

            async def all_rung() -> bool:
                return all(len(seat.phone.calls) > before[seat.agent] for seat in self.seats)

            await eventually(all_rung, "every seat is offered a call again", seconds=20)
            taken = {seat.agent: len(seat.phone.calls) - before[seat.agent] for seat in self.seats}
            assert set(taken.values()) == {1}, f"calls offered to each: {taken}"
            held.set()
            for call in calls:
                await asyncio.wait_for(call.ended.wait(), 20)
        finally:
            held.set()
            self.usual = usual


async def open_floor(line: Line, count: int, *, first: int = 1, ready: bool = True, screen: bool = True) -> Floor:
    """So many seats, signed in."""
    floor = Floor(line)
    turns = asyncio.Semaphore(_LOGINS_AT_ONCE)

    async def one(number: int) -> None:
        async with turns:
            await floor.add(str(1000 + number), str(8000 + number), ready=ready, screen=screen)

    async with asyncio.TaskGroup() as group:
        for number in range(first, first + count):
            group.create_task(one(number))
    floor.seats.sort(key=lambda seat: seat.agent)
    return floor


async def no_channels(line: Line, *, seconds: float = 10.0) -> None:
    """Wait until Asterisk holds no channel: no leg was forgotten."""

    async def look() -> bool:
        return "\n0 active channels" in "\n" + await console(line, "core show channels count")

    await eventually(look, "Asterisk has no channel left", seconds=seconds, every=0.3)


async def outcomes_of(line: Line, callers: Sequence[str], *, seconds: float = 20.0) -> dict[str, str]:
    """Number -> outcome of that caller's newest call, once every one of them has one."""
    found: dict[str, str] = {}
    for caller in callers:
        call_id = await line.call_id_of(caller, seconds=seconds)
        found[caller] = str((await line.story_of(call_id, until="ended", seconds=seconds)).summary.outcome)
    return found
