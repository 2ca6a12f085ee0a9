"""All SQL of the tickets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Unit
from ticketing.errors import CallAlreadyLinked, StaleTicket, TicketNotFound
from ticketing.models import TicketAssignmentRow, TicketCallRow, TicketCounterRow, TicketHistoryRow, TicketRow
from ticketing.schemas import Assignment, HistoryEntry, Ticket, TicketFile
from ticketing.vocabulary import Part, State, TicketType

_OPEN = tuple(state.value for state in State if state.open)


@dataclass(frozen=True, slots=True)
class Filters:
    """Which tickets a list holds; None does not narrow. `unit_id` is of a unit that has a part in the ticket."""

    state: State | None = None
    type: TicketType | None = None
    registered_by: str | None = None
    unit_id: int | None = None
    unit_tag: str | None = None
    caller_number: str | None = None
    call: str | None = None


async def next_of_day(session: AsyncSession, site: str, day: date) -> int:
    """The next number of the local day, from 1. Holds the day's counter until the transaction ends."""
    statement = upsert(TicketCounterRow).values(site=site, day=day, last=1)
    statement = statement.on_conflict_do_update(
        index_elements=[TicketCounterRow.site, TicketCounterRow.day],
        set_={"last": TicketCounterRow.last + 1},
    )
    return int((await session.execute(statement.returning(TicketCounterRow.last))).scalar_one())


async def add(session: AsyncSession, row: TicketRow) -> None:
    """Insert a new ticket and learn its id."""
    session.add(row)
    await session.flush()


async def row(session: AsyncSession, number: str) -> TicketRow:
    """The ticket as the database has it now; raises TicketNotFound."""
    statement = select(TicketRow).where(TicketRow.number == number)
    found = (await session.execute(statement.execution_options(populate_existing=True))).scalar_one_or_none()
    if found is None:
        raise TicketNotFound(number)
    return found


async def by_request_key(session: AsyncSession, request_key: str) -> Ticket | None:
    """The ticket that an earlier request with this key made."""
    statement = select(TicketRow).where(TicketRow.request_key == request_key)
    found = (await session.execute(statement)).scalar_one_or_none()
    return None if found is None else Ticket.model_validate(found)


def unchanged(ticket: TicketRow) -> ColumnElement[bool]:
    """That the ticket is still as it was read: the guard of every change."""
    return and_(TicketRow.state == ticket.state, TicketRow.version == ticket.version)


async def compare_and_set(
    session: AsyncSession, ticket: TicketRow, state: State, at: datetime, changes: Mapping[str, str]
) -> None:
    """Move the ticket if nobody else has since it was read, else raise StaleTicket. `ticket` is brought up to date."""
    statement = (
        update(TicketRow)
        .where(TicketRow.id == ticket.id, unchanged(ticket))
        .values(state=state.value, version=TicketRow.version + 1, updated_at=at, **changes)
        .execution_options(synchronize_session=False)
        .returning(TicketRow.id)
    )
    if (await session.execute(statement)).scalar_one_or_none() is None:
        raise StaleTicket(f"{ticket.number} was changed meanwhile")
    await session.refresh(ticket)


async def add_history(session: AsyncSession, **values: Any) -> None:
    """Append one action to the ticket's history."""
    await session.execute(insert(TicketHistoryRow).values(**values))


async def link_call(session: AsyncSession, ticket_id: int, call: str, at: datetime) -> None:
    """Tie a call to the ticket; raises CallAlreadyLinked."""
    statement = upsert(TicketCallRow).values(ticket_id=ticket_id, call_id=call, linked_at=at).on_conflict_do_nothing()
    if (await session.execute(statement.returning(TicketCallRow.call_id))).scalar_one_or_none() is None:
        raise CallAlreadyLinked(call)


async def add_assignment(session: AsyncSession, ticket_id: int, unit_id: int, part: Part, at: datetime) -> None:
    """Deliver the ticket to a unit."""
    await session.execute(
        insert(TicketAssignmentRow).values(ticket_id=ticket_id, unit_id=unit_id, part=part.value, delivered_at=at)
    )


async def mark_lead(session: AsyncSession, ticket_id: int, **times: datetime) -> None:
    """Set times of the lead unit's assignment."""
    await session.execute(
        update(TicketAssignmentRow)
        .where(
            TicketAssignmentRow.ticket_id == ticket_id,
            TicketAssignmentRow.part == Part.LEAD.value,
            TicketAssignmentRow.withdrawn_at.is_(None),
        )
        .values(**times)
    )


