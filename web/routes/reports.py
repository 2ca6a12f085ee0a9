"""Reports: asked for, watched while they are made, published, corrected; and the method that units are assessed by."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import orjson
from fastapi import APIRouter, Path, Query, Response, status
from pydantic import BaseModel, ConfigDict, Field

from directory import audit
from ticketing.figures.periods import Period
from ticketing.reports import asking, methods, publishing
from ticketing.reports.asking import ASKERS
from ticketing.reports.content import Content
from ticketing.reports.methods import MAKERS, AssessmentMethod
from ticketing.reports.publishing import PUBLISHERS
from ticketing.reports.tables import PublicationRow, ReportRow
from ticketing.reports.words import ReportKind, ReportState
from ticketing.schemas import Body
from web.access import CurrentActor, Parts, Transaction, roles
from web.figure_access import FIGURE_READERS, OVERSEERS
from web.paging import Paged
from web.problems import DOCUMENTED
from web.readings import Readings

router = APIRouter(prefix="/api/reports", tags=["reports"], responses=DOCUMENTED, dependencies=[roles(*OVERSEERS)])
published = APIRouter(
    prefix="/api/publications", tags=["reports"], responses=DOCUMENTED, dependencies=[roles(*FIGURE_READERS)]
)
assessment = APIRouter(
    prefix="/api/assessment-methods", tags=["reports"], responses=DOCUMENTED, dependencies=[roles(*FIGURE_READERS)]
)

_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

ReportId = Annotated[int, Path(ge=1, lt=2**63)]
Before = Annotated[int | None, Query(ge=1, lt=2**63, description="Only older ones than this.")]
Limit = Annotated[int, Query(ge=1, le=200)]


class NewReport(BaseModel):
    """Which report of which period."""

    model_config = ConfigDict(extra="forbid")

    kind: ReportKind
    period: Annotated[str, Field(max_length=10, description="2026-10, 2026-Q4, 2026-H2 or 2026, as the kind asks.")]


class ReportOut(BaseModel):
    """A report and where the making of it is."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    kind: ReportKind
    period: str
    state: ReportState
    stage: str
    steps_done: int
    steps: int
    asked_by: str
    asked_at: datetime
    counted_at: datetime | None
    finished_at: datetime | None
    error: str | None


class Publish(BaseModel):
    """Why an earlier publication of the period is corrected; nothing for the first one."""

    model_config = ConfigDict(extra="forbid")

    reason: Body = ""


class PublicationOut(BaseModel):
    """What was published. `sha256` is of the content, byte for byte as it is kept; `reason` is empty for the first."""

    id: int
    kind: ReportKind
    period: str
    revision: int
    reason: str
    published_by: str
    published_at: datetime
    sha256: str
    document_sha256: str
    workbook_sha256: str


class DifferenceOut(BaseModel):
    """A figure that a revision changed; `unit` empty: the city's. `points` is a unit's score."""

    model_config = ConfigDict(from_attributes=True)

    unit: str
    figure: str
    before: float | None
    after: float | None


class RevisionOut(PublicationOut):
    """One of a period's publications, with what it changed of the one before."""

    changes: list[DifferenceOut]


class WholePublication(PublicationOut):
    """With what it says; `intact`: content and documents are what the hashes were taken of."""

    intact: bool
    content: dict[str, Any]


class MethodOut(BaseModel):
    """A version of the method, in force for periods that begin on `first_day` or later."""

    number: int
    first_day: date
    method: AssessmentMethod


class NewMethod(BaseModel):
    """A further version."""

    model_config = ConfigDict(extra="forbid")

    first_day: date
    method: AssessmentMethod
    note: Body = ""


@router.post("", status_code=status.HTTP_202_ACCEPTED, dependencies=[roles(*ASKERS)])
async def ask(wanted: NewReport, actor: CurrentActor, session: Transaction, services: Parts) -> ReportOut:
    """Have a report made; a job does it, and the report says how far it is."""
    row = await asking.ask(session, wanted.kind, Period.named(wanted.period), actor, at=services.clock.now())
    return ReportOut.model_validate(row)


@router.get("")
async def newest(session: Transaction, pages: Paged, before: Before = None, limit: Limit = 50) -> list[ReportOut]:
    """What was asked for, the newest first."""
    rows = await asking.newest(session, before=before, limit=limit + 1)
    return [ReportOut.model_validate(row) for row in pages.shown(rows, limit, before=lambda row: row.id)]


@router.get("/{report_id}")
async def one(report_id: ReportId, session: Transaction) -> ReportOut:
    """Where it is."""
    return ReportOut.model_validate(await asking.found(session, report_id))


@router.get("/{report_id}/content")
async def content(report_id: ReportId, session: Transaction) -> dict[str, Any]:
    """What it says, as data (`Content`)."""
    said: dict[str, Any] = orjson.loads((await asking.made(session, report_id)).content or "{}")
    return said


@router.get("/{report_id}/document", response_class=Response, responses={200: {"content": {_DOCX: {}}}})
async def document(report_id: ReportId, session: Transaction, reading: Readings) -> Response:
    """As docx. Who takes it is audited."""
    row = await asking.made(session, report_id)
    return await _taken(reading, f"report:{row.id}", row, row.document or b"", _DOCX)


