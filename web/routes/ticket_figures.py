"""Figures of tickets: defined, counted, and the cases they are made of; what is left out of them, and by whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Path, Query, Response, status
from pydantic import BaseModel, ConfigDict, Field

from calls.figure_sheets import as_csv, plain_cell
from calls.line_figures import DEFINITIONS as OF_LINE
from directory import audit
from hotline.errors import InvalidInput
from ticketing import repository
from ticketing.figures import counting, exclusions
from ticketing.figures.counting import Narrow, Place
from ticketing.figures.definition import NOTHING, Better, Definition, Measure, Value
from ticketing.figures.definitions import FIGURES, TicketFigure, figure
from ticketing.figures.exclusions import DECIDERS, NewExclusion
from ticketing.figures.periods import Period, PeriodKind, Span, periods
from ticketing.figures.words import Dimension, ExclusionReason
from ticketing.schemas import AreaCode, Body, CategoryCode, UnitId
from ticketing.vocabulary import Source
from web.access import CurrentActor, Parts, Transaction, roles
from web.figure_access import FIGURE_READERS, own_figures
from web.paging import Paged
from web.problems import DOCUMENTED
from web.readings import Readings
from web.routes.tickets import Number, check_reader

router = APIRouter(tags=["figures"], responses=DOCUMENTED, dependencies=[roles(*FIGURE_READERS)])

Key = Annotated[str, Query(pattern=r"^[0-9]{4}(-[0-9WQH-]{1,5})?$", description="2026-10, 2026-Q4, 2026-W40, 2026 ...")]
FigureName = Annotated[str, Path(pattern=r"^[a-z_]{1,40}$")]


class DefinitionOut(BaseModel):
    """A figure's definition: what is divided by what, what decides the period, how it is measured, by which rule."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    term: str
    formula: str
    moment: str
    measure: Measure
    better: Better
    source: str


class ValueOut(BaseModel):
    """`value` is null where nothing was there to measure. `excluded` cases are neither in `over` nor in `under`."""

    value: float | None
    over: int
    under: int
    excluded: int


class RowOut(BaseModel):
    """One subject in one period."""

    subject: str
    period: str
    first: datetime
    figures: dict[str, ValueOut]


class FiguresOut(BaseModel):
    """Rows by period and subject, and every figure over the whole time."""

    by: Dimension | None
    counted_at: datetime
    definitions: list[DefinitionOut]
    rows: list[RowOut]
    total: dict[str, ValueOut]


class CaseOut(BaseModel):
    """One case: it counts `over` above and `under` below the line, unless `why` says why not."""

    ticket: str | None
    unit_id: int | None
    at: datetime
    over: int
    under: int
    why: ExclusionReason | None
    why_term: str | None


class CasesOut(BaseModel):
    """A page of cases, oldest first."""

    definition: DefinitionOut
    cases: list[CaseOut]


class ExclusionOut(BaseModel):
    """A decision that a ticket does not count."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    unit_id: int | None
    reason: ExclusionReason
    facts: str
    decided_by: str
    decided_at: datetime
    revoked_by: str | None
    revoked_at: datetime | None
    revoked_why: str


class Revocation(BaseModel):
    """Why it counts again."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[Body, Field(min_length=1)]


async def _narrow(
    actor: CurrentActor,
    session: Transaction,
    *,
    unit: UnitId | None = None,
    below: Annotated[bool, Query(description="With the units below `unit`: a county's figures.")] = False,
    category: CategoryCode | None = None,
    area: AreaCode | None = None,
    source: Source | None = None,
) -> Narrow:
    asked = Narrow(unit=unit, category=category or None, area=area or None, source=source)
    return await own_figures(session, asked, actor, below=below)


Narrowed = Annotated[Narrow, Depends(_narrow)]


class Wanted:
    """Which figures, over which periods. Raises FigureUnknown, PeriodUnknown, TooManyPeriods, InvalidInput."""

    def __init__(
        self,
        services: Parts,
        from_: Annotated[Key, Query(alias="from")],
        to: Annotated[Key | None, Query(description="The last period; default: the first.")] = None,
        step: Annotated[PeriodKind | None, Query(description="Default: as long as the first.")] = None,
        name: Annotated[list[str], Query(alias="figure", max_length=40)] = [],  # noqa: B006
    ) -> None:
        first = Period.named(from_)
        last = Period.named(to) if to else first
        if last.last < first.first:
            raise InvalidInput("the last period lies before the first")
        self.periods = list(periods(step or first.kind, first.first, last.last))
        self.zone = ZoneInfo(services.settings.site.timezone)
        self.figures: Sequence[TicketFigure] = [figure(one) for one in name] or list(FIGURES.values())


Asked = Annotated[Wanted, Depends()]


@router.get("/api/figures/definitions")
async def definitions() -> list[DefinitionOut]:
    """Every figure of tickets and of the line, as it is defined everywhere."""
    return [_defined(one) for one in (*FIGURES.values(), *OF_LINE)]


@router.get("/api/figures/tickets")
async def of_tickets(
    wanted: Asked, narrow: Narrowed, session: Transaction, services: Parts, by: Dimension | None = None
) -> FiguresOut:
    """Figures by period, and by unit, category, area or source if asked for."""
    return await _figures(wanted, narrow, session, services, by)


