"""`/public/call/line`: a citizen's call from the page to Asterisk, for whoever has a permit, and for one call."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

import structlog
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from redis.exceptions import RedisError
from websockets.asyncio.client import ClientConnection

from calls.web_calls import ENDPOINT
from hotline.errors import HotlineError, NotAllowed
from hotline.tasks import first_of
from web.browser import own_socket
from web.phone.messages import NotThisPhone
from web.phone.proof import proved_anew
from web.phone.way import SUBPROTOCOL, close, frames, heard, send, tell, upstream
from web.problems import as_domain_error, respond
from web.services import Services
from web.web_calls.one_call import OneCall
from web.web_calls.permits import Permit, Permits

_log = structlog.get_logger(__name__)

_BEAT_SECONDS: Final = 5.0
_BEGIN_SECONDS: Final = 15.0
"""For the call to begin: a socket that says nothing has a place that others want."""
_LAST_WORDS_SECONDS: Final = 3.0
"""For the page's answer to a hang-up, and its own closing."""

PATH: Final = "/public/call/line"

router = APIRouter()


@router.websocket(PATH)
async def call_line(websocket: WebSocket) -> None:
    """One call; `permit` as `POST /public/call/permit` gave it. Refused before any SIP otherwise."""
    services: Services = websocket.app.state.services
    permits = Permits(services)
    token = websocket.query_params.get("permit", "")
    try:
        permit = await _admitted(websocket, services, permits, token)
    except Exception as error:
        domain = as_domain_error(error)
        if domain is None:
            raise
        await websocket.send_denial_response(respond(domain))
        return
    try:
        await websocket.accept(subprotocol=SUBPROTOCOL)
        await _carry(websocket, services, permits, permit, token)
        await websocket.close()
    except WebSocketDisconnect:
        pass
    except Exception as error:
        domain = as_domain_error(error)
        await close(websocket, domain or HotlineError())
        if domain is None:
            raise
    finally:
        # Redis away: the place is free by itself soon.
        with contextlib.suppress(RedisError, OSError):
            await permits.let_go(permit)


async def _admitted(websocket: WebSocket, services: Services, permits: Permits, token: str) -> Permit:
    """Raises NotAllowed, NoPermit."""
    if not own_socket(websocket, services.settings):
        raise NotAllowed("not a page of ours")
    if SUBPROTOCOL not in websocket.scope["subprotocols"]:
        raise NotAllowed("the subprotocol is sip")
    if not services.settings.web_calls.enabled:
        raise NotAllowed("the page does not call")
    return await permits.take(token)


async def _carry(websocket: WebSocket, services: Services, permits: Permits, permit: Permit, token: str) -> None:
    """Until the call is over, or either side leaves. A page that leaves in the call is hung up for."""
    call = OneCall(permit.declared)
    real = services.phone_password(ENDPOINT)
    async with upstream(services.settings) as asterisk:
        _log.info("web_call.on")
        try:
            await first_of(
                _from_page(websocket, asterisk, call, known=token, real=real),
                _from_asterisk(websocket, asterisk, call),
                _in_time(call),
                _keep(permits, permit),
            )
        finally:
            if last := call.ending():
                with contextlib.suppress(HotlineError):
                    await send(asterisk, last)
            _log.info("web_call.off")


async def _from_page(websocket: WebSocket, asterisk: ClientConnection, call: OneCall, *, known: str, real: str) -> None:
    async for text in frames(websocket):
        said = call.from_page(text)
        await send(asterisk, proved_anew(said, known=known, real=real).dump())


async def _from_asterisk(websocket: WebSocket, asterisk: ClientConnection, call: OneCall) -> None:
    while True:
        text = await heard(asterisk)
        call.from_asterisk(text)
        await tell(websocket, text)


async def _in_time(call: OneCall) -> None:
    """Ends soon after the call does. Raises NotThisPhone when there is none."""
    try:
        async with asyncio.timeout(_BEGIN_SECONDS):
            await call.began.wait()
    except TimeoutError:
        raise NotThisPhone("the page has not called") from None
    await call.over.wait()
    await asyncio.sleep(_LAST_WORDS_SECONDS)


async def _keep(permits: Permits, permit: Permit) -> None:
    while True:
        await asyncio.sleep(_BEAT_SECONDS)
        try:
            await permits.keep(permit)
        except (RedisError, OSError):
            _log.warning("web_call.place_not_kept")