@router.get("/{report_id}/workbook", response_class=Response, responses={200: {"content": {_XLSX: {}}}})
async def workbook(report_id: ReportId, session: Transaction, reading: Readings) -> Response:
    """As xlsx. Who takes it is audited."""
    row = await asking.made(session, report_id)
    return await _taken(reading, f"report:{row.id}", row, row.workbook or b"", _XLSX)


@router.post("/{report_id}/publish", status_code=status.HTTP_201_CREATED, dependencies=[roles(*PUBLISHERS)])
async def publish(
    report_id: ReportId, wanted: Publish, actor: CurrentActor, session: Transaction, services: Parts
) -> PublicationOut:
    """Publish it as it is; of a period that is published, as a numbered revision with the reason."""
    now = services.clock.now()
    row = await publishing.publish(session, report_id, wanted.reason, actor, at=now)
    told = _out(row)
    await audit.record(
        session,
        at=now,
        actor=actor.user,
        action="report.published",
        subject=f"publication:{row.kind}:{row.period}",
        after=told.model_dump(mode="json", include={"id", "revision", "sha256", "document_sha256", "workbook_sha256"}),
    )
    return told


@published.get("")
async def publications(
    session: Transaction, pages: Paged, before: Before = None, limit: Limit = 50
) -> list[PublicationOut]:
    """What was published, the newest first."""
    rows = await publishing.newest(session, before=before, limit=limit + 1)
    return [_out(row) for row in pages.shown(rows, limit, before=lambda row: row.id)]


@published.get("/of/{report_kind}/{period}")
async def revisions(
    report_kind: ReportKind, period: Annotated[str, Path(max_length=10)], session: Transaction
) -> list[RevisionOut]:
    """Everything published of a period, the first one first, each correction with its reason and what it changed."""
    rows = await publishing.revisions(session, report_kind, Period.named(period).key)
    told: list[RevisionOut] = []
    earlier: Content | None = None
    for row in rows:
        said = Content.model_validate_json(row.content)
        changes = [] if earlier is None else publishing.differences(earlier, said)
        changed = [DifferenceOut.model_validate(change) for change in changes]
        told.append(RevisionOut(**_out(row).model_dump(), changes=changed))
        earlier = said
    return told


@published.get("/{publication_id}")
async def publication(publication_id: ReportId, session: Transaction) -> WholePublication:
    """What it says, checked against its hash."""
    row = await publishing.found(session, publication_id)
    return WholePublication(**_out(row).model_dump(), intact=publishing.intact(row), content=orjson.loads(row.content))


@published.get("/{publication_id}/document", response_class=Response, responses={200: {"content": {_DOCX: {}}}})
async def published_document(publication_id: ReportId, session: Transaction, reading: Readings) -> Response:
    """As it was published, docx. Who takes it is audited."""
    row = await publishing.found(session, publication_id)
    return await _taken(reading, f"publication:{row.id}", row, row.document, _DOCX)


@published.get("/{publication_id}/workbook", response_class=Response, responses={200: {"content": {_XLSX: {}}}})
async def published_workbook(publication_id: ReportId, session: Transaction, reading: Readings) -> Response:
    """As it was published, xlsx. Who takes it is audited."""
    row = await publishing.found(session, publication_id)
    return await _taken(reading, f"publication:{row.id}", row, row.workbook, _XLSX)


@assessment.get("")
async def all_methods(session: Transaction) -> list[MethodOut]:
    """Every version, the first one first; number 0 is in force until the city lays down its own."""
    found = await methods.methods(session)
    return [
        MethodOut(number=version.number, first_day=version.first_day, method=version.method)
        for version in found.versions.values()
    ]


@assessment.post("", status_code=status.HTTP_201_CREATED, dependencies=[roles(*MAKERS)])
async def lay_down(wanted: NewMethod, actor: CurrentActor, session: Transaction, services: Parts) -> MethodOut:
    """A further version, for periods that begin on a day to come."""
    now = services.clock.now()
    today = now.astimezone(ZoneInfo(services.settings.site.timezone)).date()
    row = await methods.lay_down(session, wanted.method, wanted.first_day, wanted.note, actor, today=today, at=now)
    await audit.record(
        session,
        at=now,
        actor=actor.user,
        action="assessment_method.laid_down",
        subject=f"assessment_method:{row.number}",
        after={"first_day": row.first_day.isoformat(), "method": row.method},
    )
    return MethodOut(number=row.number, first_day=row.first_day, method=wanted.method)


async def _taken(
    reading: Readings, subject: str, row: ReportRow | PublicationRow, content: bytes, media_type: str
) -> Response:
    form = "docx" if media_type == _DOCX else "xlsx"
    await reading.note("report.exported", subject, {"kind": row.kind, "period": row.period, "form": form})
    return Response(
        content,
        media_type=media_type,
        headers={"Content-Disposition": f'attachment; filename="{row.kind}-{row.period}.{form}"'},
    )


def _out(row: PublicationRow) -> PublicationOut:
    return PublicationOut(
        id=row.id,
        kind=ReportKind(row.kind),
        period=row.period,
        revision=row.revision,
        reason=row.reason,
        published_by=row.published_by,
        published_at=row.published_at,
        sha256=row.sha256.hex(),
        document_sha256=row.document_sha256.hex(),
        workbook_sha256=row.workbook_sha256.hex(),
    )
