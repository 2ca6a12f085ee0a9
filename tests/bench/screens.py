"""Agents at work without phones of ours: logged in, their screens open on the WebSocket, signed in and ready."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from websockets.asyncio.client import ClientConnection, connect

from server.commands.agent_requests import Requests
from tests.accept.line import PASSWORD, Line

AT_ONCE = 3
"""Logins under way; each costs the web process a password hash."""


@asynccontextmanager
async def open_screens(line: Line, seats: Sequence[tuple[str, str]]) -> AsyncIterator[None]:
    """Every agent of `seats` (work number, extension) at work. What comes to the screens is read and let go."""
    turns = asyncio.Semaphore(AT_ONCE)
    async with contextlib.AsyncExitStack() as stack:
        readers = await asyncio.gather(*(_sit_down(line, stack, turns, *seat) for seat in seats))
        try:
            yield
        finally:
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)


async def _sit_down(
    line: Line, stack: contextlib.AsyncExitStack, turns: asyncio.Semaphore, agent: str, extension: str
) -> asyncio.Task[None]:
    async with turns:
        rest = await stack.enter_async_context(Requests(line.web))
        await rest.login(agent, PASSWORD)
        address = line.web.replace("http", "ws") + "/ws/agent"
        screen = await stack.enter_async_context(connect(address, proxy=None))
        await screen.send(json.dumps({"token": rest.token}))
        await screen.recv()  # hello
        reader = asyncio.create_task(_read(screen))
        await rest.post("/api/agents/me/sign-in", {"extension": extension})
        await rest.post("/api/agents/me/ready")
        return reader


async def _read(screen: ClientConnection) -> None:
    async for _ in screen:
        pass
