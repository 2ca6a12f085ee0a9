"""The call that belongs to data another platform sent before it: its agent sees both at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import and_, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from calls.handover_models import ReceivedHandoverRow
from hotline.database import Database
from ticketing.models import TicketCallRow, TicketRow

_MOST_SHOWN: Final = 20
_MOST_GUESSES: Final = 3


def trunk_of(channel: str) -> str:
    """The trunk a channel belongs to: `province` of `PJSIP/province-0000002a`."""
    return channel.partition("/")[2].rpartition("-")[0]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A hand-over that this call belongs to, or, if not `sure`, may belong to: the platform's own number was shown."""

    partner: str
    case_number: str
    ticket: str
    caller: str
    summary: str
    received_at: datetime
    sure: bool

    def shown(self) -> dict[str, Any]:
        """As a screen-pop carries it."""
        return {name: getattr(self, name) for name in self.__slots__}


async def look_for(
    database: Database, partner: str, caller: str | None, *, call: str, now: datetime, within: timedelta
) -> list[Arrival]:
    """What `partner` sent of late and no call has come for, for a call of theirs; the same call finds its own again.

    The one of the same caller is taken for this call's, and its ticket is linked to the call; where nobody's number
    fits, the newest few are shown for the agent to ask.
    """
    async with database.transaction() as session:
        # A call that comes in again after a crash finds its own.
        free = or_(ReceivedHandoverRow.call_id.is_(None), ReceivedHandoverRow.call_id == call)
        fresh = and_(ReceivedHandoverRow.partner == partner, ReceivedHandoverRow.received_at >= now - within, free)
        newest = select(ReceivedHandoverRow).where(fresh).order_by(ReceivedHandoverRow.received_at.desc())
        if caller:
            theirs = ReceivedHandoverRow.caller_index == caller
            own = update(ReceivedHandoverRow).where(fresh, theirs).values(call_id=call)
            if tickets := (await session.scalars(own.returning(ReceivedHandoverRow.ticket))).all():
                await _link(session, tickets, call, now)
        rows = (await session.scalars(newest.limit(_MOST_SHOWN))).all()
    sure = [row for row in rows if row.call_id == call]
    return [_arrival(row, sure=bool(sure)) for row in sure or rows[:_MOST_GUESSES]]


async def _link(session: AsyncSession, tickets: Sequence[str], call: str, now: datetime) -> None:
    for ticket in await session.scalars(select(TicketRow.id).where(TicketRow.number.in_(tickets))):
        await session.execute(
            insert(TicketCallRow).values(ticket_id=ticket, call_id=call, linked_at=now).on_conflict_do_nothing()
        )


def _arrival(row: ReceivedHandoverRow, *, sure: bool) -> Arrival:
    return Arrival(
        partner=row.partner,
        case_number=row.case_number,
        ticket=row.ticket,
        caller=row.caller,
        summary=row.summary,
        received_at=row.received_at,
        sure=sure,
    )
