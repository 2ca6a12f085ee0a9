"""Surveys after talks (满意度评价): the answers of a call or a ticket, and 满意率 by agent, queue or hotline."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from calls import satisfaction as figures
from calls.satisfaction import About, Answers
from calls.survey_policy import LEVELS, is_satisfied
from calls.survey_states import SurveyState
from calls.survey_tables import FollowUp, SurveyRow, SurveySource, SurveyTicketRow, TicketVerdict
from directory.models import Role
from hotline import ids
from ticketing.models import TicketCallRow, TicketRow
from ticketing.vocabulary import Satisfaction
from web.access import Parts, Transaction, roles
from web.figures_socket import READERS
from web.paging import ByKeyset
from web.problems import DOCUMENTED
from web.routes.figures import Asked, Subjects
from web.services import Services

router = APIRouter(prefix="/api", tags=["surveys"], responses=DOCUMENTED)

_OF_THE_CENTRE = (
    Role.AGENT,
    Role.EXPERT,
    Role.VISIT_AGENT,
    Role.DISPATCHER,
    Role.SUPERVISOR,
    Role.INSPECTOR,
    Role.AUDITOR,
    Role.ADMIN,
)


class SurveyOut(BaseModel):
    """What came of asking one citizen. `level` is 1 (非常满意) to 5, null without an answer; `outcome` says why then.
    `reason_term` is the operator's word for `reason`. `verdict`, when asked for a ticket: what the answer is for it."""

    call: str
    source: SurveySource
    at: datetime
    outcome: SurveyState
    level: int | None
    satisfaction: Satisfaction | None
    term: str | None
    satisfied: bool | None
    reason: str | None
    reason_term: str | None
    agent: str | None
    queue: str | None
    line: str | None
    follow_up: FollowUp | None
    callback: int | None
    verdict: TicketVerdict | None = None


class Counted(BaseModel):
    """Counts, 满意率 (satisfied over rated) and 参评率 (rated over asked): 0 to 1, null where nothing was there."""

    asked: int
    rated: int
    satisfied: int
    levels: dict[Satisfaction, int]
    satisfaction: float | None
    participation: float | None


class Row(Counted):
    """One agent, queue or hotline in one step."""

    subject: str
    starts_at: datetime


class SatisfactionOut(BaseModel):
    """Oldest first; where nobody was asked there is no row."""

    rows: list[Row]
    total: Counted


@router.get("/figures/satisfaction", dependencies=[roles(*READERS)])
async def satisfaction(
    period: Asked, session: Transaction, services: Parts, by: About = About.LINE, subject: Subjects = ()
) -> SatisfactionOut:
    """满意率 of a period, in half hours or longer steps."""
    reports = await figures.satisfaction(session, by, period, subject)
    levels = services.settings.survey.satisfied_levels
    return SatisfactionOut(
        rows=[
            Row(subject=one.subject, starts_at=one.starts_at, **_counted(one.answers, levels).model_dump())
            for one in reports
        ],
        total=_counted(figures.total(reports), levels),
    )


@router.get("/calls/{call}/survey", dependencies=[roles(*_OF_THE_CENTRE)])
async def of_call(session: Transaction, services: Parts, call: Annotated[str, Path(max_length=64)]) -> SurveyOut | None:
    """What the citizen answered after this call; null: nobody asked."""
    found = await _found(session, services, select(SurveyRow).where(SurveyRow.call_id == ids.call_id(call)))
    return found[0] if found else None


@router.get("/tickets/{number}/surveys", dependencies=[roles(*_OF_THE_CENTRE)])
async def of_ticket(
    session: Transaction, services: Parts, number: Annotated[str, Path(pattern=r"^[A-Z0-9]{1,40}$")]
) -> list[SurveyOut]:
    """What was answered after the ticket's calls, oldest first."""
    calls = (
        select(TicketCallRow.call_id)
        .join(TicketRow, TicketRow.id == TicketCallRow.ticket_id)
        .where(TicketRow.number == number)
    )
    answers = await _found(
        session, services, select(SurveyRow).where(SurveyRow.call_id.in_(calls)).order_by(SurveyRow.at)
    )
    verdicts = await session.execute(
        select(SurveyTicketRow.call_id, SurveyTicketRow.verdict)
        .join(TicketRow, TicketRow.id == SurveyTicketRow.ticket_id)
        .where(TicketRow.number == number)
    )
    known = {call: TicketVerdict(verdict) for call, verdict in verdicts}
    return [answer.model_copy(update={"verdict": known.get(answer.call)}) for answer in answers]


@router.get("/surveys", dependencies=[roles(*READERS)])
async def listed(
    session: Transaction,
    services: Parts,
    *,
    agent: Annotated[str | None, Query(max_length=32)] = None,
    dissatisfied: Annotated[bool, Query(description="Only those.")] = False,
    pages: ByKeyset,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> list[SurveyOut]:
    """Answers, newest first."""
    query = select(SurveyRow)
    if agent is not None:
        query = query.where(SurveyRow.agent == ids.agent_id(agent))
    if dissatisfied:
        query = query.where(SurveyRow.level > services.settings.survey.satisfied_levels)
    return _told(await pages.rows(session, query, SurveyRow.at, SurveyRow.call_id, limit=limit), services)


async def _found(session: AsyncSession, services: Services, query: Select[SurveyRow]) -> list[SurveyOut]:
    return _told((await session.scalars(query)).all(), services)


def _told(rows: Sequence[SurveyRow], services: Services) -> list[SurveyOut]:
    keys = services.settings.survey
    return [
        SurveyOut(
            call=row.call_id,
            source=SurveySource(row.source),
            at=row.at,
            outcome=SurveyState(row.outcome),
            level=row.level,
            satisfaction=LEVELS[row.level] if row.level else None,
            term=LEVELS[row.level].term if row.level else None,
            satisfied=is_satisfied(row.level, keys) if row.level else None,
            reason=row.reason,
            reason_term=keys.reasons.get(row.reason, row.reason) if row.reason else None,
            agent=row.agent,
            queue=row.queue,
            line=row.line,
            follow_up=FollowUp(row.follow_up) if row.follow_up else None,
            callback=row.callback_id,
        )
        for row in rows
    ]


def _counted(answers: Answers, levels: int) -> Counted:
    return Counted(
        asked=answers.asked,
        rated=answers.rated,
        satisfied=answers.satisfied(levels),
        levels=dict(zip(LEVELS.values(), answers.levels, strict=True)),
        satisfaction=answers.satisfaction(levels),
        participation=answers.participation,
    )
