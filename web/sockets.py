"""What every socket of ours does alike: the token in its first message, messages in and out, and how it is closed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import WebSocket, WebSocketDisconnect

from directory.sessions import SignedIn
from hotline.errors import HotlineError, InvalidInput, NotSignedIn
from web.browser import COOKIE, own_socket
from web.problems import status_of
from web.services import Services

_TRY_AGAIN_LATER = 1013
_FIRST_MESSAGE_SECONDS = 5.0
_SEND_SECONDS = 10.0


class TooSlow(HotlineError):
    """The client does not read: it may come back and go on from its cursor."""

    code = "screen.too_slow"


async def first_message(websocket: WebSocket) -> dict[str, Any]:
    """What opens a socket of a program: an object with a `token`. The first message is the better way than the query,
    which ends up in access logs. Raises NotSignedIn, InvalidInput, WebSocketDisconnect."""
    given: dict[str, Any] = dict(websocket.query_params)
    if "token" not in given:
        try:
            async with asyncio.timeout(_FIRST_MESSAGE_SECONDS):
                given = message_of(await websocket.receive())
        except TimeoutError:
            raise NotSignedIn("no token came") from None
    if not isinstance(given.get("token"), str):
        raise NotSignedIn("no token came")
    return given


@dataclass(frozen=True, slots=True)
class SocketLogin:
    """Whose socket it is: by a program's token, or by the cookie of a page of ours."""

    token: str
    browser: bool
    given: Mapping[str, Any]
    """What else the client said at the start: the query, or its first message."""

    async def check(self, services: Services) -> SignedIn:
        """The session, used by this. Raises NotSignedIn."""
        async with services.database.transaction() as session:
            return await services.sessions.check(session, self.token, browser=self.browser)


async def login_of(websocket: WebSocket, services: Services) -> SocketLogin:
    """A page's cookie comes with the socket itself, and what else it has to say in the query; programs send a first
    message. Raises NotSignedIn, InvalidInput, WebSocketDisconnect."""
    cookie = websocket.cookies.get(COOKIE)
    if cookie and "token" not in websocket.query_params and own_socket(websocket, services.settings):
        return SocketLogin(cookie, browser=True, given=dict(websocket.query_params))
    given = await first_message(websocket)
    return SocketLogin(given["token"], browser=False, given=given)


def message_of(received: Any) -> dict[str, Any]:
    """What a client sent, as an object; raises InvalidInput, or WebSocketDisconnect if it left."""
    if received["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(received.get("code") or 1005)
    try:
        message = orjson.loads(received.get("text") or received.get("bytes") or b"")
    except orjson.JSONDecodeError:
        message = None
    if not isinstance(message, dict):
        raise InvalidInput("a message must be a JSON object")
    return message


async def send(websocket: WebSocket, message: Mapping[str, Any]) -> None:
    """Write one message; raises TooSlow for a client that does not take it."""
    try:
        async with asyncio.timeout(_SEND_SECONDS):
            await websocket.send_text(orjson.dumps(message).decode())
    except TimeoutError:
        raise TooSlow from None


async def close(
    websocket: WebSocket, error: HotlineError, own_codes: Mapping[type[HotlineError], int] | None = None
) -> None:
    """Say why, and close: 4000 and the HTTP status, 1013 where trying again will do. An error with a code of its own in
    `own_codes` has been told already."""
    code = (own_codes or {}).get(type(error))
    # The peer may be gone, or the transport half closed: closing is all we want then.
    with contextlib.suppress(RuntimeError, WebSocketDisconnect, OSError, TimeoutError):
        async with asyncio.timeout(_SEND_SECONDS):
            if code is None:
                status = status_of(error)
                code = _TRY_AGAIN_LATER if status == 503 else 4000 + status
                body = {"code": error.code, "detail": error.detail, "remedy": error.remedy}
                await websocket.send_text(orjson.dumps({"cursor": None, "kind": "error", "body": body}).decode())
            await websocket.close(code, error.code)
