"""Records with a small table of their own: one line for each (state, action), one function that applies it.

A record has `id`, `ticket_id`, `state` and `version`; a step moves it by compare-and-set on the last two and is
written down. Pairs that the table does not have are refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Role
from ticketing import repository
from ticketing.errors import ActionNotPossible
from ticketing.exchange import outbox
from ticketing.handling.errors import NotYourSide, RecordNotFound, StaleRecord
from ticketing.handling.tables import RecordStepRow
from ticketing.handling.words import RecordKind, Side
from ticketing.models import TicketAssignmentRow, TicketRow
from ticketing.permission import check_given, check_roles
from ticketing.schemas import Actor, Body
from ticketing.vocabulary import Term

S = TypeVar("S", bound=Term)
A = TypeVar("A", bound=Term)
R = TypeVar("R", bound="Record")


class Record(Protocol):
    """The columns of every record."""

    @property
    def id(self) -> int: ...
    @property
    def state(self) -> str: ...
    @property
    def version(self) -> int: ...


class Said(BaseModel):
    """What a step needs besides the record; which one needs what is in the record's table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    note: Body = Field("", description="Reason, answer, finding: what a later reader must know.")

    def given(self) -> frozenset[str]:
        """Names of the details that were given."""
        return frozenset(name for name, value in self if value not in (None, "", ()))


@dataclass(frozen=True, slots=True)
class Move(Generic[S]):
    """One line of a table. `needs` must be said with the action; `takes` may be."""

    next: S
    roles: frozenset[Role]
    side: Side = Side.ANY
    needs: frozenset[str] = frozenset()
    takes: frozenset[str] = frozenset({"note"})


@dataclass(frozen=True, slots=True)
class Moves(Generic[S, A]):
    """A record's table."""

    record: RecordKind
    table: Mapping[tuple[S, A], Move[S]]

    def of(self, state: S, action: A) -> Move[S]:
        """The line for this pair; raises ActionNotPossible, naming both, where there is none."""
        move = self.table.get((state, action))
        if move is None:
            raise ActionNotPossible(
                f"{self.record} ({self.record.term}): {action} ({action.term}) is not possible in state"
                f" {state} ({state.term})"
            )
        return move

    def possible(self, state: S, roles: frozenset[Role], sides: frozenset[Side]) -> tuple[A, ...]:
        """The actions that somebody with these roles, standing there, may take now."""
        return tuple(
            action
            for (source, action), move in self.table.items()
            if source is state and move.roles & roles and move.side in sides | {Side.ANY}
        )


async def locked_ticket(session: AsyncSession, number: str) -> TicketRow:
    """The ticket, locked until the transaction ends: its records change one after the other, and not while it moves.

    As weakly as an action of the ticket itself locks it: rows that name the ticket can be written meanwhile, by those
    who hold its clocks too. Raises TicketNotFound.
    """
    await session.execute(select(TicketRow.id).where(TicketRow.number == number).with_for_update(key_share=True))
    return await repository.row(session, number)


async def found(session: AsyncSession, kind: type[R], record_id: int, ticket: TicketRow | None = None) -> R:
    """The record as the database has it now; raises RecordNotFound, also if it is another ticket's."""
    row = await session.get(kind, record_id, populate_existing=True)
    if row is None or (ticket is not None and getattr(row, "ticket_id", None) != ticket.id):
        raise RecordNotFound(str(record_id))
    return row


async def step(
    session: AsyncSession,
    moves: Moves[S, A],
    row: Record,
    action: A,
    actor: Actor,
    *,
    sides: frozenset[Side],
    version: int,
    at: datetime,
    said: Said,
    **changes: Any,
) -> Move[S]:
    """Take one step of a record: check the table, move it by compare-and-set, write the step down.

    `sides` is where the actor stands; `changes` are other columns of the record. Raises StaleRecord,
    ActionNotPossible, ActionNotAllowed, NotYourSide, DetailMissing, DetailUnexpected. The caller commits.
    """
    if row.version != version:
        raise StaleRecord(f"version {version} was read, {row.version} stands")
    (known,) = {type(source) for source, _ in moves.table}
    state = known(row.state)
    move = moves.of(state, action)
    check_roles(action, actor.roles, move.roles)
    if move.side not in sides | {Side.ANY}:
        raise NotYourSide(f"{action} ({action.term}) is for: {move.side} ({move.side.term})")
    check_given(action, said.given(), needs=move.needs, takes=move.takes)
    table: Any = type(row)
    moved = (
        update(table)
        .where(table.id == row.id, table.state == row.state, table.version == row.version)
        .values(state=move.next.value, version=table.version + 1, **changes)
        .execution_options(synchronize_session=False)
        .returning(table.id)
    )
    if (await session.execute(moved)).scalar_one_or_none() is None:
        raise StaleRecord(f"{moves.record} {row.id} was changed meanwhile")
    await session.refresh(row)
    await session.execute(
        insert(RecordStepRow).values(
            ticket_id=getattr(row, "ticket_id", None),
            record=moves.record.value,
            record_id=row.id,
            version=row.version,
            action=action.value,
            actor=actor.user,
            from_state=state.value,
            to_state=move.next.value,
            at=at,
            note=said.note,
            details=said.model_dump(mode="json", exclude={"note"}, exclude_none=True, exclude_defaults=True),
        )
    )
    if isinstance(row, TicketAssignmentRow):
        await outbox.of_part(session, row.ticket_id, action, at, part_id=row.id, part_version=row.version)
    return move


async def steps(session: AsyncSession, record: RecordKind, record_id: int) -> Sequence[RecordStepRow]:
    """What was done to a record, oldest first."""
    wanted = select(RecordStepRow).where(RecordStepRow.record == record.value, RecordStepRow.record_id == record_id)
    return (await session.scalars(wanted.order_by(RecordStepRow.version))).all()
