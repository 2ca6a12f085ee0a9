"""Item 8, AMI: it is away while calls end, phones go and come, and citizens call. Afterwards every state is true."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from server.demo.g711 import tone
from server.demo.phone import PhoneCall
from tests.accept.acd.floor import AGENT_TONE, CITIZEN_TONE, TALK_SECONDS, Floor, citizen_in
from tests.accept.acd.relay import Cables
from tests.accept.line import Line, eventually
from tests.accept.people import Citizen, Desk, citizen

_WITHIN_SECONDS = 10.0
_LATE_SECONDS = 5.0
"""How far a call's recorded end may be from its real one."""
_CALL_MEANWHILE = 2


@dataclass
class Talk:
    """A talk that ends while AMI is away. `over` is when, in seconds since 1970."""

    who: Citizen
    call: PhoneCall
    seat: Desk
    at_seat: PhoneCall
    over: float = 0.0


async def _hold(seat: Desk, call: PhoneCall) -> None:
    await call.ring()
    call.audio.play(tone(AGENT_TONE, 1.0))
    await call.answer()


async def _serve(seat: Desk, call: PhoneCall) -> None:
    await _hold(seat, call)
    await asyncio.sleep(TALK_SECONDS)
    await call.hang_up()


async def _talks(line: Line, floor: Floor, count: int) -> list[Talk]:
    """So many talks, each with a free seat."""
    rung, called = len(floor.invites()), {}
    for _ in range(count):
        who = await citizen(line)
        called[who.number] = who, await who.dial("12345", sound=tone(CITIZEN_TONE, 1.0))

    async def all_ring() -> bool:
        return len(floor.invites()) == rung + count

    await eventually(all_ring, f"{count} phones ring", seconds=30)
    talks = [Talk(*called[citizen_in(at_seat)], seat, at_seat) for seat, at_seat in floor.invites()[rung:]]
    for talk in talks:
        await asyncio.wait_for(talk.at_seat.acknowledged.wait(), 10)
        await talk.seat.until_state("TALKING")
    return talks


async def _end_all(talks: list[Talk], seconds: float) -> None:
    """One after the other, by the agent or by the citizen, over so many seconds."""
    for number, talk in enumerate(talks):
        await asyncio.sleep(seconds / len(talks))
        await (talk.at_seat if number % 2 else talk.call).hang_up()
        talk.over = time.time()


async def _is_true(line: Line, seat: Desk) -> bool:
    """Whether an agent's state is what the phone says: it holds a call, has just held one, or is free."""
    if any(not call.ended.is_set() for call in seat.phone.calls):
        return await seat.state() in ("RINGING", "TALKING")
    last = max((call.log["ended"] for call in seat.phone.calls), default=0.0)
    wraps_up = time.monotonic() - last < line.settings.acd.wrap_up_seconds + 1.0
    return await seat.state() in (("WRAP_UP", "READY") if wraps_up else ("READY",))


async def _states_are_true(line: Line, gone: Desk, there: list[Desk]) -> float:
    """Wait until the phone that left is UNREACHABLE and everybody else what their phones say; seconds that it took."""
    began = time.monotonic()

    async def look() -> bool:
        return await gone.state() == "UNREACHABLE" and all([await _is_true(line, seat) for seat in there])

    try:
        await eventually(look, "every state is true", seconds=_WITHIN_SECONDS)
    except AssertionError:
        states = {seat.agent: await seat.state() for seat in (gone, *there)}
        raise AssertionError(f"{_WITHIN_SECONDS:g} s after AMI was back: {states}, {gone.agent} has no phone") from None
    return time.monotonic() - began


async def _told_right(line: Line, talks: list[Talk], served: list[Citizen]) -> float:
    """Each call has one story with one end, close to the real one; returns the worst distance in seconds."""
    worst = 0.0
    for who in (*(talk.who for talk in talks), *served):
        told = await line.story_of(await line.call_id_of(who.e164), until="ended", seconds=20)
        kinds = [event.kind for event in told.events]
        for once in ("entered", "answered", "ended"):
            assert kinds.count(once) == 1, f"{told.summary.call_id}: {kinds}"
        assert told.summary.outcome == "answered", f"{told.summary.call_id}: {told.summary.outcome}"
        over = next((talk.over for talk in talks if talk.who is who), 0.0)
        ended = next(event for event in told.events if event.kind == "ended")
        if over:
            late = ended.at.timestamp() - over
            assert abs(late) <= _LATE_SECONDS, (
                f"{told.summary.call_id}: its end ({ended.attributes}) was recorded {late:+.1f} s from the real one"
            )
            worst = max(worst, abs(late))
    return worst


async def _on_pause(floor: Floor, seats: list[Desk]) -> None:
    for seat in floor.seats:
        await (seat.ready() if seat in seats else seat.not_ready())
    for seat in seats:
        await seat.until_state("READY")


async def ami_away(line: Line, cables: Cables, floor: Floor, count: int, seconds: float) -> str:
    """AMI is cut for so many seconds. `count` talks end meanwhile, a phone leaves and one comes, two citizens call."""
    talking, (leaves, comes, stays) = floor.seats[:count], floor.seats[count : count + 3]
    await _on_pause(floor, talking)
    floor.usual = _hold
    talks = await _talks(line, floor, count)
    floor.usual = _serve
    await comes.phone.register(expires=0)
    for seat in (leaves, comes, stays):
        await seat.ready()
    await comes.until_state("UNREACHABLE")
    for relay in cables.manager:
        relay.cut()
    down, rung = time.monotonic(), len(leaves.phone.calls)
    await leaves.phone.register(expires=0)
    await comes.phone.register()
    callers = [await citizen(line) for _ in range(_CALL_MEANWHILE)]
    calls = [await who.dial("12345", sound=tone(CITIZEN_TONE, 1.0)) for who in callers]
    await _end_all(talks, seconds * 0.8)
    await asyncio.sleep(max(0.0, down + seconds - time.monotonic()))
    for relay in cables.manager:
        relay.mend()
    took = await _states_are_true(line, leaves, [*talking, comes, stays])
    for call in (*calls, *(talk.call for talk in talks)):
        await asyncio.wait_for(call.ended.wait(), 30)
    worst = await _told_right(line, talks, callers)
    assert len(leaves.phone.calls) == rung, "a phone that is not there was rung"
    await leaves.phone.register()
    await leaves.until_state("READY")
    return (
        f"AMI away for {seconds:g} s, {count} calls ended and {_CALL_MEANWHILE} came meanwhile: states true after "
        f"{took:.1f} s, ends at most {worst:.1f} s off"
    )
