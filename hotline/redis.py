"""Redis connections and the names of the site's keys.

Every key carries the hash tag `{<site>}`, so all of a site's keys share one slot and scripts may touch any of them.
"""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import redis.asyncio as aioredis
from redis.asyncio.client import Pipeline
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import ConstantBackoff
from redis.client import EMPTY_RESPONSE, NEVER_DECODE
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from hotline.redis_wire import RedisAway, Wire, packed
from hotline.tasks import end

Redis = aioredis.Redis
Command = tuple[Sequence[Any], Mapping[str, Any]]
"""Its words, and what redis-py adds for the reading of its reply."""

_PAUSE_SECONDS = 0.02
_CONNECT_SECONDS = 2.0
_SENTINEL_SECONDS = 0.5
"""Longest wait for one sentinel: the next one knows the same."""

_WAITS: Final = frozenset({"XREAD", "XREADGROUP", "BLMPOP", "BLPOP", "BRPOP", "BLMOVE", "BZMPOP", "WAIT"})
"""Commands that may hold up what comes after them on a connection."""

_NOT_FOR_CALLBACKS: Final = frozenset({NEVER_DECODE, EMPTY_RESPONSE, "keys"})

_SENTINELS: Final = re.compile(r"redis\+sentinel://([^/]+)/([A-Za-z0-9._-]+)")


