"""One import: a file is looked through whole, then written in batches, each with its records in one transaction.

Nothing is written while a row is wrong, unless only the good ones are asked for. An import that was killed is run
again: what its batches wrote is known by the old system's numbers, and the rest follows as it would have.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from directory import audit
from hotline.clock import Clock
from hotline.database import Database
from hotline.locks import Lock, taken_at_once
from ticketing.importing.errors import FileUnreadable
from ticketing.importing.files import TableFile
from ticketing.importing.knowledge_target import Knowledge
from ticketing.importing.mapping import FileMapping, Layout, check_source, lay_out
from ticketing.importing.rows import Problem, RowReader
from ticketing.importing.tables import ImportMappingRow, ImportRecordRow
from ticketing.importing.taking import Place, Records, Target
from ticketing.importing.ticket_target import Tickets
from ticketing.importing.unit_target import Units
from ticketing.importing.words import Kind, Outcome
from ticketing.knowledge.schemas import Editor
from ticketing.vocabulary import Term

MOST_PROBLEMS: Final = 100_000
"""So many are told by row; the rest is counted."""
_AGAIN_SECONDS: Final = 0.1


class Phase(Term):
    """What an import is at."""

    CHECKING = "checking", "检查"
    WRITING = "writing", "写入"


@dataclass(frozen=True, slots=True)
class Conflict:
    """A row that does not go in by itself; the others do."""

    row: int
    key: str
    reason: str
    """`Clash`."""
    why: str


@dataclass
class ImportReport:
    """What an import did, or would. `refused`: rows are wrong, and nothing was written."""

    kind: Kind
    source: str
    dry_run: bool
    ignored_columns: tuple[str, ...] = ()
    rows: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    problem_count: int = 0
    conflicts: list[Conflict] = field(default_factory=list)
    refused: bool = False

    def add_problems(self, problems: list[Problem]) -> None:
        """Keep them as far as they can be told."""
        self.problem_count += len(problems)
        self.problems += problems[: max(0, MOST_PROBLEMS - len(self.problems))]


Told = Callable[[Phase, int, int | None], None]
"""How far it is: the phase, rows done, rows there are (None: nobody knows yet)."""


class Importer:
    """Imports into one city's system. `zone` is the IANA zone of what old systems wrote, `area_code` that of numbers
    without one."""

    def __init__(self, database: Database, *, site: str, zone: str, area_code: str, clock: Clock) -> None:
        self._database = database
        self._site = site
        self._zone = ZoneInfo(zone)
        self._area_code = area_code
        self._clock = clock

    async def run(
        self,
        path: Path,
        kind: Kind,
        *,
        source: str,
        editor: Editor,
        mapping: FileMapping | None = None,
        dry_run: bool = True,
        good_rows_only: bool = False,
        told: Told = lambda _phase, _done, _all: None,
    ) -> ImportReport:
        """Import a file, or, as a trial, say what would happen. `mapping`: the one that is kept, if not given.

        Raises FileUnreadable, MappingWrong.
        """
        check_source(source)
        place = Place(self._site, self._zone, self._area_code, source, editor, self._clock.now())
        target = _target_of(kind, place)
        async with self._database.transaction() as session:
            mapping = mapping or await kept_mapping(session, source, kind)
            await target.prepare(session)
        file = await asyncio.to_thread(TableFile, path, sheet=mapping.sheet)
        layout = lay_out(kind, mapping, await asyncio.to_thread(lambda: file.headers))
        report = ImportReport(kind, source, dry_run, layout.ignored)
        work = _Work(self._database, file, layout, mapping, target, place, kind, report, told)
        await work.look_through()
        report.refused = bool(report.problem_count) and not dry_run and not good_rows_only
        if not dry_run and not report.refused:
            report.outcomes.clear()
            report.conflicts.clear()
            await work.write()
        return report


def _target_of(kind: Kind, place: Place) -> Target[Any]:
    match kind:
        case Kind.TICKETS:
            return Tickets(place)
        case Kind.UNITS:
            return Units(place)
        case Kind.KNOWLEDGE:
            return Knowledge(place)


async def kept_mapping(session: AsyncSession, source: str, kind: Kind) -> FileMapping:
    """How this old system's files are read; without one, by the names columns usually have."""
    row = await session.get(ImportMappingRow, (kind.value, source))
    return FileMapping() if row is None else FileMapping.model_validate(row.mapping)


async def _turn(session: AsyncSession) -> None:
    """Wait until no other import writes a batch: longer than a statement may take, if it must be."""
    while not await taken_at_once(session, Lock.IMPORTS):  # noqa: ASYNC110 - no event
        await asyncio.sleep(_AGAIN_SECONDS)


