"""Swaps of shifts (换班): asked for by whose shift it is, agreed to by the colleague, decided by a supervisor.

Once approved the old shifts are cancelled and new ones made, so the roster tells both what was planned and what holds.
Nothing here commits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from acd import roster
from acd.roster import ShiftBegan, UnknownAgent
from acd.roster_tables import ONE_OPEN_SWAP, RosterShift, RosterSwap, SwapState
from directory.models import AgentProfile, User
from hotline.errors import Conflict, InvalidInput, NotAllowed, NotFound


class UnknownSwap(NotFound):
    """No such swap."""

    code = "roster.unknown_swap"


class SwapClosed(Conflict):
    """The swap is not in the state that this step needs: it was decided, withdrawn, or nobody agreed yet."""

    code = "roster.swap_closed"


class SwapAlreadyAsked(Conflict):
    """There is an open swap for this shift."""

    code = "roster.swap_already_asked"


class NotYourShift(NotAllowed):
    """Only whose shift it is may give it away, and only the colleague may agree."""

    code = "roster.not_your_shift"


class OwnSwap(NotAllowed):
    """Nobody decides on a swap of their own."""

    code = "roster.own_swap"


@dataclass(frozen=True, slots=True)
class Swap:
    """A swap as it is read; `agent` (`name`) gives `shift_id` to `to_agent` (`to_name`), who gives `back_shift_id` if
    there is one; `back_...` is that shift's."""

    id: int
    agent: str
    name: str
    to_agent: str
    to_name: str
    shift_id: int
    group: str
    starts_at: datetime
    ends_at: datetime
    back_shift_id: int | None
    back_group: str | None
    back_starts_at: datetime | None
    back_ends_at: datetime | None
    reason: str
    state: SwapState
    asked_at: datetime
    decided_by: str | None


async def ask(
    session: AsyncSession,
    shift_id: int,
    *,
    by_agent: str,
    to_agent: str,
    back_shift_id: int | None = None,
    reason: str = "",
    now: datetime,
) -> Swap:
    """Ask a colleague to take a shift. Raises UnknownShift, NotYourShift, UnknownAgent, NotInGroup, ShiftBegan,
    SwapAlreadyAsked, InvalidInput."""
    mine, theirs = await _user_id(session, by_agent), await _user_id(session, to_agent)
    if mine == theirs:
        raise InvalidInput("a swap is with somebody else")
    shift = await roster.locked(session, shift_id)
    back = await roster.locked(session, back_shift_id) if back_shift_id is not None else None
    if shift.user_id != mine or (back is not None and back.user_id != theirs):
        raise NotYourShift("the shift is somebody else's")
    await _may_change_hands(session, shift, theirs, now)
    if back is not None:
        await _may_change_hands(session, back, mine, now)
    swap = RosterSwap(
        shift_id=shift_id,
        to_user_id=theirs,
        back_shift_id=back_shift_id,
        reason=reason,
        state=SwapState.ASKED,
        asked_at=now,
    )
    try:
        async with session.begin_nested():
            session.add(swap)
            await session.flush()
    except IntegrityError as error:
        if ONE_OPEN_SWAP not in str(error.orig):
            raise
        raise SwapAlreadyAsked("there is an open swap for this shift") from None
    return await get(session, swap.id)


async def agree(session: AsyncSession, swap_id: int, *, by_agent: str, now: datetime) -> Swap:
    """The colleague takes it on. Raises UnknownSwap, NotYourShift, SwapClosed."""
    swap = await _locked(session, swap_id, SwapState.ASKED)
    if swap.to_user_id != await _user_id(session, by_agent):
        raise NotYourShift("somebody else was asked")
    swap.state, swap.agreed_at = SwapState.AGREED, now
    await session.flush()
    return await get(session, swap_id)


async def withdraw(session: AsyncSession, swap_id: int, *, by_agent: str, now: datetime) -> Swap:
    """Who asked thinks better of it, or the colleague declines. Raises UnknownSwap, NotYourShift, SwapClosed."""
    swap = await _locked(session, swap_id, SwapState.ASKED, SwapState.AGREED)
    shift = await session.get_one(RosterShift, swap.shift_id)
    if await _user_id(session, by_agent) not in {shift.user_id, swap.to_user_id}:
        raise NotYourShift("the swap is somebody else's")
    _close(swap, SwapState.WITHDRAWN, by_agent, now)
    await session.flush()
    return await get(session, swap_id)


async def refuse(session: AsyncSession, swap_id: int, *, by: str, by_agent: str | None = None, now: datetime) -> Swap:
    """A supervisor says no. `by_agent` is the supervisor's work number, if any. Raises UnknownSwap, SwapClosed,
    OwnSwap."""
    swap = await _locked(session, swap_id, SwapState.ASKED, SwapState.AGREED)
    await _not_own(session, swap_id, by_agent)
    _close(swap, SwapState.REFUSED, by, now)
    await session.flush()
    return await get(session, swap_id)


