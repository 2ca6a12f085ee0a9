"""A receiver fetches its feed: everything after a position, in order, without a gap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ticketing.exchange import sharing
from ticketing.exchange.payload import payload_of
from ticketing.exchange.tables import ExchangeEventRow, ExchangeFeedRow, ExchangeReceiverRow

LONGEST_PAGE: Final = 200
_MOST_SHARED: Final = 10
"""Batches that one question puts into the feeds."""


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a feed. `next` goes into the next question as `after`; at `last` there is no more yet."""

    events: list[dict[str, Any]]
    next: int
    last: int


async def page(session: AsyncSession, receiver: ExchangeReceiverRow, *, after: int, limit: int, site: str) -> Page:
    """The events after a position. What was committed before the question is in it: it is shared first, where the job
    that does so is behind or away."""
    for _ in range(_MOST_SHARED):
        if await sharing.share(session) < sharing.BATCH:
            break
    await session.refresh(receiver)
    rows = await session.execute(
        select(ExchangeFeedRow.position, ExchangeEventRow)
        .join(ExchangeEventRow, ExchangeEventRow.id == ExchangeFeedRow.event_id)
        .where(ExchangeFeedRow.receiver == receiver.code, ExchangeFeedRow.position > after)
        .order_by(ExchangeFeedRow.position)
        .limit(min(limit, LONGEST_PAGE))
    )
    events = [
        await payload_of(session, receiver, event, position=position, site=site) for position, event in rows.all()
    ]
    return Page(events, events[-1]["position"] if events else after, receiver.last)
