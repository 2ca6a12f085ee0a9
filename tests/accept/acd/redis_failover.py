"""Item 8, Redis: the primary is killed while citizens wait and talk; the sentinels make the replica the primary."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from pathlib import Path

from acd.service import Acd
from acd.states import AgentState, CallState
from hotline.clock import SystemClock
from hotline.redis import connect
from server.demo.g711 import tone
from server.demo.phone import PhoneCall
from server.runtime.parts import acd_policy
from tests.accept.acd.floor import AGENT_TONE, CITIZEN_TONE
from tests.accept.first_call.basics import ended, hears, next_call
from tests.accept.line import Line, database_rows, eventually, free_ports, running_line
from tests.accept.people import Citizen, Desk, citizen, desk
from tests.accept.scenario import Scale
from tests.redis_servers import NAME, Watched, watched

_WITHIN_SECONDS = 10.0


async def redis_primary_killed(_line: Line, scale: Scale) -> str:
    """Item 8, on a line of its own, whose Redis is a primary, a replica and three sentinels."""
    with tempfile.TemporaryDirectory(prefix="hotline-redis-") as folder, watched(Path(folder), free_ports(5)) as site:
        redis = {"private": False, "sentinels": site.addresses, "master_name": NAME}
        # A name and ports of sound that no other line of this process has.
        asterisk = {"systemname": f"r{os.getpid() % 100_000}", "rtp_start": 21_000, "rtp_end": 21_999}
        async with running_line(changes={"redis": redis, "asterisk": asterisk}) as line:
            return await _story(line, site, talking=2, waiting=scale(40, 6))


async def _story(line: Line, site: Watched, *, talking: int, waiting: int) -> str:
    talkers = [await desk(line, f"100{n}", f"800{n}", on_call=_hold) for n in range(1, talking + 1)]
    talks: list[tuple[Desk, PhoneCall, PhoneCall]] = []
    for _ in talkers:
        who = await citizen(line)
        call = await who.dial("12345", sound=tone(CITIZEN_TONE, 1.0))
        seat = await _rung(talkers, len(talks) + 1)
        talks.append((seat, await next_call(seat), call))
        await seat.until_state("TALKING")
    queue: list[tuple[Citizen, PhoneCall]] = []
    for _ in range(waiting):
        who = await citizen(line)
        queue.append((who, await who.dial("12345")))
        await asyncio.sleep(0.05)  # their order is by milliseconds
    calls = []
    for who, _ in queue:
        calls.append(await line.call_id_of(who.e164, seconds=20))
        await line.story_of(calls[-1], until="queued", seconds=20)
    site.primary.kill()
    killed = time.monotonic()
    took = await _states_are_true(line, talkers, calls) - killed
    assert took < _WITHIN_SECONDS, f"states were true after {took:.1f} s"
    servers = [await desk(line, f"101{n}", f"801{n}", on_call=_serve) for n in range(1, 4)]
    for who, call in queue:
        await ended(call, seconds=30 + 2 * waiting)
        told = await line.story_of(await line.call_id_of(who.e164), until="ended", seconds=20)
        kinds = [event.kind for event in told.events]
        assert told.summary.outcome == "answered", told.summary.outcome
        assert (kinds.count("answered"), kinds.count("abandoned")) == (1, 0), kinds
    assert await _in_order_of_offers(line, calls) == calls, "places were lost"
    for seat, at_seat, call in talks:
        assert not call.ended.is_set(), "a talk was cut"
        assert await seat.state() == "TALKING"
        assert sum(frame.kind == "pop" for frame in seat.frames) == 1, "an agent in a talk was offered a call"
        await hears(at_seat, CITIZEN_TONE)
        await hears(call, AGENT_TONE)
        await at_seat.hang_up()
        await seat.until_state("WRAP_UP", "READY", seconds=5)
        await ended(call)
    for seat in (*talkers, *servers):
        await seat.leave()
    return f"{talking} talking, {waiting} waiting: none lost, states true after {took:.1f} s"


async def _hold(call: PhoneCall) -> None:
    await call.ring()
    call.audio.play(tone(AGENT_TONE, 1.0))
    await call.answer()


async def _serve(call: PhoneCall) -> None:
    await call.ring()
    await call.answer()
    await asyncio.sleep(0.7)  # a talk
    await call.hang_up()


async def _rung(seats: list[Desk], calls: int) -> Desk:
    """The seat whose phone rang last, once so many calls have."""

    async def look() -> Desk | None:
        rang = [(call.log["invite"], seat) for seat in seats for call in seat.phone.calls]
        return max(rang, key=lambda pair: pair[0])[1] if len(rang) >= calls else None

    found: Desk = await eventually(look, f"{calls} phones rang", seconds=25)
    return found


async def _states_are_true(line: Line, talkers: list[Desk], calls: list[str]) -> float:
    """When distribution, read with eyes of our own at the new primary, has every call waiting at its place and every
    talk as a talk, in an epoch that is no longer being rebuilt (monotonic)."""
    keys = line.settings
    client = connect(keys.redis.url)
    acd = Acd(client, site=keys.site.id, process="test/eye", clock=SystemClock(), policy=acd_policy(keys))

    async def look() -> bool:
        try:
            await acd.load()
            rebuilding = (await acd.heartbeat()).rebuilding
            waiting = [view.call for view in await acd.calls() if view.state is CallState.WAITING and not view.parked]
            agents = {view.agent: view.state for view in await acd.agents()}
        except Exception:  # noqa: BLE001 - whatever a Redis between two primaries says
            return False
        talking = all(agents.get(seat.agent) is AgentState.TALKING for seat in talkers)
        return not rebuilding and talking and waiting == calls

    try:
        await eventually(look, "states are true at the new primary", seconds=2 * _WITHIN_SECONDS, every=0.1)
        return time.monotonic()
    finally:
        await client.aclose()


async def _in_order_of_offers(line: Line, calls: list[str]) -> list[str]:
    """These calls in the order in which agents were reserved for them."""
    rows = await database_rows(
        line, "select call_id, split_part(fact, ':', 2) as reservation from call_journal where kind = 'reserved'"
    )
    reserved = [(tuple(map(int, row["reservation"].split("-"))), row["call_id"]) for row in rows]
    return [call for _, call in sorted(reserved) if call in calls]
