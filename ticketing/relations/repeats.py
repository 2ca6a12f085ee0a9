"""The same matter again after it was closed: a new ticket that refers to the old one (a closed one is never reopened),
and what many months of that make (TH 29(七))."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from hotline.locks import Lock, one_at_a_time
from ticketing import clocks, repository
from ticketing.handling import leads
from ticketing.handling.tables import AccountabilityLeadRow
from ticketing.handling.words import AccountabilityGround
from ticketing.models import TicketRow
from ticketing.policy import TicketPolicy
from ticketing.relations import links
from ticketing.relations.errors import NotEarlier, StillOpen
from ticketing.relations.tables import TicketLinkRow
from ticketing.vocabulary import LinkKind, State, TicketType


async def link(
    session: AsyncSession, number: str, earlier: str, *, note: str, by: str, at: datetime
) -> AccountabilityLeadRow | None:
    """Say that a ticket is a closed one's matter again; gives the lead that this raises, if it raises one.

    Raises TicketNotFound, NotEarlier, StillOpen, AlreadyLinked.
    """
    await one_at_a_time(session, Lock.MATTERS)
    ticket, former = await repository.row(session, number), await repository.row(session, earlier)
    if former.id >= ticket.id:
        raise NotEarlier(f"{earlier} is not earlier than {number}")
    if not State(former.state).settled:
        raise StillOpen(f"{earlier} is {former.state}: merge with it")
    await links.make(session, LinkKind.REPEATS, ticket.id, former.id, note=note, by=by, at=at)
    return await _raise_lead(session, ticket, at)


async def matter(session: AsyncSession, ticket_id: int) -> Sequence[TicketRow]:
    """All tickets of a ticket's matter, the first one first: its repeats, and what was merged with any of them."""
    tree = select(TicketRow.id).where(TicketRow.id == ticket_id).cte("matter", recursive=True)
    ties = (
        TicketLinkRow.kind.in_([LinkKind.REPEATS.value, LinkKind.MERGED.value]),
        TicketLinkRow.ended_at.is_(None),
    )
    step = (
        select(func.unnest(text("ARRAY[ticket_link.ticket_id, ticket_link.other_id]")))
        .select_from(TicketLinkRow)
        .join(tree, or_(TicketLinkRow.ticket_id == tree.c.id, TicketLinkRow.other_id == tree.c.id))
        .where(*ties)
    )
    # UNION ends at what is known, so that a circle of links does.
    tree = tree.union(step)
    rows = await session.scalars(select(TicketRow).where(TicketRow.id.in_(select(tree.c.id))).order_by(TicketRow.id))
    return rows.all()


def longest_run(months: Sequence[date], month: date) -> tuple[date, date]:
    """The run of consecutive months (their first days) that `month` is in: its first and its last one."""
    known = {_count(one) for one in months} | {_count(month)}
    first = last = _count(month)
    while first - 1 in known:
        first -= 1
    while last + 1 in known:
        last += 1
    return _month(first), _month(last)


async def _raise_lead(session: AsyncSession, ticket: TicketRow, at: datetime) -> AccountabilityLeadRow | None:
    policy = (await clocks.policies(session)).numbered(ticket.policy).policy
    tickets = await matter(session, ticket.id)
    months = [_month_of(one, policy) for one in tickets if TicketType(one.type) in policy.repeat_types]
    if not months or _month_of(ticket, policy) not in months:
        return None
    first, last = longest_run(months, _month_of(ticket, policy))
    if _count(last) - _count(first) + 1 < policy.repeat_months:
        return None
    known = await session.scalar(
        select(AccountabilityLeadRow)
        .where(
            AccountabilityLeadRow.matter_id.in_([one.id for one in tickets]),
            AccountabilityLeadRow.first_month <= last,
            AccountabilityLeadRow.last_month >= first,
        )
        .order_by(AccountabilityLeadRow.id)
        .limit(1)
    )
    if known is not None:
        # The same run, a month longer: one lead, brought up to date.
        known.last_month = last if known.last_month is None else max(known.last_month, last)
        return None
    occasion = f"months:{first:%Y-%m}"
    await leads.raised(
        session,
        ticket.id,
        await _handled_by(session, tickets),
        AccountabilityGround.REPEATED_MONTHS,
        f"{first:%Y-%m}至{last:%Y-%m}连续反映，首件{tickets[0].number}",
        occasion=occasion,
        by=leads.BY_RULE,
        at=at,
        months=leads.RunOfMonths(tickets[0].id, first, last),
    )
    raised = select(AccountabilityLeadRow).where(
        AccountabilityLeadRow.ticket_id == ticket.id,
        AccountabilityLeadRow.ground == AccountabilityGround.REPEATED_MONTHS.value,
        AccountabilityLeadRow.occasion == occasion,
    )
    return (await session.scalars(raised)).one()


async def _handled_by(session: AsyncSession, tickets: Sequence[TicketRow]) -> int | None:
    """The unit that led the newest ticket of the matter that was led by any."""
    for ticket in reversed(tickets):
        if (unit := await repository.lead_unit(session, ticket.id)) is not None:
            return unit
    return None


def _month_of(ticket: TicketRow, policy: TicketPolicy) -> date:
    return ticket.registered_at.astimezone(ZoneInfo(policy.zone)).date().replace(day=1)


def _count(month: date) -> int:
    return month.year * 12 + month.month - 1


def _month(count: int) -> date:
    return date(count // 12, count % 12 + 1, 1)
