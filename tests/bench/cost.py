"""What a call costs in processor time and how many there can be in a second: our whole path, beside app_queue.

One line, one Asterisk, the same SIPp phones for callers and agents. Ours is the path of production: FastAGI, the match,
the screen-pop on a real WebSocket before Dial, the journal into PostgreSQL, the phone's states, the native queue's
mirror, the watchdog. app_queue is measured with our processes stopped. Pinned and printed: greeting, thanks, codec,
sound both ways, talk, records (CDR and CEL), no recording on either side, and callers who wait for somebody who never
comes, in a queue of their own.

It is run twice. How many calls there can be is looked for with short talks, so that our part of the work comes as thick
as it can. What a call costs is looked at with talks of two minutes and four in five agents busy: half of the four
minutes that a call to such a line takes.

A rate is sustained when SIPp can make the calls, at most 1 % of them fail, and the callers on the line do not become
more while they are watched: 99 % are served as fast as they come. Processor time is that of the very processes and of
their children, as /proc has it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import uvloop

from acd.model import AcdPolicy
from acd.service import Acd
from hotline.clock import SystemClock
from hotline.redis import connect
from tests.accept.console import console
from tests.accept.line import Line, eventually, running_line
from tests.bench.load import Counted, Sipp, agents, callers
from tests.bench.native import NativeQueue, add, stop_ours, waiting
from tests.bench.processor import by_program, idle_seconds
from tests.bench.screens import open_screens
from tests.bench.settings import settings_of_the_line

FIRST_SEAT, FIRST_AGENT = 8001, 1001
OUR_NUMBER, OUR_QUIET_NUMBER = "12345", "12333"
"""The second is a line with experts of its own, none of whom is there: its callers wait."""
QUIET_QUEUE = "expert-12333"
COMFORT = "hotline/wait.comfort"
ANNOUNCED_SECONDS = 30
GREETED_SECONDS = 8.0
"""Greeting and thanks."""
SERVED = 0.99
_LEFT = 10
"""Channels beside those of callers who wait, on a line that has come to rest."""


@dataclass(frozen=True, slots=True)
class Window:
    """What was seen at one rate: calls served in a second, processor milliseconds of each program for one call."""

    rate: float
    served: float
    sustained: bool
    grown: int
    failed: int
    idle: float
    """Cores that rested."""
    milliseconds: dict[str, float] = field(default_factory=dict)

    @property
    def asterisk(self) -> float:
        return self.milliseconds["asterisk"]

    @property
    def beside(self) -> float:
        """Processor milliseconds of everything but Asterisk."""
        return sum(self.milliseconds.values()) - self.asterisk

    def told(self) -> str:
        told = f"{self.rate:5.1f} calls/s: {self.served:5.1f} served, {self.grown:+d} on the line, {self.failed} failed"
        return f"{told}, {self.idle:.1f} cores idle{'' if self.sustained else '; not sustained'}"

    def costs(self) -> str:
        parts = ", ".join(f"{name} {spent:.1f}" for name, spent in sorted(self.milliseconds.items()))
        return f"{self.rate:.1f} calls/s: processor ms a call: {parts}"


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is the same on both sides."""

    seats: int = 90
    waiting: int = 20
    talk_seconds: float = 3.0
    window_seconds: float = 12.0
    first_rate: float = 8.0
    steps: int = 7
    """Rates that are tried in search of the highest; 0: the first one is looked at, and no other."""

    @property
    def extensions(self) -> list[str]:
        return [str(FIRST_SEAT + n) for n in range(self.seats)]

    def told(self) -> str:
        return (
            f"greeting and thanks of the line ({GREETED_SECONDS:.0f} s), G.711 A-law, sound both ways all the time, "
            f"talk {self.talk_seconds:.0f} s, {self.seats} agents, {self.waiting} callers who wait all the time "
            f"and hear so every {ANNOUNCED_SECONDS} s, CDR and CEL written, nothing recorded; "
            f"windows of {self.window_seconds:.0f} s"
        )


class Side:
    """One side under load: callers at a rate that can be changed."""

    def __init__(self, line: Line, sipp: Sipp, scenario: Scenario) -> None:
        self._line = line
        self._sipp = sipp
        self._waiting = scenario.waiting
        self._seconds = scenario.window_seconds
        self._settled_seconds = GREETED_SECONDS + scenario.talk_seconds + 5.0

    async def at(self, rate: float) -> Window:
        """Let it settle at this rate, then look at it for a while."""
        self._sipp.set_rate(rate)
        await asyncio.sleep(self._settled_seconds)
        before, cpu, idle = self._sipp.counted(), by_program(self._line), idle_seconds()
        await asyncio.sleep(self._seconds)
        after, cpu_after, idle_after = self._sipp.counted(), by_program(self._line), idle_seconds()
        done = max(1, after.done - before.done)
        return Window(
            rate=rate,
            served=(after.done - before.done) / self._seconds,
            sustained=self._sustained(before, after, rate),
            grown=after.current - before.current,
            failed=after.failed - before.failed,
            idle=(idle_after - idle) / self._seconds,
            milliseconds={name: 1000 * (cpu_after[name] - cpu[name]) / done for name in cpu if name in cpu_after},
        )

    def _sustained(self, before: Counted, after: Counted, rate: float) -> bool:
        # Of a flow of calls a window sees some more or some less begin than end; a second's worth is not a queue.
        offered = after.created - before.created
        lost = after.failed - before.failed
        slack = (1 - SERVED) * offered + rate
        asked = offered >= SERVED * rate * self._seconds - 1
        return asked and lost <= (1 - SERVED) * offered and after.current - before.current <= slack

    async def highest(self, first: float, *, most: int) -> Window:
        """The highest rate that is sustained: up by a third until one is not, then halfway between."""
        good: Window | None = None
        bad: float | None = None
        rate = first
        for _ in range(most):
            window = await self.at(rate)
            print(f"          {window.told()}", flush=True)
            if window.sustained:
                good = window if good is None or window.rate > good.rate else good
            else:
                bad = rate
                await self.calm()
            if bad is None:
                rate = rate * 4 / 3
            elif good is None:
                rate = bad / 2
            else:
                rate = (good.rate + bad) / 2
        if good is None:
            raise RuntimeError("no rate was sustained")
        return good

    async def calm(self) -> None:
        """After too much: until those on the line have been served."""
        self._sipp.set_rate(0.1)

        async def few() -> bool:
            # As Asterisk counts: SIPp keeps calls whose end it missed for as long as it runs.
            shown = await console(self._line, "core show channels count")
            return int(shown.split()[0]) <= self._waiting + _LEFT

        await eventually(few, "the line is empty again", seconds=300.0, every=1.0)


