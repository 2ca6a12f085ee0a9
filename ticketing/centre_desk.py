"""中心收件箱: what people of the centre look for, in boxes, and how much lies in each.

Everything is read from tickets and clocks as they stand, like a unit's boxes (`ticketing/unit_desk/inbox.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ticketing.clock_tables import TicketClockRow
from ticketing.models import TicketRow
from ticketing.vocabulary import State, Term

DUE_SOON: Final = timedelta(hours=24)
"""How long before its end a clock counts as running out here; units have their policy's warnings."""


class CentreBox(Term):
    """Where people of the centre look for what is to be done."""

    TO_DISPATCH = "to_dispatch", "待派"
    TO_SIGN = "to_sign", "待签收"
    HANDLING = "handling", "办理中"
    DUE_SOON = "due_soon", "将超期"
    OVERDUE = "overdue", "已超期"
    SENT_BACK = "sent_back", "退回"
    EXTENSIONS = "extensions", "延期待审"
    TO_REVIEW = "to_review", "单位待审"
    TO_VISIT = "to_visit", "待回访"
    TO_CLOSE = "to_close", "待办结"


OF_STATE: Mapping[CentreBox, State] = {
    CentreBox.TO_DISPATCH: State.TO_DISPATCH,
    CentreBox.TO_SIGN: State.TO_SIGN,
    CentreBox.HANDLING: State.HANDLING,
    CentreBox.SENT_BACK: State.RETURN_ASKED,
    CentreBox.EXTENSIONS: State.EXTENSION_ASKED,
    CentreBox.TO_REVIEW: State.REPLY_TO_REVIEW,
    CentreBox.TO_VISIT: State.REPLIED,
    CentreBox.TO_CLOSE: State.VISITED,
}
"""The boxes that are a state; the others go by clocks."""


def inside(box: CentreBox, at: datetime) -> ColumnElement[bool]:
    """Which tickets lie in a box; `at` is now."""
    state = OF_STATE.get(box)
    if state is not None:
        return TicketRow.state == state.value
    return select(TicketClockRow.id).where(TicketClockRow.ticket_id == TicketRow.id, *_running(box, at)).exists()


async def counts(session: AsyncSession, *, at: datetime) -> dict[CentreBox, int]:
    """How much lies in each box."""
    waiting = [state.value for state in OF_STATE.values()]
    rows = await session.execute(
        select(TicketRow.state, func.count()).where(TicketRow.state.in_(waiting)).group_by(TicketRow.state)
    )
    by_state = {row[0]: row[1] for row in rows}
    found = {}
    for box in CentreBox:
        state = OF_STATE.get(box)
        if state is not None:
            found[box] = by_state.get(state.value, 0)
        else:
            late = select(func.count(TicketClockRow.ticket_id.distinct())).where(*_running(box, at))
            found[box] = (await session.execute(late)).scalar_one()
    return found


async def due(session: AsyncSession, numbers: list[str], *, unit_id: int | None) -> dict[str, datetime]:
    """When the first clock of each ticket that runs ends; with `unit_id` of that unit's. None runs: not in it."""
    ends = func.min(TicketClockRow.ends_at)
    asked = (
        select(TicketRow.number, ends)
        .join(TicketClockRow, TicketClockRow.ticket_id == TicketRow.id)
        .where(TicketRow.number.in_(numbers), TicketClockRow.ended.is_(None), TicketClockRow.paused_at.is_(None))
        .group_by(TicketRow.number)
    )
    if unit_id is not None:
        asked = asked.where(TicketClockRow.unit_id == unit_id)
    return {row[0]: row[1] for row in await session.execute(asked)}


def _running(box: CentreBox, at: datetime) -> tuple[ColumnElement[bool], ...]:
    running = (TicketClockRow.ended.is_(None), TicketClockRow.paused_at.is_(None))
    if box is CentreBox.OVERDUE:
        return (*running, TicketClockRow.ends_at < at)
    return (*running, TicketClockRow.ends_at >= at, TicketClockRow.ends_at < at + DUE_SOON)
