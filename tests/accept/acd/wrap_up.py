"""Item 6: after-call work (话后整理) is the agent's own. No call is offered before it is over, however the talk ended.

The exits are a table: the agent hangs up, the citizen does, blind and attended transfer, leaving a conference.
The first two also after the voice process that carried the talk has died, and another one has adopted it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from server.demo.phone import PhoneCall
from tests.accept.acd.floor import Floor, citizen_in, no_channels, open_floor
from tests.accept.acd.office import office
from tests.accept.line import Line, database_rows, eventually
from tests.accept.people import Citizen, Desk, branch, citizen
from tests.accept.scenario import Scale

_BRANCH = "line:12366"
_BRANCH_TRUNK = "branch-12366"
_ANSWERED_SECONDS = 1.0
_ADOPTED = ("the agent hangs up", "the citizen hangs up")
"""Exits that are taken after the process died, too."""
_LAG_SECONDS = 0.15
"""How late these phones, all in one process, may read a BYE that Asterisk has sent."""
_SOON_SECONDS = 1.5
"""From the end of a wrap-up until the phone rings, with others ringing at the same moment."""


@dataclass
class Talk:
    """An agent in a talk. `parted` is the monotonic time at which it ended."""

    seat: Desk
    at_seat: PhoneCall
    call: PhoneCall
    id: str
    parted: float = 0.0

    async def ask(self, command: str, **body: str) -> None:
        await self.seat.post(f"/api/talks/{self.id}/{command}", body)

    async def left(self) -> None:
        """Wait until the agent's phone is free: the talk ended then."""
        await asyncio.wait_for(self.at_seat.ended.wait(), 10)
        self.parted = self.at_seat.log["ended"] - _LAG_SECONDS


async def _agent_hangs_up(talk: Talk) -> None:
    await talk.at_seat.hang_up()


async def _citizen_hangs_up(talk: Talk) -> None:
    await talk.call.hang_up()


async def _blind_transfer(talk: Talk) -> None:
    await talk.ask("blind", target=_BRANCH)
    await talk.left()


async def _attended_transfer(talk: Talk) -> None:
    await talk.ask("consult", target=_BRANCH)
    await talk.seat.until_state("CONSULT")
    # Asked for and answered look alike from here: the branch answers at once.
    await asyncio.sleep(_ANSWERED_SECONDS)
    await talk.ask("leave")
    await talk.left()


async def _leaves_a_conference(talk: Talk) -> None:
    await talk.ask("three_way", target=_BRANCH)
    await talk.seat.until_state("CONFERENCE")
    await talk.ask("leave")
    await talk.left()


EXITS: dict[str, Callable[[Talk], Awaitable[None]]] = {
    "the agent hangs up": _agent_hangs_up,
    "the citizen hangs up": _citizen_hangs_up,
    "a blind transfer": _blind_transfer,
    "an attended transfer": _attended_transfer,
    "leaving a conference": _leaves_a_conference,
}
"""Exit -> how it is taken. After it the agent is no longer with the citizen."""


@dataclass(frozen=True)
class Way:
    """What the agent does with a wrap-up: `more` seconds asked for, or its end after `early` seconds."""

    name: str
    more: int = 0
    early: float = 0.0


def _ways(wrap_up: float) -> Sequence[Way]:
    return (
        Way("left alone"),
        Way("made longer", more=max(1, round(wrap_up / 3))),
        Way("ended early", early=wrap_up / 2),
    )


