"""历史数据导入: an old system's tickets, units and knowledge from files, and how its files are read."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path as FilePath
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict
from sqlalchemy.dialects.postgresql import insert

from directory.models import Role
from hotline.errors import PartUnavailable
from ticketing.importing.errors import RowsRefused
from ticketing.importing.mapping import FileMapping, Source
from ticketing.importing.running import Importer, ImportReport, kept_mapping
from ticketing.importing.tables import ImportMappingRow
from ticketing.importing.words import Kind, Outcome
from ticketing.knowledge.schemas import Editor
from web.access import Parts, SignedInBefore, Transaction, actor_of, roles
from web.administration import Administration
from web.problems import DOCUMENTED

__all__ = ["IMPORTS", "LARGEST_BYTES", "router"]

IMPORTS: Final = r"/api/imports/[a-z]+/[^/]+"
"""Paths whose requests may hold `LARGEST_BYTES`."""
LARGEST_BYTES: Final = 32 << 20
"""What a person waits for; longer files are for `hotline import`."""
KEEPERS: Final = (Role.ADMIN, Role.SUPERVISOR)
_MOST_TOLD: Final = 1_000
_ARRIVES_SECONDS: Final = 120.0

router = APIRouter(prefix="/api/imports", tags=["imports"], responses=DOCUMENTED)

KindPath = Annotated[Kind, Path(description="What the file holds.")]
SourcePath = Annotated[Source, Path(description="The old system's short name, e.g. `old12345`.")]

_FILE = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("text/csv", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
        },
    }
}


class ProblemOut(BaseModel):
    """A cell that is refused; the row as a spreadsheet counts it."""

    row: int
    column: str
    why: str


class ConflictOut(BaseModel):
    """A row that people decide about; the others go in."""

    row: int
    key: str
    reason: str
    why: str


class ImportOut(BaseModel):
    """What an import did, or, as a trial, would do. `problems` and `conflicts` are the first thousand; the counts are
    of all."""

    model_config = ConfigDict(frozen=True)

    kind: Kind
    source: str
    dry_run: bool
    rows: int
    added: int
    changed: int
    unchanged: int
    conflict_count: int
    problem_count: int
    problems: list[ProblemOut]
    conflicts: list[ConflictOut]
    ignored_columns: list[str]


@router.get("/{kind}/{source}/mapping", dependencies=[roles(*KEEPERS)])
async def mapping(kind: KindPath, source: SourcePath, session: Transaction) -> FileMapping:
    """How this old system's files are read; empty: by the names that columns usually have."""
    return await kept_mapping(session, source, kind)


@router.put("/{kind}/{source}/mapping", dependencies=[roles(*KEEPERS)])
async def keep_mapping(kind: KindPath, source: SourcePath, body: FileMapping, change: Administration) -> FileMapping:
    """Say how this old system's files are read: its columns, its words, what stands for empty cells."""
    body.check(kind)
    before = await kept_mapping(change.session, source, kind)
    values = {
        "mapping": body.model_dump(mode="json"),
        "changed_by": change.actor,
        "changed_at": change.services.clock.now(),
    }
    statement = insert(ImportMappingRow).values(kind=kind.value, source=source, **values)
    await change.session.execute(statement.on_conflict_do_update(index_elements=["kind", "source"], set_=values))
    await change.record("import.mapping", f"import:{source}", before=before.model_dump(), after=body.model_dump())
    return body


@router.post("/{kind}/{source}", openapi_extra=_FILE)
async def bring_in(
    kind: KindPath,
    source: SourcePath,
    request: Request,
    services: Parts,
    by: SignedInBefore,
    *,
    dry_run: Annotated[bool, Query(description="A trial: nothing is written.")] = True,
    good_rows_only: Annotated[bool, Query(description="Import the good rows although others are wrong.")] = False,
) -> ImportOut:
    """Bring a file in, CSV (UTF-8, GB 18030) or XLSX as the body. The old system's own number tells rows apart: the
    same file again changes nothing, a changed row is an update or a named conflict."""
    by.require(*KEEPERS)
    actor = actor_of(by)
    site = services.settings.site
    importer = Importer(
        services.database, site=site.id, zone=site.timezone, area_code=site.area_code, clock=services.clock
    )
    with tempfile.TemporaryDirectory(prefix="hotline-import-") as folder:
        path = FilePath(folder) / "file"
        await _arrive(request, path)
        report = await importer.run(
            path,
            kind,
            source=source,
            editor=Editor(by.person.id, actor.user, actor.roles, actor.unit_id),
            dry_run=dry_run,
            good_rows_only=good_rows_only,
        )
    if report.refused:
        told = [(f"row {one.row}, {one.column}", one.why) for one in report.problems[:_MOST_TOLD]]
        raise RowsRefused(told, report.problem_count)
    return _out(report)


async def _arrive(request: Request, path: FilePath) -> None:
    try:
        async with asyncio.timeout(_ARRIVES_SECONDS):
            with path.open("wb") as stream:
                async for piece in request.stream():
                    stream.write(piece)
    except TimeoutError:
        raise PartUnavailable("上传没有在两分钟内完成", remedy="请检查网络后重试，或用 hotline import 导入") from None


def _out(report: ImportReport) -> ImportOut:
    return ImportOut(
        kind=report.kind,
        source=report.source,
        dry_run=report.dry_run,
        rows=report.rows,
        added=report.outcomes[Outcome.ADDED],
        changed=report.outcomes[Outcome.CHANGED],
        unchanged=report.outcomes[Outcome.UNCHANGED],
        conflict_count=report.outcomes[Outcome.CONFLICT],
        problem_count=report.problem_count,
        problems=[ProblemOut(row=one.row, column=one.column, why=one.why) for one in report.problems[:_MOST_TOLD]],
        conflicts=[
            ConflictOut(row=one.row, key=one.key, reason=one.reason, why=one.why)
            for one in report.conflicts[:_MOST_TOLD]
        ],
        ignored_columns=list(report.ignored_columns),
    )
