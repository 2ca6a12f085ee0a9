"""Browsers' sessions: the cookie, and what shows that a request comes from our own pages.

The cookie is HttpOnly and SameSite=Strict. A request that changes something needs two things besides: the token that
only our pages were told (X-CSRF-Token), and no sign of another site (Origin, Sec-Fetch-Site).
"""

from __future__ import annotations

import hashlib
import hmac
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from hotline.errors import NotAllowed
from hotline.settings import Settings

COOKIE: Final = "hotline_session"
CSRF_HEADER: Final = "X-CSRF-Token"
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class Forged(NotAllowed):
    """The request does not come from a page of ours, or from one that was told another token."""

    code = "access.forged"


def csrf_of(token: str) -> str:
    """What a page of this session shows with every change; says nothing about the session's own token."""
    return hmac.digest(token.encode("utf-8", "surrogatepass"), b"csrf", hashlib.sha256).hex()


def refuse_forged(request: Request, token: str, settings: Settings) -> None:
    """Raises Forged for a change that a page of ours in this session cannot have asked for."""
    if request.method in _SAFE:
        return
    refuse_foreign(request, settings)
    shown = request.headers.get(CSRF_HEADER, "").encode()
    if not hmac.compare_digest(shown, csrf_of(token).encode()):
        raise Forged(f"{CSRF_HEADER} is missing or not this session's", remedy="GET /api/session tells it")


def refuse_foreign(connection: HTTPConnection, settings: Settings) -> None:
    """Raises Forged for a request that another site's page sent. Programs say nothing of where they come from."""
    if connection.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Forged("the request comes from another site")
    origin = connection.headers.get("origin")
    if origin is not None and not _own(origin, connection, settings):
        raise Forged("the request comes from another origin")


def own_socket(connection: HTTPConnection, settings: Settings) -> bool:
    """Whether a page of ours opened this socket: browsers always say whose page it is, and keep no other rule."""
    origin = connection.headers.get("origin")
    return origin is not None and _own(origin, connection, settings)


def _own(origin: str, connection: HTTPConnection, settings: Settings) -> bool:
    if settings.web.origin:
        return origin.lower() == settings.web.origin.lower()
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and parts.netloc.lower() == connection.headers.get("host", "").lower()


def set_cookie(response: Response, request: Request, token: str) -> None:
    """Give the browser its session. It ends with the browser, and on the server by the policy of sessions."""
    response.set_cookie(COOKIE, token, path="/", httponly=True, samesite="strict", secure=not on_loopback(request))


def clear_cookie(response: Response, request: Request) -> None:
    """Take it away."""
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict", secure=not on_loopback(request))


def on_loopback(request: Request) -> bool:
    """Whether the browser is on this machine: only there is plain HTTP as good as TLS."""
    host = request.url.hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
