"""A promise to call back that a voice process holds: as a row, and as the call that waits in its place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from calls.callback_ids import attempt_id, leg_id
from calls.callback_models import CallbackRow
from calls.callback_states import CallbackKind
from calls.facts import Kind
from calls.journal import Journal
from calls.live import LiveCall, Scribe
from calls.queueing import CurrentQueues, queue_of
from directory.snapshot import DirectorySnapshot, LinePlan
from hotline.clock import Clock, to_ms


@dataclass(frozen=True, slots=True)
class HeldCallback:
    """`row` is as it was when it was read. `live` has no channel yet: that is the agent's, once one is called."""

    row: CallbackRow
    live: LiveCall

    @property
    def number(self) -> int:
        """The attempt that is under way, from 1."""
        return self.row.attempts + 1


def held_callback(
    row: CallbackRow,
    *,
    directory: DirectorySnapshot,
    queues: CurrentQueues,
    journal: Journal,
    clock: Clock,
    process: str,
) -> HeldCallback:
    """The promise as a call of this process; its story begins with this, or goes on."""
    number = row.attempts + 1
    call = attempt_id(row.id, number)
    told = {"kind": row.kind, "of": row.call_id, "number": number, "requested_at": row.requested_at}
    place_ms = row.entered_ms if row.place_ms is None else row.place_ms
    plan = directory.plan_or_main(row.line, (), clock.now())
    live = LiveCall(
        call=call,
        channel=leg_id(call),
        uniqueid=leg_id(call),
        entered_ms=place_ms,
        entry=0,
        caller=row.caller,
        dialled=row.dialled or "",
        plan=plan,
        scribe=Scribe(journal, clock, call=call, process=process),
        queue=_queue(row, plan, queues, clock.now()),
        head_start_ms=row.head_start_ms,
        queued_ms=row.queued_ms,
        told={"callback": told},
    )
    live.scribe.write(
        Kind.CALLBACK,
        at_ms=to_ms(clock.now()),
        caller=row.caller,
        dialled=row.dialled,
        line=row.line,
        unit=plan.unit,
        promise=row.kind,
        of=row.call_id,
        number=number,
    )
    return HeldCallback(row, live)


def _queue(row: CallbackRow, plan: LinePlan, queues: CurrentQueues, at: datetime) -> str:
    """Where it waited; if that is no more, or the citizen did not ask for it there, where the line's calls wait now."""
    if row.queue in queues.rules and row.kind == CallbackKind.QUEUED and row.attempts == 0:
        return row.queue
    return queues.open_now(queue_of(plan, queues.rules), at)
