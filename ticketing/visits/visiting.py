"""回访: each handling of a dispatched ticket is visited once (TH 20); a merged ticket is visited by itself.

Who calls, and in which order, is the rounds' business (回访轮次): they list what is due here, write down each attempt,
and tell the ticket what came of it. A citizen is unreachable only after the attempts the policy asks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from types import MappingProxyType
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Role
from ticketing import repository
from ticketing.clocks import Rules
from ticketing.errors import DetailUnexpected
from ticketing.handling import records
from ticketing.handling.records import Move, Moves, Said
from ticketing.handling.words import RecordKind
from ticketing.models import TicketHistoryRow, TicketRow
from ticketing.people import VISITORS
from ticketing.refusals.tables import CitizenNoticeRow
from ticketing.relations import links
from ticketing.schemas import Actor, Details
from ticketing.visits.errors import NotTriedEnough
from ticketing.visits.tables import VisitAttemptRow, VisitRow
from ticketing.visits.words import AttemptWay, VisitAction, VisitOutcome, VisitState
from ticketing.vocabulary import Action, CitizenNoticeKind, State

_S, _A = VisitState, VisitAction

VISIT_MOVES: Final = Moves(
    RecordKind.VISIT,
    MappingProxyType(
        {
            (_S.DUE, _A.LIST): Move(_S.LISTED, VISITORS),
            (_S.LISTED, _A.UNLIST): Move(_S.DUE, VISITORS),
            (_S.DUE, _A.RECORD): Move(_S.DONE, VISITORS),
            (_S.DUE, _A.GIVE_UP): Move(_S.UNREACHABLE, VISITORS),
            (_S.LISTED, _A.RECORD): Move(_S.DONE, VISITORS),
            (_S.LISTED, _A.GIVE_UP): Move(_S.UNREACHABLE, VISITORS),
        }
    ),
)
"""RECORD and GIVE_UP happen with the ticket's own `visit`."""

ROUNDS: Final = Actor("rounds", frozenset({Role.VISIT_AGENT}))
"""Rounds list visits, whoever has made them."""

GIVEN_UP: Final = frozenset({VisitOutcome.UNREACHABLE, VisitOutcome.INVALID})

_TOLD: Final = (
    "【12345政务服务便民热线】您反映的事项（工单编号{number}）已由承办单位答复，我们多次致电回访未能接通。"
    "如对办理结果有意见，请拨打12345，或在网上凭工单编号和查询码评价。"
)


async def before(session: AsyncSession, ticket: TicketRow, action: Action, details: Details) -> None:
    """What a visit has to pass. Raises DetailUnexpected, NotTriedEnough."""
    if action is not Action.VISIT:
        return
    outcome = details.outcome or VisitOutcome.REACHED
    opinion = (details.satisfaction, details.contacted, details.solved)
    if outcome is not VisitOutcome.REACHED and any(said is not None for said in opinion):
        raise DetailUnexpected(f"nobody gave an opinion: {outcome} ({outcome.term})")
    if outcome is VisitOutcome.UNREACHABLE:
        rules = await Rules.of(session, ticket)
        row = await current(session, ticket)
        days = [] if row is None else await _attempt_days(session, row, rules)
        wanted = rules.policy
        if len(days) < wanted.visit_attempts or len(set(days)) < wanted.visit_attempt_days:
            raise NotTriedEnough(
                f"{len(days)} attempts on {len(set(days))} days; {wanted.visit_attempts} on"
                f" {wanted.visit_attempt_days} make a citizen unreachable"
            )


async def after(
    session: AsyncSession, ticket: TicketRow, action: Action, details: Details, actor: Actor, *, at: datetime
) -> None:
    """A reply that passed, or was taken over, makes a visit due; the visit, or an evaluation, is kept with it."""
    if action in {Action.APPROVE_REPLY, Action.TAKE_REPLY}:
        await _due(session, ticket, at)
    elif action is Action.VISIT:
        await _visited(session, ticket, details, actor, at)
    elif action is Action.EVALUATE and (row := await current(session, ticket)) is not None:
        row.satisfaction = None if details.satisfaction is None else details.satisfaction.value
        row.contacted = row.contacted if details.contacted is None else details.contacted
        row.solved = row.solved if details.solved is None else details.solved


async def attempted(
    session: AsyncSession, number: str, way: AttemptWay, *, occasion: str, by: str, at: datetime
) -> None:
    """The citizen's phone was called for a visit; the same `occasion` counts once. Raises TicketNotFound."""
    ticket = await records.locked_ticket(session, number)
    row = await current(session, ticket) or await _due(session, ticket, at)
    values = {
        "ticket_id": ticket.id, "visit_id": row.id, "way": way.value, "occasion": occasion, "by": by, "at": at,
    }  # fmt: skip
    await session.execute(insert(VisitAttemptRow).values(values).on_conflict_do_nothing())


