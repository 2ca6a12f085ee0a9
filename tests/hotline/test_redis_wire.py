"""Kind: integration, on a real Redis. Many tasks on one connection: each gets its own reply, late, wrong or cut off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.client import NEVER_DECODE
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

from hotline.redis import Redis, connect


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    connected = connect(redis_url)
    yield connected
    await connected.aclose()


async def test_tasks_on_one_connection_get_their_own_replies(client: Redis) -> None:
    await asyncio.gather(*(client.set(f"n{number}", number) for number in range(500)))
    assert await asyncio.gather(*(client.get(f"n{number}") for number in range(500))) == [str(n) for n in range(500)]
    assert len(set(await asyncio.gather(*(client.client_id() for _ in range(50))))) == 1


async def test_one_that_waits_holds_up_nobody(client: Redis) -> None:
    waits = asyncio.ensure_future(client.blpop(["list"], timeout=1))
    await asyncio.sleep(0)
    async with asyncio.timeout(0.8):
        for number in range(20):
            await client.set("beside", number)
        await client.rpush("list", "now")
        assert await waits == ("list", "now")


async def test_a_reply_that_is_an_error_is_one_commands_error(client: Redis) -> None:
    await client.set("text", "a")
    wrong, right = await asyncio.gather(client.lpush("text", "b"), client.get("text"), return_exceptions=True)
    assert isinstance(wrong, ResponseError)
    assert right == "a"


async def test_commands_together_and_in_a_transaction(client: Redis) -> None:
    for transaction in (False, True):
        async with client.pipeline(transaction=transaction) as pipe:
            pipe.xadd("stream", {"n": "1"}, id="1-1" if not transaction else "2-1")
            pipe.xrange("stream")
            pipe.zscore("nothing", "x")
            added, entries, score = await pipe.execute()
        assert (added, entries[-1], score) == (added, (added, {"n": "1"}), None)
        async with client.pipeline(transaction=transaction) as pipe:
            pipe.set("text", "a")
            pipe.lpush("text", "b")
            with pytest.raises(ResponseError):
                await pipe.execute()
        assert await client.get("text") == "a"


async def test_bytes_stay_bytes_where_they_are_asked_for(client: Redis) -> None:
    await client.set("packed", b"\x81\xa1a\xff")
    text = "汉字"
    await client.set("text", text)
    packed, read = await asyncio.gather(
        client.execute_command("GET", "packed", **{NEVER_DECODE: True}),  # type: ignore[no-untyped-call]
        client.get("text"),
    )
    assert (packed, read) == (b"\x81\xa1a\xff", text)


async def test_a_redis_that_hangs_is_given_up_and_found_again(client: Redis, redis_url: str) -> None:
    impatient = connect(redis_url, timeout=0.2)
    assert await impatient.set("a", "1")
    await client.client_pause(600)
    with pytest.raises(RedisTimeoutError):
        await impatient.get("a")
    await client.client_unpause()
    assert await impatient.get("a") == "1"
    await impatient.aclose()


async def test_connections_that_redis_closed_cost_nobody_a_command(client: Redis, redis_url: str) -> None:
    other = connect(redis_url)
    for _ in range(20):
        assert await other.set("a", "1")
        await client.client_kill_filter(_type="normal", skipme=True)
    await other.aclose()


async def test_a_redis_that_is_away_is_told(client: Redis) -> None:
    nowhere = connect("redis://127.0.0.1:1/0")
    with pytest.raises(RedisConnectionError):
        await nowhere.get("a")
    await nowhere.aclose()
