"""Calls out in PostgreSQL: asked for, claimed by one process, moved by compare-and-set; and what was called when."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, bindparam, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from calls.call_out_models import CallOutRow, DoNotCallRow
from calls.call_out_states import CLOSED, CallOutMoved, CallOutState, NotPlaced, Purpose, sources
from calls.callback_ids import call_out_id
from calls.callback_models import CallbackAttemptRow
from calls.facts import Kind
from calls.models import CallRow, JournalRow
from hotline.database import Database, UtcDateTime
from hotline.errors import Conflict, NotFound
from hotline.locks import Lock, one_at_a_time

LEASE: Final = timedelta(seconds=10)
"""How long a call out stays with a process that says nothing."""

TAKE_UP: Final = timedelta(seconds=10)
"""A call out that no process takes up for so long is not made any more."""

_CLAIM_BATCH: Final = 20
_HISTORY: Final = timedelta(days=3)
"""How far back calls to a number are looked at; no limit of the policy reaches further than a day."""


class CallOutBusy(Conflict):
    """The number is being called, or the agent is calling somebody. `remedy` is what the agent's screen shows."""

    code = "call_out.busy"


@dataclass(frozen=True, slots=True)
class Claim:
    """A call out that is this process' now, and the state it was found in."""

    row: CallOutRow
    found: CallOutState


async def lock_number(session: AsyncSession, number: str) -> None:
    """Until the end of the transaction nobody else decides about calling this number."""
    await one_at_a_time(session, Lock.CALLS_OUT, number)


async def history(session: AsyncSession, number: str, now: datetime) -> list[datetime]:
    """When the number was called out or back lately."""
    since = now - _HISTORY
    out = select(CallOutRow.dialled_at).where(CallOutRow.number_index == number, CallOutRow.dialled_at >= since)
    back = select(CallbackAttemptRow.dialled_at).where(
        CallbackAttemptRow.caller_index == number, CallbackAttemptRow.dialled_at >= since
    )
    return [at for at in await session.scalars(out.union_all(back)) if at is not None]


async def barred(session: AsyncSession, number: str) -> frozenset[str]:
    """The number itself if it is not to be called."""
    listed = await session.scalar(select(exists().where(DoNotCallRow.number_index == number)))
    return frozenset((number,)) if listed else frozenset()


async def bar(session: AsyncSession, number: str, *, reason: str, by: str, now: datetime) -> None:
    """Put a number on the list of those that are not called; one that is there stays as it is."""
    row = {"number": number, "reason": reason, "added_by": by, "added_at": now}
    await session.execute(insert(DoNotCallRow).values(row).on_conflict_do_nothing())


async def unbar(session: AsyncSession, number: str) -> None:
    """Take a number off the list. Raises NotFound."""
    row = await session.scalar(select(DoNotCallRow).where(DoNotCallRow.number_index == number))
    if row is None:
        raise NotFound("not on the list")
    await session.delete(row)


async def add(session: AsyncSession, **columns: Any) -> CallOutRow:
    """A new call out. Raises CallOutBusy when its number or its agent has one that is open."""
    statement = insert(CallOutRow).values(columns).on_conflict_do_nothing().returning(CallOutRow)
    row: CallOutRow | None = await session.scalar(statement)
    if row is None:
        raise CallOutBusy("the number or the agent has a call out that is open", remedy="您或该号码正在外呼中")
    return row


async def anything_to_claim(database: Database, now: datetime) -> bool:
    """Whether `claim` would find anything to look at: asked often by every process, nearly always in vain."""
    ((found,),) = await database.ask(_ANYTHING, {"now": now})
    return bool(found)


async def claim(session: AsyncSession, process: str, now: datetime) -> list[Claim]:
    """Take what was asked for by agents, and what a process that died held. What waited for too long is taken as
    well: for its end to be told."""
    query = (select(CallOutRow).where(_to_take(now)).order_by(CallOutRow.id).limit(_CLAIM_BATCH)).with_for_update(
        skip_locked=True
    )
    claims = []
    for row in (await session.scalars(query)).all():
        row.owner, row.lease_until = process, now + LEASE
        claims.append(Claim(row, CallOutState(row.state)))
    return claims


