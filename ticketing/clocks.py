"""The clocks of a ticket, kept in step with its actions (TH 15, 16; SMX 一(二)2).

A clock ends with the action it waits for: before its end in time, from its end on late. What becomes of a ticket whose
clock has run out is `ticketing.deadlines`' question; here nothing waits for anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from directory import repository as directory
from ticketing import repository
from ticketing.catalogue import categories
from ticketing.clock_tables import TicketClockMoveRow, TicketClockRow, TicketPolicyRow
from ticketing.errors import (
    DetailUnexpected,
    ExtensionTooLate,
    ExtensionUnsigned,
    HandedOverWhen,
    NobodyTookIt,
    TooManyExtensions,
)
from ticketing.handling.errors import OverdueCauseMissing
from ticketing.handling.words import OverdueCause
from ticketing.limits import Limit, Limits
from ticketing.models import TicketHistoryRow, TicketRow
from ticketing.policy import Policies, PolicyVersion, TicketPolicy
from ticketing.schemas import Details
from ticketing.vocabulary import Action, ClockEnd, ClockKind, MovedBy, TicketType, Urgency

_OF_THE_CENTRE: Final = frozenset({ClockKind.DISPATCH, ClockKind.PASS_ON})
OF_UNITS: Final = frozenset({ClockKind.RETURN, ClockKind.HANDLING, ClockKind.STATUTORY})
HANDLES: Final = frozenset({ClockKind.HANDLING, ClockKind.STATUTORY})
"""Within these a unit brings a result."""
SYSTEM: Final = "system"
"""Who acts where no person does: it telephones with nobody."""
_AN_EXTENSION: Final = frozenset({Action.EXTEND, Action.SIGN_EXTENSION, Action.GRANT_EXTENSION})


async def policies(session: AsyncSession) -> Policies:
    """The city's, as the database has them."""
    return Policies(
        PolicyVersion(
            row.number, row.first_day, TicketPolicy.model_validate(row.policy), withdrawn=row.withdrawn_at is not None
        )
        for row in await session.scalars(select(TicketPolicyRow))
    )


@dataclass(frozen=True, slots=True)
class Rules:
    """What one ticket's limits are computed from, as the database has it in this transaction."""

    policy: TicketPolicy
    limits: Limits

    @classmethod
    async def of(cls, session: AsyncSession, ticket: TicketRow) -> Self:
        return (await cls.of_all(session, [ticket]))[ticket.policy]

    @classmethod
    async def of_all(cls, session: AsyncSession, tickets: Iterable[TicketRow]) -> dict[int, Self]:
        """Those of many tickets, by the number of their policy."""
        versions, calendar = await policies(session), await directory.workdays(session)
        numbered = {number: versions.numbered(number).policy for number in {ticket.policy for ticket in tickets}}
        return {number: cls(policy, Limits(calendar, policy.zone)) for number, policy in numbered.items()}


@dataclass(frozen=True, slots=True)
class RanOut:
    """The time of a unit's handling has gone."""

    clock: TicketClockRow
    ticket: TicketRow
    rules: Rules
    unit_id: int


async def follow(
    session: AsyncSession, ticket: TicketRow, action: Action, details: Details, *, by: str, at: datetime
) -> None:
    """What an action on a ticket means for its clocks. `at` is the moment of the action.

    Raises ExtensionTooLate, TooManyExtensions, ExtensionUnsigned, HandedOverWhen, NobodyTookIt (TH 16),
    OverdueCauseMissing (TH 34).
    """
    match action:
        case Action.ACCEPT | Action.REHANDLE | Action.AGREE_RETURN | Action.RECALL | Action.UNMERGE:
            if action in (Action.REHANDLE, Action.RECALL):
                # Lateness that happened stays, whoever takes the ticket away from the unit.
                await lapse(session, ticket, at)
            await end(session, ticket, OF_UNITS, at, ClockEnd.WITHDRAWN)
            await _to_dispatch(session, ticket, details, at)
        case Action.DISPATCH:
            await end(session, ticket, _OF_THE_CENTRE, at)
            await _dispatched(session, ticket, details, by, at)
        case Action.REFUSE:
            await end(session, ticket, _OF_THE_CENTRE, at)
            await end(session, ticket, HANDLES, at, unit=await repository.lead_unit(session, ticket.id))
            await end(session, ticket, OF_UNITS, at, ClockEnd.WITHDRAWN)
        case Action.RETURN:
            # Too late is no ground to refuse the paper, but counts as overdue (TH 15).
            await end(session, ticket, {ClockKind.RETURN}, at, unit=await repository.lead_unit(session, ticket.id))
        case Action.EXTEND:
            await _may_ask(session, ticket, await Rules.of(session, ticket), at)
        case Action.GRANT_EXTENSION:
            await _extend(session, ticket, await Rules.of(session, ticket), by, at)
        case Action.APPROVE_REPLY:
            await _replied(session, ticket, details, at)
        case Action.CLOSE:
            await lapse(session, ticket, at)


