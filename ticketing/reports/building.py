"""A report made from figures: everything in one snapshot of the database, so that its parts agree with each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from directory import repository as directory
from ticketing.figures import counting
from ticketing.figures.chance import Rise
from ticketing.figures.concentrated import clusters, seasons
from ticketing.figures.definition import NOTHING, Value
from ticketing.figures.definitions import FIGURES, RATES
from ticketing.figures.hot_words import hot_words
from ticketing.figures.periods import Period, PeriodKind, Span, periods
from ticketing.figures.rises import METHOD, Topic, Watch, topics
from ticketing.figures.tables import FigureExclusionRow
from ticketing.figures.words import Dimension, ExclusionReason
from ticketing.models import TicketRow
from ticketing.reports import content, scoring
from ticketing.reports.content import Content
from ticketing.reports.line import FiguresOfLine
from ticketing.reports.methods import AssessmentMethod, MethodVersion, methods
from ticketing.reports.names import Names
from ticketing.reports.overdue import overdue
from ticketing.reports.words import ReportKind
from ticketing.vocabulary import Source

_ALL: Final = tuple(FIGURES.values())
_TRENDS: Final = ("registered", "on_time_rate", "solved_rate", "satisfaction_rate")
_MONTHS: Final = 12
_SHOWN: Final = 30
"""Subjects of one list of topics."""

Tell = Callable[[str], Awaitable[None]]
"""Told what is done next, in words people read."""

STAGES: Final = ("话务指标", "工单指标", "趋势与构成", "承办单位", "逾期事项", "排除情况", "热点与突增", "未诉先办")
"""Everything `build` tells, in order."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What report is wanted, of which city."""

    kind: ReportKind
    period: Period
    city: str
    zone: ZoneInfo
    now: datetime


async def build(session: AsyncSession, wanted: Wanted, line: FiguresOfLine, tell: Tell) -> Content:
    """The whole content. The caller gives a session whose transaction sees one snapshot (REPEATABLE READ)."""
    period, zone, now = wanted.period, wanted.zone, wanted.now
    span = period.span(zone)
    names = await Names.of(session)
    version = (await methods(session)).in_force(period.first)
    await tell(STAGES[0])
    of_line = await _line(session, wanted, line)
    await tell(STAGES[1])
    of_tickets = await _tickets(session, wanted)
    await tell(STAGES[2])
    trends = await _trends(session, wanted)
    shares = {by: await _shares(session, span, by, names, now) for by in _SHARED}
    await tell(STAGES[3])
    units = await _units(session, span, version.method, names, now)
    await tell(STAGES[4])
    late = await overdue(session, span, names, zone, now=now)
    await tell(STAGES[5])
    left_out = await counting.excluded(session, RATES, span, now=now)
    decided = await _decided(session, span, names, zone)
    await tell(STAGES[6])
    hot = await _topics(session, wanted, names)
    await tell(STAGES[7])
    return Content(
        kind=wanted.kind,
        city=wanted.city,
        period=period.key,
        period_term=period.term,
        first=period.first,
        last=period.last,
        counted_at=now.astimezone(zone),
        zone=zone.key,
        definitions=tuple(
            content.FigureDefinition.model_validate(one, from_attributes=True) for one in (*line.definitions, *_ALL)
        ),
        line=of_line,
        tickets=of_tickets,
        trends=trends,
        by_source=shares[Dimension.SOURCE],
        by_category=shares[Dimension.CATEGORY],
        by_area=shares[Dimension.AREA],
        method=_method(version),
        units=units,
        overdue=tuple(late),
        causes=tuple(
            content.Share(code="", name=cause, tickets=count)
            for cause, count in Counter(one.cause for one in late).most_common()
        ),
        exclusions=tuple(
            content.Exclusions(figure=figure, reason=reason.term, cases=cases)
            for figure, reasons in left_out.items()
            for reason, cases in reasons.items()
        ),
        excluded=decided,
        topics=hot,
        concentrated=await _concentrated(session, span, zone, names),
        expected=await _expected(session, period, zone, names),
    )


