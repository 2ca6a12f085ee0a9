"""SQL of the outbox (`calls.handover_models.HandoverRow`). Nothing here commits: the caller's transaction does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Executable, bindparam, exists, func, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from calls.facts import Entry, Kind
from calls.handover_models import HandoverRow, HandoverState
from directory.models import Partner
from hotline.database import UtcDateTime
from hotline.errors import Conflict, NotFound
from hotline.locks import Lock, one_at_a_time
from ticketing.models import TicketCallRow, TicketRow

CHANNEL: Final = "handover"
"""PostgreSQL tells listeners on it of every new row, at its commit."""


class HandoverClosed(Conflict):
    """It is delivered or given up."""

    code = "handover.closed"


def order_row(
    identity: str, *, call: str, agent: str | None, at: datetime, told: Mapping[str, Any]
) -> dict[str, Any] | None:
    """The row of an order as its fact tells of it; None where no other platform is to be told."""
    if not told.get("partner"):
        return None
    return {
        "id": identity,
        "partner": told["partner"],
        "call_id": call,
        "target": told.get("target", ""),
        "agent": agent,
        "ordered_at": at,
        "told": dict(told),
        "state": HandoverState.PENDING.value,
        "attempts": 0,
        "next_at": at,
        "why": "",
    }


async def keep(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Put orders into the outbox; one that is there already stays as it is."""
    if rows:
        await session.execute(insert(HandoverRow).values(list(rows)).on_conflict_do_nothing())
        await session.execute(text(f"NOTIFY {CHANNEL}"))


async def keep_ordered(session: AsyncSession, entries: Sequence[Entry]) -> None:
    """The same for what facts of calls order, in the transaction that keeps the facts."""
    rows = [
        order_row(
            entry.fact.partition(":")[2], call=entry.call_id, agent=entry.agent, at=entry.at, told=entry.attributes
        )
        for entry in entries
        if entry.kind == Kind.HANDOVER
    ]
    await keep(session, [row for row in rows if row is not None])


def partners_due() -> Executable:
    """Whom something is due for at the parameter `now`: asked often, mostly in vain."""
    now = bindparam("now", type_=UtcDateTime)
    return (
        select(HandoverRow.partner)
        .distinct()
        .where(
            HandoverRow.state == HandoverState.PENDING,
            HandoverRow.next_at <= now,
            or_(HandoverRow.claimed_until.is_(None), HandoverRow.claimed_until < now),
        )
    )


async def claim(session: AsyncSession, partner: str, *, now: datetime, until: datetime) -> HandoverRow | None:
    """Take the next that is due for a platform: those never tried first, so that a fresh one does not wait behind
    many that were in vain."""
    query = (
        select(HandoverRow)
        .where(
            HandoverRow.partner == partner,
            HandoverRow.state == HandoverState.PENDING,
            HandoverRow.next_at <= now,
            or_(HandoverRow.claimed_until.is_(None), HandoverRow.claimed_until < now),
        )
        .order_by(HandoverRow.attempts > 0, HandoverRow.ordered_at, HandoverRow.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row: HandoverRow | None = await session.scalar(query)
    if row is not None:
        row.claimed_until = until
        row.attempts += 1
    return row


async def webhook_of(session: AsyncSession, partner: str) -> str:
    """Where a platform takes data; empty: nowhere any more."""
    query = select(Partner.webhook).where(Partner.code == partner, Partner.disabled_at.is_(None))
    return await session.scalar(query) or ""


async def delivered(session: AsyncSession, row_id: str, *, partner: str, now: datetime) -> None:
    """The platform has it. What else waits for this platform is tried at once: it is back."""
    await _alone(session, partner)
    row = await session.get(HandoverRow, row_id, with_for_update=True)
    if row is None or row.state != HandoverState.PENDING:
        return
    row.state, row.closed_at, row.claimed_until, row.why = HandoverState.DELIVERED, now, None, ""
    await session.flush()
    await session.execute(
        update(HandoverRow)
        .where(HandoverRow.partner == partner, HandoverRow.state == HandoverState.PENDING)
        .values(next_at=func.least(HandoverRow.next_at, literal(now, UtcDateTime)))
        .execution_options(synchronize_session=False)
    )


async def put_off(
    session: AsyncSession, row_id: str, *, partner: str, why: str, next_at: datetime, whole_partner: bool
) -> None:
    """It could not be delivered. `whole_partner`: nor could anything else just now, so that one of many that were in
    vain knocks at a time."""
    await _alone(session, partner)
    row = await session.get(HandoverRow, row_id, with_for_update=True)
    if row is None or row.state != HandoverState.PENDING:
        return
    row.next_at, row.claimed_until, row.why = next_at, None, why[:64]
    await session.flush()
    if whole_partner:
        await session.execute(
            update(HandoverRow)
            .where(HandoverRow.partner == partner, HandoverRow.state == HandoverState.PENDING, HandoverRow.attempts > 0)
            .values(next_at=func.greatest(HandoverRow.next_at, literal(next_at, UtcDateTime)))
            .execution_options(synchronize_session=False)
        )


async def _alone(session: AsyncSession, partner: str) -> None:
    """What is noted of one hand-over touches others of its platform: two senders would wait for each other's rows."""
    await one_at_a_time(session, Lock.HANDOVERS, partner)


async def give_up(session: AsyncSession, row_id: str, *, why: str, now: datetime) -> None:
    """It will not be delivered."""
    row = await session.get(HandoverRow, row_id, with_for_update=True)
    if row is not None and row.state == HandoverState.PENDING:
        row.state, row.closed_at, row.claimed_until, row.why = HandoverState.GIVEN_UP, now, None, why[:64]


async def try_now(session: AsyncSession, row_id: str, *, now: datetime) -> HandoverRow:
    """Somebody wants it tried at once; one that was given up begins anew. Raises NotFound, HandoverClosed if it is
    delivered."""
    row: HandoverRow | None = await session.get(HandoverRow, row_id, with_for_update=True)
    if row is None:
        raise NotFound("no such hand-over")
    if row.state == HandoverState.DELIVERED:
        raise HandoverClosed("it is delivered")
    if row.state == HandoverState.GIVEN_UP:
        # Its age counts from here: what was given up for being too old would be given up again.
        row.state, row.closed_at, row.ordered_at = HandoverState.PENDING, None, now
    row.next_at = now
    await session.flush()
    await session.execute(text(f"NOTIFY {CHANNEL}"))
    return row


async def ticket_of(session: AsyncSession, number: str, call: str) -> TicketRow | None:
    """The ticket that goes with a hand-over: the one named, else the newest that its call is linked to."""
    query = select(TicketRow)
    if number:
        query = query.where(TicketRow.number == number)
    else:
        query = query.where(
            exists().where(TicketCallRow.ticket_id == TicketRow.id, TicketCallRow.call_id == call)
        ).order_by(TicketRow.id.desc())
    found: TicketRow | None = await session.scalar(query.limit(1))
    return found
