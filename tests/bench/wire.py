"""A Redis client of little cost: one connection, commands sent as they come, replies in order.

Only what `Acd` needs. It leaves Redis the larger part of the machine, so that Redis is what is measured.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, cast

import hiredis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, ResponseError


class Wire(asyncio.Protocol):
    """One connection to 127.0.0.1. Values come back as text."""

    def __init__(self) -> None:
        self._reader = hiredis.Reader(encoding="utf-8", replyError=_error)
        self._due: deque[asyncio.Future[Any]] = deque()
        self._loop = asyncio.get_running_loop()

    @classmethod
    async def connect(cls, port: int) -> Wire:
        _, wire = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return wire

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            due = self._due.popleft()
            if due.cancelled():
                continue
            if isinstance(reply, Exception):
                due.set_exception(reply)
            else:
                due.set_result(reply)

    def connection_lost(self, exc: Exception | None) -> None:
        while self._due:
            due = self._due.popleft()
            if not due.done():
                due.set_exception(RedisConnectionError("closed"))

    def close(self) -> None:
        self._transport.close()

    def execute_command(self, *words: str | int) -> asyncio.Future[Any]:
        """A command's reply as Redis gives it."""
        due = self._loop.create_future()
        self._due.append(due)
        self._transport.write(hiredis.pack_command(words))  # type: ignore[arg-type] # its stub says one word
        return due

    def fcall(self, *words: str | int) -> asyncio.Future[Any]:
        return self.execute_command("FCALL", *words)

    def function_load(self, text: str) -> asyncio.Future[Any]:
        return self.execute_command("FUNCTION", "LOAD", text)

    def blmpop(self, timeout: int, keys: int, *names: str, direction: str, count: int) -> asyncio.Future[Any]:
        """Holds up every later command of this connection."""
        return self.execute_command("BLMPOP", timeout, keys, *names, direction, "COUNT", count)


def _error(text: str) -> ResponseError:
    return NoScriptError(text) if text.startswith("NOSCRIPT") else ResponseError(text)