async def _to_dispatch(session: AsyncSession, ticket: TicketRow, details: Details, at: datetime) -> None:
    rules = await Rules.of(session, ticket)
    begin(session, ticket, ClockKind.DISPATCH, rules.limits.dispatch(at), at=at, rules=rules)
    if await _passed_on_at_once(session, ticket, details, rules.policy):
        begin(session, ticket, ClockKind.PASS_ON, rules.limits.pass_on(at, rules.policy), at=at, rules=rules)


async def _passed_on_at_once(session: AsyncSession, ticket: TicketRow, details: Details, policy: TicketPolicy) -> bool:
    """Complaints and reports are, and matters of law enforcement: by category, or because who accepts one says so (SMX
    一(二)2). What was once, is again when it comes back."""
    if details.law_enforcement or TicketType(ticket.type) in policy.pass_on_types:
        return True
    if any(node.code in policy.pass_on_categories for node in await categories.path(session, ticket.category)):
        return True
    return any(clock.kind == ClockKind.PASS_ON for clock in await of(session, ticket.id))


async def _dispatched(session: AsyncSession, ticket: TicketRow, details: Details, by: str, at: datetime) -> None:
    if ticket.urgency == Urgency.URGENT and not details.handed_over_to and by != SYSTEM:
        raise NobodyTookIt("an urgent matter is handed over by telephone: handed_over_to says who of the unit took it")
    rules = await Rules.of(session, ticket)
    begun_at = _delivered(ticket, details, at)
    handling = rules.limits.handling(begun_at, Urgency(ticket.urgency), rules.policy)
    returning = rules.limits.returning(at, rules.policy)
    for unit in (details.lead_unit, *details.assisting_units):
        begin(session, ticket, ClockKind.HANDLING, handling, at=begun_at, rules=rules, unit=unit)
        begin(session, ticket, ClockKind.RETURN, returning, at=at, rules=rules, unit=unit)


async def running(
    session: AsyncSession, ticket_id: int, kinds: Iterable[ClockKind], *, unit: int | None = None
) -> Sequence[TicketClockRow]:
    """Clocks that have not ended, oldest first, locked until the transaction ends; of one `unit`, or of all."""
    wanted = (
        select(TicketClockRow)
        .where(
            TicketClockRow.ticket_id == ticket_id,
            TicketClockRow.kind.in_([kind.value for kind in kinds]),
            TicketClockRow.ended.is_(None),
        )
        .order_by(TicketClockRow.id)
        .with_for_update()
    )
    if unit is not None:
        wanted = wanted.where(TicketClockRow.unit_id == unit)
    return (await session.scalars(wanted)).all()


async def of(session: AsyncSession, ticket_id: int) -> Sequence[TicketClockRow]:
    """All clocks of a ticket, oldest first."""
    return await repository.rows_of(session, TicketClockRow, ticket_id)


def move(
    session: AsyncSession,
    clock: TicketClockRow,
    limit: Limit,
    rules: Rules,
    *,
    why: MovedBy,
    by: str,
    at: datetime,
) -> None:
    """Give a clock that runs another end; the old one is kept, and those concerned are told anew."""
    session.add(
        TicketClockMoveRow(
            clock_id=clock.id, at=at, why=why.value, by=by, old_ends_at=clock.ends_at, new_ends_at=limit.ends_at
        )
    )
    clock.ends_at, clock.provisional = limit.ends_at, limit.provisional
    clock.next_at = rules.limits.warn_at(clock.begun_at, limit.ends_at, rules.policy)


def begin(
    session: AsyncSession,
    ticket: TicketRow,
    kind: ClockKind,
    limit: Limit,
    *,
    at: datetime,
    rules: Rules,
    unit: int | None = None,
) -> TicketClockRow:
    """A clock that runs from `at` on."""
    clock = TicketClockRow(
        ticket_id=ticket.id,
        unit_id=unit,
        kind=kind.value,
        begun_at=at,
        ends_at=limit.ends_at,
        provisional=limit.provisional,
        next_at=rules.limits.warn_at(at, limit.ends_at, rules.policy),
    )
    session.add(clock)
    return clock


async def end(
    session: AsyncSession,
    ticket: TicketRow,
    kinds: Iterable[ClockKind],
    at: datetime,
    how: ClockEnd | None = None,
    *,
    unit: int | None = None,
) -> list[TicketClockRow]:
    """End clocks that run, `how` as given or else by the moment: of one that stands still, by when it stopped.

    Returns them.
    """
    clocks = list(await running(session, ticket.id, kinds, unit=unit))
    for clock in clocks:
        moment = clock.paused_at or at
        clock.ended = (how or (ClockEnd.MET if moment < clock.ends_at else ClockEnd.LATE)).value
        clock.ended_at, clock.next_at = at, None
    return clocks


