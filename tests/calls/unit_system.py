"""A unit's system, as a menu's web request meets it: an HTTP server that answers well, badly, slowly, for ever."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

Write = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True)
class Asked:
    """A request that came."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


def answer(body: bytes, *, status: str = "200 OK", kind: str = "application/json", more: str = "") -> bytes:
    """A whole HTTP answer."""
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body


GOOD = answer(json.dumps({"result": {"state": " 已审核 ", "items": [{"a/b": 7}], "paid": True}}).encode())


@dataclass
class UnitSystem:
    """`serve` is what it does with each request."""

    asked: list[Asked] = field(default_factory=list)
    open_now: int = 0
    most_open: int = 0

    def __post_init__(self) -> None:
        self.serve: Callable[[Asked, Write], Awaitable[None]] = self.well
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/query"

    async def settled(self, connections: int = 0) -> None:
        """So many connections are open."""
        async with asyncio.timeout(15), self._changed:
            await self._changed.wait_for(lambda: self.open_now == connections)

    async def came(self, requests: int) -> None:
        """So many requests have come."""
        async with asyncio.timeout(15), self._changed:
            await self._changed.wait_for(lambda: len(self.asked) >= requests)

    @staticmethod
    async def well(_asked: Asked, write: Write) -> None:
        await write(GOOD)

    @staticmethod
    async def never(_asked: Asked, _write: Write) -> None:
        await asyncio.Event().wait()

    @staticmethod
    async def dripping(_asked: Asked, write: Write) -> None:
        await write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n{")
        while True:
            await asyncio.sleep(0.05)
            await write(b" ")

    @staticmethod
    async def huge(_asked: Asked, write: Write) -> None:
        await write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await write(b"2000\r\n" + b" " * 0x2000 + b"\r\n")

    @staticmethod
    async def bomb(_asked: Asked, write: Write) -> None:
        packer = zlib.compressobj(wbits=31)
        packed = b"".join(packer.compress(b" " * (1 << 20)) for _ in range(50)) + packer.flush()
        await write(answer(packed[:60_000], more="Content-Encoding: gzip\r\n"))

    def says(self, text: bytes, then: Callable[[], Awaitable[object]] | None = None) -> None:
        """Answer every request with these bytes and close."""

        async def serve(_asked: Asked, write: Write) -> None:
            await write(text)
            if then is not None:
                await then()

        self.serve = serve

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._talk(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._count(1)
        gone = asyncio.create_task(self._served(reader, writer))
        try:
            await gone
        finally:
            writer.close()
            await self._count(-1)

    async def _served(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def write(data: bytes) -> None:
            writer.write(data)
            await writer.drain()

        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.rstrip().split("\r\n")
            method, target, _ = first.split(" ")
            headers = {name.title(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body = await reader.readexactly(int(headers.get("Content-Length", "0")))
            asked = Asked(method, target, headers, body)
            async with self._changed:
                self.asked.append(asked)
                self._changed.notify_all()
            serving = asyncio.ensure_future(self.serve(asked, write))
            # The other side's end of the connection ends the answer, however long that would be.
            closing = asyncio.create_task(reader.read(1))
            await asyncio.wait((serving, closing), return_when=asyncio.FIRST_COMPLETED)
            serving.cancel()
            closing.cancel()
            await asyncio.gather(serving, closing, return_exceptions=True)
        except (asyncio.IncompleteReadError, ConnectionError):
            return

    async def _count(self, by: int) -> None:
        async with self._changed:
            self.open_now += by
            self.most_open = max(self.most_open, self.open_now)
            self._changed.notify_all()
