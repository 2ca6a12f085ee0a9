"""An agent's calls of a day, as they were offered, with what followed: survey, tickets, promises to call back.

A row is an offer as the figures count it (`calls.counting.AgentOffer`), so that rows and the day's sums agree.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from calls.callback_ids import CALL_PREFIX, OUT_PREFIX
from calls.callback_models import CallbackRow
from calls.figure_tables import AgentOfferRow
from calls.figures import AgentCounts, Handling
from calls.history import Period, Step, agent_counts
from calls.models import CallRow
from calls.satisfaction import About, Answers, satisfaction, total
from calls.survey_tables import SurveyRow
from ticketing.models import TicketCallRow, TicketRow


class Direction(StrEnum):
    """Who called whom."""

    IN = "in"
    CALLBACK = "callback"
    """回拨: a promise to call back was kept, or it was tried."""
    OUT = "out"
    """外呼."""


class Came(StrEnum):
    """What came of an offer to an agent."""

    RINGING = "ringing"
    TALKING = "talking"
    TALKED = "talked"
    NOT_REACHED = "not_reached"
    """The agent called, and the other side did not answer."""
    NO_ANSWER = "no_answer"
    REJECTED = "rejected"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class AgentCall:
    """One offer. Durations are milliseconds; `talk_ms` is None until the talk is over. `number` is the citizen's, in
    full: it is for whoever masks it."""

    offer: AgentOfferRow
    direction: Direction
    came: Came
    number: str | None
    line: str | None
    survey: SurveyRow | None
    tickets: tuple[str, ...]
    owed: tuple[CallbackRow, ...]
    """Promises that rest on this call and are not kept yet."""


@dataclass(frozen=True, slots=True)
class DaySums:
    """A day of an agent."""

    counts: AgentCounts
    answers: Answers
    callbacks_owed: int

    @property
    def mean_wrap_up_ms(self) -> float | None:
        """话后整理 over the calls that are over; None: there is none."""
        return self.counts.wrap_up_ms / self.counts.handled if self.counts.handled else None


def day_of(day: date, zone: ZoneInfo) -> Period:
    """From midnight to midnight in the city's zone."""
    start = datetime.combine(day, time(), zone)
    return Period(start, datetime.combine(day + timedelta(days=1), time(), zone), Step.WHOLE, zone)


def offered(agent: str, day: Period) -> Select[AgentOfferRow]:
    """What was offered to an agent in these half hours."""
    return select(AgentOfferRow).where(
        AgentOfferRow.agent == agent, AgentOfferRow.starts_at >= day.start, AgentOfferRow.starts_at < day.end
    )


async def told(session: AsyncSession, offers: Sequence[AgentOfferRow]) -> list[AgentCall]:
    """These offers with all that is known of their calls, in their order."""
    ids = {offer.call_id for offer in offers}
    calls = {row.call_id: row for row in await session.scalars(select(CallRow).where(CallRow.call_id.in_(ids)))}
    surveys = {row.call_id: row for row in await session.scalars(select(SurveyRow).where(SurveyRow.call_id.in_(ids)))}
    tickets = await _tickets(session, ids)
    promised = {row.callback_id: call for call, row in surveys.items() if row.callback_id is not None}
    owed: dict[str, list[CallbackRow]] = defaultdict(list)
    open_ones = select(CallbackRow).where(
        CallbackRow.closed_at.is_(None), or_(CallbackRow.call_id.in_(ids), CallbackRow.id.in_(promised))
    )
    for row in await session.scalars(open_ones.order_by(CallbackRow.next_at)):
        owed[promised.get(row.id, row.call_id)].append(row)
    return [
        _told(offer, calls.get(offer.call_id), surveys.get(offer.call_id), tickets[offer.call_id], owed[offer.call_id])
        for offer in offers
    ]


async def sums(session: AsyncSession, agent: str, day: Period) -> DaySums:
    """The day's figures as reports count them, and how many citizens of its calls are owed a callback."""
    counts = (await agent_counts(session, day, [agent])).get((day.start, agent), AgentCounts())
    answers = total(await satisfaction(session, About.AGENT, day, [agent]))
    ids = offered(agent, day).with_only_columns(AgentOfferRow.call_id)
    by_survey = select(SurveyRow.callback_id).where(SurveyRow.call_id.in_(ids), SurveyRow.callback_id.is_not(None))
    owed = await session.scalar(
        select(func.count())
        .select_from(CallbackRow)
        .where(CallbackRow.closed_at.is_(None), or_(CallbackRow.call_id.in_(ids), CallbackRow.id.in_(by_survey)))
    )
    return DaySums(counts, answers, owed or 0)


async def _tickets(session: AsyncSession, calls: set[str]) -> dict[str, list[str]]:
    rows = await session.execute(
        select(TicketCallRow.call_id, TicketRow.number)
        .join(TicketRow, TicketRow.id == TicketCallRow.ticket_id)
        .where(TicketCallRow.call_id.in_(calls))
        .order_by(TicketRow.number)
    )
    found: dict[str, list[str]] = defaultdict(list)
    for call, number in rows:
        found[call].append(number)
    return found


def _told(
    offer: AgentOfferRow, call: CallRow | None, survey: SurveyRow | None, tickets: list[str], owed: list[CallbackRow]
) -> AgentCall:
    direction = _direction(offer.call_id)
    # What came of a call that others took, or that went on to them, is theirs.
    answered = offer.handling == Handling.ANSWERED
    asked = survey if survey is not None and answered and survey.agent == offer.agent else None
    return AgentCall(
        offer=offer,
        direction=direction,
        came=came_of(offer, call, direction),
        number=None if call is None else (call.called if direction is Direction.OUT else call.caller),
        line=None if call is None else call.line,
        survey=asked,
        tickets=tuple(tickets) if answered else (),
        owed=tuple(owed),
    )


def _direction(call: str) -> Direction:
    if call.startswith(CALL_PREFIX):
        return Direction.CALLBACK
    return Direction.OUT if call.startswith(OUT_PREFIX) else Direction.IN


def came_of(offer: AgentOfferRow, call: CallRow | None, direction: Direction) -> Came:
    """What came of it, as far as that is known."""
    over = call is not None and call.ended_at is not None
    handling = Handling(offer.handling)
    if handling is Handling.PENDING:
        return Came.WITHDRAWN if over else Came.RINGING
    if handling is not Handling.ANSWERED:
        return Came(handling.value)
    if offer.talk_ms is None and not over:
        return Came.TALKING
    # Ours rings first: that it was answered says nothing of the other side.
    if direction is not Direction.IN and (call is None or call.answered_at is None):
        return Came.NOT_REACHED
    return Came.TALKED
