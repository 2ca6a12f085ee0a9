"""`/sip`: a browser phone's way to Asterisk, through our own origin and behind the login.

Frame by frame: what the phone says is read, held against its extension, and sent on; what Asterisk says is sent on as
it is. Each side is read only as fast as the other one takes it, and a side that closes closes the other.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final, NoReturn

import structlog
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from directory.sessions import SignedIn
from hotline.errors import HotlineError, NotAllowed, NotSignedIn, PartUnavailable
from hotline.ids import extension as checked
from hotline.settings import Settings
from hotline.tasks import first_of
from web.access import seat_of
from web.browser import COOKIE, own_socket
from web.phone.lines import PhoneLines
from web.phone.messages import LONGEST_MESSAGE, NotThisPhone, check, read
from web.phone.proof import proved_anew, session_password
from web.phone.seats import PhoneKind, extension_of, kind_of
from web.problems import as_domain_error, respond, status_of
from web.services import Services
from web.sockets import TooSlow

_log = structlog.get_logger(__name__)

_SUBPROTOCOL: Final = "sip"
_OPEN_SECONDS: Final = 5.0
_SEND_SECONDS: Final = 10.0
_FRAMES_WAITING: Final = 16
_TRY_AGAIN_LATER: Final = 1013

router = APIRouter()


@router.websocket("/sip")
async def sip_socket(websocket: WebSocket) -> None:
    """A phone of a signed-in agent; `extension` as `GET /api/phone` gave it. Refused before any SIP otherwise."""
    services: Services = websocket.app.state.services
    try:
        signed_in, seat = await _admitted(websocket, services)
    except Exception as error:
        domain = as_domain_error(error)
        if domain is None:
            raise
        await websocket.send_denial_response(respond(domain))
        return
    await websocket.accept(subprotocol=_SUBPROTOCOL)
    lines: PhoneLines = websocket.app.state.phone_lines
    try:
        async with lines.line(seat, seat_of(signed_in).work_number, signed_in.session_id) as over:
            await _carry(websocket, services, seat, signed_in.session_id, over)
    except WebSocketDisconnect:
        pass
    except Exception as error:
        domain = as_domain_error(error)
        await _close(websocket, domain or HotlineError())
        if domain is None:
            raise


async def _admitted(websocket: WebSocket, services: Services) -> tuple[SignedIn, str]:
    """Who it is, and the extension. Raises NotAllowed, NotSignedIn, SeatTaken."""
    cookie = websocket.cookies.get(COOKIE)
    if not own_socket(websocket, services.settings):
        raise NotAllowed("not a page of ours")
    if not cookie:
        raise NotSignedIn("no session", remedy="POST /api/session")
    if _SUBPROTOCOL not in websocket.scope["subprotocols"]:
        raise NotAllowed("the subprotocol is sip")
    wanted = websocket.query_params.get("extension")
    async with services.database.transaction() as session:
        signed_in = await services.sessions.check(session, cookie, browser=True)
        seat = await extension_of(session, services, seat_of(signed_in), wanted and checked(wanted))
    if seat is None or kind_of(services.settings, seat) is not PhoneKind.BROWSER:
        raise NotAllowed("no browser phone has this extension")
    return signed_in, seat


async def _carry(
    websocket: WebSocket, services: Services, seat: str, session_id: int, over: asyncio.Future[NoReturn]
) -> None:
    try:
        upstream = await connect(
            _address(services.settings),
            subprotocols=[Subprotocol(_SUBPROTOCOL)],
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
    _log.info("phone.on", extension=seat)
    try:
        real = services.phone_password(seat)
        known = session_password(real, session_id)
        await first_of(
            _from_phone(websocket, upstream, seat, known=known, real=real),
            _from_asterisk(websocket, upstream),
            _until(over),
        )
    finally:
        await upstream.close()
        _log.info("phone.off", extension=seat)


def _address(settings: Settings) -> str:
    asterisk = settings.asterisk
    host = "127.0.0.1" if asterisk.bind == "0.0.0.0" else asterisk.bind  # noqa: S104 - compared, not bound
    return f"ws://{host}:{asterisk.http_port}/ws"


async def _from_phone(websocket: WebSocket, upstream: ClientConnection, seat: str, *, known: str, real: str) -> None:
    while True:
        text = _text(await websocket.receive())
        if not text.strip("\r\n"):
            continue  # a keep-alive (RFC 5626); the sockets have their own
        said = read(text)
        check(said, seat)
        try:
            async with asyncio.timeout(_SEND_SECONDS):
                await upstream.send(proved_anew(said, known=known, real=real).dump())
        except ConnectionClosed:
            raise PartUnavailable("Asterisk closed the line") from None
        except TimeoutError:
            raise PartUnavailable("Asterisk does not read") from None


async def _from_asterisk(websocket: WebSocket, upstream: ClientConnection) -> None:
    while True:
        try:
            message = await upstream.recv(decode=True)
        except ConnectionClosed:
            raise PartUnavailable("Asterisk closed the line") from None
        except UnicodeDecodeError:
            raise PartUnavailable("Asterisk said something that is no text") from None
        try:
            async with asyncio.timeout(_SEND_SECONDS):
                await websocket.send_text(message)
        except TimeoutError:
            raise TooSlow from None


async def _until(over: asyncio.Future[NoReturn]) -> None:
    await over


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


async def _close(websocket: WebSocket, error: HotlineError) -> None:
    """4000 and the HTTP status, 1013 where trying again will do."""
    status = status_of(error)
    if status == 403:
        _log.warning("phone.refused", why=error.detail)
    code = _TRY_AGAIN_LATER if status == 503 else 4000 + status
    with contextlib.suppress(RuntimeError, WebSocketDisconnect, OSError, TimeoutError):
        async with asyncio.timeout(_SEND_SECONDS):
            await websocket.close(code, error.code)
