"""A citizen who waits asks to be called back instead: the promise takes over the place in the queue."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from calls import callback_store as store
from calls.callback_live import HeldCallback, held_callback
from calls.callback_models import CallbackRow
from calls.callback_policy import digits_to_dial
from calls.callback_record import CallbackRecord
from calls.callback_states import CallbackKind, CallbackState
from calls.facts import CALLBACK_PROMISED, Kind
from calls.live import LiveCall
from calls.queueing import request
from calls.switchboard import Switchboard
from hotline.errors import HotlineError


@dataclass(frozen=True, slots=True)
class CallbackAccepted:
    """The promise is kept in PostgreSQL. `position` counts from 1 in its queue; None if it is not known now."""

    callback: int
    call: str
    """Under which it waits."""
    position: int | None


async def accept(board: Switchboard, live: LiveCall) -> CallbackAccepted:
    """排队回拨: keep the citizen's place for a callback.

    Only while the call waits. Afterwards it is out of the queue and its story is told: what is left is goodbye and
    hanging up. The promise is committed first, and only then does it take the place. Raises NotCallable for a number
    that is not called back, PartUnavailable when PostgreSQL does not take it in time, CallbackMoved when the citizen is
    being called back already: then nothing has changed for the call, which keeps waiting.
    """
    digits_to_dial(live.caller, board.directory.snapshot)
    async with CallbackRecord(board).transaction() as session:
        row = await _promise(session, board, live)
    held = hold(board, row)
    # It waits before the call leaves: whoever comes next stays behind it.
    await board.acd_step(board.acd.enqueue(replace(request(held.live, board.process), even_if_full=True)))
    live.scribe.write(Kind.CALLBACK_REQUESTED, promise=row.id, callback_kind=row.kind)
    live.scribe.write(Kind.ENDED, outcome=CALLBACK_PROMISED)
    await board.acd_step(board.acd.leave(live.call))
    position = await _position(board, held.live.call)
    # The runner enqueues it once more, which changes nothing, and as often as it takes if it could not be done now.
    board.promised.put_nowait(held)
    return CallbackAccepted(row.id, held.live.call, position)


def hold(board: Switchboard, row: CallbackRow) -> HeldCallback:
    """The promise among the calls of this process."""
    held = held_callback(
        row,
        directory=board.directory.snapshot,
        queues=board.queues,
        journal=board.journal,
        clock=board.clock,
        process=board.process,
    )
    board.live[held.live.call] = held.live
    return held


async def _promise(session: AsyncSession, board: Switchboard, live: LiveCall) -> CallbackRow:
    now = board.clock.now()
    columns: dict[str, Any] = {
        "kind": CallbackKind.QUEUED,
        "line": live.plan.number,
        "dialled": live.dialled[:32],
        "queue": live.queue,
        "call_id": live.call,
        "entered_ms": live.entered_ms,
        "head_start_ms": live.head_start_ms,
        "place_ms": live.entered_ms,
        "queued_ms": live.queued_ms,
        "requested_at": now,
        "state": CallbackState.WAITING,
        "next_at": now,
        "owner": board.process,
        "lease_until": now + store.LEASE,
    }
    row = await store.make(session, caller=live.caller, **columns)
    if row is not None:
        return row
    # The line owes this citizen a callback already: it is this one from now on.
    return await store.take_over_place(session, str(live.caller), columns)


async def _position(board: Switchboard, call: str) -> int | None:
    try:
        return await board.acd.position(call)
    except HotlineError:
        return None
