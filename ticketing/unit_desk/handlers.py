"""经办人: people of a unit take its parts on, are given them by the unit's head, and hand them over.

Where nobody has taken a part on, everybody of the unit may act on it. From then on it is for those who have, and for
the unit's head.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from directory import users
from directory.models import User
from ticketing import repository
from ticketing.errors import ActionNotAllowed, ActionNotPossible, DetailUnexpected, NotYourUnitsTicket
from ticketing.handling import records
from ticketing.handling.records import Move, Moves, Said
from ticketing.handling.words import PartState, RecordKind, Side
from ticketing.models import TicketAssignmentRow, TicketRow
from ticketing.people import UNIT, UNIT_HEAD
from ticketing.schemas import Actor, Name
from ticketing.unit_desk.errors import AnotherHandler, HandlesAlready, NotOfTheUnit
from ticketing.unit_desk.tables import HandlerRow
from ticketing.unit_desk.words import HandlerAction, HandlerState
from ticketing.vocabulary import Action

_S, _A = HandlerState, HandlerAction

HANDLER_MOVES: Final = Moves(
    RecordKind.HANDLER,
    MappingProxyType(
        {
            (_S.ACTIVE, _A.HAND_OVER): Move(_S.HANDED_OVER, UNIT, Side.OWN, frozenset({"note", "to"})),
            (_S.ACTIVE, _A.RELEASE): Move(_S.RELEASED, UNIT, Side.OWN),
        }
    ),
)
"""OWN: the handler, or the head of the unit."""

_BY_HANDLERS: Final = frozenset({Action.SIGN_FOR, Action.RETURN, Action.EXTEND, Action.REPLY})
_OPEN: Final = frozenset({PartState.DELIVERED, PartState.WORKING, PartState.RETURN_ASKED})


class HandlerSaid(Said):
    """What a step needs."""

    to: Name = Field("", description="Work number or login of who takes it over.")


async def claim(
    session: AsyncSession, number: str, part_id: int, actor: Actor, *, person: str = "", at: datetime
) -> HandlerRow:
    """Take a part of the own unit on; the unit's head gives it to another `person`.

    Raises TicketNotFound, RecordNotFound, ActionNotAllowed, NotYourUnitsTicket, ActionNotPossible once the part is
    replied, NotOfTheUnit, HandlesAlready. The caller commits.
    """
    ticket = await records.locked_ticket(session, number)
    part = await records.found(session, TicketAssignmentRow, part_id, ticket)
    if not actor.roles & UNIT or (person not in {"", actor.user} and not actor.roles & UNIT_HEAD):
        raise ActionNotAllowed("one takes a part on oneself; the unit's head gives it to others")
    if actor.unit_id is None or part.unit_id != actor.unit_id:
        raise NotYourUnitsTicket(f"{number} is with another unit")
    if part.state not in _OPEN:
        raise ActionNotPossible(f"nobody works on a part in state {part.state}")
    return await _given(session, part, person or actor.user, by=actor.user, at=at)


async def act(
    session: AsyncSession,
    number: str,
    handler_id: int,
    action: HandlerAction,
    actor: Actor,
    *,
    version: int,
    at: datetime,
    said: HandlerSaid,
) -> HandlerRow:
    """One step. Raises what `records.step` raises, TicketNotFound, RecordNotFound, NotOfTheUnit, HandlesAlready,
    DetailUnexpected for a hand-over to oneself. The caller commits.
    """
    ticket = await records.locked_ticket(session, number)
    row = await records.found(session, HandlerRow, handler_id, ticket)
    part = await records.found(session, TicketAssignmentRow, row.part_id, ticket)
    if action is HandlerAction.HAND_OVER and said.to == row.person:
        raise DetailUnexpected("handed over to somebody else")
    await records.step(
        session,
        HANDLER_MOVES,
        row,
        action,
        actor,
        sides=sides_of(row, part, actor),
        version=version,
        at=at,
        said=said,
        until=at,
    )
    if action is HandlerAction.HAND_OVER:
        await _given(session, part, said.to, by=actor.user, at=at)
    return row


def sides_of(row: HandlerRow, part: TicketAssignmentRow, actor: Actor) -> frozenset[Side]:
    """Whether it is the person's own work, or that of the unit the person heads."""
    heads = bool(actor.roles & UNIT_HEAD) and actor.unit_id == part.unit_id
    return frozenset({Side.OWN} if heads or actor.user == row.person else ())


