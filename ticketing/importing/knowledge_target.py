"""Rows that hold knowledge (知识)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ticketing.importing import knowledge_rows
from ticketing.importing.knowledge_rows import OldEntry
from ticketing.importing.rows import Problem, RowReader
from ticketing.importing.tables import ImportRecordRow
from ticketing.importing.taking import ADDED, CHANGED, UNCHANGED, Place, Records, Result, digest, known_units, record_of
from ticketing.importing.words import Clash, Kind, Outcome
from ticketing.knowledge import editing
from ticketing.knowledge.schemas import Content, NewEntry
from ticketing.knowledge.tables import EntryRow


class Knowledge:
    """知识库: each becomes a draft, for a second person to check."""

    batch = 200

    def __init__(self, place: Place) -> None:
        self._place = place
        self._units: Mapping[str, Sequence[int]] = {}

    async def prepare(self, session: AsyncSession) -> None:
        self._units = await known_units(session, self._place.source)

    def read(self, row: RowReader) -> OldEntry | None:
        item = knowledge_rows.read(row, self._units, self._place.zone)
        if item is not None:
            row.read("key", lambda key: knowledge_rows.code_of(self._place.source, str(key)))
        return None if row.problems else item

    def check(self, rows: Sequence[tuple[RowReader, OldEntry]], records: Records) -> list[Problem]:  # noqa: ARG002
        return []

    async def take(
        self, session: AsyncSession, items: Sequence[OldEntry], records: Records, *, write: bool
    ) -> list[Result]:
        codes = [knowledge_rows.code_of(self._place.source, item.key) for item in items]
        wanted = select(EntryRow).where(EntryRow.code.in_(codes))
        entries = {row.code: row for row in await session.scalars(wanted.execution_options(populate_existing=True))}
        results = []
        for item, code in zip(items, codes, strict=True):
            result = self._judge(item, records.get(item.key), entries.get(code))
            results.append(result)
            if write and result.outcome is Outcome.ADDED:
                await self._add(session, item, code)
            elif write and result.outcome is Outcome.CHANGED:
                await self._change(session, item, records[item.key], entries[code])
        return results

    def _judge(self, item: OldEntry, record: ImportRecordRow | None, entry: EntryRow | None) -> Result:
        if record is None:
            return ADDED if entry is None else Result(Outcome.CONFLICT, Clash.CODE_TAKEN)
        if record.digest == digest(item):
            return UNCHANGED
        worked_on = entry is None or entry.latest != record.version
        return Result(Outcome.CONFLICT, Clash.WORKED_ON) if worked_on else CHANGED

    async def _add(self, session: AsyncSession, item: OldEntry, code: str) -> None:
        place, today = self._place, self._place.now.astimezone(self._place.zone).date()
        new = NewEntry(
            code=code,
            unit_id=item.unit,
            review_on=knowledge_rows.review_day(item, today),
            content=self._content(item),
        )
        await editing.create(session, new, place.editor, at=place.now)
        entry_id = (await session.scalars(select(EntryRow.id).where(EntryRow.code == code))).one()
        session.add(record_of(place, Kind.KNOWLEDGE, item, 1, entry_id=entry_id))

    async def _change(self, session: AsyncSession, item: OldEntry, record: ImportRecordRow, entry: EntryRow) -> None:
        place = self._place
        file = await editing.write(
            session, entry.code, self._content(item), place.editor, read=record.version, at=place.now
        )
        entry.unit_id = item.unit
        record.version, record.digest = file.entry.latest, digest(item)
        record.imported_at, record.imported_by = place.now, place.editor.user

    def _content(self, item: OldEntry) -> Content:
        return Content(
            title=item.title,
            answer=item.answer,
            spoken=item.spoken,
            category=item.category,
            public=item.public,
            valid_from=item.valid_from or self._place.now.astimezone(self._place.zone).date(),
            valid_until=item.valid_until,
            comment=f"由原系统 {self._place.source} 导入，原编号 {item.key}",
        )
