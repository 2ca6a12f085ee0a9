"""Item 4: a voice process is killed, then hung, with calls talking, ringing and waiting."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from server.demo.g711 import tone
from server.demo.phone import Incoming, PhoneCall, answer_at_once
from tests.accept.first_call.basics import CITIZEN_TONE, hears
from tests.accept.line import Line, database_rows, eventually
from tests.accept.people import Citizen, Desk, citizen, desk
from tests.accept.scenario import Scale

_SAME_INSTANT = timedelta(milliseconds=50)
_NEXT_OFFER_SECONDS = {signal.SIGKILL: 5.0, signal.SIGSTOP: 10.0}


@dataclass
class Caller:
    """A citizen with their call."""

    who: Citizen
    call: PhoneCall
    call_id: str = ""

    @property
    def e164(self) -> str:
        return self.who.e164


async def _let_ring(call: PhoneCall) -> None:
    await call.ring()


async def _dial(line: Line) -> Caller:
    who = await citizen(line)
    return Caller(who, await who.dial("12345", sound=tone(CITIZEN_TONE, 1.0)))


@dataclass
class Scene:
    """Some calls talking, some ringing, some waiting in a known order."""

    talking: list[tuple[Desk, Caller]]
    ringing: list[tuple[Desk, Caller]]
    waiting: list[Caller]


async def _popped(desks: list[Desk], caller: Caller, *, since: float = 0.0) -> Desk | None:
    for seat in desks:
        for frame in seat.frames:
            if frame.kind == "pop" and frame.at >= since and frame.body["caller"] == caller.e164:
                return seat
    return None


async def _seats(line: Line, first: int, count: int, *, on_call: Incoming = answer_at_once) -> list[Desk]:
    seats = [await desk(line, str(1000 + n), str(8000 + n), on_call=on_call) for n in range(first, first + count)]
    for seat in seats:
        line.cleanup.append(seat.leave)
    return seats


async def _set_up(line: Line, *, talking: int, ringing: int, waiting: int) -> Scene:
    """`talking` calls are in talks, `waiting` wait in a known order, and the first `ringing` of those ring."""
    talkers = await _seats(line, 1, talking)
    pairs: list[tuple[Desk, Caller]] = []
    for caller in [await _dial(line) for _ in range(talking)]:

        async def taken(caller: Caller = caller) -> Desk | None:
            return await _popped(talkers, caller)

        pairs.append((await eventually(taken, "the first calls are taken", seconds=25), caller))
    for seat, _ in pairs:
        await seat.until_state("TALKING")
    queue: list[Caller] = []
    for _ in range(waiting):
        queue.append(await _dial(line))
        # Entry times are milliseconds: the order must be a known one.
        await asyncio.sleep(0.05)
    for caller in queue:
        caller.call_id = await line.call_id_of(caller.e164, seconds=20)
        await line.story_of(caller.call_id, until="queued", seconds=20)
    for _, caller in pairs:
        caller.call_id = await line.call_id_of(caller.e164)
    slow = await _seats(line, 11, ringing, on_call=_let_ring)
    for seat in slow:
        await asyncio.wait_for(seat.phone.incoming.get(), 10)
    rung: list[tuple[Desk, Caller]] = []
    for caller in queue[:ringing]:
        seat = await _popped(slow, caller)
        assert seat is not None, "the first in the queue do not ring first"
        rung.append((seat, caller))
    return Scene(pairs, rung, queue[ringing:])


async def _serve_everybody(line: Line, scene: Scene, struck: float, within: float) -> list[str]:
    """Fresh agents take whoever comes, each for a moment; returns the callers in the order they were offered."""

    async def serve(call: PhoneCall) -> None:
        await call.ring()
        await call.answer()
        await asyncio.sleep(1.0)
        await call.hang_up()

    servers = await _seats(line, 21, 3, on_call=serve)

    def offered() -> list[str]:
        pops = sorted((f.at, str(f.body["caller"])) for seat in servers for f in seat.frames if f.kind == "pop")
        return [caller for _, caller in pops]

    async def first() -> bool:
        return bool(offered())

    await eventually(first, "an agent is offered a waiting call", seconds=within + 2)
    took = min(f.at for seat in servers for f in seat.frames if f.kind == "pop") - struck
    assert took <= within, f"the next offer came after {took:.1f} s"

    async def all_served() -> bool:
        return {caller.e164 for caller in scene.waiting} <= set(offered())

    await eventually(all_served, "everybody who waited is served", seconds=30 + 4 * len(scene.waiting))
    for caller in scene.waiting:
        await asyncio.wait_for(caller.call.ended.wait(), 20)
    for seat in servers:
        await seat.leave()
    return offered()


async def _strike(line: Line, number: signal.Signals) -> list[str]:
    """Kill or stop the voice process that holds most calls; returns the calls it held."""
    held = await database_rows(
        line, "select process, call_id from call_journal where kind = 'queued' order by at desc limit 200"
    )
    live = {row["process"].split("/")[1] for row in held}
    by_name = {name: [r["call_id"] for r in held if r["process"].endswith(name)] for name in live}
    victim = max(by_name, key=lambda name: len(by_name[name]))
    os.kill(line.stack.pid(victim), number)
    return by_name[victim]


async def _one_round(line: Line, scale: Scale, number: signal.Signals) -> str:
    scene = await _set_up(line, talking=scale(8, 3), ringing=2, waiting=scale(20, 5) + 2)
    seat_answers, answers = scene.ringing[0]
    _, rings_out = scene.ringing[1]
    victims = await _strike(line, number)
    struck = time.monotonic()
    ringing_phone = next(call for call in seat_answers.phone.calls if not call.ended.is_set())
    await ringing_phone.answer()
    # The one that rings out comes back to its place, which is before everybody who waits.
    scene.waiting.insert(0, rings_out)
    offered = await _serve_everybody(line, scene, struck, _NEXT_OFFER_SECONDS[number])
    assert len(offered) == len(set(offered)), f"somebody was offered twice: {offered}"
    await order_kept(line, [caller.call_id for caller in scene.waiting])
    for _, caller in scene.talking:
        assert not caller.call.ended.is_set(), "a talking citizen was dropped"
    await hears(ringing_phone, CITIZEN_TONE)
    await ringing_phone.hang_up()
    await seat_answers.until_state("WRAP_UP", "READY")
    for seat, caller in scene.talking:
        at_seat = next(call for call in seat.phone.calls if not call.ended.is_set())
        await at_seat.hang_up()
        await seat.until_state("WRAP_UP", seconds=5)
        await asyncio.wait_for(caller.call.ended.wait(), 15)
    await _one_story_each(line, scene, answers)
    for seat, _ in (*scene.talking, *scene.ringing):
        await seat.leave()
    orphans = [c for c in (*(caller for _, caller in scene.talking), answers) if c.call_id in victims]
    return f"{number.name}: {len(victims)} calls held, {len(orphans)} of them talking or ringing"


async def order_kept(line: Line, waiting: Sequence[str]) -> None:
    """Whoever is in the queue goes before everybody who came later. `waiting` are calls in the order of their entry.

    A caller whose process died or hung, or whose agent's phone rang, is out of the queue until it is back at its
    place: who was taken meanwhile took nobody's turn.
    """
    rows = await database_rows(
        line,
        "select call_id, max(at) filter (where kind in ('queued', 'offer_failed')) as back, "
        "max(at) filter (where kind = 'reserved') as taken from call_journal group by call_id",
    )
    by_call = {row["call_id"]: row for row in rows}
    for i, early in enumerate(waiting):
        for late in waiting[i + 1 :]:
            first, second = by_call[early], by_call[late]
            in_turn = first["taken"] <= second["taken"]
            assert in_turn or second["taken"] <= first["back"] + _SAME_INSTANT, (
                f"{late} was taken before {early}, which was back since {first['back']}"
            )


async def _one_story_each(line: Line, scene: Scene, answers: Caller) -> None:
    for caller in [*scene.waiting, *(caller for _, caller in scene.talking), answers]:
        told = await line.story_of(caller.call_id, until="ended", seconds=20)
        kinds = [event.kind for event in told.events]
        assert kinds.count("entered") == 1, kinds
        assert kinds.count("answered") == 1, kinds
        assert kinds.count("ended") == 1, kinds
        answered = kinds.index("answered")
        assert "queued" not in kinds[answered:], f"an answered citizen was queued again: {kinds}"
        assert "abandoned" not in kinds, kinds


async def killed_and_hung(line: Line, scale: Scale) -> str:
    """Item 4."""
    seen = []
    for number in (signal.SIGKILL, signal.SIGSTOP):
        seen.append(await _one_round(line, scale, number))
        for name in ("voice-1", "voice-2"):
            await line.in_thread(line.stack.wait_ready, name)
    return "; ".join(seen)
