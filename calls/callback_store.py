"""Promises to call back in PostgreSQL: made, claimed by one process at a time, moved by compare-and-set."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import BindParameter, ColumnElement, and_, bindparam, exists, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from calls.callback_ids import CALL_PREFIX, attempt_id
from calls.callback_models import CallbackAttemptRow, CallbackRow
from calls.callback_policy import CallbackPolicy
from calls.callback_states import (
    CANCELLABLE,
    CLOSED,
    CallbackKind,
    CallbackMoved,
    CallbackOutcome,
    CallbackState,
    sources,
)
from calls.facts import Kind
from calls.models import CallRow, JournalRow
from hotline.clock import to_ms
from hotline.database import Database, UtcDateTime
from hotline.errors import NotFound
from hotline.locks import Lock, one_at_a_time

LEASE: Final = timedelta(seconds=10)
"""How long a promise stays with a process that says nothing."""

_CLAIM_BATCH: Final = 20
_IN_QUEUE = (CallbackState.WAITING, CallbackState.PLACING)
_LONGEST_CALL: Final = timedelta(hours=4)
"""A call that entered earlier and has no end is taken for one whose end nobody told."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A promise that is this process' now, and the state it was found in."""

    row: CallbackRow
    found: CallbackState
    lost: bool = False
    """Its last attempt may have dialled the citizen, and nobody lived to write what became of it."""


async def open_of(session: AsyncSession, caller: str) -> CallbackRow | None:
    """The citizen's open promise, locked until the end of the transaction."""
    query = select(CallbackRow).where(CallbackRow.caller_index == caller, CallbackRow.closed_at.is_(None))
    row: CallbackRow | None = await session.scalar(query.with_for_update())
    return row


async def make(session: AsyncSession, **columns: Any) -> CallbackRow | None:
    """A new promise; None if the citizen has an open one: nobody has two."""
    values: dict[str, Any] = {
        "queue": "",
        "head_start_ms": 0,
        "attempts": 0,
        "at_once": False,
        "state": CallbackState.OPEN,
    } | columns
    statement = (
        insert(CallbackRow)
        .values(values)
        .on_conflict_do_nothing(index_elements=["caller_index"], index_where=text("closed_at IS NULL"))
        .returning(CallbackRow)
    )
    row: CallbackRow | None = await session.scalar(statement)
    return row


async def take_over_place(session: AsyncSession, caller: str, columns: dict[str, Any]) -> CallbackRow:
    """The citizen's open promise becomes one that was made while waiting. Raises CallbackMoved when it is in the hands
    of a process: it is about to be kept."""
    row = await open_of(session, caller)
    if row is None or row.state != CallbackState.OPEN:
        raise CallbackMoved("the citizen is being called back already")
    for name, value in columns.items():
        setattr(row, name, value)
    await session.flush()
    return row


async def anything_to_claim(database: Database, now: datetime) -> bool:
    """Whether `claim` would find anything to look at: asked every second by every process, nearly always in vain."""
    ((found,),) = await database.ask(_ANYTHING_TO_CLAIM, {"now": now})
    return bool(found)


async def claim(session: AsyncSession, process: str, policy: CallbackPolicy, now: datetime) -> list[Claim]:
    """Take what is due, and what a process that died held. Promises made while waiting come first, each kind by age.

    A promise that is not to be kept now by policy is put off, or given up when it is too old.
    """
    await one_at_a_time(session, Lock.CALLBACK_CLAIMS)
    busy = await session.scalar(
        select(func.count()).where(
            CallbackRow.closed_at.is_(None),
            CallbackRow.state.in_(_IN_QUEUE),
            CallbackRow.kind != CallbackKind.QUEUED,
            CallbackRow.lease_until >= now,
        )
    )
    room = policy.missed_at_once - (busy or 0)
    query = (
        select(CallbackRow)
        .where(_to_take(now))
        .order_by(CallbackRow.kind != CallbackKind.QUEUED, CallbackRow.entered_ms, CallbackRow.id)
        .limit(_CLAIM_BATCH)
        .with_for_update(skip_locked=True)
    )
    claimed = []
    for row in (await session.scalars(query)).all():
        found = CallbackState(row.state)
        fresh = found is CallbackState.OPEN
        if fresh and (not await _wanted_now(session, row, policy, now)):
            continue
        if row.kind != CallbackKind.QUEUED:
            if room <= 0:
                continue
            room -= 1
        row.owner, row.lease_until = process, now + LEASE
        lost = fresh and await left_unknown(session, row.id, row.attempts)
        if lost:
            await end_attempt(session, row.id, row.attempts, CallbackOutcome.LOST)
        if fresh:
            row.state = CallbackState.WAITING
            # A missed call has lost its place in the queue; it gets the one of somebody who calls now.
            row.place_ms = row.entered_ms if row.kind == CallbackKind.QUEUED else to_ms(now)
            row.queued_ms = row.queued_ms if row.kind == CallbackKind.QUEUED else None
        claimed.append(Claim(row, found, lost))
    return claimed


async def _wanted_now(session: AsyncSession, row: CallbackRow, policy: CallbackPolicy, now: datetime) -> bool:
    if now - row.requested_at > policy.keep:
        row.state, row.outcome, row.closed_at = CallbackState.EXHAUSTED, CallbackOutcome.EXPIRED, now
        return False
    if row.at_once:
        return True
    today = await session.scalar(
        select(func.count()).where(
            CallbackAttemptRow.caller_index == row.caller_index, CallbackAttemptRow.dialled_at >= policy.day_of(now)
        )
    )
    row.next_at = policy.next_day(now) if (today or 0) >= policy.per_day else policy.earliest(row.kind, now)
    return row.next_at <= now


