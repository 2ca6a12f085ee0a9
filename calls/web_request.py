"""One signed question to a system of a unit, bounded in every way: the web request of a menu (网络请求节点), an
agent's look-up (`calls.lookups`).

The time is total: from waiting for a turn to the last byte, so that an answer that drips cannot stretch it. At most
64 kB of uncompressed JSON are read; a redirect is a failure; requests to one host wait for each other, not for those to
others. Nothing is tried twice. Every failure is one stable word, `WebRequestFailed.why`.

Signed as data that go with a call are (`calls.handover_signature`), with the host's own key. What is signed in place of
the body is method, host, target and body, each but the last ended by a line feed, so that no part can be exchanged.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import httpcore
import orjson
import structlog
from jsonpointer import JsonPointerException, resolve_pointer

from calls.handover_keys import FILE as KEYS_FILE
from calls.handover_keys import PartnerKeys
from calls.handover_signature import Signed, headers
from calls.web_address import AddressRefused, CheckedNetwork, HostUnknown
from hotline import ids
from hotline.clock import Clock
from hotline.errors import HotlineError, PartUnavailable
from hotline.settings import Settings
from ivr.flow import Web

_log = structlog.get_logger(__name__)

LONGEST_ANSWER: Final = 64 * 1024
"""Bytes."""
LONGEST_VALUE: Final = 200
"""Characters of a saved value."""


class Why(StrEnum):
    """Why a web request failed: for the figures, and never anything that was sent or answered."""

    BAD_URL = "bad_url"
    PLAIN_HTTP = "plain_http"
    NO_KEY = "no_key"
    ADDRESS = "address"
    """The host leads to an address that no menu may ask."""
    UNKNOWN_HOST = "unknown_host"
    NO_CONNECTION = "no_connection"
    BUSY = "busy"
    """Others were asking this host for the whole time."""
    TIMEOUT = "timeout"
    BROKEN_OFF = "broken_off"
    """Closed early, or no HTTP."""
    REDIRECT = "redirect"
    CLIENT_ERROR = "client_error"
    SERVER_ERROR = "server_error"
    CONTENT_TYPE = "content_type"
    COMPRESSED = "compressed"
    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    MISSING = "missing"
    """A value that was to be saved is not in the answer."""
    NO_TEXT = "no_text"
    """A value to be saved is no short text, number or truth value."""


class WebRequestFailed(HotlineError):
    """The request did not bring what was asked for."""

    code = "menu.web_request_failed"

    def __init__(self, why: Why, status: int = 0) -> None:
        super().__init__(why.value)
        self.why = why
        self.status = status
        """HTTP status, where that was the failure; else 0."""


def key_name(host: str) -> str:
    """The name under which a host's key is kept; no platform's code has a colon."""
    return f"host:{host.rstrip('.').lower()}"


@dataclass(slots=True)
class _Turn:
    """Requests to one host: those that ask and those that wait."""

    free: asyncio.Semaphore
    users: int = 0


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: str
    host: str
    """As in the URL, without its port."""
    headers: list[tuple[str, str]]
    body: bytes


class WebRequests:
    """The web requests of one process. `close` it at the end."""

    def __init__(
        self,
        *,
        keys: PartnerKeys,
        clock: Clock,
        site: str,
        named: list[str],
        at_once: int,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._site = site
        self._at_once = at_once
        self._network = CheckedNetwork(named)
        self._trust = trust
        self._turns: dict[str, _Turn] = {}

    @classmethod
    def of(cls, settings: Settings, clock: Clock) -> WebRequests:
        """As `hotline.toml` has them."""
        return cls(
            keys=PartnerKeys(settings.var_dir / KEYS_FILE),
            clock=clock,
            site=settings.site.id,
            named=settings.menus.web_allowed_hosts,
            at_once=settings.menus.web_at_once,
        )

    def close(self) -> None:
        """No more requests."""
        self._network.close()

    async def call(self, node: Web, send: Mapping[str, str]) -> dict[str, str]:
        """Ask, and return the node's saved variables. Ends within `node.seconds`. Raises WebRequestFailed."""
        url = str(node.url)
        try:
            answer = await self.ask(node.method, url, send, seconds=node.seconds)
            return {variable: _text(_at(answer, pointer)) for variable, pointer in node.save.items()}
        except WebRequestFailed as failed:
            _log.warning("menu.web_request_failed", why=failed.why.value, host=urlsplit(url).hostname)
            raise

    async def ask(self, method: str, url: str, send: Mapping[str, str], *, seconds: float) -> Any:
        """What a system answers, as JSON. `send` goes into the body of a POST, else into the query. Raises
        WebRequestFailed."""
        waiting = True
        try:
            async with asyncio.timeout(seconds):
                request = self._request(method, url, send)
                async with self._turn(request.host):
                    waiting = False
                    return _json(await self._exchange(request))
        except TimeoutError:
            why = Why.BUSY if waiting else Why.TIMEOUT
        except AddressRefused:
            why = Why.ADDRESS
        except HostUnknown:
            why = Why.UNKNOWN_HOST
        except (httpcore.ConnectError, httpcore.ConnectTimeout, ssl.SSLError):
            why = Why.NO_CONNECTION
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError):
            why = Why.BROKEN_OFF
        raise WebRequestFailed(why)

    def _request(self, method: str, url: str, send: Mapping[str, str]) -> _Request:
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
        if not host or parts.username is not None or parts.password is not None:
            raise WebRequestFailed(Why.BAD_URL)
        if parts.scheme != "https" and not self._network.names(host):
            raise WebRequestFailed(Why.PLAIN_HTTP)
        body = b""
        query = parts.query
        if method == "POST":
            body = orjson.dumps(dict(send), option=orjson.OPT_SORT_KEYS)
        elif send:
            query = "&".join(filter(None, (query, urlencode(sorted(send.items())))))
        target = f"{parts.path or '/'}{f'?{query}' if query else ''}"
        told = [("Host", parts.netloc), ("Accept", "application/json"), ("Accept-Encoding", "identity")]
        if method == "POST":
            told += [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        signed = f"{method}\n{parts.netloc}\n{target}\n".encode() + body
        told += list(self._signature(host, signed).items())
        return _Request(method, f"{parts.scheme}://{parts.netloc}{target}", host, told, body)

    def _signature(self, host: str, text: bytes) -> dict[str, str]:
        try:
            keys = self._keys.of(key_name(host))
        except PartUnavailable:
            keys = []
        if not keys:
            raise WebRequestFailed(Why.NO_KEY)
        return headers(keys[0], Signed(self._site, self._clock.now_ms() // 1000, ids.token(16)), text)

    @asynccontextmanager
    async def _turn(self, host: str) -> AsyncIterator[None]:
        turn = self._turns.setdefault(host, _Turn(asyncio.Semaphore(self._at_once)))
        turn.users += 1
        try:
            async with turn.free:
                yield
        finally:
            turn.users -= 1
            if not turn.users:
                del self._turns[host]

    async def _exchange(self, request: _Request) -> bytes:
        if self._trust is None:
            # The machine's own authorities; to read them takes longer than a call may be held up.
            self._trust = await asyncio.to_thread(ssl.create_default_context)
        pool = httpcore.AsyncConnectionPool(
            ssl_context=self._trust, max_connections=1, max_keepalive_connections=0, network_backend=self._network
        )
        async with (
            pool,
            pool.stream(request.method, request.url, headers=request.headers, content=request.body) as response,
        ):
            _check(response)
            body = bytearray()
            async for piece in response.aiter_stream():
                body += piece
                if len(body) > LONGEST_ANSWER:
                    raise WebRequestFailed(Why.TOO_LARGE)
            return bytes(body)


def _check(response: httpcore.Response) -> None:
    """Before anything of the body is read. Raises WebRequestFailed."""
    told = {name.lower(): value.strip().lower() for name, value in response.headers}
    status = response.status
    if status != 200:
        by_class = {3: Why.REDIRECT, 4: Why.CLIENT_ERROR, 5: Why.SERVER_ERROR}
        # 204 and its kin: there is no answer in it.
        raise WebRequestFailed(by_class.get(status // 100, Why.NOT_JSON), status)
    kind = told.get(b"content-type", b"").partition(b";")[0].strip()
    if kind != b"application/json" and not (kind.startswith(b"application/") and kind.endswith(b"+json")):
        raise WebRequestFailed(Why.CONTENT_TYPE)
    if told.get(b"content-encoding", b"identity") != b"identity":
        raise WebRequestFailed(Why.COMPRESSED)
    length = told.get(b"content-length", b"0")
    if length.isdigit() and int(length) > LONGEST_ANSWER:
        raise WebRequestFailed(Why.TOO_LARGE)


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise WebRequestFailed(Why.NOT_JSON) from None


def _at(answer: Any, pointer: str) -> Any:
    try:
        found = resolve_pointer(answer, pointer)
    except JsonPointerException:
        raise WebRequestFailed(Why.MISSING) from None
    if found is None:
        raise WebRequestFailed(Why.MISSING)
    return found


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value).strip() if isinstance(value, str | int | float) else ""
    # An empty text is a value; anything else that came to nothing is none.
    if (not text and value != "") or len(text) > LONGEST_VALUE or not (text.isprintable()):
        raise WebRequestFailed(Why.NO_TEXT)
    return text
