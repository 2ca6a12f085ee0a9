"""What a round tells its tickets: the visit (回访, TH 20) with what the citizen said, or that nobody was reached."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from calls.call_out_models import CallOutRow
from calls.callback_ids import call_out_id
from calls.round_states import RATED, ItemState, Result
from directory.models import Role
from ticketing import lifecycle, repository
from ticketing.errors import ActionNotAllowed, ActionNotPossible, CallAlreadyLinked, StaleTicket
from ticketing.schemas import Actor, Details
from ticketing.visits import visiting
from ticketing.visits.errors import NotTriedEnough
from ticketing.visits.words import AttemptWay, VisitOutcome
from ticketing.vocabulary import Action, Satisfaction, State

SURVEYOR: Final = Actor("ivr", frozenset({Role.VISIT_AGENT}))
"""Who acts where nobody of ours is on the line."""

NOT_REACHED: Final = "回访未接通：已按规定次数呼叫，并发送短信"

_WORDS: Final = {
    Result.DECLINED: "市民拒绝评价",
    Result.WRONG_PERSON: "接听人不是诉求人",
    Result.TO_AGENT: "市民在自动回访中要求转人工",
    Result.NO_RESULT: "已通话，未登记结果",
}
_OUTCOMES: Final = {Result.DECLINED: VisitOutcome.DECLINED, Result.WRONG_PERSON: VisitOutcome.WRONG_PERSON}
_NOT_CALLED: Final = {
    ItemState.INVALID: (VisitOutcome.INVALID, "号码无效，无法回访"),
    ItemState.BARRED: (VisitOutcome.DECLINED, "诉求人在免打扰名单中"),
}
"""Items that end without a talk, and settle the visit."""


async def link(session: AsyncSession, row: CallOutRow, now: datetime) -> None:
    """The ticket keeps the call, once its party was dialled."""
    if row.ticket is None:
        return
    ticket = await repository.row(session, row.ticket)
    try:
        await repository.link_call(session, ticket.id, call_out_id(row.id), now)
    except CallAlreadyLinked:
        return


async def attempted(session: AsyncSession, row: CallOutRow, at: datetime) -> None:
    """A call to the citizen for a visit is one attempt (requirements 3: 3 over 2 days)."""
    if row.ticket is None:
        return
    way = AttemptWay.PHONE if row.agent else AttemptWay.IVR
    await visiting.attempted(
        session, row.ticket, way, occasion=call_out_id(row.id), by=row.agent or SURVEYOR.user, at=at
    )


async def tell(
    session: AsyncSession, ticket: str, actor: Actor, *, result: Result | None, note: str, now: datetime
) -> bool:
    """Take the visit down on the ticket: `visit` where one is due, else an evaluation where there is an opinion. None
    as the result: nobody was reached. Returns whether the ticket took it; one that is elsewhere by now stays as it is.
    """
    said = Satisfaction(result) if result in RATED else None
    words = note or (NOT_REACHED if result is None else _WORDS.get(result, "回访"))
    outcome = VisitOutcome.UNREACHABLE if result is None else _OUTCOMES.get(result, VisitOutcome.REACHED)
    return await _tell(session, ticket, actor, Details(note=words, satisfaction=said, outcome=outcome), now)


async def ended(session: AsyncSession, ticket: str, item: int, state: ItemState, now: datetime) -> bool | None:
    """An item has ended without a talk: there is nobody to call, or it is another round's turn. Returns whether the
    ticket took it; None: there was nothing to tell it.
    """
    if state in _NOT_CALLED:
        outcome, words = _NOT_CALLED[state]
        return await _tell(session, ticket, SURVEYOR, Details(note=words, outcome=outcome), now)
    await visiting.unlisted(session, ticket, item, at=now)
    return None


async def _tell(session: AsyncSession, ticket: str, actor: Actor, details: Details, now: datetime) -> bool:
    row = await repository.row(session, ticket)
    action = Action.VISIT
    if row.state != State.REPLIED:
        if details.satisfaction is None:
            return False
        action, details = Action.EVALUATE, details.model_copy(update={"outcome": None})
    try:
        async with session.begin_nested():
            await lifecycle.apply(session, ticket, action, actor, version=row.version, at=now, details=details)
    except (ActionNotPossible, ActionNotAllowed, NotTriedEnough, StaleTicket):
        return False
    return True
