"""The tickets' words as they are searched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import cast, not_, select, update
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR, insert
from sqlalchemy.ext.asyncio import AsyncSession

from hotline import search
from hotline.privacy import without_person
from ticketing.models import TicketAssignmentRow, TicketRow
from ticketing.relations import stretches
from ticketing.relations.tables import TicketTextRow


async def remember(session: AsyncSession, ticket: TicketRow) -> None:
    """Keep what the ticket says now, so that later demands are compared with it."""
    await remember_all(session, [ticket])


async def remember_all(session: AsyncSession, tickets: Sequence[TicketRow]) -> None:
    """The same for many tickets at once."""
    if not tickets:
        return
    units = await _units(session, [ticket.id for ticket in tickets if ticket.version > 1])
    statement = insert(TicketTextRow).values([_values(ticket, units.get(ticket.id, ())) for ticket in tickets])
    new = statement.excluded
    kept = {name: new[name] for name in ("registered_at", "compared", "search")}
    await session.execute(statement.on_conflict_do_update(index_elements=["ticket_id"], set_=kept))


async def delivered(session: AsyncSession, ticket_id: int, unit_id: int) -> None:
    """A unit has a part in the ticket from now on, and finds it by its words. What it once had a part in stays so
    marked: whoever asks looks at the parts as well."""
    lexeme = stretches.of_unit(unit_id)
    await session.execute(
        update(TicketTextRow)
        .where(TicketTextRow.ticket_id == ticket_id, not_(TicketTextRow.search.bool_op("@@")(cast(lexeme, TSQUERY))))
        .values(search=TicketTextRow.search.op("||")(cast(lexeme, TSVECTOR)))
        .execution_options(synchronize_session=False)
    )


async def _units(session: AsyncSession, tickets: Sequence[int]) -> Mapping[int, Sequence[int]]:
    """Who has, or had, a part in each; a ticket that nothing was done with yet is nobody's."""
    found: dict[int, list[int]] = {}
    if tickets:
        parts = select(TicketAssignmentRow.ticket_id, TicketAssignmentRow.unit_id).distinct()
        for ticket_id, unit_id in await session.execute(parts.where(TicketAssignmentRow.ticket_id.in_(tickets))):
            found.setdefault(ticket_id, []).append(unit_id)
    return found


def _values(ticket: TicketRow, units: Sequence[int]) -> dict[str, object]:
    title, content = (
        without_person(text, number=ticket.caller_number, name=ticket.caller_name)
        for text in (ticket.title, ticket.content)
    )
    words = search.vector((title, "A"), (content, "B"))
    beside = [
        stretches.lexemes(ticket.id, ticket.registered_at),
        stretches.marks(ticket.category, ticket.area_code, ticket.source),
        *map(stretches.of_unit, units),
    ]
    return {
        "ticket_id": ticket.id,
        "registered_at": ticket.registered_at,
        "compared": search.normal(f"{title} {content}"),
        "search": cast(" ".join([words, *beside]), TSVECTOR),
    }
