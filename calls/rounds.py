"""Follow-up rounds (回访轮次): made from tickets, begun, paused, closed, reported; and agents' calls for their items.

Nothing here commits: the caller's transaction does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from calls import calls_out, round_items
from calls.call_out_models import CallOutRow
from calls.call_out_states import Purpose, Whom
from calls.calls_out import NumberNotAllowed, Wanted
from calls.round_models import VisitItemRow, VisitRoundRow
from calls.round_policy import RoundPolicy
from calls.round_states import (
    ITEM_CLOSED,
    RATED,
    ROUND_CLOSED,
    ItemState,
    Mode,
    Result,
    RoundMoved,
    RoundState,
    check_item,
    check_round,
)
from directory import repository as directory_repository
from directory.snapshot import DirectorySnapshot
from hotline.errors import InvalidInput, NotFound
from hotline.settings import Settings
from ticketing import repository
from ticketing.visits import visiting

LONGEST = 5_000
"""Tickets of one round."""


class RoundLength(InvalidInput):
    """A round of no ticket, of too many, or of one twice."""

    code = "round.length"


async def policy_of(session: AsyncSession, settings: Settings) -> RoundPolicy:
    """The limits of rounds, with the city's working days (工作日) as they are laid down."""
    return RoundPolicy.of(settings, await directory_repository.workdays(session))


async def make(
    session: AsyncSession,
    name: str,
    mode: Mode,
    tickets: Sequence[str],
    *,
    directory: DirectorySnapshot,
    forbidden: Sequence[str],
    by: str,
    now: datetime,
) -> VisitRoundRow:
    """A round of these tickets, in this order, as a draft. A ticket whose caller has no number that can be called is in
    it, and has ended. Raises RoundLength, TicketNotFound."""
    if not 0 < len(tickets) <= LONGEST or len(set(tickets)) != len(tickets):
        raise RoundLength(f"a round has 1 to {LONGEST} tickets, each once")
    made = VisitRoundRow(name=name, mode=mode, state=RoundState.DRAFT, made_by=by, made_at=now)
    session.add(made)
    await session.flush()
    await _list(session, made, tickets, directory=directory, forbidden=forbidden, now=now)
    return made


async def lengthen(
    session: AsyncSession,
    row: VisitRoundRow,
    tickets: Sequence[str],
    *,
    directory: DirectorySnapshot,
    forbidden: Sequence[str],
    now: datetime,
) -> None:
    """Put more tickets at the end of a round. Raises RoundMoved once it is over, TicketNotFound."""
    if row.state in ROUND_CLOSED:
        raise RoundMoved(f"a round that is {row.state} takes no more tickets")
    await _list(session, row, tickets, directory=directory, forbidden=forbidden, now=now)


async def _list(
    session: AsyncSession,
    made: VisitRoundRow,
    tickets: Sequence[str],
    *,
    directory: DirectorySnapshot,
    forbidden: Sequence[str],
    now: datetime,
) -> None:
    last = await session.scalar(select(func.max(VisitItemRow.position)).where(VisitItemRow.round_id == made.id))
    for position, number in enumerate(tickets, start=0 if last is None else last + 1):
        ticket = await repository.row(session, number)
        callable_number = _callable(ticket.caller_number, directory, forbidden)
        item = VisitItemRow(
            round_id=made.id,
            position=position,
            ticket=ticket.number,
            number=callable_number,
            state=ItemState.WAITING if callable_number else ItemState.INVALID,
            closed_at=None if callable_number else now,
            next_at=now,
        )
        session.add(item)
        await session.flush()
        await visiting.listed(session, ticket.number, item.id, at=now)
        await round_items.over(session, item, now)
    await session.flush()


def _callable(number: str, directory: DirectorySnapshot, forbidden: Sequence[str]) -> str | None:
    try:
        calls_out.check_number(number, directory, forbidden)
    except NumberNotAllowed:
        return None
    return number


