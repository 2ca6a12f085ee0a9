"""What every answer forbids a browser: scripts and frames of others, guesses at types, addresses in referrers.

Pages set their own, wider policy; an answer of the API is data and may load nothing.
"""

from __future__ import annotations

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

DATA_POLICY: Final = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""Of whatever is no page."""

# The document's viewer comes from where FastAPI has it, with a script in the page. In a sandbox it has no origin: it
# cannot use the session of whoever reads it. It reads the document as any other site may.
_VIEWER_POLICY: Final = (
    "sandbox allow-scripts allow-popups; default-src 'none'; connect-src 'self'; "
    "img-src data: https://fastapi.tiangolo.com; script-src 'unsafe-inline' https://cdn.jsdelivr.net; "
    "style-src 'unsafe-inline' https://cdn.jsdelivr.net; frame-ancestors 'none'; base-uri 'none'"
)
_DOCUMENT: Final = "/openapi.json"
_VIEWERS: Final = ("/docs", "/redoc")

_ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


class SecurityHeaders:
    """Adds them to every answer that does not say otherwise itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _ALWAYS.items():
                    headers.setdefault(name, value)
                viewer = scope["path"] in _VIEWERS
                if scope["path"] == _DOCUMENT:
                    headers["Access-Control-Allow-Origin"] = "*"
                headers.setdefault("Content-Security-Policy", _VIEWER_POLICY if viewer else DATA_POLICY)
            await send(message)

        await self._app(scope, receive, guarded)
