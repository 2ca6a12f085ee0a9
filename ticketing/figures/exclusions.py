"""What is left out of units' rates: what the records of a ticket say, and what somebody has decided of it.

An unreasonable repeat is left out once it is determined and the citizen told (SMX 二(三)3). Force majeure (TH 16), a
ticket that was not this unit's, a malicious demand (TH 28) are decided by a supervisor with the facts, one by one; a
unit's own word for why it was late leaves nothing out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator
from sqlalchemy import ColumnElement, case, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from directory.models import Role
from ticketing import repository
from ticketing.errors import ActionNotAllowed
from ticketing.figures.errors import ExclusionNotFound, ExclusionStands, NotWithUnit
from ticketing.figures.tables import FigureExclusionRow
from ticketing.figures.words import BY_HAND, ExclusionReason
from ticketing.handling import records
from ticketing.handling.tables import UnreasonableRepeatRow
from ticketing.handling.words import RepeatState
from ticketing.models import TicketAssignmentRow, TicketRow
from ticketing.schemas import Actor, Body, UnitId

DECIDERS: Final = frozenset({Role.SUPERVISOR})


class NewExclusion(BaseModel):
    """A ticket that is not to count in a unit's rates, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: ExclusionReason
    facts: Annotated[Body, Field(min_length=1)]
    unit_id: UnitId | None = Field(None, description="The unit; null: every unit that had a part in it.")

    @field_validator("reason")
    @classmethod
    def _decided(cls, reason: ExclusionReason) -> ExclusionReason:
        if reason not in BY_HAND:
            raise ValueError("follows from the ticket's own records and is not decided here")
        return reason


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Why a case of a ticket and unit is left out, as part of a greater question that joins what it rests on."""

    why: ColumnElement[Any]
    """Null: it counts."""
    joins: tuple[tuple[Any, ColumnElement[bool]], ...]
    """What is joined, and on what; at most one row of each for a case."""

    @classmethod
    def of(cls, ticket_id: ColumnElement[Any], unit_id: ColumnElement[Any]) -> Self:
        """Of a case with these columns."""
        repeat = aliased(UnreasonableRepeatRow)
        of_all, of_unit = aliased(FigureExclusionRow), aliased(FigureExclusionRow)
        determined = (repeat.ticket_id == ticket_id) & (repeat.state == RepeatState.NOTIFIED.value)
        why = func.coalesce(
            case((repeat.id.is_not(None), ExclusionReason.UNREASONABLE_REPEAT.value)),
            func.least(of_all.reason, of_unit.reason),
        )
        standing = tuple(
            (row, (row.ticket_id == ticket_id) & concerned & row.revoked_at.is_(None))
            for row, concerned in ((of_all, of_all.unit_id.is_(None)), (of_unit, of_unit.unit_id == unit_id))
        )
        return cls(why, ((repeat, determined), *standing))


async def exclude(
    session: AsyncSession, number: str, wanted: NewExclusion, actor: Actor, *, at: datetime
) -> FigureExclusionRow:
    """Decide it. Raises ActionNotAllowed, TicketNotFound, NotWithUnit, ExclusionStands. The caller commits."""
    _check(actor)
    ticket = await records.locked_ticket(session, number)
    if wanted.unit_id is not None and not await _had_part(session, ticket, wanted.unit_id):
        raise NotWithUnit(f"{number} was never with unit {wanted.unit_id}")
    standing = [row for row in await of(session, ticket.id) if row.revoked_at is None]
    if any(row.unit_id == wanted.unit_id for row in standing):
        raise ExclusionStands(number)
    row = FigureExclusionRow(
        ticket_id=ticket.id,
        unit_id=wanted.unit_id,
        reason=wanted.reason.value,
        facts=wanted.facts,
        decided_by=actor.user,
        decided_at=at,
    )
    session.add(row)
    await session.flush()
    return row


async def revoke(
    session: AsyncSession, number: str, exclusion_id: int, reason: str, actor: Actor, *, at: datetime
) -> FigureExclusionRow:
    """From now on it counts again. Raises ActionNotAllowed, TicketNotFound, ExclusionNotFound. The caller commits."""
    _check(actor)
    ticket = await records.locked_ticket(session, number)
    standing = (
        update(FigureExclusionRow)
        .where(
            FigureExclusionRow.id == exclusion_id,
            FigureExclusionRow.ticket_id == ticket.id,
            FigureExclusionRow.revoked_at.is_(None),
        )
        .values(revoked_by=actor.user, revoked_at=at, revoked_why=reason)
        .returning(FigureExclusionRow)
        .execution_options(populate_existing=True)
    )
    row = (await session.scalars(standing)).one_or_none()
    if row is None:
        raise ExclusionNotFound(str(exclusion_id))
    return row


async def of(session: AsyncSession, ticket_id: int) -> Sequence[FigureExclusionRow]:
    """The ticket's, oldest first, revoked ones too."""
    return await repository.rows_of(session, FigureExclusionRow, ticket_id)


def _check(actor: Actor) -> None:
    if not actor.roles & DECIDERS:
        raise ActionNotAllowed("for those who decide what counts")


async def _had_part(session: AsyncSession, ticket: TicketRow, unit_id: int) -> bool:
    part = TicketAssignmentRow
    wanted = select(part.id).where(part.ticket_id == ticket.id, part.unit_id == unit_id).limit(1)
    return (await session.execute(wanted)).scalar_one_or_none() is not None
