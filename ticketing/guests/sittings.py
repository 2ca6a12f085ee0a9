"""嘉宾接听 (SMX 四(四)): guests take calls and write demands down at a seat; somebody of ours sits by and decides.

What was registered at the seat while a guest sat there is answered, accepted or refused by another person than the one
who is signed in at it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from directory import users
from directory.models import Role
from ticketing.errors import ActionNotAllowed
from ticketing.guests.errors import GuestUnderSupervision, NoSuchSeat, SeatTaken
from ticketing.guests.tables import GuestSittingRow
from ticketing.guests.words import SittingAction, SittingState, Standing
from ticketing.handling import records
from ticketing.handling.records import Move, Moves, Said
from ticketing.handling.words import RecordKind
from ticketing.models import TicketRow
from ticketing.people import DESK
from ticketing.schemas import Actor, Name
from ticketing.vocabulary import Action, State

_S, _A = SittingState, SittingAction
LEADERS: Final = frozenset({Role.SUPERVISOR})

SITTING_MOVES: Final = Moves(
    RecordKind.GUEST,
    MappingProxyType(
        {
            (_S.PLANNED, _A.BEGIN): Move(_S.SITTING, LEADERS),
            (_S.PLANNED, _A.CANCEL): Move(_S.CANCELLED, LEADERS, needs=frozenset({"note"})),
            (_S.SITTING, _A.END): Move(_S.ENDED, LEADERS),
        }
    ),
)

_DECISIONS: Final = frozenset({Action.ANSWER, Action.ACCEPT, Action.REFUSE})


class Plan(BaseModel):
    """Who is to sit where."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    guest: Annotated[Name, Field(min_length=1)]
    standing: Standing
    seat: Annotated[Name, Field(min_length=1, description="Work number the guest answers under.")]
    host: Annotated[Name, Field(min_length=1, description="Work number of who sits by.")]


async def plan(session: AsyncSession, said: Plan, actor: Actor, *, at: datetime) -> GuestSittingRow:
    """Raises ActionNotAllowed, NoSuchSeat. The caller commits."""
    if not actor.roles & LEADERS:
        raise ActionNotAllowed("for supervisors")
    if said.seat == said.host:
        raise NoSuchSeat("host and guest are two")
    for number in (said.seat, said.host):
        await _must_take_calls(session, number)
    row = GuestSittingRow(
        guest=said.guest,
        standing=said.standing.value,
        seat=said.seat,
        host=said.host,
        state=SittingState.PLANNED.value,
        version=1,
        planned_by=actor.user,
        planned_at=at,
    )
    session.add(row)
    await session.flush()
    return row


async def act(
    session: AsyncSession,
    sitting_id: int,
    action: SittingAction,
    actor: Actor,
    *,
    version: int,
    at: datetime,
    said: Said,
) -> GuestSittingRow:
    """One step. Raises what `records.step` raises, RecordNotFound, SeatTaken. The caller commits."""
    row = await records.found(session, GuestSittingRow, sitting_id)
    columns: dict[str, object] = {}
    if action is SittingAction.BEGIN:
        taken = select(GuestSittingRow.id).where(
            GuestSittingRow.seat == row.seat, GuestSittingRow.state == SittingState.SITTING.value
        )
        if (await session.execute(taken)).scalar_one_or_none() is not None:
            raise SeatTaken(row.seat)
        columns = {"begun_at": at}
    elif action is SittingAction.END:
        columns = {"ended_at": at}
    await records.step(
        session,
        SITTING_MOVES,
        row,
        action,
        actor,
        sides=frozenset(),
        version=version,
        at=at,
        said=said,
        **columns,
    )
    return row


async def before(session: AsyncSession, ticket: TicketRow, action: Action, actor: Actor) -> None:
    """Who is signed in at a guest's seat does not decide on what was taken down there. Raises GuestUnderSupervision."""
    if action not in _DECISIONS or ticket.state != State.REGISTERED or actor.user != ticket.registered_by:
        return
    sat = select(GuestSittingRow.host).where(
        GuestSittingRow.seat == ticket.registered_by,
        GuestSittingRow.begun_at <= ticket.registered_at,
        or_(GuestSittingRow.ended_at.is_(None), GuestSittingRow.ended_at >= ticket.registered_at),
    )
    host = (await session.scalars(sat.limit(1))).one_or_none()
    if host is not None:
        raise GuestUnderSupervision(f"{host} sits by, and decides")


async def newest(session: AsyncSession, *, limit: int = 100) -> Sequence[GuestSittingRow]:
    """Newest first."""
    return (await session.scalars(select(GuestSittingRow).order_by(GuestSittingRow.id.desc()).limit(limit))).all()


async def _must_take_calls(session: AsyncSession, number: str) -> None:
    try:
        person = await users.person(session, await users.of_work_number(session, number))
    except users.UnknownUser:
        raise NoSuchSeat(number) from None
    if person.disabled or not person.roles & DESK:
        raise NoSuchSeat(number)
