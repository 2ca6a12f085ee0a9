"""What the jobs process does for recordings: seal, watch the disk, erase what is due."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from prometheus_client import CollectorRegistry

from calls.recording.files import Vault
from calls.recording.keeping import Retention
from calls.recording.metrics import RecordingMetrics
from calls.recording.room import RoomWatch
from calls.recording.sealing import Sealer
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.settings import Settings
from server.asterisk.layout import Layout


def recording_jobs(
    settings: Settings, layout: Layout, *, database: Database, process: str, registry: CollectorRegistry
) -> list[Callable[[], Coroutine[Any, Any, None]]]:
    """They go on where recording was switched off: what lies there is kept, and erased in its time."""
    metrics = RecordingMetrics(registry)
    vault = Vault.of(settings)
    clock, host = SystemClock(), settings.asterisk.systemname
    sealer = Sealer(
        settings=settings,
        recorded=layout.recordings,
        vault=vault,
        database=database,
        process=process,
        clock=clock,
        metrics=metrics,
    )
    room = RoomWatch(
        keys=settings.recording,
        folders=(layout.recordings, vault.folder),
        database=database,
        host=host,
        clock=clock,
        metrics=metrics,
    )
    retention = Retention(vault=vault, database=database, host=host, clock=clock, metrics=metrics)
    return [sealer.run, room.run, retention.run]
