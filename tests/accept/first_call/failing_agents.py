"""Item 7: agents that reject, let it ring, are gone, or drop the call before it is bridged."""

from __future__ import annotations

import asyncio

from server.demo.phone import Incoming, PhoneCall
from tests.accept.first_call.basics import ended, next_call
from tests.accept.line import Line
from tests.accept.people import Desk, citizen, desk
from tests.accept.scenario import Scale
from tests.accept.sound import loudest_tone


async def _reject(call: PhoneCall) -> None:
    await call.ring()
    await call.refuse(603, "Decline")


async def _busy(call: PhoneCall) -> None:
    await call.refuse(486, "Busy Here")


async def _let_ring(call: PhoneCall) -> None:
    await call.ring()


async def _answer_and_drop(call: PhoneCall) -> None:
    await call.ring()
    await call.answer()
    await call.hang_up()


_WAYS: list[tuple[str, Incoming, str]] = [
    ("rejects", _reject, "REJECTED"),
    ("is busy", _busy, "BUSY"),
    ("does not answer", _let_ring, "NO_ANSWER"),
    ("drops before the bridge", _answer_and_drop, "FAILED"),
]


async def _one_way(line: Line, how: str, behaviour: Incoming, outcome: str) -> None:
    """Two wait. The first agent fails the earlier one; a second agent, ready later, gets it before the other."""
    early, late = await citizen(line), await citizen(line)
    early_call = await early.dial("12345")
    await asyncio.sleep(0.05)
    late_call = await late.dial("12345")
    for who in (early, late):
        await line.story_of(await line.call_id_of(who.e164), until="queued")
    first = await desk(line, "1001", "8001", ready=False, on_call=behaviour)
    line.cleanup.append(first.leave)
    await first.ready()
    await next_call(first)
    await _fails(line, early.e164, outcome, how)
    await first.not_ready()
    assert loudest_tone(await early_call.audio.hear(1.0)) > 0, f"after an agent that {how} there is no music"
    second = await desk(line, "1002", "8002")
    line.cleanup.append(second.leave)
    pop = await second.frame("pop")
    assert pop.body["caller"] == early.e164, f"after an agent that {how} the place is lost"
    for call in (early_call, late_call):
        await call.hang_up()
    await ended(early_call)
    for seat in (first, second):
        await seat.leave()


async def _fails(line: Line, caller: str, outcome: str, how: str) -> None:
    call_id = await line.call_id_of(caller)
    told = await line.story_of(call_id, until="offer_failed", seconds=20)
    failed = next(event for event in told.events if event.kind == "offer_failed")
    assert failed.attributes["outcome"] == outcome, f"an agent that {how}: {failed.attributes}"


async def _unregistered(line: Line) -> None:
    """A phone that vanishes without a word is found out; its agent is not offered calls until it is back."""
    seat = await desk(line, "1003", "8003")
    line.cleanup.append(seat.leave)
    await seat.phone.register(expires=0)
    await seat.until_state("UNREACHABLE")
    who = await citizen(line)
    call = await who.dial("12345")
    await line.story_of(await line.call_id_of(who.e164), until="queued")
    await seat.phone.register()
    await seat.until_state("RINGING", seconds=15)
    await call.hang_up()
    await seat.leave()


async def _gone_while_reserved(line: Line) -> None:
    """The contact disappears between the match and the ringing: the outcome is its own."""
    seat: Desk = await desk(line, "1004", "8004")
    line.cleanup.append(seat.leave)
    # The phone goes deaf without unregistering: INVITEs are not answered at all.
    await seat.phone.close()
    who = await citizen(line)
    call = await who.dial("12345")
    told = await line.story_of(await line.call_id_of(who.e164), until="offer_failed", seconds=25)
    failed = next(event for event in told.events if event.kind == "offer_failed")
    assert failed.attributes["outcome"] in ("NO_ANSWER", "UNREGISTERED"), failed.attributes
    await call.hang_up()
    await seat.leave()


async def each_outcome(line: Line, scale: Scale) -> str:
    """Item 7."""
    for how, behaviour, outcome in _WAYS:
        await _one_way(line, how, behaviour, outcome)
    await _unregistered(line)
    if scale.full:
        await _gone_while_reserved(line)
    return f"{len(_WAYS)} outcomes and an unregistered phone"
