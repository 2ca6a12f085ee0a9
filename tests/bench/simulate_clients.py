"""The clients of `make bench-simulate` at work on one floor, and what their logs say."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from acd.model import CallRequest, Offer
from acd.service import Acd
from hotline.clock import SystemClock
from hotline.redis import Redis, connect
from tests.bench import doubles
from tests.bench.simulate_job import HOST, OLD_EPOCH, RULES, Job, process

SEED = 12345
CLIENTS = 8
AGENTS = 64
CALLERS = 12
"""Of each client at a time, waiting ones included: more than there are agents for."""
_OLD_OFFERS = 16


@dataclass(frozen=True, slots=True)
class Concurrent:
    """What the clients' logs and their own counts say."""

    found: doubles.Found
    seconds: float
    told: dict[str, Any]


async def concurrent(
    port: int, matches: int, *, clients: int = CLIENTS, without: str = "", silence_s: float = 20.0
) -> Concurrent:
    """So many matches by so many clients at once; `without` leaves a protection of the scripts out."""
    redis = connect(f"redis://127.0.0.1:{port}/0")
    old = await _floor(redis, without)
    try:
        with tempfile.TemporaryDirectory(prefix="hotline-bench-") as folder:
            logs = [Path(folder) / f"client-{n}.log" for n in range(clients)]
            shares = [matches // clients + (n < matches % clients) for n in range(clients)]
            jobs = [
                Job(port, n, share, CALLERS, SEED + n, str(log), old, without, silence_s)
                for n, (share, log) in enumerate(zip(shares, logs, strict=True))
            ]
            begin = time.perf_counter()
            progress = _Progress(matches)
            async with asyncio.TaskGroup() as group:
                running = [group.create_task(_client(job, progress)) for job in jobs]
            seconds = time.perf_counter() - begin
            return Concurrent(doubles.count(logs), seconds, _sum([task.result() for task in running]))
    finally:
        await redis.aclose()


async def _floor(redis: Redis, without: str) -> list[dict[str, Any]]:
    """An epoch that is over, with the offers that were made in it, then one with all agents ready."""
    acd = process(redis, f"{HOST}/jobs", without)
    await acd.load()
    await _open(acd, OLD_EPOCH)
    for number in range(_OLD_OFFERS):
        # The names come again: the clients' first callers, and the same agents.
        call = f"{HOST}-{number % CLIENTS}.{1 + number // CLIENTS}"
        await acd.enqueue(CallRequest(call, SystemClock().now_ms(), f"{HOST}/jobs", "general"))
    old: list[dict[str, Any]] = []
    async for message in acd.inbox():
        offer = Offer.from_message(message)
        old.append(asdict(await acd.answered(offer) if len(old) % 2 else offer))
        if len(old) == _OLD_OFFERS:
            break
    await redis.flushall()
    await _open(acd, OLD_EPOCH + 1)
    return old


async def _open(acd: Acd, epoch: int) -> None:
    await acd.open_epoch(epoch)
    await acd.run_timers()
    await acd.heartbeat()
    await acd.configure(RULES, epoch)
    for number in range(AGENTS):
        agent, seat = f"a{number}", str(10_000 + number)
        await acd.device_state(seat, True, False)
        await acd.sign_in(agent, seat, {"general": 5} | ({"expert": 2 + number % 5} if number % 2 else {}))
        await acd.set_ready(agent)


async def _client(job: Job, progress: _Progress) -> dict[str, Any]:
    client = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.simulate_client"), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert client.stdin is not None
    assert client.stdout is not None
    try:
        client.stdin.write(json.dumps(asdict(job)).encode())
        client.stdin.close()
        last = b"{}"
        async for line in client.stdout:
            last = line
            if line.strip().isdigit():
                progress.more(int(line))
        if await client.wait() != 0:
            raise RuntimeError(f"client {job.client} ended with {client.returncode}")
        told: dict[str, Any] = json.loads(last)
        return told
    finally:
        if client.returncode is None:
            client.kill()
            await client.wait()


class _Progress:
    """A line for every tenth."""

    def __init__(self, whole: int) -> None:
        self._whole, self._done, self._shown = whole, 0, 0

    def more(self, count: int) -> None:
        self._done += count
        tenth = 10 * self._done // self._whole
        if tenth > self._shown:
            self._shown = tenth
            print(f"          {self._done:,} of {self._whole:,} matches", flush=True)


def _sum(told: Sequence[dict[str, Any]]) -> dict[str, Any]:
    whole: dict[str, Any] = {}
    for one in told:
        for name, value in one.items():
            whole[name] = (
                Counter(value) + whole.get(name, Counter()) if isinstance(value, dict) else value + whole.get(name, 0)
            )
    return whole
