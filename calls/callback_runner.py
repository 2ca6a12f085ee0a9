"""Keeps promises to call back: in every voice process, each promise in the hands of one of them.

A promise is claimed in PostgreSQL under a lease, waits in the queue like any call, and is carried out when an agent is
offered. What a process that died held is taken over by another, at its place; what it may have dialled is looked into
first (the queue, the journal), so that nobody who was answered is called again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from acd.errors import AnsweredCall, EpochChanged, UnknownQueue
from acd.model import Offer
from acd.states import CallState
from calls import callback_store as store
from calls.callback_ids import attempt_id
from calls.callback_legs import Legs
from calls.callback_live import HeldCallback
from calls.callback_models import CallbackRow
from calls.callback_offer import CallbackOffer
from calls.callback_policy import NotCallable, digits_to_dial
from calls.callback_queue import hold
from calls.callback_record import CallbackRecord, CitizenOnTheLine
from calls.callback_states import CallbackMoved, CallbackOutcome, CallbackState
from calls.facts import Kind
from calls.placing import Cut, PlacedKind
from calls.queueing import queue_of, request
from calls.switchboard import Switchboard
from hotline.errors import HotlineError, PartUnavailable

_log = structlog.get_logger(__name__)

_CLAIM_SECONDS: Final = 1.0
_RENEW_SECONDS: Final = store.LEASE.total_seconds() / 5
_RETRY_SECONDS: Final = 0.2
_LEAVE_SECONDS: Final = 2.0
_NOT_DIALLED: Final = timedelta(seconds=30)
"""Until a promise is taken up again whose dialling could not be written down."""

_UNDER_WAY = frozenset({CallState.RESERVED, CallState.RINGING, CallState.TALKING})


class CallbackRunner:
    """The promises of one voice process. `legs` is the handler of the FastAGI route `callback`; `address` says where
    that is reached (host:port)."""

    def __init__(self, board: Switchboard, *, address: Callable[[], str]) -> None:
        self._board = board
        self._address = address
        self.legs = Legs(board.ami)
        self.record = CallbackRecord(board)
        self._held: dict[int, HeldCallback] = {}
        self._serving: set[asyncio.Task[None]] = set()
        self._with_somebody: set[asyncio.Task[None] | None] = set()

    @property
    def held(self) -> int:
        """How many promises this process holds."""
        return len(self._held)

    async def run(self) -> None:
        """Claim, renew and serve until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._take_promised())
                group.create_task(self._claim_often())
                group.create_task(self._renew_often())
        finally:
            for task in self._serving:
                task.cancel()

    async def leave(self) -> None:
        """On an orderly stop: promises that wait are given back, for other processes to take up at once. Those of which
        citizen or agent are on the line go on."""
        waiting = [task for task in self._serving if task not in self._with_somebody]
        if waiting:
            await asyncio.wait(waiting, timeout=_LEAVE_SECONDS)

    async def _take_promised(self) -> None:
        """What citizens who wait with this process were promised."""
        while True:
            self._begin(await self._board.promised.get())

    async def _claim_often(self) -> None:
        while True:
            await asyncio.sleep(_CLAIM_SECONDS)
            if self._board.leaving:
                continue
            try:
                await self.claim()
            except (HotlineError, SQLAlchemyError, OSError, TimeoutError) as error:
                _log.info("callbacks.claim_waits", reason=type(error).__name__)

    async def _renew_often(self) -> None:
        while True:
            await asyncio.sleep(_RENEW_SECONDS)
            try:
                await self.renew()
            except (HotlineError, SQLAlchemyError, OSError, TimeoutError) as error:
                _log.info("callbacks.renew_waits", reason=type(error).__name__)

    async def claim(self) -> None:
        """Take what is due, and what others left."""
        board = self._board
        if not await store.anything_to_claim(board.database, board.clock.now()):
            return
        async with self.record.transaction() as session:
            claims = await store.claim(session, board.process, self.record.policy, board.clock.now())
        for claim in claims:
            if claim.row.id in self._held:
                continue
            if claim.lost:
                self.record.tell_lost(claim.row)
            if claim.found is CallbackState.OPEN or await self._recovered(claim.row, claim.found):
                self._begin(hold(board, claim.row))

    async def renew(self) -> None:
        """Keep what is held; let go of what was cancelled or taken over."""
        before = set(self._held)
        if not before:
            return
        async with self.record.transaction() as session:
            kept = await store.renew(session, self._board.process, before, self._board.clock.now())
        for callback in before - kept:
            if (held := self._held.get(callback)) is not None:
                held.live.mailbox.put_nowait({"type": "lost"})
        for held in list(self._held.values()):
            await self._look_after(held)

    async def _look_after(self, held: HeldCallback) -> None:
        """A promise that waits, and that the queue has forgotten after a flush, joins it again."""
        live = held.live
        if live.offer is not None or live.queued_ms is None:
            return
        view = await self._board.acd.call(live.call)
        if view is None or view.state is CallState.ENDED:
            live.mailbox.put_nowait({"type": "forgotten"})

    def _begin(self, held: HeldCallback) -> None:
        self._held[held.row.id] = held
        task = asyncio.create_task(self._serve(held))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _serve(self, held: HeldCallback) -> None:
        board, live = self._board, held.live
        history = asyncio.create_task(board.pops.history(live))
        try:
            digits_to_dial(live.caller, board.directory.snapshot)
            await self._wait(held, history)
        except NotCallable:
            await board.acd_step(board.acd.leave(live.call))
            await self.record.give_up(held, CallbackOutcome.NOT_CALLABLE)
        except AnsweredCall:
            await self.record.answered_elsewhere(held)
        except Cut:
            _log.info("callback.handed_on", call=live.call)
        except Exception:  # noqa: BLE001 - one promise's fault must not keep the others; it is taken up again
            _log.exception("callback.failed", call=live.call)
            await board.acd_step(board.acd.leave(live.call))
            await self.record.give_back(held, after=self.record.policy.spacing)
        finally:
            history.cancel()
            if board.holds(live):
                del board.live[live.call]
            if self._held.get(held.row.id) is held:
                del self._held[held.row.id]

    async def _wait(self, held: HeldCallback, history: asyncio.Task[dict[str, Any]]) -> None:
        """In the queue until it is kept, put off or another's."""
        board, live = self._board, held.live
        await self._enqueue(held)
        while True:
            if board.leaving:
                await self.record.give_back(held)
                return
            message = await live.mailbox.get()
            match message["type"]:
                case "offer":
                    if not await self._offered(held, Offer.from_message(message), history):
                        return
                case "forgotten":
                    await self._enqueue(held)
                case "moved":
                    live.queue = message["queue"]
                case "lost":
                    await board.acd_step(board.acd.leave(live.call))
                    return

    async def _enqueue(self, held: HeldCallback) -> None:
        board, live = self._board, held.live
        while True:
            try:
                await board.acd.enqueue(replace(request(live, board.process), even_if_full=True))
                break
            except UnknownQueue:
                await board.queues.refresh()
                if live.queue not in board.queues.rules:
                    live.queue = queue_of(live.plan, board.queues.rules)
            except EpochChanged:
                board.epoch_lost.set()
            except PartUnavailable:
                board.acd_missed()
            await asyncio.sleep(_RETRY_SECONDS)
        live.queued_ms = live.queued_ms or board.clock.now_ms()
        live.scribe.write(Kind.QUEUED, str(live.entry), queue=live.queue)

    async def _offered(self, held: HeldCallback, offer: Offer, history: asyncio.Task[dict[str, Any]]) -> bool:
        """Whether the promise waits on."""
        board, record = self._board, self.record
        try:
            await record.placing(held)
        except CitizenOnTheLine:
            await board.acd_step(board.acd.leave(offer.call))
            await record.put_off(held)
            return False
        except PartUnavailable:
            # Nobody is called of whom it cannot be written down; the agent is for somebody on the line.
            await board.acd_step(board.acd.leave(offer.call))
            await record.give_back(held)
            return False
        except CallbackMoved:
            await board.acd_step(board.acd.leave(offer.call))
            return False
        call = CallbackOffer(board, self.legs, record, held, address=self._address())
        self._with_somebody.add(asyncio.current_task())
        try:
            placed = await call.carry_out(offer, history)
        finally:
            self._with_somebody.discard(asyncio.current_task())
        match placed.kind:
            case PlacedKind.AGENT_FAILED:
                return await self._still_waiting(held)
            case PlacedKind.NOT_DIALLED:
                await record.give_back(held, after=_NOT_DIALLED)
            case _:
                await record.over(held, CallbackOutcome(placed.outcome))
        return False

    async def _still_waiting(self, held: HeldCallback) -> bool:
        try:
            await self.record.waiting(held)
        except (CallbackMoved, PartUnavailable):
            await self._board.acd_step(self._board.acd.leave(held.live.call))
            await self.record.give_back(held)
            return False
        return True

    async def _recovered(self, row: CallbackRow, found: CallbackState) -> bool:
        """Look into what a process that died left. Whether the promise goes on in the queue, at its place."""
        if found is CallbackState.WAITING:
            return True
        if await self._under_way(row):
            # Its owner is alive after all, or somebody has adopted the call: looked at again when the lease is over.
            return False
        return await self.record.recovered(row, found)

    async def _under_way(self, row: CallbackRow) -> bool:
        """Whether the call of this attempt, or of the one before, rings or is a talk as far as the queue knows."""
        for number in (row.attempts, row.attempts + 1):
            view = await self._board.acd.call(attempt_id(row.id, number)) if number else None
            if view is not None and view.state in _UNDER_WAY:
                return True
        return False
