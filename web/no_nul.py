"""NUL in a path or a query is refused for every route at once: no text of ours has one, and PostgreSQL takes none."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from hotline.errors import InvalidInput
from web.problems import respond


class RefuseNul:
    """Answers 422 to an address that holds NUL. What is in a body is checked field by field."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and ("\x00" in scope["path"] or b"%00" in scope["query_string"]):
            await respond(InvalidInput("NUL in the address"))(scope, receive, send)
            return
        await self._app(scope, receive, send)
