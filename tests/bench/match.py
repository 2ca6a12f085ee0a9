"""Matches per second: real Redis with production's persistence, the real scripts through `Acd`, several processes.

One match is one enqueue, or one agent who becomes ready, that ends in an offer. Half of the groups have more callers
than agents: there a freed agent gets the caller who waits longest. The other half has more agents: there a new caller
gets the agent who is idle longest. Each offer is read from its process's inbox; then its caller leaves, which frees
the agent, and another caller comes: for every match one script brings an agent and one a caller, and both are in the
time. Offers are counted where they arrive; an agent who is offered a second caller before the first is let go ends
the run.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import uvloop

from acd.model import AcdPolicy, CallRequest, Offer
from acd.needs import Need
from acd.queues import QueueRule, QueueStep
from acd.service import Acd
from hotline.clock import SystemClock
from hotline.redis import Redis, connect
from tests.bench.redis_server import private_redis
from tests.bench.report import cpu_seconds, spread
from tests.bench.wire import Wire

SITE = "bench"
SIZES = (100, 1_000, 10_000)
GROUPS = 8
"""In each half; an agent has two of them, a caller asks for one, for two, or for the second after a while."""
LABEL = '{"channel":"PJSIP/carrier-00000001","unit":"12333"}'
POLICY = AcdPolicy(lease_ms=600_000, host_lease_ms=600_000, rebuild_ms=0)
"""The production limits but the lease: on a loaded machine nobody's is to run out while the floor is filled."""


def _rules() -> Iterator[QueueRule]:
    """For each group a queue that asks for it, one that asks for two, and one that asks for the second after a while;
    every other one for better agents only."""
    for half, number in itertools.product(("busy", "quiet"), range(GROUPS)):
        first, second = f"{half}-{number}", f"{half}-{(number + 3) % GROUPS}"
        need, other = Need.of({first: 1 + number % 2 * 2}), Need.of({second: 1})
        yield QueueRule(first, first, (QueueStep(0, (need,)),))
        yield QueueRule(f"{first}-{second}", first, (QueueStep(0, (need, other)),))
        yield QueueRule(f"{first}-then-{second}", first, (QueueStep(0, (need,)), QueueStep(15_000, (need, other))))


RULES = tuple(_rules())


