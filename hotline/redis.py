"""Redis connections and the names of the site's keys.

Every key carries the hash tag `{<site>}`, so all of a site's keys share one slot and scripts may touch any of them.
"""

from __future__ import annotations

import redis.asyncio as aioredis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

Redis = aioredis.Redis


def connect(url: str, *, timeout: float | None = 2.0) -> Redis:
    """A client that gives up after `timeout` seconds instead of hanging; None for blocking reads.

    No retry inside the client: every caller of ours decides itself what a lost answer means.
    """
    return aioredis.from_url(
        url,
        decode_responses=True,
        socket_timeout=timeout,
        socket_connect_timeout=2.0,
        socket_keepalive=True,
        health_check_interval=5,
        retry=Retry(NoBackoff(), 0),
    )


def key(site: str, *parts: str) -> str:
    """`{smx}:acd:calls` and the like."""
    return ":".join((f"{{{site}}}", *parts))