async def round_of(session: AsyncSession, round_id: int) -> VisitRoundRow:
    """One round, locked until the end of the transaction. Raises NotFound."""
    row = await session.get(VisitRoundRow, round_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound("no such round")
    return row


async def turn(session: AsyncSession, round_id: int, to: RoundState, now: datetime) -> VisitRoundRow:
    """Begin, pause, go on with or close a round. What is on the line goes on; closing withdraws all that is not.

    Raises NotFound, RoundMoved.
    """
    row = await round_of(session, round_id)
    check_round(row.state, to)
    row.state = to
    if to in ROUND_CLOSED:
        row.closed_at = now
    if to is RoundState.CLOSED:
        items = await session.scalars(
            select(VisitItemRow)
            .where(
                VisitItemRow.round_id == round_id,
                VisitItemRow.state.in_((ItemState.WAITING, ItemState.PREVIEW)),
            )
            .order_by(VisitItemRow.id)
            .with_for_update()
        )
        for item in items.all():
            round_items.move(item, ItemState.WITHDRAWN, now)
            await round_items.over(session, item, now)
    return row


async def finish(session: AsyncSession, now: datetime) -> list[int]:
    """Rounds whose every item has ended are finished; returns which."""
    open_item = exists().where(VisitItemRow.round_id == VisitRoundRow.id, VisitItemRow.closed_at.is_(None))
    rows = (
        await session.scalars(
            select(VisitRoundRow)
            .where(VisitRoundRow.state.in_((RoundState.RUNNING, RoundState.PAUSED)), ~open_item)
            .order_by(VisitRoundRow.id)
            .with_for_update(skip_locked=True)
        )
    ).all()
    for row in rows:
        check_round(row.state, RoundState.FINISHED)
        row.state, row.closed_at = RoundState.FINISHED, now
    return [row.id for row in rows]


async def start(
    session: AsyncSession,
    item_id: int,
    *,
    agent: str,
    roles: Collection[str],
    directory: DirectorySnapshot,
    settings: Settings,
    now: datetime,
) -> CallOutRow:
    """The agent who looks at an item calls its citizen. Raises what `calls_out.request` raises, NotAllowed for another
    agent's item, RoundMoved when the call was begun already."""
    item = await round_items.own(session, item_id, agent)
    check_item(item.state, ItemState.CALLING)
    policy = await policy_of(session, settings)
    call = await calls_out.request(
        session,
        Wanted(Purpose.VISIT, Whom.CITIZEN, item.ticket),
        agent=agent,
        roles=roles,
        directory=directory,
        keys=settings.calls_out,
        policy=policy.out,
        now=now,
        item_id=item.id,
    )
    item.number = call.number
    round_items.move(item, ItemState.CALLING, now)
    return call


@dataclass(frozen=True, slots=True)
class Report:
    """A round in numbers. `reached`: citizens who were talked with; rates leave out who could not be (未接通, 号码无效)
    and who may not be called; None where there is nothing to divide by."""

    total: int
    open: int
    attempts: int
    states: dict[str, int] = field(default_factory=dict)
    results: dict[str, int] = field(default_factory=dict)

    @property
    def reached(self) -> int:
        """Visits with an end."""
        return self.states.get(ItemState.DONE, 0)

    @property
    def rated(self) -> int:
        """Of those: with an opinion."""
        return sum(self.results.get(said, 0) for said in RATED)

    @property
    def satisfaction(self) -> float | None:
        """满意率: the first three levels, of all opinions (TH 19)."""
        content = (Result.VERY_SATISFIED, Result.SATISFIED, Result.FAIRLY_SATISFIED)
        return sum(self.results.get(said, 0) for said in content) / self.rated if self.rated else None

    @property
    def response(self) -> float | None:
        """响应率 of a round: opinions, of the citizens who were reached."""
        return self.rated / self.reached if self.reached else None


async def report(session: AsyncSession, round_id: int) -> Report:
    """A round in numbers. Raises NotFound."""
    if await session.get(VisitRoundRow, round_id) is None:
        raise NotFound("no such round")
    counted = await session.execute(
        select(VisitItemRow.state, VisitItemRow.result, func.count(), func.sum(VisitItemRow.attempts))
        .where(VisitItemRow.round_id == round_id)
        .group_by(VisitItemRow.state, VisitItemRow.result)
    )
    states: Counter[str] = Counter()
    results: Counter[str] = Counter()
    attempts = 0
    for state, said, count, tried in counted:
        states[state] += count
        attempts += tried
        if said is not None:
            results[said] += count
    still_open = sum(count for state, count in states.items() if state not in ITEM_CLOSED)
    return Report(states.total(), still_open, attempts, dict(states), dict(results))