async def withdraw_assignments(session: AsyncSession, ticket_id: int, at: datetime) -> None:
    """End every unit's part; the rows stay."""
    await session.execute(
        update(TicketAssignmentRow)
        .where(TicketAssignmentRow.ticket_id == ticket_id, TicketAssignmentRow.withdrawn_at.is_(None))
        .values(withdrawn_at=at)
    )


async def known_units(session: AsyncSession, units: Sequence[int]) -> set[int]:
    """Those of the ids that the directory has."""
    return set((await session.execute(select(Unit.id).where(Unit.id.in_(units)))).scalars())


async def lead_unit(session: AsyncSession, ticket_id: int) -> int | None:
    """The unit that leads the ticket now."""
    statement = select(TicketAssignmentRow.unit_id).where(
        TicketAssignmentRow.ticket_id == ticket_id,
        TicketAssignmentRow.part == Part.LEAD.value,
        TicketAssignmentRow.withdrawn_at.is_(None),
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def file(session: AsyncSession, number: str) -> TicketFile:
    """The ticket with history, assignments and calls, each oldest first; raises TicketNotFound."""
    ticket = await row(session, number)
    history = await session.execute(
        select(TicketHistoryRow).where(TicketHistoryRow.ticket_id == ticket.id).order_by(TicketHistoryRow.version)
    )
    assignments = await session.execute(
        select(TicketAssignmentRow).where(TicketAssignmentRow.ticket_id == ticket.id).order_by(TicketAssignmentRow.id)
    )
    calls = await session.execute(
        select(TicketCallRow.call_id).where(TicketCallRow.ticket_id == ticket.id).order_by(TicketCallRow.linked_at)
    )
    return TicketFile(
        ticket=Ticket.model_validate(ticket),
        history=tuple(HistoryEntry.model_validate(entry) for entry in history.scalars()),
        assignments=tuple(Assignment.model_validate(part) for part in assignments.scalars()),
        calls=tuple(calls.scalars()),
    )


def _matching(filters: Filters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    for column, value in (
        (TicketRow.state, filters.state),
        (TicketRow.type, filters.type),
        (TicketRow.registered_by, filters.registered_by),
        (TicketRow.unit_tag, filters.unit_tag),
        (TicketRow.caller_number, filters.caller_number),
    ):
        if value is not None:
            conditions.append(column == str(value))
    if filters.unit_id is not None:
        conditions.append(
            select(TicketAssignmentRow.id)
            .where(
                TicketAssignmentRow.ticket_id == TicketRow.id,
                TicketAssignmentRow.unit_id == filters.unit_id,
                TicketAssignmentRow.withdrawn_at.is_(None),
            )
            .exists()
        )
    if filters.call is not None:
        conditions.append(
            select(TicketCallRow.call_id)
            .where(TicketCallRow.ticket_id == TicketRow.id, TicketCallRow.call_id == filters.call)
            .exists()
        )
    return conditions


async def newest(
    session: AsyncSession, filters: Filters, *, before: int | None = None, limit: int = 50
) -> tuple[Sequence[Ticket], int | None]:
    """A page of tickets, newest first, and the cursor of the next page (None: this was the last)."""
    statement = select(TicketRow).where(*_matching(filters)).order_by(TicketRow.id.desc()).limit(limit + 1)
    if before is not None:
        statement = statement.where(TicketRow.id < before)
    rows = (await session.execute(statement)).scalars().all()
    page = rows[:limit]
    return [Ticket.model_validate(found) for found in page], page[-1].id if len(rows) > limit else None


async def open_tickets_of(session: AsyncSession, caller_number: str, *, limit: int = 10) -> Sequence[Ticket]:
    """The caller's tickets that are not finished, newest first: what a screen-pop shows.

    `caller_number` in the form of `directory.numbers.normalise`, as tickets keep it.
    """
    if not caller_number:
        return []
    statement = (
        select(TicketRow)
        .where(TicketRow.caller_number == caller_number, TicketRow.state.in_(_OPEN))
        .order_by(TicketRow.id.desc())
        .limit(limit)
    )
    return [Ticket.model_validate(found) for found in (await session.execute(statement)).scalars()]