async def before(session: AsyncSession, ticket: TicketRow, action: Action, actor: Actor) -> None:
    """What the lead unit does with a ticket is for its handlers. Raises AnotherHandler."""
    if action in _BY_HANDLERS and (part := await repository.lead_part(session, ticket.id)) is not None:
        await must_handle(session, part, actor)


async def must_handle(session: AsyncSession, part: TicketAssignmentRow, actor: Actor) -> None:
    """Raises AnotherHandler where others have taken the part on and the person is not the unit's head."""
    if actor.roles & UNIT_HEAD:
        return
    active = [row.person for row in await of_part(session, part.id) if row.state == HandlerState.ACTIVE]
    if active and actor.user not in active:
        raise AnotherHandler(f"with {', '.join(active)}")


async def in_hand(session: AsyncSession, ticket: TicketRow, actor: Actor) -> TicketAssignmentRow:
    """The unit's part, which it has signed for and works on, if it is for this person to act.

    Raises ActionNotAllowed, NotYourUnitsTicket, ActionNotPossible, AnotherHandler.
    """
    if not actor.roles & UNIT:
        raise ActionNotAllowed("for people of a unit who work on its tickets")
    parts = await repository.rows_of(session, TicketAssignmentRow, ticket.id)
    standing = [part for part in parts if part.unit_id == actor.unit_id and part.withdrawn_at is None]
    if actor.unit_id is None or not standing:
        raise NotYourUnitsTicket(f"{ticket.number} is with another unit")
    for part in standing:
        if part.state == PartState.WORKING:
            await must_handle(session, part, actor)
            return part
    raise ActionNotPossible("the unit has not signed for it, or has it no more in hand")


async def of_part(session: AsyncSession, part_id: int) -> Sequence[HandlerRow]:
    """The part's, oldest first."""
    wanted = select(HandlerRow).where(HandlerRow.part_id == part_id).order_by(HandlerRow.id)
    return (await session.scalars(wanted)).all()


async def of(session: AsyncSession, ticket_id: int) -> Sequence[HandlerRow]:
    """The ticket's, oldest first."""
    return await repository.rows_of(session, HandlerRow, ticket_id)


async def _given(session: AsyncSession, part: TicketAssignmentRow, person: str, *, by: str, at: datetime) -> HandlerRow:
    await _must_be_of(session, part.unit_id, person)
    standing = select(HandlerRow.id).where(
        HandlerRow.part_id == part.id, HandlerRow.person == person, HandlerRow.state == HandlerState.ACTIVE.value
    )
    if (await session.execute(standing)).scalar_one_or_none() is not None:
        raise HandlesAlready(person)
    row = HandlerRow(
        ticket_id=part.ticket_id,
        part_id=part.id,
        person=person,
        state=HandlerState.ACTIVE.value,
        version=1,
        given_by=by,
        since=at,
    )
    session.add(row)
    await session.flush()
    return row


async def _must_be_of(session: AsyncSession, unit_id: int, name: str) -> None:
    person = await users.person(session, await _user(session, name))
    if person.disabled or person.unit_id != unit_id or not person.roles & UNIT:
        raise NotOfTheUnit(name)


async def _user(session: AsyncSession, name: str) -> User:
    try:
        return await users.of_work_number(session, name)
    except users.UnknownUser:
        try:
            return await users.get(session, name)
        except users.UnknownUser:
            raise NotOfTheUnit(name) from None