async def approve(session: AsyncSession, swap_id: int, *, by: str, by_agent: str | None = None, now: datetime) -> Swap:
    """A supervisor says yes: from here on the shifts are the other's. `by_agent` as in `refuse`.

    Raises UnknownSwap, SwapClosed unless the colleague agreed, OwnSwap, UnknownShift if a shift was cancelled
    meanwhile, ShiftBegan, NotInGroup, ShiftsOverlap. Nothing is changed then.
    """
    swap = await _locked(session, swap_id, SwapState.AGREED)
    await _not_own(session, swap_id, by_agent)
    # In the order of their ids, so that two approvals cannot wait for each other.
    ids = sorted(one for one in (swap.shift_id, swap.back_shift_id) if one is not None)
    held = {one: await roster.locked(session, one) for one in ids}
    shift = held[swap.shift_id]
    hands = [(shift, swap.to_user_id)]
    if swap.back_shift_id is not None:
        hands.append((held[swap.back_shift_id], shift.user_id))
    for given, to in hands:
        await _may_change_hands(session, given, to, now)
    async with session.begin_nested():
        for given, _ in hands:
            given.cancelled_by, given.cancelled_at = by, now
        await session.flush()
        await roster.add(session, [_in_other_hands(given, to, by, now) for given, to in hands])
        _close(swap, SwapState.APPROVED, by, now)
        await session.flush()
    return await get(session, swap_id)


async def get(session: AsyncSession, swap_id: int) -> Swap:
    """One swap; raises UnknownSwap."""
    found = await _read(session, _swaps().where(RosterSwap.id == swap_id))
    if not found:
        raise UnknownSwap("no such swap")
    return found[0]


async def swaps(session: AsyncSession, *states: SwapState, agent: str | None = None) -> list[Swap]:
    """Swaps in these states (none given: all), the oldest wish first; only those that concern `agent`, if given."""
    query = _swaps()
    if states:
        query = query.where(RosterSwap.state.in_(states))
    if agent is not None:
        query = query.where((_GIVES.work_number == agent) | (_TAKES.work_number == agent))
    return await _read(session, query)


_GIVES, _TAKES = aliased(AgentProfile), aliased(AgentProfile)
_GIVER, _TAKER = aliased(User), aliased(User)
_BACK = aliased(RosterShift)


def _swaps() -> Select[RosterSwap, RosterShift, RosterShift, str, str, str, str]:
    """The third is None for a swap that asks for nothing back."""
    return (
        select(RosterSwap, RosterShift, _BACK, _GIVES.work_number, _GIVER.name, _TAKES.work_number, _TAKER.name)
        .join(RosterShift, RosterShift.id == RosterSwap.shift_id)
        .outerjoin(_BACK, _BACK.id == RosterSwap.back_shift_id)
        .join(_GIVES, _GIVES.user_id == RosterShift.user_id)
        .join(_GIVER, _GIVER.id == RosterShift.user_id)
        .join(_TAKES, _TAKES.user_id == RosterSwap.to_user_id)
        .join(_TAKER, _TAKER.id == RosterSwap.to_user_id)
        .order_by(RosterSwap.asked_at, RosterSwap.id)
    )


async def _read(
    session: AsyncSession, query: Select[RosterSwap, RosterShift, RosterShift, str, str, str, str]
) -> list[Swap]:
    return [
        Swap(
            id=swap.id,
            agent=gives,
            name=giver,
            to_agent=takes,
            to_name=taker,
            shift_id=shift.id,
            group=shift.group,
            starts_at=shift.starts_at,
            ends_at=shift.ends_at,
            back_shift_id=swap.back_shift_id,
            back_group=back.group if swap.back_shift_id is not None else None,
            back_starts_at=back.starts_at if swap.back_shift_id is not None else None,
            back_ends_at=back.ends_at if swap.back_shift_id is not None else None,
            reason=swap.reason,
            state=swap.state,
            asked_at=swap.asked_at,
            decided_by=swap.decided_by,
        )
        for swap, shift, back, gives, giver, takes, taker in await session.execute(query)
    ]


async def _locked(session: AsyncSession, swap_id: int, *states: SwapState) -> RosterSwap:
    wanted = select(RosterSwap).where(RosterSwap.id == swap_id)
    swap = await session.scalar(wanted.with_for_update().execution_options(populate_existing=True))
    if swap is None:
        raise UnknownSwap("no such swap")
    if swap.state not in states:
        raise SwapClosed(f"the swap is {swap.state}")
    return swap


async def _not_own(session: AsyncSession, swap_id: int, by_agent: str | None) -> None:
    swap = await get(session, swap_id)
    if by_agent in {swap.agent, swap.to_agent}:
        raise OwnSwap("somebody else decides on your own swap")


async def _may_change_hands(session: AsyncSession, shift: RosterShift, to_user_id: int, now: datetime) -> None:
    if shift.starts_at <= now:
        raise ShiftBegan("the shift has begun")
    await roster.require_group(session, to_user_id, shift.group)


def _in_other_hands(shift: RosterShift, to_user_id: int, by: str, now: datetime) -> RosterShift:
    return RosterShift(
        user_id=to_user_id,
        group=shift.group,
        starts_at=shift.starts_at,
        ends_at=shift.ends_at,
        note=shift.note,
        assigned_by=by,
        assigned_at=now,
    )


def _close(swap: RosterSwap, state: SwapState, by: str, now: datetime) -> None:
    swap.state, swap.decided_by, swap.decided_at = state, by, now


async def _user_id(session: AsyncSession, agent: str) -> int:
    query = select(User.id).join(AgentProfile, AgentProfile.user_id == User.id)
    found = await session.scalar(query.where(AgentProfile.work_number == agent, User.disabled_at.is_(None)))
    if found is None:
        raise UnknownAgent("nobody with that work number takes calls here")
    return found
