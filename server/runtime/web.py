"""The web process, put together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import uvicorn

from acd.service import Acd
from calls.ticket_links import TicketLinks
from directory.loader import CurrentDirectory
from directory.passwords import Passwords
from directory.sessions import SessionPolicy, Sessions
from hotline import redis
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.events import EventBus
from hotline.settings import Settings
from server.asterisk import secrets
from server.runtime.parts import acd_policy, process_id
from ticketing.events import TicketLinked
from web.app import create_app
from web.phone.messages import LONGEST_MESSAGE
from web.services import Services

_STOP_SECONDS: Final = 5
"""Longest wait for requests and sockets on an orderly stop."""

_IDLE_SECONDS: Final = 75
"""How long an idle connection is kept: longer than programs (5 s) and proxies before us (60 s) keep theirs, so that it
is they who close it. A server that closes first may do so in the instant the next request is on its way."""


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: `server.runtime.parts.run` ends every process in one way."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(settings: Settings, name: str = "web") -> None:
    """Be the web process until cancelled."""
    clock = SystemClock()
    database = Database.of(settings, pool_size=10)
    quick = redis.connect(settings.redis.url)
    blocking = redis.connect(settings.redis.url, timeout=None)
    acd_process = process_id(settings, name)
    acd = Acd(quick, site=settings.site.id, process=acd_process, clock=clock, policy=acd_policy(settings))
    events = EventBus()
    events.subscribe(TicketLinked, TicketLinks(database=database, process=acd_process).linked)
    app = create_app(
        Services(
            settings=settings,
            database=database,
            redis=quick,
            blocking_redis=blocking,
            acd=acd,
            directory=CurrentDirectory(database, settings, settings.var_dir / f"directory-{name}.json"),
            sessions=Sessions(
                database,
                Passwords(),
                clock,
                SessionPolicy.of(settings),
            ),
            clock=clock,
            phone_password=secrets.load(settings).phone,
            events=events,
        )
    )
    server = _Server(
        uvicorn.Config(
            app,
            host=settings.web.bind,
            port=settings.web.port,
            log_level="warning",
            ws_ping_interval=10,
            ws_max_size=LONGEST_MESSAGE,
            # Frames are small and stay in the house; each socket would cost memory and each frame time.
            ws_per_message_deflate=False,
            lifespan="on",
            timeout_keep_alive=_IDLE_SECONDS,
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
    )
    serving = asyncio.ensure_future(server.serve())
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        # Told to stop: sockets are closed in order, and agents' pages reconnect to the next process.
        server.should_exit = True
        await serving
        raise
    finally:
        await quick.aclose()
        await blocking.aclose()
        await database.close()
