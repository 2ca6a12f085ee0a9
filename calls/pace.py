"""What is measured of each queue's service, in Redis: the last calls it gave to agents, from all processes."""

from __future__ import annotations

from typing import Final

import structlog
from redis.exceptions import RedisError

from calls.expectation import KEPT, RECENT_MS, Pace, Served, pace
from hotline.clock import Clock
from hotline.redis import Redis, key

_log = structlog.get_logger(__name__)

_FRESH_SECONDS: Final = 2.0
"""Callers who are told at about the same time are told from one reading."""


class Paces:
    """The pace of the site's queues, written by whoever carries out an offer, read for those who wait."""

    def __init__(self, *, redis: Redis, site: str, clock: Clock) -> None:
        self._redis = redis
        self._site = site
        self._clock = clock
        self._read: dict[str, tuple[float, list[Served]]] = {}

    async def note(self, queue: str, served: Served) -> None:
        """Keep that a queue's call was answered. One that gets lost costs a little precision only."""
        name = self._key(queue)
        try:
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.lpush(name, f"{served.queued_ms} {served.offered_ms} {served.answered_ms}")
                pipe.ltrim(name, 0, KEPT - 1)
                pipe.pexpire(name, RECENT_MS)
                await pipe.execute()
        except RedisError as error:
            _log.info("pace.not_noted", reason=type(error).__name__)

    async def of(self, queue: str, *, waiting_since_ms: int) -> Pace | None:
        """The pace of a queue in which somebody has waited since `waiting_since_ms`; None when it is not known."""
        return pace(await self._served(queue), waiting_since_ms=waiting_since_ms, now_ms=self._clock.now_ms())

    async def _served(self, queue: str) -> list[Served]:
        now = self._clock.monotonic()
        read_at, served = self._read.get(queue, (-_FRESH_SECONDS, []))
        if now - read_at < _FRESH_SECONDS:
            return served
        try:
            lines = await self._redis.lrange(self._key(queue), 0, KEPT - 1)
        except RedisError as error:
            _log.info("pace.not_read", reason=type(error).__name__)
            return []
        served = [Served(*map(int, line.split())) for line in lines]
        self._read[queue] = (now, served)
        return served

    def _key(self, queue: str) -> str:
        return key(self._site, "served", queue)
