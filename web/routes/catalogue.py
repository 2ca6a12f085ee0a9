"""派单目录: categories and catalogue from files, whom to dispatch to, and whom a report accuses."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Path, Query, Request, status
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy import select

from directory.models import Role
from hotline.errors import PartUnavailable
from ticketing import people, repository
from ticketing.catalogue import accused, categories, entries, importing, suggesting, unattended
from ticketing.catalogue.entries import Entry
from ticketing.catalogue.sheets import LARGEST_BYTES, Column, SheetRow, read
from ticketing.catalogue.suggesting import From
from ticketing.catalogue.tables import CatalogueRow
from ticketing.catalogue.words import Hindrance
from ticketing.schemas import CategoryCode, Moment, UnitId
from web.access import CurrentActor, Parts, SignedInBefore, Transaction, roles
from web.administration import Administration, Change
from web.paging import Paged
from web.problems import DOCUMENTED
from web.routes.tickets import Number
from web.services import Services

__all__ = ["IMPORTS", "LARGEST_BYTES", "router"]

IMPORTS = r"/api/catalogue/(categories|rows)/import"
"""Paths whose requests may hold `LARGEST_BYTES`."""
READERS = frozenset(Role)
KEEPERS = (Role.ADMIN, Role.SUPERVISOR)
NAMERS = people.DESK | people.CENTRE
"""Who may write down, and know, whom a ticket accuses: never people of a unit."""

_ARRIVES_SECONDS = 60.0

router = APIRouter(prefix="/api", tags=["catalogue"], responses=DOCUMENTED)

_FILE = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
        },
    }
}


class CategoryOut(BaseModel):
    """A node of the tree; a retired one is given to no new ticket."""

    model_config = ConfigDict(from_attributes=True)

    code: str
    parent_code: str | None
    name: str
    active: bool


class CatalogueOut(BaseModel):
    """Who a category of an area is for, from a day on."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    category_code: str
    area_code: str
    lead_unit_id: int
    assisting_unit_ids: list[int]
    from_day: date
    until_day: date | None
    note: str
    made_by: str
    made_at: datetime


class EntryIn(BaseModel):
    """Whom a row names and until when; `note` is for people."""

    model_config = ConfigDict(extra="forbid")

    lead_unit_id: UnitId
    assisting_unit_ids: list[UnitId] = Field([], max_length=20)
    until_day: date | None = Field(None, description="The last local day; null: until further notice.")
    note: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""


class NewEntry(EntryIn):
    """A new row."""

    category_code: Annotated[CategoryCode, Field(min_length=1)]
    area_code: Annotated[str, Field(pattern=r"^([0-9]{6}([0-9]{6})?)?$", description="Empty: everywhere.")] = ""
    from_day: date = Field(description="Today or later.")


class ChangedEntry(EntryIn):
    """A row as it is to be."""

    read: Moment = Field(description="`made_at` of the row as it was read.")


class BadRow(BaseModel):
    """A row that is refused."""

    line: int
    why: str


class ImportOut(BaseModel):
    """What an import did, or, as a trial, would do. A trial tells of bad rows, an import refuses the file for one."""

    dry_run: bool
    added: list[str]
    changed: list[str]
    unchanged: int
    bad: list[BadRow]


class GroundOut(BaseModel):
    """One reason for a suggestion."""

    model_config = ConfigDict(from_attributes=True)

    source: From
    text: str
    numbers: list[str]


class SuggestionOut(BaseModel):
    """A unit to dispatch to, with those that assist. It is a person who dispatches."""

    model_config = ConfigDict(from_attributes=True)

    lead_unit: int
    lead_name: str
    assisting_units: list[int]
    confidence: float
    grounds: list[GroundOut]


class SuggestionsOut(BaseModel):
    """The most probable first; `barred` units are accused by the ticket, or lie below one that is."""

    model_config = ConfigDict(from_attributes=True)

    suggested: list[SuggestionOut]
    barred: list[int]


