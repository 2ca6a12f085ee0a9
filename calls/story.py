"""Reading the journal: what happened to a call, in order, with the time each segment took."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from calls.models import CallRow, JournalRow
from hotline.errors import NotFound


@dataclass(frozen=True, slots=True)
class Event:
    """One fact of a call. `since_entry_ms` counts from its entry, `lasted_ms` to the next fact (None: the last)."""

    kind: str
    at: datetime
    since_entry_ms: int
    lasted_ms: int | None
    agent: str | None
    process: str
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CallSummary:
    """A call at a glance. Times are UTC; `line` is the hotline the citizen dialled."""

    call_id: str
    caller: str | None
    dialled: str | None
    line: str | None
    unit: str | None
    mode: str | None
    entered_at: datetime | None
    queued_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    agent: str | None
    outcome: str | None


@dataclass(frozen=True, slots=True)
class CallStory:
    """A call with every fact of it, oldest first."""

    summary: CallSummary
    events: tuple[Event, ...]


def _summary(row: CallRow) -> CallSummary:
    told = {name: getattr(row, name) for name in CallSummary.__dataclass_fields__}
    return CallSummary(**told | {"dialled": row.dialled or row.called})


def _events(rows: Sequence[JournalRow]) -> tuple[Event, ...]:
    ordered = sorted(rows, key=lambda row: (row.at, row.seq))
    start = ordered[0].at
    following: list[datetime | None] = [*(row.at for row in ordered[1:]), None]
    return tuple(
        Event(
            kind=row.kind,
            at=row.at,
            since_entry_ms=_ms(start, row.at),
            lasted_ms=None if after is None else _ms(row.at, after),
            agent=row.agent,
            process=row.process,
            attributes=row.told,
        )
        for row, after in zip(ordered, following, strict=True)
    )


def _ms(start: datetime, end: datetime) -> int:
    return round((end - start).total_seconds() * 1000)


async def story(session: AsyncSession, call_id: str) -> CallStory:
    """Everything kept of one call. Raises NotFound."""
    # One statement, one instant: asked one after the other, the facts may have an end the summary knows nothing of.
    both = (
        select(CallRow, JournalRow)
        .join(JournalRow, JournalRow.call_id == CallRow.call_id)
        .where(CallRow.call_id == call_id)
    )
    rows = (await session.execute(both, execution_options={"populate_existing": True})).all()
    if not rows:
        raise NotFound("no such call")
    return CallStory(_summary(rows[0][0]), _events([fact for _, fact in rows]))


async def recent_calls(
    session: AsyncSession, *, caller: str | None = None, agent: str | None = None, limit: int = 50
) -> list[CallSummary]:
    """The newest calls first, of everybody or of one caller or agent; `limit` at most 500."""
    query = select(CallRow).where(CallRow.entered_at.is_not(None))
    if caller is not None:
        query = query.where(CallRow.caller_index == caller)
    if agent is not None:
        query = query.where(CallRow.agent == agent)
    rows = await session.scalars(query.order_by(CallRow.entered_at.desc()).limit(min(limit, 500)))
    return [_summary(row) for row in rows]


async def earlier_calls(session: AsyncSession, caller: str, *, before: str, limit: int = 5) -> list[CallSummary]:
    """What a screen-pop shows of the caller's history: the calls other than `before`, newest first."""
    return [c for c in await recent_calls(session, caller=caller, limit=limit + 1) if c.call_id != before][:limit]