async def _replied(session: AsyncSession, ticket: TicketRow, details: Details, at: datetime) -> None:
    """Assisting units still answer for their own parts: their clocks run on (TH 16: 相关单位应当积极配合)."""
    part = await repository.lead_part(session, ticket.id)
    if part is None:
        return
    ended = await end(session, ticket, HANDLES, at, unit=part.unit_id)
    explain(ended, details.overdue_cause)
    await end(session, ticket, {ClockKind.RETURN}, at, ClockEnd.WITHDRAWN, unit=part.unit_id)
    await lapse_below(session, ticket, part.id, at)


async def lapse_below(session: AsyncSession, ticket: TicketRow, part_id: int, at: datetime) -> None:
    """A unit has replied: of those it handed its part down to nothing is expected any more."""
    for unit in await repository.withdraw_part(session, part_id, at, only_below=True):
        await lapse(session, ticket, at, unit=unit)


def explain(ended: Iterable[TicketClockRow], cause: OverdueCause | None) -> None:
    """A late reply names its cause, and only a late one (TH 34). Raises OverdueCauseMissing, DetailUnexpected."""
    late = [clock for clock in ended if clock.ended == ClockEnd.LATE]
    if late and cause is None:
        raise OverdueCauseMissing("the reply is late: overdue_cause says why")
    if cause is not None and not late:
        raise DetailUnexpected("the reply is in time: there is no overdue_cause")
    for clock in late:
        clock.overdue_cause = None if cause is None else cause.value


async def lapse(session: AsyncSession, ticket: TicketRow, at: datetime, *, unit: int | None = None) -> None:
    """Nothing is expected of the units any more: who was late by now was late, all else is withdrawn."""
    for clock in await end(session, ticket, HANDLES, at, unit=unit):
        if clock.ended == ClockEnd.MET:
            clock.ended = ClockEnd.WITHDRAWN.value
    await end(session, ticket, {ClockKind.RETURN}, at, ClockEnd.WITHDRAWN, unit=unit)


def _delivered(ticket: TicketRow, details: Details, at: datetime) -> datetime:
    """From when a unit's limit counts: of an urgent matter from its handover by telephone (TH 16)."""
    if ticket.urgency != Urgency.URGENT or details.handed_over_at is None:
        return at
    if not ticket.registered_at <= details.handed_over_at <= at:
        raise HandedOverWhen("between registration and dispatch")
    return details.handed_over_at


async def _may_ask(session: AsyncSession, ticket: TicketRow, rules: Rules, at: datetime) -> None:
    granted = len(await _acts(session, ticket, Action.GRANT_EXTENSION))
    if granted >= rules.policy.most_extensions:
        raise TooManyExtensions(f"{granted} extensions were granted; the unit reports, and a meeting is called")
    for clock in await _led(session, ticket):
        by = rules.limits.ask_extension_by(clock.ends_at, rules.policy)
        if at >= by:
            raise ExtensionTooLate(f"an extension had to be asked for before {by:%Y-%m-%d %H:%M}")


async def _extend(session: AsyncSession, ticket: TicketRow, rules: Rules, by: str, at: datetime) -> None:
    acts = await _acts(session, ticket, *_AN_EXTENSION)
    number = acts.count(Action.GRANT_EXTENSION) + 1
    since = len(acts) - acts[::-1].index(Action.EXTEND)
    if number >= rules.policy.signed_from and Action.SIGN_EXTENSION not in acts[since:]:
        raise ExtensionUnsigned(f"extension {number} is signed by the unit's leader in charge (分管领导) first")
    for clock in await of_the_lead(session, ticket):
        limit = rules.limits.extended(clock.ends_at, rules.policy)
        move(session, clock, limit, rules, why=MovedBy.EXTENSION, by=by, at=at)


async def _led(session: AsyncSession, ticket: TicketRow) -> Sequence[TicketClockRow]:
    unit = await repository.lead_unit(session, ticket.id)
    return await running(session, ticket.id, {ClockKind.HANDLING}, unit=unit)


async def of_the_lead(
    session: AsyncSession, ticket: TicketRow, kind: ClockKind = ClockKind.HANDLING
) -> Sequence[TicketClockRow]:
    """Those that run of the lead unit and of those it handed its part down to: they work in its time."""
    lead = await repository.lead_unit(session, ticket.id)
    if lead is None:
        return []
    units = [lead, *await repository.units_below_lead(session, ticket.id)]
    return [clock for clock in await running(session, ticket.id, {kind}) if clock.unit_id in units]


async def _acts(session: AsyncSession, ticket: TicketRow, *actions: Action) -> list[Action]:
    """Actions of these kinds on the ticket so far, in their order."""
    words = (
        select(TicketHistoryRow.action)
        .where(TicketHistoryRow.ticket_id == ticket.id, TicketHistoryRow.action.in_([a.value for a in actions]))
        .order_by(TicketHistoryRow.version)
    )
    return [Action(word) for word in await session.scalars(words)]
