"""Tasks that end when they are told to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

_ASK_AGAIN_SECONDS = 0.5
_BEGIN_AGAIN_SECONDS = 0.5

_log = structlog.get_logger(__name__)


async def end(tasks: Iterable[asyncio.Task[Any]]) -> None:
    """Cancel tasks and wait until all have ended; what they end with is not raised.

    Asks again: one cancellation can be lost inside a library (`asyncio.wait_for` before Python 3.12 returns the
    result that came in the same moment and forgets the cancellation), and the task would run on for ever.
    """
    remaining = {task for task in tasks if not task.done()}
    while remaining:
        for task in remaining:
            task.cancel()
        _, remaining = await asyncio.wait(remaining, timeout=_ASK_AGAIN_SECONDS)


async def never_ending(job: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a job of a process for ever: one that fails in a way nobody foresaw is logged and begun again.

    A process holds citizens' calls; a fault beside them must not drop them.
    """
    while True:
        try:
            await job()
        except Exception:  # noqa: BLE001 - see above
            _log.exception("job.failed", job=getattr(job, "__qualname__", repr(job)))
        await asyncio.sleep(_BEGIN_AGAIN_SECONDS)


async def through_outages(
    step: Callable[[], Coroutine[Any, Any, object]],
    *,
    every: float,
    waits: str,
    also: tuple[type[Exception], ...] = (),
) -> None:
    """Take a step, and again `every` so many seconds until cancelled. One that PostgreSQL, a network or `also` one of
    these is in the way of is logged as `waits`, and taken again in its turn."""
    outages: tuple[type[Exception], ...] = (SQLAlchemyError, OSError, TimeoutError, *also)
    while True:
        try:
            await step()
        except outages as error:
            _log.warning(waits, reason=type(error).__name__)
        await asyncio.sleep(every)


async def first_of(*works: Coroutine[Any, Any, None]) -> None:
    """Run all until one ends, end the others, and raise what it ended with, if anything."""
    tasks = [asyncio.ensure_future(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end(tasks)
    errors = [error for task in done if (error := task.exception()) is not None]
    if errors:
        raise errors[0]
