"""A FastAGI server on a free port whose handler hands each session to the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import pytest
import uvloop

from agi.counters import AgiCounters
from agi.limits import AgiLimits
from agi.server import AgiServer
from agi.session import AgiSession
from tests.agi.peer import AsteriskPeer

Serve = Callable[..., Awaitable["Line"]]


@dataclass
class Line:
    """A server under test; each session waits in its handler until the test ends it."""

    limits: AgiLimits
    counters: AgiCounters = field(default_factory=AgiCounters)
    arrived: asyncio.Queue[AgiSession] = field(default_factory=asyncio.Queue)
    over: asyncio.Event = field(default_factory=asyncio.Event)
    peers: list[AsteriskPeer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.server = AgiServer(
            {"inbound": self._hand_over}, host="127.0.0.1", port=0, limits=self.limits, counters=self.counters
        )

    async def _hand_over(self, session: AgiSession) -> None:
        self.arrived.put_nowait(session)
        await self.over.wait()

    async def call(self, opening: bytes | None = None) -> tuple[AgiSession, AsteriskPeer]:
        """A call that reached its handler, and Asterisk's side of it."""
        peer = await AsteriskPeer.connect(self.server.port, opening)
        self.peers.append(peer)
        async with asyncio.timeout(5):
            return await self.arrived.get(), peer


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Both loops: uvloop's transports differ from asyncio's, and the voice process runs on uvloop."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    lines: list[Line] = []

    async def start(limits: AgiLimits | None = None) -> Line:
        line = Line(limits or AgiLimits(command_timeout=2.0, hangup_grace=0.05))
        await line.server.start()
        lines.append(line)
        return line

    yield start
    for line in lines:
        line.over.set()
        await line.server.close(2.0)
        for peer in line.peers:
            await peer.close()


@pytest.fixture
async def line(serve: Serve) -> Line:
    return await serve()
