"""From the outbox into the feeds of all whom an event concerns (SMX 二(三)4: 实时推送全量数据).

One writer at a time, under a lock that is held until its commit: a feed's positions become visible in their order and
without a gap, whatever order the events' own transactions commit in. So a position is a safe cursor. Events of one
ticket cannot be committed out of their order, for each action waits for the one before it.

Whom an event concerns for the first time gets all of the ticket's earlier events before it: a unit has the intake of
every ticket that is given to it, at whatever stage. Once its part has ended it is told nothing more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from hotline.locks import Lock, one_at_a_time
from ticketing.exchange.tables import ExchangeEventRow, ExchangeFeedRow, ExchangeReceiverRow
from ticketing.exchange.words import Scope

BATCH: Final = 500
"""Events at a time."""


async def share(session: AsyncSession, *, limit: int = BATCH) -> int:
    """Put the next new events into the feeds; returns how many events there were. The caller commits."""
    if not await _any_new(session):
        return 0
    await lock(session)
    new = select(ExchangeEventRow).where(ExchangeEventRow.shared.is_(False)).order_by(ExchangeEventRow.id).limit(limit)
    events = (await session.scalars(new.execution_options(populate_existing=True))).all()
    receivers = await session.scalars(select(ExchangeReceiverRow).execution_options(populate_existing=True))
    for receiver in receivers.all() if events else ():
        await _grow(session, receiver, [event for event in events if concerns(receiver, event)])
    await session.execute(
        update(ExchangeEventRow)
        .where(ExchangeEventRow.id.in_([event.id for event in events]))
        .values(shared=True)
        .execution_options(synchronize_session=False)
    )
    return len(events)


async def lock(session: AsyncSession) -> None:
    """Keep every feed from growing until the transaction ends."""
    await one_at_a_time(session, Lock.EXCHANGE_FEEDS)


def concerns(receiver: ExchangeReceiverRow, event: ExchangeEventRow) -> bool:
    """Whether a receiver is told of an event."""
    match Scope(receiver.scope):
        case Scope.UNIT:
            return receiver.unit_id in event.units
        case Scope.PARTNER:
            return receiver.partner in event.partners
        case _:
            return True


async def backfill(session: AsyncSession, receiver: ExchangeReceiverRow, since: datetime) -> int:
    """Give a new receiver what would be in its feed had it been there `since` then; returns how many events. Of a
    ticket that anything happened to since then it gets all. The caller commits."""
    await lock(session)
    whole = text(
        "INSERT INTO exchange_feed (receiver, position, event_id)"
        " SELECT :receiver, row_number() OVER (ORDER BY e.id), e.id FROM exchange_event e"
        " JOIN (SELECT ticket_id, max(id) AS last FROM exchange_event WHERE shared AND at >= :since"
        "  AND (:scope = 'all' OR CAST(:unit AS bigint) = ANY (units) OR CAST(:partner AS varchar) = ANY (partners))"
        "  GROUP BY ticket_id) concerned ON concerned.ticket_id = e.ticket_id AND e.id <= concerned.last"
    )
    values = {
        "receiver": receiver.code,
        "since": since,
        "scope": receiver.scope,
        "unit": receiver.unit_id,
        "partner": receiver.partner,
    }
    await session.execute(whole, values)
    count = select(func.count()).where(ExchangeFeedRow.receiver == receiver.code)
    receiver.last = (await session.execute(count)).scalar_one()
    await session.flush()
    return receiver.last


async def _any_new(session: AsyncSession) -> bool:
    """Asked often, mostly in vain: before anybody has to wait for the lock."""
    new = select(ExchangeEventRow.id).where(ExchangeEventRow.shared.is_(False)).limit(1)
    return (await session.execute(new)).scalar_one_or_none() is not None


async def _grow(session: AsyncSession, receiver: ExchangeReceiverRow, events: Sequence[ExchangeEventRow]) -> None:
    if not events:
        return
    newest: dict[int, int] = {}
    for event in events:
        newest[event.ticket_id] = event.id
    found = await _missing(session, receiver.code, newest)
    if not found:
        return
    rows = [
        {"receiver": receiver.code, "position": receiver.last + step, "event_id": event_id}
        for step, event_id in enumerate(found, 1)
    ]
    await session.execute(insert(ExchangeFeedRow), rows)
    receiver.last += len(rows)
    await session.flush()


async def _missing(session: AsyncSession, receiver: str, newest: dict[int, int]) -> Iterable[int]:
    """Events of tickets up to the newest that concerns the receiver, as far as its feed does not have them yet."""
    known = select(ExchangeFeedRow.event_id).where(
        ExchangeFeedRow.receiver == receiver, ExchangeFeedRow.event_id == ExchangeEventRow.id
    )
    events = (
        select(ExchangeEventRow.id, ExchangeEventRow.ticket_id)
        .where(
            ExchangeEventRow.ticket_id.in_(newest),
            ExchangeEventRow.id <= max(newest.values()),
            ~known.exists(),
        )
        .order_by(ExchangeEventRow.id)
    )
    return [row.id for row in await session.execute(events) if row.id <= newest[row.ticket_id]]