async def renew(session: AsyncSession, process: str, held: Collection[int], now: datetime) -> set[int]:
    """Prolong the lease of what this process holds; returns what it still holds."""
    renewed = await session.scalars(
        update(CallOutRow)
        .where(CallOutRow.id.in_(held), CallOutRow.owner == process, CallOutRow.closed_at.is_(None))
        .values(lease_until=now + LEASE)
        .returning(CallOutRow.id)
    )
    return set(renewed)


async def move(
    session: AsyncSession, call_out: int, to: CallOutState, *, process: str, now: datetime, **columns: Any
) -> CallOutRow:
    """A step of the process that holds it. Raises CallOutMoved if it holds it no more, or if the call out is not where
    the step begins."""
    values: dict[str, Any] = {"state": to} | columns
    if to in CLOSED:
        values |= {"closed_at": now, "owner": None, "lease_until": None}
    row: CallOutRow | None = await session.scalar(
        update(CallOutRow)
        .where(CallOutRow.id == call_out, CallOutRow.owner == process, CallOutRow.state.in_(sources(to)))
        .values(values)
        .returning(CallOutRow)
        .execution_options(populate_existing=True)
    )
    if row is None:
        raise CallOutMoved("not held by this process, or in another state")
    return row


async def surveys_under_way(session: AsyncSession, now: datetime) -> tuple[int, int]:
    """How many automated calls are open, and how many were begun in the last minute."""
    open_now = func.count().filter(CallOutRow.closed_at.is_(None))
    lately = func.count().filter(CallOutRow.requested_at > now - timedelta(minutes=1))
    query = select(open_now, lately).where(
        CallOutRow.purpose == Purpose.SURVEY,
        or_(CallOutRow.closed_at.is_(None), CallOutRow.requested_at > now - timedelta(minutes=1)),
    )
    under_way, begun = (await session.execute(query)).one()
    return under_way, begun


async def told_by_journal(session: AsyncSession, call_out: int) -> tuple[bool, int | None]:
    """Whether the journal tells of a talk, and how long it lasted in milliseconds if its end is known."""
    call = call_out_id(call_out)
    answered = await session.scalar(
        select(JournalRow.at).where(JournalRow.call_id == call, JournalRow.kind == Kind.ANSWERED).limit(1)
    )
    if answered is None:
        return False, None
    ended = await session.scalar(select(CallRow.ended_at).where(CallRow.call_id == call))
    return True, None if ended is None else max(0, (ended - answered) // timedelta(milliseconds=1))


async def found(session: AsyncSession, call_out: int) -> CallOutRow:
    """One call out. Raises NotFound."""
    row = await session.get(CallOutRow, call_out)
    if row is None:
        raise NotFound("no such call out")
    return row


async def withdraw(session: AsyncSession, call_out: int, now: datetime) -> CallOutRow:
    """Take back what no process has taken up. Raises NotFound, CallOutMoved."""
    row = await session.get(CallOutRow, call_out, with_for_update=True)
    if row is None:
        raise NotFound("no such call out")
    if row.state != CallOutState.REQUESTED:
        raise CallOutMoved("it is under way or over")
    row.state, row.outcome, row.closed_at = CallOutState.NOT_PLACED, NotPlaced.EXPIRED, now
    row.owner = row.lease_until = None
    return row


def _to_take(now: Any) -> ColumnElement[bool]:
    fresh = and_(CallOutRow.state == CallOutState.REQUESTED, CallOutRow.owner.is_(None))
    return and_(CallOutRow.closed_at.is_(None), or_(fresh, CallOutRow.lease_until < now))


_ANYTHING: Final = select(exists().where(_to_take(bindparam("now", type_=UtcDateTime))))
