"""合规认定: an auditor finds whether a reply complies with law and policy, though the citizen is dissatisfied (TH 19).

Visit agents ask, with the facts; another person finds. A reply that complies may be closed; one that does not is
handled again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Final

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Role
from ticketing import repository
from ticketing.clocks import Rules
from ticketing.errors import ActionNotAllowed, ActionNotPossible
from ticketing.handling import records
from ticketing.handling.records import Move, Moves, Said
from ticketing.handling.words import RecordKind, Side
from ticketing.models import TicketRow
from ticketing.people import VISITORS
from ticketing.refusals.tables import CitizenNoticeRow
from ticketing.schemas import Actor, Body
from ticketing.visits import visiting
from ticketing.visits.errors import FindingStands, NotDissatisfied, NotToClose, NotToldBySms
from ticketing.visits.tables import ComplianceFindingRow, VisitRow
from ticketing.visits.words import FindingAction, FindingState, VisitOutcome
from ticketing.vocabulary import Action, CitizenNoticeKind, Satisfaction, State

_S, _A = FindingState, FindingAction
AUDITORS: Final = frozenset({Role.AUDITOR})
_WITH_BASIS: Final = frozenset({"note", "basis"})

FINDING_MOVES: Final = Moves(
    RecordKind.FINDING,
    MappingProxyType(
        {
            (_S.ASKED, _A.FIND_COMPLIANT): Move(_S.COMPLIANT, AUDITORS, Side.ANOTHER, _WITH_BASIS),
            (_S.ASKED, _A.FIND_NOT_COMPLIANT): Move(_S.NOT_COMPLIANT, AUDITORS, Side.ANOTHER, _WITH_BASIS),
            (_S.ASKED, _A.WITHDRAW): Move(_S.WITHDRAWN, VISITORS, needs=frozenset({"note"})),
        }
    ),
)

Facts = Annotated[Body, Field(min_length=1)]


class FindingSaid(Said):
    """What a step of a finding needs."""

    basis: Body = Field("", description="The law or policy the finding rests on.")


async def ask(session: AsyncSession, number: str, facts: str, actor: Actor, *, at: datetime) -> ComplianceFindingRow:
    """Raises ActionNotAllowed, TicketNotFound, ActionNotPossible unless the ticket was visited, NotDissatisfied,
    FindingStands. The caller commits.
    """
    if not actor.roles & VISITORS:
        raise ActionNotAllowed("for people who visit")
    ticket = await records.locked_ticket(session, number)
    if ticket.state != State.VISITED:
        raise ActionNotPossible(f"a finding is asked for after the visit, not in state {ticket.state}")
    row = await visiting.current(session, ticket)
    if row is None or not await _dissatisfied(session, ticket, row):
        raise NotDissatisfied(number)
    if await _standing(session, row) is not None:
        raise FindingStands(number)
    finding = ComplianceFindingRow(
        ticket_id=ticket.id,
        cycle=row.cycle,
        state=FindingState.ASKED.value,
        version=1,
        facts=facts,
        asked_by=actor.user,
        asked_at=at,
    )
    session.add(finding)
    await session.flush()
    return finding


async def act(
    session: AsyncSession,
    number: str,
    finding_id: int,
    action: FindingAction,
    actor: Actor,
    *,
    version: int,
    at: datetime,
    said: FindingSaid,
) -> ComplianceFindingRow:
    """One step. Raises what `records.step` raises, TicketNotFound, RecordNotFound; ActionNotPossible once the ticket
    has gone on. The caller commits.
    """
    ticket = await records.locked_ticket(session, number)
    row = await records.found(session, ComplianceFindingRow, finding_id, ticket)
    if ticket.state != State.VISITED or row.cycle != await visiting.cycle(session, ticket.id):
        raise ActionNotPossible(f"the ticket has gone on: {ticket.state}")
    columns: dict[str, object] = {}
    if action is not FindingAction.WITHDRAW:
        columns = {"basis": said.basis, "found_by": actor.user, "found_at": at}
    await records.step(
        session,
        FINDING_MOVES,
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


def sides_of(row: ComplianceFindingRow, actor: Actor) -> frozenset[Side]:
    """Whether it was another person who asked."""
    return frozenset({Side.ANOTHER} if actor.user != row.asked_by else ())


async def of(session: AsyncSession, ticket_id: int) -> Sequence[ComplianceFindingRow]:
    """The ticket's, oldest first."""
    return await repository.rows_of(session, ComplianceFindingRow, ticket_id)


async def waiting(
    session: AsyncSession, *, after: int = 0, limit: int = 100
) -> Sequence[tuple[ComplianceFindingRow, str]]:
    """What auditors were asked and have not found, with the tickets' numbers, by id from `after` on."""
    wanted = (
        select(ComplianceFindingRow, TicketRow.number)
        .join(TicketRow, TicketRow.id == ComplianceFindingRow.ticket_id)
        .where(ComplianceFindingRow.state == FindingState.ASKED.value, ComplianceFindingRow.id > after)
        .order_by(ComplianceFindingRow.id)
        .limit(limit)
    )
    return [(row, number) for row, number in await session.execute(wanted)]


async def before_close(session: AsyncSession, ticket: TicketRow, action: Action) -> None:
    """办结: the citizen is satisfied, or the reply complies with the law, or nobody could be asked (TH 19).

    Raises NotToClose, NotToldBySms.
    """
    if action is not Action.CLOSE or ticket.state != State.VISITED:
        return
    row = await visiting.current(session, ticket)
    if row is None:
        return
    if await _dissatisfied(session, ticket, row):
        finding = await _standing(session, row)
        if finding is None or finding.state != FindingState.COMPLIANT:
            raise NotToClose("the citizen is dissatisfied: handle it again, or ask an auditor")
    elif row.outcome == VisitOutcome.UNREACHABLE and row.satisfaction is None and not await _told(session, row):
        raise NotToldBySms(ticket.number)


async def _dissatisfied(session: AsyncSession, ticket: TicketRow, row: VisitRow) -> bool:
    if row.satisfaction is None:
        return False
    rules = await Rules.of(session, ticket)
    return Satisfaction(row.satisfaction) not in rules.policy.satisfied


async def _standing(session: AsyncSession, row: VisitRow) -> ComplianceFindingRow | None:
    wanted = select(ComplianceFindingRow).where(
        ComplianceFindingRow.ticket_id == row.ticket_id,
        ComplianceFindingRow.cycle == row.cycle,
        ComplianceFindingRow.state != FindingState.WITHDRAWN.value,
    )
    return (await session.scalars(wanted.execution_options(populate_existing=True))).one_or_none()


async def _told(session: AsyncSession, row: VisitRow) -> bool:
    wanted = select(CitizenNoticeRow.id).where(
        CitizenNoticeRow.ticket_id == row.ticket_id,
        CitizenNoticeRow.kind == CitizenNoticeKind.UNREACHABLE.value,
        CitizenNoticeRow.made_at >= row.visited_at,
        CitizenNoticeRow.told_at.is_not(None),
    )
    return (await session.scalar(wanted.limit(1))) is not None
