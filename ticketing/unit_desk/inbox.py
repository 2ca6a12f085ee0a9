"""收件箱: what a unit has to do, in boxes. A ticket may lie in several; what is done lies in none.

Everything is read from the parts, clocks and records as they stand: there is no second truth to keep in step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, ScalarSelect, and_, exists, func, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from ticketing.clock_tables import TicketClockRow, TicketNoticeRow
from ticketing.clocks import HANDLES
from ticketing.handling.tables import RecordStepRow, SupervisionRow
from ticketing.handling.words import PartAction, PartState, RecordKind, SupervisionState
from ticketing.models import TicketAssignmentRow, TicketHistoryRow, TicketRow
from ticketing.procedures.tables import QuestionRow
from ticketing.procedures.words import QuestionState
from ticketing.schemas import Actor
from ticketing.unit_desk.tables import HandlerRow
from ticketing.unit_desk.words import Box, HandlerState
from ticketing.vocabulary import Action, NoticeKind, Part, State

_Part = TicketAssignmentRow
OPEN: Final = (PartState.DELIVERED.value, PartState.WORKING.value, PartState.RETURN_ASKED.value)
"""Where a unit, or the centre for it, still has something to do with its part."""
_UNITS_TURN: Final = tuple(
    action.value
    for action in (
        Action.SIGN_FOR,
        Action.RETURN,
        Action.REFUSE_RETURN,
        Action.EXTEND,
        Action.GRANT_EXTENSION,
        Action.REFUSE_EXTENSION,
        Action.REPLY,
        Action.REJECT_REPLY,
    )
)
_SENT_BACK: Final = (Action.REFUSE_RETURN.value, Action.REFUSE_EXTENSION.value, Action.REJECT_REPLY.value)
_PART_SENT_BACK: Final = (PartAction.SEND_BACK.value, PartAction.REFUSE_RETURN.value)


@dataclass(frozen=True, slots=True)
class Entry:
    """One part in a box. `due_at`: when the limit it is worked on within ends; None: no such limit runs."""

    ticket: TicketRow
    part: TicketAssignmentRow
    due_at: datetime | None
    provisional: bool


async def counts(session: AsyncSession, unit_id: int, actor: Actor, *, at: datetime) -> dict[Box, int]:
    """How much lies in each box of a unit, and in the person's own."""
    boxes = _boxes(actor, at)
    counted = select(*(func.count().filter(inside).label(box.value) for box, inside in boxes.items()))
    counted = counted.select_from(_Part).join(TicketRow, TicketRow.id == _Part.ticket_id).where(*_open(unit_id))
    row = (await session.execute(counted)).one()
    return {box: getattr(row, box.value) for box in boxes}


async def entries(
    session: AsyncSession, unit_id: int, box: Box, actor: Actor, *, at: datetime, after: int = 0, limit: int = 50
) -> Sequence[Entry]:
    """What lies in a box, oldest part first, by the part's id from `after` on."""
    wanted = (
        select(TicketRow, _Part)
        .join(_Part, _Part.ticket_id == TicketRow.id)
        .where(*_open(unit_id), _boxes(actor, at)[box], _Part.id > after)
        .order_by(_Part.id)
        .limit(limit)
    )
    found = [(ticket, part) for ticket, part in await session.execute(wanted)]
    clocks = await session.scalars(
        select(TicketClockRow).where(
            TicketClockRow.ticket_id.in_([ticket.id for ticket, _ in found]),
            TicketClockRow.unit_id == unit_id,
            TicketClockRow.kind.in_([kind.value for kind in HANDLES]),
            TicketClockRow.ended.is_(None),
        )
    )
    due = {clock.ticket_id: clock for clock in clocks}
    return [
        Entry(ticket, part, clock.ends_at, clock.provisional)
        if (clock := due.get(ticket.id)) is not None
        else Entry(ticket, part, None, provisional=False)
        for ticket, part in found
    ]


def _open(unit_id: int) -> tuple[ColumnElement[bool], ...]:
    """A unit's parts with something left to do."""
    return (_Part.unit_id == unit_id, _Part.withdrawn_at.is_(None), _Part.state.in_(OPEN))


