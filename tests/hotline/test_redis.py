"""Kind: integration, on real Redis servers. A Redis that cannot serve is away; after a failover clients follow."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from acd.model import AcdPolicy
from acd.service import Acd
from hotline.clock import SystemClock
from hotline.errors import PartUnavailable
from hotline.redis import RedisAway, connect
from tests.redis_servers import Server, Watched, server, until, watched
from tests.server.lines import free_ports


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    with server(tmp_path / "redis", free_ports(1)[0]) as started:
        yield started


def _no_disk(own: Server) -> None:
    own.ask("CONFIG", "SET", "save", "3600 1")
    own.ask("SET", "x", "1")
    (own.folder / "server.log").unlink()
    own.folder.rmdir()
    own.ask("BGSAVE")
    until(lambda: own.info("rdb_last_bgsave_status") == "err", "a save fails")


def _replica(own: Server) -> None:
    own.ask("REPLICAOF", "127.0.0.1", "1")


def _no_memory(own: Server) -> None:
    own.ask("CONFIG", "SET", "maxmemory", "1")


def _no_replicas(own: Server) -> None:
    own.ask("CONFIG", "SET", "min-replicas-to-write", "1")


@pytest.mark.parametrize("trouble", [_no_disk, _replica, _no_memory, _no_replicas])
async def test_a_redis_that_cannot_serve_is_away(own: Server, trouble: Callable[[Server], None]) -> None:
    client = connect(own.url)
    acd = Acd(client, site="smx", process="ast1/voice-1", clock=SystemClock(), policy=AcdPolicy())
    await acd.open_epoch(1)
    await asyncio.to_thread(trouble, own)
    with pytest.raises(RedisConnectionError):
        await client.set("y", "1")
    with pytest.raises(PartUnavailable):
        await acd.heartbeat()
    # What it can still do, it does.
    assert await client.get("y") is None
    await client.aclose()


async def test_a_script_that_is_wrong_is_not_a_redis_that_is_away(own: Server) -> None:
    client = connect(own.url)
    with pytest.raises(ResponseError) as raised:
        await client.eval("return redis.error_reply('ACD_STALE gone')", 0)
    assert not isinstance(raised.value, RedisAway)
    await client.aclose()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Watched]:
    with watched(tmp_path, free_ports(5)) as started:
        yield started


async def _set(url_client: object, value: str) -> bool:
    try:
        return bool(await url_client.set("value", value))  # type: ignore[attr-defined]
    except RedisError:
        return False


async def test_after_a_failover_every_client_is_with_the_new_primary(site: Watched) -> None:
    writer, reader = connect(site.url), connect(site.url, timeout=None)
    assert await writer.set("value", "before")
    waits = asyncio.ensure_future(reader.blpop(["list"], timeout=0))
    before = (await writer.info("replication"))["master_replid"]
    killed = time.monotonic()
    site.primary.kill()
    with pytest.raises(RedisConnectionError):
        await waits
    while not await _set(writer, "after"):
        assert time.monotonic() - killed < 8, "no new primary"
        await asyncio.sleep(0.05)
    assert site.replica.ask("GET", "value") == "after"
    assert await reader.get("value") == "after"
    # What distribution knows a failover by.
    assert (await writer.info("replication"))["master_replid"] != before
    await writer.aclose()
    await reader.aclose()


async def test_one_sentinel_is_enough_to_find_the_primary(site: Watched) -> None:
    for sentinel in site.sentinels[:2]:
        sentinel.kill()
    client = connect(site.url)
    asked = time.monotonic()
    assert await client.set("value", "here")
    assert time.monotonic() - asked < 1.0
    assert site.primary.ask("GET", "value") == "here"
    await client.aclose()


async def test_a_primary_that_became_a_replica_is_left(site: Watched) -> None:
    client = connect(site.url)
    assert await client.set("value", "before")
    assert site.sentinels[0].ask("SENTINEL", "FAILOVER", "hotline") in ("OK", True)
    await asyncio.to_thread(until, lambda: site.replica.info("role") == "master", "the replica leads")
    # The sentinels do this, too, when they get to it.
    site.primary.ask("REPLICAOF", "127.0.0.1", site.replica.port)
    deadline = time.monotonic() + 5
    while not await _set(client, "after"):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    assert site.replica.ask("GET", "value") == "after"
    await client.aclose()
