"""Parts that several processes are made of."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import Coroutine
from typing import Any

import uvloop

from acd.model import AcdPolicy
from hotline import logs
from hotline.settings import Settings

_YOUNG_OBJECTS = 10_000
"""New ones that are left over before the collector looks at them; Python's 700 are fewer than one call makes."""


def acd_policy(settings: Settings) -> AcdPolicy:
    """The limits of distribution as the settings have them."""
    keys = settings.acd
    return AcdPolicy(
        lease_ms=keys.lease_ms,
        reserve_ms=keys.reserve_ms,
        ring_ms=settings.voice.ring_seconds * 1000,
        talk_ms=10 * keys.lease_ms,
        wrap_up_ms=keys.wrap_up_seconds * 1000,
        no_answer_not_ready=keys.no_answer_not_ready,
        rebuild_ms=keys.rebuild_ms,
        host_lease_ms=keys.host_lease_ms,
        rest_ms=keys.rest_ms,
        busy_rest_ms=keys.busy_rest_ms,
        failed_rest_ms=keys.failed_rest_ms,
        rest_max_ms=keys.rest_max_ms,
    )


def process_id(settings: Settings, name: str) -> str:
    """`<systemname>/<process>`: unique in the site as long as systemnames are."""
    return f"{settings.asterisk.systemname}/{name}"


def run(settings: Settings, name: str, work: Coroutine[Any, Any, None]) -> None:
    """Run a process until it is told to stop (SIGTERM, SIGINT); its own clean-up then takes the time it needs."""
    logs.configure(name, level=settings.log_level)
    # What is loaded by now stays: a collection that walks through it all holds up every call of the process.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_until_told(work))


async def _until_told(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return
