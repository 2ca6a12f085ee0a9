"""漏接电话回拨: everyone whom nobody answered is owed one callback, in the jobs process.

Every call that ended without an answer is looked at once, and what was decided is kept (`missed_call`). A citizen who
gave up several times is owed one callback all the same; one who called again and was answered is owed none any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import structlog
from sqlalchemy import ColumnElement, exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from calls import callback_store as store
from calls.callback_ids import CALL_PREFIX
from calls.callback_models import CallbackRow, MissedCallRow
from calls.callback_policy import CallbackPolicy, NotCallable, digits_to_dial
from calls.callback_states import CANCELLABLE, CallbackKind, CallbackOutcome, CallbackState
from calls.facts import Entry, Kind, seq_at
from calls.ingest import insert_entries
from calls.models import CallbackRequestRow, CallRow
from calls.nuisance import treatment_of
from calls.nuisance_tables import Measure
from directory.loader import CurrentDirectory
from directory.modes import MAIN_LINE, Mode
from hotline.clock import Clock, to_ms
from hotline.database import Database
from hotline.errors import PartUnavailable
from hotline.tasks import through_outages

_log = structlog.get_logger(__name__)

_BATCH: Final = 500
_PAUSE_SECONDS: Final = 5.0
_LANE: Final = 950
"""Numbers within a millisecond: above those that an owner of the call takes."""

_OPEN: Final = "open"
_TAKEN: Final = "taken"


class Verdict(StrEnum):
    """What was decided for a call that nobody answered."""

    PROMISED = "promised"
    FOLDED = "folded"
    """The citizen is owed a callback already."""
    ANSWERED_SINCE = "answered_since"
    """The citizen called again and was answered."""
    SHORT = "short"
    """Gave up so soon that it was a wrong number."""
    NOT_CALLABLE = "not_callable"
    """Withheld, or a number that is not called back."""
    LIMITED = "limited"
    """A caller whose calls are limited for misuse."""
    EMERGENCY = "emergency"
    """The desk of that number calls back itself."""


class MissedCalls:
    """Makes promises for calls that nobody answered, and takes those back that are no longer wanted."""

    def __init__(
        self, *, database: Database, directory: CurrentDirectory, policy: CallbackPolicy, clock: Clock, process: str
    ) -> None:
        self._database = database
        self._directory = directory
        self._policy = policy
        self._clock = clock
        self._process = process

    async def run(self) -> None:
        """Look every five seconds until cancelled, through outages of the database."""
        await through_outages(self.step, every=_PAUSE_SECONDS, waits="callbacks.missed_waits", also=(PartUnavailable,))

    async def step(self) -> None:
        """Everything once. In this order: whoever got through is owed nothing for an earlier call."""
        await self._directory.refresh()
        now = self._clock.now()
        async with self._database.transaction() as session:
            await self._cancel_answered(session, now)
            await self._take_spool(session, now)
            if self._policy.missed:
                for call in await self._unlooked(session, now):
                    await self._look(session, call, now)

    async def _cancel_answered(self, session: AsyncSession, now: datetime) -> None:
        """Whoever called and was answered after the promise was made needs no callback."""
        got_through = exists().where(
            CallRow.caller_index == CallbackRow.caller_index,
            CallRow.answered_at >= CallbackRow.requested_at,
            CallRow.entered_at >= now - self._policy.keep - timedelta(days=1),
            ~_is_attempt(CallRow.call_id),
        )
        cancelled = await session.execute(
            update(CallbackRow)
            .where(CallbackRow.closed_at.is_(None), CallbackRow.state.in_(CANCELLABLE), got_through)
            .values(
                state=CallbackState.CANCELLED,
                outcome=CallbackOutcome.GOT_THROUGH,
                closed_at=now,
                owner=None,
                lease_until=None,
            )
            .returning(CallbackRow.id, CallbackRow.call_id)
            .execution_options(synchronize_session=False)
        )
        await insert_entries(session, [self._told(row.id, row.call_id, now) for row in cancelled])

    def _told(self, callback: int, call_id: str, now: datetime) -> Entry:
        """The journal of the call it was promised in says why there was none."""
        kind, outcome = Kind.CALLBACK_OUTCOME.value, CallbackOutcome.GOT_THROUGH.value
        return Entry(
            call_id=call_id,
            seq=seq_at(to_ms(now), _LANE),
            fact=f"{kind}:{callback}",
            kind=kind,
            at_ms=to_ms(now),
            process=self._process,
            attributes={"outcome": outcome},
        )

    async def _take_spool(self, session: AsyncSession, now: datetime) -> None:
        """What the dialplan promised by itself is kept like every other promise."""
        query = select(CallbackRequestRow).where(CallbackRequestRow.state == _OPEN).limit(_BATCH)
        for request in (await session.scalars(query.with_for_update(skip_locked=True))).all():
            request.state = _TAKEN
            line = await session.scalar(select(CallRow.line).where(CallRow.call_id == request.call_id))
            verdict, callback = await self._decide(
                session,
                CallbackKind.SPOOL,
                call_id=request.call_id,
                caller=request.caller,
                line=line or request.dialled or MAIN_LINE,
                dialled=request.dialled,
                entered_at=request.entered_at,
                ended_at=request.requested_at,
                now=now,
            )
            await _keep(session, request.call_id, verdict, callback, now)

    async def _unlooked(self, session: AsyncSession, now: datetime) -> Sequence[CallRow]:
        looked_at = exists().where(MissedCallRow.call_id == CallRow.call_id)
        query = (
            select(CallRow)
            .where(
                CallRow.outcome == Kind.ABANDONED.value,
                CallRow.ended_at >= now - self._policy.keep,
                CallRow.entered_at.is_not(None),
                ~looked_at,
                ~_is_attempt(CallRow.call_id),
            )
            .order_by(CallRow.ended_at)
            .limit(_BATCH)
        )
        return (await session.scalars(query)).all()

    async def _look(self, session: AsyncSession, call: CallRow, now: datetime) -> None:
        entered_at, ended_at = call.entered_at, call.ended_at
        callback = None
        if entered_at is None or ended_at is None:
            return
        if call.mode == Mode.EMERGENCY.value:
            verdict = Verdict.EMERGENCY
        elif ended_at - entered_at < self._policy.missed_after:
            verdict = Verdict.SHORT
        else:
            verdict, callback = await self._decide(
                session,
                CallbackKind.MISSED,
                call_id=call.call_id,
                caller=call.caller,
                line=call.line or MAIN_LINE,
                dialled=call.dialled,
                entered_at=entered_at,
                ended_at=ended_at,
                now=now,
            )
        await _keep(session, call.call_id, verdict, callback, now)

    async def _decide(
        self,
        session: AsyncSession,
        kind: CallbackKind,
        *,
        call_id: str,
        caller: str | None,
        line: str,
        dialled: str | None,
        entered_at: datetime,
        ended_at: datetime,
        now: datetime,
    ) -> tuple[Verdict, int | None]:
        try:
            digits_to_dial(caller, self._directory.snapshot)
        except NotCallable:
            return Verdict.NOT_CALLABLE, None
        if caller is None or await _answered_since(session, caller, entered_at):
            return Verdict.ANSWERED_SINCE, None
        treatment = await treatment_of(session, caller, call=call_id, now=now)
        if treatment is not None and treatment.measure is Measure.LIMIT:
            return Verdict.LIMITED, None
        earlier = await store.open_of(session, caller)
        if earlier is not None:
            return Verdict.FOLDED, earlier.id
        row = await store.make(
            session,
            kind=kind,
            caller=caller,
            line=line,
            dialled=dialled,
            call_id=call_id,
            entered_ms=to_ms(entered_at),
            requested_at=ended_at,
            next_at=max(ended_at + self._policy.missed_delay, now),
        )
        if row is None:
            # Promised in this very moment by a process the citizen waits with.
            return Verdict.FOLDED, None
        return Verdict.PROMISED, row.id


def _is_attempt(call_id: InstrumentedAttribute[str]) -> ColumnElement[bool]:
    """Our own calls to citizens are nobody's missed calls."""
    return call_id.startswith(CALL_PREFIX, autoescape=True)


async def _answered_since(session: AsyncSession, caller: str, entered_at: datetime) -> bool:
    """Whether the citizen was answered, by us or by a callback, after this call came in."""
    query = (
        select(CallRow.call_id)
        .where(CallRow.caller_index == caller, CallRow.entered_at >= entered_at, CallRow.answered_at >= entered_at)
        .limit(1)
    )
    return (await session.scalar(query)) is not None


async def _keep(session: AsyncSession, call_id: str, verdict: Verdict, callback: int | None, now: datetime) -> None:
    await session.execute(
        insert(MissedCallRow)
        .values(call_id=call_id, verdict=verdict, callback_id=callback, at=now)
        .on_conflict_do_nothing()
    )
