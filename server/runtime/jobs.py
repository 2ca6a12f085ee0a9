"""The jobs process, put together: the journal's way into PostgreSQL, and promises to call back."""

from __future__ import annotations

import asyncio

from prometheus_client import CollectorRegistry, generate_latest

from calls.callbacks import CallbackIntake
from calls.facts import stream_key
from calls.health import HealthSocket
from calls.ingest import JournalIngest
from hotline import redis
from hotline.database import Database
from hotline.settings import Settings
from server.asterisk.layout import find
from server.provision.programs import socket_of
from server.runtime.parts import process_id


async def serve(settings: Settings, name: str = "jobs") -> None:
    """Be the jobs process until cancelled."""
    process = process_id(settings, name)
    database = Database(settings.postgres.url)
    blocking = redis.connect(settings.redis.url, timeout=10.0)
    registry = CollectorRegistry()
    ingest = JournalIngest(
        redis=blocking,
        database=database,
        site=settings.site.id,
        stream=stream_key(settings.site.id),
        consumer=process,
    )
    callbacks = CallbackIntake(
        spool=find(settings).callbacks,
        database=database,
        area_code=settings.site.area_code,
        process=process,
    )
    health = HealthSocket(
        socket_of(settings, name), calls=lambda: 0, metrics=lambda: generate_latest(registry).decode()
    )
    await health.start()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(ingest.run())
            group.create_task(callbacks.run())
    finally:
        await health.close()
        await blocking.aclose()
        await database.close()