@router.get("/api/figures/tickets.csv", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
async def of_tickets_csv(
    *,
    wanted: Asked,
    narrow: Narrowed,
    reading: Readings,
    session: Transaction,
    services: Parts,
    by: Dimension | None = None,
) -> Response:
    """The same as a table for a spreadsheet; an empty cell is nothing to measure. Who takes it out is audited."""
    found = await _figures(wanted, narrow, session, services, by)
    heads = [
        "期间",
        by.term if by else "范围",
        *(cell for one in wanted.figures for cell in (one.term, "分子", "分母", "排除")),
    ]
    table = [heads]
    for row in found.rows:
        cells = [row.period, plain_cell(row.subject)]
        for one in wanted.figures:
            value = row.figures[one.name]
            shown = (
                "" if value.value is None else f"{value.value:.4f}" if one.measure is Measure.RATIO else str(value.over)
            )
            cells += [shown, str(value.over), str(value.under), str(value.excluded)]
        table.append(cells)
    told = {"from": wanted.periods[0].key, "to": wanted.periods[-1].key, "by": by, "unit": narrow.unit}
    await reading.note("figures.exported", "figures:tickets", told)
    return Response(
        as_csv(table),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="tickets-{wanted.periods[0].key}.csv"'},
    )


@router.get("/api/figures/tickets/{figure_name}/cases")
async def cases(
    *,
    figure_name: FigureName,
    period: Key,
    narrow: Narrowed,
    session: Transaction,
    services: Parts,
    pages: Paged,
    excluded: Annotated[bool, Query(description="Only what is left out.")] = False,
    cursor: Annotated[str | None, Query(max_length=80)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> CasesOut:
    """What a figure is made of, one by one, with why each that is left out is left out."""
    wanted = figure(figure_name)
    span = Period.named(period).span(ZoneInfo(services.settings.site.timezone))
    found = await counting.listed(
        session,
        wanted,
        span,
        now=services.clock.now(),
        narrow=narrow,
        only_excluded=excluded,
        after=Place.of(cursor) if cursor else None,
        limit=limit + 1,
    )
    page = pages.shown(found, limit, cursor=lambda one: one.place)
    return CasesOut(
        definition=_defined(wanted),
        cases=[
            CaseOut(
                ticket=one.ticket,
                unit_id=one.unit_id,
                at=one.at,
                over=one.over,
                under=one.under,
                why=one.why,
                why_term=one.why.term if one.why else None,
            )
            for one in page
        ],
    )


@router.get("/api/tickets/{number}/figure-exclusions")
async def exclusions_of(number: Number, actor: CurrentActor, session: Transaction) -> list[ExclusionOut]:
    """What somebody decided of whether the ticket counts, oldest first; people of a unit see what concerns them."""
    ticket = await repository.row(session, number)
    await check_reader(session, ticket, actor)
    rows = await exclusions.of(session, ticket.id)
    wanted = await own_figures(session, counting.EVERYTHING, actor)
    units = wanted.units if wanted.unit is None else {wanted.unit}
    return [ExclusionOut.model_validate(row) for row in rows if units is None or row.unit_id in (None, *units)]


@router.post(
    "/api/tickets/{number}/figure-exclusions", status_code=status.HTTP_201_CREATED, dependencies=[roles(*DECIDERS)]
)
async def exclude(
    number: Number, wanted: NewExclusion, actor: CurrentActor, session: Transaction, services: Parts
) -> ExclusionOut:
    """Leave a ticket out of a unit's rates, with the facts."""
    now = services.clock.now()
    row = await exclusions.exclude(session, number, wanted, actor, at=now)
    told = ExclusionOut.model_validate(row)
    after = told.model_dump(mode="json", include={"id", "unit_id", "reason"})
    await audit.record(
        session, at=now, actor=actor.user, action="figures.excluded", subject=f"ticket:{number}", after=after
    )
    return told


@router.post("/api/tickets/{number}/figure-exclusions/{exclusion_id}/revoke", dependencies=[roles(*DECIDERS)])
async def revoke(
    *,
    number: Number,
    exclusion_id: Annotated[int, Path(ge=1, lt=2**63)],
    why: Revocation,
    actor: CurrentActor,
    session: Transaction,
    services: Parts,
) -> ExclusionOut:
    """It counts again; the decision stays on record."""
    now = services.clock.now()
    row = await exclusions.revoke(session, number, exclusion_id, why.reason, actor, at=now)
    told = ExclusionOut.model_validate(row)
    before = told.model_dump(mode="json", include={"id", "unit_id", "reason"})
    await audit.record(
        session, at=now, actor=actor.user, action="figures.exclusion_revoked", subject=f"ticket:{number}", before=before
    )
    return told


async def _figures(
    wanted: Wanted, narrow: Narrow, session: Transaction, services: Parts, by: Dimension | None
) -> FiguresOut:
    now = services.clock.now()
    spans = [period.span(wanted.zone) for period in wanted.periods]
    table = await counting.count(session, wanted.figures, spans, now=now, by=by, narrow=narrow)
    whole = await counting.count(session, wanted.figures, [Span(spans[0].start, spans[-1].end)], now=now, narrow=narrow)
    subjects = sorted({subject for subject, _ in table}) if by else [""]
    return FiguresOut(
        by=by,
        counted_at=now,
        definitions=[_defined(one) for one in wanted.figures],
        rows=[
            RowOut(
                subject=subject,
                period=period.key,
                first=spans[number].start,
                figures=_values(wanted.figures, table.get((subject, number), {})),
            )
            for number, period in enumerate(wanted.periods)
            for subject in subjects
            if by is None or (subject, number) in table
        ],
        total=_values(wanted.figures, whole.get(("", 0), {})),
    )


def _values(figures: Sequence[TicketFigure], found: Mapping[str, Value]) -> dict[str, ValueOut]:
    values = {one.name: (one, found.get(one.name, NOTHING)) for one in figures}
    return {
        name: ValueOut(value=value.of(one.measure), over=value.over, under=value.under, excluded=value.excluded)
        for name, (one, value) in values.items()
    }


def _defined(one: Definition) -> DefinitionOut:
    return DefinitionOut.model_validate(one)