class UnattendedOut(BaseModel):
    """What the system judged of dispatching a ticket without a person (自动派单), as it stood at `ticket_version`.
    `hindrance` null: it dispatched it."""

    model_config = ConfigDict(from_attributes=True)

    ticket_version: int
    lead_unit_id: int | None
    confidence: float | None
    grounds: list[GroundOut]
    hindrance: Hindrance | None
    hindrance_term: str = ""
    at: datetime


class AccusedIn(BaseModel):
    """Whom a ticket accuses."""

    model_config = ConfigDict(extra="forbid")

    units: list[UnitId] = Field(min_length=1, max_length=20)


class AccusedOut(BaseModel):
    """`routed`: one of them, or a unit below it, has the report now; take it back (`recall`)."""

    units: list[int]
    routed: bool


@router.get("/catalogue/categories", dependencies=[roles(*READERS)])
async def tree(session: Transaction) -> list[CategoryOut]:
    """All categories, by code."""
    return [CategoryOut.model_validate(row) for row in await categories.tree(session)]


@router.get("/catalogue/rows", dependencies=[roles(*READERS)])
async def listed(
    session: Transaction,
    category: Annotated[CategoryCode | None, Query()] = None,
    after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    *,
    pages: Paged,
) -> list[CatalogueOut]:
    """Rows of the catalogue, past and future ones included; `id` goes into `after` for the next page."""
    wanted = select(CatalogueRow).where(CatalogueRow.id > after).order_by(CatalogueRow.id).limit(limit + 1)
    if category:
        wanted = wanted.where(CatalogueRow.category_code == category)
    rows = pages.shown((await session.scalars(wanted)).all(), limit, after=lambda row: row.id)
    return [CatalogueOut.model_validate(row) for row in rows]


@router.post("/catalogue/rows", status_code=status.HTTP_201_CREATED, dependencies=[roles(*KEEPERS)])
async def enter(body: NewEntry, change: Administration) -> CatalogueOut:
    """A new row, from today at the earliest. 409 when the category, area and day have one."""
    row = await entries.enter(
        change.session,
        _entry(body, body.category_code, body.area_code, body.from_day),
        today=_today(change.services),
        by=change.actor,
        at=change.services.clock.now(),
    )
    made = CatalogueOut.model_validate(row)
    await change.record("catalogue.row_entered", f"catalogue:{row.id}", after=made.model_dump(mode="json"))
    return made


@router.put("/catalogue/rows/{row_id}", dependencies=[roles(*KEEPERS)])
async def save(
    row_id: Annotated[int, Path(ge=1, lt=2**63)], body: ChangedEntry, change: Administration
) -> CatalogueOut:
    """Change a row. One that has begun keeps its units: it may be ended, and another may begin. 409 when somebody wrote
    it since `read`."""
    row = await entries.found(change.session, row_id)
    before = CatalogueOut.model_validate(row)
    await entries.change(
        change.session,
        row,
        _entry(body, row.category_code, row.area_code, row.from_day),
        read=body.read,
        today=_today(change.services),
        by=change.actor,
        at=change.services.clock.now(),
    )
    after = CatalogueOut.model_validate(row)
    await change.record(
        "catalogue.row_changed",
        f"catalogue:{row_id}",
        before=before.model_dump(mode="json"),
        after=after.model_dump(mode="json"),
    )
    return after


@router.post("/catalogue/categories/import", openapi_extra=_FILE)
async def import_categories(request: Request, services: Parts, by: SignedInBefore, dry_run: bool = True) -> ImportOut:
    """Bring a code table in, CSV or XLSX as the body: 编码 名称 上级编码 停用. A trial unless `dry_run=false`."""
    by.require(*KEEPERS)
    rows = await _rows(request, importing.CATEGORY_COLUMNS)
    async with services.database.transaction() as session:
        report = await importing.import_categories(session, rows, dry_run=dry_run)
        await _record(Change(session, services, by), "catalogue.categories_imported", report)
    return _import_out(report)


