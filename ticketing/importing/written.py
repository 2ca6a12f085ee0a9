"""What people and old systems write in a cell: moments in several forms, terms, numbers. Pure.

Every function raises ValueError with the Chinese sentence that the row's report holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

from ticketing.vocabulary import Term

TermT = TypeVar("TermT", bound=Term)

_DAY: Final = r"(?P<year>\d{4})(?:-|/|\.|年)(?P<month>\d{1,2})(?:-|/|\.|月)(?P<day>\d{1,2})日?"
_TIME: Final = (
    r"(?P<half>上午|下午|凌晨|中午|晚上|AM|PM)?\s*(?P<hour>\d{1,2})(?::|时|点)(?P<minute>\d{1,2})分?"
    r"(?::?(?P<second>\d{1,2})(?:\.\d+)?秒?)?\s*(?P<half_after>AM|PM)?"
)
_ZONE: Final = r"(?P<zone>Z|[+-]\d{2}:?\d{2})?"
_MOMENT: Final = re.compile(rf"{_DAY}(?:[ T]*(?:星期.|周.)?\s*{_TIME})?{_ZONE}", re.IGNORECASE)
_COMPACT: Final = re.compile(r"(\d{4})(\d{2})(\d{2})(?:(\d{2})(\d{2})(\d{2})?)?")
_SERIAL: Final = re.compile(r"\d{5}(\.\d+)?")
"""Days since 1899-12-30: what a workbook keeps, and what remains of a moment copied as a number."""
_EPOCH: Final = datetime(1899, 12, 30)
_FIRST_YEAR: Final = 1983
"""The first mayor's hotline (沈阳) opened then."""
_FORMS: Final = "应为日期时间，如 2024-01-31 08:05:00、2024/1/31 8:05 或 2024年1月31日8时5分"
_AFTERNOON: Final = frozenset({"下午", "晚上", "PM"})
_WIDE: Final = {0xFF10 + digit: 0x30 + digit for digit in range(10)} | {0xFF1A: 0x3A, 0x3000: 0x20, 0xFF0F: 0x2F}


def moment(cell: str | date | datetime, zone: ZoneInfo) -> datetime:
    """A moment, in UTC, of what is written by the clocks of `zone`; a day alone is its beginning."""
    if isinstance(cell, datetime):
        local = cell
    elif isinstance(cell, date):
        local = datetime.combine(cell, time())
    else:
        local = _local(cell.translate(_WIDE).strip())
    if local.tzinfo is None:
        local = local.replace(tzinfo=zone)
    if local.year < _FIRST_YEAR:
        raise ValueError(f"早于 {_FIRST_YEAR} 年")
    # Workbooks keep moments as fractions of a day.
    return (local.astimezone(UTC) + timedelta(milliseconds=500)).replace(microsecond=0)


def day(cell: str | date | datetime, zone: ZoneInfo) -> date:
    """A day."""
    return moment(cell, zone).astimezone(zone).date()


def one_of(words: type[TermT], text: str, more: Mapping[str, TermT]) -> TermT:
    """A word of the vocabulary by its term, its value, or one of `more`."""
    for word in words:
        if text in (word.term, word.value):
            return word
    if text in more:
        return more[text]
    known = "、".join(word.term for word in words)
    raise ValueError(f"“{text[:20]}”不认识，应为：{known}（或在映射中写明）")


def count(text: str, most: int) -> int:
    """A number of times."""
    if not re.fullmatch(r"\d{1,3}", text) or int(text) > most:
        raise ValueError(f"应为 0 至 {most} 的整数")
    return int(text)


def yes_or_no(text: str) -> bool:
    """是 or 否."""
    found = {"是": True, "否": False, "": False, "1": True, "0": False, "公开": True, "不公开": False}.get(text)
    if found is None:
        raise ValueError("应为“是”或“否”")
    return found


def _local(text: str) -> datetime:
    try:
        if found := _MOMENT.fullmatch(text):
            return _of_parts(found)
        if found := _COMPACT.fullmatch(text):
            return datetime(*(int(part or 0) for part in found.groups()))  # type: ignore[arg-type]
        if _SERIAL.fullmatch(text):
            return _EPOCH + timedelta(days=float(text))
    except ValueError:
        raise ValueError(f"没有这个日期或时间：{text[:30]}") from None
    raise ValueError(_FORMS)


def _of_parts(found: re.Match[str]) -> datetime:
    parts = {name: int(found[name] or 0) for name in ("year", "month", "day", "hour", "minute", "second")}
    half = (found["half"] or found["half_after"] or "").upper()
    if half in _AFTERNOON and parts["hour"] < 12:
        parts["hour"] += 12
    elif half in {"上午", "凌晨", "AM"} and parts["hour"] == 12:
        parts["hour"] = 0
    local = datetime(**parts)  # type: ignore[arg-type]
    if (zone := found["zone"]) is None:
        return local
    return local.replace(tzinfo=datetime.fromisoformat(f"2000-01-01T00:00:00{zone.replace('Z', '+00:00')}").tzinfo)
