"""Rows of the dispatch catalogue (派单目录) one by one: what a row may say, and what of one that has begun may change.

A row is a version: of one category and area the newest that has begun counts. What it said while it counted is never
rewritten, so that a ticket of that time can be explained; it is ended, and another begins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Unit
from hotline.errors import NotFound, Stale
from ticketing.catalogue.errors import CategoryNotFound, EntryRefused, EntryTaken
from ticketing.catalogue.tables import CatalogueRow, CategoryRow
from ticketing.errors import UnitNotFound

_AREA: Final = re.compile(r"([0-9]{6}([0-9]{6})?)?")
_MOST_ASSISTING: Final = 20


@dataclass(frozen=True, slots=True)
class Entry:
    """What a row says. `area`: 6 or 12 digits (GB/T 2260), empty for everywhere; days are local ones, both in."""

    category: str
    area: str
    lead: int
    assisting: tuple[int, ...]
    from_day: date
    until_day: date | None
    note: str

    @property
    def key(self) -> tuple[str, str, date]:
        """What tells rows apart."""
        return self.category, self.area, self.from_day

    def check(self) -> None:
        """That it can be a row at all. Raises ValueError with the reason in Chinese."""
        if not _AREA.fullmatch(self.area):
            raise ValueError("区划代码应为 6 位或 12 位数字，全市为空")
        if len({self.lead, *self.assisting}) <= len(self.assisting):
            raise ValueError("同一单位写了两次")
        if len(self.assisting) > _MOST_ASSISTING:
            raise ValueError(f"协办单位最多 {_MOST_ASSISTING} 个")
        if self.until_day is not None and self.until_day < self.from_day:
            raise ValueError("失效日期早于生效日期")
        if len(self.note) > 200 or not self.note.isprintable():
            raise ValueError("备注最多 200 个字")

    def may_replace(self, before: CatalogueRow, today: date) -> None:
        """That this may be written over `before`. Raises ValueError with the reason in Chinese."""
        if before.from_day > today:
            return
        if not self.same_units(before):
            raise ValueError("已生效的目录不改写：请写新的生效日期")
        if self.until_day != before.until_day and any(
            day is not None and day < today for day in (self.until_day, before.until_day)
        ):
            raise ValueError("已过去的日期不改写")

    def same_units(self, row: CatalogueRow) -> bool:
        """Whether the row names the same units in the same order."""
        return (row.lead_unit_id, tuple(row.assisting_unit_ids)) == (self.lead, self.assisting)

    def same_as(self, row: CatalogueRow) -> bool:
        """Whether the row of the same key says the same."""
        return self.same_units(row) and (row.until_day, row.note) == (self.until_day, self.note)

    def written_to(self, row: CatalogueRow, by: str, at: datetime) -> CatalogueRow:
        """The row with what this says."""
        row.category_code, row.area_code, row.from_day = self.key
        row.lead_unit_id, row.assisting_unit_ids = self.lead, list(self.assisting)
        row.until_day, row.note, row.made_by, row.made_at = self.until_day, self.note, by, at
        return row


async def enter(session: AsyncSession, entry: Entry, *, today: date, by: str, at: datetime) -> CatalogueRow:
    """A new row, that begins today at the earliest: what was dispatched before is not explained anew.

    Raises CategoryNotFound, UnitNotFound, EntryRefused, EntryTaken if there is one of this category, area and day.
    """
    if entry.from_day < today:
        raise EntryRefused("生效日期不能早于今天", remedy="请从今天或以后的日期开始")
    category = await session.get(CategoryRow, entry.category)
    if category is None or not category.active:
        raise CategoryNotFound(entry.category)
    await _check(session, entry)
    taken = select(CatalogueRow.id).where(
        CatalogueRow.category_code == entry.category,
        CatalogueRow.area_code == entry.area,
        CatalogueRow.from_day == entry.from_day,
    )
    if await session.scalar(taken) is not None:
        raise EntryTaken("the category, area and day have a row", remedy="change that row")
    row = entry.written_to(CatalogueRow(), by, at)
    session.add(row)
    await session.flush()
    return row


async def found(session: AsyncSession, row_id: int) -> CatalogueRow:
    """A row, locked until the transaction ends. Raises NotFound."""
    row = await session.get(CatalogueRow, row_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound("no such row of the catalogue")
    return row


async def change(
    session: AsyncSession, row: CatalogueRow, entry: Entry, *, read: datetime, today: date, by: str, at: datetime
) -> None:
    """Write `entry`, of the row's own key, over a row that `found` gave. `read`: its `made_at` as it was read.

    Raises Stale if somebody wrote it since, UnitNotFound, EntryRefused for what has begun and is not rewritten.
    """
    if row.made_at != read:
        raise Stale("the row was written since it was read")
    await _check(session, entry)
    try:
        entry.may_replace(row, today)
    except ValueError as error:
        raise EntryRefused(str(error), remedy="请结束这一条，再新增一条") from None
    entry.written_to(row, by, at)
    await session.flush()


async def _check(session: AsyncSession, entry: Entry) -> None:
    try:
        entry.check()
    except ValueError as error:
        raise EntryRefused(str(error), remedy="请改正后重新提交") from None
    named = {entry.lead, *entry.assisting}
    known = set(await session.scalars(select(Unit.id).where(Unit.id.in_(named))))
    if missing := named - known:
        raise UnitNotFound(", ".join(map(str, sorted(missing))))
