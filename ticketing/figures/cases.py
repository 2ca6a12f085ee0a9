"""What each figure counts: one row for each case, with the moment that decides its period.

Every select has the columns `ticket_id`, `unit_id`, `at`, `over`, `under`, `why`: a figure is the sum of `over` divided
by that of `under`, over the cases that have no `why` (`words.ExclusionReason`). So the same rows answer how high a
figure is, which tickets it is made of, and which were left out of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Interval,
    Select,
    String,
    and_,
    case,
    cast,
    exists,
    literal,
    null,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.orm import aliased

from ticketing import clocks
from ticketing.clock_tables import TicketClockRow
from ticketing.figures.periods import Span
from ticketing.figures.words import ExclusionReason
from ticketing.handling.tables import AccountabilityLeadRow, RecordStepRow, SupervisionRow
from ticketing.handling.words import LeadAction, PartAction, RecordKind
from ticketing.models import TicketAssignmentRow, TicketHistoryRow, TicketRow
from ticketing.refusals.tables import RefusalRow
from ticketing.visits.tables import VisitRow
from ticketing.visits.words import VisitOutcome
from ticketing.vocabulary import Action, ClockEnd, ClockKind, Satisfaction

_JUST_BEFORE: Final = literal(timedelta(microseconds=1), Interval())
_ONE: Final = literal(1)
_NONE: Final = literal(0)


@dataclass(frozen=True, slots=True)
class Asked:
    """What cases are wanted of, and what they are judged by."""

    span: Span
    now: datetime
    """What is due later is not due yet."""
    satisfied: Mapping[int, frozenset[Satisfaction]]
    """Levels that count as satisfied, by the number of a ticket's policy (TH 19)."""


Cases = Select[Any]


def _row(
    ticket: Any,
    unit: Any,
    at: Any,
    *,
    over: ColumnElement[Any] = _ONE,
    under: ColumnElement[Any] = _NONE,
    why: ColumnElement[Any] | None = None,
) -> Cases:
    return select(
        ticket.label("ticket_id"),
        cast(unit, BigInteger).label("unit_id"),
        at.label("at"),
        over.label("over"),
        under.label("under"),
        (cast(null(), String) if why is None else why).label("why"),
    )


def _if(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)


def _within(at: Any, span: Span) -> ColumnElement[bool]:
    return and_(at >= span.start, at < span.end)


def _dispatched_to(ticket_id: Any, *until: ColumnElement[bool], of: Any) -> Any:
    """The lead unit of a ticket's last dispatch, as a scalar."""
    return (
        select(cast(of.details["lead_unit"].astext, BigInteger))
        .where(of.ticket_id == ticket_id, of.action == Action.DISPATCH.value, *until)
        .order_by(of.version.desc())
        .limit(1)
        .scalar_subquery()
    )


def _acts(action: Action, asked: Asked) -> Any:
    """An alias of the history, and that its row is this action within the span."""
    row = aliased(TicketHistoryRow)
    return row, and_(row.action == action.value, _within(row.at, asked.span))


def registered(asked: Asked) -> Cases:
    """Every demand that was taken down, whatever became of it."""
    return _row(TicketRow.id, null(), TicketRow.registered_at).where(_within(TicketRow.registered_at, asked.span))


def answered_directly(asked: Asked) -> Cases:
    """直接答复 (TH 14)."""
    row, within = _acts(Action.ANSWER, asked)
    return _row(row.ticket_id, null(), row.at).where(within)


def refused(asked: Asked) -> Cases:
    """不予受理 (TH 10), by the centre or a unit."""
    at = RefusalRow.refused_at
    return _row(RefusalRow.ticket_id, RefusalRow.unit_id, at).where(_within(at, asked.span))


def dispatched(asked: Asked) -> Cases:
    """派单 of tickets, each dispatch once; the lead unit's."""
    row, within = _acts(Action.DISPATCH, asked)
    return _row(row.ticket_id, row.details["lead_unit"].astext, row.at).where(within)


def closed(asked: Asked) -> Cases:
    """办结."""
    row, within = _acts(Action.CLOSE, asked)
    dispatch = aliased(TicketHistoryRow)
    led_by = _dispatched_to(row.ticket_id, dispatch.version < row.version, of=dispatch)
    return _row(row.ticket_id, led_by, row.at).where(within)


def supervised(asked: Asked) -> Cases:
    """督办 (TH 18); those without a ticket, as of knowledge, too."""
    at = SupervisionRow.raised_at
    return _row(SupervisionRow.ticket_id, SupervisionRow.unit_id, at).where(_within(at, asked.span))


