"""Waits through the real matcher on a virtual clock, beside exact first-come-first-served and Erlang C."""

from __future__ import annotations

import asyncio
import math
import statistics
from dataclasses import dataclass
from heapq import heapreplace
from typing import Any

import numpy as np

from acd.erlang import Load, service
from acd.queue_store import default_rules
from hotline.redis import Redis
from server.simulation.day import Simulation
from server.simulation.demand import Stretch, draw_calls, team
from server.simulation.line import VirtualLine
from tests.bench.first_come import waits_ms

LOADS = (0.7, 0.8)
SERVERS = 10
TALK_S = 240.0
SEED = 23456
_BATCHES = 50
_Z = 1.96


@dataclass(frozen=True, slots=True)
class Waits:
    """Mean waits in seconds at one load; `margin` is half a confidence interval of 95 %."""

    load: float
    calls: int
    erlang_c: float
    ours: float
    ours_margin: float
    difference: float
    """Mean of ours minus the recursion's, on the same draws."""
    difference_margin: float
    fcfs_error: float
    worst_ms: int
    """Largest difference of one caller's wait."""
    recursion: float
    recursion_margin: float
    draws: int

    @property
    def estimate(self) -> float:
        """Our mean wait, the recursion as control variate."""
        return self.difference + self.recursion

    @property
    def margin(self) -> float:
        return math.hypot(self.difference_margin, self.recursion_margin)

    @property
    def erlang_c_error(self) -> float:
        """The end of the interval that is farther from Erlang C, as a share of it."""
        return (abs(self.estimate - self.erlang_c) + self.margin) / self.erlang_c


async def waits(redis: Redis, steps: Redis, load: float, *, calls: int, sites: int, draws: int) -> Waits:
    """`calls` through the real matcher, in `sites` days of as many; `draws` through the recursion alone."""
    of = Load(load * SERVERS / TALK_S, TALK_S)
    pairs = await asyncio.gather(*(_one_day(redis, steps, load, calls // sites, number) for number in range(sites)))
    ours = np.array([wait for day, _ in pairs for wait in day]) / 1000
    exact = np.array([wait for _, day in pairs for wait in day]) / 1000
    apart = ours - exact
    recursion, recursion_margin = await asyncio.to_thread(_long_run, of, draws, SEED + round(100 * load))
    return Waits(
        load=load,
        calls=len(ours),
        erlang_c=service(SERVERS, of, 20).asa_s,
        ours=float(ours.mean()),
        ours_margin=_margin(ours),
        difference=float(apart.mean()),
        difference_margin=_margin(apart),
        fcfs_error=float(np.abs(apart).mean() / exact.mean()),
        worst_ms=round(1000 * float(np.abs(apart).max())),
        recursion=recursion,
        recursion_margin=recursion_margin,
        draws=draws,
    )


async def _one_day(redis: Redis, steps: Redis, load: float, calls: int, number: int) -> tuple[list[int], list[int]]:
    """Waits of a day of calls by the matcher, and by the recursion on the same draws, milliseconds."""
    per_s = load * SERVERS / TALK_S
    seed = SEED + round(1000 * load) + number
    drawn = draw_calls([Stretch(0, round(1000 * calls / per_s), per_s, TALK_S)], seed=seed, mix={"general": 1})
    rules = [rule for rule in default_rules([], wrap_up_ms=0) if rule.queue == "general"]
    line = await VirtualLine.open(redis, rules, site=f"sim{round(100 * load)}{number}", steps=steps)
    day = await Simulation(line, rules, drawn, team([(SERVERS, {"general": 5})])).run()
    ours = [fate.waited_ms for fate in day.fates if fate.waited_ms is not None]
    if len(ours) != len(drawn):
        raise RuntimeError(f"{len(drawn) - len(ours)} callers were never answered")
    return ours, waits_ms([(call.at_ms, call.talk_ms) for call in drawn], SERVERS)


def _long_run(load: Load, draws: int, seed: int) -> tuple[float, float]:
    """Mean wait of the recursion over so many draws, and the margin, seconds."""
    random = np.random.default_rng(seed)
    done = [0.0] * SERVERS
    at, means = 0.0, []
    size = max(draws // _BATCHES, 1)
    for _ in range(_BATCHES):
        arrivals = at + np.cumsum(random.exponential(1 / load.calls_per_s, size))
        at = float(arrivals[-1])
        waited = 0.0
        for arrival, talk in zip(arrivals.tolist(), random.exponential(load.handling_s, size).tolist(), strict=True):
            free = done[0]  # a heap: only the first to be done matters
            if free > arrival:
                waited += free - arrival
                heapreplace(done, free + talk)
            else:
                heapreplace(done, arrival + talk)
        means.append(waited / size)
    return statistics.fmean(means), _Z * statistics.stdev(means) / math.sqrt(_BATCHES)


def _margin(values: np.ndarray[Any, np.dtype[np.float64]]) -> float:
    means = [float(batch.mean()) for batch in np.array_split(values, _BATCHES)]
    return _Z * statistics.stdev(means) / math.sqrt(_BATCHES)
