"""Possible duplicates of a demand: the same caller, the same place, similar words. Suggested, never acted upon."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from ticketing.models import TicketRow
from ticketing.policy import TicketPolicy
from ticketing.relations import nearness, similarity
from ticketing.relations.schemas import Candidate, Reason, Why
from ticketing.relations.tables import TicketLinkRow, TicketTextRow
from ticketing.vocabulary import OPEN_STATES, SETTLED_STATES, LinkKind, State

SAME_CALLER: Final = 0.35
SAME_PLACE: Final = 0.4
SIMILAR_WORDS: Final = 0.9
"""What each reason is worth by itself; `SIMILAR_WORDS` times the share of words. None but near-identical words is
enough alone: a caller has many matters, and many matters have one address."""
_LEAST_WORDS: Final = 0.3
_AT_MOST: Final = 60


@dataclass(frozen=True, slots=True)
class Demand:
    """What is compared. `caller_number` in the form of `directory.numbers.normalise`; `number` of the ticket itself,
    if it is one already."""

    title: str
    content: str = ""
    caller_number: str = ""
    address: str = ""
    area_code: str = ""
    number: str = ""


async def candidates(
    session: AsyncSession, demand: Demand, *, policy: TicketPolicy, at: datetime, limit: int = 5
) -> list[Candidate]:
    """The most probable ones first, with their reasons: open tickets of the last `duplicate_days`, closed ones of the
    last `repeat_days`. `at` is now."""
    parent, link = aliased(TicketRow), aliased(TicketLinkRow)
    recent = or_(
        and_(TicketRow.state.in_(OPEN_STATES), TicketRow.registered_at >= at - timedelta(days=policy.duplicate_days)),
        and_(
            TicketRow.state.in_(SETTLED_STATES),
            TicketRow.registered_at >= at - timedelta(days=policy.repeat_days),
        ),
    )
    base = (
        select(TicketRow, parent.number)
        .outerjoin(
            link,
            and_(
                link.ticket_id == TicketRow.id,
                link.kind == LinkKind.MERGED.value,
                link.ended_at.is_(None),
                TicketRow.state == State.MERGED.value,
            ),
        )
        .outerjoin(parent, parent.id == link.other_id)
        .where(recent, TicketRow.registered_at <= at, TicketRow.number != demand.number)
    )
    found: dict[int, tuple[TicketRow, str | None]] = {}
    if demand.caller_number:
        mine = base.where(TicketRow.caller_index == demand.caller_number).order_by(TicketRow.id.desc())
        found |= {row.id: (row, main) for row, main in await session.execute(mine.limit(_AT_MOST))}
    since = at - timedelta(days=max(policy.duplicate_days, policy.repeat_days))
    if (asked := await nearness.asked(session, demand.title, demand.content)) is not None:
        for near in await nearness.narrowed(session, asked, since=since, at=at):
            alike = (
                base.join(TicketTextRow, TicketTextRow.ticket_id == TicketRow.id)
                .where(near)
                .order_by(asked.share().desc(), TicketRow.id.desc())
            )
            found |= {row.id: (row, main) for row, main in await session.execute(alike.limit(_AT_MOST))}
    judged = [
        candidate
        for row, main in found.values()
        if (candidate := _judge(demand, row, main)).confidence * 100 >= policy.duplicate_percent
    ]
    return sorted(judged, key=lambda one: (-one.confidence, -one.registered_at.timestamp()))[:limit]


def _judge(demand: Demand, row: TicketRow, parent: str | None) -> Candidate:
    reasons = _reasons(demand, row)
    doubt = 1.0
    for reason in reasons:
        doubt *= 1 - reason.strength
    return Candidate(
        number=row.number,
        title=row.title,
        state=State(row.state),
        registered_at=row.registered_at,
        parent=parent,
        proposal=LinkKind.MERGED if State(row.state).open else LinkKind.REPEATS,
        confidence=round(1 - doubt, 3),
        reasons=tuple(reasons),
    )


def _reasons(demand: Demand, row: TicketRow) -> list[Reason]:
    reasons = []
    if demand.caller_number and demand.caller_number == row.caller_number:
        reasons.append(Reason(why=Why.SAME_CALLER, text="同一来电号码", strength=SAME_CALLER))
    areas = similarity.same_area(demand.area_code, row.area_code)
    if areas and similarity.same_place(demand.address, row.address):
        reasons.append(Reason(why=Why.SAME_PLACE, text="同一地点", strength=SAME_PLACE))
    mine = similarity.pairs(f"{demand.title} {demand.content}")
    share = similarity.words(mine, similarity.pairs(f"{row.title} {row.content}"))
    if share >= _LEAST_WORDS:
        text = f"内容相近：{round(share * 100)}%"
        reasons.append(Reason(why=Why.SIMILAR_WORDS, text=text, strength=round(share * SIMILAR_WORDS, 3)))
    return reasons
