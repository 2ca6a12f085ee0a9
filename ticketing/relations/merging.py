"""并单 (国办函〔2025〕66号): a demand is handled with another of the same matter, and is answered, visited and
evaluated by itself.

While a ticket is merged nothing of it runs, so nothing of it can be overdue; the main ticket (主单) has the clocks. Its
approved reply is offered to each, and somebody takes it for each: what fits the first caller need not fit the fifth.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ticketing import clocks, repository
from ticketing.catalogue import accused
from ticketing.models import TicketHistoryRow, TicketRow
from ticketing.relations import links
from ticketing.relations.errors import HasMergedTickets, MergeOfMerged, MergeWithItself, NoReplyOffered, ParentNotOpen
from ticketing.relations.schemas import MergeDetails
from ticketing.relations.tables import ReplyOfferRow
from ticketing.schemas import Details
from ticketing.vocabulary import Action, ClockEnd, ClockKind, LinkKind, State

_HANDLED: Final = frozenset(
    {
        State.TO_DISPATCH,
        State.TO_SIGN,
        State.HANDLING,
        State.RETURN_ASKED,
        State.EXTENSION_ASKED,
        State.REPLY_TO_REVIEW,
        State.REPLIED,
        State.VISITED,
    }
)
_ALONE: Final = frozenset({Action.APPROVE_REPLY, Action.REFUSE, Action.REHANDLE})
"""While one of these is taken nothing is merged into the ticket: it would wait for a reply that has gone."""
_ANSWERED: Final = frozenset({State.REPLIED, State.VISITED})


async def follow(
    session: AsyncSession, ticket: TicketRow, action: Action, details: Details, *, by: str, at: datetime
) -> None:
    """What an action means for tickets that are merged. Called before the ticket moves.

    Raises MergeWithItself, MergeOfMerged, ParentNotOpen, HasMergedTickets, NoReplyOffered, TicketNotFound, AccusedUnit.
    """
    if action in _ALONE:
        await links.lock(session, ticket)
    match action:
        case Action.MERGE if isinstance(details, MergeDetails):
            await _merge(session, ticket, details, by, at)
        case Action.UNMERGE:
            await _withdraw_offer(session, [ticket.id], at)
            await links.end(session, LinkKind.MERGED, ticket.id, why=details.note, by=by, at=at)
        case Action.TAKE_REPLY:
            await _take(session, ticket, by, at)
        case Action.APPROVE_REPLY:
            await _offer(session, ticket.id, await links.merged_into(session, ticket.id), at)
        case Action.REFUSE:
            if waiting := await links.merged_into(session, ticket.id):
                raise HasMergedTickets(", ".join(child.number for child in waiting))
        case Action.REHANDLE:
            # Its reply did not hold: it is not to be taken any more. Handled again, this one is on its own.
            await _withdraw_offer(session, [child.id for child in await links.merged_into(session, ticket.id)], at)
            await links.end(session, LinkKind.MERGED, ticket.id, why=details.note, by=by, at=at)
        case _:
            pass


async def _merge(session: AsyncSession, child: TicketRow, details: MergeDetails, by: str, at: datetime) -> None:
    if details.parent == child.number:
        raise MergeWithItself(child.number)
    await links.lock(session, child, (await repository.row(session, details.parent)).id)
    parent = await repository.row(session, details.parent)
    if parent.state == State.MERGED:
        main = await links.parent_of(session, parent.id)
        raise MergeOfMerged(f"{parent.number} is merged into {main.number if main else 'another'}")
    if waiting := await links.merged_into(session, child.id):
        raise MergeOfMerged(f"{child.number} has tickets merged into it: {', '.join(one.number for one in waiting)}")
    if parent.state not in _HANDLED:
        raise ParentNotOpen(f"{parent.number} is {parent.state}")
    await accused.check_merge(session, child, parent)
    for clock in await clocks.running(session, child.id, ClockKind):
        # What was overdue before stays so: a merge forgives nothing.
        clock.ended = (ClockEnd.WITHDRAWN if at < clock.ends_at else ClockEnd.LATE).value
        clock.ended_at, clock.next_at = at, None
    await links.make(session, LinkKind.MERGED, child.id, parent.id, note=details.note, by=by, at=at)
    if parent.state in _ANSWERED:
        await _offer(session, parent.id, [child], at)


async def _offer(session: AsyncSession, parent_id: int, children: Iterable[TicketRow], at: datetime) -> None:
    reply = await session.scalar(
        select(TicketHistoryRow.note)
        .where(TicketHistoryRow.ticket_id == parent_id, TicketHistoryRow.action == Action.REPLY.value)
        .order_by(TicketHistoryRow.version.desc())
        .limit(1)
    )
    for child in children:
        values = {"ticket_id": child.id, "parent_id": parent_id, "reply": reply or "", "offered_at": at}
        await session.execute(insert(ReplyOfferRow).values(values))


async def _take(session: AsyncSession, child: TicketRow, by: str, at: datetime) -> None:
    taken = (
        update(ReplyOfferRow)
        .where(
            ReplyOfferRow.ticket_id == child.id,
            ReplyOfferRow.taken_at.is_(None),
            ReplyOfferRow.withdrawn_at.is_(None),
        )
        .values(taken_by=by, taken_at=at)
    )
    if (await session.execute(taken.returning(ReplyOfferRow.id))).scalar_one_or_none() is None:
        raise NoReplyOffered(child.number)


async def _withdraw_offer(session: AsyncSession, tickets: list[int], at: datetime) -> None:
    await session.execute(
        update(ReplyOfferRow)
        .where(
            ReplyOfferRow.ticket_id.in_(tickets),
            ReplyOfferRow.taken_at.is_(None),
            ReplyOfferRow.withdrawn_at.is_(None),
        )
        .values(withdrawn_at=at)
    )
