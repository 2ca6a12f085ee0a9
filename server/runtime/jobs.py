"""The jobs process, put together: the journal's way into PostgreSQL, promises to call back, and what is read back from
Asterisk's own records."""

from __future__ import annotations

import asyncio

from prometheus_client import CollectorRegistry, generate_latest

from calls.callbacks import CallbackIntake
from calls.facts import stream_key
from calls.health import HealthSocket
from calls.ingest import JournalIngest
from calls.readback import Readback
from directory.loader import CurrentDirectory
from hotline import redis
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.settings import Settings
from hotline.tasks import end, never_ending
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
    layout = find(settings)
    directory = CurrentDirectory(database, settings, settings.var_dir / f"directory-{name}.json")
    callbacks = CallbackIntake(spool=layout.callbacks, database=database, directory=directory, process=process)
    readback = Readback(
        host=settings.asterisk.systemname,
        records=layout.cel_file,
        queue_log=layout.log / "queue_log",
        promises=layout.callbacks,
        spool=settings.var_dir / "spool" / "journal",
        database=database,
        directory=directory,
        process=process,
        clock=SystemClock(),
    )
    health = HealthSocket(
        socket_of(settings, name), calls=lambda: 0, metrics=lambda: generate_latest(registry).decode()
    )
    await health.start()
    jobs = [asyncio.create_task(never_ending(job)) for job in (ingest.run, callbacks.run, readback.run)]
    try:
        await asyncio.Event().wait()
    finally:
        await end(jobs)
        await health.close()
        await blocking.aclose()
        await database.close()
