"""What agents, calls, reservations and processes have in common: one site's scripts, seen by one process."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from redis.client import NEVER_DECODE
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from acd.errors import AnsweredCall, EpochChanged, QueueFull, StaleReservation, UnknownQueue
from acd.model import AcdPolicy
from acd.scripting import Scripts, site_keys
from hotline.clock import Clock
from hotline.errors import Conflict, HotlineError, PartUnavailable
from hotline.ids import process_id
from hotline.redis import Redis

_REFUSALS: Mapping[str, type[HotlineError]] = {
    "ACD_STALE": StaleReservation,
    "ACD_ANSWERED": AnsweredCall,
    "ACD_CONFLICT": Conflict,
    "ACD_EPOCH": EpochChanged,
    "ACD_FULL": QueueFull,
    "ACD_QUEUE": UnknownQueue,
}


class Site:
    """One process's view of the site. `epoch` is the site epoch this process works in; 0 before it knows any."""

    def __init__(
        self,
        redis: Redis,
        *,
        site: str,
        process: str,
        clock: Clock,
        policy: AcdPolicy,
        sources: Mapping[str, str] | None = None,
    ) -> None:
        self._redis = redis
        self._site = site
        self._process = process_id(process)
        self._clock = clock
        self._policy = policy
        self._scripts = Scripts(redis, site, policy, sources)
        keys = site_keys(site)
        self._meta, self._agents, self._calls, self._waiting = keys[0], keys[1], keys[2], keys[3]
        self._devices, self._events, self._queues = keys[7], keys[8], keys[10]
        self._unread: deque[str] = deque()
        """Of the inbox: fetched, and not handed out yet."""
        self._rules: tuple[str | int, ...] = ()
        """As the script `configure` was last given them."""
        self.epoch = 0

    @property
    def policy(self) -> AcdPolicy:
        """The limits that distribution keeps."""
        return self._policy

    async def _run(self, script: str, *args: str | int, epoch: int | None = None) -> Any:
        """One script in this process's epoch, or in `epoch`; its refusals as typed errors.

        A Redis that has forgotten the queues gets the rules that were configured last through this process.
        """
        try:
            return await self._run_once(script, *args, epoch=epoch)
        except UnknownQueue:
            if not self._rules:
                raise
        await self._run_once("configure", *self._rules, epoch=epoch)
        return await self._run_once(script, *args, epoch=epoch)

    async def _run_once(self, script: str, *args: str | int, epoch: int | None = None) -> Any:
        in_epoch = self.epoch if epoch is None else epoch
        try:
            return await self._scripts.run(script, (self._clock.now_ms(), in_epoch, self._process, *args))
        except ResponseError as error:
            code, _, detail = str(error).partition(" ")
            refusal = _REFUSALS.get(code)
            if refusal is None:
                raise
            if refusal is EpochChanged and epoch is not None and in_epoch != self.epoch:
                refusal = StaleReservation  # the offer is of an older epoch, this process is not
            raise refusal(detail) from None
        except (RedisConnectionError, RedisTimeoutError) as error:
            raise PartUnavailable(f"Redis: {type(error).__name__}") from error

    async def _read(self, name: str, *args: Any, packed: bool = False) -> Any:
        """A plain read of the site's keys; of packed records as bytes."""
        options = {NEVER_DECODE: True} if packed else {}
        try:
            return await self._redis.execute_command(name, *args, **options)  # type: ignore[no-untyped-call]
        except (RedisConnectionError, RedisTimeoutError) as error:
            raise PartUnavailable(f"Redis: {type(error).__name__}") from error
