"""Events of tickets that were finished long ago go, out of the outbox and out of all feeds at once.

A ticket's events go as a whole, so that nobody who is told of the rest begins in the middle; and not before every
receiver that is pushed to has had them: what is parked or on its way stays until somebody decided. Who fetches, finds
a feed whose first positions are gone, as they were told (`privacy.exchange_days`). Positions never begin anew.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import and_, delete, exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from ticketing.exchange.tables import ExchangeDeliveryRow, ExchangeEventRow, ExchangeFeedRow, ExchangeReceiverRow
from ticketing.models import TicketRow
from ticketing.vocabulary import State

_BATCH: Final = 100
_FINISHED: Final = (State.ARCHIVED.value, State.REFUSED.value)


async def some(session: AsyncSession, before: datetime) -> int:
    """Remove events of a few tickets that were finished by then; how many events. 0: nothing is left. The caller
    commits."""
    mine = ExchangeEventRow.ticket_id == TicketRow.id
    unshared = exists().where(mine, ExchangeEventRow.shared.is_(False))
    on_its_way = exists().where(ExchangeDeliveryRow.ticket_id == TicketRow.id)
    to_come = (
        exists()
        .where(ExchangeFeedRow.event_id == ExchangeEventRow.id, mine)
        .where(
            ExchangeReceiverRow.code == ExchangeFeedRow.receiver,
            ExchangeReceiverRow.webhook != "",
            ExchangeFeedRow.position > ExchangeReceiverRow.sent_to,
        )
    )
    old = exists().where(mine, ExchangeEventRow.at <= before)
    finished = and_(TicketRow.state.in_(_FINISHED), TicketRow.updated_at <= before)
    tickets = select(TicketRow.id).where(finished, old, ~unshared, ~on_its_way, ~to_come).limit(_BATCH)
    taken = (await session.scalars(tickets.with_for_update(skip_locked=True, of=TicketRow))).all()
    if not taken:
        return 0
    events = select(ExchangeEventRow.id).where(ExchangeEventRow.ticket_id.in_(taken))
    for gone in (
        delete(ExchangeFeedRow).where(ExchangeFeedRow.event_id.in_(events)),
        delete(ExchangeEventRow).where(ExchangeEventRow.ticket_id.in_(taken)).returning(ExchangeEventRow.id),
    ):
        result = await session.execute(gone.execution_options(synchronize_session=False))
    return len(result.all())
