"""Tickets that we hand over to another platform (移交): 警情 to 110, what is another level's to the province.

The order is an event of the ticket: the platform gets it by its feed, with the ticket. What it answers - accepted under
its own number, refused, done with a result - is kept with the order and told to the others concerned. The ticket itself
goes its own way: somebody here answers for it until it is closed (首接负责).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Partner, Role
from ticketing import lifecycle, repository
from ticketing.errors import ActionNotPossible
from ticketing.exchange import outbox, receivers
from ticketing.exchange.errors import TransferNotFound, TransferStanding
from ticketing.exchange.tables import ExchangeTransferRow
from ticketing.exchange.words import TransferAction, TransferState
from ticketing.handling import records
from ticketing.models import TicketRow
from ticketing.people import CENTRE
from ticketing.permission import check_roles
from ticketing.schemas import Actor, Body, Details, printable
from ticketing.vocabulary import Action, State

TRANSFER_MOVES: Final[Mapping[tuple[TransferState, TransferAction], TransferState]] = MappingProxyType(
    {
        (TransferState.SENT, TransferAction.ACCEPT): TransferState.ACCEPTED,
        (TransferState.SENT, TransferAction.REFUSE): TransferState.REFUSED,
        # Some tell of the result alone.
        (TransferState.SENT, TransferAction.FINISH): TransferState.DONE,
        (TransferState.ACCEPTED, TransferAction.REFUSE): TransferState.REFUSED,
        (TransferState.ACCEPTED, TransferAction.FINISH): TransferState.DONE,
    }
)
_STANDING: Final = (TransferState.SENT.value, TransferState.ACCEPTED.value)
_REACHED: Final = MappingProxyType(
    {
        TransferAction.ACCEPT: frozenset({TransferState.ACCEPTED, TransferState.DONE}),
        TransferAction.REFUSE: frozenset({TransferState.REFUSED}),
        TransferAction.FINISH: frozenset({TransferState.DONE}),
    }
)
"""Where a repeat, or an acceptance that comes after the result, finds what it says done already."""


class TransferAnswer(BaseModel):
    """What a platform says of a ticket that was handed over to it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: TransferAction
    number: Annotated[str, StringConstraints(strip_whitespace=True, max_length=64), AfterValidator(printable)] = Field(
        "", description="The platform's own number of it."
    )
    note: Body = Field("", description="Why it is refused, or what was done; with `refuse` and `finish`.")


async def hand_over(
    session: AsyncSession, number: str, partner: str, reason: str, actor: Actor, *, at: datetime
) -> ExchangeTransferRow:
    """Hand a ticket over to a platform. Raises TicketNotFound, ActionNotAllowed, ActionNotPossible once it is finished,
    ReceiverNotFound, TransferStanding. The caller commits."""
    check_roles(TransferState.SENT, actor.roles, CENTRE)
    ticket = await records.locked_ticket(session, number)
    state = State(ticket.state)
    if not state.open:
        raise ActionNotPossible(f"a ticket is handed over while it is open, not in state {state} ({state.term})")
    await receivers.of_partner(session, partner)
    standing = select(ExchangeTransferRow.id).where(
        ExchangeTransferRow.ticket_id == ticket.id,
        ExchangeTransferRow.partner == partner,
        ExchangeTransferRow.state.in_(_STANDING),
    )
    if (await session.execute(standing)).scalar_one_or_none() is not None:
        raise TransferStanding(f"{number} is with {partner}")
    row = ExchangeTransferRow(
        ticket_id=ticket.id,
        partner=partner,
        state=TransferState.SENT.value,
        version=1,
        reason=reason,
        ordered_by=actor.user,
        ordered_at=at,
    )
    session.add(row)
    await session.flush()
    await _write_down(session, ticket, f"移交{await _name(session, partner)}：{reason}", actor, at)
    await _tell(session, row, at)
    return row


async def answered(
    session: AsyncSession, partner: str, transfer_id: int, said: TransferAnswer, *, at: datetime
) -> ExchangeTransferRow:
    """What the platform says of it; a repeat changes nothing. Raises TransferNotFound, also for another platform's,
    ActionNotPossible. The caller commits."""
    row: ExchangeTransferRow | None = await session.get(
        ExchangeTransferRow, transfer_id, populate_existing=True, with_for_update=True
    )
    if row is None or row.partner != partner:
        raise TransferNotFound("no such hand-over to this platform")
    state = TransferState(row.state)
    if state in _REACHED[said.action]:
        return row
    following = TRANSFER_MOVES.get((state, said.action))
    if following is None:
        raise ActionNotPossible(f"{said.action} ({said.action.term}) is not possible in state {state} ({state.term})")
    # Its events follow the ticket's own.
    number = (await session.get_one(TicketRow, row.ticket_id)).number
    ticket = await records.locked_ticket(session, number)
    row.state, row.version = following.value, row.version + 1
    row.their_number = said.number or row.their_number
    row.answered_at = row.answered_at or at
    if following is not TransferState.ACCEPTED:
        row.result = said.note
    if following is TransferState.DONE:
        row.done_at = at
    await session.flush()
    words = [f"{await _name(session, partner)}{following.term}"]
    words += [f"编号{said.number}"] if said.number else []
    words += [said.note] if said.note else []
    actor = Actor(f"partner:{partner}", frozenset({Role.AGENT}))
    await _write_down(session, ticket, "：".join(words), actor, at)
    await _tell(session, row, at)
    return row


async def of_ticket(session: AsyncSession, ticket_id: int) -> Sequence[ExchangeTransferRow]:
    """The ticket's, oldest first."""
    return await repository.rows_of(session, ExchangeTransferRow, ticket_id)


async def _name(session: AsyncSession, partner: str) -> str:
    found = await session.get(Partner, partner)
    return found.name if found is not None else partner


async def _write_down(session: AsyncSession, ticket: TicketRow, note: str, actor: Actor, at: datetime) -> None:
    """Into the ticket's history, as long as it has one that grows."""
    if State(ticket.state).open:
        details = Details(note=note)
        await lifecycle.apply(
            session, ticket.number, Action.SUPPLEMENT, actor, version=ticket.version, at=at, details=details
        )


async def _tell(session: AsyncSession, row: ExchangeTransferRow, at: datetime) -> None:
    state = TransferState(row.state)
    await outbox.of_transfer(session, row.ticket_id, state, at, transfer_id=row.id, transfer_version=row.version)
