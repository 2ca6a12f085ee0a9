"""The supervisors' socket: the whole board of live figures once, then what changes, as it changes.

One reader of the board serves all sockets of this web process.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from redis.exceptions import RedisError

from calls.figure_board import AGENT, LINE, QUEUE, Board, Change, ChangesLost, Entry, FigureBoard
from directory.models import Role
from hotline.errors import HotlineError, InvalidInput
from hotline.tasks import first_of
from web.problems import as_domain_error
from web.services import Services
from web.sockets import SocketLogin, close, login_of, message_of, send

_log = structlog.get_logger(__name__)

_AGAIN_SECONDS = 0.5
_LOGIN_CHECK_SECONDS = 30.0
_PENDING_CHANGES = 30

READERS = (Role.SUPERVISOR, Role.ADMIN)
"""Who may see how queues and agents do."""

router = APIRouter()


@dataclass(eq=False, slots=True)
class Listener:
    """One socket's changes. One that falls too far behind is given the whole board again."""

    changes: asyncio.Queue[tuple[str, Change]] = field(default_factory=lambda: asyncio.Queue(_PENDING_CHANGES))
    behind: bool = False


class FigureChanges:
    """Follows the board for every socket of this process."""

    def __init__(self, board: FigureBoard) -> None:
        self._board = board
        self._listeners: set[Listener] = set()

    @contextlib.contextmanager
    def listen(self) -> Iterator[Listener]:
        """Changes from now on; read the board afterwards, and pass over what it holds already."""
        listener = Listener()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    async def run(self) -> None:
        """Follow for ever, through outages of Redis."""
        while True:
            try:
                cursor = (await self._board.read()).cursor
                self._all_behind()
                async for at, change in self._board.follow(cursor):
                    self._hand_out(at, change)
            except (RedisError, OSError, ChangesLost) as error:
                _log.warning("web.figures_interrupted", reason=type(error).__name__)
            await asyncio.sleep(_AGAIN_SECONDS)

    def _all_behind(self) -> None:
        """Between two followings something may have been missed."""
        for listener in self._listeners:
            listener.behind = True
            if listener.changes.empty():
                listener.changes.put_nowait(("0-0", Change()))

    def _hand_out(self, at: str, change: Change) -> None:
        for listener in self._listeners:
            if listener.changes.full():
                listener.behind = True
            else:
                listener.changes.put_nowait((at, change))


@router.websocket("/ws/figures")
async def figures_socket(websocket: WebSocket) -> None:
    """Authenticate by a page's cookie, or the query's or first message's `token`; then serve figures until either side
    closes."""
    services: Services = websocket.app.state.services
    await websocket.accept()
    try:
        await _serve(websocket, services, await login_of(websocket, services))
    except WebSocketDisconnect:
        pass
    except Exception as error:
        domain = as_domain_error(error)
        await close(websocket, domain or HotlineError("unforeseen; see the log"))
        if domain is None:
            raise


async def _serve(websocket: WebSocket, services: Services, login: SocketLogin) -> None:
    async def check_login() -> None:
        (await login.check(services)).require(*READERS)

    async def keep_checking() -> None:
        while True:
            await asyncio.sleep(_LOGIN_CHECK_SECONDS)
            await check_login()

    await check_login()
    changes: FigureChanges = websocket.app.state.figure_changes
    with changes.listen() as listener:
        await first_of(_read(websocket), _write(websocket, services, listener), keep_checking())


async def _read(websocket: WebSocket) -> None:
    """Clients have nothing to say but `ping`; reading is how we notice that they left."""
    while True:
        try:
            if message_of(await websocket.receive()).get("type") != "ping":
                raise InvalidInput("the only message is ping")
            await send(websocket, {"cursor": None, "kind": "pong", "body": {}})
        except InvalidInput as error:
            body = {"code": error.code, "detail": error.detail}
            await send(websocket, {"cursor": None, "kind": "error", "body": body})


async def _write(websocket: WebSocket, services: Services, listener: Listener) -> None:
    board = FigureBoard(services.redis, services.settings.site.id)
    shown = await _hello(websocket, services, board)
    while True:
        at, change = await listener.changes.get()
        if listener.behind:
            listener.behind = False
            while not listener.changes.empty():
                listener.changes.get_nowait()
            shown = await _hello(websocket, services, board)
        elif _order(at) > _order(shown):
            await send(websocket, {"cursor": at, "kind": "figures", "body": change_body(change)})


async def _hello(websocket: WebSocket, services: Services, board: FigureBoard) -> str:
    """The whole board; returns its cursor."""
    whole = await board.read()
    body = board_body(whole) | {"at_ms": services.clock.now_ms()}
    await send(websocket, {"cursor": whole.cursor, "kind": "hello", "body": body})
    return whole.cursor


def _order(cursor: str) -> tuple[int, int]:
    milliseconds, serial = cursor.split("-")
    return int(milliseconds), int(serial)


def board_body(board: Board) -> dict[str, Any]:
    """The whole board, as REST and the socket show it."""
    return {**_by_kind(board.entries), "kept_up": board.kept_up}


def change_body(change: Change) -> dict[str, Any]:
    """Only what changed: fields of queues, agents and the line; and what is gone."""
    body = {kind: entries for kind, entries in _by_kind(change.changed).items() if entries}
    gone = _by_kind({name: {} for name in change.gone})
    return body | {"gone": {kind: sorted(entries) for kind, entries in gone.items() if entries}}


def _by_kind(entries: Mapping[str, Entry]) -> dict[str, Any]:
    kinds: dict[str, dict[str, Entry]] = {QUEUE: {}, AGENT: {}}
    for name, entry in entries.items():
        kind, _, subject = name.partition(":")
        if kind in kinds:
            kinds[kind][subject] = entry
    return {"queues": kinds[QUEUE], "agents": kinds[AGENT], "line": entries.get(LINE, {})}
