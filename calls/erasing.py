"""Who called is erased from calls when its time is over, or when the citizen asks for it (个人信息保护法 19, 47).

A call stays with its facts, times and figures, without its number; so do promises, messages, calls out and what went
with a call. What is still under way needs its citizen and waits: an open promise, a message that is no ticket yet,
data another platform does not have yet, a flag in force. A call whose recording is under a legal hold (依法保全) waits
until that is lifted. A step takes a few rows in a transaction of its own, so that a run may be broken off anywhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog
from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, tuple_, type_coerce, update
from sqlalchemy.ext.asyncio import AsyncSession

from calls.call_out_models import CallOutRow, DoNotCallRow
from calls.callback_models import CallbackAttemptRow, CallbackRow, VoiceMessageRow
from calls.erasing_tables import CallErasureRow
from calls.facts import Kind
from calls.handover_models import HandoverRow, HandoverState, ReceivedHandoverRow
from calls.message_files import forget_sound
from calls.models import CallbackRequestRow, CallRow, JournalRow
from calls.nuisance_tables import NuisanceFlag
from calls.recording.states import RecordingState
from calls.recording.tables import RecordingRow
from calls.round_models import VisitItemRow
from calls.vulnerable import VulnerableCaller
from directory import audit
from hotline.clock import Clock
from hotline.database import Database
from hotline.sealed import Indexed
from hotline.tasks import through_outages
from ticketing import erasing as of_tickets
from ticketing.handling.tables import PersonalErasureRow

_log = structlog.get_logger(__name__)

_BATCH: Final = 200
_PAUSE_SECONDS: Final = 600.0
_CAN_LAST: Final = timedelta(hours=12)
"""A call that entered earlier is over, whether or not somebody told its end."""
_KEPT: Final = (RecordingState.SEALED.value, RecordingState.DAMAGED.value)


@dataclass(frozen=True, slots=True)
class _Record:
    """A table beside the calls: whose a row is, since when it is over (empty: it is not), and what it is without the
    citizen."""

    table: Any
    person: Any
    over: Any
    without: dict[str, Any]
    ready: Callable[[], ColumnElement[bool]] | None = None

    @property
    def key(self) -> list[Any]:
        return list(self.table.__table__.primary_key.columns)


def _held(call: Any) -> ColumnElement[bool]:
    return exists().where(RecordingRow.call_id == call, RecordingRow.held_at.is_not(None))


_WITHOUT_CALLER: Final = {"caller": "", "caller_index": None}
_RECORDS: Final = (
    _Record(CallbackRow, CallbackRow.caller_index, CallbackRow.closed_at, _WITHOUT_CALLER),
    _Record(
        VoiceMessageRow,
        VoiceMessageRow.caller_index,
        VoiceMessageRow.left_at,
        {"caller": None, "caller_index": None, "transcript": None},
        lambda: and_(VoiceMessageRow.ticket.is_not(None), ~_held(VoiceMessageRow.call_id)),
    ),
    _Record(CallOutRow, CallOutRow.number_index, CallOutRow.closed_at, {"number": "", "number_index": None}),
    _Record(VisitItemRow, VisitItemRow.number_index, VisitItemRow.closed_at, {"number": None, "number_index": None}),
    _Record(
        ReceivedHandoverRow,
        ReceivedHandoverRow.caller_index,
        ReceivedHandoverRow.received_at,
        _WITHOUT_CALLER | {"summary": ""},
    ),
    _Record(
        NuisanceFlag,
        NuisanceFlag.caller_index,
        func.coalesce(NuisanceFlag.lifted_at, NuisanceFlag.expires_at),
        _WITHOUT_CALLER,
    ),
)


class CallErasing:
    """Erases what is due, in the jobs process. Any number may run: a row is taken by one. `sounds` is where messages
    of `host` are kept; their files go with the rows."""

    def __init__(self, database: Database, clock: Clock, *, host: str, sounds: Path) -> None:
        self._database = database
        self._clock = clock
        self._host = host
        self._sounds = sounds

    async def run(self) -> None:
        """Look every ten minutes until cancelled, through outages of the database."""
        await through_outages(self.step, every=_PAUSE_SECONDS, waits="calls.erasing_waits")

    async def step(self) -> int:
        """Everything that is due; how many records."""
        erased = 0
        while some := await self._calls_due():
            erased += some
        for kind in _RECORDS:
            while some := await self._records_due(kind):
                erased += some
        for request in await self._open():
            while some := await self._asked(request):
                erased += some
        await self._forget_sounds()
        if erased:
            _log.info("calls.erased", records=erased)
        return erased

    async def _before(self, session: AsyncSession) -> datetime:
        now = self._clock.now()
        return now - timedelta(days=(await of_tickets.policy_of_today(session, now)).call_days)

    async def _calls_due(self) -> int:
        now = self._clock.now()
        async with self._database.transaction() as session:
            before = await self._before(session)
            found = await _some_calls(session, _NAMES_SOMEBODY, CallRow.entered_at <= before, now)
            await _without_citizen(session, found)
            await self._told(session, "calls", len(found), why=of_tickets.BY, by=of_tickets.BY)
        return len(found)

    async def _records_due(self, kind: _Record) -> int:
        async with self._database.transaction() as session:
            before = await self._before(session)
            found = await _some_records(session, kind, kind.person.is_not(None), before)
            await _clear(session, kind, found, self._clock.now())
            await self._told(session, kind.table.__tablename__, len(found), why=of_tickets.BY, by=of_tickets.BY)
        return len(found)

    async def _open(self) -> Sequence[int]:
        async with self._database.transaction() as session:
            wanted = select(CallErasureRow.request_id).where(CallErasureRow.done_at.is_(None))
            return (await session.scalars(wanted.order_by(CallErasureRow.request_id))).all()

    async def _asked(self, request: int) -> int:
        """Some of what a citizen asked for; 0 ends the request, or leaves it until what is under way is over."""
        now = self._clock.now()
        async with self._database.transaction() as session:
            row = await session.get(CallErasureRow, request, with_for_update=True, populate_existing=True)
            if row is None or row.done_at is not None:
                return 0
            asked = await session.get_one(PersonalErasureRow, request)
            person = type_coerce(row.person, Indexed())
            erased: dict[str, int] = {}
            calls = await _some_calls(session, _is_theirs(person), CallRow.entered_at.is_not(None), now)
            await _without_citizen(session, calls)
            await _recordings_end(session, calls, now)
            erased["call"] = len(calls)
            for kind in _RECORDS:
                found = await _some_records(session, kind, kind.person == person, now)
                await _clear(session, kind, found, now)
                erased[kind.table.__tablename__] = len(found)
            gone = delete(VulnerableCaller).where(VulnerableCaller.caller_index == person)
            erased["vulnerable_caller"] = len((await session.scalars(gone.returning(VulnerableCaller.marked_at))).all())
            # That they are not to be called goes on: by the index alone.
            await _set(session, DoNotCallRow, DoNotCallRow.number_index == person, {"number": ""})
            some = sum(erased.values())
            row.records += some
            if not some and not await _named(session, person):
                row.person, row.done_at = None, now
            for table, count in erased.items():
                await self._told(session, table, count, why=f"request:{request}", by=asked.asked_by)
            return some

    async def _told(self, session: AsyncSession, table: str, count: int, *, why: str, by: str) -> None:
        """The audit log has how many went, and why; whose they were is nowhere."""
        if count:
            await session.flush()
            told = {"records": count, "why": why}
            now = self._clock.now()
            await audit.record(session, at=now, actor=by, action="calls.erased", subject=table, after=told)

    async def _forget_sounds(self) -> None:
        """Files of messages that were erased and lie on this host."""
        async with self._database.transaction() as session:
            mine = and_(VoiceMessageRow.erased_at.is_not(None), VoiceMessageRow.sha256 != "")
            here = select(VoiceMessageRow).where(mine, VoiceMessageRow.host == self._host).limit(_BATCH)
            for row in (await session.scalars(here.with_for_update(skip_locked=True))).all():
                await asyncio.to_thread(forget_sound, self._sounds, row.call_id)
                row.sha256 = ""


_NAMES_SOMEBODY: Final = or_(CallRow.caller_index.is_not(None), CallRow.called_index.is_not(None))


def _is_theirs(person: Any) -> ColumnElement[bool]:
    return or_(CallRow.caller_index == person, CallRow.called_index == person)


async def _some_calls(
    session: AsyncSession, whose: ColumnElement[bool], which: ColumnElement[bool], now: datetime
) -> Sequence[str]:
    """Calls that are over and that nothing needs any more, the oldest first, each for nobody else at a time."""
    over = or_(CallRow.ended_at.is_not(None), CallRow.entered_at < now - _CAN_LAST)
    promised = exists().where(CallbackRow.call_id == CallRow.call_id, CallbackRow.closed_at.is_(None))
    on_its_way = exists().where(
        HandoverRow.call_id == CallRow.call_id, HandoverRow.state == HandoverState.PENDING.value
    )
    unread = exists().where(VoiceMessageRow.call_id == CallRow.call_id, VoiceMessageRow.ticket.is_(None))
    wanted = (
        select(CallRow.call_id)
        .where(whose, which, over, ~_held(CallRow.call_id), ~promised, ~on_its_way, ~unread)
        .order_by(CallRow.entered_at)
        .limit(_BATCH)
    )
    return (await session.scalars(wanted.with_for_update(skip_locked=True, of=CallRow))).all()


async def _without_citizen(session: AsyncSession, calls: Sequence[str]) -> None:
    """Calls, their facts, what went with them and what the dialplan promised by itself."""
    if not calls:
        return
    nobody = {"caller": None, "caller_index": None, "called": None, "called_index": None}
    await _set(session, CallRow, CallRow.call_id.in_(calls), nobody)
    told = and_(JournalRow.call_id.in_(calls), JournalRow.personal.is_not(None))
    await _set(session, JournalRow, told, {"personal": None})
    # How a pop went says nothing any more once it shows nobody; no figure counts it.
    pops = delete(JournalRow).where(JournalRow.call_id.in_(calls), JournalRow.kind == Kind.POPPED.value)
    await session.execute(pops.execution_options(synchronize_session=False))
    await _set(session, HandoverRow, HandoverRow.call_id.in_(calls), {"told": {}, "payload": None})
    await _set(session, CallbackRequestRow, CallbackRequestRow.call_id.in_(calls), {"caller": None})


async def _set(session: AsyncSession, table: Any, where: ColumnElement[bool], values: dict[str, Any]) -> None:
    """Change rows that no object of the session stands for."""
    await session.execute(update(table).where(where).values(values).execution_options(synchronize_session=False))


async def _recordings_end(session: AsyncSession, calls: Sequence[str], now: datetime) -> None:
    """What was recorded of them is kept no longer; who keeps the files erases them."""
    kept = and_(RecordingRow.call_id.in_(calls), RecordingRow.held_at.is_(None), RecordingRow.state.in_(_KEPT))
    await _set(session, RecordingRow, and_(kept, RecordingRow.retain_until > now), {"retain_until": now})


async def _some_records(
    session: AsyncSession, kind: _Record, whose: ColumnElement[bool], before: datetime
) -> Sequence[Any]:
    """Keys of rows that were over by then."""
    wanted = select(*kind.key).where(whose, kind.over <= before).limit(_BATCH)
    if kind.ready is not None:
        wanted = wanted.where(kind.ready())
    return (await session.execute(wanted.with_for_update(skip_locked=True))).all()


async def _clear(session: AsyncSession, kind: _Record, found: Sequence[Any], now: datetime) -> None:
    if not found:
        return
    without = kind.without | ({"erased_at": now} if kind.table is VoiceMessageRow else {})
    await _set(session, kind.table, tuple_(*kind.key).in_([tuple(row) for row in found]), without)
    if kind.table is CallbackRow:
        attempts = CallbackAttemptRow.callback_id.in_([row[0] for row in found])
        await _set(session, CallbackAttemptRow, attempts, {"caller_index": None})


async def _named(session: AsyncSession, person: Any) -> bool:
    """Whether anything names the citizen still."""
    places = [exists().where(_is_theirs(person)), *(exists().where(kind.person == person) for kind in _RECORDS)]
    return bool(await session.scalar(select(or_(*places))))


async def ask(session: AsyncSession, number: str, reason: str, *, by: str, at: datetime) -> PersonalErasureRow:
    """Write down that the citizen of this number wants to be forgotten, in tickets and calls. Raises AlreadyAsked."""
    row = await of_tickets.ask(session, number, reason, by=by, at=at)
    session.add(CallErasureRow(request_id=row.id, person=number, records=0))
    await session.flush()
    return row


async def progress(session: AsyncSession, requests: Sequence[int]) -> dict[int, CallErasureRow]:
    """How far requests are with calls, by number; one made before there was this part has none."""
    rows = await session.scalars(select(CallErasureRow).where(CallErasureRow.request_id.in_(requests)))
    return {row.request_id: row for row in rows}


async def waiting(session: AsyncSession, now: datetime) -> int:
    """How many calls are due by policy."""
    before = now - timedelta(days=(await of_tickets.policy_of_today(session, now)).call_days)
    due = select(func.count()).select_from(CallRow).where(_NAMES_SOMEBODY, CallRow.entered_at <= before)
    return await session.scalar(due.where(~_held(CallRow.call_id))) or 0
