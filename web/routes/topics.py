"""热点, 突增, 热词 and 未诉先办: what many people ask for, what rises suddenly, what a season brings back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from directory import repository as directory
from ticketing.catalogue import categories
from ticketing.figures.chance import Rise
from ticketing.figures.concentrated import clusters, seasons
from ticketing.figures.hot_words import hot_words
from ticketing.figures.periods import Period, PeriodKind, Span
from ticketing.figures.rises import METHOD, Topic, Watch, midnight, topics
from web.access import Parts, Transaction, roles
from web.figure_access import OVERSEERS
from web.problems import DOCUMENTED

Newest = Annotated[
    date | None, Query(ge=date(2000, 1, 1), le=date(2999, 12, 1), description="The newest day; default: yesterday.")
]

router = APIRouter(prefix="/api/topics", tags=["figures"], responses=DOCUMENTED, dependencies=[roles(*OVERSEERS)])


class RiseOut(BaseModel):
    """The numbers a judgement rests on. `chance`: of so many or more if nothing had changed."""

    observed: int
    baseline: list[int]
    expected: float | None
    times: float | None
    chance: float
    spread: float | None


class TopicOut(RiseOut):
    """A category, an area (county), or both."""

    category: str
    category_name: str
    area: str
    sudden: bool


class WordOut(RiseOut):
    """A word, and in how many demands it stands."""

    word: str


class TopicsOut(BaseModel):
    """Sudden rises first, then by number. `windows` are the days compared, the newest first."""

    method: str
    windows: list[list[date]]
    by_category: list[TopicOut]
    by_area: list[TopicOut]
    by_both: list[TopicOut]


class WordsOut(BaseModel):
    """The rarest rises first."""

    method: str
    windows: list[list[date]]
    words: list[WordOut]


class ClusterOut(BaseModel):
    """A matter that many bring up: one cause may lie behind it."""

    category: str
    category_name: str
    area: str
    tickets: int
    callers: int
    repeats: int
    months: int
    unfinished: int


class SeasonOut(RiseOut):
    """What the month brought in the years before, against their other months."""

    category: str
    category_name: str


class ConcentratedOut(BaseModel):
    """What to look into before the next complaint."""

    first: date
    last: date
    clusters: list[ClusterOut]
    month: str
    seasons: list[SeasonOut]


def _watch(
    services: Parts,
    last: Newest = None,
    days: Annotated[int, Query(ge=1, le=7)] = 7,
    weeks: Annotated[int, Query(ge=2, le=26)] = 8,
    least: Annotated[int, Query(ge=1, le=1000)] = 5,
) -> Watch:
    zone = ZoneInfo(services.settings.site.timezone)
    yesterday = services.clock.now().astimezone(zone).date() - timedelta(days=1)
    return Watch(last or yesterday, days, weeks, least=least)


Watched = Annotated[Watch, Depends(_watch)]


@router.get("/rises")
async def rises(watch: Watched, session: Transaction, services: Parts) -> TopicsOut:
    """Demands by category and area against the same weekdays of the weeks before."""
    found = await topics(session, watch, await directory.workdays(session), ZoneInfo(services.settings.site.timezone))
    known = await _names(session)

    def told(some: Sequence[Topic]) -> list[TopicOut]:
        return [
            TopicOut(
                category=one.category,
                category_name=known.get(one.category, ""),
                area=one.area,
                sudden=one.sudden,
                **_numbers(one.found),
            )
            for one in some[:200]
        ]

    return TopicsOut(
        method=METHOD,
        windows=[list(days) for days in found.windows],
        by_category=told(found.by_category),
        by_area=told(found.by_area),
        by_both=told(found.by_both),
    )


@router.get("/words")
async def words(watch: Watched, session: Transaction, services: Parts) -> WordsOut:
    """Words that demands have suddenly in common."""
    workdays = await directory.workdays(session)
    found = await hot_words(session, watch, workdays, ZoneInfo(services.settings.site.timezone))
    return WordsOut(
        method=METHOD,
        windows=[list(days) for days in watch.windows(workdays)],
        words=[WordOut(word=one.word, **_numbers(one.found)) for one in found],
    )


@router.get("/concentrated")
async def concentrated(
    *,
    session: Transaction,
    services: Parts,
    last: Newest = None,
    days: Annotated[int, Query(ge=7, le=366)] = 90,
    least: Annotated[int, Query(ge=2, le=10_000)] = 10,
) -> ConcentratedOut:
    """Matters that come up again and again, and what the coming month has brought in the years before."""
    zone = ZoneInfo(services.settings.site.timezone)
    today = services.clock.now().astimezone(zone).date()
    newest = last or today - timedelta(days=1)
    first = newest - timedelta(days=days - 1)
    span = Span(midnight(first, zone), midnight(newest + timedelta(days=1), zone))
    coming = Period.of(PeriodKind.MONTH, Period.of(PeriodKind.MONTH, today).last + timedelta(days=1))
    known = await _names(session)
    return ConcentratedOut(
        first=first,
        last=newest,
        clusters=[
            ClusterOut(category_name=known.get(one.category, ""), **asdict(one))
            for one in await clusters(session, span, zone, least=least)
        ],
        month=coming.key,
        seasons=[
            SeasonOut(category=one.category, category_name=known.get(one.category, ""), **_numbers(one.found))
            for one in await seasons(session, coming, zone)
        ],
    )


async def _names(session: AsyncSession) -> dict[str, str]:
    return {row.code: row.name for row in await categories.tree(session)}


def _numbers(found: Rise) -> dict[str, Any]:
    return {
        "observed": found.observed,
        "baseline": list(found.baseline),
        "expected": found.expected,
        "times": found.times,
        "chance": found.chance,
        "spread": found.spread,
    }
