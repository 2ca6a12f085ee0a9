"""The agent's socket: what the feed holds for an agent is written here, in order, and confirmed to its publisher.

One agent has one live socket. A newer one pushes the older out through the feed itself, so it does not matter which
web process either of them is at.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NoReturn

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
from web.problems import as_domain_error
from web.screen_beats import ScreenBeats
from web.services import Services
from web.sockets import close, login_of, message_of, send

_log = structlog.get_logger(__name__)

SESSION_ENDED = "session_ended"
"""Kind of the frame by which a logout closes the sockets of its session."""

CLOSED_TAKEN_OVER = 4409
_OF_A_CHANGE = tuple(name for name in AgentEvent.__slots__ if name != "cursor")
"""The cursor is of another stream."""
_CURSOR = re.compile(r"[0-9]{1,16}-[0-9]{1,16}")

router = APIRouter()


class TakenOver(HotlineError):
    """The agent has a newer socket."""

    code = "screen.taken_over"


_OWN_CODES: Mapping[type[HotlineError], int] = {TakenOver: CLOSED_TAKEN_OVER}


@router.websocket("/ws/agent")
async def agent_socket(websocket: WebSocket) -> None:
    """Authenticate by a page's cookie, or the query's or first message's `token`; then serve frames until either side
    closes. `cursor` stands beside the token; a page has it in the query."""
    services: Services = websocket.app.state.services
    await websocket.accept()
    try:
        login = await login_of(websocket, services)
        cursor = _cursor(login.given)
        signed_in = await login.check(services)
        screen = Screen(websocket, services, seat_of(signed_in).work_number, signed_in.session_id)
        await screen.serve(cursor)
    except WebSocketDisconnect:
        pass
    except Exception as error:
        domain = as_domain_error(error)
        await close(websocket, domain or HotlineError("unforeseen; see the log"), _OWN_CODES)
        if domain is None:
            raise


def _cursor(given: Mapping[str, Any]) -> str | None:
    cursor = given.get("cursor") or None
    if cursor is not None and not (isinstance(cursor, str) and _CURSOR.fullmatch(cursor)):
        raise InvalidInput("not a cursor", remedy="send the cursor of the last frame, or none")
    return cursor


async def _until(over: asyncio.Future[NoReturn]) -> None:
    await over


def _order(cursor: str) -> tuple[int, int]:
    milliseconds, serial = cursor.split("-")
    return int(milliseconds), int(serial)


class Screen:
    """One agent's live socket, from hello to close."""

    def __init__(self, websocket: WebSocket, services: Services, agent: str, session_id: int) -> None:
        self._websocket = websocket
        self._services = services
        self._agent = agent
        self._session_id = session_id
        self._socket = ids.token(9)
        self._feed = services.feed
        self._states: AgentStates = websocket.app.state.agent_states
        self._beats: ScreenBeats = websocket.app.state.screen_beats
        self._metrics: WebMetrics = websocket.app.state.metrics
        self._writing = asyncio.Lock()
        self._cursor = "0-0"
        self._claimed = "0-0"

    async def serve(self, cursor: str | None) -> None:
        """Take the agent's screen over, say hello, then write frames; returns by an exception that says why."""
        with (
            self._states.listen(self._agent) as changes,
            self._beats.beating(self._agent, self._session_id) as over,
            self._metrics.screens.track_inprogress(),
        ):
            self._claimed = await self._feed.claim_screen(self._agent, self._socket)
            _log.info("screen.on", agent=self._agent)
            try:
                await self._hello(cursor)
                await first_of(self._read(), self._write_frames(), self._write_states(changes), _until(over))
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
            "talk": None,
        }
        if not resumed and view is not None and view.state in (*HELD, AgentState.WRAP_UP):
            body["pop"] = await self._newest("pop", view.call)
            if body["pop"] is not None and view.call is not None:
                body["talk"] = await self._newest("talk", view.call)
        await self._send("hello", body)

    async def _newest(self, kind: str, call: str | None) -> dict[str, Any] | None:
        """A page that was reloaded in the middle of a call shows that call again, as it stands. In the wrap-up the call
        is nobody's any more: it is the newest, for nothing is offered then."""
        frame = await self._feed.newest(self._agent, kind)
        return frame.body if frame is not None and call in (None, frame.body.get("call")) else None

    async def _read(self) -> None:
        """Clients have nothing to say but `ping`; reading is how we notice that they left."""
        while True:
            try:
                message = message_of(await self._websocket.receive())
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
            change = await changes.get()
            await self._send("agent_state", {name: getattr(change, name) for name in _OF_A_CHANGE})

    async def _send(self, kind: str, body: dict[str, Any], cursor: str | None = None) -> None:
        """Write one message; `cursor` moves on only with frames of the feed."""
        async with self._writing:
            at = cursor or self._cursor
            await send(self._websocket, {"cursor": at, "kind": kind, "body": body})
            self._cursor = at
