"""Clocks that run by working days, with their ends as the calendar has them now."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from hotline.workdays import Workdays
from ticketing.clock_tables import TicketClockMoveRow, TicketClockRow
from ticketing.clocks import Rules, policies
from ticketing.limits import Limit, Limits
from ticketing.models import TicketRow
from ticketing.vocabulary import ClockKind, MovedBy, Urgency

_KINDS: Final = (ClockKind.RETURN.value, ClockKind.HANDLING.value)
_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Effect:
    """How many clocks would end `sooner` and how many `later`, and of how many `tickets`."""

    sooner: int
    later: int
    tickets: int


@dataclass(frozen=True, slots=True)
class OnCalendar:
    """A clock that runs by working days, with what its end is computed from."""

    clock: TicketClockRow
    urgency: Urgency
    """Of the limit: a matter that force majeure has kept from the hours of an urgent one has a general one."""
    policy: int
    extensions: int

    def limit(self, rules: Rules) -> Limit:
        """Its end on the calendar as it is now. An extension granted stays granted, days it stood still are added."""
        if self.clock.kind == ClockKind.RETURN:
            return rules.limits.returning(self.clock.begun_at, rules.policy)
        limit = rules.limits.handling(self.clock.begun_at, self.urgency, rules.policy)
        for _ in range(self.extensions):
            limit = rules.limits.extended(limit.ends_at, rules.policy)
        return rules.limits.later(limit, self.clock.paused_days)


async def of(session: AsyncSession, clock: TicketClockRow, ticket: TicketRow) -> OnCalendar:
    """One clock."""
    moves = (await _moves(session, [clock.id]))[clock.id]
    return _on_calendar(clock, Urgency(ticket.urgency), ticket.policy, moves)


async def running(session: AsyncSession, *, after: int, limit: int) -> list[OnCalendar]:
    """Such clocks that run, by id from `after` on, locked until the transaction ends. One that stands still has no end
    to compute yet.
    """
    return await _found(session, _running(after, limit).with_for_update(of=TicketClockRow))


async def effect(session: AsyncSession, day: date, before: Workdays, after: Workdays, zone: str) -> Effect:
    """What becomes of the clocks that run when `day`, of the city's `zone`, is the only one that the two differ in.

    Nothing is changed: `ticketing.deadlines` moves the ends once the calendar is amended.
    """
    begins = datetime.combine(day, time(), ZoneInfo(zone))
    # Of a clock that ended before the day, or begins after it, the day is no part.
    concerned = (TicketClockRow.begun_at < begins + timedelta(days=1), TicketClockRow.ends_at > begins)
    laid_down = await policies(session)
    sooner, later, tickets, last = 0, 0, set[int](), 0
    while some := await _found(session, _running(last, _BATCH).where(*concerned)):
        for one in some:
            policy = laid_down.numbered(one.policy).policy
            was, will = (one.limit(Rules(policy, Limits(days, policy.zone))).ends_at for days in (before, after))
            sooner += will < was
            later += will > was
            if will != was:
                tickets.add(one.clock.ticket_id)
        last = some[-1].clock.id
    return Effect(sooner, later, len(tickets))


def _running(after: int, limit: int) -> Select[TicketClockRow, str, int]:
    return (
        select(TicketClockRow, TicketRow.urgency, TicketRow.policy)
        .join(TicketRow, TicketRow.id == TicketClockRow.ticket_id)
        .where(
            TicketClockRow.id > after,
            TicketClockRow.ended.is_(None),
            TicketClockRow.paused_at.is_(None),
            TicketClockRow.kind.in_(_KINDS),
        )
        .order_by(TicketClockRow.id)
        .limit(limit)
    )


async def _found(session: AsyncSession, running: Select[TicketClockRow, str, int]) -> list[OnCalendar]:
    rows = (await session.execute(running)).all()
    moves = await _moves(session, [clock.id for clock, _, _ in rows])
    return [_on_calendar(clock, Urgency(urgency), policy, moves[clock.id]) for clock, urgency, policy in rows]


def _on_calendar(clock: TicketClockRow, urgency: Urgency, policy: int, moves: Counter[str]) -> OnCalendar:
    by_hours = urgency is Urgency.URGENT and not moves[MovedBy.FORCE_MAJEURE]
    return OnCalendar(clock, Urgency.URGENT if by_hours else Urgency.GENERAL, policy, moves[MovedBy.EXTENSION])


async def _moves(session: AsyncSession, clocks: list[int]) -> dict[int, Counter[str]]:
    """How often each clock was moved, by why."""
    found: dict[int, Counter[str]] = {clock: Counter() for clock in clocks}
    rows = await session.execute(
        select(TicketClockMoveRow.clock_id, TicketClockMoveRow.why).where(TicketClockMoveRow.clock_id.in_(clocks))
    )
    for clock, why in rows:
        found[clock][why] += 1
    return found
