"""A task that is told to end, ends: whatever moment of a Redis command it is told in."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest
import redis.asyncio as aioredis

from hotline.redis import connect
from hotline.tasks import end, first_of

_STEPS = 40
"""More turns of the event loop than a command needs from start to waiting for its answer."""


async def _survivors(client: aioredis.Redis) -> int:
    """How many of the moments there are at which a cancelled blocking read goes on as if nothing had been said."""
    await client.ping()
    survived = 0
    for steps in range(_STEPS):
        task = asyncio.create_task(client.xread({"nothing": "0-0"}, block=300))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        survived += not task.cancelled()
    return survived


async def test_a_cancelled_command_ends_at_whatever_moment(redis_url: str) -> None:
    client = connect(redis_url)
    assert await _survivors(client) == 0
    await client.aclose()


async def test_a_command_that_is_cancelled_leaves_its_reply_to_nobody(redis_url: str) -> None:
    client = connect(redis_url)
    await client.set("one", "1")
    for steps in range(_STEPS):
        task = asyncio.create_task(client.get("one"))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        assert await client.get("two") is None
        await asyncio.wait([task])
    await client.aclose()


async def test_a_task_that_loses_a_cancellation_is_told_again() -> None:
    heard = count()

    async def deaf() -> None:
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if next(heard) > 0:
                    raise

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await end([task])
    assert task.cancelled()


async def test_the_first_to_end_says_how_and_the_others_are_ended() -> None:
    ended = asyncio.Event()

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def fails() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await first_of(waits(), fails())
    assert ended.is_set()
