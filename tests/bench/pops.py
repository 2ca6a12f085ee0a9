"""From a call's reservation to the pop's frame at the agent's socket, with many agents' sockets connected.

PostgreSQL, Redis and the web process are the line's own; this process is the voice process and all the agents' screens.
The clock starts before the call asks for an agent, so the match is in the time, and stops when the frame was read.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from acd.model import AcdPolicy, CallRequest, Offer
from acd.service import Acd
from hotline.clock import SystemClock
from hotline.feed import AgentFeed
from hotline.redis import connect as connect_redis
from server.commands.agent_requests import Requests
from tests.accept.line import PASSWORD, Line
from tests.acd.line import RULES

_LOGINS_AT_ONCE = 3
_SECONDS = 30.0

_TICKET = {"number": "SMX202611220001", "title": "路灯不亮", "state": "handling", "unit": "市城管局"}
_KNOWN = {
    "open_tickets": [_TICKET] * 3,
    "earlier_calls": [{"at": "2026-11-20T01:00:00Z", "line": "12345"}] * 5,
    "vulnerable": False,
    "nuisance": None,
}
"""What a pop tells of a caller who is known here."""


@dataclass
class Screens:
    """Every agent's socket, and when the pop of a call was read from one of them."""

    shown: dict[str, asyncio.Future[float]] = field(default_factory=dict)

    async def read(self, screen: ClientConnection) -> None:
        async for text in screen:
            at = time.perf_counter()
            frame = json.loads(text)
            if frame["kind"] == "pop":
                self.shown[frame["body"]["call"]].set_result(at)


class _Voice:
    """The part of a voice process that a pop takes."""

    def __init__(self, line: Line) -> None:
        settings = line.settings
        self.redis = connect_redis(settings.redis.url)
        self.process = f"{settings.asterisk.systemname}/bench"
        policy = AcdPolicy(rebuild_ms=0, lease_ms=10**9, host_lease_ms=10**9)
        self.acd = Acd(self.redis, site=settings.site.id, process=self.process, clock=SystemClock(), policy=policy)
        self._feed = AgentFeed(self.redis, settings.site.id, SystemClock())
        self.offers: dict[str, Offer] = {}

    async def begin(self) -> None:
        await self.acd.load()
        await self.acd.open_epoch(1)
        while (await self.acd.heartbeat()).rebuilding:
            await self.acd.run_timers()
        await self.acd.configure(RULES, 1)

    async def work(self) -> None:
        async for message in self.acd.inbox():
            if message["type"] == "offer":
                offer = Offer.from_message(message)
                self.offers[offer.call] = offer
                body: dict[str, Any] = {"reservation": offer.reservation, "call": offer.call, "group": offer.group}
                body |= {"caller": "+8613800000001", "dialled": "12345", "line": "政务服务便民热线", "unit": ""}
                await self._feed.show(offer.agent, "pop", {**body, **_KNOWN}, reply_to=self.process)


@asynccontextmanager
async def _at_work(line: Line, voice: _Voice, agents: int) -> AsyncIterator[Screens]:
    screens, turns = Screens(), asyncio.Semaphore(_LOGINS_AT_ONCE)
    async with contextlib.AsyncExitStack() as stack:

        async def sit_down(number: int) -> asyncio.Task[None]:
            async with turns, Requests(line.web) as rest:
                await rest.login(str(1001 + number), PASSWORD)
                screen = await stack.enter_async_context(
                    connect(line.web.replace("http", "ws") + "/ws/agent", proxy=None)
                )
                await screen.send(json.dumps({"token": rest.token}))
                await screen.recv()
                reader = asyncio.create_task(screens.read(screen))
                await rest.post("/api/agents/me/sign-in", {"extension": str(8001 + number)})
                await voice.acd.device_state(str(8001 + number), True, False)
                await rest.post("/api/agents/me/ready")
                return reader

        readers = await asyncio.gather(*(sit_down(number) for number in range(agents)))
        try:
            yield screens
        finally:
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)


async def pop_latencies(line: Line, *, agents: int, calls: int, per_second: float) -> list[float]:
    """Milliseconds of each call, in the order of the calls."""
    voice = _Voice(line)
    await voice.begin()
    working = asyncio.create_task(voice.work())
    taken = []
    try:
        async with _at_work(line, voice, agents) as screens:
            for number in range(calls):
                call = f"{line.settings.asterisk.systemname}-1763761000.{number}"
                shown = screens.shown[call] = asyncio.get_running_loop().create_future()
                began = time.perf_counter()
                request = CallRequest(call, SystemClock().now_ms(), voice.process, "general", hotline="12345")
                await voice.acd.enqueue(request)
                async with asyncio.timeout(_SECONDS):
                    taken.append(1000 * (await shown - began))
                await voice.acd.leave(call)
                await asyncio.sleep(max(0.0, 1 / per_second - (time.perf_counter() - began)))
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await voice.redis.aclose()
    return taken
