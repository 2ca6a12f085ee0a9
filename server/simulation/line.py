"""The real matcher on a virtual clock: one voice process of a site of its own. All that a simulation asks of `acd`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Self

import orjson

from acd.model import AcdPolicy, CallRequest, Offer
from acd.queues import QueueRule
from acd.scripting import KEY_NAMES, site_keys
from acd.service import Acd
from acd.states import CallState
from hotline.clock import ManualClock, from_ms
from hotline.feed import inbox_key
from hotline.redis import Redis
from server.simulation.demand import Seat

_PROCESS = "sim/voice-1"
HOUR_MS = 3_600_000
BEGIN_MS = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1000
"""When every simulated day begins, in the matcher's reckoning."""

POLICY = AcdPolicy(
    lease_ms=HOUR_MS,
    host_lease_ms=HOUR_MS,
    reserve_ms=HOUR_MS,
    talk_ms=24 * HOUR_MS,
    unreachable_ms=24 * HOUR_MS,
    absent_ms=24 * HOUR_MS,
    rebuild_ms=0,
)
"""Nothing but calls and agents happens in a simulation: processes do not die, so leases are long."""
HEARTBEAT_MS = HOUR_MS // 3
SOONEST_OWN_TIMER_MS = min(POLICY.lease_ms, POLICY.host_lease_ms, POLICY.forget_ms)
"""Timers of the matcher itself are not due sooner after they are set; those of queues' rules come before."""


class VirtualLine:
    """A line whose time stands still until it is moved. Times are milliseconds since the day began."""

    def __init__(self, acd: Acd, keeper: Acd, clock: ManualClock, redis: Redis, site: str) -> None:
        self._acd = acd
        self._keeper = keeper
        self._clock = clock
        self._redis = redis
        self._inbox = inbox_key(site, _PROCESS)
        self._timers = site_keys(site)[KEY_NAMES.index("timers")]
        self._extensions: dict[str, str] = {}

    @classmethod
    async def open(
        cls,
        redis: Redis,
        rules: Sequence[QueueRule],
        *,
        site: str = "sim",
        steps: Redis | None = None,
        sources: Mapping[str, str] | None = None,
    ) -> Self:
        """A line at work, nobody signed in. `steps` is the client for what happens often, if it is another one."""
        clock = ManualClock(from_ms(BEGIN_MS))
        acd, keeper = (
            Acd(client, site=site, process=_PROCESS, clock=clock, policy=POLICY, sources=sources)
            for client in (steps or redis, redis)
        )
        await keeper.load()
        await keeper.open_epoch(1)
        acd.epoch = keeper.epoch
        await keeper.run_timers()
        line = cls(acd, keeper, clock, steps or redis, site)
        await line.heartbeat()
        # In both: whichever finds that Redis has forgotten the rules can say them again.
        for one in (keeper, acd):
            await one.configure(rules, 1)
        return line

    @property
    def now_ms(self) -> int:
        return self._clock.now_ms() - BEGIN_MS

    async def heartbeat(self) -> None:
        """Due every `HEARTBEAT_MS`."""
        await self._keeper.heartbeat()

    async def sign_in(self, seat: Seat) -> None:
        """签入 and 示闲, at a phone that is always there."""
        extension = self._extensions.setdefault(seat.agent, str(10_000 + len(self._extensions)))
        await self._acd.device_state(extension, True, False)
        await self._acd.sign_in(seat.agent, extension, seat.groups)
        await self._acd.set_ready(seat.agent)

    async def sign_out(self, seat: Seat) -> None:
        """签出; in a call, after it."""
        await self._acd.sign_out(seat.agent)

    async def enqueue(self, number: int, queue: str) -> bool:
        """A caller comes; True if offered to somebody at once."""
        now = self._clock.now_ms()
        state = await self._acd.enqueue(CallRequest(call_name(number), now, _PROCESS, queue, even_if_full=True))
        return state is not CallState.WAITING

    async def leave(self, number: int) -> None:
        """A caller who was not answered gives up."""
        await self._acd.leave(call_name(number))

    async def answered(self, offer: Offer) -> Offer:
        """The agent takes the call."""
        return await self._acd.answered(offer)

    async def finished(self, offer: Offer) -> None:
        """The talk is over; wrap-up as the queue's rule says."""
        await self._acd.finished(offer)

    async def offers(self) -> list[Offer]:
        """The offers made since the last look."""
        found: list[Offer] = []
        while True:
            popped = await self._redis.execute_command("LMPOP", 1, self._inbox, "RIGHT", "COUNT", 50)  # type: ignore[no-untyped-call]
            if not popped:
                return found
            messages = [orjson.loads(text) for text in popped[1]]
            found += [Offer.from_message(one) for one in messages if one["type"] == "offer"]

    async def next_timer_ms(self) -> float:
        """When the matcher's next timer is due; infinite if it has none."""
        first = await self._redis.execute_command("ZRANGE", self._timers, 0, 0, "WITHSCORES")  # type: ignore[no-untyped-call]
        if not first:
            return math.inf
        # RESP2 answers a flat list, RESP3 a list of pairs.
        due = first[0][1] if isinstance(first[0], list) else first[1]
        return max(int(float(due)) - BEGIN_MS, self.now_ms)

    async def run_timers(self) -> None:
        """Carry out what is due now."""
        await self._keeper.run_timers()

    def move_to(self, at_ms: int) -> None:
        """Let time pass. Timers that are due before have to be run at their own time."""
        self._clock.advance((at_ms - self.now_ms) / 1000)


def call_name(number: int) -> str:
    """The call's id; in the order of numbers, so that callers of the same millisecond keep theirs."""
    return f"sim-0.{number:09d}"


def number_of(call: str) -> int:
    """The caller's number in a call id."""
    return int(call.rpartition(".")[2])
