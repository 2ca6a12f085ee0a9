"""All SQL of the tickets."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from sqlalchemy import BindParameter, ColumnElement, and_, exists, func, insert, select, type_coerce, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Unit
from hotline.sealed import Indexed
from ticketing import searching
from ticketing.clock_tables import TicketClockRow
from ticketing.errors import CallAlreadyLinked, StaleTicket, TicketNotFound
from ticketing.exchange import outbox
from ticketing.handling.words import PartState
from ticketing.models import TicketAssignmentRow, TicketCallRow, TicketCounterRow, TicketHistoryRow, TicketRow
from ticketing.relations import stretches, texts
from ticketing.schemas import Assignment, Clock, HistoryEntry, Ticket, TicketFile
from ticketing.vocabulary import OPEN_STATES, Action, Confidentiality, Part, State, TicketType

T = TypeVar("T")


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
    openly: bool = False
    """Without those of callers who asked for confidence."""
    text: str = ""
    """Title or content hold each of these words, as written; empty: whatever they say."""
    more: tuple[ColumnElement[bool], ...] = ()
    """What `filters.Narrowing` asks for beside."""
    marks: tuple[str, ...] = ()
    """What the words of such tickets have among them, by the same."""

    @property
    def few(self) -> bool:
        """Whether such tickets are few of all, whatever they say: one caller's, or open ones."""
        of_one = self.caller_number is not None or self.call is not None
        return of_one or (self.state is not None and self.state.open)