def leads_established(asked: Asked) -> Cases:
    """Accountability leads (问责线索) that people found to hold."""
    step, lead = RecordStepRow, AccountabilityLeadRow
    return (
        _row(lead.ticket_id, lead.unit_id, step.at)
        .join_from(step, lead, lead.id == step.record_id)
        .where(
            step.record == RecordKind.LEAD.value,
            step.action == LeadAction.ESTABLISH.value,
            _within(step.at, asked.span),
        )
    )


def _returns() -> Any:
    """Requests to return a ticket or a part of it, with what was decided: `ticket_id`, `unit_id`, `at`, `decision`."""
    row, dispatch, verdict = aliased(TicketHistoryRow), aliased(TicketHistoryRow), aliased(TicketHistoryRow)
    step, next_step, part = RecordStepRow, aliased(RecordStepRow), aliased(TicketAssignmentRow)
    of_ticket = select(
        row.ticket_id.label("ticket_id"),
        _dispatched_to(row.ticket_id, dispatch.version < row.version, of=dispatch).label("unit_id"),
        row.at.label("at"),
        select(verdict.action)
        .where(
            verdict.ticket_id == row.ticket_id,
            verdict.version > row.version,
            verdict.action.in_([Action.AGREE_RETURN.value, Action.REFUSE_RETURN.value]),
        )
        .order_by(verdict.version)
        .limit(1)
        .scalar_subquery()
        .label("decision"),
    ).where(row.action == Action.RETURN.value)
    of_part = (
        select(
            step.ticket_id.label("ticket_id"),
            part.unit_id.label("unit_id"),
            step.at.label("at"),
            select(next_step.action)
            .where(
                next_step.record == step.record,
                next_step.record_id == step.record_id,
                next_step.version == step.version + 1,
            )
            .scalar_subquery()
            .label("decision"),
        )
        .join_from(step, part, part.id == step.record_id)
        .where(step.record == RecordKind.PART.value, step.action == PartAction.RETURN.value)
    )
    return union_all(of_ticket, of_part).subquery()


def _window(clock: Any) -> tuple[Any, ColumnElement[bool]]:
    """The time a unit had to return what a clock is about, and that it asked for a return at all: that ends it."""
    window = aliased(TicketClockRow)
    return window, and_(
        window.ticket_id == clock.ticket_id,
        window.unit_id == clock.unit_id,
        window.kind == ClockKind.RETURN.value,
        window.ended.in_([ClockEnd.MET.value, ClockEnd.LATE.value]),
        window.begun_at >= clock.begun_at,
        or_(clock.ended_at.is_(None), window.begun_at <= clock.ended_at),
    )


def _lead_returned_late(clock: Any) -> ColumnElement[bool]:
    (window, of_clock), act, dispatch = _window(clock), aliased(TicketHistoryRow), aliased(TicketHistoryRow)
    return exists().where(
        of_clock,
        act.ticket_id == window.ticket_id,
        act.action == Action.RETURN.value,
        act.at >= window.ends_at,
        or_(clock.ended_at.is_(None), act.at <= clock.ended_at),
        _dispatched_to(act.ticket_id, dispatch.version < act.version, of=dispatch) == window.unit_id,
    )


def _part_returned_late(clock: Any) -> ColumnElement[bool]:
    (window, of_clock), part, step = _window(clock), aliased(TicketAssignmentRow), aliased(RecordStepRow)
    return exists().where(
        of_clock,
        part.ticket_id == window.ticket_id,
        part.unit_id == window.unit_id,
        step.ticket_id == window.ticket_id,
        step.record == RecordKind.PART.value,
        step.record_id == part.id,
        step.action == PartAction.RETURN.value,
        step.at >= window.ends_at,
        or_(clock.ended_at.is_(None), step.at <= clock.ended_at),
    )


def on_time(asked: Asked) -> Cases:
    """Limits of units that ended in the period, extensions granted included (TH 16).

    A limit that ends at 24:00 of a day belongs to that day. A return asked for too late counts as overdue (TH 15), and
    so does a part that was taken back only after its limit. A matter with a limit by law has two: to enter the
    procedure, and for the result. A limit that stands still while the citizen is asked something is not due.
    """
    clock = TicketClockRow
    returned_late = or_(_lead_returned_late(clock), _part_returned_late(clock))
    due = (
        select(
            clock.ticket_id,
            clock.unit_id,
            (clock.ends_at - _JUST_BEFORE).label("at"),
            (clock.ended == ClockEnd.MET.value).label("met"),
            and_(clock.ended == ClockEnd.WITHDRAWN.value, clock.ended_at < clock.ends_at).label("taken_back"),
            returned_late.label("returned_late"),
        )
        .where(
            clock.kind.in_([kind.value for kind in clocks.HANDLES]),
            or_(clock.paused_at.is_(None), clock.ended.is_not(None)),
            clock.ends_at > asked.span.start,
            clock.ends_at <= asked.span.end,
            clock.ends_at <= asked.now,
        )
        .offset(0)  # keeps PostgreSQL from asking for each clock's returns twice
        .subquery()
    )
    in_time = ~due.c.returned_late
    return _row(
        due.c.ticket_id,
        due.c.unit_id,
        due.c.at,
        over=_if(and_(due.c.met, in_time)),
        under=_ONE,
        why=case((and_(due.c.taken_back, in_time), ExclusionReason.WITHDRAWN.value)),
    )


