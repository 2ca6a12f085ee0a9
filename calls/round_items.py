"""The tickets of a follow-up round: who calls which next, and what becomes of each. Nothing here commits."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from calls import round_tickets
from calls.call_out_models import CallOutRow
from calls.call_out_policy import Why
from calls.call_out_states import CallOutState, PartyOutcome, Purpose
from calls.calls_out import allowed
from calls.round_models import VisitItemRow, VisitRoundRow
from calls.round_policy import Next, RoundPolicy, Tried, after_call, try_again
from calls.round_states import (
    ITEM_CLOSED,
    ItemState,
    Mode,
    OtherAgentsItem,
    Result,
    RoundMoved,
    RoundState,
    check_item,
)
from hotline.errors import NotFound
from ticketing.schemas import Actor

_LOOKS: Final = 200
"""So many items whose number may not be called now are put by at one look for the next."""
_AGAIN: Final = timedelta(minutes=1)
"""Until a survey is tried again that could not be begun."""

_WITHOUT_TALK: Final = frozenset(
    {ItemState.INVALID, ItemState.BARRED, ItemState.FAILED, ItemState.SKIPPED, ItemState.WITHDRAWN}
)
_WITH_AGENT: Final = (ItemState.PREVIEW, ItemState.CALLING, ItemState.TALKED)


def move(row: VisitItemRow, to: ItemState, now: datetime) -> None:
    """A step of an item, by the table. Raises RoundMoved."""
    check_item(row.state, to)
    row.state = to
    row.lease_until = None
    if to in ITEM_CLOSED:
        row.closed_at = now


async def item(session: AsyncSession, item_id: int) -> VisitItemRow:
    """One item, locked until the end of the transaction. Raises NotFound."""
    row = await session.get(VisitItemRow, item_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound("no such item")
    return row


async def own(session: AsyncSession, item_id: int, agent: str) -> VisitItemRow:
    """An item of this agent's, locked. Raises NotFound, OtherAgentsItem."""
    row = await item(session, item_id)
    if row.agent != agent or row.state not in _WITH_AGENT:
        raise OtherAgentsItem("another agent's item", remedy="该回访任务不在您手上")
    return row


async def next_item(
    session: AsyncSession, agent: str, policy: RoundPolicy, now: datetime, *, round_id: int | None = None
) -> VisitItemRow | None:
    """The item an agent has, else the first that is due and may be called now: it is the agent's for a while.

    Two agents who ask at once get two items. None: nothing is due.
    """
    mine = await session.scalar(
        select(VisitItemRow)
        .where(VisitItemRow.agent == agent, VisitItemRow.state.in_(_WITH_AGENT))
        .order_by(VisitItemRow.id)
        .limit(1)
        .with_for_update()
    )
    if mine is not None:
        if mine.state == ItemState.PREVIEW:
            mine.lease_until = now + policy.preview
        return mine
    for _ in range(_LOOKS):
        row = await _first_due(session, Mode.AGENT, now, round_id)
        if row is None:
            return None
        if await may_be_called(session, row, policy, now):
            move(row, ItemState.PREVIEW, now)
            row.agent, row.lease_until = agent, now + policy.preview
            return row
        await session.flush()
    return None


async def _first_due(
    session: AsyncSession, mode: Mode, now: datetime, round_id: int | None = None
) -> VisitItemRow | None:
    query = (
        select(VisitItemRow)
        .join(VisitRoundRow, VisitRoundRow.id == VisitItemRow.round_id)
        .where(
            VisitRoundRow.state == RoundState.RUNNING,
            VisitRoundRow.mode == mode,
            VisitItemRow.state == ItemState.WAITING,
            VisitItemRow.next_at <= now,
        )
        .order_by(VisitItemRow.round_id, VisitItemRow.position)
        .limit(1)
        .with_for_update(of=VisitItemRow, skip_locked=True)
    )
    if round_id is not None:
        query = query.where(VisitItemRow.round_id == round_id)
    row: VisitItemRow | None = await session.scalar(query)
    return row


async def may_be_called(session: AsyncSession, row: VisitItemRow, policy: RoundPolicy, now: datetime) -> bool:
    """Whether the limits let a waiting item be called; if not it is put by until they do, or for good."""
    if row.number is None:
        move(row, ItemState.INVALID, now)
        await over(session, row, now)
        return False
    refused = await allowed(session, row.number, policy.out, now)
    if refused is None:
        return True
    if refused.why is Why.DO_NOT_CALL:
        move(row, ItemState.BARRED, now)
        await over(session, row, now)
    else:
        row.next_at = refused.when_next or now + timedelta(days=1)
    return False


async def due_survey(session: AsyncSession, policy: RoundPolicy, now: datetime) -> VisitItemRow | None:
    """The first item of a survey that may be called now; it is CALLING."""
    for _ in range(_LOOKS):
        row = await _first_due(session, Mode.IVR, now)
        if row is None:
            return None
        if await may_be_called(session, row, policy, now):
            move(row, ItemState.CALLING, now)
            return row
        await session.flush()
    return None


async def skip(
    session: AsyncSession, row: VisitItemRow, *, reason: str, until: datetime | None, policy: RoundPolicy, now: datetime
) -> None:
    """An agent does not call: put off until a time, or (None, or put off too often) left out for good.

    Raises RoundMoved unless the agent looks at it.
    """
    check_item(row.state, ItemState.SKIPPED)
    row.note = reason
    if until is None or row.put_off >= policy.put_offs:
        move(row, ItemState.SKIPPED, now)
    else:
        move(row, ItemState.WAITING, now)
        row.put_off, row.agent, row.next_at = row.put_off + 1, None, max(until, now)
    await _settle(session, row, now)