async def next_of_day(session: AsyncSession, site: str, day: date, *, count: int = 1) -> int:
    """The next number of the local day, from 1; of `count` numbers the last one. Holds the day's counter until the
    transaction ends."""
    statement = upsert(TicketCounterRow).values(site=site, day=day, last=count)
    statement = statement.on_conflict_do_update(
        index_elements=[TicketCounterRow.site, TicketCounterRow.day],
        set_={"last": TicketCounterRow.last + count},
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
    indexed = {"caller_index": changes["caller_number"]} if "caller_number" in changes else {}
    statement = (
        update(TicketRow)
        .where(TicketRow.id == ticket.id, unchanged(ticket))
        .values(state=state.value, version=TicketRow.version + 1, updated_at=at, **changes, **indexed)
        .execution_options(synchronize_session=False)
        .returning(TicketRow.id)
    )
    if (await session.execute(statement)).scalar_one_or_none() is None:
        raise StaleTicket(f"{ticket.number} was changed meanwhile")
    await session.refresh(ticket)


async def add_history(session: AsyncSession, **values: Any) -> None:
    """Append one action to the ticket's history, and to what others are told."""
    await session.execute(insert(TicketHistoryRow).values(**values))
    await outbox.of_action(session, values["ticket_id"], values["version"], Action(values["action"]), values["at"])


async def link_call(session: AsyncSession, ticket_id: int, call: str, at: datetime) -> None:
    """Tie a call to the ticket; raises CallAlreadyLinked."""
    statement = upsert(TicketCallRow).values(ticket_id=ticket_id, call_id=call, linked_at=at).on_conflict_do_nothing()
    if (await session.execute(statement.returning(TicketCallRow.call_id))).scalar_one_or_none() is None:
        raise CallAlreadyLinked(call)


async def add_assignment(
    session: AsyncSession, ticket_id: int, unit_id: int, part: Part, at: datetime, *, parent_id: int | None = None
) -> None:
    """Deliver the ticket to a unit; `parent_id` is the part of the unit that hands it down."""
    await session.execute(
        insert(TicketAssignmentRow).values(
            ticket_id=ticket_id, unit_id=unit_id, part=part.value, delivered_at=at, parent_id=parent_id
        )
    )
    await texts.delivered(session, ticket_id, unit_id)


async def rows_of(session: AsyncSession, kind: type[T], ticket_id: int) -> Sequence[T]:
    """The ticket's rows of a table that has `id` and `ticket_id`, oldest first."""
    table: Any = kind
    return (await session.scalars(select(kind).where(table.ticket_id == ticket_id).order_by(table.id))).all()


async def mark_lead(
    session: AsyncSession, ticket_id: int, state: PartState, **times: datetime | ColumnElement[Any]
) -> None:
    """Set state and times of the lead unit's assignment."""
    await session.execute(
        update(TicketAssignmentRow)
        .where(
            TicketAssignmentRow.ticket_id == ticket_id,
            TicketAssignmentRow.part == Part.LEAD.value,
            TicketAssignmentRow.withdrawn_at.is_(None),
        )
        .values(state=state.value, version=TicketAssignmentRow.version + 1, **times)
    )


async def lead_is_at_work(session: AsyncSession, ticket_id: int, at: datetime) -> None:
    """The lead unit has the ticket in hand, signed for at `at` if it was not: it asked to return it unsigned, say."""
    signed_at = func.coalesce(TicketAssignmentRow.signed_at, at)
    await mark_lead(session, ticket_id, PartState.WORKING, signed_at=signed_at)


async def withdraw_assignments(
    session: AsyncSession, ticket_id: int, at: datetime, *, unfinished: bool = False
) -> None:
    """End every unit's part, or only those that have not `replied`; the rows stay."""
    ending = (
        update(TicketAssignmentRow)
        .where(TicketAssignmentRow.ticket_id == ticket_id, TicketAssignmentRow.withdrawn_at.is_(None))
        .values(withdrawn_at=at, state=PartState.WITHDRAWN.value, version=TicketAssignmentRow.version + 1)
    )
    if unfinished:
        ending = ending.where(TicketAssignmentRow.replied_at.is_(None))
    await session.execute(ending)


async def withdraw_part(
    session: AsyncSession, part_id: int, at: datetime, *, only_below: bool = False
) -> Sequence[int]:
    """End a part and every part it was handed down to, or only the latter that have not replied; returns the units."""
    tree = select(TicketAssignmentRow.id).where(TicketAssignmentRow.id == part_id).cte(recursive=True)
    tree = tree.union_all(select(TicketAssignmentRow.id).where(TicketAssignmentRow.parent_id == tree.c.id))
    ending = (
        update(TicketAssignmentRow)
        .where(TicketAssignmentRow.id.in_(select(tree.c.id)), TicketAssignmentRow.withdrawn_at.is_(None))
        .values(withdrawn_at=at, state=PartState.WITHDRAWN.value, version=TicketAssignmentRow.version + 1)
        .returning(TicketAssignmentRow.unit_id)
        .execution_options(synchronize_session=False)
    )
    if only_below:
        ending = ending.where(TicketAssignmentRow.id != part_id, TicketAssignmentRow.replied_at.is_(None))
    return (await session.scalars(ending)).all()


async def units_below_lead(session: AsyncSession, ticket_id: int) -> Sequence[int]:
    """Units that the lead unit handed its part down to, at any depth."""
    standing = TicketAssignmentRow.withdrawn_at.is_(None)
    lead = (TicketAssignmentRow.ticket_id == ticket_id) & (TicketAssignmentRow.part == Part.LEAD.value) & standing
    tree = select(TicketAssignmentRow.id, TicketAssignmentRow.unit_id).where(lead).cte(recursive=True)
    below = select(TicketAssignmentRow.id, TicketAssignmentRow.unit_id)
    tree = tree.union_all(below.where(TicketAssignmentRow.parent_id == tree.c.id, standing))
    found = select(tree.c.unit_id).where(tree.c.unit_id != await lead_unit(session, ticket_id))
    return (await session.scalars(found)).all()


async def known_units(session: AsyncSession, units: Sequence[int]) -> set[int]:
    """Those of the ids that the directory has."""
    return set((await session.execute(select(Unit.id).where(Unit.id.in_(units)))).scalars())


async def has_part(session: AsyncSession, ticket_id: int, unit_id: int) -> bool:
    """Whether a unit has a part in the ticket now."""
    return await have_part(session, ticket_id, (unit_id,))


async def have_part(session: AsyncSession, ticket_id: int, units: Collection[int]) -> bool:
    """Whether any of these units has a part in the ticket now."""
    statement = select(TicketAssignmentRow.id).where(
        TicketAssignmentRow.ticket_id == ticket_id,
        TicketAssignmentRow.unit_id.in_(units),
        TicketAssignmentRow.withdrawn_at.is_(None),
    )
    return (await session.execute(statement.limit(1))).scalar_one_or_none() is not None


async def lead_part(session: AsyncSession, ticket_id: int) -> TicketAssignmentRow | None:
    """The part of the unit that leads the ticket now."""
    statement = select(TicketAssignmentRow).where(
        TicketAssignmentRow.ticket_id == ticket_id,
        TicketAssignmentRow.part == Part.LEAD.value,
        TicketAssignmentRow.withdrawn_at.is_(None),
    )
    return (await session.scalars(statement.execution_options(populate_existing=True))).one_or_none()


async def lead_unit(session: AsyncSession, ticket_id: int) -> int | None:
    """The unit that leads the ticket now."""
    statement = select(TicketAssignmentRow.unit_id).where(
        TicketAssignmentRow.ticket_id == ticket_id,
        TicketAssignmentRow.part == Part.LEAD.value,
        TicketAssignmentRow.withdrawn_at.is_(None),
    )
    return (await session.execute(statement)).scalar_one_or_none()


async def file(session: AsyncSession, number: str) -> TicketFile:
    """The ticket with history, assignments, clocks and calls, each oldest first; raises TicketNotFound."""
    ticket = await row(session, number)
    history = await session.execute(
        select(TicketHistoryRow).where(TicketHistoryRow.ticket_id == ticket.id).order_by(TicketHistoryRow.version)
    )
    assignments = await session.execute(
        select(TicketAssignmentRow).where(TicketAssignmentRow.ticket_id == ticket.id).order_by(TicketAssignmentRow.id)
    )
    clocks = await session.execute(
        select(TicketClockRow).where(TicketClockRow.ticket_id == ticket.id).order_by(TicketClockRow.id)
    )
    calls = await session.execute(
        select(TicketCallRow.call_id).where(TicketCallRow.ticket_id == ticket.id).order_by(TicketCallRow.linked_at)
    )
    return TicketFile(
        ticket=Ticket.model_validate(ticket),
        history=tuple(HistoryEntry.model_validate(entry) for entry in history.scalars()),
        assignments=tuple(Assignment.model_validate(part) for part in assignments.scalars()),
        clocks=tuple(Clock.model_validate(clock) for clock in clocks.scalars()),
        calls=tuple(calls.scalars()),
    )


def _matching(filters: Filters) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [*filters.more]
    for column, value in (
        (TicketRow.state, filters.state),
        (TicketRow.type, filters.type),
        (TicketRow.registered_by, filters.registered_by),
        (TicketRow.unit_tag, filters.unit_tag),
        (TicketRow.caller_index, filters.caller_number),
    ):
        if value is not None:
            conditions.append(column == str(value))
    if filters.openly:
        conditions.append(TicketRow.confidentiality == Confidentiality.OPEN.value)
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
    by = TicketRow.id if filters.unit_id is None else TicketAssignmentRow.ticket_id
    ids = select(TicketRow.id).where(*_matching(filters))
    if filters.unit_id is not None:
        # By the unit's parts, of which it has one in a ticket: the newest of them are at hand.
        ids = ids.join(TicketAssignmentRow, TicketAssignmentRow.ticket_id == TicketRow.id).where(
            TicketAssignmentRow.unit_id == filters.unit_id, TicketAssignmentRow.withdrawn_at.is_(None)
        )
    if filters.text:
        marks = filters.marks if filters.unit_id is None else (*filters.marks, stretches.of_unit(filters.unit_id))
        rows = await searching.newest_saying(
            session, ids, filters.text, by=by, marks=marks, few=filters.few, before=before, limit=limit + 1
        )
    else:
        ids = ids.order_by(by.desc()).limit(limit + 1)
        rows = (await session.scalars(searching.whole(ids if before is None else ids.where(by < before)))).all()
    page = rows[:limit]
    return [Ticket.model_validate(found) for found in page], page[-1].id if len(rows) > limit else None


def has_open_tickets(caller_number: str | BindParameter[Any]) -> ColumnElement[bool]:
    """Whether `open_tickets_of` would find any, as part of a greater question."""
    return exists().where(_open_of(caller_number))


def _open_of(caller_number: str | BindParameter[Any]) -> ColumnElement[bool]:
    return and_(TicketRow.caller_index == type_coerce(caller_number, Indexed()), TicketRow.state.in_(OPEN_STATES))


async def open_tickets_of(session: AsyncSession, caller_number: str, *, limit: int = 10) -> Sequence[Ticket]:
    """The caller's tickets that are not finished, newest first: what a screen-pop shows.

    `caller_number` in the form of `directory.numbers.normalise`, as tickets keep it.
    """
    if not caller_number:
        return []
    statement = select(TicketRow).where(_open_of(caller_number)).order_by(TicketRow.id.desc()).limit(limit)
    return [Ticket.model_validate(found) for found in (await session.execute(statement)).scalars()]
