"""`/sip`: a browser phone's way to Asterisk, through our own origin and behind the login.

Frame by frame: what the phone says is read, held against its extension, and sent on; what Asterisk says is sent on as
it is.
"""

from __future__ import annotations

import asyncio
from typing import NoReturn

import structlog
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from websockets.asyncio.client import ClientConnection

from directory.sessions import SignedIn
from hotline.errors import HotlineError, NotAllowed, NotSignedIn
from hotline.ids import extension as checked
from hotline.tasks import first_of
from web.access import seat_of
from web.browser import COOKIE, own_socket
from web.phone.lines import PhoneLines
from web.phone.messages import check, read
from web.phone.proof import proved_anew, session_password
from web.phone.seats import PhoneKind, extension_of, kind_of
from web.phone.way import SUBPROTOCOL, close, frames, send, to_page, upstream
from web.problems import as_domain_error, respond
from web.services import Services

_log = structlog.get_logger(__name__)

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
    await websocket.accept(subprotocol=SUBPROTOCOL)
    lines: PhoneLines = websocket.app.state.phone_lines
    try:
        async with lines.line(seat, seat_of(signed_in).work_number, signed_in.session_id) as over:
            await _carry(websocket, services, seat, signed_in.session_id, over)
    except WebSocketDisconnect:
        pass
    except Exception as error:
        domain = as_domain_error(error)
        await close(websocket, domain or HotlineError())
        if domain is None:
            raise


async def _admitted(websocket: WebSocket, services: Services) -> tuple[SignedIn, str]:
    """Who it is, and the extension. Raises NotAllowed, NotSignedIn, SeatTaken."""
    cookie = websocket.cookies.get(COOKIE)
    if not own_socket(websocket, services.settings):
        raise NotAllowed("not a page of ours")
    if not cookie:
        raise NotSignedIn("no session", remedy="POST /api/session")
    if SUBPROTOCOL not in websocket.scope["subprotocols"]:
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
    async with upstream(services.settings) as asterisk:
        _log.info("phone.on", extension=seat)
        try:
            real = services.phone_password(seat)
            known = session_password(real, session_id)
            await first_of(
                _from_phone(websocket, asterisk, seat, known=known, real=real),
                to_page(websocket, asterisk),
                _until(over),
            )
        finally:
            _log.info("phone.off", extension=seat)


async def _from_phone(websocket: WebSocket, asterisk: ClientConnection, seat: str, *, known: str, real: str) -> None:
    async for text in frames(websocket):
        said = read(text)
        check(said, seat)
        await send(asterisk, proved_anew(said, known=known, real=real).dump())


async def _until(over: asyncio.Future[NoReturn]) -> None:
    await over
