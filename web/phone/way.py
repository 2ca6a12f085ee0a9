"""The way between a page's phone and Asterisk's WebSocket: text frames, one SIP message each.

Each side is read only as fast as the other one takes it, and a side that closes closes the other.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog
from fastapi import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from hotline.errors import HotlineError, PartUnavailable
from hotline.settings import Settings
from web.phone.messages import LONGEST_MESSAGE, NotThisPhone
from web.problems import status_of
from web.sockets import TooSlow

_log = structlog.get_logger(__name__)

SUBPROTOCOL: Final = "sip"
_OPEN_SECONDS: Final = 5.0
_SEND_SECONDS: Final = 10.0
_FRAMES_WAITING: Final = 16
_TRY_AGAIN_LATER: Final = 1013


@asynccontextmanager
async def upstream(settings: Settings) -> AsyncIterator[ClientConnection]:
    """The socket of this host's Asterisk, for the block. Raises PartUnavailable."""
    asterisk = settings.asterisk
    host = "127.0.0.1" if asterisk.bind == "0.0.0.0" else asterisk.bind  # noqa: S104 - compared, not bound
    try:
        opened = await connect(
            f"ws://{host}:{asterisk.http_port}/ws",
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            max_size=LONGEST_MESSAGE,
            max_queue=_FRAMES_WAITING,
            open_timeout=_OPEN_SECONDS,
            close_timeout=1,
            ping_interval=None,
            proxy=None,
        )
    except (OSError, TimeoutError, InvalidHandshake) as error:
        raise PartUnavailable(f"Asterisk takes no browser phone ({type(error).__name__})") from None
    try:
        yield opened
    finally:
        await opened.close()


async def frames(websocket: WebSocket) -> AsyncIterator[str]:
    """What the page's phone says, without its keep-alives. Raises WebSocketDisconnect when it left, NotThisPhone."""
    while True:
        text = _text(await websocket.receive())
        # A keep-alive (RFC 5626): the sockets have their own.
        if text.strip("\r\n"):
            yield text


async def send(asterisk: ClientConnection, message: str) -> None:
    """To Asterisk. Raises PartUnavailable."""
    try:
        async with asyncio.timeout(_SEND_SECONDS):
            await asterisk.send(message)
    except ConnectionClosed:
        raise PartUnavailable("Asterisk closed the line") from None
    except TimeoutError:
        raise PartUnavailable("Asterisk does not read") from None


async def heard(asterisk: ClientConnection) -> str:
    """What Asterisk says next. Raises PartUnavailable."""
    try:
        return await asterisk.recv(decode=True)
    except ConnectionClosed:
        raise PartUnavailable("Asterisk closed the line") from None
    except UnicodeDecodeError:
        raise PartUnavailable("Asterisk said something that is no text") from None


async def tell(websocket: WebSocket, message: str) -> None:
    """To the page. Raises TooSlow."""
    try:
        async with asyncio.timeout(_SEND_SECONDS):
            await websocket.send_text(message)
    except TimeoutError:
        raise TooSlow from None


async def to_page(websocket: WebSocket, asterisk: ClientConnection) -> None:
    """All that Asterisk says, as it is; never returns."""
    while True:
        await tell(websocket, await heard(asterisk))


async def close(websocket: WebSocket, error: HotlineError) -> None:
    """4000 and the HTTP status, 1013 where trying again will do."""
    status = status_of(error)
    if status == 403:
        _log.warning("phone.refused", why=error.detail)
    code = _TRY_AGAIN_LATER if status == 503 else 4000 + status
    with contextlib.suppress(RuntimeError, WebSocketDisconnect, OSError, TimeoutError):
        async with asyncio.timeout(_SEND_SECONDS):
            await websocket.close(code, error.code)


def _text(received: Any) -> str:
    """A frame of the phone. Raises WebSocketDisconnect if it left, NotThisPhone."""
    if received["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(received.get("code") or 1005)
    text: str | None = received.get("text")
    if text is not None:
        return text
    try:
        return (received.get("bytes") or b"").decode()
    except UnicodeDecodeError:
        raise NotThisPhone("a frame that is no text") from None
