"""An agent's own calls of a day (我的通话), and what they add up to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from calls import agent_calls
from calls.agent_calls import AgentCall, Came, Direction
from calls.figure_tables import AgentOfferRow
from calls.history import Period
from calls.survey_policy import LEVELS, is_satisfied
from directory.models import Role
from hotline import ids
from hotline.errors import InvalidInput, NotAllowed
from hotline.privacy import mask_number
from hotline.settings import Survey
from web.access import CurrentSession, Parts, Transaction, roles
from web.paging import ByKeyset
from web.problems import DOCUMENTED
from web.readings import Readings

router = APIRouter(
    prefix="/api/agents/me",
    tags=["agents"],
    responses=DOCUMENTED,
    dependencies=[roles(Role.AGENT, Role.EXPERT, Role.SUPERVISOR)],
)

_FIRST, _LAST = date(2000, 1, 1), date(2999, 12, 31)


class OwedOut(BaseModel):
    """A citizen is owed a callback (回拨), not before `next_at`."""

    callback: int
    next_at: datetime


class CallOfMine(BaseModel):
    """A call that was offered to the agent. Durations are milliseconds; the number is masked. Of a call of ours the
    talk counts from when the agent's own phone was picked up, as it does in the figures."""

    call: str
    offer: str
    """Tells two offers of one call apart."""
    direction: Direction
    came: Came
    offered_at: datetime
    answered_at: datetime | None
    number: str
    line: str | None
    ring_ms: int | None
    talk_ms: int | None
    wrap_up_ms: int
    level: int | None
    """Of the survey, 1 to 5; null: the citizen said nothing of this agent."""
    term: str | None
    satisfied: bool | None
    tickets: list[str]
    owed: list[OwedOut]


class SumsOut(BaseModel):
    """The day's sums. Durations are milliseconds; null where nothing was there to measure."""

    agent: str
    day: date
    offers: int
    taken: int
    talk_ms: int
    mean_wrap_up_ms: float | None
    rated: int
    satisfaction: float | None
    """满意率, 0 to 1."""
    callbacks_owed: int


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose calls are asked for."""

    agent: str
    own: bool


def _whose(
    by: CurrentSession,
    agent: Annotated[
        str | None, Query(max_length=32, description="Somebody else's work number; for supervisors, and audited.")
    ] = None,
) -> Whose:
    """Raises InvalidInput for a supervisor who names nobody, and NotAllowed for anybody else who has no work number or
    names another's."""
    own = by.person.agent.work_number if by.person.agent else None
    wanted = own if agent is None else ids.agent_id(agent)
    supervises = Role.SUPERVISOR in by.person.roles
    if wanted is None:
        raise InvalidInput("no agent is named") if supervises else NotAllowed("no work number")
    if wanted != own and not supervises:
        raise NotAllowed("another agent's calls")
    return Whose(wanted, wanted == own)


Asked = Annotated[Whose, Depends(_whose)]


def _day(
    services: Parts,
    day: Annotated[date | None, Query(ge=_FIRST, le=_LAST, description="In the city; today.")] = None,
) -> Period:
    zone = ZoneInfo(services.settings.site.timezone)
    return agent_calls.day_of(day or services.clock.now().astimezone(zone).date(), zone)


Day = Annotated[Period, Depends(_day)]


@router.get("/calls")
async def calls(
    reading: Readings, whose: Asked, day: Day, pages: ByKeyset, limit: Annotated[int, Query(ge=1, le=500)] = 100
) -> list[CallOfMine]:
    """The agent's calls of a day, newest first. That somebody else's were asked for is audited."""
    rows = await pages.rows(
        reading.session,
        agent_calls.offered(whose.agent, day),
        AgentOfferRow.offered_at,
        AgentOfferRow.call_id,
        AgentOfferRow.about,
        limit=limit,
    )
    if not whose.own:
        asked = {"day": day.start.date().isoformat(), "found": len(rows)}
        await reading.note("calls.searched", f"agent:{whose.agent}", asked)
    keys = reading.services.settings.survey
    return [_told(one, keys) for one in await agent_calls.told(reading.session, rows)]


@router.get("/calls/sums")
async def sums(session: Transaction, services: Parts, whose: Asked, day: Day) -> SumsOut:
    """The day's sums, as reports count them."""
    found = await agent_calls.sums(session, whose.agent, day)
    return SumsOut(
        agent=whose.agent,
        day=day.start.date(),
        offers=found.counts.offers,
        taken=found.counts.answered,
        talk_ms=found.counts.talk_ms,
        mean_wrap_up_ms=found.mean_wrap_up_ms,
        rated=found.answers.rated,
        satisfaction=found.answers.satisfaction(services.settings.survey.satisfied_levels),
        callbacks_owed=found.callbacks_owed,
    )


def _told(one: AgentCall, keys: Survey) -> CallOfMine:
    offer, level = one.offer, one.survey.level if one.survey else None
    return CallOfMine(
        call=offer.call_id,
        offer=offer.about,
        direction=one.direction,
        came=one.came,
        offered_at=offer.offered_at,
        answered_at=offer.answered_at,
        number=mask_number(one.number or ""),
        line=one.line,
        ring_ms=offer.ring_ms,
        talk_ms=offer.talk_ms,
        wrap_up_ms=offer.wrap_up_ms,
        level=level,
        term=LEVELS[level].term if level else None,
        satisfied=is_satisfied(level, keys) if level else None,
        tickets=list(one.tickets),
        owed=[OwedOut(callback=row.id, next_at=row.next_at) for row in one.owed],
    )