RATES = Scenario()
COSTS = Scenario(seats=150, talk_seconds=120.0, window_seconds=120.0, first_rate=1.0, steps=0)
"""As many seats as a city of five million has (Zibo), half of the 240 s that a call to 12345 is to be planned with, and
as many calls as these agents can take."""


async def _ours(line: Line, scenario: Scenario) -> Window:
    redis = connect(line.settings.redis.url)
    acd = Acd(redis, site=line.settings.site.id, process="bench/look", clock=SystemClock(), policy=AcdPolicy())

    async def enough() -> bool:
        return (await acd.queue_lengths()).get(QUIET_QUEUE, 0) >= scenario.waiting

    seats = [(str(FIRST_AGENT + n), extension) for n, extension in enumerate(scenario.extensions)]
    try:
        async with (
            open_screens(line, seats),
            callers(line, number=OUR_QUIET_NUMBER, at_once=scenario.waiting, sound=True),
        ):
            await eventually(enough, "callers wait", seconds=60.0, every=0.5)
            return await _measured(line, scenario, OUR_NUMBER)
    finally:
        await redis.aclose()


async def _native(line: Line, scenario: Scenario, queue: NativeQueue, quiet: NativeQueue) -> Window:
    async def enough() -> bool:
        return await waiting(line, quiet) >= scenario.waiting

    async with callers(line, number=quiet.number, at_once=scenario.waiting, sound=True):
        await eventually(enough, "callers wait", seconds=60.0, every=0.5)
        return await _measured(line, scenario, queue.number)


async def _measured(line: Line, scenario: Scenario, number: str) -> Window:
    async with callers(line, number=number, at_once=1_000, rate=scenario.first_rate, sound=True) as sipp:
        side = Side(line, sipp, scenario)
        if scenario.steps:
            return await side.highest(scenario.first_rate, most=scenario.steps)
        window = await side.at(scenario.first_rate)
    print(f"          {window.told()}\n          {window.costs()}", flush=True)
    return window


async def _side_by_side(scenario: Scenario) -> tuple[Window, Window]:
    """Ours, then app_queue, on one line."""
    print(f"scenario  {scenario.told()}", flush=True)
    announced = {"periodic-announce": COMFORT, "periodic-announce-frequency": str(ANNOUNCED_SECONDS)}
    queue = NativeQueue("99001", scenario.extensions, announced)
    quiet = NativeQueue("99002", (), announced)
    keys = {
        "ACD__WRAP_UP_SECONDS": "0",
        "ACD__GENERAL_AFTER_MS": "3600000",
        # As app_queue's autopause=no: after a rate that was too high the agents go on.
        "ACD__NO_ANSWER_NOT_READY": "false",
        "WAITING__EVERY_SECONDS": str(ANNOUNCED_SECONDS),
    }
    with settings_of_the_line(**keys):
        async with (
            running_line(extensions=scenario.seats + 10, general_agents=scenario.seats) as line,
            agents(line, scenario.extensions, talk_seconds=scenario.talk_seconds),
        ):
            print("ours", flush=True)
            ours = await _ours(line, scenario)
            await stop_ours(line)
            await add(line, [queue, quiet])
            print(f"native    {queue.told()}", flush=True)
            return ours, await _native(line, scenario, queue, quiet)


async def bench(rates: Scenario = RATES, costs: Scenario = COSTS) -> dict[str, float]:
    """Rates first, then costs."""
    ours, native = await _side_by_side(rates)
    our_cost, native_cost = await _side_by_side(costs)
    print(
        f"sustained {ours.rate:.1f} calls/s beside {native.rate:.1f}; at {our_cost.rate:.1f} calls/s ours takes "
        f"{our_cost.beside:.1f} ms a call beside Asterisk's {our_cost.asterisk:.1f}; with app_queue Asterisk takes "
        f"{native_cost.asterisk:.1f}",
        flush=True,
    )
    return {
        "cpu_ratio": round(our_cost.beside / our_cost.asterisk, 3),
        "calls_per_s_ratio": round(ours.rate / native.rate, 3),
        "ours_ms_per_call": round(our_cost.beside, 1),
        "asterisk_ms_per_call": round(our_cost.asterisk, 1),
        "native_asterisk_ms_per_call": round(native_cost.asterisk, 1),
        "calls_per_s": round(ours.rate, 1),
        "native_calls_per_s": round(native.rate, 1),
    }


def run(**smaller: Any) -> dict[str, float]:
    """The benchmark; `smaller` changes both scenarios."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(bench(replace(RATES, **smaller), replace(COSTS, **{**smaller, "steps": 0})))
