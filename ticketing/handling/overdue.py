"""What follows when clocks have run out, beside the notices of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ticketing.clock_tables import TicketClockRow
from ticketing.clocks import HANDLES, RanOut, Rules
from ticketing.handling import leads, supervision
from ticketing.models import TicketRow


async def follow(session: AsyncSession, clocks: Sequence[TicketClockRow], at: datetime) -> None:
    """Called once for each end of each clock, in the transaction of its notice. Many are asked about at once: after a
    holiday, or an outage, many have run out."""
    handlings = [clock for clock in clocks if clock.kind in HANDLES and clock.unit_id is not None]
    if not handlings:
        return
    wanted = select(TicketRow).where(TicketRow.id.in_({clock.ticket_id for clock in handlings}))
    tickets = {ticket.id: ticket for ticket in await session.scalars(wanted)}
    rules = await Rules.of_all(session, tickets.values())
    late = [
        RanOut(clock, ticket := tickets[clock.ticket_id], rules[ticket.policy], clock.unit_id)
        for clock in handlings
        if clock.unit_id is not None
    ]
    await supervision.of_overdue(session, late, at)
    await leads.of_overdue(session, late, at)
