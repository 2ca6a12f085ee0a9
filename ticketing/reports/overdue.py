"""逾期未办结事项及原因 (TH 34): the cases that keep 按时办结率 from being whole, each with its cause."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Interval, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from ticketing import clocks
from ticketing.clock_tables import TicketClockRow
from ticketing.figures import counting
from ticketing.figures.definitions import FIGURES
from ticketing.figures.periods import Span
from ticketing.handling.words import OverdueCause
from ticketing.models import TicketRow
from ticketing.reports.content import OverdueTicket
from ticketing.reports.names import Names
from ticketing.vocabulary import ClockEnd, Confidentiality

_TICK: Final = literal(timedelta(microseconds=1), Interval())
RETURNED_LATE: Final = "超期申请退单"
NOT_DONE: Final = "尚未办结"
NOT_SAID: Final = "未说明原因"


async def overdue(
    session: AsyncSession, span: Span, names: Names, zone: ZoneInfo, *, now: datetime
) -> Sequence[OverdueTicket]:
    """In the order they were due. Of a confidential ticket no category is named."""
    cases = await counting.judged(session, FIGURES["on_time_rate"], span, now=now)
    clock = TicketClockRow
    statement = (
        select(clock, TicketRow.number, TicketRow.category, TicketRow.confidentiality)
        .select_from(cases)
        .join(
            clock,
            (clock.ticket_id == cases.c.ticket_id)
            & (clock.unit_id == cases.c.unit_id)
            & clock.kind.in_([kind.value for kind in clocks.HANDLES])
            & (clock.ends_at == cases.c.at + _TICK),
        )
        .join(TicketRow, TicketRow.id == clock.ticket_id)
        .where(cases.c.over == 0, cases.c.why.is_(None))
        .order_by(clock.ends_at, clock.id)
    )
    found = []
    for row, number, category, confidentiality in await session.execute(statement):
        done = row.ended_at if row.ended in (ClockEnd.MET, ClockEnd.LATE) else None
        found.append(
            OverdueTicket(
                ticket=number,
                unit_id=row.unit_id,
                unit=names.unit(row.unit_id),
                category=names.category(category) if confidentiality == Confidentiality.OPEN else "",
                due_at=row.ends_at.astimezone(zone),
                done_at=None if done is None else done.astimezone(zone),
                days_late=max(0, -((row.ends_at - (row.ended_at or now)) // timedelta(days=1))),
                cause=_cause(row),
            )
        )
    return found


def _cause(clock: TicketClockRow) -> str:
    if clock.overdue_cause is not None:
        return OverdueCause(clock.overdue_cause).term
    if clock.ended is None:
        return NOT_DONE
    in_time = clock.ended_at is not None and clock.ended_at < clock.ends_at
    return RETURNED_LATE if in_time else NOT_SAID