async def _one(talk: Talk, leave: Callable[[Talk], Awaitable[None]], way: Way, wrap_up: float) -> float:
    """Take the exit, do what the way says, and wait for the next INVITE at this phone; seconds after the exit."""
    rung = len(talk.seat.phone.calls)
    talk.parted = time.monotonic()
    await leave(talk)
    await talk.seat.until_state("WRAP_UP", seconds=5)
    due = talk.parted + wrap_up
    if way.more:
        await asyncio.sleep(wrap_up / 2)
        await talk.seat.post("/api/agents/me/extend-wrap-up", {"seconds": way.more})
        due += way.more
    if way.early:
        await asyncio.sleep(max(0.0, talk.parted + way.early - time.monotonic()))
        due = time.monotonic()
        await talk.seat.post("/api/agents/me/end-wrap-up")

    async def rings() -> PhoneCall | None:
        calls = talk.seat.phone.calls
        return calls[rung] if len(calls) > rung else None

    call: PhoneCall = await eventually(rings, f"{talk.seat.agent} is offered a call again", seconds=wrap_up * 2 + 10)
    at = call.log["invite"]
    what = f"wrap-up {way.name}: rung {at - talk.parted:.3f} s after the end of the talk"
    assert at >= due, f"{what}, {due - at:.3f} s too soon"
    assert at <= due + _SOON_SECONDS, f"{what}, {at - due:.1f} s too late"
    return at - talk.parted


async def _talks(line: Line, floor: Floor) -> tuple[list[Talk], list[PhoneCall]]:
    """Every seat in a talk, and as many citizens waiting; the talks, and the calls of all citizens."""

    async def answer(seat: Desk, call: PhoneCall) -> None:
        await call.ring()
        await call.answer(sound=False)

    floor.usual = answer
    people: list[Citizen] = [await citizen(line) for _ in range(2 * len(floor.seats))]
    calls = {who.number: await who.dial("12345") for who in people}

    async def all_in_talks() -> bool:
        return all(seat.phone.calls for seat in floor.seats)

    await eventually(all_in_talks, "every seat is in a talk", seconds=30)
    for who in people:
        await line.story_of(await line.call_id_of(who.e164), until="queued", seconds=20)
    talks = []
    for seat in floor.seats:
        at_seat = seat.phone.calls[0]
        await seat.until_state("TALKING")
        number = citizen_in(at_seat)
        talks.append(Talk(seat, at_seat, calls[number], await line.call_id_of(f"+86{number}")))
    return talks, list(calls.values())


async def _round(line: Line, wrap_up: float, *, killed: bool) -> list[str]:
    """Every exit with every way, all at the same time. `killed`: a voice process dies first."""
    names = _ADOPTED if killed else tuple(EXITS)
    rows = [(name, EXITS[name], way) for name in names for way in _ways(wrap_up)]
    floor = await open_floor(line, len(rows), screen=False)
    talks, calls = await _talks(line, floor)
    if killed:
        await _kill_a_voice(line)
    ends = [_one(talk, leave, way, wrap_up) for talk, (_, leave, way) in zip(talks, rows, strict=True)]
    took = await asyncio.gather(*ends)
    for call in calls:
        await call.hang_up()
    for seat in floor.seats:
        await seat.leave()
    await no_channels(line)
    return [f"{name}, {way.name} {seconds:.2f} s" for (name, _, way), seconds in zip(rows, took, strict=True)]


async def _kill_a_voice(line: Line) -> None:
    """kill -9 for one of the voice processes, and wait until its talks are another one's."""
    victim = "voice-1"
    os.kill(line.stack.pid(victim), signal.SIGKILL)
    held = await database_rows(
        line,
        "select c.call_id from call c join call_journal j using (call_id) where c.ended_at is null and "
        "j.kind = 'answered' and j.process like $1",
        f"%/{victim}",
    )
    for row in held:
        await line.story_of(row["call_id"], until="adopted", seconds=15)


async def nobody_is_rung_in_it(line: Line, scale: Scale) -> str:
    """Item 6."""
    wrap_up = float(scale(30, 3))
    admin = await office(line)
    await admin.change_queue("general", wrap_up_ms=round(wrap_up * 1000))
    # Every process reads the rules twice a second.
    await asyncio.sleep(1.0)
    await branch(line, _BRANCH_TRUNK)
    seen = await _round(line, wrap_up, killed=False)
    if scale.full:
        adopted = await _round(line, wrap_up, killed=True)
        seen.append(f"after the talk was adopted: {', '.join(adopted)}")
    return "; ".join(seen)
