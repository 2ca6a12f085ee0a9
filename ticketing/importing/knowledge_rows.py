"""An old system's knowledge becomes drafts of ours: what was checked there is checked here by a second person too."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from ticketing.importing import written
from ticketing.importing.rows import RowReader
from ticketing.importing.ticket_rows import unit_of

_OTHER: Final = re.compile(r"[^A-Za-z0-9_.-]")
_REVIEWED_AFTER: Final = timedelta(days=90)
"""Where the old system has no date for it: looked at anew within a quarter of coming in."""


@dataclass(frozen=True, slots=True)
class OldEntry:
    """What a row says; `unit` is the id of ours."""

    key: str
    title: str
    answer: str
    spoken: str
    category: str
    unit: int
    public: bool
    valid_from: date | None
    valid_until: date | None
    review_on: date | None


def read(row: RowReader, units: Mapping[str, Sequence[int]], zone: ZoneInfo) -> OldEntry | None:
    """The entry; None where `row.problems` says why not."""
    key = row.key()
    if _OTHER.search(key):
        row.wrong("key", "只能用字母、数字、点、横线和下划线（可在映射中写明）")
    title, answer = row.text("title", 200, needed=True), row.text("answer", 10_000, needed=True)
    unit = row.read("unit", lambda cell: unit_of(str(cell), units))
    if unit is None and not any(problem.column == row.layout.header("unit", row.kind) for problem in row.problems):
        row.wrong("unit", "不能为空")
    begins, ends, review = (
        row.read(name, lambda cell: written.day(cell, zone)) for name in ("valid_from", "valid_until", "review_on")
    )
    if begins is not None and ends is not None and ends < begins:
        row.wrong("valid_until", "早于生效日期")
    public = row.read("public", lambda cell: written.yes_or_no(str(cell)))
    spoken, category = row.text("spoken", 600), row.text("category", 64)
    if row.problems or unit is None:
        return None
    return OldEntry(key, title, answer, spoken, category, unit, bool(public), begins, ends, review)


def code_of(source: str, key: str) -> str:
    """The entry's code here: the old system's name keeps two systems' numbers apart. Raises ValueError."""
    code = f"{source}-{key}"
    if len(code) > 60:
        raise ValueError(f"编号过长：连同来源名“{source}-”最多 60 个字符")
    return code


def review_day(old: OldEntry, today: date) -> date:
    """When it is looked at anew: as the old system has it, unless that has passed."""
    planned = old.review_on or today + _REVIEWED_AFTER
    return max(planned, today + timedelta(days=1))