class _Wired(aioredis.Redis):
    """redis-py's commands, sent over `hotline.redis_wire`: all that are answered at once share one connection, and one
    that waits for something to happen has its own meanwhile."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._shared: Wire | None = None
        self._connecting: asyncio.Task[Wire] | None = None
        self._spare: list[Wire] = []

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        (reply,) = await self.ask([(args, options)])
        if isinstance(reply, Exception):
            raise reply
        return await self.parsed(reply, args[0], options)

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        return _Batch(self, transaction, shard_hint)

    async def ask(self, commands: Sequence[Command]) -> list[Any]:
        """The replies to commands that are sent together, errors among them as exceptions.

        Raises RedisConnectionError when Redis is away also the second time, RedisTimeoutError.
        """
        text = b"".join(packed(words) for words, _ in commands)
        undecoded = [NEVER_DECODE in options for _, options in commands]
        apart = commands[0][0][0] in _WAITS
        try:
            return await self._once(text, undecoded, apart)
        except RedisConnectionError:
            await asyncio.sleep(_PAUSE_SECONDS)
            return await self._once(text, undecoded, apart)

    async def parsed(self, reply: Any, name: str, options: Mapping[str, Any]) -> Any:
        """A reply as redis-py gives it."""
        callback = self.response_callbacks.get(name)
        if callback is None:
            return reply
        value = callback(reply, **{key: value for key, value in options.items() if key not in _NOT_FOR_CALLBACKS})
        return await value if inspect.isawaitable(value) else value

    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        if self._connecting is not None:
            await end([self._connecting])
        for wire in (self._shared, *self._spare):
            if wire is not None:
                wire.close()
        await super().aclose(close_connection_pool)
        if isinstance(self.connection_pool, SentinelConnectionPool):
            await self.connection_pool.sentinel_manager.aclose()

    async def _once(self, text: bytes, undecoded: Sequence[bool], apart: bool) -> list[Any]:
        wire = await (self._own() if apart else self._shared_wire())
        try:
            replies = await wire.ask(text, undecoded)
        except asyncio.CancelledError:
            if apart:
                wire.close()  # its reply is still to come
            raise
        for reply in replies:
            if isinstance(reply, RedisAway):
                # After a failover the next connection leads to the new primary.
                wire.close()
                raise reply
        if apart:
            self._spare.append(wire)
        return replies

    async def _own(self) -> Wire:
        while self._spare:
            wire = self._spare.pop()
            if wire.open:
                return wire
        return await self._open()

    async def _shared_wire(self) -> Wire:
        if self._shared is not None and self._shared.open:
            return self._shared
        if self._connecting is None or self._connecting.done():
            self._connecting = asyncio.create_task(self._open())
            self._connecting.add_done_callback(_looked_at)
        # Others wait for the same connection: one that is cancelled must not end it.
        self._shared = await asyncio.shield(self._connecting)
        return self._shared

    async def _open(self) -> Wire:
        pool = self.connection_pool
        options = pool.connection_kwargs
        if isinstance(pool, SentinelConnectionPool):
            host, port = await pool.get_master_address()  # type: ignore[no-untyped-call]
        else:
            host, port = options["host"], options["port"]
        return await Wire.connect(
            host,
            port,
            database=int(options.get("db") or 0),
            timeout=options.get("socket_timeout"),
            within=_CONNECT_SECONDS,
        )


class _Batch(Pipeline):
    """Commands in one write. A transaction is one because nothing comes between on its connection."""

    def __init__(self, client: _Wired, transaction: bool, shard_hint: str | None) -> None:
        super().__init__(client.connection_pool, client.response_callbacks, transaction, shard_hint)
        self._client = client

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        if self.watching or self.scripts:
            raise RedisError("neither WATCH nor registered scripts: our scripts are functions of Redis")
        commands = [(tuple(words), options) for words, options in self.command_stack]
        await self.reset()  # type: ignore[no-untyped-call]
        if not commands:
            return []
        replies = await self._replies(commands)
        failed = next((reply for reply in replies if isinstance(reply, Exception)), None)
        if failed is not None and raise_on_error:
            raise failed
        return [
            reply if isinstance(reply, Exception) else await self._client.parsed(reply, str(words[0]), options)
            for reply, (words, options) in zip(replies, commands, strict=True)
        ]

    async def _replies(self, commands: Sequence[Command]) -> list[Any]:
        if not self.is_transaction:
            return await self._client.ask(commands)
        replies = await self._client.ask([(("MULTI",), {}), *commands, (("EXEC",), {})])
        for reply in replies:
            if isinstance(reply, Exception):
                raise reply
        done: list[Any] = replies[-1]
        return done


def _looked_at(task: asyncio.Task[Wire]) -> None:
    """Those who waited for it may be gone."""
    if not task.cancelled():
        task.exception()


def connect(url: str, *, timeout: float | None = 2.0) -> Redis:
    """A client that gives up after `timeout` seconds instead of hanging; None for blocking reads.

    `url` is `redis://host:port/0`, or `redis+sentinel://host:port,host:port/name`: then every new connection asks the
    sentinels for the primary of that name, and after a failover the old connections end by themselves.

    A command that finds its connection closed is sent once more, on a new one: after a restart of Redis every pooled
    connection is dead, and each would cost one call a step. That is safe because each write of ours may be repeated:
    scripts refuse or ignore a second time, journal entries are kept once, and notes and frames may come twice. A
    command that got no answer in time is not repeated: its caller decides what that means. A Redis that answers that
    it cannot serve raises RedisAway, which is a ConnectionError.
    """
    options: dict[str, Any] = {
        "decode_responses": True,
        "socket_timeout": timeout,
        "socket_connect_timeout": _CONNECT_SECONDS,
    }
    found = _SENTINELS.fullmatch(url)
    if found is None:
        return _Wired.from_url(url, **options)
    asked = {
        "socket_timeout": _SENTINEL_SECONDS,
        "socket_connect_timeout": _SENTINEL_SECONDS,
        # By default a sentinel that is gone is tried again for seconds, before the next one is.
        "retry": Retry(ConstantBackoff(0), 0),
    }
    sentinels = Sentinel(addresses(found[1]), sentinel_kwargs=asked)  # type: ignore[no-untyped-call]
    client: Redis = sentinels.master_for(found[2], redis_class=_Wired, **options)
    return client


def addresses(text: str) -> list[tuple[str, int]]:
    """`10.0.0.1:26379,10.0.0.2:26379` as pairs."""
    parts = (part.rpartition(":") for part in text.split(","))
    return [(host, int(port)) for host, _, port in parts]


def stream_entries(answer: Any) -> list[tuple[str, dict[str, str]]]:
    """The entries in an answer to XREAD or XREADGROUP, in order; none when the wait was in vain.

    RESP2 answers a list of pairs, RESP3 a mapping by stream.
    """
    streams = answer.values() if isinstance(answer, dict) else [entries for _, entries in answer or []]
    return [(str(at), fields) for entries in streams for at, fields in entries]


def key(site: str, *parts: str) -> str:
    """`{smx}:acd:calls` and the like."""
    return ":".join((f"{{{site}}}", *parts))
