"""Tasks that end when they are told to."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

_ASK_AGAIN_SECONDS = 0.5


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