async def listed(session: AsyncSession, number: str, item: int, *, at: datetime) -> None:
    """A round has the ticket; without a visit that is due nothing changes. Raises TicketNotFound."""
    ticket = await records.locked_ticket(session, number)
    row = await current(session, ticket)
    if row is None and ticket.state == State.REPLIED:
        # Replied to in an old system: were it due only when the citizen is called, the day's round would take it too.
        row = await _due(session, ticket, at)
    if row is not None and row.state == VisitState.DUE:
        await _step(session, row, VisitAction.LIST, ROUNDS, at, item=item)


async def unlisted(session: AsyncSession, number: str, item: int, *, at: datetime) -> None:
    """A round is through with the ticket, and the visit did not take place. Raises TicketNotFound."""
    row = await current(session, await records.locked_ticket(session, number))
    if row is not None and (row.state, row.item) == (VisitState.LISTED, item):
        await _step(session, row, VisitAction.UNLIST, ROUNDS, at, item=None)


async def due(session: AsyncSession, *, limit: int, after: int = 0) -> Sequence[tuple[VisitRow, str, str]]:
    """Visits that are due and in no round, with their tickets' numbers and titles, by id from `after` on."""
    wanted = (
        select(VisitRow, TicketRow.number, TicketRow.title)
        .join(TicketRow, TicketRow.id == VisitRow.ticket_id)
        .where(VisitRow.state == VisitState.DUE.value, VisitRow.id > after)
        .order_by(VisitRow.id)
        .limit(limit)
    )
    return [(row, number, title) for row, number, title in await session.execute(wanted)]


async def of(session: AsyncSession, ticket_id: int) -> Sequence[VisitRow]:
    """The ticket's, oldest first."""
    wanted = select(VisitRow).where(VisitRow.ticket_id == ticket_id).order_by(VisitRow.cycle)
    return (await session.scalars(wanted)).all()


async def attempts(session: AsyncSession, ticket_id: int) -> Sequence[VisitAttemptRow]:
    """Attempts at the ticket's visits, oldest first."""
    wanted = select(VisitAttemptRow).where(VisitAttemptRow.ticket_id == ticket_id).order_by(VisitAttemptRow.id)
    return (await session.scalars(wanted)).all()


async def current(session: AsyncSession, ticket: TicketRow) -> VisitRow | None:
    """The visit of the handling the ticket is in, or had last; None: nothing was replied in it yet."""
    wanted = select(VisitRow).where(VisitRow.ticket_id == ticket.id, VisitRow.cycle == await cycle(session, ticket.id))
    return (await session.scalars(wanted.execution_options(populate_existing=True))).one_or_none()


async def cycle(session: AsyncSession, ticket_id: int) -> int:
    """How often the ticket was handled again (重办)."""
    counted = select(func.count()).where(
        TicketHistoryRow.ticket_id == ticket_id, TicketHistoryRow.action == Action.REHANDLE.value
    )
    return int((await session.execute(counted)).scalar_one())


async def _due(session: AsyncSession, ticket: TicketRow, at: datetime) -> VisitRow:
    main = await links.parent_of(session, ticket.id)
    values = {
        "ticket_id": ticket.id,
        "cycle": await cycle(session, ticket.id),
        "unit_id": await repository.lead_unit(session, ticket.id if main is None else main.id),
        "state": VisitState.DUE.value,
        "version": 1,
        "due_since": at,
    }
    await session.execute(insert(VisitRow).values(values).on_conflict_do_nothing())
    wanted = select(VisitRow).where(VisitRow.ticket_id == ticket.id, VisitRow.cycle == values["cycle"])
    return (await session.scalars(wanted)).one()


async def _visited(session: AsyncSession, ticket: TicketRow, details: Details, actor: Actor, at: datetime) -> None:
    row = await current(session, ticket) or await _due(session, ticket, at)
    outcome = details.outcome or VisitOutcome.REACHED
    said = row.satisfaction if details.satisfaction is None else details.satisfaction.value
    await _step(
        session,
        row,
        VisitAction.GIVE_UP if outcome in GIVEN_UP else VisitAction.RECORD,
        actor,
        at,
        outcome=outcome.value,
        contacted=row.contacted if details.contacted is None else details.contacted,
        solved=row.solved if details.solved is None else details.solved,
        satisfaction=said,
        visited_by=actor.user,
        visited_at=at,
    )
    if outcome is VisitOutcome.UNREACHABLE:
        session.add(
            CitizenNoticeRow(
                ticket_id=ticket.id,
                kind=CitizenNoticeKind.UNREACHABLE.value,
                text=_TOLD.format(number=ticket.number),
                made_at=at,
                note="",
            )
        )


async def _attempt_days(session: AsyncSession, row: VisitRow, rules: Rules) -> list[date]:
    made = select(VisitAttemptRow.at).where(VisitAttemptRow.visit_id == row.id)
    return [rules.limits.day_of(at) for at in await session.scalars(made)]


async def _step(
    session: AsyncSession, row: VisitRow, action: VisitAction, actor: Actor, at: datetime, **columns: object
) -> None:
    await records.step(
        session,
        VISIT_MOVES,
        row,
        action,
        actor,
        sides=frozenset(),
        version=row.version,
        at=at,
        said=Said(),
        **columns,
    )
