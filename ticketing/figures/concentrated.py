"""未诉先办 (act before the complaint; BJN): matters that many people bring up again and again, and those that a season
brings back, so that a unit can look into the cause before the next call."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Date, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ticketing.figures.chance import Rise, rise
from ticketing.figures.periods import Period, PeriodKind, Span
from ticketing.models import TicketRow
from ticketing.relations.tables import TicketLinkRow
from ticketing.vocabulary import OPEN_STATES, LinkKind

_YEARS: Final = 3


@dataclass(frozen=True, slots=True)
class Cluster:
    """A category in a county, by what shows that one cause may lie behind it."""

    category: str
    area: str
    tickets: int
    callers: int
    """Different callers; those without a number are not in it."""
    repeats: int
    """Tickets that repeat a closed one's matter."""
    months: int
    """Calendar months in which it came up."""
    unfinished: int


async def clusters(
    session: AsyncSession, span: Span, zone: ZoneInfo, *, least: int = 10, callers: int = 3, most: int = 30
) -> list[Cluster]:
    """Those with at least so many tickets by so many callers, the most first."""
    area = func.left(TicketRow.area_code, 6)
    month = func.date_trunc("month", func.timezone(zone.key, TicketRow.registered_at))
    repeats = (
        select(TicketLinkRow.id)
        .where(
            TicketLinkRow.ticket_id == TicketRow.id,
            TicketLinkRow.kind == LinkKind.REPEATS.value,
            TicketLinkRow.ended_at.is_(None),
        )
        .exists()
    )
    tickets, people = func.count(), func.count(TicketRow.caller_index.distinct())
    statement = (
        select(
            TicketRow.category,
            area.label("area"),
            tickets.label("tickets"),
            people.label("people"),
            func.count().filter(repeats),
            func.count(month.distinct()),
            func.count().filter(TicketRow.state.in_(OPEN_STATES)),
        )
        .where(TicketRow.registered_at >= span.start, TicketRow.registered_at < span.end, TicketRow.category != "")
        .group_by(TicketRow.category, "area")
        .having(tickets >= least, people >= callers)
        .order_by(tickets.desc(), TicketRow.category, "area")
        .limit(most)
    )
    return [Cluster(*row) for row in await session.execute(statement)]


@dataclass(frozen=True, slots=True)
class Season:
    """A category that a month has brought in the years before more than the other months of those years."""

    category: str
    month: Period
    found: Rise
    """`observed` is the sum of this month's over the years, `baseline` those of the other months of the year."""


async def seasons(
    session: AsyncSession, month: Period, zone: ZoneInfo, *, least: int = 12, times: float = 1.5, chance: float = 0.001
) -> list[Season]:
    """What to expect in a month to come, from up to three whole years before it, the most certain first. Every month
    must have come as often as the others: without a whole year there is nothing to say."""
    end = month.start(zone)
    years = _whole_years(await session.scalar(select(func.min(TicketRow.registered_at))), month, zone)
    if not years:
        return []
    start = Period.of(PeriodKind.MONTH, date(month.first.year - years, month.first.month, 1)).start(zone)
    day = cast(func.timezone(zone.key, TicketRow.registered_at), Date)
    number = func.extract("month", day)
    statement = (
        select(TicketRow.category, number.label("month"), func.count())
        .where(TicketRow.registered_at >= start, TicketRow.registered_at < end, TicketRow.category != "")
        .group_by(TicketRow.category, "month")
    )
    counts: dict[str, dict[int, int]] = defaultdict(dict)
    for category, which, tickets in await session.execute(statement):
        counts[category][int(which)] = tickets
    found = []
    for category, by_month in counts.items():
        others = [by_month.get(one, 0) for one in range(1, 13) if one != month.first.month]
        one = rise(by_month.get(month.first.month, 0), others)
        likely = one.chance < chance / len(counts) and (one.times is None or one.times >= times)
        if one.observed >= least and likely:
            found.append(Season(category, month, one))
    return sorted(found, key=lambda season: (season.found.chance, season.category))


def _whole_years(oldest: datetime | None, month: Period, zone: ZoneInfo) -> int:
    """Years before the month in which demands were taken down, at most `_YEARS`."""
    if oldest is None:
        return 0
    first = oldest.astimezone(zone).date()
    months = (month.first.year - first.year) * 12 + month.first.month - first.month
    if first.day > 1:
        months -= 1
    return max(0, min(_YEARS, months // 12))
