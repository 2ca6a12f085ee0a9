"""No request may fill the memory: bodies above a limit are refused while they arrive."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST_BODY = 1 << 20
"""Bytes; a ticket's text is a few kilobytes."""


class LimitBody:
    """Raises 413 inside the application as soon as a body grows too long, whatever its headers promise.

    `larger`: how long it may be for paths of these patterns.
    """

    def __init__(self, app: ASGIApp, longest: int = LONGEST_BODY, larger: Mapping[str, int] | None = None) -> None:
        self._app = app
        self._longest = longest
        self._larger = larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        arrived = 0
        path = scope["path"]
        longest = next((size for one, size in self._larger.items() if re.fullmatch(one, path)), self._longest)

        async def counted() -> Message:
            nonlocal arrived
            message = await receive()
            arrived += len(message.get("body", b""))
            if arrived > longest:
                raise HTTPException(413, f"a request may hold {longest} bytes")
            return message

        await self._app(scope, counted, send)
