"""The web process, put together."""

from __future__ import annotations

import uvicorn

from acd.service import Acd
from hotline import redis
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.settings import Settings
from server.runtime.parts import acd_policy, process_id
from web.app import create_app
from web.services import Services


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: `server.runtime.parts.run` ends every process in one way."""

    def install_signal_handlers(self) -> None:
        return


async def serve(settings: Settings, name: str = "web") -> None:
    """Be the web process until cancelled."""
    clock = SystemClock()
    database = Database(settings.postgres.url, pool_size=10)
    quick = redis.connect(settings.redis.url)
    blocking = redis.connect(settings.redis.url, timeout=None)
    acd = Acd(
        quick, site=settings.site.id, process=process_id(settings, name), clock=clock, policy=acd_policy(settings)
    )
    app = create_app(
        Services(settings=settings, database=database, redis=quick, blocking_redis=blocking, acd=acd, clock=clock)
    )
    server = _Server(
        uvicorn.Config(
            app, host=settings.web.bind, port=settings.web.port, log_level="warning", ws_ping_interval=10, lifespan="on"
        )
    )
    try:
        await server.serve()
    finally:
        await quick.aclose()
        await blocking.aclose()
        await database.close()
