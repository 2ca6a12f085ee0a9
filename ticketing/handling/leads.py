"""问责线索: reasons to look into how a unit handled something. Rules raise them, people decide (TH 29, 30, 35).

Nothing follows of itself: a lead is looked into, found true or not by another person than who raised it, and only then
ends in a correction, in what the authority does about it, or with 监察 or 司法.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Final

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Role
from ticketing import repository
from ticketing.clocks import RanOut, Rules
from ticketing.errors import UnitNotFound
from ticketing.handling import records
from ticketing.handling.records import Move, Moves, Said
from ticketing.handling.tables import AccountabilityLeadRow
from ticketing.handling.words import AccountabilityGround, HandedTo, LeadAction, LeadState, RecordKind, Side
from ticketing.models import TicketAssignmentRow, TicketHistoryRow, TicketRow
from ticketing.schemas import Actor, Details
from ticketing.vocabulary import Action, Part, Satisfaction

_S, _A = LeadState, LeadAction
_NOTE = frozenset({"note"})
DECIDERS: Final = frozenset({Role.INSPECTOR})
"""营商环境建设主管部门 and 督查机构."""

LEAD_MOVES: Final = Moves(
    RecordKind.LEAD,
    MappingProxyType(
        {
            (_S.RAISED, _A.INVESTIGATE): Move(_S.INVESTIGATING, DECIDERS),
            (_S.RAISED, _A.DISMISS): Move(_S.DISMISSED, DECIDERS, Side.ANOTHER, _NOTE),
            (_S.INVESTIGATING, _A.ESTABLISH): Move(_S.ESTABLISHED, DECIDERS, Side.ANOTHER, _NOTE),
            (_S.INVESTIGATING, _A.DISMISS): Move(_S.DISMISSED, DECIDERS, Side.ANOTHER, _NOTE),
            (_S.ESTABLISHED, _A.ORDER_CORRECTION): Move(_S.CORRECTING, DECIDERS, needs=_NOTE),
            (_S.ESTABLISHED, _A.HAND_OVER): Move(_S.HANDED_OVER, DECIDERS, needs=frozenset({"note", "to"})),
            (_S.ESTABLISHED, _A.SETTLE): Move(_S.SETTLED, DECIDERS, needs=_NOTE),
            (_S.CORRECTING, _A.HAND_OVER): Move(_S.HANDED_OVER, DECIDERS, needs=frozenset({"note", "to"})),
            (_S.CORRECTING, _A.SETTLE): Move(_S.SETTLED, DECIDERS, needs=_NOTE),
        }
    ),
)

BY_RULE: Final = "system"


@dataclass(frozen=True, slots=True)
class RunOfMonths:
    """Consecutive months, by their first days, in which a matter came up again; `matter_id` is its first ticket."""

    matter_id: int
    first: date
    last: date


class LeadSaid(Said):
    """What a step of a lead needs."""

    to: HandedTo | None = Field(None, description="Who takes it over (TH 35).")


async def raised(
    session: AsyncSession,
    ticket_id: int,
    unit_id: int | None,
    ground: AccountabilityGround,
    facts: str,
    *,
    occasion: str,
    by: str,
    at: datetime,
    months: RunOfMonths | None = None,
) -> None:
    """A reason is there: once for each `occasion`. Raises UnitNotFound. The caller commits."""
    if unit_id is not None and not await repository.known_units(session, [unit_id]):
        raise UnitNotFound(str(unit_id))
    await session.execute(
        insert(AccountabilityLeadRow)
        .values(
            ticket_id=ticket_id,
            unit_id=unit_id,
            state=LeadState.RAISED.value,
            version=1,
            ground=ground.value,
            facts=facts,
            occasion=occasion,
            raised_by=by,
            raised_at=at,
            matter_id=None if months is None else months.matter_id,
            first_month=None if months is None else months.first,
            last_month=None if months is None else months.last,
        )
        .on_conflict_do_nothing()
    )


async def act(
    session: AsyncSession,
    lead_id: int,
    action: LeadAction,
    actor: Actor,
    *,
    version: int,
    at: datetime,
    said: LeadSaid,
) -> AccountabilityLeadRow:
    """One step by people. Raises what `records.step` raises, RecordNotFound. The caller commits."""
    row = await records.found(session, AccountabilityLeadRow, lead_id)
    columns = {"handed_to": None if said.to is None else said.to.value} if action is LeadAction.HAND_OVER else {}
    await records.step(
        session,
        LEAD_MOVES,
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


def sides_of(row: AccountabilityLeadRow, actor: Actor) -> frozenset[Side]:
    """Whether it was another person who raised it."""
    return frozenset({Side.ANOTHER} if actor.user != row.raised_by else ())


async def newest(
    session: AsyncSession,
    *,
    ticket_id: int | None = None,
    state: LeadState | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Sequence[AccountabilityLeadRow]:
    """Newest first; what is None does not narrow."""
    wanted = select(AccountabilityLeadRow).order_by(AccountabilityLeadRow.id.desc()).limit(limit)
    if ticket_id is not None:
        wanted = wanted.where(AccountabilityLeadRow.ticket_id == ticket_id)
    if state is not None:
        wanted = wanted.where(AccountabilityLeadRow.state == state.value)
    if before is not None:
        wanted = wanted.where(AccountabilityLeadRow.id < before)
    return (await session.scalars(wanted)).all()


async def after(session: AsyncSession, ticket: TicketRow, action: Action, details: Details, at: datetime) -> None:
    """What an action of the ticket gives reason for."""
    if action is Action.SIGN_FOR and (part := await repository.lead_part(session, ticket.id)) is not None:
        await of_receipt(session, ticket, part, at)
    if action in {Action.VISIT, Action.EVALUATE} and details.satisfaction is not None:
        rules = await Rules.of(session, ticket)
        if details.satisfaction not in rules.policy.satisfied:
            await _dissatisfied(session, ticket, rules, at)


async def of_receipt(session: AsyncSession, ticket: TicketRow, part: TicketAssignmentRow, at: datetime) -> None:
    """A part was signed for late, or its time has gone and nobody has signed (TH 29(一))."""
    await _of_receipt(session, ticket, part, await Rules.of(session, ticket), at)


async def _of_receipt(
    session: AsyncSession, ticket: TicketRow, part: TicketAssignmentRow, rules: Rules, at: datetime
) -> None:
    until = rules.limits.signing(part.delivered_at, rules.policy).ends_at
    if at < until:
        return
    await raised(
        session,
        ticket.id,
        part.unit_id,
        AccountabilityGround.LATE_RECEIPT,
        f"应于{until:%Y-%m-%d %H:%M}前签收",
        occasion=f"part:{part.id}",
        by=BY_RULE,
        at=at,
    )


async def of_overdue(session: AsyncSession, late: Sequence[RanOut], at: datetime) -> None:
    """Handlings have run out after the last extension there is (TH 16, 29(四)), or before anybody signed for them."""
    tickets = {one.ticket.id for one in late}
    standing = select(TicketAssignmentRow).where(
        TicketAssignmentRow.ticket_id.in_(tickets), TicketAssignmentRow.withdrawn_at.is_(None)
    )
    parts = {(part.ticket_id, part.unit_id): part for part in await session.scalars(standing)}
    grants = await session.scalars(
        select(TicketHistoryRow.ticket_id).where(
            TicketHistoryRow.ticket_id.in_(tickets), TicketHistoryRow.action == Action.GRANT_EXTENSION.value
        )
    )
    granted = Counter(grants)
    for one in late:
        part = parts.get((one.ticket.id, one.unit_id))
        if part is None:
            continue
        if part.signed_at is None:
            await _of_receipt(session, one.ticket, part, one.rules, at)
        times = granted[one.ticket.id]
        if not times or times < one.rules.policy.most_extensions or part.part != Part.LEAD:
            continue
        await raised(
            session,
            one.ticket.id,
            one.unit_id,
            AccountabilityGround.SHIRKING,
            f"已延期{times}次，仍超出办理时限",
            occasion=f"clock:{one.clock.id}",
            by=BY_RULE,
            at=at,
        )


async def _dissatisfied(session: AsyncSession, ticket: TicketRow, rules: Rules, at: datetime) -> None:
    """Counted by handlings: saying it twice of the same one is one evaluation (TH 29(六))."""
    history = await session.execute(
        select(TicketHistoryRow.action, TicketHistoryRow.details)
        .where(TicketHistoryRow.ticket_id == ticket.id)
        .order_by(TicketHistoryRow.version)
    )
    handling, dissatisfied = 0, set()
    for action, details in history:
        handling += action == Action.REHANDLE
        said = details.get("satisfaction")
        if said is not None and Satisfaction(said) not in rules.policy.satisfied:
            dissatisfied.add(handling)
    if len(dissatisfied) > 1:
        await raised(
            session,
            ticket.id,
            await repository.lead_unit(session, ticket.id),
            AccountabilityGround.DISSATISFIED_TWICE,
            f"第{len(dissatisfied)}次满意度评价仍为不满意",
            occasion=f"handling:{handling}",
            by=BY_RULE,
            at=at,
        )