def returned(asked: Asked) -> Cases:
    """Requests to return over parts that were given to units, each in its own period (TH 15)."""
    part, request = TicketAssignmentRow, _returns()
    given = _row(part.ticket_id, part.unit_id, part.delivered_at, over=_NONE, under=_ONE)
    asked_for = _row(request.c.ticket_id, request.c.unit_id, request.c.at)
    both = union_all(
        given.where(_within(part.delivered_at, asked.span)), asked_for.where(_within(request.c.at, asked.span))
    ).subquery()
    return select(both)


def improperly_returned(asked: Asked) -> Cases:
    """Requests to return that were refused, over all requests."""
    request = _returns()
    refused_it = request.c.decision.in_([Action.REFUSE_RETURN.value, PartAction.REFUSE_RETURN.value])
    return _row(request.c.ticket_id, request.c.unit_id, request.c.at, over=_if(refused_it), under=_ONE).where(
        _within(request.c.at, asked.span)
    )


def rehandled(asked: Asked) -> Cases:
    """Tickets by their first visit, and whether one sent them back to be handled again (TH 20)."""
    visit, earlier, again = VisitRow, aliased(VisitRow), aliased(TicketHistoryRow)
    first = ~exists().where(
        earlier.ticket_id == visit.ticket_id, earlier.cycle < visit.cycle, earlier.visited_at.is_not(None)
    )
    sent_back = exists().where(again.ticket_id == visit.ticket_id, again.action == Action.REHANDLE.value)
    return _row(visit.ticket_id, visit.unit_id, visit.visited_at, over=_if(sent_back), under=_ONE).where(
        _within(visit.visited_at, asked.span), first
    )


def visited(asked: Asked) -> Cases:
    """Replies that reached the centre, and whether the citizen was called back about each (TH 20: 全部覆盖).

    Attempts in vain, made as the policy says, are a callback that was made.
    """
    visit = VisitRow
    return _row(
        visit.ticket_id,
        visit.unit_id,
        visit.due_since,
        over=_if(visit.visited_at.is_not(None)),
        under=_ONE,
    ).where(_within(visit.due_since, asked.span))


def satisfied(asked: Asked) -> Cases:
    """Visits in which the citizen gave a level, and whether that is one of the policy's satisfied ones (TH 19)."""
    visit = VisitRow
    levels = [(number, word.value) for number, words in asked.satisfied.items() for word in sorted(words)]
    good = tuple_(TicketRow.policy, visit.satisfaction).in_(levels)
    return _answers(asked, visit.satisfaction, good).join_from(visit, TicketRow, TicketRow.id == visit.ticket_id)


def contacted(asked: Asked) -> Cases:
    """Visits in which the citizen said whether the unit had been in touch."""
    return _answers(asked, VisitRow.contacted, VisitRow.contacted.is_(True))


def solved(asked: Asked) -> Cases:
    """Visits in which the citizen said whether the matter is solved."""
    return _answers(asked, VisitRow.solved, VisitRow.solved.is_(True))


_INVALID: Final = {
    VisitOutcome.UNREACHABLE: ExclusionReason.UNREACHABLE,
    VisitOutcome.INVALID: ExclusionReason.NO_CONTACT,
    VisitOutcome.DECLINED: ExclusionReason.DECLINED,
    VisitOutcome.WRONG_PERSON: ExclusionReason.WRONG_PERSON,
}
"""Only a citizen who was reached makes a valid callback (有效回访)."""


def _answers(asked: Asked, said: Any, good: ColumnElement[bool]) -> Cases:
    visit = VisitRow
    why = case(
        *((visit.outcome == outcome.value, reason.value) for outcome, reason in _INVALID.items()),
        (said.is_(None), ExclusionReason.NOT_ASKED.value),
    )
    return _row(visit.ticket_id, visit.unit_id, visit.visited_at, over=_if(good), under=_ONE, why=why).where(
        _within(visit.visited_at, asked.span)
    )
