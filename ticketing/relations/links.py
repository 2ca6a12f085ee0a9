"""Links between tickets: made, ended, and read from either side."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from ticketing import repository
from ticketing.errors import StaleTicket
from ticketing.models import TicketRow
from ticketing.relations.errors import AlreadyLinked
from ticketing.relations.schemas import Link, Offer, Relations
from ticketing.relations.tables import ReplyOfferRow, TicketLinkRow
from ticketing.vocabulary import LinkKind, State


async def lock(session: AsyncSession, ticket: TicketRow, *others: int) -> None:
    """Keep the ticket and others (ids) from moving until the transaction ends: in one order for everybody, so that
    nobody waits in a circle, and as weakly as actions do, so that who holds a clock can write its notice. Raises
    StaleTicket if the ticket has moved since it was read."""
    statement = (
        select(TicketRow.id, TicketRow.version)
        .where(TicketRow.id.in_([ticket.id, *others]))
        .order_by(TicketRow.id)
        .with_for_update(key_share=True)
    )
    versions = {row.id: row.version for row in await session.execute(statement)}
    if versions[ticket.id] != ticket.version:
        raise StaleTicket(f"{ticket.number} was changed meanwhile")


async def make(
    session: AsyncSession, kind: LinkKind, ticket_id: int, other_id: int, *, note: str, by: str, at: datetime
) -> None:
    """Tie a ticket to another one. Raises AlreadyLinked."""
    values = {"kind": kind.value, "note": note, "made_by": by, "made_at": at}
    statement = insert(TicketLinkRow).values(ticket_id=ticket_id, other_id=other_id, **values).on_conflict_do_nothing()
    if (await session.execute(statement.returning(TicketLinkRow.id))).scalar_one_or_none() is None:
        raise AlreadyLinked(kind.value)


async def end(session: AsyncSession, kind: LinkKind, ticket_id: int, *, why: str, by: str, at: datetime) -> None:
    """The ticket's standing link of this kind holds no more."""
    await session.execute(
        update(TicketLinkRow)
        .where(TicketLinkRow.ticket_id == ticket_id, TicketLinkRow.kind == kind.value, TicketLinkRow.ended_at.is_(None))
        .values(ended_by=by, ended_at=at, ended_why=why)
    )


async def merged_into(session: AsyncSession, ticket_id: int) -> Sequence[TicketRow]:
    """Tickets that were merged into this one and wait for its reply, oldest first."""
    statement = (
        select(TicketRow)
        .join(TicketLinkRow, TicketLinkRow.ticket_id == TicketRow.id)
        .where(
            TicketLinkRow.other_id == ticket_id,
            TicketLinkRow.kind == LinkKind.MERGED.value,
            TicketLinkRow.ended_at.is_(None),
            TicketRow.state == State.MERGED.value,
        )
        .order_by(TicketRow.id)
    )
    return (await session.scalars(statement)).all()


async def parent_of(session: AsyncSession, ticket_id: int) -> TicketRow | None:
    """The main ticket (主单) a ticket is merged into."""
    statement = (
        select(TicketRow)
        .join(TicketLinkRow, TicketLinkRow.other_id == TicketRow.id)
        .where(
            TicketLinkRow.ticket_id == ticket_id,
            TicketLinkRow.kind == LinkKind.MERGED.value,
            TicketLinkRow.ended_at.is_(None),
        )
    )
    return (await session.scalars(statement)).one_or_none()


async def of(session: AsyncSession, number: str) -> Relations:
    """All that ties a ticket to others, oldest first. Raises TicketNotFound."""
    ticket = await repository.row(session, number)
    one, other = aliased(TicketRow), aliased(TicketRow)
    rows = await session.execute(
        select(TicketLinkRow, one, other)
        .join(one, one.id == TicketLinkRow.ticket_id)
        .join(other, other.id == TicketLinkRow.other_id)
        .where(or_(TicketLinkRow.ticket_id == ticket.id, TicketLinkRow.other_id == ticket.id))
        .order_by(TicketLinkRow.id)
    )
    offers = await session.execute(
        select(ReplyOfferRow, one.number, other.number)
        .join(one, one.id == ReplyOfferRow.ticket_id)
        .join(other, other.id == ReplyOfferRow.parent_id)
        .where(or_(ReplyOfferRow.ticket_id == ticket.id, ReplyOfferRow.parent_id == ticket.id))
        .order_by(ReplyOfferRow.id)
    )
    return Relations(
        links=tuple(_link(link, right if left.id == ticket.id else left, ticket.id) for link, left, right in rows),
        offers=tuple(
            Offer(
                number=child,
                parent=parent,
                reply=offer.reply,
                offered_at=offer.offered_at,
                taken_by=offer.taken_by,
                taken_at=offer.taken_at,
                withdrawn_at=offer.withdrawn_at,
            )
            for offer, child, parent in offers
        ),
    )


def _link(link: TicketLinkRow, other: TicketRow, seen_from: int) -> Link:
    return Link(
        kind=LinkKind(link.kind),
        number=other.number,
        title=other.title,
        state=State(other.state),
        main=link.ticket_id == seen_from,
        note=link.note,
        made_by=link.made_by,
        made_at=link.made_at,
        ended_by=link.ended_by,
        ended_at=link.ended_at,
        ended_why=link.ended_why,
    )