async def _line(session: AsyncSession, wanted: Wanted, line: FiguresOfLine) -> tuple[content.Reading, ...]:
    period, zone = wanted.period, wanted.zone
    now, before, a_year = [
        await line.of(session, one.span(zone), zone) for one in (period, period.before(), period.a_year_before())
    ]
    return tuple(
        content.Reading(name=one.name, value=now[one.name], before=before[one.name], a_year_before=a_year[one.name])
        for one in line.definitions
    )


async def _tickets(session: AsyncSession, wanted: Wanted) -> tuple[content.Reading, ...]:
    period = wanted.period
    now, before, a_year = [
        await counting.total(session, _ALL, one.span(wanted.zone), now=wanted.now)
        for one in (period, period.before(), period.a_year_before())
    ]
    return tuple(
        _reading(one.name, now[one.name]).model_copy(
            update={
                "before": before[one.name].of(one.measure),
                "a_year_before": a_year[one.name].of(one.measure),
            }
        )
        for one in _ALL
    )


def _reading(name: str, value: Value) -> content.Reading:
    figure = FIGURES[name]
    return content.Reading(
        name=name, value=value.of(figure.measure), over=value.over, under=value.under, excluded=value.excluded
    )


async def _trends(session: AsyncSession, wanted: Wanted) -> tuple[content.Trend, ...]:
    """The twelve months up to the period's end."""
    last = Period.of(PeriodKind.MONTH, wanted.period.last)
    first = last
    for _ in range(_MONTHS - 1):
        first = first.before()
    months = list(periods(PeriodKind.MONTH, first.first, last.last))
    figures = [FIGURES[name] for name in _TRENDS]
    table = await counting.count(session, figures, [month.span(wanted.zone) for month in months], now=wanted.now)
    return tuple(
        content.Trend(
            name=one.name,
            months=tuple(month.key for month in months),
            values=tuple(table.get(("", nth), {}).get(one.name, NOTHING).of(one.measure) for nth in range(_MONTHS)),
        )
        for one in figures
    )


_SHARED: Final = (Dimension.SOURCE, Dimension.CATEGORY, Dimension.AREA)


async def _shares(
    session: AsyncSession, span: Span, by: Dimension, names: Names, now: datetime
) -> tuple[content.Share, ...]:
    table = await counting.count(session, [FIGURES["registered"]], [span], now=now, by=by)
    called: Mapping[Dimension, Callable[[str], str]] = {
        Dimension.SOURCE: lambda code: Source(code).term,
        Dimension.CATEGORY: names.category,
        Dimension.AREA: names.area,
    }
    counts = [(subject, row["registered"].over) for (subject, _), row in table.items()]
    counts.sort(key=lambda one: (-one[1], one[0]))
    return tuple(content.Share(code=code, name=called[by](code), tickets=tickets) for code, tickets in counts)


async def _units(
    session: AsyncSession, span: Span, method: AssessmentMethod, names: Names, now: datetime
) -> tuple[content.UnitLine, ...]:
    """Ranked units by place, then those that are not ranked, by name."""
    table = await counting.count(session, _ALL, [span], now=now, by=Dimension.UNIT)
    values = {int(subject): row for (subject, _), row in table.items() if subject}
    scores = {unit: scoring.score(method, row) for unit, row in values.items()}
    unranked = {unit: why for unit, row in values.items() if (why := _unranked(method, row, scores[unit])) is not None}
    places = scoring.ranks({unit: one.points or 0.0 for unit, one in scores.items() if unit not in unranked})
    lines = [
        content.UnitLine(
            unit_id=unit,
            unit=names.unit(unit),
            figures=tuple(_reading(one.name, row.get(one.name, NOTHING)) for one in _ALL),
            points=scores[unit].points,
            grade=scores[unit].grade,
            rank=places.get(unit),
            unranked=unranked.get(unit, ""),
            items=tuple(content.ItemPoints(**asdict(item)) for item in scores[unit].items),
            off=tuple(content.PointsOff(**asdict(off)) for off in scores[unit].off),
        )
        for unit, row in values.items()
    ]
    return tuple(sorted(lines, key=lambda one: (one.rank is None, one.rank or 0, one.unit, one.unit_id)))


