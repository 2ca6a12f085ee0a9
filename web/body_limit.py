"""No request may fill the memory: bodies above a limit are refused while they arrive."""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST_BODY = 1 << 20
"""Bytes; a ticket's text is a few kilobytes."""


class LimitBody:
    """Raises 413 inside the application as soon as a body grows too long, whatever its headers promise."""

    def __init__(self, app: ASGIApp, longest: int = LONGEST_BODY) -> None:
        self._app = app
        self._longest = longest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        arrived = 0

        async def counted() -> Message:
            nonlocal arrived
            message = await receive()
            arrived += len(message.get("body", b""))
            if arrived > self._longest:
                raise HTTPException(413, f"a request may hold {self._longest} bytes")
            return message

        await self._app(scope, counted, send)
