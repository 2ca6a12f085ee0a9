"""Redis connections and the names of the site's keys.

Every key carries the hash tag `{<site>}`, so all of a site's keys share one slot and scripts may touch any of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import redis.asyncio as aioredis
from redis.asyncio.retry import Retry
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

Redis = aioredis.Redis

_PAUSE_SECONDS = 0.02


class CancellableConnection(aioredis.Connection):
    """A connection whose writes never swallow a cancellation.

    redis-py writes under `asyncio.wait_for`, which before Python 3.12 forgets a cancellation that comes in the same
    moment as the result: a task that is told to end would then block on the answer, and in a loop run on for ever.
    """

    async def send_packed_command(self, command: bytes | str | Iterable[bytes], check_health: bool = True) -> None:
        limit, self.socket_timeout = self.socket_timeout, None
        try:
            async with asyncio.timeout(limit):
                await super().send_packed_command(command, check_health)
        except TimeoutError as error:
            raise RedisTimeoutError("Timeout writing to socket") from error
        finally:
            self.socket_timeout = limit


def connect(url: str, *, timeout: float | None = 2.0) -> Redis:
    """A client that gives up after `timeout` seconds instead of hanging; None for blocking reads.

    A command that finds its connection closed is sent once more, on a new one: after a restart of Redis every pooled
    connection is dead, and each would cost one call a step. That is safe because each write of ours may be repeated:
    scripts refuse or ignore a second time, journal entries are kept once, and notes and frames may come twice. A
    command that got no answer in time is not repeated: its caller decides what that means.
    """
    return aioredis.from_url(
        url,
        decode_responses=True,
        socket_timeout=timeout,
        socket_connect_timeout=2.0,
        socket_keepalive=True,
        health_check_interval=5,
        retry=Retry(ConstantBackoff(_PAUSE_SECONDS), 1, supported_errors=(RedisConnectionError,)),
        connection_class=CancellableConnection,
    )


def stream_entries(answer: Any) -> list[tuple[str, dict[str, str]]]:
    """The entries in an answer to XREAD or XREADGROUP, in order; none when the wait was in vain.

    RESP2 answers a list of pairs, RESP3 a mapping by stream.
    """
    streams = answer.values() if isinstance(answer, dict) else [entries for _, entries in answer or []]
    return [(str(at), fields) for entries in streams for at, fields in entries]


def key(site: str, *parts: str) -> str:
    """`{smx}:acd:calls` and the like."""
    return ":".join((f"{{{site}}}", *parts))