def _unranked(method: AssessmentMethod, row: Mapping[str, Value], score: scoring.Score) -> str | None:
    """Why a unit has no place; None: it has one."""
    if score.points is None:
        return "本期无可计指标"
    due = row.get("on_time_rate", NOTHING).under
    if due < method.least_cases:
        return f"到期承办件数{due}件，少于{method.least_cases}件"
    return None


def _method(version: MethodVersion) -> content.Method:
    def said(name: str) -> str:
        return FIGURES[name].term

    method = version.method
    return content.Method(
        number=version.number,
        title=method.title,
        items=(
            *(
                f"{said(one.figure)}{one.weight}分：达到{one.full:.0%}得满分，{one.none:.0%}得0分"
                for one in method.items
            ),
            *(f"{said(one.figure)}每件扣{one.points:g}分，最多扣{one.most:g}分" for one in method.deductions),
            "未产生的指标不计入，按其余指标得分占其分值之比折算为百分制",
            f"到期承办件数少于{method.least_cases}件的单位不参加排名",
        ),
    )


async def _decided(
    session: AsyncSession, span: Span, names: Names, zone: ZoneInfo
) -> tuple[content.ExcludedTicket, ...]:
    """Of tickets registered in the period or decided on in it, what stands."""
    row = FigureExclusionRow
    rows = await session.execute(
        select(row, TicketRow.number)
        .join(TicketRow, TicketRow.id == row.ticket_id)
        .where(
            row.revoked_at.is_(None),
            _within(row.decided_at, span) | _within(TicketRow.registered_at, span),
        )
        .order_by(TicketRow.number, row.id)
    )
    return tuple(
        content.ExcludedTicket(
            ticket=number,
            unit="所有承办单位" if one.unit_id is None else names.unit(one.unit_id),
            reason=ExclusionReason(one.reason).term,
            facts=one.facts,
            decided_at=one.decided_at.astimezone(zone),
        )
        for one, number in rows
    )


def _within(at: InstrumentedAttribute[datetime], span: Span) -> ColumnElement[bool]:
    return and_(at >= span.start, at < span.end)


async def _topics(session: AsyncSession, wanted: Wanted, names: Names) -> content.Topics:
    """Of the period's last week, or of the week up to yesterday while it goes on."""
    yesterday = wanted.now.astimezone(wanted.zone).date() - timedelta(days=1)
    watch = Watch(last=max(min(wanted.period.last, yesterday), wanted.period.first))
    workdays = await directory.workdays(session)
    found = await topics(session, watch, workdays, wanted.zone)
    words = await hot_words(session, watch, workdays, wanted.zone)

    def subject(topic: Topic) -> str:
        parts = [names.category(topic.category)] if topic.category else []
        return "，".join([*parts, *([names.area(topic.area)] if topic.area else [])])

    some = [*found.by_category[:_SHOWN], *[one for one in (*found.by_area, *found.by_both) if one.sudden][:_SHOWN]]
    return content.Topics(
        method=METHOD,
        first=watch.windows(workdays)[0][0],
        last=watch.last,
        subjects=tuple(_hot(subject(one), one.found, sudden=one.sudden) for one in some),
        words=tuple(_hot(one.word, one.found, sudden=True) for one in words),
    )


def _hot(subject: str, found: Rise, *, sudden: bool) -> content.Hot:
    return content.Hot(
        subject=subject,
        observed=found.observed,
        baseline=found.baseline,
        expected=found.expected,
        chance=found.chance,
        sudden=sudden,
    )


async def _concentrated(
    session: AsyncSession, span: Span, zone: ZoneInfo, names: Names
) -> tuple[content.Concentrated, ...]:
    return tuple(
        content.Concentrated(**asdict(one) | {"category": names.category(one.category), "area": names.area(one.area)})
        for one in await clusters(session, span, zone)
    )


async def _expected(
    session: AsyncSession, period: Period, zone: ZoneInfo, names: Names
) -> tuple[content.Expected, ...]:
    coming = Period.of(PeriodKind.MONTH, period.last + timedelta(days=1))
    found: Sequence[content.Expected] = [
        content.Expected(
            month=coming.key,
            category=names.category(one.category),
            observed=one.found.observed,
            others=one.found.baseline,
            chance=one.found.chance,
        )
        for one in await seasons(session, coming, zone)
    ]
    return tuple(found)
