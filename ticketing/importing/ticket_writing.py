"""Old tickets become ours: rows of a batch written together, as the old system left them.

What happened there stands in the history at the moments given, by nobody of ours, with what else the old system knew
in its details. What is closed is archived at once (TH 19), and its clocks never run: a limit is kept where the old
system gives one. What is open runs under the policy of its day, from the moment it was dispatched (TH 15, 16).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from hotline.workdays import Workdays
from ticketing import clocks, repository
from ticketing.clock_tables import TicketClockRow
from ticketing.clocks import Rules
from ticketing.handling import archive
from ticketing.handling.words import PartState
from ticketing.importing.ticket_rows import OldTicket
from ticketing.intake import number_of_day
from ticketing.limits import Limits
from ticketing.models import TicketAssignmentRow, TicketHistoryRow, TicketRow
from ticketing.policy import Policies
from ticketing.relations import texts
from ticketing.vocabulary import Action, ClockEnd, ClockKind, MovedBy, Part, State, TicketType, Urgency

BY: Final = "import"
"""Who did what an old system tells of."""


@dataclass(frozen=True, slots=True)
class Step:
    """One entry of a history."""

    action: Action
    to: State
    at: datetime
    note: str = ""
    details: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class City:
    """What tickets are numbered and limited by."""

    site: str
    zone: ZoneInfo
    policies: Policies
    workdays: Workdays

    def rules(self, policy: int) -> Rules:
        """A ticket's, by the number of its policy."""
        found = self.policies.numbered(policy).policy
        return Rules(found, Limits(self.workdays, found.zone))

    def day(self, at: datetime) -> date:
        """The city's day."""
        return at.astimezone(self.zone).date()


def steps(old: OldTicket, source: str, now: datetime) -> list[Step]:
    """The history of a ticket, by the moves of `lifecycle.TRANSITIONS`; what the old system did not date happened
    with the next thing it did."""
    known = {
        "imported": {"source": source, "number": old.key},
        **{name: value for name, value in (("agent", old.agent), ("course", old.course)) if value},
    }
    path = [Step(Action.REGISTER, State.REGISTERED, old.registered_at, details=known)]
    path += _dispatched(old) if old.lead is not None else _by_the_centre(old, now)
    if old.state is State.ARCHIVED and path[-1].to is not State.CLOSED:
        path += _closed(old, now)
    if old.state in (State.ARCHIVED, State.REFUSED):
        path.append(Step(Action.ARCHIVE, State.ARCHIVED, now))
    return path


def _by_the_centre(old: OldTicket, now: datetime) -> Iterator[Step]:
    at = old.replied_at or old.closed_at or now
    match old.state:
        case State.TO_DISPATCH:
            yield Step(Action.ACCEPT, State.TO_DISPATCH, old.registered_at)
        case State.REFUSED:
            yield Step(Action.REFUSE, State.REFUSED, at, old.reply)
        case State.ARCHIVED:
            yield Step(Action.ANSWER, State.ANSWERED, at, old.reply)
            yield from _rated(old, State.ANSWERED, old.closed_at or at)
            yield Step(Action.CLOSE, State.CLOSED, old.closed_at or at)


def _dispatched(old: OldTicket) -> Iterator[Step]:
    """Of a ticket that a unit has, or had. One that waits for dispatch again was returned."""
    at = old.dispatched_at or old.registered_at
    units: dict[str, Any] = {"lead_unit": old.lead}
    if old.assisting:
        units["assisting_units"] = list(old.assisting)
    yield Step(Action.ACCEPT, State.TO_DISPATCH, old.registered_at)
    yield Step(Action.DISPATCH, State.TO_SIGN, at, details=units)
    if old.state is State.TO_SIGN:
        return
    if old.state is State.TO_DISPATCH:
        yield Step(Action.RECALL, State.TO_DISPATCH, old.signed_at or at, old.reply)
        return
    yield Step(Action.SIGN_FOR, State.HANDLING, old.signed_at or at)
    for _ in range(old.extensions):
        yield Step(Action.EXTEND, State.EXTENSION_ASKED, old.signed_at or at)
        yield Step(Action.GRANT_EXTENSION, State.HANDLING, old.signed_at or at)
    if old.state is State.REFUSED:
        yield Step(Action.REFUSE, State.REFUSED, old.replied_at or old.signed_at or at, old.reply)
    elif old.state in (State.REPLIED, State.ARCHIVED):
        replied = old.replied_at or old.closed_at or at
        yield Step(Action.REPLY, State.REPLY_TO_REVIEW, replied, old.reply)
        yield Step(Action.APPROVE_REPLY, State.REPLIED, replied)


