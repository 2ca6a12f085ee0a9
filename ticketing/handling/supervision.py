"""督办: a unit is told to act, by whom, how and until when; it answers, and whoever supervises lifts it (TH 18).

An overdue clock raises one by itself, once for each end the clock has had; every other one is raised by people.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final

from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from directory.unit_tree import below
from ticketing import repository
from ticketing.clocks import RanOut
from ticketing.errors import NotYourUnitsTicket, UnitNotFound
from ticketing.handling import records
from ticketing.handling.errors import DeadlinePassed, NotYourSide
from ticketing.handling.records import Move, Moves, Said
from ticketing.handling.tables import SupervisionRow
from ticketing.handling.words import (
    RecordKind,
    Side,
    SupervisionAction,
    SupervisionForm,
    SupervisionGround,
    SupervisionState,
)
from ticketing.models import TicketRow
from ticketing.people import CENTRE, COUNTY, ORDERERS, SUPERVISION, UNIT
from ticketing.schemas import Actor, SupervisionOrder

_S, _A = SupervisionState, SupervisionAction
_NOTE = frozenset({"note"})

SUPERVISION_MOVES: Final = Moves(
    RecordKind.SUPERVISION,
    MappingProxyType(
        {
            (_S.ISSUED, _A.ANSWER): Move(_S.ANSWERED, UNIT | CENTRE, Side.OWN, _NOTE),
            (_S.ISSUED, _A.LIFT): Move(_S.LIFTED, ORDERERS, needs=_NOTE),
            (_S.ANSWERED, _A.REJECT_ANSWER): Move(_S.ISSUED, ORDERERS, needs=_NOTE),
            (_S.ANSWERED, _A.LIFT): Move(_S.LIFTED, ORDERERS, needs=_NOTE),
        }
    ),
)

OF_AN_OVERDUE: Final = "工单已超出办理时限，请立即办理并说明原因。"
BY_RULE: Final = "system"


async def issue(
    session: AsyncSession, order: SupervisionOrder, words: str, *, ticket: TicketRow | None, by: Actor, at: datetime
) -> SupervisionRow:
    """Somebody raises one. Of a ticket it is addressed to the lead unit unless another is named; to none: the centre.

    Raises UnitNotFound, DeadlinePassed, NotYourUnitsTicket where a county's body addresses a unit that is not below
    it. The caller has checked the role, and commits.
    """
    if order.deadline <= at:
        raise DeadlinePassed("the deadline is still to come")
    unit = order.unit_id
    if unit is None and ticket is not None:
        unit = await repository.lead_unit(session, ticket.id)
    if unit is not None and not await repository.known_units(session, [unit]):
        raise UnitNotFound(str(unit))
    if by.roles & ORDERERS <= COUNTY and unit not in await below(session, by.unit_id):
        raise NotYourUnitsTicket("a county's body supervises the units below it")
    row = SupervisionRow(
        ticket_id=None if ticket is None else ticket.id,
        unit_id=unit,
        state=SupervisionState.ISSUED.value,
        version=1,
        ground=order.ground.value,
        form=order.form.value,
        words=words,
        deadline=order.deadline,
        raised_by=by.user,
        raised_at=at,
    )
    session.add(row)
    await session.flush()
    return row


async def of_overdue(session: AsyncSession, late: Sequence[RanOut], at: datetime) -> None:
    """An overdue handling raises one (TH 18(一)); again only when the clock's end was moved and has passed too."""
    await session.execute(
        insert(SupervisionRow)
        .values(
            [
                {
                    "ticket_id": one.ticket.id,
                    "unit_id": one.unit_id,
                    "state": SupervisionState.ISSUED.value,
                    "version": 1,
                    "ground": SupervisionGround.OVERDUE.value,
                    "form": SupervisionForm.ORDER.value,
                    "words": OF_AN_OVERDUE,
                    "deadline": one.rules.limits.answering(at, one.rules.policy).ends_at,
                    "raised_by": BY_RULE,
                    "raised_at": at,
                    "clock_id": one.clock.id,
                    "clock_ends_at": one.clock.ends_at,
                }
                for one in late
            ]
        )
        .on_conflict_do_nothing()
    )


async def act(
    session: AsyncSession,
    supervision_id: int,
    action: SupervisionAction,
    actor: Actor,
    *,
    version: int,
    at: datetime,
    said: Said,
) -> SupervisionRow:
    """Answer one, or lift it. Raises what `records.step` raises, RecordNotFound. The caller commits."""
    row = await records.found(session, SupervisionRow, supervision_id)
    if not may(row, action, actor):
        raise NotYourSide(f"{action} ({action.term}) is for who raised it")
    columns: dict[str, object] = {}
    if action is SupervisionAction.ANSWER:
        columns = {"answer": said.note, "answered_at": at}
    elif action is SupervisionAction.LIFT:
        columns = {"lifted_at": at}
    await records.step(
        session,
        SUPERVISION_MOVES,
        row,
        action,
        actor,
        sides=sides_of(row, actor),
        version=version,
        at=at,
        said=said,
        **columns,
    )
    return row


def may(row: SupervisionRow, action: SupervisionAction, actor: Actor) -> bool:
    """A county's body and the leader lift what they raised themselves."""
    by = actor.roles & ORDERERS
    return action is SupervisionAction.ANSWER or not by or bool(by & SUPERVISION) or row.raised_by == actor.user


def sides_of(row: SupervisionRow, actor: Actor) -> frozenset[Side]:
    """Where a person stands to it: the addressee answers, the centre's people where it is the centre."""
    own = bool(actor.roles & CENTRE) if row.unit_id is None else actor.unit_id == row.unit_id
    return frozenset({Side.OWN} if own else ())


async def newest(
    session: AsyncSession,
    *,
    ticket_id: int | None = None,
    unit_id: int | None = None,
    state: SupervisionState | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Sequence[SupervisionRow]:
    """Newest first; what is None does not narrow."""
    narrowed: list[ColumnElement[bool]] = []
    for column, value in (
        (SupervisionRow.ticket_id, ticket_id),
        (SupervisionRow.unit_id, unit_id),
        (SupervisionRow.state, state),
    ):
        if value is not None:
            narrowed.append(column == value)
    if before is not None:
        narrowed.append(SupervisionRow.id < before)
    wanted = select(SupervisionRow).where(*narrowed).order_by(SupervisionRow.id.desc()).limit(limit)
    return (await session.scalars(wanted)).all()
