"""The FastAGI server: takes connections, finds the route, runs one coroutine per call, drains on an orderly stop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from agi.connection import AgiConnection
from agi.counters import AgiCounters, Oddity
from agi.errors import AgiBadEnvironment, AgiConnectionLost, AgiHangup
from agi.limits import AgiLimits
from agi.routes import ROUTES
from agi.session import AgiSession

_log = structlog.get_logger(__name__)

Handler = Callable[[AgiSession], Awaitable[None]]


class AgiServer:
    """`routes` binds paths of `agi.routes.ROUTES` to handlers; a path that is not in that table is a ValueError.

    When a handler ends, or fails, the session is closed and the channel goes back to the dialplan, which decides by
    HL_PHASE what becomes of the caller. `port` 0 takes a free one.
    """

    def __init__(
        self,
        routes: Mapping[str, Handler],
        *,
        host: str,
        port: int,
        limits: AgiLimits | None = None,
        counters: AgiCounters | None = None,
    ) -> None:
        unknown = routes.keys() - ROUTES.keys()
        if unknown:
            raise ValueError(f"not in agi.routes.ROUTES: {sorted(unknown)}")
        self._routes = dict(routes)
        self._host = host
        self.port = port
        self._limits = limits if limits is not None else AgiLimits()
        self.counters = counters if counters is not None else AgiCounters()
        self._server: asyncio.Server | None = None
        self._half_open: set[AgiConnection] = set()
        self._running: dict[AgiConnection, asyncio.Task[None]] = {}

    @property
    def sessions(self) -> int:
        """Calls whose handler runs now."""
        return len(self._running)

    async def start(self) -> None:
        """Listen; raises OSError if the port is taken (it is never shared: half of the calls would hang)."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._accept, self._host, self.port, reuse_port=False, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self, drain: float) -> None:
        """Take no new calls, give those here `drain` seconds to end, then cancel their handlers and close.

        Handlers still there after `limits.ending` seconds more lose their connection under their hands.
        """
        if self._server is not None:
            self._server.close()
        for connection in list(self._half_open):
            connection.abort()
        if self._running:
            _, left = await asyncio.wait(self._running.values(), timeout=drain)
            for task in left:
                self.counters.odd(Oddity.CUT_SHORT)
                task.cancel()
            if left:
                await asyncio.wait(left, timeout=self._limits.ending)
        for connection in list(self._running):
            connection.abort()
        if self._server is not None:
            await self._server.wait_closed()

    def _accept(self) -> AgiConnection:
        return AgiConnection(self._limits, self.counters, on_open=self._open, on_ready=self._ready, on_lost=self._lost)

    def _open(self, connection: AgiConnection) -> None:
        if len(self._half_open) >= self._limits.half_open:
            connection.drop(Oddity.TOO_MANY_HALF_OPEN)
        else:
            self._half_open.add(connection)

    def _lost(self, connection: AgiConnection) -> None:
        self._half_open.discard(connection)

    def _ready(self, connection: AgiConnection) -> None:
        self._half_open.discard(connection)
        if len(self._running) >= self._limits.sessions:
            connection.drop(Oddity.TOO_MANY_SESSIONS)
            return
        try:
            handler = self._routes.get(connection.header.route)
        except AgiBadEnvironment:
            connection.drop(Oddity.BAD_ENV)
            return
        if handler is None:
            connection.drop(Oddity.UNKNOWN_ROUTE)
            return
        self.counters.started.inc()
        self.counters.sessions.inc()
        session = AgiSession(connection, self._limits, self.counters)
        task = asyncio.get_running_loop().create_task(self._run(connection, session, handler))
        self._running[connection] = task

    async def _run(self, connection: AgiConnection, session: AgiSession, handler: Handler) -> None:
        try:
            await handler(session)
        except (AgiHangup, AgiConnectionLost):
            pass  # the ordinary end of a call its handler did not wait for
        except Exception:  # noqa: BLE001 - one call's fault must not reach another; the dialplan keeps the caller
            self.counters.odd(Oddity.HANDLER_FAILED)
            _log.exception("agi.handler_failed", route=connection.header.route)
        finally:
            del self._running[connection]
            self.counters.sessions.dec()
            self.counters.commands.inc(connection.commands)
            connection.close()