def _closed(old: OldTicket, now: datetime) -> Iterator[Step]:
    closed = old.closed_at or now
    yield Step(Action.VISIT, State.VISITED, old.visited_at or closed)
    yield from _rated(old, State.VISITED, old.visited_at or closed)
    yield Step(Action.CLOSE, State.CLOSED, closed)


def _rated(old: OldTicket, state: State, at: datetime) -> Iterator[Step]:
    if old.satisfaction:
        yield Step(Action.EVALUATE, state, at, details={"satisfaction": old.satisfaction})


async def write(
    session: AsyncSession, tickets: Sequence[OldTicket], source: str, city: City, now: datetime
) -> list[TicketRow]:
    """New tickets with their history, parts, clocks, words and archived files, in the order given."""
    courses = [steps(old, source, now) for old in tickets]
    numbers = await _numbers(session, tickets, city)
    rows = [_row(old, course, city, number) for old, course, number in zip(tickets, courses, numbers, strict=True)]
    session.add_all(rows)
    await session.flush()
    await session.execute(
        insert(TicketHistoryRow),
        [entry for row, course in zip(rows, courses, strict=True) for entry in entries(row.id, course)],
    )
    for row, old in zip(rows, tickets, strict=True):
        deliver(session, row, old)
        await begin_clocks(session, row, old, city.rules(row.policy))
    await session.flush()
    await texts.remember_all(session, rows)
    await archive.keep_all(session, [row for row in rows if row.state == State.ARCHIVED], now)
    return rows


async def _numbers(session: AsyncSession, tickets: Sequence[OldTicket], city: City) -> list[str]:
    """Of the days they were registered on, after those that are given out already."""
    days = [city.day(old.registered_at) for old in tickets]
    wanted = Counter(days)
    # In one order for everybody: a day's counter is held until the transaction ends.
    next_of = {
        day: await repository.next_of_day(session, city.site, day, count=wanted[day]) - wanted[day] + 1
        for day in sorted(wanted)
    }
    numbers = []
    for day in days:
        numbers.append(number_of_day(city.site, day, next_of[day]))
        next_of[day] += 1
    return numbers


def _row(old: OldTicket, course: Sequence[Step], city: City, number: str) -> TicketRow:
    return TicketRow(
        **fields(old),
        number=number,
        hotline=old.hotline,
        unit_tag="",
        state=course[-1].to.value,
        version=len(course),
        policy=city.policies.in_force(city.day(old.registered_at)).number,
        registered_by=BY,
        registered_at=old.registered_at,
        updated_at=course[-1].at,
    )


def fields(old: OldTicket) -> dict[str, str]:
    """The ticket's own columns that a row of the old system says."""
    return {
        "type": old.type,
        "title": old.title,
        "content": old.content,
        "source": old.source,
        "caller_number": old.caller_number,
        "caller_name": old.caller_name,
        "address": old.address,
        "area_code": old.area_code,
        "category": old.category,
        "urgency": old.urgency,
        "confidentiality": old.confidentiality,
    }


