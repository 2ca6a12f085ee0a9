"""From an agent's BYE to the next INVITE at the same phone, with callers who wait: ours, beside app_queue.

One line, one Asterisk, one phone, the same callers. With us the whole path of production is in the time: the end of
the talk, the match, the screen-pop written to the agent's real WebSocket, then Dial. app_queue is measured with our
processes stopped, in the best of its configurations that were tried. Both times are taken at the phone: just before
BYE is handed to the socket, and when INVITE's datagram is read.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
import uvloop

from acd.model import AcdPolicy
from acd.service import Acd
from acd.states import CallState
from hotline.clock import SystemClock
from hotline.redis import connect
from server.demo.phone import Phone, PhoneCall, answer_at_once
from tests.accept.line import Line, database_rows, eventually, running_line
from tests.accept.people import desk
from tests.bench.load import Sipp, callers
from tests.bench.native import NativeQueue, add, stop_ours, waiting
from tests.bench.settings import settings_of_the_line

LOADS = (3, 50)
SEAT = "8001"
OUR_NUMBER = "12345"
SHORTEST_TALK, LONGEST_TALK = 0.6, 1.0
"""Seconds, drawn anew for each: nothing is to keep step with app_queue's looks once a second."""
OTHER_WORDS = 10
"""Callers who hear a greeting or the thanks meanwhile: so many more than those who wait are on the line."""
LOOKS = 10
"""How often the number of those who wait is looked at, in the middle of talks."""

VARIANTS: tuple[dict[str, str], ...] = (
    {"strategy": "leastrecent"},
    {"strategy": "ringall"},
    {"strategy": "rrmemory"},
    {"strategy": "linear"},
    {"strategy": "leastrecent", "timeout": "5"},
    {"strategy": "leastrecent", "autofill": "no"},
)
"""What differs between the configurations of app_queue that are tried."""


