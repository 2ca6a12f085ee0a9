"""Item 8, voice processes: one hangs, or is cut off from everything without a FIN, while a hundred citizens wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime

from server.demo.g711 import tone
from server.demo.phone import PhoneCall
from tests.accept.acd.floor import (
    AGENT_TONE,
    CITIZEN_TONE,
    Floor,
    citizen_in,
    take_and_wrap_up,
)
from tests.accept.acd.relay import CUT_VOICE
from tests.accept.first_call.basics import hears
from tests.accept.first_call.processes import order_kept
from tests.accept.line import Line, database_rows, eventually, index_of
from tests.accept.people import Desk, citizen
from tests.accept.sipp import SippCallers, sipp_callers

_WITHIN_SECONDS = 10.0
_TALKING = 8
"""So many that the victim holds one of them: each call draws its process."""
_CALLS_A_SECOND = 12.0


async def _talk(seat: Desk, call: PhoneCall) -> None:
    await call.ring()
    call.audio.play(tone(AGENT_TONE, 1.0))
    await call.answer()


async def _talkers(line: Line, floor: Floor) -> list[tuple[Desk, PhoneCall, PhoneCall]]:
    """Talks under way: seat, the seat's call, the citizen's."""
    floor.usual = _talk
    rung, calls = len(floor.invites()), {}
    for _ in range(_TALKING):
        who = await citizen(line)
        calls[who.number] = await who.dial("12345", sound=tone(CITIZEN_TONE, 1.0))

    async def all_ring() -> bool:
        return len(floor.invites()) == rung + _TALKING

    await eventually(all_ring, f"{_TALKING} phones ring", seconds=30)
    talks = []
    for seat, at_seat in floor.invites()[rung:]:
        await hears(at_seat, CITIZEN_TONE)
        talks.append((seat, at_seat, calls[citizen_in(at_seat)]))
    return talks


async def _in_queue(line: Line, callers: SippCallers) -> tuple[list[str], list[str]]:
    """All calls in the order of their entry, once they are queued; and those that the victim holds."""

    async def queued() -> Sequence[tuple[str, str]] | None:
        rows = await database_rows(
            line,
            "select call_id, j.process from call_journal j join call c using (call_id) where j.kind = 'queued' and "
            "c.caller_index = any($1) order by c.entered_at",
            [index_of(callers.e164(index)) for index in range(len(callers.numbers))],
        )
        return [(row["call_id"], row["process"]) for row in rows] if len(rows) == len(callers.numbers) else None

    found = await eventually(queued, f"{len(callers.numbers)} calls are queued", seconds=40, every=0.3)
    return [call for call, _ in found], [call for call, process in found if process.endswith(CUT_VOICE)]


async def _elsewhere(line: Line, held: list[str], struck: float) -> float:
    """Wait until every call the victim held is in the queue of another process; seconds that it took."""

    async def look() -> datetime | None:
        rows = await database_rows(
            line,
            "select call_id, min(at) as at from call_journal where kind = 'queued' and call_id = any($1) and "
            "process not like $2 group by call_id",
            held,
            f"%{CUT_VOICE}",
        )
        return max(row["at"] for row in rows) if len(rows) == len(held) else None

    last = await eventually(look, f"{len(held)} calls wait elsewhere", seconds=_WITHIN_SECONDS + 5, every=0.3)
    took = float(last.timestamp() - struck)
    assert took <= _WITHIN_SECONDS, f"the last one waited elsewhere after {took:.1f} s"
    return took


async def voice_away(line: Line, floor: Floor, how: str, count: int, strike: Callable[[], None]) -> str:
    """The victim is struck with `count` citizens waiting and some talking."""
    for seat in floor.seats[_TALKING:]:
        await seat.not_ready()
    for seat in floor.seats[:_TALKING]:
        await seat.ready()
    talks = await _talkers(line, floor)
    floor.usual = take_and_wrap_up
    async with sipp_callers(line, number="12345", calls=count, rate=_CALLS_A_SECOND, hold_seconds=240) as callers:
        calls, held = await _in_queue(line, callers)
        assert len(held) >= count // 5, f"{CUT_VOICE} holds only {len(held)} of {count}"
        strike()
        took = await _elsewhere(line, held, time.time())
        assert not callers.who("released"), f"{len(callers.who('released'))} citizens were dropped"
        for seat in floor.seats[_TALKING:]:
            await seat.ready()
        await callers.until("released", count, seconds=30 + count)
        assert await callers.over(seconds=20) == 0, callers.said()
    for _, at_seat, call in talks:
        assert not call.ended.is_set(), f"a talking citizen was dropped when {CUT_VOICE} {how}"
        await hears(at_seat, CITIZEN_TONE)
        await hears(call, AGENT_TONE)
        await at_seat.hang_up()
    for seat, _, call in talks:
        await seat.until_state("WRAP_UP", "READY", seconds=_WITHIN_SECONDS)

        async def over(call: PhoneCall = call) -> bool:
            return call.ended.is_set()

        await eventually(over, "a citizen whose talk is over is thanked and let go", seconds=_WITHIN_SECONDS + 10)
    await _one_talk_each(line, calls)
    await order_kept(line, calls)
    await floor.all_free()
    return f"{CUT_VOICE} {how} with {len(held)} of {count} waiting: elsewhere within {took:.1f} s, none lost"


async def _one_talk_each(line: Line, calls: list[str]) -> None:
    """By the journal: each was answered once, ended as answered, and nobody gave up."""

    async def look() -> bool:
        rows = await database_rows(
            line, "select count(*) as over from call where call_id = any($1) and outcome = 'answered'", calls
        )
        return bool(rows[0]["over"] == len(calls))

    await eventually(look, f"{len(calls)} calls are recorded as answered", seconds=20, every=0.3)
    rows = await database_rows(
        line,
        "select call_id, kind from call_journal where call_id = any($1) and kind in ('entered', 'answered', 'ended', "
        "'abandoned') group by call_id, kind having count(*) > 1 or kind = 'abandoned'",
        calls,
    )
    assert not rows, f"told twice, or given up: {[(row['call_id'], row['kind']) for row in rows]}"
