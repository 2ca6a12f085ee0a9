"""Whom a report (举报) accuses: neither that unit nor one below it gets the report (TH 23; requirements 4)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from directory.unit_tree import with_those_below
from ticketing import repository
from ticketing.catalogue.errors import AccusedUnit
from ticketing.catalogue.tables import AccusedRow
from ticketing.errors import UnitNotFound
from ticketing.models import TicketAssignmentRow, TicketRow
from ticketing.relations import links
from ticketing.vocabulary import TicketType


async def name(session: AsyncSession, ticket: TicketRow, units: Collection[int], *, by: str, at: datetime) -> None:
    """Write down whom a ticket accuses; naming a unit again changes nothing. Raises UnitNotFound, StaleTicket."""
    await links.lock(session, ticket)
    if missing := set(units) - await repository.known_units(session, list(units)):
        raise UnitNotFound(", ".join(map(str, sorted(missing))))
    for unit in units:
        values = {"ticket_id": ticket.id, "unit_id": unit, "named_by": by, "named_at": at}
        await session.execute(insert(AccusedRow).values(values).on_conflict_do_nothing())


async def of(session: AsyncSession, tickets: Iterable[int]) -> frozenset[int]:
    """The units these tickets accuse."""
    rows = await session.scalars(select(AccusedRow.unit_id).where(AccusedRow.ticket_id.in_(list(tickets))))
    return frozenset(rows)


async def barred(session: AsyncSession, ticket: TicketRow) -> frozenset[int]:
    """Units that must not get this ticket: those accused by it or by a report merged into it, and all below them."""
    reports = [
        one.id for one in (ticket, *await links.merged_into(session, ticket.id)) if one.type == TicketType.REPORT
    ]
    return await with_those_below(session, await of(session, reports))


async def routed_to_accused(session: AsyncSession, ticket: TicketRow) -> bool:
    """Whether a unit that must not get it has the ticket now."""
    return bool(await _holders(session, ticket.id) & await barred(session, ticket))


async def check_dispatch(session: AsyncSession, ticket: TicketRow, units: Iterable[int]) -> None:
    """Raises AccusedUnit."""
    await links.lock(session, ticket)
    if found := set(units) & await barred(session, ticket):
        raise AccusedUnit(f"{ticket.number} accuses unit {', '.join(map(str, sorted(found)))}")


async def check_merge(session: AsyncSession, child: TicketRow, parent: TicketRow) -> None:
    """A report is not handled with a ticket that the accused unit has. Raises AccusedUnit."""
    if found := await _holders(session, parent.id) & await barred(session, child):
        raise AccusedUnit(
            f"{child.number} accuses unit {', '.join(map(str, sorted(found)))}, which has {parent.number}"
        )


async def _holders(session: AsyncSession, ticket_id: int) -> set[int]:
    rows = select(TicketAssignmentRow.unit_id).where(
        TicketAssignmentRow.ticket_id == ticket_id, TicketAssignmentRow.withdrawn_at.is_(None)
    )
    return set(await session.scalars(rows))
