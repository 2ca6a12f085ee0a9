"""Calls out that a voice process makes without an agent, each in a task of its own."""

from __future__ import annotations

import asyncio
from typing import Protocol

import structlog

from calls.call_out_states import CallOutMoved
from calls.callback_ids import call_out_id

_log = structlog.get_logger(__name__)


class CallOut(Protocol):
    """One of them."""

    async def make(self) -> None:
        """From its first ring to its end. Raises CallOutMoved once another process holds it."""

    async def give_up(self) -> None:
        """Something went wrong that should not: the record gets an end."""


class CallsInHand:
    """`held` are the ids of those calls out that are under way here."""

    def __init__(self) -> None:
        self.held: set[int] = set()
        self._serving: set[asyncio.Task[None]] = set()

    def begin(self, call_out: int, call: CallOut) -> None:
        """Make a call that this process has claimed."""
        self.held.add(call_out)
        task = asyncio.create_task(self._serve(call_out, call))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    def stop(self) -> None:
        """This process ends. Who talks goes on talking; another process writes the end down."""
        for task in self._serving:
            task.cancel()

    async def _serve(self, call_out: int, call: CallOut) -> None:
        try:
            await call.make()
        except CallOutMoved:
            _log.info("call_out.held_by_another", call=call_out_id(call_out))
        except Exception:  # noqa: BLE001 - one call's fault must not keep the others
            _log.exception("call_out.failed", call=call_out_id(call_out))
            await call.give_up()
        finally:
            self.held.discard(call_out)
