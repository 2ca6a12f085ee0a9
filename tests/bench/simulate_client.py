"""`python -m tests.bench.simulate_client < JOB`: one client of `make bench-simulate`, in a process of its own.

It is a voice process: it brings callers, answers some offers, lets others fail or expire, and keeps as many callers as
it was told. Beside that it writes what nobody may: with reservations that have ended, in an epoch that is over, and as
a process that is dead and whose calls were adopted. All of these must be refused. What it was offered and what it held
it appends to a log of its own (tests/bench/doubles.py).
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import cast

import structlog
import uvloop
from redis.exceptions import ResponseError

from acd.errors import AnsweredCall, StaleReservation
from acd.model import CallRequest, Offer
from acd.service import Acd
from acd.states import Outcome
from hotline.clock import SystemClock
from hotline.errors import Conflict, HotlineError
from hotline.redis import Redis, connect
from tests.bench.simulate_job import HOST, OLD_EPOCH, RULES, Job, Told, process
from tests.bench.stale_writes import StaleWriter
from tests.bench.wire import Wire

_MORTAL_CALLS = 2
"""Callers of a process that is going to die."""
_LIFE_SECONDS = 15.0
_BEAT_SECONDS = 0.5
_WRITES_OF_THE_DEAD = 5
_REMEMBERED = 64
"""Ended reservations at hand for stale writes."""


class _Enough(Exception):
    """The share is done, or nothing comes any more."""


class Client:
    """One voice process, and the mortal ones beside it."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._name = f"{HOST}/voice-{job.client}"
        self._random = random.Random(job.seed)
        self._numbers = 0
        self._ended: deque[Offer] = deque(maxlen=_REMEMBERED)
        self._withdrawn: deque[Offer] = deque(maxlen=_REMEMBERED)
        """Of calls that went on: these reservations are the dangerous ones."""
        self._left: dict[str, Offer] = {}
        """Offers that are let expire."""
        self._tasks = asyncio.TaskGroup()
        self._last_offer = time.monotonic()
        self.told = Told()

    async def run(self) -> Told:
        """Until its share of matches has arrived."""
        redis = connect(f"redis://127.0.0.1:{self._job.port}/0")
        self._keeper = self._process(redis, self._name)
        self._acd, self._reader = [
            self._process(cast(Redis, await Wire.connect(self._job.port)), self._name) for _ in range(2)
        ]
        await self._keeper.load()
        self._acd.epoch = self._reader.epoch = self._keeper.epoch
        await self._keeper.configure(RULES, 1)
        past = self._process(cast(Redis, await Wire.connect(self._job.port)), self._name)
        past.epoch = OLD_EPOCH
        self._stale = StaleWriter(self._job, self.told, self._random, acd=self._acd, past=past)
        with Path(self._job.log).open("w", encoding="ascii", buffering=1 << 20) as self._log:
            try:
                async with self._tasks:
                    for work in (self._read, self._beat, self._timers, self._watch, self._adopt, self._live_and_die):
                        self._tasks.create_task(work())
                    for _ in range(self._job.callers):
                        await self._caller()
            except* _Enough:
                pass
        for call in await self._keeper.calls(self._name):
            await self._let_go(call.call, call.offer)
        await redis.aclose()
        return self.told

    def _process(self, redis: Redis, name: str) -> Acd:
        return process(redis, name, self._job.without)

    # A voice process -------------------------------------------------------------------------------------------

    async def _caller(self) -> None:
        await self._enqueue(self._acd, self._name)

    async def _enqueue(self, acd: Acd, owner: str) -> None:
        self._numbers += 1
        call = f"{HOST}-{self._job.client}.{self._numbers}"
        queue = self._random.choice(("general", "expert"))
        try:
            await acd.enqueue(CallRequest(call, SystemClock().now_ms(), owner, queue, hotline="12345", label="{}"))
        except AnsweredCall:
            self.told.late += 1  # somebody of an epoch that is over got in with this name before

    async def _read(self) -> None:
        async for message in self._reader.inbox():
            if message["type"] == "offer":
                offer = Offer.from_message(message)
                self._offered(offer)
                self._tasks.create_task(self._serve(offer))
            elif message["type"] == "revoked" and (left := self._left.pop(message["reservation"], None)):
                self._tasks.create_task(self._stale.write_as("expired offer", self._acd, left))

    def _offered(self, offer: Offer) -> None:
        self._log.write(f"O {time.monotonic_ns()} {offer.reservation} {offer.agent} {offer.call}\n")
        self._last_offer = time.monotonic()
        self.told.offers += 1
        if self.told.offers % 5_000 == 0:
            print(5_000, flush=True)
        self._end_when_done()

    def _end_when_done(self) -> None:
        if self.told.offers >= self._job.matches and self.told.lives > 0:
            raise _Enough

    async def _own(self, offer: Offer, write: Callable[[], Awaitable[object]]) -> bool:
        """A rightful write under a reservation; False if it came too late."""
        sent = time.monotonic_ns()
        try:
            await write()
        except (StaleReservation, Conflict):
            self.told.late += 1
            return False
        except ResponseError:
            self.told.broken += 1
            return False
        self._log.write(f"H {sent} {offer.reservation}\n")
        return True

    async def _serve(self, offer: Offer) -> None:
        acd, fate = self._acd, self._random.random()
        if fate < 0.003:
            self._left[offer.reservation] = offer  # nobody takes it: it expires, and is offered again
            return
        if fate < 0.20:
            if await self._own(offer, lambda: acd.failed(offer, Outcome.AGENT_WITHDRAWN)):
                self._withdrawn.append(offer)
                await self._write_stale(offer)
            return
        if fate < 0.45:
            done = await self._own(offer, lambda: acd.failed(offer, Outcome.CALLER_GONE))
        else:
            if fate < 0.55:
                await self._own(offer, lambda: acd.ringing(offer, 1_000))
            done = await self._own(offer, lambda: acd.answered(offer))
            if done and fate > 0.90:
                await asyncio.sleep(self._random.uniform(0, 0.02))
                await self._own(offer, lambda: acd.renew(offer, SystemClock().now_ms() + 30_000))
            done = done and await self._own(offer, lambda: acd.finished(offer, 0))
        if done:
            self._ended.append(offer)
            await self._caller()
        if done and self._random.random() < 0.10:
            ended = self._withdrawn if self._random.random() < 0.5 else self._ended
            await self._write_stale(self._random.choice(ended) if ended else offer)

    async def _beat(self) -> None:
        while True:
            await self._keeper.heartbeat()
            await asyncio.sleep(_BEAT_SECONDS)

    async def _timers(self) -> None:
        while True:
            await asyncio.sleep(await self._acd.run_timers() / 1000)

    async def _watch(self) -> None:
        """Under a broken matcher agents get lost until there are none: the run ends all the same."""
        while time.monotonic() - self._last_offer < self._job.silence_s:
            await asyncio.sleep(0.1)
        raise _Enough

    async def _let_go(self, call: str, offer: Offer | None) -> None:
        try:
            if offer is None:
                await self._keeper.leave(call)
            else:
                try:
                    await self._keeper.failed(offer, Outcome.CALLER_GONE)
                except Conflict:
                    await self._keeper.finished(offer, 0)
        except (HotlineError, ResponseError):
            self.told.late += 1

    async def _write_stale(self, offer: Offer) -> None:
        """With a reservation that has ended; now and then in an epoch that is over."""
        await self._stale.write_as("ended reservation", self._acd, offer)
        if self._random.random() < 0.10:
            await self._stale.write_in_the_past(f"{HOST}-{self._job.client}.{self._numbers}")

    # Processes that die ----------------------------------------------------------------------------------------

    async def _live_and_die(self) -> None:
        """One process after the other gets its callers connected and is not heard of again; later it writes on."""
        steps, reader = [cast(Redis, await Wire.connect(self._job.port)) for _ in range(2)]
        for life in itertools.count(1):
            name = f"{HOST}/mortal-{self._job.client}-{life}"
            acd, ears = self._process(steps, name), self._process(reader, name)
            acd.epoch = ears.epoch = self._keeper.epoch
            for _ in range(_MORTAL_CALLS):
                await self._enqueue(acd, name)
            try:
                async with asyncio.timeout(_LIFE_SECONDS):
                    await self._one_life(acd, ears)
            except TimeoutError:
                continue  # a caller of this one was still waiting when it died, and is nobody's now
            self.told.lives += 1
            self._end_when_done()

    async def _one_life(self, acd: Acd, ears: Acd) -> None:
        """Until all its talks are adopted. An offer that is not answered in time is left to expire."""
        held: dict[str, Offer] = {}
        adopted = 0
        async for message in ears.inbox():
            if message["type"] == "offer":
                offer = Offer.from_message(message)
                self._offered(offer)
                if await self._own(offer, lambda offer=offer: acd.answered(offer)):  # type: ignore[misc]
                    held[offer.reservation] = offer
            elif message["type"] == "adopted":
                adopted += 1
                dead = held.get(message["reservation"])
                if dead is not None:
                    await self._stale.write_as("dead owner", acd, dead, _WRITES_OF_THE_DEAD)
            if adopted >= _MORTAL_CALLS:
                return

    async def _adopt(self) -> None:
        """What the dead left is carried to its end."""
        while True:
            await asyncio.sleep(_BEAT_SECONDS)
            for view in await self._acd.adopt_orphans():
                self.told.adopted += 1
                if view.offer is not None:
                    self._tasks.create_task(self._carry_on(view.offer))

    async def _carry_on(self, offer: Offer) -> None:
        await asyncio.sleep(self._random.uniform(0, 0.05))
        await self._own(offer, lambda: self._acd.finished(offer, 0))


def main() -> None:
    """The job comes on standard input, what was seen goes to standard output as one line of JSON."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    job = Job(**json.load(sys.stdin))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        told = runner.run(Client(job).run())
    print(json.dumps({name: getattr(told, name) for name in Told.__slots__}), flush=True)


if __name__ == "__main__":
    main()