class _Done(Exception):
    """The last round is over."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one round saw: seconds on the clock, offers that arrived, processor seconds of Redis."""

    seconds: float
    matches: int
    redis_cpu: float

    @property
    def per_second(self) -> float:
        return self.matches / self.seconds

    @property
    def redis_us(self) -> float:
        return 1e6 * self.redis_cpu / max(self.matches, 1)


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice process as distribution knows it: one connection for its steps, one for its inbox."""

    acd: Acd
    reader: Acd
    wires: tuple[Wire, Wire]

    @classmethod
    async def connect(cls, port: int, name: str) -> Voice:
        wires = await Wire.connect(port), await Wire.connect(port)
        acd, reader = (
            Acd(cast(Redis, wire), site=SITE, process=name, clock=SystemClock(), policy=POLICY) for wire in wires
        )
        await acd.load()
        return cls(acd, reader, wires)


class Floor:
    """As many agents as callers who wait. `live` offers are open at once, half of them on each side."""

    def __init__(self, size: int, *, live: int = 32) -> None:
        self._size = size
        self._live = min(live, size) // 2
        self._voices: list[Voice] = []
        self._numbers = itertools.count(1)
        self._offered: dict[str, str] = {}
        """Agents whose caller is not let go yet."""
        self._group = asyncio.TaskGroup()
        self.matches = 0

    async def run(self, port: int, rounds: int, seconds: float, pid: int) -> list[Round]:
        """Fill the floor, let it work, and measure rounds of so many seconds."""
        redis = connect(f"redis://127.0.0.1:{port}/0")
        await redis.flushall()
        opener = Acd(redis, site=SITE, process="ast1/jobs", clock=SystemClock(), policy=POLICY)
        await opener.load()
        await opener.open_epoch(1)
        await opener.run_timers()
        await opener.configure(RULES, 1)
        await redis.aclose()
        self._voices = [await Voice.connect(port, f"ast1/voice-{n}") for n in range(1, 5)]
        try:
            return await self._measured(rounds, seconds, pid)
        finally:
            for voice in self._voices:
                for wire in voice.wires:
                    wire.close()

    async def _measured(self, rounds: int, seconds: float, pid: int) -> list[Round]:
        measured = []
        try:
            async with asyncio.TaskGroup() as self._group:
                for voice in self._voices:
                    self._group.create_task(self._read(voice))
                    self._group.create_task(self._run_timers(voice))
                await self._fill()
                await asyncio.sleep(seconds / 2)
                for _ in range(rounds):
                    begin, matches, cpu = time.perf_counter(), self.matches, cpu_seconds(pid)
                    await asyncio.sleep(seconds)
                    took = time.perf_counter() - begin
                    measured.append(Round(took, self.matches - matches, cpu_seconds(pid) - cpu))
                raise _Done
        except* _Done:
            pass
        return measured

    async def _fill(self) -> None:
        await _in_turns(self._agent(n, "busy" if n < self._live else "quiet") for n in range(self._size))
        await _in_turns(self._caller(n, "busy") for n in range(self._size + self._live))
        await _in_turns(self._caller(n, "quiet") for n in range(self._live))

    async def _agent(self, number: int, half: str) -> None:
        acd, agent, seat = self._voices[0].acd, f"a{number}", f"{10_000 + number}"
        await acd.device_state(seat, True, False)
        await acd.sign_in(agent, seat, {f"{half}-{number % GROUPS}": 5, f"{half}-{(number + 1) % GROUPS}": 3})
        await acd.set_ready(agent)

    async def _caller(self, number: int, half: str) -> None:
        voice = self._voices[number % len(self._voices)]
        first, second = f"{half}-{number % GROUPS}", f"{half}-{(number + 3) % GROUPS}"
        queue = (first, f"{first}-{second}", f"{first}-then-{second}")[number % 3]
        now = SystemClock().now_ms()
        call = f"ast1-{now // 1000}.{next(self._numbers)}"
        await voice.acd.enqueue(CallRequest(call, now, voice.acd._process, queue, hotline="12345", label=LABEL))

    async def _read(self, voice: Voice) -> None:
        async for message in voice.reader.inbox():
            if message["type"] == "offer":
                offer = Offer.from_message(message)
                if offer.agent in self._offered:
                    raise AssertionError(f"{offer.agent} has {self._offered[offer.agent]} and is offered {offer.call}")
                self._offered[offer.agent] = offer.call
                self._group.create_task(self._serve(voice, offer))

    async def _serve(self, voice: Voice, offer: Offer) -> None:
        """The caller leaves, which frees the agent, and another one comes."""
        self.matches += 1
        del self._offered[offer.agent]  # the next line sends; Redis may offer the agent again before its answer is here
        await voice.acd.leave(offer.call)
        await self._caller(self.matches, offer.queue.split("-")[0])

    async def _run_timers(self, voice: Voice) -> None:
        while True:
            await asyncio.sleep(await voice.acd.run_timers() / 1000)


async def _in_turns(steps: Iterable[Coroutine[None, None, None]]) -> None:
    """So many at once as a process may have on its way."""
    steps = iter(steps)
    while some := list(itertools.islice(steps, 64)):
        await asyncio.gather(*some)


async def bench(sizes: Sequence[int] = SIZES, rounds: int = 3, seconds: float = 4.0) -> dict[str, float]:
    """Each size on a floor of its own, in one Redis."""
    figures: dict[str, float] = {}
    async with private_redis() as server:
        for size in sizes:
            seen = await Floor(size).run(server.port, rounds, seconds, server.pid)
            rates = [one.per_second for one in seen]
            busy = sum(one.redis_cpu for one in seen) / sum(one.seconds for one in seen)
            print(
                f"{size:>6,}    {spread(rates, 'matches/s')}; "
                f"Redis {spread([one.redis_us for one in seen], 'µs of processor a match')}, {busy:.0%} of a core",
                flush=True,
            )
            figures[f"matches_per_s_{size}"] = round(statistics.median(rates))
    return figures


def run(**smaller: Any) -> dict[str, float]:
    """The benchmark; `smaller` as in `bench`."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(bench(**smaller))
