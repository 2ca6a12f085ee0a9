"""Units' own parts: of those that assist (协办), and of those a county body hands its part down to (TH 11, 16).

Each signs for its part, replies to who works with it, and has a clock of its own. Parts handed down share the
time of the part above. The lead unit's part moves with the ticket; all it does here is to hand down.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Unit
from ticketing import clocks, repository
from ticketing.catalogue import accused
from ticketing.clock_tables import TicketClockMoveRow, TicketClockRow
from ticketing.errors import ActionNotPossible, DetailUnexpected
from ticketing.handling import leads, records
from ticketing.handling.errors import LeadPartFollowsTicket, UnitHasPart, UnitNotBelow
from ticketing.handling.records import Move, Moves, Said
from ticketing.handling.words import OverdueCause, PartAction, PartState, RecordKind, Side
from ticketing.limits import Limit
from ticketing.models import TicketAssignmentRow, TicketRow
from ticketing.people import CENTRE, UNIT
from ticketing.schemas import Actor, Body, UnitId
from ticketing.unit_desk import handlers
from ticketing.vocabulary import ClockEnd, ClockKind, Part, State

_S, _A = PartState, PartAction
_NOTE = frozenset({"note"})
_WITH_BASIS = frozenset({"note", "basis"})
_SENDERS = CENTRE | UNIT

PART_MOVES: Final = Moves(
    RecordKind.PART,
    MappingProxyType(
        {
            (_S.DELIVERED, _A.SIGN_FOR): Move(_S.WORKING, UNIT, Side.OWN),
            (_S.DELIVERED, _A.RETURN): Move(_S.RETURN_ASKED, UNIT, Side.OWN, _WITH_BASIS),
            (_S.DELIVERED, _A.WITHDRAW): Move(_S.WITHDRAWN, _SENDERS, Side.SENDER, _NOTE),
            (_S.WORKING, _A.HAND_DOWN): Move(_S.WORKING, UNIT, Side.OWN, frozenset({"units"})),
            (_S.WORKING, _A.RETURN): Move(_S.RETURN_ASKED, UNIT, Side.OWN, _WITH_BASIS),
            (_S.WORKING, _A.REPLY): Move(_S.REPLIED, UNIT, Side.OWN, _NOTE, frozenset({"note", "overdue_cause"})),
            (_S.WORKING, _A.WITHDRAW): Move(_S.WITHDRAWN, _SENDERS, Side.SENDER, _NOTE),
            (_S.RETURN_ASKED, _A.AGREE_RETURN): Move(_S.WITHDRAWN, _SENDERS, Side.SENDER),
            (_S.RETURN_ASKED, _A.REFUSE_RETURN): Move(_S.WORKING, _SENDERS, Side.SENDER, _NOTE),
            (_S.REPLIED, _A.TAKE): Move(_S.TAKEN, UNIT, Side.RECEIVER),
            (_S.REPLIED, _A.SEND_BACK): Move(_S.WORKING, UNIT, Side.RECEIVER, _NOTE),
        }
    ),
)

_BY_HANDLERS: Final = frozenset({PartAction.SIGN_FOR, PartAction.HAND_DOWN, PartAction.RETURN, PartAction.REPLY})
_LEAD_HANDS_DOWN: Final = frozenset({State.HANDLING, State.EXTENSION_ASKED})


class PartSaid(Said):
    """What a step of a part needs."""

    basis: Body = Field("", description="The rule a return rests on (退回依据, TH 15).")
    units: tuple[UnitId, ...] = Field((), max_length=20, description="Units below that a part is handed down to.")
    overdue_cause: OverdueCause | None = Field(None, description="Why the reply is late; only then.")


async def act(
    session: AsyncSession,
    number: str,
    part_id: int,
    action: PartAction,
    actor: Actor,
    *,
    version: int,
    at: datetime,
    said: PartSaid,
) -> TicketAssignmentRow:
    """Take one step of a unit's part. Raises what `records.step` raises, TicketNotFound, RecordNotFound,
    LeadPartFollowsTicket, UnitNotBelow, UnitHasPart, AccusedUnit, OverdueCauseMissing, AnotherHandler. The caller
    commits.
    """
    ticket = await records.locked_ticket(session, number)
    part = await records.found(session, TicketAssignmentRow, part_id, ticket)
    if not State(ticket.state).open:
        raise ActionNotPossible(f"no part of a ticket moves in state {ticket.state}")
    if part.part == Part.LEAD and part.parent_id is None:
        if action is not PartAction.HAND_DOWN:
            raise LeadPartFollowsTicket(f"{action} ({action.term}) of the lead unit is an action of the ticket")
        if State(ticket.state) not in _LEAD_HANDS_DOWN:
            raise ActionNotPossible(f"the lead unit hands nothing down in state {ticket.state}")
    if action in _BY_HANDLERS and actor.unit_id == part.unit_id:
        await handlers.must_handle(session, part, actor)
    times = {PartAction.SIGN_FOR: {"signed_at": at}, PartAction.REPLY: {"replied_at": at}}
    times[PartAction.SEND_BACK] = {"replied_at": None}  # type: ignore[dict-item]
    await records.step(
        session,
        PART_MOVES,
        part,
        action,
        actor,
        sides=await _sides(session, ticket, part, actor),
        version=version,
        at=at,
        said=said,
        **times.get(action, {}),
    )
    match action:
        case PartAction.SIGN_FOR:
            await leads.of_receipt(session, ticket, part, at)
        case PartAction.HAND_DOWN:
            await _hand_down(session, ticket, part, said.units, at)
        case PartAction.RETURN:
            await clocks.end(session, ticket, {ClockKind.RETURN}, at, unit=part.unit_id)
        case PartAction.REPLY:
            ended = await clocks.end(session, ticket, clocks.HANDLES, at, unit=part.unit_id)
            clocks.explain(ended, said.overdue_cause)
            await clocks.end(session, ticket, {ClockKind.RETURN}, at, ClockEnd.WITHDRAWN, unit=part.unit_id)
            await clocks.lapse_below(session, ticket, part.id, at)
        case PartAction.SEND_BACK:
            await _run_on(session, ticket, part.unit_id)
        case PartAction.AGREE_RETURN | PartAction.WITHDRAW:
            for unit in await repository.withdraw_part(session, part.id, at):
                await clocks.lapse(session, ticket, at, unit=unit)
            await session.refresh(part)
    return part


async def sides_of(session: AsyncSession, number: str, part_id: int, actor: Actor) -> frozenset[Side]:
    """Where a person stands to a part; raises TicketNotFound, RecordNotFound."""
    ticket = await repository.row(session, number)
    return await _sides(session, ticket, await records.found(session, TicketAssignmentRow, part_id, ticket), actor)


async def _sides(session: AsyncSession, ticket: TicketRow, part: TicketAssignmentRow, actor: Actor) -> frozenset[Side]:
    sides = {Side.ANY}
    parent = None if part.parent_id is None else await session.get(TicketAssignmentRow, part.parent_id)
    if actor.unit_id is not None:
        if actor.unit_id == part.unit_id:
            sides.add(Side.OWN)
        if parent is not None and actor.unit_id == parent.unit_id:
            sides |= {Side.SENDER, Side.RECEIVER}
        if parent is None and actor.unit_id == await repository.lead_unit(session, ticket.id):
            sides.add(Side.RECEIVER)
    if parent is None and actor.roles & CENTRE:
        sides.add(Side.SENDER)
    return frozenset(sides)


async def _hand_down(
    session: AsyncSession, ticket: TicketRow, part: TicketAssignmentRow, units: Sequence[int], at: datetime
) -> None:
    if len(set(units)) < len(units):
        raise DetailUnexpected("a unit is named twice")
    below = set(await session.scalars(select(Unit.id).where(Unit.id.in_(units), Unit.parent_id == part.unit_id)))
    if wrong := set(units) - below:
        raise UnitNotBelow(", ".join(map(str, sorted(wrong))))
    await accused.check_dispatch(session, ticket, units)
    standing = select(TicketAssignmentRow.unit_id).where(
        TicketAssignmentRow.ticket_id == ticket.id,
        TicketAssignmentRow.unit_id.in_(units),
        TicketAssignmentRow.withdrawn_at.is_(None),
    )
    if taken := set(await session.scalars(standing)):
        raise UnitHasPart(", ".join(map(str, sorted(taken))))
    rules = await clocks.Rules.of(session, ticket)
    running = await clocks.running(session, ticket.id, clocks.HANDLES, unit=part.unit_id)
    for unit in units:
        await repository.add_assignment(session, ticket.id, unit, Part.ASSIST, at, parent_id=part.id)
        limit = rules.limits.returning(at, rules.policy)
        clocks.begin(session, ticket, ClockKind.RETURN, limit, at=at, rules=rules, unit=unit)
        for above in running:
            await _same_time(session, ticket, above, unit, rules=rules)


async def _same_time(
    session: AsyncSession, ticket: TicketRow, above: TicketClockRow, unit: int, *, rules: clocks.Rules
) -> None:
    """A clock that began with the one above, and was moved and stood still as that did: it ends with it, whatever the
    calendar does."""
    limit = Limit(above.ends_at, above.provisional)
    clock = clocks.begin(session, ticket, ClockKind(above.kind), limit, at=above.begun_at, rules=rules, unit=unit)
    clock.paused_at, clock.paused_days = above.paused_at, above.paused_days
    clock.next_at = None if clock.paused_at is not None else clock.next_at
    await session.flush()
    moves = select(TicketClockMoveRow).where(TicketClockMoveRow.clock_id == above.id).order_by(TicketClockMoveRow.id)
    for move in await session.scalars(moves):
        session.add(
            TicketClockMoveRow(
                clock_id=clock.id,
                at=move.at,
                why=move.why,
                by=move.by,
                old_ends_at=move.old_ends_at,
                new_ends_at=move.new_ends_at,
            )
        )


async def _run_on(session: AsyncSession, ticket: TicketRow, unit: int) -> None:
    """A reply that is sent back was none: the clock that it ended runs on, to the same end."""
    rules = await clocks.Rules.of(session, ticket)
    newest = (
        select(TicketClockRow)
        .where(
            TicketClockRow.ticket_id == ticket.id,
            TicketClockRow.unit_id == unit,
            TicketClockRow.kind.in_([kind.value for kind in clocks.HANDLES]),
        )
        .order_by(TicketClockRow.id.desc())
        .limit(1)
    )
    clock = (await session.scalars(newest)).one()
    clock.ended = clock.ended_at = clock.overdue_cause = None
    clock.next_at = rules.limits.warn_at(clock.begun_at, clock.ends_at, rules.policy)
