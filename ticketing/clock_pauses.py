"""Clocks that stand still: while a citizen is asked, where the city's policy lets a unit's time stop for that.

Whole working days are given back, as limits are counted in them; what is answered on the day it was asked gives none.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from ticketing import clocks, on_calendar
from ticketing.clock_tables import TicketClockRow
from ticketing.clocks import Rules
from ticketing.models import TicketRow
from ticketing.vocabulary import MovedBy


def pause(stopped: Iterable[TicketClockRow], at: datetime) -> None:
    """From now on they stand still, and nobody is told anything of them."""
    for clock in stopped:
        clock.paused_at, clock.next_at = at, None


async def resume(
    session: AsyncSession, ticket: TicketRow, stopped: Iterable[TicketClockRow], *, by: str, at: datetime
) -> None:
    """Those that stand still run on, and end later by the working days that have gone."""
    rules = await Rules.of(session, ticket)
    for clock in stopped:
        if clock.paused_at is None:
            continue
        clock.paused_days += rules.limits.days_between(clock.paused_at, at)
        clock.paused_at = None
        limit = (await on_calendar.of(session, clock, ticket)).limit(rules)
        clocks.move(session, clock, limit, rules, why=MovedBy.PAUSE, by=by, at=at)
