"""The agent's socket: what the feed holds for an agent is written here, in order, and confirmed to its publisher.

One agent has one live socket. A newer one pushes the older out through the feed itself, so it does not matter which
web process either of them is at.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import asdict
from typing import Any

import orjson
import structlog
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from redis.exceptions import RedisError

from acd.model import AgentEvent
from acd.states import HELD, AgentState
from hotline import ids
from hotline.errors import HotlineError, InvalidInput, NotSignedIn
from hotline.feed import TAKEN_OVER, Frame
from hotline.tasks import first_of
from web.access import seat_of
from web.agent_states import AgentStates
from web.metrics import WebMetrics
from web.problems import as_domain_error, status_of
from web.services import Services

_log = structlog.get_logger(__name__)

SESSION_ENDED = "session_ended"
"""Kind of the frame by which a logout closes the sockets of its session."""

CLOSED_TAKEN_OVER = 4409
_TRY_AGAIN_LATER = 1013
_FIRST_MESSAGE_SECONDS = 5.0
_SEND_SECONDS = 10.0
_BEAT_SECONDS = 5.0
_BEATS_PER_LOGIN_CHECK = 6
_CURSOR = re.compile(r"[0-9]{1,16}-[0-9]{1,16}")

router = APIRouter()


class TakenOver(HotlineError):
    """The agent has a newer socket."""

    code = "screen.taken_over"


class TooSlow(HotlineError):
    """The client does not read: it may come back and go on from its cursor."""

    code = "screen.too_slow"


@router.websocket("/ws/agent")
async def agent_socket(websocket: WebSocket) -> None:
    """Authenticate by the query's or the first message's `token`, then serve frames until either side closes."""
    services: Services = websocket.app.state.services
    await websocket.accept()
    try:
        token, cursor = await _credentials(websocket)
        async with services.database.transaction() as session:
            signed_in = await services.sessions.check(session, token)
        screen = Screen(websocket, services, seat_of(signed_in).work_number, signed_in.session_id, token)
        await screen.serve(cursor)
    except WebSocketDisconnect:
        pass
    except Exception as error:
        domain = as_domain_error(error)
        await _close(websocket, domain or HotlineError("unforeseen; see the log"))
        if domain is None:
            raise


async def _credentials(websocket: WebSocket) -> tuple[str, str | None]:
    """Token and cursor. The first message is the better way: a query string ends up in access logs."""
    given: dict[str, Any] = dict(websocket.query_params)
    if "token" not in given:
        try:
            async with asyncio.timeout(_FIRST_MESSAGE_SECONDS):
                given = _message(await websocket.receive())
        except TimeoutError:
            raise NotSignedIn("no token came") from None
    token, cursor = given.get("token"), given.get("cursor") or None
    if not isinstance(token, str):
        raise NotSignedIn("no token came")
    if cursor is not None and not (isinstance(cursor, str) and _CURSOR.fullmatch(cursor)):
        raise InvalidInput("not a cursor", remedy="send the cursor of the last frame, or none")
    return token, cursor


def _message(received: Any) -> dict[str, Any]:
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


async def _close(websocket: WebSocket, error: HotlineError) -> None:
    status = status_of(error)
    code = _TRY_AGAIN_LATER if status == 503 else 4000 + status
    if isinstance(error, TakenOver):
        code = CLOSED_TAKEN_OVER
    # The peer may be gone, or the transport half closed: closing is all we want then.
    with contextlib.suppress(RuntimeError, WebSocketDisconnect, OSError, TimeoutError):
        async with asyncio.timeout(_SEND_SECONDS):
            if not isinstance(error, TakenOver):
                body = {"code": error.code, "detail": error.detail, "remedy": error.remedy}
                await websocket.send_text(orjson.dumps({"cursor": None, "kind": "error", "body": body}).decode())
            await websocket.close(code, error.code)


def _order(cursor: str) -> tuple[int, int]:
    milliseconds, serial = cursor.split("-")
    return int(milliseconds), int(serial)


class Screen:
    """One agent's live socket, from hello to close."""

    def __init__(self, websocket: WebSocket, services: Services, agent: str, session_id: int, token: str) -> None:
        self._websocket = websocket
        self._services = services
        self._agent = agent
        self._session_id = session_id
        self._token = token
        self._socket = ids.token(9)
        self._feed = services.feed
        self._states: AgentStates = websocket.app.state.agent_states
        self._metrics: WebMetrics = websocket.app.state.metrics
        self._writing = asyncio.Lock()
        self._cursor = "0-0"
        self._claimed = "0-0"

    async def serve(self, cursor: str | None) -> None:
        """Take the agent's screen over, say hello, then write frames; returns by an exception that says why."""
        with self._states.listen(self._agent) as changes, self._metrics.screens.track_inprogress():
            self._claimed = await self._feed.claim_screen(self._agent, self._socket)
            _log.info("screen.on", agent=self._agent)
            try:
                await self._hello(cursor)
                await first_of(self._read(), self._write_frames(), self._write_states(changes), self._beat())
            finally:
                with contextlib.suppress(RedisError):
                    await self._feed.release_screen(self._agent, self._socket)
                _log.info("screen.off", agent=self._agent)

    async def _hello(self, cursor: str | None) -> None:
        """The agent's state and where frames go on. A cursor from the future (Redis was emptied) is not resumed."""
        resumed = cursor is not None and _order(cursor) <= _order(self._claimed)
        self._cursor = cursor if cursor is not None and resumed else self._claimed
        view = await self._services.acd.agent(self._agent)
        body: dict[str, Any] = {
            "agent": None if view is None else asdict(view),
            "resumed": resumed,
            "at_ms": self._services.clock.now_ms(),
            "pop": None,
        }
        if not resumed and view is not None and view.state in (*HELD, AgentState.WRAP_UP):
            body["pop"] = await self._current_pop(view.call)
        await self._send("hello", body)

    async def _current_pop(self, call: str | None) -> dict[str, Any] | None:
        """A page that was reloaded in the middle of a call shows that call again."""
        pop = await self._feed.newest(self._agent, "pop")
        return pop.body if pop is not None and pop.body.get("call") == call else None

    async def _read(self) -> None:
        """Clients have nothing to say but `ping`; reading is how we notice that they left."""
        while True:
            try:
                message = _message(await self._websocket.receive())
                if message.get("type") != "ping":
                    raise InvalidInput("the only message is ping")
                await self._send("pong", {"at_ms": self._services.clock.now_ms()})
            except InvalidInput as error:
                await self._send("error", {"code": error.code, "detail": error.detail})

    async def _write_frames(self) -> None:
        async for frame in self._services.waiting_feed.follow(self._agent, self._cursor):
            if frame.kind == TAKEN_OVER:
                await self._give_way(frame)
            elif frame.kind == SESSION_ENDED:
                if frame.body["session"] == self._session_id:
                    raise NotSignedIn("the session has ended")
            else:
                await self._send(frame.kind, frame.body, frame.cursor)
                await self._feed.written(frame, self._agent)
                self._metrics.frames.labels(frame.kind).inc()
                published_ms = _order(frame.cursor)[0]
                self._metrics.frame_seconds.observe(max(0, self._services.clock.now_ms() - published_ms) / 1000)

    async def _give_way(self, frame: Frame) -> None:
        # Frames up to our own claim are older takeovers that a resumed cursor brings up again.
        if _order(frame.cursor) > _order(self._claimed):
            await self._send(TAKEN_OVER, {})
            self._metrics.takeovers.inc()
            raise TakenOver

    async def _write_states(self, changes: asyncio.Queue[AgentEvent]) -> None:
        while True:
            change = asdict(await changes.get())
            del change["cursor"]  # of another stream
            await self._send("agent_state", change)

    async def _beat(self) -> None:
        """Keep the screen marked as on; a Redis that hangs or a session that ended is noticed here."""
        beats = 0
        while True:
            await asyncio.sleep(_BEAT_SECONDS)
            await self._feed.screen_is_on(self._agent)
            beats += 1
            if beats % _BEATS_PER_LOGIN_CHECK == 0:
                async with self._services.database.transaction() as session:
                    await self._services.sessions.check(session, self._token)

    async def _send(self, kind: str, body: dict[str, Any], cursor: str | None = None) -> None:
        """Write one message; `cursor` moves on only with frames of the feed."""
        async with self._writing:
            at = cursor or self._cursor
            try:
                async with asyncio.timeout(_SEND_SECONDS):
                    await self._websocket.send_text(orjson.dumps({"cursor": at, "kind": kind, "body": body}).decode())
            except TimeoutError:
                raise TooSlow from None
            self._cursor = at
