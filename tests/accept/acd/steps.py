"""Item 4: a queue asks for less when time has passed, and its edit reaches those who wait; a head start is bounded."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import Any

from calls.story import CallStory
from server.demo.phone import PhoneCall
from tests.accept.acd.floor import Floor, citizen_in, let_ring, open_floor, take_and_wrap_up
from tests.accept.acd.office import Office, office
from tests.accept.line import Line, database_rows, eventually, index_of
from tests.accept.people import Citizen, citizen, citizen_number
from tests.accept.scenario import Scale
from tests.accept.sipp import sipp_callers

_LINE, _QUEUE = "12333", "expert-12333"
_EXPERT = "2001"
_SOON_SECONDS = 1.0
"""From the moment a step is due until the phone rings: pop and dial included."""
_TOLD_SECONDS = 0.1
"""The journal is told of the queueing when it is done."""
_EDIT_SECONDS = 2.0
"""From the answer to an edit: every process reads the rules twice a second."""


def _step(after_seconds: float, level: int) -> dict[str, Any]:
    return {"after_ms": round(after_seconds * 1000), "needs": [f"{_QUEUE}:{level}"]}


async def _queued(line: Line, who: Citizen) -> tuple[str, datetime]:
    call_id = await line.call_id_of(who.e164, seconds=20)
    told: CallStory = await line.story_of(call_id, until="queued", seconds=20)
    return call_id, next(event.at for event in told.events if event.kind == "queued")


async def _rings(floor: Floor, who: Citizen, times: int = 1, *, seconds: float) -> PhoneCall:
    """The call with which a phone rings for this citizen for the so-many-th time."""

    async def look() -> PhoneCall | None:
        calls = [call for _, call in floor.invites() if citizen_in(call) == who.number]
        return calls[times - 1] if len(calls) >= times else None

    call: PhoneCall = await eventually(look, f"a phone rings for {who.number}", seconds=seconds)
    return call


def _rang_at(call: PhoneCall) -> float:
    """Seconds since 1970."""
    return time.time() - (time.monotonic() - call.log["invite"])


async def less_is_asked_for(line: Line, admin: Office, floor: Floor, after: float) -> tuple[float, float]:
    """Two wait for level 4, and the only expert has level 2. She is rung when the step is due, for the first of them;
    refuses, and pauses, so that both wait again and can be looked at. Then the step is put off by an hour, the expert
    is ready and not rung, and with a last edit she is, again for the first. Returns how long the first one waited,
    and how long the last edit took, in seconds."""
    await admin.change_queue(_QUEUE, steps=[_step(0, 4), _step(after, 2)], wrap_up_ms=0)
    (expert,) = floor.seats
    floor.usual = let_ring
    first, second = await citizen(line), await citizen(line)
    calls = [await first.dial(_LINE)]
    # Entry times are milliseconds: the order must be a known one.
    await asyncio.sleep(0.05)
    calls.append(await second.dial(_LINE))
    call_id, queued = await _queued(line, first)
    other_id, _ = await _queued(line, second)
    before = await admin.waiting(_QUEUE)
    assert not floor.invites(), "level 2 was asked at once"
    assert [row["call"] for row in before] == [call_id, other_id], before
    at_seat = await _rings(floor, first, 1, seconds=after + 15)
    waited = _rang_at(at_seat) - queued.timestamp()
    assert waited >= after - _TOLD_SECONDS, f"level 2 was asked after {waited:.3f} s, not {after:g} s"
    assert waited <= after + _SOON_SECONDS, f"level 2 was asked only after {waited:.3f} s"
    await expert.not_ready()
    await at_seat.refuse(486, "Busy Here")

    async def both_wait() -> list[dict[str, Any]] | None:
        rows = await admin.waiting(_QUEUE)
        return rows if len(rows) == 2 else None

    rows = await eventually(both_wait, "the refused call waits again")
    assert [(row["call"], row["place_ms"]) for row in rows] == [(row["call"], row["place_ms"]) for row in before]
    assert rows[0]["groups"] == [f"{_QUEUE}:2"], rows[0]["groups"]
    await admin.change_queue(_QUEUE, steps=[_step(0, 4), _step(3_600, 2)])

    async def asked_again() -> bool:
        return all(row["groups"] == [f"{_QUEUE}:4"] for row in await admin.waiting(_QUEUE))

    await eventually(asked_again, "those who wait are asked for under the edited steps", seconds=_EDIT_SECONDS)
    await expert.until_state("NOT_READY")
    await expert.ready()
    await expert.until_state("READY")
    assert len(floor.invites()) == 1, "an expert of level 2 was rung though 4 is asked for"
    await admin.change_queue(_QUEUE, steps=[_step(0, 4), _step(1, 2)])
    edited = time.monotonic()
    at_seat = await _rings(floor, first, 2, seconds=_EDIT_SECONDS + 5)
    took = at_seat.log["invite"] - edited
    assert took <= _EDIT_SECONDS, f"an edit reached those who wait after {took:.1f} s"
    assert len(floor.invites()) == 2, "the later call was offered too, or first"
    (left,) = await admin.waiting(_QUEUE)
    assert (left["call"], left["place_ms"]) == (other_id, before[1]["place_ms"]), left
    for call in calls:
        await call.hang_up()
    await floor.all_free()
    return waited, took


async def _entered(line: Line, numbers: list[str]) -> dict[str, float]:
    """Number -> entry into the line, in seconds since 1970, of those who are in it so far."""
    known = {index_of(f"+86{number}"): number for number in numbers}
    query = "select caller_index, entered_at from call where caller_index = any($1)"
    rows = await database_rows(line, query, list(known))
    return {known[row["caller_index"]]: row["entered_at"].timestamp() for row in rows}


async def _bounded(line: Line, admin: Office, floor: Floor) -> str:
    """More callers with a head start than can be served, without end; an ordinary one comes among them."""
    head_start = line.settings.priority.vulnerable_ms / 1000
    rate = 1.5
    floor.usual = take_and_wrap_up
    numbers = [citizen_number() for _ in range(round((head_start * 2 + 12) * rate))]
    await admin.mark_vulnerable(numbers)
    (seat,) = floor.seats
    await seat.not_ready()
    async with sipp_callers(
        line, number="12345", calls=len(numbers), rate=rate, hold_seconds=120, numbers=numbers
    ) as callers:
        await callers.until("dialled", 3)
        low = await citizen(line)
        call = await low.dial("12345")
        await _queued(line, low)
        await seat.ready()
        at_seat = await _rings(floor, low, seconds=head_start * 6 + 30)
        turns = [citizen_in(one) for _, one in floor.invites()]
        before = turns[: turns.index(low.number)]
        arrived = await _entered(line, [*numbers, low.number])
        entered = arrived.pop(low.number)
        late = max((arrived[number] - entered for number in before), default=0.0)
        # Entries are in whole milliseconds.
        assert late <= head_start + 0.002, f"somebody who came {late:.3f} s later was served first"
        assert late > head_start / 2, f"who came {late:.1f} s later at most was served first: that is no head start"
        waiting = arrived.keys() - set(turns)
        assert waiting, "nobody with a head start waited any more: they were served as they came"
        waited = _rang_at(at_seat) - entered
        await asyncio.wait_for(call.ended.wait(), 20)
        await seat.not_ready()
    return (
        f"{len(before)} of {len(arrived)} calls with {head_start:g} s ahead came first, the ordinary one after "
        f"{waited:.0f} s"
    )


async def expert_floor(line: Line, admin: Office) -> Floor:
    """An expert of level 2, who is ready: nobody has level 4."""
    await admin.set_levels(_EXPERT, {_QUEUE: 2})
    floor, keys = Floor(line), line.settings.asterisk
    expert = await floor.add(_EXPERT, str(keys.extensions_from + keys.extensions_count - 1), screen=False)
    await expert.until_state("READY")
    return floor


async def steps_and_head_starts(line: Line, scale: Scale) -> str:
    """Item 4."""
    admin = await office(line)
    general, experts = await open_floor(line, 1, screen=False), await expert_floor(line, admin)
    async with asyncio.TaskGroup() as both:
        bounded = both.create_task(_bounded(line, admin, general))
        relaxed = both.create_task(less_is_asked_for(line, admin, experts, scale(20, 4)))
    waited, edit = relaxed.result()
    return f"level 2 rung after {waited:.2f} s, an edit applied after {edit:.1f} s; {bounded.result()}"
