"""A million matches by clients with stale writers; waits beside exact first-come-first-served and Erlang C.

**Doubles.** Client processes share one floor of agents in a real Redis with production's persistence; see
tests/bench/simulate_client.py for what they do, and tests/bench/doubles.py for how doubles are counted from their own
logs. Every stale write must be refused; one that was not ends the benchmark with an error.

**Waits.** One skill, ten agents, Poisson arrivals, exponential talks of 240 s, loads of 0.7 and 0.8, through the real
matcher on a virtual clock. `fcfs_error` is the mean absolute difference of each caller's wait from the recursion of
Kiefer and Wolfowitz on the same draws, over the mean wait; the worse of both loads.

`erlang_c_error`: the mean wait of a queue wanders, and 100,000 calls give it to some 10 % only, however exact the
matcher. So the recursion on the same draws is a control variate: the estimate of the matcher's mean wait is its
difference from the recursion on the common draws, plus the recursion's mean over many more draws. Intervals of 95 %
from batch means are printed, that of the direct mean too; the key is the end of the interval that is farther from
Erlang C, the worse of both loads. Seeds are fixed and printed.
"""

from __future__ import annotations

import asyncio
from typing import cast

import uvloop

from hotline.redis import Redis, connect
from tests.bench.redis_server import private_redis
from tests.bench.simulate_clients import AGENTS, CALLERS, CLIENTS, SEED, Concurrent, concurrent
from tests.bench.simulate_waits import LOADS, Waits, waits
from tests.bench.simulate_waits import SEED as WAITS_SEED
from tests.bench.wire import Wire


async def bench(
    matches: int = 1_000_000, clients: int = CLIENTS, calls: int = 100_000, sites: int = 4, draws: int = 20_000_000
) -> dict[str, float]:
    """Both parts, one after the other, each in a Redis of its own."""
    print(
        f"seeds     from {SEED} and {WAITS_SEED}; {clients} client processes, {AGENTS} agents, "
        f"{CALLERS} callers of each client at a time"
    )
    async with private_redis() as server:
        seen = await concurrent(server.port, matches, clients=clients)
    _print_concurrent(seen)
    if seen.told["stale_accepted"]:
        raise RuntimeError(f"stale writes were accepted: {dict(seen.told['accepted_what'])}")
    if seen.found.matches < matches or seen.told["broken"]:
        raise RuntimeError(f"{seen.found.matches:,} matches, {seen.told['broken']} errors of the scripts")
    async with private_redis() as server:
        redis, steps = connect(f"redis://127.0.0.1:{server.port}/0"), await Wire.connect(server.port)
        found = await asyncio.gather(
            *(waits(redis, cast(Redis, steps), load, calls=calls, sites=sites, draws=draws) for load in LOADS)
        )
        await redis.aclose()
        steps.close()
    for one in found:
        _print_waits(one)
    return {
        "matches": seen.found.matches,
        "double_assignments": seen.found.doubles,
        "fcfs_error": round(max(one.fcfs_error for one in found), 6),
        "erlang_c_error": round(max(one.erlang_c_error for one in found), 4),
    }


def _print_concurrent(seen: Concurrent) -> None:
    told, found = seen.told, seen.found
    print(
        f"matches   {found.matches:,} in {seen.seconds:.0f} s, {found.matches / seen.seconds:,.0f}/s; "
        f"{found.held_s / seen.seconds:.1f} of {AGENTS} agents seen held at any time; {told['late']:,} writes too late"
    )
    refused = ", ".join(f"{count:,} {kind}" for kind, count in sorted(told["refused"].items()))
    print(f"refused   {sum(told['refused'].values()):,} stale writes, {told['stale_accepted']} accepted: {refused}")
    print(f"deaths    {told['lives']:,} processes, {told['adopted']:,} talks adopted")
    print(f"doubles   {found.doubles}", flush=True)


def _print_waits(one: Waits) -> None:
    print(
        f"load {one.load}  {one.calls:,} calls: {one.ours:.3f} s ± {one.ours_margin:.3f} direct; from the recursion on "
        f"the same draws {one.difference:+.4f} s ± {one.difference_margin:.4f}, at most {one.worst_ms} ms of one call"
    )
    print(
        f"          recursion alone, {one.draws:,} draws: {one.recursion:.3f} s ± {one.recursion_margin:.3f}; "
        f"estimate {one.estimate:.3f} s ± {one.margin:.3f}, Erlang C {one.erlang_c:.3f} s: "
        f"{one.estimate / one.erlang_c - 1:+.2%} ± {one.margin / one.erlang_c:.2%}",
        flush=True,
    )


def run(**smaller: int) -> dict[str, float]:
    """The benchmark; `smaller` as in `bench`."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(bench(**smaller))
