"""Another platform's end of a hand-over: a real HTTP server that takes, refuses, hangs, goes away and comes back."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Self

import orjson

from calls.handover_signature import SIGNATURE, claimed, verify
from tests.ports import free_port

KEY = "a-key-of-the-platform-that-is-long-enough"


@dataclass(frozen=True)
class Request:
    """What came, proven by its signature."""

    id: str
    sender: str
    timestamp: int
    body: dict[str, Any]
    raw: bytes
    at: float
    """When it came (monotonic)."""


@dataclass
class Platform:
    """`answer` is the status it gives; 0: it takes the request and says nothing. Dedups by id, as a receiver does."""

    answer: int = 200
    key: str = KEY
    requests: list[Request] = field(default_factory=list)
    held: int = 0
    """Requests it was saying nothing to when they came."""
    redirect: str = ""

    def __post_init__(self) -> None:
        self._server: asyncio.Server | None = None
        self._arrived = asyncio.Condition()
        self.port = free_port()

    async def __aenter__(self) -> Self:
        await self.up()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.down()

    @property
    def webhook(self) -> str:
        return f"http://127.0.0.1:{self.port}/handovers?from=12345"

    @property
    def taken(self) -> Counter[str]:
        """How often each id came and was answered 2xx."""
        return Counter(self._taken)

    async def up(self) -> None:
        """Listen; what was taken before is remembered."""
        self._taken: list[str] = getattr(self, "_taken", [])
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def down(self) -> None:
        """Nobody listens any more."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def arrived(self, number: int) -> list[Request]:
        """All requests, once there are so many."""
        async with asyncio.timeout(15), self._arrived:
            await self._arrived.wait_for(lambda: len(self.requests) >= number)
        return self.requests

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")
                headers = {k.title(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:] if line)}
                body = await reader.readexactly(int(headers["Content-Length"]))
                await self._note(headers, body)
                status = self.answer
                if status == 0:
                    self.held += 1
                    await asyncio.Event().wait()
                if 200 <= status < 300:
                    self._taken.append(self.requests[-1].id)
                more = f"Location: {self.redirect}\r\n" if self.redirect else ""
                writer.write(f"HTTP/1.1 {status} Told\r\n{more}Content-Length: 2\r\n\r\nok".encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async def _note(self, headers: dict[str, str], body: bytes) -> None:
        signed = claimed(headers)
        verify([self.key.encode()], signed, headers[SIGNATURE], body, now=signed.timestamp, window_seconds=1)
        async with self._arrived:
            self.requests.append(
                Request(signed.id, signed.sender, signed.timestamp, orjson.loads(body), body, time.monotonic())
            )
            self._arrived.notify_all()
