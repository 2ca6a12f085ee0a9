"""The units' parts in a ticket, kept in step with its actions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from ticketing import repository
from ticketing.errors import DetailUnexpected, UnitNotFound
from ticketing.handling.words import PartState
from ticketing.schemas import Details
from ticketing.vocabulary import Action, Part


async def follow(session: AsyncSession, ticket_id: int, action: Action, details: Details, at: datetime) -> None:
    """What an action means for the units: delivered (派单), signed for, replied, or withdrawn.

    Raises DetailUnexpected if a unit is named twice in one dispatch, UnitNotFound if there is no such unit.
    """
    match action:
        case Action.DISPATCH:
            await _deliver(session, ticket_id, details, at)
        case Action.SIGN_FOR:
            await repository.mark_lead(session, ticket_id, PartState.WORKING, signed_at=at)
        case Action.REFUSE_RETURN:
            await repository.lead_is_at_work(session, ticket_id, at)
        case Action.APPROVE_REPLY:
            await repository.mark_lead(session, ticket_id, PartState.REPLIED, replied_at=at)
        case Action.AGREE_RETURN | Action.REHANDLE | Action.RECALL | Action.MERGE:
            await repository.withdraw_assignments(session, ticket_id, at)
        case Action.CLOSE:
            await repository.withdraw_assignments(session, ticket_id, at, unfinished=True)
        case _:
            pass


async def _deliver(session: AsyncSession, ticket_id: int, details: Details, at: datetime) -> None:
    units = [unit for unit in (details.lead_unit, *details.assisting_units) if unit is not None]
    if len(set(units)) < len(units):
        raise DetailUnexpected("a unit is named twice")
    if missing := set(units) - await repository.known_units(session, units):
        raise UnitNotFound(", ".join(map(str, sorted(missing))))
    for unit in units:
        part = Part.LEAD if unit == details.lead_unit else Part.ASSIST
        await repository.add_assignment(session, ticket_id, unit, part, at)