@dataclass(slots=True)
class Gaps:
    """What one side did under one load: milliseconds from BYE to INVITE, and how many waited when it was looked."""

    milliseconds: list[float] = field(default_factory=list)
    waited: list[int] = field(default_factory=list)

    def at(self, percent: int) -> float:
        """The percentile, by nearest rank."""
        ordered = sorted(self.milliseconds)
        return ordered[max(0, -(-percent * len(ordered) // 100) - 1)]

    def told(self) -> str:
        return (
            f"p50 {self.at(50):,.1f} ms, p95 {self.at(95):,.1f} ms, worst {max(self.milliseconds):,.1f} ms "
            f"of {len(self.milliseconds)}; {min(self.waited)} to {max(self.waited)} waited"
        )


async def _work(phone: Phone, transitions: int, look: Callable[[], Awaitable[int]]) -> Gaps:
    """The agent's day: talk, hang up, be rung again. The first few are not counted: the line fills."""
    gaps = Gaps()
    unmeasured = min(OTHER_WORDS, transitions)
    every = max(1, transitions // LOOKS)
    call = await _next(phone)
    for turn in range(unmeasured + transitions):
        await asyncio.wait_for(call.acknowledged.wait(), 5.0)
        talk = random.uniform(SHORTEST_TALK, LONGEST_TALK)
        if turn >= unmeasured and (turn - unmeasured) % every == 0:
            gaps.waited.append(await look())
        await asyncio.sleep(talk)
        if call.ended.is_set():
            raise RuntimeError("the citizen was gone before the agent hung up")
        begin = time.monotonic()
        await call.hang_up()
        following = await _next(phone)
        if turn >= unmeasured:
            gaps.milliseconds.append(1000 * (following.log["invite"] - begin))
        call = following
    await call.hang_up()
    return gaps


async def _next(phone: Phone) -> PhoneCall:
    return await asyncio.wait_for(phone.incoming.get(), 30.0)


async def _until_waiting(sipp: Sipp, look: Callable[[], Awaitable[int]], least: int) -> None:
    async def enough() -> bool:
        return await look() >= least

    await eventually(enough, f"{least} callers wait; SIPp said: {sipp.said()}", seconds=60.0, every=0.5)


async def _ours(line: Line, load: int, transitions: int) -> Gaps:
    redis = connect(line.settings.redis.url)
    acd = Acd(redis, site=line.settings.site.id, process="bench/look", clock=SystemClock(), policy=AcdPolicy())

    async def look() -> int:
        return sum(call.state is CallState.WAITING for call in await acd.calls())

    seat = await desk(line, "1001", SEAT, ready=False, on_call=answer_at_once)
    try:
        async with callers(line, number=OUR_NUMBER, at_once=load + 1 + OTHER_WORDS) as sipp:
            await _until_waiting(sipp, look, load)
            await seat.ready()
            return await _work(seat.phone, transitions, look)
    finally:
        await seat.leave()
        await redis.aclose()


async def _native(line: Line, queue: NativeQueue, load: int, transitions: int) -> Gaps:
    async def look() -> int:
        return await waiting(line, queue)

    phone = Phone(SEAT, server=line.sip, password=line.phone_password(SEAT), on_call=answer_at_once)
    await phone.start()
    try:
        async with callers(line, number=queue.number, at_once=load + 1 + OTHER_WORDS) as sipp:
            await _until_waiting(sipp, look, load)
            await phone.register()
            return await _work(phone, transitions, look)
    finally:
        await phone.register(expires=0)
        await phone.close()


async def _pops(line: Line) -> str:
    """Whether every pop was on the screen before its Dial; the journal says so."""
    query = "select attributes from call_journal where kind = 'popped'"
    told: list[dict[str, Any]] = [orjson.loads(row["attributes"]) for row in await database_rows(line, query)]
    return f"{sum(pop['written'] for pop in told)} of {len(told)} pops written before Dial"


async def _best(line: Line, queues: list[NativeQueue], load: int, transitions: int) -> NativeQueue:
    """The configuration with the least p95, of a few transitions each; told one by one."""
    tried = []
    for queue in queues:
        gaps = await _native(line, queue, load, transitions)
        tried.append((gaps.at(95), queue))
        print(f"tried     {gaps.told()}: {queue.differs}", flush=True)
    return min(tried, key=lambda one: one[0])[1]


async def bench(
    loads: tuple[int, ...] = LOADS,
    transitions: int = 100,
    trial: int = 12,
    variants: tuple[dict[str, str], ...] = VARIANTS,
) -> dict[str, float]:
    """Ours under every load, then app_queue's best under every load."""
    queues = [NativeQueue(str(99_001 + n), (SEAT,), differs) for n, differs in enumerate(variants)]
    ours: list[Gaps] = []
    native: list[Gaps] = []
    with settings_of_the_line(ACD__WRAP_UP_SECONDS="0"):
        async with running_line() as line:
            for load in loads:
                ours.append(await _ours(line, load, transitions))
                print(f"ours      {load:>3} waiting: {ours[-1].told()}", flush=True)
            print(f"          {await _pops(line)}", flush=True)
            await add(line, queues)
            await stop_ours(line)
            best = queues[0] if len(queues) == 1 else await _best(line, queues, loads[0], trial)
            print(f"native    {best.told()}", flush=True)
            for load in loads:
                native.append(await _native(line, best, load, transitions))
                print(f"native    {load:>3} waiting: {native[-1].told()}", flush=True)
    # Of the two loads, the one that is worse for us, key by key.
    return {
        "ours_p50_ms": round(max(gaps.at(50) for gaps in ours), 1),
        "ours_p95_ms": round(max(gaps.at(95) for gaps in ours), 1),
        "native_p50_ms": round(min(gaps.at(50) for gaps in native), 1),
        "native_p95_ms": round(min(gaps.at(95) for gaps in native), 1),
        "ratio_p95": round(min(b.at(95) / a.at(95) for a, b in zip(ours, native, strict=True)), 1),
    }


def run(**smaller: Any) -> dict[str, float]:
    """The benchmark; `smaller` as in `bench`."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(bench(**smaller))
