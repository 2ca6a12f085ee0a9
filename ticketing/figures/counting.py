"""Figures counted: by period, unit, category, area or source; and the cases a figure is made of, one by one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from sqlalchemy import ColumnElement, Integer, String, cast, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from directory.unit_tree import counties
from hotline.database import UtcDateTime
from hotline.errors import InvalidInput
from ticketing.clock_tables import TicketPolicyRow
from ticketing.figures import exclusions
from ticketing.figures.cases import Asked
from ticketing.figures.definition import NOTHING, Measure, Value
from ticketing.figures.definitions import TicketFigure
from ticketing.figures.periods import Span
from ticketing.figures.words import Dimension, ExclusionReason
from ticketing.models import TicketRow
from ticketing.policy import REGULATION, TicketPolicy
from ticketing.vocabulary import Satisfaction, Source

_COUNTY: Final = 6
"""Digits of a county's code."""
_UNCOMPILED: Final = select(func.set_config("jit", "off", True))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICK: Final = timedelta(microseconds=1)
_PLACE: Final = re.compile(r"([0-9]{1,17})\.([0-9]{1,18})\.([0-9]{1,18})\.([01])")


@dataclass(frozen=True, slots=True)
class Narrow:
    """Which cases count; None does not narrow."""

    unit: int | None = None
    units: frozenset[int] | None = None
    """Those of any of these: a county's, with all below it."""
    category: str | None = None
    area: str | None = None
    """A division's code: all that lie in it."""
    source: Source | None = None


EVERYTHING: Final = Narrow()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a list of cases goes on: after this one."""

    at: datetime
    ticket_id: int
    unit_id: int
    over: int

    def __str__(self) -> str:
        return f"{(self.at - _EPOCH) // _TICK}.{self.ticket_id}.{self.unit_id}.{self.over}"

    @classmethod
    def of(cls, text: str) -> Self:
        """What `str` gave. Raises InvalidInput."""
        found = _PLACE.fullmatch(text)
        if found is None:
            raise InvalidInput("no cursor of this list", remedy="begin again without one")
        ticks, ticket, unit, over = map(int, found.groups())
        return cls(_EPOCH + ticks * _TICK, ticket, unit, over)


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a figure. It counts `over` above and `under` below the line, unless there is a `why` not."""

    ticket: str | None
    """None: a supervision that is about no ticket."""
    unit_id: int | None
    at: datetime
    over: int
    under: int
    why: ExclusionReason | None
    place: Place


Table = Mapping[tuple[str, int], Mapping[str, Value]]
"""By subject (of the dimension, empty: nobody knows; without a dimension always empty) and number of the period, the
values of the figures by name."""


async def satisfied_levels(session: AsyncSession) -> Mapping[int, frozenset[Satisfaction]]:
    """What counts as satisfied, by the number of a policy."""
    laid_down = await session.scalars(select(TicketPolicyRow))
    levels = {row.number: TicketPolicy.model_validate(row.policy).satisfied for row in laid_down}
    return {REGULATION.number: REGULATION.policy.satisfied} | levels


async def asked(session: AsyncSession, span: Span, now: datetime) -> Asked:
    """What is asked of the figures, with the city's policies. For the rest of the transaction PostgreSQL compiles
    nothing: to compile these statements takes longer than to carry them out."""
    await session.execute(_UNCOMPILED)
    return Asked(span, now, await satisfied_levels(session))


async def count(
    session: AsyncSession,
    figures: Iterable[TicketFigure],
    spans: Sequence[Span],
    *,
    now: datetime,
    by: Dimension | None = None,
    narrow: Narrow = EVERYTHING,
) -> Table:
    """Each figure for each span, `spans` being in order and without gaps. Where a figure has no case it has no value:
    `NOTHING`."""
    whole = Span(spans[0].start, spans[-1].end)
    wanted = await asked(session, whole, now)
    starts = [span.start for span in spans]
    table: dict[tuple[str, int], dict[str, Value]] = {}
    for figure in figures:
        cases = _judged(figure, wanted, narrow, by)
        subject = literal("") if by is None else cases.c[by.value]
        number = func.width_bucket(cases.c.at, cast(starts, ARRAY(UtcDateTime())))
        counts = cases.c.why.is_(None)
        statement = select(
            subject.label("subject"),
            cast(number, Integer).label("number"),
            func.coalesce(func.sum(cases.c.over).filter(counts), 0),
            func.coalesce(func.sum(cases.c.under).filter(counts), 0),
            func.count().filter(~counts),
        ).group_by("subject", "number")
        for subject_, number_, over, under, excluded in await session.execute(statement):
            row = table.setdefault((subject_, number_ - 1), {})
            row[figure.name] = Value(int(over), int(under), int(excluded))
    return table