async def renew(session: AsyncSession, process: str, held: Collection[int], now: datetime) -> set[int]:
    """Prolong the lease of what this process holds; returns what it still holds. The others were cancelled, or taken
    over by another process."""
    renewed = await session.scalars(
        update(CallbackRow)
        .where(CallbackRow.id.in_(held), CallbackRow.owner == process, CallbackRow.closed_at.is_(None))
        .values(lease_until=now + LEASE)
        .returning(CallbackRow.id)
    )
    return set(renewed)


async def move(
    session: AsyncSession, callback: int, to: CallbackState, *, process: str, now: datetime, **columns: Any
) -> None:
    """A step of the process that holds the promise. Raises CallbackMoved if it holds it no more, or if the promise is
    not where the step begins."""
    values: dict[str, Any] = {"state": to} | columns
    if to in CLOSED:
        values |= {"closed_at": now}
    if to in CLOSED or to is CallbackState.OPEN:
        values |= {"owner": None, "lease_until": None}
    moved = await session.execute(
        update(CallbackRow)
        .where(CallbackRow.id == callback, CallbackRow.owner == process, CallbackRow.state.in_(sources(to)))
        .values(values)
        .returning(CallbackRow.id)
    )
    if moved.scalar_one_or_none() is None:
        raise CallbackMoved("not held by this process, or in another state")


async def begin_attempt(
    session: AsyncSession, callback: int, number: int, *, caller: str, agent: str, process: str, now: datetime
) -> None:
    """The citizen is about to be dialled. Raises CallbackMoved; once it is written nobody dials this attempt again."""
    counted = await session.execute(
        update(CallbackRow)
        .where(
            CallbackRow.id == callback,
            CallbackRow.owner == process,
            CallbackRow.state == CallbackState.PLACING,
            CallbackRow.attempts == number - 1,
        )
        .values(attempts=number, agent=agent, at_once=False)
        .returning(CallbackRow.id)
    )
    if counted.scalar_one_or_none() is None:
        raise CallbackMoved("not held by this process, or dialled already")
    session.add(
        CallbackAttemptRow(
            callback_id=callback,
            number=number,
            call_id=attempt_id(callback, number),
            caller_index=caller,
            agent=agent,
            dialled_at=now,
        )
    )


async def end_attempt(session: AsyncSession, callback: int, number: int, outcome: str) -> None:
    """What became of an attempt."""
    await session.execute(
        update(CallbackAttemptRow)
        .where(CallbackAttemptRow.callback_id == callback, CallbackAttemptRow.number == number)
        .values(outcome=outcome)
    )


async def was_answered(session: AsyncSession, callback: int, attempts: int) -> bool:
    """Whether the journal tells of a talk in one of the promise's attempts."""
    calls = [attempt_id(callback, number) for number in range(1, attempts + 1)]
    query = select(JournalRow.call_id).where(JournalRow.call_id.in_(calls), JournalRow.kind == Kind.ANSWERED).limit(1)
    return (await session.scalar(query)) is not None


async def left_unknown(session: AsyncSession, callback: int, number: int) -> bool:
    """Whether this attempt dialled the citizen and nobody wrote what became of it."""
    attempt = await session.get(CallbackAttemptRow, (callback, number))
    return attempt is not None and attempt.outcome is None


async def on_the_line(session: AsyncSession, row: CallbackRow, now: datetime) -> bool:
    """Whether the citizen is calling us at this moment, as far as the journal knows."""
    query = (
        select(CallRow.call_id)
        .where(
            CallRow.caller_index == row.caller_index,
            CallRow.entered_at >= now - _LONGEST_CALL,
            CallRow.ended_at.is_(None),
            CallRow.call_id != row.call_id,
            ~CallRow.call_id.startswith(CALL_PREFIX, autoescape=True),
        )
        .limit(1)
    )
    return (await session.scalar(query)) is not None


async def cancel(session: AsyncSession, callback: int, *, by: str, now: datetime) -> CallbackRow:
    """A supervisor takes a promise back. Raises NotFound, CallbackMoved once the talk has begun or it is closed."""
    row = await _locked(session, callback)
    if row.state not in CANCELLABLE:
        raise CallbackMoved("it is kept or closed already")
    row.state, row.outcome, row.closed_at, row.closed_by = CallbackState.CANCELLED, CallbackOutcome.WITHDRAWN, now, by
    row.owner = row.lease_until = None
    return row


async def do_now(session: AsyncSession, callback: int, *, now: datetime) -> CallbackRow:
    """A supervisor wants it done now, whatever spacing and quiet hours say. Raises NotFound, CallbackMoved unless it is
    OPEN."""
    row = await _locked(session, callback)
    if row.state != CallbackState.OPEN:
        raise CallbackMoved("it is under way or closed")
    row.next_at, row.at_once = now, True
    return row


async def found(session: AsyncSession, callback: int) -> CallbackRow:
    """One promise. Raises NotFound."""
    row = await session.get(CallbackRow, callback)
    if row is None:
        raise NotFound("no such callback")
    return row


async def _locked(session: AsyncSession, callback: int) -> CallbackRow:
    row: CallbackRow | None = await session.scalar(
        select(CallbackRow).where(CallbackRow.id == callback).with_for_update()
    )
    if row is None:
        raise NotFound("no such callback")
    return row


def _to_take(now: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """What is due, or was held by a process that died."""
    due = and_(CallbackRow.state == CallbackState.OPEN, CallbackRow.next_at <= now)
    orphaned = and_(CallbackRow.state != CallbackState.OPEN, CallbackRow.lease_until < now)
    return and_(CallbackRow.closed_at.is_(None), or_(due, orphaned))


_ANYTHING_TO_CLAIM: Final = select(exists().where(_to_take(bindparam("now", type_=UtcDateTime))))
