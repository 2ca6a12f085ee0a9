"""Rows that hold units (承办单位)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from directory import repository as directory
from directory.models import Unit, UnitLevel
from ticketing.importing import unit_rows
from ticketing.importing.rows import Problem, RowReader
from ticketing.importing.taking import ADDED, CHANGED, UNCHANGED, Place, Records, Result, digest, record_of
from ticketing.importing.unit_rows import OldUnit
from ticketing.importing.words import Clash, Kind, Outcome


class Units:
    """承办单位: one transaction for the file, as those above may stand below."""

    batch = 20_000

    def __init__(self, place: Place) -> None:
        self._place = place

    async def prepare(self, session: AsyncSession) -> None:
        """Nothing: a unit is read by itself."""

    def read(self, row: RowReader) -> OldUnit | None:
        return unit_rows.read(row)

    def check(self, rows: Sequence[tuple[RowReader, OldUnit]], records: Records) -> list[Problem]:
        parents = {item.key: item.parent for _, item in rows}
        for row, item in rows:
            if _circle(item.key, parents):
                row.wrong("parent", "上级单位形成循环")
            elif item.level == UnitLevel.COUNTY and not item.parent:
                row.wrong("parent", "县级单位应写明上级单位")
        # Whoever lies under a unit that does not come in does not come in either.
        left, there = list(rows), set[str]()
        while there != (there := {item.key for row, item in left} | records.keys()):
            for row, item in left:
                if item.parent and item.parent not in there:
                    row.wrong("parent", f"没有上级单位编码“{item.parent}”，或该行有误")
            left = [(row, item) for row, item in left if not row.problems]
        return [problem for row, _ in rows for problem in row.problems]

    async def take(
        self, session: AsyncSession, items: Sequence[OldUnit], records: Records, *, write: bool
    ) -> list[Result]:
        """As a trial the same is done and undone: whom a unit lies under may be new itself."""
        await directory.begin_change(session, self._place.now)
        async with session.begin_nested() as undone:
            results = await self._take(session, items, records)
            if not write:
                await undone.rollback()
        if write and any(result.outcome is not Outcome.UNCHANGED for result in results.values()):
            await directory.changed(session, self._place.now)
        return [results[item.key] for item in items]

    async def _take(self, session: AsyncSession, items: Sequence[OldUnit], records: Records) -> dict[str, Result]:
        ids = {key: record.unit_id for key, record in records.items()}
        results: dict[str, Result] = {}
        for item in _parents_first(items):
            parent = ids.get(item.parent)
            record = records.get(item.key)
            if record is not None and record.digest == digest(item):
                results[item.key] = UNCHANGED
                continue
            named = await directory.unit(session, item.name, parent)
            if record is None:
                results[item.key] = ADDED if named is None else UNCHANGED
                unit = named or Unit(name=item.name, level=UnitLevel(item.level), parent_id=parent)
                session.add(unit)
                await session.flush()
                ids[item.key] = unit.id
                session.add(record_of(self._place, Kind.UNITS, item, 1, unit_id=unit.id))
            elif named is not None and named.id != record.unit_id:
                results[item.key] = Result(Outcome.CONFLICT, Clash.NAME_TAKEN)
            else:
                unit = await session.get_one(Unit, record.unit_id)
                unit.name, unit.level, unit.parent_id = item.name, UnitLevel(item.level), parent
                record.digest, record.imported_at = digest(item), self._place.now
                record.imported_by = self._place.editor.user
                results[item.key] = CHANGED
                await session.flush()
        return results


def _circle(key: str, parents: Mapping[str, str]) -> bool:
    seen: set[str] = set()
    here = key
    while here and here not in seen:
        seen.add(here)
        here = parents.get(here, "")
    return bool(here)


def _parents_first(items: Sequence[OldUnit]) -> list[OldUnit]:
    by_key = {item.key: item for item in items}

    def depth(item: OldUnit) -> int:
        deep = 0
        while (above := by_key.get(item.parent)) is not None:
            item, deep = above, deep + 1
        return deep

    return sorted(items, key=depth)