async def total(
    session: AsyncSession, figures: Sequence[TicketFigure], span: Span, *, now: datetime, narrow: Narrow = EVERYTHING
) -> Mapping[str, Value]:
    """Each figure over a whole span, every name being there."""
    table = await count(session, figures, [span], now=now, narrow=narrow)
    found = table.get(("", 0), {})
    return {figure.name: found.get(figure.name, NOTHING) for figure in figures}


async def listed(
    session: AsyncSession,
    figure: TicketFigure,
    span: Span,
    *,
    now: datetime,
    narrow: Narrow = EVERYTHING,
    only_excluded: bool = False,
    after: Place | None = None,
    limit: int = 100,
) -> list[Case]:
    """The cases of a figure, oldest first; `after` is the place of the last one read."""
    cases = _judged(figure, await asked(session, span, now), narrow)
    order = (cases.c.at, func.coalesce(cases.c.ticket_id, 0), func.coalesce(cases.c.unit_id, 0), cases.c.over)
    statement = select(cases, TicketRow.number).outerjoin(TicketRow, TicketRow.id == cases.c.ticket_id)
    if only_excluded:
        statement = statement.where(cases.c.why.is_not(None))
    if after is not None:
        last = (literal(after.at, UtcDateTime()), after.ticket_id, after.unit_id, after.over)
        statement = statement.where(tuple_(*order) > tuple_(*last))
    rows = await session.execute(statement.order_by(*order).limit(limit))
    return [
        Case(
            ticket=row.number,
            unit_id=row.unit_id,
            at=row.at,
            over=row.over,
            under=row.under,
            why=None if row.why is None else ExclusionReason(row.why),
            place=Place(row.at, row.ticket_id or 0, row.unit_id or 0, row.over),
        )
        for row in rows
    ]


async def judged(session: AsyncSession, figure: TicketFigure, span: Span, *, now: datetime) -> Any:
    """The cases of a figure as part of a greater question: `cases`' columns, `why` with what somebody decided."""
    return _judged(figure, await asked(session, span, now), EVERYTHING)


async def excluded(
    session: AsyncSession, figures: Iterable[TicketFigure], span: Span, *, now: datetime
) -> Mapping[str, Mapping[ExclusionReason, int]]:
    """How many cases of each figure were left out, by reason."""
    wanted = await asked(session, span, now)
    found: dict[str, Mapping[ExclusionReason, int]] = {}
    for figure in figures:
        cases = _judged(figure, wanted, EVERYTHING)
        statement = select(cases.c.why, func.count()).where(cases.c.why.is_not(None)).group_by(cases.c.why)
        rows = {ExclusionReason(why): number for why, number in await session.execute(statement)}
        found[figure.name] = {reason: rows[reason] for reason in ExclusionReason if reason in rows}
    return found


def _judged(figure: TicketFigure, wanted: Asked, narrow: Narrow, by: Dimension | None = None) -> Any:
    """The cases with what they are told apart by, and with what somebody decided of the ticket. Rates leave out what is
    excluded; what happened is counted whatever it was worth."""
    cases = figure.cases(wanted).subquery()
    left_out = exclusions.LeftOut.of(cases.c.ticket_id, cases.c.unit_id)
    rate = figure.measure is Measure.RATIO
    why = func.coalesce(cases.c.why, left_out.why) if rate else cases.c.why
    # The tree is climbed only where it is asked for.
    tree = counties()
    county = func.coalesce(cast(tree.c.county_id, String), "") if by is Dimension.COUNTY else literal("")
    judged = select(
        cases.c.ticket_id,
        cases.c.unit_id,
        cases.c.at,
        cases.c.over,
        cases.c.under,
        why.label("why"),
        func.coalesce(cast(cases.c.unit_id, TicketRow.number.type), "").label(Dimension.UNIT.value),
        func.coalesce(TicketRow.category, "").label(Dimension.CATEGORY.value),
        func.coalesce(func.left(TicketRow.area_code, _COUNTY), "").label(Dimension.AREA.value),
        func.coalesce(TicketRow.source, "").label(Dimension.SOURCE.value),
        county.label(Dimension.COUNTY.value),
    ).outerjoin(TicketRow, TicketRow.id == cases.c.ticket_id)
    if by is Dimension.COUNTY:
        judged = judged.outerjoin(tree, tree.c.unit_id == cases.c.unit_id)
    if rate:
        for decision, concerned in left_out.joins:
            judged = judged.outerjoin(decision, concerned)
    return judged.where(*_narrowed(cases, narrow)).subquery()


def _narrowed(cases: Any, narrow: Narrow) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if narrow.unit is not None:
        conditions.append(cases.c.unit_id == narrow.unit)
    if narrow.units is not None:
        conditions.append(cases.c.unit_id.in_(narrow.units))
    if narrow.category is not None:
        conditions.append(TicketRow.category == narrow.category)
    if narrow.area is not None:
        conditions.append(TicketRow.area_code.startswith(narrow.area, autoescape=True))
    if narrow.source is not None:
        conditions.append(TicketRow.source == narrow.source.value)
    return conditions
