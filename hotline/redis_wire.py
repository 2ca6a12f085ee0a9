"""A connection to Redis on which commands of many tasks follow each other, each answered in its turn.

redis-py takes a connection out of a pool for every command, writes, waits, reads and puts it back, all in Python. Here
a command is packed and parsed by hiredis and costs a quarter of that; a process that does thousands in a second has
the rest for its calls. What the commands are called and what their answers look like is redis-py's.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections import deque
from collections.abc import Sequence
from typing import Any, Final, cast

import hiredis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

_AWAY: Final = re.compile(r"(READONLY|MISCONF|OOM|LOADING|MASTERDOWN|NOREPLICAS|UNBLOCKED|BUSY) ")
"""Replies of a Redis that is there and cannot serve: a replica, no disk, no memory, still reading its data, cut off
from its replicas. Each is given before anything was written."""

_KEEPALIVE: Final = {socket.TCP_KEEPIDLE: 5, socket.TCP_KEEPINTVL: 2, socket.TCP_KEEPCNT: 3}
"""Seconds, seconds, times: a read that waits for ever notices after 11 s that the other machine is gone."""

_INCOMPLETE: Final = object()


class RedisAway(RedisConnectionError):
    """Redis answers, and cannot serve now. Nothing was changed. For every caller the same as a Redis that is away."""


def packed(words: Sequence[Any]) -> bytes:
    """A command as it is sent. The first word may be several, such as `FUNCTION LOAD`."""
    command: bytes = hiredis.pack_command((*str(words[0]).split(), *words[1:]))
    return command


class _Due:
    """Commands written together whose replies are due."""

    __slots__ = ("deadline", "future", "replies", "undecoded")

    def __init__(self, undecoded: Sequence[bool], deadline: float | None) -> None:
        self.future: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self.undecoded = undecoded
        self.replies: list[Any] = []
        self.deadline = deadline


class Wire(asyncio.Protocol):
    """One connection. A reply that is late ends it: nobody could tell any more which reply is whose."""

    def __init__(self, timeout: float | None) -> None:
        self._loop = asyncio.get_running_loop()
        self._timeout = timeout
        self._reader = hiredis.Reader(encoding="utf-8", replyError=_error, notEnoughData=_INCOMPLETE)
        self._due: deque[_Due] = deque()
        self._alarm: asyncio.TimerHandle | None = None
        self.open = False

    @classmethod
    async def connect(cls, host: str, port: int, *, database: int, timeout: float | None, within: float) -> Wire:
        """Raises RedisConnectionError, or RedisTimeoutError when there is none `within` so many seconds."""
        wire = cls(timeout)
        try:
            async with asyncio.timeout(within):
                await asyncio.get_running_loop().create_connection(lambda: wire, host, port)
                await wire._greet(database)
        except BaseException as error:
            wire.close()
            if isinstance(error, TimeoutError):
                raise RedisTimeoutError("no connection in time") from None
            if isinstance(error, OSError):
                raise RedisConnectionError(f"cannot connect: {error.strerror or type(error).__name__}") from None
            raise
        return wire

    async def _greet(self, database: int) -> None:
        greeting = [("HELLO", 3), *([("SELECT", database)] if database else [])]
        for reply in await self.ask(b"".join(map(packed, greeting)), [False] * len(greeting)):
            if isinstance(reply, Exception):
                raise reply

    def ask(self, commands: bytes, undecoded: Sequence[bool]) -> asyncio.Future[list[Any]]:
        """Send packed commands; their replies in order, those of Redis' errors as exceptions. `undecoded` says for
        each command whether its reply stays bytes.

        The future raises RedisConnectionError when the connection ends first, RedisTimeoutError when a reply is late.
        """
        due = _Due(undecoded, None if self._timeout is None else self._loop.time() + self._timeout)
        if not self.open:
            due.future.set_exception(RedisConnectionError("the connection is closed"))
            return due.future
        self._due.append(due)
        if self._alarm is None and due.deadline is not None:
            self._alarm = self._loop.call_at(due.deadline, self._look)
        self._transport.write(commands)
        return due.future

    def close(self) -> None:
        """End it; what is due raises RedisConnectionError."""
        self._fail(RedisConnectionError("the connection was closed"))

    # the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self.open = True
        peer = transport.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEPALIVE.items():
            peer.setsockopt(socket.IPPROTO_TCP, option, value)

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        while self._due:
            due = self._due[0]
            try:
                reply = self._reader.gets(not due.undecoded[len(due.replies)])
            except (hiredis.ProtocolError, UnicodeDecodeError) as error:
                self._fail(RedisConnectionError(f"not understood: {type(error).__name__}"))
                return
            if reply is _INCOMPLETE:
                return
            due.replies.append(reply)
            if len(due.replies) == len(due.undecoded):
                self._due.popleft()
                if not due.future.done():
                    due.future.set_result(due.replies)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(RedisConnectionError("closed by Redis" if exc is None else f"broken: {type(exc).__name__}"))

    # ends

    def _look(self) -> None:
        """One timer for all: those that asked first are due first."""
        self._alarm = None
        if not self._due:
            return
        deadline = self._due[0].deadline
        if deadline is None or deadline <= self._loop.time():
            self._fail(RedisTimeoutError("no reply in time"))
        else:
            self._alarm = self._loop.call_at(deadline, self._look)

    def _fail(self, error: Exception) -> None:
        if self.open:
            self.open = False
            self._transport.abort()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        while self._due:
            future = self._due.popleft().future
            if not future.done():
                future.set_exception(error)
                future.exception()  # whoever asked may have been cancelled in this very turn of the loop


def _error(text: str) -> Exception:
    if _AWAY.match(text):
        return RedisAway(text.partition(".")[0])
    return ResponseError(text.removeprefix("ERR "))
