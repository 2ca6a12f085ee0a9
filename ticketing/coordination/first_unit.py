"""首接负责制: the unit that a ticket is given to first answers for it until another one has taken it up (SX 三(二)).

A return that the centre agrees to does not end that, and neither does a dispatch: only who signs for the ticket takes
over. The centre may release the unit, and does when it takes the ticket back, as a report from the accused.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ticketing import repository
from ticketing.coordination.tables import FirstUnitRow
from ticketing.coordination.words import FirstAction, FirstState
from ticketing.handling import records
from ticketing.handling.errors import RecordNotFound
from ticketing.handling.records import Move, Moves, Said
from ticketing.handling.words import RecordKind, Side
from ticketing.models import TicketRow
from ticketing.people import CENTRE, DESK, UNIT, VISITORS
from ticketing.schemas import Actor, Details
from ticketing.vocabulary import Action

_S, _A = FirstState, FirstAction
_NOTE = frozenset({"note"})

FIRST_MOVES: Final = Moves(
    RecordKind.FIRST,
    MappingProxyType(
        {
            (_S.HELD, _A.FOLLOW_UP): Move(_S.HELD, UNIT, Side.OWN, _NOTE),
            (_S.HELD, _A.HAND_ON): Move(_S.HANDED_ON, UNIT),
            (_S.HELD, _A.RELEASE): Move(_S.RELEASED, CENTRE, needs=_NOTE),
            (_S.HELD, _A.FULFIL): Move(_S.FULFILLED, DESK | CENTRE | VISITORS | UNIT),
        }
    ),
)
"""HAND_ON goes with another unit's `sign_for`, FULFIL with the end of the ticket, RELEASE with `recall` as well."""

WITH_THE_TICKET: Final = frozenset({FirstAction.HAND_ON, FirstAction.FULFIL})


async def act(
    session: AsyncSession,
    number: str,
    action: FirstAction,
    actor: Actor,
    *,
    version: int,
    at: datetime,
    said: Said,
) -> FirstUnitRow:
    """A step by people. Raises what `records.step` raises, TicketNotFound, RecordNotFound; also for steps that go with
    the ticket's own actions. The caller commits.
    """
    ticket = await records.locked_ticket(session, number)
    row = await of(session, ticket.id)
    if row is None or action in WITH_THE_TICKET:
        raise RecordNotFound(f"{action} ({action.term}) goes with an action of the ticket")
    await _step(session, row, action, actor, version=version, at=at, said=said)
    return row


async def after(
    session: AsyncSession, ticket: TicketRow, action: Action, details: Details, actor: Actor, *, at: datetime
) -> None:
    """What an action of the ticket means for it."""
    if action is Action.DISPATCH and details.lead_unit is not None:
        values = {
            "ticket_id": ticket.id,
            "unit_id": details.lead_unit,
            "state": FirstState.HELD.value,
            "version": 1,
            "since": at,
        }
        await session.execute(insert(FirstUnitRow).values(values).on_conflict_do_nothing())
        return
    step = {
        Action.SIGN_FOR: FirstAction.HAND_ON,
        Action.RECALL: FirstAction.RELEASE,
        Action.CLOSE: FirstAction.FULFIL,
        Action.REFUSE: FirstAction.FULFIL,
    }.get(action)
    if step is None:
        return
    row = await of(session, ticket.id)
    if row is None or row.state != FirstState.HELD:
        return
    lead = await repository.lead_unit(session, ticket.id)
    if step is FirstAction.HAND_ON and lead == row.unit_id:
        return
    said = Said(note=details.note) if step is FirstAction.RELEASE else Said()
    await _step(session, row, step, actor, version=row.version, at=at, said=said, handed_to=lead)


async def of(session: AsyncSession, ticket_id: int) -> FirstUnitRow | None:
    """The ticket's; None: it was never dispatched."""
    wanted = select(FirstUnitRow).where(FirstUnitRow.ticket_id == ticket_id)
    return (await session.scalars(wanted.execution_options(populate_existing=True))).one_or_none()


async def held_by(
    session: AsyncSession, unit_id: int, *, after: int = 0, limit: int = 100
) -> Sequence[tuple[FirstUnitRow, TicketRow]]:
    """What a unit answers for though the ticket may be elsewhere, by id from `after` on."""
    wanted = (
        select(FirstUnitRow, TicketRow)
        .join(TicketRow, TicketRow.id == FirstUnitRow.ticket_id)
        .where(FirstUnitRow.unit_id == unit_id, FirstUnitRow.state == FirstState.HELD.value, FirstUnitRow.id > after)
        .order_by(FirstUnitRow.id)
        .limit(limit)
    )
    return [(row, ticket) for row, ticket in await session.execute(wanted)]


def sides_of(row: FirstUnitRow, actor: Actor) -> frozenset[Side]:
    """Whether it is the person's unit."""
    return frozenset({Side.OWN} if actor.unit_id == row.unit_id else ())


async def _step(
    session: AsyncSession,
    row: FirstUnitRow,
    action: FirstAction,
    actor: Actor,
    *,
    version: int,
    at: datetime,
    said: Said,
    handed_to: int | None = None,
) -> None:
    columns: dict[str, object] = {} if action is FirstAction.FOLLOW_UP else {"until": at}
    if action is FirstAction.HAND_ON:
        columns["handed_to"] = handed_to
    await records.step(
        session,
        FIRST_MOVES,
        row,
        action,
        actor,
        sides=sides_of(row, actor),
        version=version,
        at=at,
        said=said,
        **columns,
    )
