"""无理重复诉求: that a demand repeats, without reason, what was settled (SMX 二(三)3, TH 13, 28).

One person proposes it with the earlier tickets, another approves, the citizen is told. From then on, and until it is
revoked, the ticket does not count in its unit's rates.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import ColumnElement, exists
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from directory.models import Role
from ticketing import repository
from ticketing.errors import ActionNotAllowed
from ticketing.handling import records
from ticketing.handling.contacts import OF_THE_CENTRE
from ticketing.handling.errors import AlreadyDetermined, NotARepeat
from ticketing.handling.records import Move, Moves, Said
from ticketing.handling.tables import UnreasonableRepeatRow
from ticketing.handling.words import ContactWay, RecordKind, RepeatAction, RepeatState, Side
from ticketing.schemas import Actor, Body
from ticketing.vocabulary import State

_S, _A = RepeatState, RepeatAction
_NOTE = frozenset({"note"})
APPROVERS: Final = frozenset({Role.SUPERVISOR})

REPEAT_MOVES: Final = Moves(
    RecordKind.REPEAT,
    MappingProxyType(
        {
            (_S.PROPOSED, _A.APPROVE): Move(_S.APPROVED, APPROVERS, Side.ANOTHER, _NOTE),
            (_S.PROPOSED, _A.REJECT): Move(_S.REJECTED, APPROVERS, Side.ANOTHER, _NOTE),
            (_S.APPROVED, _A.NOTIFY): Move(_S.NOTIFIED, OF_THE_CENTRE, needs=frozenset({"note", "way"})),
            (_S.APPROVED, _A.REVOKE): Move(_S.REVOKED, APPROVERS, needs=_NOTE),
            (_S.NOTIFIED, _A.REVOKE): Move(_S.REVOKED, APPROVERS, needs=_NOTE),
        }
    ),
)

_STANDING: Final = tuple(state.value for state in (_S.PROPOSED, _S.APPROVED, _S.NOTIFIED))


class RepeatSaid(Said):
    """What a step of a determination needs; the note of NOTIFY is what the citizen was told."""

    way: ContactWay | None = Field(None, description="How the citizen was told.")


class Proposal(BaseModel):
    """Why a ticket repeats what was settled, and in which tickets that was."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    facts: Annotated[Body, Field(min_length=1)]
    earlier: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,40}$")], ...] = Field(
        min_length=1, max_length=50
    )


async def propose(
    session: AsyncSession, number: str, proposal: Proposal, actor: Actor, *, at: datetime
) -> UnreasonableRepeatRow:
    """Raises ActionNotAllowed, TicketNotFound, AlreadyDetermined; NotARepeat if an earlier ticket is still open or of
    another caller. The caller commits.
    """
    if not actor.roles & OF_THE_CENTRE:
        raise ActionNotAllowed("for people of the centre")
    ticket = await records.locked_ticket(session, number)
    for one in proposal.earlier:
        earlier = await repository.row(session, one)
        settled = State(earlier.state).settled
        same = earlier.caller_number == ticket.caller_number != ""
        if not (settled and same) or earlier.id == ticket.id:
            raise NotARepeat(one)
    if any(row.state in _STANDING for row in await of(session, ticket.id)):
        raise AlreadyDetermined(number)
    row = UnreasonableRepeatRow(
        ticket_id=ticket.id,
        state=RepeatState.PROPOSED.value,
        version=1,
        facts=proposal.facts,
        earlier=list(proposal.earlier),
        proposed_by=actor.user,
        proposed_at=at,
    )
    session.add(row)
    await session.flush()
    return row


async def act(
    session: AsyncSession,
    number: str,
    repeat_id: int,
    action: RepeatAction,
    actor: Actor,
    *,
    version: int,
    at: datetime,
    said: RepeatSaid,
) -> UnreasonableRepeatRow:
    """One step. Raises what `records.step` raises, TicketNotFound, RecordNotFound. The caller commits."""
    ticket = await records.locked_ticket(session, number)
    row = await records.found(session, UnreasonableRepeatRow, repeat_id, ticket)
    columns: dict[str, object] = {}
    if action is RepeatAction.APPROVE:
        columns = {"approved_by": actor.user, "approved_at": at}
    elif action is RepeatAction.NOTIFY:
        columns = {"way": None if said.way is None else said.way.value, "notified_at": at}
    await records.step(
        session,
        REPEAT_MOVES,
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


def sides_of(row: UnreasonableRepeatRow, actor: Actor) -> frozenset[Side]:
    """Whether it was another person who proposed it."""
    return frozenset({Side.ANOTHER} if actor.user != row.proposed_by else ())


async def of(session: AsyncSession, ticket_id: int) -> Sequence[UnreasonableRepeatRow]:
    """The ticket's, oldest first."""
    return await repository.rows_of(session, UnreasonableRepeatRow, ticket_id)


def excluded(ticket_id: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    """That a ticket does not count in its unit's rates, as part of a greater question."""
    return exists().where(
        UnreasonableRepeatRow.ticket_id == ticket_id, UnreasonableRepeatRow.state == RepeatState.NOTIFIED.value
    )