@router.post("/catalogue/rows/import", openapi_extra=_FILE)
async def import_rows(request: Request, services: Parts, by: SignedInBefore, dry_run: bool = True) -> ImportOut:
    """Bring rows in, CSV or XLSX as the body: 类别编码 区划代码 主办单位 协办单位 生效日期 失效日期 备注. A trial
    unless `dry_run=false`."""
    by.require(*KEEPERS)
    rows = await _rows(request, importing.CATALOGUE_COLUMNS)
    async with services.database.transaction() as session:
        change = Change(session, services, by)
        report = await importing.import_catalogue(
            session,
            rows,
            dry_run=dry_run,
            today=_today(services),
            by=change.actor,
            at=services.clock.now(),
        )
        await _record(change, "catalogue.rows_imported", report)
    return _import_out(report)


@router.get("/tickets/{number}/suggestions", dependencies=[roles(*people.CENTRE)])
async def suggestions(number: Number, session: Transaction, services: Parts) -> SuggestionsOut:
    """Units to dispatch a ticket to, with reasons: from the catalogue, and from similar tickets that were closed."""
    return SuggestionsOut.model_validate(await suggesting.suggest(session, number, at=services.clock.now()))


@router.get("/tickets/{number}/unattended", dependencies=[roles(*people.CENTRE, Role.AUDITOR)])
async def judged_unattended(number: Number, session: Transaction) -> list[UnattendedOut]:
    """Whether the system dispatched a ticket by policy, and why, or why it left it to a person; oldest first."""
    ticket = await repository.row(session, number)
    found = [UnattendedOut.model_validate(row) for row in await unattended.of(session, ticket.id)]
    return [
        one.model_copy(update={"hindrance_term": one.hindrance.term}) if one.hindrance is not None else one
        for one in found
    ]


@router.get("/tickets/{number}/accused", dependencies=[roles(*NAMERS)])
async def accused_of(number: Number, session: Transaction) -> AccusedOut:
    """Whom a ticket accuses."""
    row = await repository.row(session, number)
    units = sorted(await accused.of(session, [row.id]))
    return AccusedOut(units=units, routed=await accused.routed_to_accused(session, row))


@router.post("/tickets/{number}/accused", dependencies=[roles(*NAMERS)])
async def accuse(
    number: Number, body: AccusedIn, actor: CurrentActor, session: Transaction, services: Parts
) -> AccusedOut:
    """Write down whom a ticket accuses; a name is never taken back. A report is routed to none of them."""
    row = await repository.row(session, number)
    await accused.name(session, row, body.units, by=actor.user, at=services.clock.now())
    return await accused_of(number, session)


async def _rows(request: Request, columns: Sequence[Column]) -> list[SheetRow]:
    try:
        async with asyncio.timeout(_ARRIVES_SECONDS):
            content = await request.body()
        # A large workbook takes seconds.
        return await asyncio.to_thread(read, content, columns)
    except TimeoutError:
        raise PartUnavailable("上传没有在一分钟内完成", remedy="请检查网络后重试") from None


def _entry(body: EntryIn, category: str, area: str, from_day: date) -> Entry:
    units = body.lead_unit_id, tuple(body.assisting_unit_ids)
    return Entry(category, area, *units, from_day, body.until_day, body.note)


def _today(services: Services) -> date:
    return services.clock.now().astimezone(ZoneInfo(services.settings.site.timezone)).date()


async def _record(change: Change, action: str, report: importing.ImportReport) -> None:
    if not report.dry_run and (report.added or report.changed):
        await change.record(action, "catalogue", after={"added": report.added, "changed": report.changed})


def _import_out(report: importing.ImportReport) -> ImportOut:
    bad = [BadRow(line=int(line.split()[1]), why=why) for line, why in report.bad]
    return ImportOut(
        dry_run=report.dry_run, added=report.added, changed=report.changed, unchanged=report.unchanged, bad=bad
    )