def _boxes(actor: Actor, at: datetime) -> Mapping[Box, ColumnElement[bool]]:
    leads = and_(_Part.part == Part.LEAD.value, _Part.parent_id.is_(None))
    state = TicketRow.state
    running = and_(
        TicketClockRow.ticket_id == _Part.ticket_id,
        TicketClockRow.unit_id == _Part.unit_id,
        TicketClockRow.kind.in_([kind.value for kind in HANDLES]),
        TicketClockRow.ended.is_(None),
    )
    warned = exists().where(
        TicketNoticeRow.clock_id == TicketClockRow.id,
        TicketNoticeRow.kind == NoticeKind.WARNING.value,
        TicketNoticeRow.ends_at == TicketClockRow.ends_at,
    )
    elsewhere = and_(
        leads, state.in_([State.RETURN_ASKED.value, State.REPLY_TO_REVIEW.value, State.EXTENSION_ASKED.value])
    )
    other = aliased(TicketAssignmentRow)
    mine = exists().where(
        HandlerRow.part_id == _Part.id,
        HandlerRow.person == actor.user,
        HandlerRow.state == HandlerState.ACTIVE.value,
    )
    return {
        Box.TO_SIGN: _Part.state == PartState.DELIVERED.value,
        Box.WORKING: and_(_Part.state == PartState.WORKING.value, not_(elsewhere)),
        Box.MINE: mine,
        Box.DUE_SOON: exists().where(running, TicketClockRow.ends_at > at, TicketClockRow.paused_at.is_(None), warned),
        Box.OVERDUE: exists().where(running, TicketClockRow.ends_at <= at, TicketClockRow.paused_at.is_(None)),
        Box.SENT_BACK: and_(
            _Part.state == PartState.WORKING.value,
            or_(
                and_(leads, state == State.HANDLING.value, _last_turn().in_(_SENT_BACK)),
                and_(not_(leads), _last_step().in_(_PART_SENT_BACK)),
            ),
        ),
        Box.REHANDLED: exists().where(
            TicketHistoryRow.ticket_id == _Part.ticket_id, TicketHistoryRow.action == Action.REHANDLE.value
        ),
        Box.TO_REVIEW: and_(leads, state == State.REPLY_TO_REVIEW.value),
        Box.TO_SIGN_OFF: and_(leads, state == State.EXTENSION_ASKED.value),
        Box.WITH_CENTRE: or_(
            _Part.state == PartState.RETURN_ASKED.value,
            and_(leads, state.in_([State.RETURN_ASKED.value, State.EXTENSION_ASKED.value])),
        ),
        Box.TO_TAKE: exists().where(
            other.ticket_id == _Part.ticket_id,
            other.state == PartState.REPLIED.value,
            other.withdrawn_at.is_(None),
            or_(
                other.parent_id == _Part.id,
                and_(leads, other.parent_id.is_(None), other.part == Part.ASSIST.value),
            ),
        ),
        Box.SUPERVISED: exists().where(
            SupervisionRow.ticket_id == _Part.ticket_id,
            SupervisionRow.unit_id == _Part.unit_id,
            SupervisionRow.state == SupervisionState.ISSUED.value,
        ),
        Box.ASKED: exists().where(
            QuestionRow.ticket_id == _Part.ticket_id,
            QuestionRow.unit_id == _Part.unit_id,
            QuestionRow.state == QuestionState.ASKED.value,
        ),
    }


def _last_turn() -> ScalarSelect[str]:
    """The newest thing that was done between the lead unit and the centre."""
    return (
        select(TicketHistoryRow.action)
        .where(TicketHistoryRow.ticket_id == _Part.ticket_id, TicketHistoryRow.action.in_(_UNITS_TURN))
        .order_by(TicketHistoryRow.version.desc())
        .limit(1)
        .correlate(_Part)
        .scalar_subquery()
    )


def _last_step() -> ScalarSelect[str]:
    return (
        select(RecordStepRow.action)
        .where(RecordStepRow.record == RecordKind.PART.value, RecordStepRow.record_id == _Part.id)
        .order_by(RecordStepRow.version.desc())
        .limit(1)
        .correlate(_Part)
        .scalar_subquery()
    )
