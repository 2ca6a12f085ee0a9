"""Who may begin a record of the lead unit's own handling: its people, while they handle the ticket."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Role
from ticketing import repository
from ticketing.errors import ActionNotAllowed, ActionNotPossible, NotYourUnitsTicket
from ticketing.models import TicketAssignmentRow, TicketRow
from ticketing.people import UNIT
from ticketing.schemas import Actor
from ticketing.vocabulary import State


async def lead_part(
    session: AsyncSession, ticket: TicketRow, actor: Actor, *, what: str, roles: frozenset[Role] = UNIT
) -> TicketAssignmentRow:
    """The lead unit's part. Raises ActionNotAllowed, NotYourUnitsTicket, ActionNotPossible unless it is handled."""
    if not actor.roles & roles:
        raise ActionNotAllowed(f"{what}: for people of the unit that leads")
    part = await repository.lead_part(session, ticket.id)
    if part is None or actor.unit_id is None or part.unit_id != actor.unit_id:
        raise NotYourUnitsTicket(f"{ticket.number} is led by another unit")
    if ticket.state != State.HANDLING:
        raise ActionNotPossible(f"{what}: while the ticket is handled, not in state {ticket.state}")
    return part
