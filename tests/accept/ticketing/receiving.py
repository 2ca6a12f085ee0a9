"""A system of somebody else's that is told of tickets: it keeps what it is sent, in the order it came."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn


@dataclass
class Receiving:
    """What came: the id in the header, and the body."""

    port: int = 0
    came: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def ids(self) -> set[str]:
        return {identity for identity, _ in self.came}

    def first_order(self) -> dict[str, list[int]]:
        """Positions of each ticket's events, in the order in which each came first."""
        seen: set[str] = set()
        order: dict[str, list[int]] = {}
        for identity, told in self.came:
            if identity not in seen:
                seen.add(identity)
                order.setdefault(told["ticket"]["number"], []).append(told["position"])
        return order

    async def __call__(self, scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Any]) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        identity = dict(scope["headers"]).get(b"x-hotline-id", b"").decode()
        self.came.append((identity, json.loads(body)))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiving]:
    """The system on a port of its own."""
    here = Receiving()
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    here.port = int(listener.getsockname()[1])
    server = uvicorn.Server(uvicorn.Config(here, log_config=None, access_log=False, lifespan="off"))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    running = asyncio.create_task(server.serve([listener]))
    try:
        yield here
    finally:
        server.should_exit = True
        await running
        listener.close()