@dataclass
class _Work:
    database: Database
    file: TableFile
    layout: Layout
    mapping: FileMapping
    target: Target[Any]
    place: Place
    kind: Kind
    report: ImportReport
    told: Told

    async def look_through(self) -> None:
        async for rows, problems, seen in self._batches():
            self.report.add_problems(problems)
            async with self.database.transaction() as session:
                records = await self._records(session, rows)
                # Each row keeps what is wrong with it by itself; here it is with the others.
                among = self.target.check(rows, records)
                self.report.add_problems(among)
                good = [(row, item) for row, item in rows if not row.problems]
                await self._take(session, good, records, write=False)
            self.report.rows = seen
            self.told(Phase.CHECKING, seen, None)
        self.report.problems.sort(key=lambda problem: problem.row)

    async def write(self) -> None:
        async for rows, _, seen in self._batches():
            async with self.database.transaction() as session:
                await _turn(session)
                records = await self._records(session, rows)
                self.target.check(rows, records)
                good = [(row, item) for row, item in rows if not row.problems]
                before = Counter(self.report.outcomes)
                await self._take(session, good, records, write=True)
                done = self.report.outcomes - before
                if good and (done[Outcome.ADDED] or done[Outcome.CHANGED]):
                    await self._record(session, done, good[0][0].row.number, good[-1][0].row.number)
            self.told(Phase.WRITING, seen, self.report.rows)

    async def _take(
        self, session: AsyncSession, good: list[tuple[RowReader, Any]], records: Records, *, write: bool
    ) -> None:
        results = await self.target.take(session, [item for _, item in good], records, write=write)
        for (row, item), result in zip(good, results, strict=True):
            self.report.outcomes[result.outcome] += 1
            if result.clash is not None and len(self.report.conflicts) < MOST_PROBLEMS:
                self.report.conflicts.append(Conflict(row.row.number, item.key, result.clash.value, result.clash.term))

    async def _record(self, session: AsyncSession, done: Counter[Outcome], first: int, last: int) -> None:
        """The last thing in the batch's transaction; names no citizen."""
        await audit.record(
            session,
            at=self.place.now,
            actor=self.place.editor.user,
            action=f"import.{self.kind}",
            subject=f"import:{self.place.source}",
            after={"rows": [first, last], "added": done[Outcome.ADDED], "changed": done[Outcome.CHANGED]},
        )

    async def _records(self, session: AsyncSession, rows: list[tuple[RowReader, Any]]) -> Records:
        wanted = {item.key for _, item in rows} | {
            parent for _, item in rows if (parent := getattr(item, "parent", ""))
        }
        found = await session.scalars(
            select(ImportRecordRow).where(
                ImportRecordRow.kind == self.kind.value,
                ImportRecordRow.source == self.place.source,
                ImportRecordRow.key.in_(wanted),
            )
        )
        return {record.key: record for record in found}

    async def _batches(self) -> AsyncIterator[tuple[list[tuple[RowReader, Any]], list[Problem], int]]:
        """Good rows of the file with their items, what is wrong with the others, and how many rows that makes."""
        lines = self.file.rows()
        keys = _Keys()
        seen = 0

        def some() -> tuple[list[tuple[RowReader, Any]], list[Problem], int]:
            good: list[tuple[RowReader, Any]] = []
            problems: list[Problem] = []
            count = 0
            for line in islice(lines, self.target.batch):
                count += 1
                row = RowReader(self.kind, line, self.layout, self.mapping)
                item = self.target.read(row)
                if item is not None and (before := keys.row_of(item.key, line.number)) != line.number:
                    row.wrong("key", f"与第 {before} 行相同")
                if item is None or row.problems:
                    problems += row.problems
                else:
                    good.append((row, item))
            return good, problems, count

        try:
            while True:
                good, problems, count = await asyncio.to_thread(some)
                if not count:
                    return
                if seen and self.kind is Kind.UNITS:
                    raise FileUnreadable(f"单位最多 {self.target.batch} 个")
                seen += count
                yield good, problems, seen
        finally:
            keys.close()


class _Keys:
    """The numbers a file has had, on disk: a million of them are not held in memory."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._file.execute("CREATE TABLE keys (key TEXT PRIMARY KEY, row INTEGER) WITHOUT ROWID")
        self._file.execute("BEGIN")

    def row_of(self, key: str, row: int) -> int:
        """The row that had the number first: `row` itself if none had."""
        if self._file.execute("INSERT OR IGNORE INTO keys VALUES (?, ?)", (key, row)).rowcount:
            return row
        (first,) = self._file.execute("SELECT row FROM keys WHERE key = ?", (key,)).fetchone()
        return int(first)

    def close(self) -> None:
        self._file.close()
