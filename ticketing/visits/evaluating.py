"""评价 by citizens themselves, online with number and query code (TH 20, 好差评): once for each handling.

An evaluation before the visit does not replace it. On the telephone a citizen evaluates in the automated visit
(自动回访) or, answered at once, after the call.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Role
from ticketing import lifecycle
from ticketing.handling import records
from ticketing.models import TicketHistoryRow
from ticketing.schemas import Actor, Body, Details, Ticket
from ticketing.visits.errors import EvaluatedAlready
from ticketing.vocabulary import Action, Satisfaction

CITIZEN: Final = Actor("citizen", frozenset({Role.AGENT}))
"""Who acts where the citizen does."""
_ONLINE: Final = "网上评价"


class Evaluation(BaseModel):
    """What the citizen says of the handling."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    satisfaction: Satisfaction
    contacted: bool | None = Field(None, description="Whether the unit contacted the citizen.")
    solved: bool | None = Field(None, description="Whether the matter is solved.")
    words: Body = Field("", max_length=500, description="In the citizen's own words.")


async def own(session: AsyncSession, number: str, said: Evaluation, *, at: datetime) -> Ticket:
    """Raises TicketNotFound, ActionNotPossible before a reply and after the archive, EvaluatedAlready. The caller has
    made sure that it is the citizen, and commits.
    """
    ticket = await records.locked_ticket(session, number)
    history = await session.execute(
        select(TicketHistoryRow.action, TicketHistoryRow.actor)
        .where(
            TicketHistoryRow.ticket_id == ticket.id,
            TicketHistoryRow.action.in_([Action.REHANDLE.value, Action.EVALUATE.value]),
        )
        .order_by(TicketHistoryRow.version.desc())
    )
    for action, actor in history:
        if action == Action.REHANDLE:
            break
        if actor == CITIZEN.user:
            raise EvaluatedAlready(number)
    return await lifecycle.apply(
        session,
        number,
        Action.EVALUATE,
        CITIZEN,
        version=ticket.version,
        at=at,
        details=Details(
            note=f"{_ONLINE}：{said.words}" if said.words else _ONLINE,
            satisfaction=said.satisfaction,
            contacted=said.contacted,
            solved=said.solved,
        ),
    )