async def result(
    session: AsyncSession,
    row: VisitItemRow,
    actor: Actor,
    said: Result | None,
    *,
    note: str = "",
    again_at: datetime | None = None,
    policy: RoundPolicy,
    now: datetime,
) -> None:
    """What the citizen said in the talk goes on the item and on the ticket. With `again_at` instead the citizen wants
    to be called then; without an attempt left it ends with no result. Raises RoundMoved before the talk and after it
    was written down.
    """
    if row.state != ItemState.TALKED:
        raise RoundMoved("there was no talk yet, or its result is written down")
    row.note = note
    if said is None and again_at is not None:
        following = try_again(_tried(row), again_at, policy)
        if following.state is ItemState.WAITING and following.next_at is not None:
            move(row, ItemState.WAITING, now)
            row.agent, row.next_at = None, following.next_at
            await _settle(session, row, now)
            return
    await _done(session, row, actor, said or Result.NO_RESULT, now)


async def _done(session: AsyncSession, row: VisitItemRow, actor: Actor, said: Result, now: datetime) -> None:
    move(row, ItemState.DONE, now)
    row.result = said
    row.on_ticket = await round_tickets.tell(session, row.ticket, actor, result=said, note=row.note, now=now)


async def call_over(
    session: AsyncSession,
    call: CallOutRow,
    policy: RoundPolicy,
    now: datetime,
    *,
    said: Result | None = None,
) -> VisitItemRow | None:
    """A call out is closed: what becomes of the item it was for. `said` is the answer in a survey.

    A survey that was answered without an answer to its question was an attempt in vain: nobody knows who, or what, took
    the call.
    """
    if call.item_id is None:
        return None
    row = await item(session, call.item_id)
    if row.state != ItemState.CALLING:
        return row
    if call.state == CallOutState.NOT_PLACED or call.dialled_at is None:
        _not_called(row, policy, now)
        await _settle(session, row, now)
        return row
    outcome = PartyOutcome(call.outcome or PartyOutcome.LOST)
    row.outcome = outcome
    survey = call.purpose == Purpose.SURVEY
    judged = PartyOutcome.NO_ANSWER if survey and outcome is PartyOutcome.ANSWERED and said is None else outcome
    following = after_call(_tried(row), judged, call.dialled_at, policy)
    if following.tried.attempts > row.attempts:
        await round_tickets.attempted(session, call, call.dialled_at)
    _count(row, following.tried)
    if survey and said is not None and following.state is ItemState.TALKED:
        await _done(session, row, round_tickets.SURVEYOR, said, now)
        return row
    _take(row, following, policy, now)
    if row.state == ItemState.UNREACHABLE:
        row.sms_due_at = now
        row.on_ticket = await round_tickets.tell(
            session, row.ticket, round_tickets.SURVEYOR, result=None, note="", now=now
        )
    await _settle(session, row, now)
    return row


def _not_called(row: VisitItemRow, policy: RoundPolicy, now: datetime) -> None:
    if row.agent is None:
        move(row, ItemState.WAITING, now)
        row.next_at = now + _AGAIN
    else:
        move(row, ItemState.PREVIEW, now)
        row.lease_until = now + policy.preview


def _take(row: VisitItemRow, following: Next, policy: RoundPolicy, now: datetime) -> None:
    move(row, following.state, now)
    if following.state is ItemState.TALKED:
        row.lease_until = now + policy.write_up
    if following.next_at is not None:
        row.agent, row.next_at = None, following.next_at


async def _settle(session: AsyncSession, row: VisitItemRow, now: datetime) -> None:
    """An item that waits again in a round that was closed meanwhile is withdrawn; one that ended tells its ticket."""
    if row.state in (ItemState.WAITING, ItemState.PREVIEW):
        state = await session.scalar(select(VisitRoundRow.state).where(VisitRoundRow.id == row.round_id))
        if state == RoundState.CLOSED:
            move(row, ItemState.WITHDRAWN, now)
    await over(session, row, now)


async def over(session: AsyncSession, row: VisitItemRow, now: datetime) -> None:
    """An item that has ended without a talk tells its ticket; any other one does not."""
    if row.state in _WITHOUT_TALK:
        row.on_ticket = await round_tickets.ended(session, row.ticket, row.id, ItemState(row.state), now)


async def give_back(session: AsyncSession, now: datetime) -> int:
    """Items of agents who vanished: one that was only looked at waits again, a talk that nobody wrote up has no result.
    Returns how many."""
    rows = (
        await session.scalars(
            select(VisitItemRow)
            .where(
                or_(VisitItemRow.state == ItemState.PREVIEW, VisitItemRow.state == ItemState.TALKED),
                VisitItemRow.lease_until < now,
            )
            .order_by(VisitItemRow.id)
            .with_for_update(skip_locked=True)
        )
    ).all()
    for row in rows:
        if row.state == ItemState.PREVIEW:
            move(row, ItemState.WAITING, now)
            row.agent, row.next_at = None, now
            await _settle(session, row, now)
        else:
            await _done(session, row, round_tickets.SURVEYOR, Result.NO_RESULT, now)
    return len(rows)


def _tried(row: VisitItemRow) -> Tried:
    return Tried(row.attempts, row.failures, row.first_at, row.last_at)


def _count(row: VisitItemRow, tried: Tried) -> None:
    row.attempts, row.failures, row.first_at, row.last_at = (
        tried.attempts, tried.failures, tried.first_at, tried.last_at,
    )  # fmt: skip