def entries(
    ticket_id: int, course: Sequence[Step], *, state: State | None = None, version: int = 0
) -> list[dict[str, Any]]:
    """Rows of a history, the first one from `state` and after `version`."""
    rows = []
    for step in course:
        version += 1
        rows.append(
            {
                "ticket_id": ticket_id,
                "version": version,
                "action": step.action.value,
                "actor": BY,
                "from_state": None if state is None else state.value,
                "to_state": step.to.value,
                "at": step.at,
                "note": step.note,
                "details": dict(step.details or {}),
            }
        )
        state = step.to
    return rows


def deliver(session: AsyncSession, row: TicketRow, old: OldTicket) -> None:
    """The units' parts as they are in the ticket's state."""
    if old.lead is None or old.dispatched_at is None:
        return
    replied = old.replied_at or old.closed_at if old.state in (State.REPLIED, State.ARCHIVED) else None
    signed = None if old.state in (State.TO_SIGN, State.TO_DISPATCH) else old.signed_at or old.dispatched_at
    withdrawn = old.signed_at or old.dispatched_at if old.state is State.TO_DISPATCH else None
    if withdrawn is not None:
        state = PartState.WITHDRAWN
    elif replied is not None:
        state = PartState.REPLIED
    else:
        state = PartState.DELIVERED if signed is None else PartState.WORKING
    for unit in (old.lead, *old.assisting):
        session.add(
            TicketAssignmentRow(
                ticket_id=row.id,
                unit_id=unit,
                part=(Part.LEAD if unit == old.lead else Part.ASSIST).value,
                state=state.value,
                delivered_at=old.dispatched_at,
                signed_at=signed,
                replied_at=replied,
                withdrawn_at=withdrawn,
            )
        )


async def begin_clocks(session: AsyncSession, row: TicketRow, old: OldTicket, rules: Rules) -> None:
    """What runs in the ticket's state. Of a closed one nothing does: its limit is the one the old system gives, and
    nobody is told of it any more."""
    match old.state:
        case State.TO_DISPATCH:
            at = old.signed_at or old.dispatched_at or old.registered_at
            clocks.begin(session, row, ClockKind.DISPATCH, rules.limits.dispatch(at), at=at, rules=rules)
            if TicketType(row.type) in rules.policy.pass_on_types:
                limit = rules.limits.pass_on(at, rules.policy)
                clocks.begin(session, row, ClockKind.PASS_ON, limit, at=at, rules=rules)
        case State.TO_SIGN | State.HANDLING if old.lead is not None and old.dispatched_at is not None:
            at = old.dispatched_at
            returning = rules.limits.returning(at, rules.policy)
            handling = rules.limits.handling(at, Urgency(row.urgency), rules.policy)
            for unit in (old.lead, *old.assisting):
                clocks.begin(session, row, ClockKind.RETURN, returning, at=at, rules=rules, unit=unit)
                clock = clocks.begin(session, row, ClockKind.HANDLING, handling, at=at, rules=rules, unit=unit)
                if unit == old.lead:
                    await extend(session, clock, rules, old.extensions, old.signed_at or at)
        case State.ARCHIVED if old.due_at is not None and old.lead is not None and old.dispatched_at is not None:
            ended = old.replied_at or old.closed_at or old.dispatched_at
            session.add(
                TicketClockRow(
                    ticket_id=row.id,
                    unit_id=old.lead,
                    kind=ClockKind.HANDLING.value,
                    begun_at=old.dispatched_at,
                    ends_at=old.due_at,
                    provisional=False,
                    next_at=None,
                    ended_at=ended,
                    ended=(ClockEnd.MET if ended < old.due_at else ClockEnd.LATE).value,
                )
            )


async def extend(session: AsyncSession, clock: TicketClockRow, rules: Rules, times: int, at: datetime) -> None:
    """So many extensions, each counted from the end before it (TH 16)."""
    if not times:
        return
    await session.flush()
    for _ in range(times):
        limit = rules.limits.extended(clock.ends_at, rules.policy)
        clocks.move(session, clock, limit, rules, why=MovedBy.EXTENSION, by=BY, at=at)
