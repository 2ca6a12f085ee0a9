"""A call joins its queue: where its place is, who is asked first, and what happens when the queue is full."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

from acd.errors import EpochChanged, QueueFull, UnknownQueue
from acd.model import CallRequest
from acd.queues import Overflow, OverflowAction
from calls.affinity import preferred
from calls.announcing import Announcements
from calls.facts import Kind
from calls.live import LiveCall
from calls.priority import HeadStart, head_start
from calls.queueing import request
from calls.switchboard import Switchboard
from directory.modes import GENERAL_GROUP, Fallback
from hotline.errors import PartUnavailable

_RETRY_SECONDS = 0.2

History = asyncio.Task[dict[str, Any]]
"""What is known of the caller, looked up since the entry; it leaves `LiveCall.record` behind."""


class Degraded(Exception):
    """The ACD has been away too long: the dialplan's native queue takes over. Not an error of the call's."""


class Joining:
    """One call on its way into a queue. What the citizen should hear of that is told to `words`."""

    def __init__(self, board: Switchboard, live: LiveCall, words: Announcements) -> None:
        self._board = board
        self._live = live
        self._words = words
        self._given = HeadStart()

    async def claim(self, history: History) -> None:
        """Head start and preferred agent, if what is known of the caller is there in time; else there are none."""
        board, live = self._board, self._live
        keys = board.settings
        await asyncio.wait({history}, timeout=keys.priority.lookup_ms / 1000)
        now = board.clock.now()
        self._given = head_start(
            live.record,
            keys.priority,
            emergency=live.plan.fallback is Fallback.REDIAL,
            now=now,
            at_most_ms=board.acd.policy.head_start_max_ms,
        )
        live.head_start_ms = self._given.ms
        live.prefer = preferred(live.record, within=timedelta(hours=keys.waiting.affinity_hours), now=now)

    async def join(self) -> None:
        """Wait in the queue at the call's place, as often as it takes. Raises Degraded, AnsweredCall."""
        board, live = self._board, self._live
        full: list[str] = []
        asked = request(live, board.process)
        while True:
            try:
                await board.acd.enqueue(asked)
                break
            except QueueFull:
                asked = self._around(full)
                continue
            except UnknownQueue:
                if live.queue not in board.queues.rules:
                    live.queue = GENERAL_GROUP
                await board.acd_step(board.queues.tell())
                asked = request(live, board.process)
            except EpochChanged:
                board.epoch_lost.set()
            except PartUnavailable:
                board.acd_missed()
                if board.degraded:
                    raise Degraded from None
            await asyncio.sleep(_RETRY_SECONDS)
        live.queued_ms = live.queued_ms or board.clock.now_ms()
        if live.entry > 1:
            await board.acd_step(self._learn_queue())
        live.scribe.write(
            Kind.QUEUED,
            str(live.entry),
            queue=live.queue,
            groups=list(live.plan.groups_first),
            full=full,
            head_start_ms=self._given.ms,
            reasons=list(self._given.reasons),
            prefer=live.prefer,
        )

    def _around(self, full: list[str]) -> CallRequest:
        """Another way in, for nobody is turned away: through the queue its rule names, else in spite of the limit."""
        board, live = self._board, self._live
        rule = board.queues.rules.get(live.queue)
        overflow = rule.when_full if rule else Overflow()
        full.append(live.queue)
        self._words.full(overflow)
        if overflow.action is OverflowAction.QUEUE and overflow.queue not in full:
            live.queue = overflow.queue
            return request(live, board.process)
        return replace(request(live, board.process), even_if_full=True)

    async def _learn_queue(self) -> None:
        """A call that came in again is where it was, which may be another queue by now."""
        known = await self._board.acd.call(self._live.call)
        if known is not None:
            self._live.queue = known.queue
