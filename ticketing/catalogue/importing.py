"""Code tables from files: categories (事项分类) and the catalogue itself (派单目录).

A file is taken whole or not at all; a trial (dry run) says what would happen. The same file a second time changes
nothing. What a file no longer names is left as it is: to retire a category, or to end a row, is said in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Unit
from ticketing.catalogue.entries import Entry
from ticketing.catalogue.errors import ImportRefused
from ticketing.catalogue.sheets import Column, SheetRow
from ticketing.catalogue.tables import CatalogueRow, CategoryRow

CATEGORY_COLUMNS: Final = (
    Column("code", "编码"),
    Column("name", "名称"),
    Column("parent", "上级编码", needed=False),
    Column("retired", "停用", needed=False),
)
CATALOGUE_COLUMNS: Final = (
    Column("category", "类别编码"),
    Column("area", "区划代码", needed=False),
    Column("lead", "主办单位"),
    Column("assisting", "协办单位", needed=False),
    Column("from", "生效日期"),
    Column("until", "失效日期", needed=False),
    Column("note", "备注", needed=False),
)
_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_BETWEEN_UNITS: Final = re.compile(r"[、；;，,\n]")
_YES_OR_NO: Final = {"": False, "否": False, "是": True}


@dataclass(slots=True)
class ImportReport:
    """What an import did, or would do: keys of rows, and bad rows by line."""

    dry_run: bool
    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: int = 0
    bad: list[tuple[str, str]] = field(default_factory=list)
    """(`line 7`, why)."""


async def import_categories(session: AsyncSession, rows: Iterable[SheetRow], *, dry_run: bool) -> ImportReport:
    """Bring a code table of categories (`CATEGORY_COLUMNS`) in. Raises ImportRefused unless it is a trial."""
    report = ImportReport(dry_run)
    known = {row.code: row for row in await session.scalars(select(CategoryRow))}
    parents = {code: row.parent_code for code, row in known.items()}
    good: dict[str, tuple[SheetRow, bool]] = {}
    for row in rows:
        code, retired = row.values["code"], _YES_OR_NO.get(row.values["retired"])
        if why := _wrong_category(row):
            _bad(report, row, why)
        elif code in good:
            _bad(report, row, f"编码 {code} 在第 {good[code][0].line} 行已有")
        else:
            good[code] = row, retired is True
            parents[code] = row.values["parent"] or None
    for code, (row, _) in good.items():
        if (parent := parents[code]) is not None and parent not in parents:
            _bad(report, row, f"没有上级编码 {parent}")
        elif _in_a_circle(code, parents):
            _bad(report, row, "上级编码形成循环")
    _refuse(report)
    for code, (row, retired) in good.items():
        before = known.get(code)
        wanted = (row.values["name"], parents[code], not retired)
        if before is None:
            report.added.append(code)
        elif (before.name, before.parent_code, before.active) != wanted:
            report.changed.append(code)
        else:
            report.unchanged += 1
    if not dry_run:
        await _write_categories(session, good, parents, known)
    return report


async def import_catalogue(
    session: AsyncSession, rows: Iterable[SheetRow], *, dry_run: bool, today: date, by: str, at: datetime
) -> ImportReport:
    """Bring rows of the dispatch catalogue (`CATALOGUE_COLUMNS`) in. A row that has begun before `today` is not
    rewritten: it may be ended, and another may begin. Raises ImportRefused unless it is a trial."""
    report = ImportReport(dry_run)
    categories = set(await session.scalars(select(CategoryRow.code)))
    units = await units_by_name(session)
    known = {
        (row.category_code, row.area_code, row.from_day): row for row in await session.scalars(select(CatalogueRow))
    }
    seen: dict[tuple[str, str, date], int] = {}
    good: list[Entry] = []
    for row in rows:
        try:
            entry = _entry(row, categories, units)
            if (line := seen.get(entry.key)) is not None:
                raise ValueError(f"与第 {line} 行的类别、区划、生效日期相同")
            seen[entry.key] = row.line
            if (before := known.get(entry.key)) is not None:
                entry.may_replace(before, today)
        except ValueError as error:
            _bad(report, row, str(error))
            continue
        good.append(entry)
    _refuse(report)
    for entry in good:
        key = " ".join(filter(None, (entry.category, entry.area, entry.from_day.isoformat())))
        before = known.get(entry.key)
        if before is None:
            report.added.append(key)
        elif entry.same_as(before):
            report.unchanged += 1
            continue
        else:
            report.changed.append(key)
        if not dry_run:
            session.add(entry.written_to(before or CatalogueRow(), by, at))
    await session.flush()
    return report


def _wrong_category(row: SheetRow) -> str:
    name = row.values["name"]
    if not _CODE.fullmatch(row.values["code"]):
        return "编码应为 1 至 32 位字母、数字、点、横线"
    if not name or len(name) > 64 or not name.isprintable():
        return "名称应为 1 至 64 个字"
    return "" if row.values["retired"] in _YES_OR_NO else "停用应为“是”“否”或空"


def _entry(row: SheetRow, categories: set[str], units: Mapping[str, list[int]]) -> Entry:
    values = row.values
    if values["category"] not in categories:
        raise ValueError(f"没有类别编码 {values['category'][:32]}")
    lead = _unit(values["lead"], units)
    assisting = tuple(_unit(name.strip(), units) for name in _BETWEEN_UNITS.split(values["assisting"]) if name.strip())
    from_day = _day(values["from"], "生效日期")
    until_day = _day(values["until"], "失效日期") if values["until"] else None
    entry = Entry(values["category"], values["area"], lead, assisting, from_day, until_day, values["note"])
    entry.check()
    return entry


def _day(written: str, term: str) -> date:
    try:
        return date(*map(int, re.split("[-/]", written)))
    except (TypeError, ValueError):
        raise ValueError(f"{term}应为 2026-01-31 的形式") from None


def _unit(name: str, units: Mapping[str, list[int]]) -> int:
    found = units.get(name, [])
    if not found:
        raise ValueError(f"没有单位“{name[:64]}”")
    if len(found) > 1:
        raise ValueError(f"有几个单位叫“{name[:64]}”，请写“上级单位/{name[:64]}”")
    return found[0]


async def units_by_name(session: AsyncSession) -> dict[str, list[int]]:
    """By name, and by the way down to it (`湖滨区/住建局`)."""
    rows = {row.id: row for row in await session.scalars(select(Unit))}
    names: dict[str, list[int]] = {}
    for row in rows.values():
        written, above = row.name, row.parent_id
        names.setdefault(written, []).append(row.id)
        while above is not None and len(written) < 400:
            written, above = f"{rows[above].name}/{written}", rows[above].parent_id
            names.setdefault(written, []).append(row.id)
    return names


async def _write_categories(
    session: AsyncSession,
    good: Mapping[str, tuple[SheetRow, bool]],
    parents: Mapping[str, str | None],
    known: dict[str, CategoryRow],
) -> None:
    for code in good.keys() - known.keys():
        known[code] = CategoryRow(code=code, parent_code=None, name="", active=True)
        session.add(known[code])
    # A parent may stand below its children in the file.
    await session.flush()
    for code, (row, retired) in good.items():
        known[code].name, known[code].parent_code, known[code].active = row.values["name"], parents[code], not retired
    await session.flush()


def _in_a_circle(code: str, parents: Mapping[str, str | None]) -> bool:
    seen: set[str] = set()
    here: str | None = code
    while here is not None and here not in seen:
        seen.add(here)
        here = parents.get(here)
    return here is not None


def _bad(report: ImportReport, row: SheetRow, why: str) -> None:
    report.bad.append((f"line {row.line}", why))


def _refuse(report: ImportReport) -> None:
    report.bad.sort(key=lambda bad: int(bad[0].split()[1]))
    if report.bad and not report.dry_run:
        raise ImportRefused(report.bad)
