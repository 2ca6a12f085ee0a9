"""Item 8: PostgreSQL away for a while; Redis restarted, then flushed, while citizens wait and talk."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

import redis.asyncio as aioredis

from server.demo.g711 import tone
from server.demo.phone import PhoneCall
from tests.accept.first_call.basics import CITIZEN_TONE, answered, ended, hears, next_call, talk_and_leave
from tests.accept.line import Line, database_rows, eventually
from tests.accept.people import Citizen, Desk, citizen, desk
from tests.accept.scenario import Scale


async def _without_database(line: Line, scale: Scale) -> str:
    """Calls connect while PostgreSQL is down; afterwards no fact of them is missing."""
    seat = await desk(line, "1001", "8001")
    line.cleanup.append(seat.leave)
    before = await citizen(line)
    running = await before.dial("12345", sound=tone(CITIZEN_TONE, 1.0))
    at_seat = await next_call(seat)
    await answered(at_seat)
    await line.in_thread(line.stack.stop, ["postgres"])
    down = time.monotonic()
    await talk_and_leave(at_seat)
    await ended(running)
    served: list[Citizen] = [before]
    while time.monotonic() - down < scale(30, 8):
        who = await citizen(line)
        call = await who.dial("12333", sound=tone(CITIZEN_TONE, 1.0))
        at_seat = await next_call(seat, seconds=line.settings.acd.general_after_ms / 1000 + 25)
        await talk_and_leave(at_seat)
        await ended(call)
        served.append(who)
    away = time.monotonic() - down
    await line.in_thread(line.stack.start, ["postgres"])
    for who in served:
        told = await line.story_of(await line.call_id_of(who.e164, seconds=40), until="wrap_up", seconds=40)
        kinds = Counter(event.kind for event in told.events)
        for kind in ("entered", "greeted", "queued", "reserved", "popped", "ringing", "answered", "ended", "wrap_up"):
            assert kinds[kind] == 1, f"{kind} is {kinds[kind]} times: {dict(kinds)}"
    await seat.leave()
    return f"{len(served)} calls over {away:.0f} s without PostgreSQL"


async def _redis(line: Line) -> aioredis.Redis:
    client = aioredis.from_url(line.settings.redis.url)
    line.cleanup.append(client.aclose)
    return client


async def _wait_in_line(line: Line, count: int) -> list[tuple[Citizen, PhoneCall]]:
    found = []
    for _ in range(count):
        who = await citizen(line)
        found.append((who, await who.dial("12345")))
        await asyncio.sleep(0.05)
    for who, _ in found:
        await line.story_of(await line.call_id_of(who.e164, seconds=20), until="queued", seconds=20)
    return found


async def _after_redis_trouble(line: Line, how: str, count: int) -> str:
    """One talks, others wait; the live state is lost; the waiting are served in order, nobody is offered twice."""
    talker = await desk(line, "1002", "8002")
    line.cleanup.append(talker.leave)
    who = await citizen(line)
    call = await who.dial("12345", sound=tone(CITIZEN_TONE, 1.0))
    at_talker = await next_call(talker)
    await answered(at_talker)
    await talker.until_state("TALKING")
    waiting = await _wait_in_line(line, count)
    if how == "flushed":
        client = await _redis(line)
        await client.flushall()
    else:
        await line.in_thread(line.stack.restart, "redis")

    async def serve(incoming: PhoneCall) -> None:
        await incoming.ring()
        await incoming.answer()
        await asyncio.sleep(1.0)
        await incoming.hang_up()

    servers: list[Desk] = []
    for n in (3, 4):
        server = await desk(line, f"100{n}", f"800{n}", on_call=serve)
        line.cleanup.append(server.leave)
        servers.append(server)

    async def all_served() -> bool:
        taken = {str(f.body["caller"]) for seat in servers for f in seat.frames if f.kind == "pop"}
        return {waiting_citizen.e164 for waiting_citizen, _ in waiting} <= taken

    await eventually(all_served, f"everybody is served after Redis was {how}", seconds=30 + 4 * count)
    calls = [await line.call_id_of(waiting_citizen.e164) for waiting_citizen, _ in waiting]

    async def journaled() -> list[str] | None:
        offered = await _in_order_of_offers(line, calls)
        return offered if set(offered) == set(calls) else None

    offered = await eventually(journaled, "every offer is in the journal", seconds=20)
    assert offered == calls, f"order was lost after Redis was {how}: {calls} were offered as {offered}"
    # The talk went on, and its agent was not offered another call meanwhile.
    assert not call.ended.is_set()
    assert await talker.state() == "TALKING", await talker.state()
    assert len([frame for frame in talker.frames if frame.kind == "pop"]) == 1, "an agent in a talk was offered a call"
    await hears(at_talker, CITIZEN_TONE)
    await at_talker.hang_up()
    await talker.until_state("WRAP_UP", seconds=5)
    for _, waited in waiting:
        await ended(waited)
    for seat in (talker, *servers):
        await seat.leave()
    return f"{count} waited while Redis was {how}"


async def _in_order_of_offers(line: Line, calls: list[str]) -> list[str]:
    """These calls in the order in which the ACD reserved agents for them. Reservations are numbered by one script at
    a time; two made in one instant reach their screens in any order."""
    rows = await database_rows(
        line, "select call_id, split_part(fact, ':', 2) as reservation from call_journal where kind = 'reserved'"
    )
    reserved = [(tuple(map(int, row["reservation"].split("-"))), row["call_id"]) for row in rows]
    return [call for _, call in sorted(reserved) if call in calls]


async def _no_double_offers(line: Line) -> None:
    """From the journal alone: no agent had two live offers at one moment."""
    rows = await database_rows(
        line,
        "select agent, kind, at, split_part(fact, ':', 2) as reservation from call_journal "
        "where kind in ('reserved', 'offer_failed', 'wrap_up') and agent is not null order by at, seq",
    )
    held: dict[str, str] = {}
    for row in rows:
        agent, reservation = row["agent"], row["reservation"]
        if row["kind"] == "reserved":
            assert agent not in held, f"{agent} was offered a call while holding {held[agent]}"
            held[agent] = reservation
        else:
            held.pop(agent, None)


async def stores_away(line: Line, scale: Scale) -> str:
    """Item 8."""
    seen = [await _without_database(line, scale)]
    for how in ("restarted", "flushed"):
        seen.append(await _after_redis_trouble(line, how, scale(8, 4)))
    await _no_double_offers(line)
    return "; ".join(seen)
