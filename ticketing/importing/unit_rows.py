"""An old system's units (承办单位) become ours: by the code they had there, under the unit they lay under."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from directory.models import UnitLevel
from ticketing.importing.rows import LONGEST_KEY, RowReader

_LEVELS: Final[Mapping[str, UnitLevel]] = MappingProxyType(
    {
        "省级": UnitLevel.PROVINCE,
        "省": UnitLevel.PROVINCE,
        "市级": UnitLevel.CITY,
        "市": UnitLevel.CITY,
        "市直": UnitLevel.CITY,
        "县级": UnitLevel.COUNTY,
        "县": UnitLevel.COUNTY,
        "区县": UnitLevel.COUNTY,
        "县区": UnitLevel.COUNTY,
        **{level.value: level for level in UnitLevel},
    }
)


@dataclass(frozen=True, slots=True)
class OldUnit:
    """What a row says; `parent` is the old system's code of the unit above it, empty for none."""

    key: str
    name: str
    level: str
    parent: str


def read(row: RowReader) -> OldUnit | None:
    """The unit; None where `row.problems` says why not."""
    key = row.key()
    name = row.text("name", 64, needed=True)
    if "/" in name:
        row.wrong("name", "名称中不能有“/”")
    parent = row.text("parent", LONGEST_KEY)
    level = row.read("level", lambda cell: _level(str(cell)))
    if parent and parent == key:
        row.wrong("parent", "上级是它自己")
    default = UnitLevel.COUNTY if parent else UnitLevel.CITY
    return None if row.problems else OldUnit(key, name, (level or default).value, parent)


def _level(text: str) -> UnitLevel:
    if (level := _LEVELS.get(text)) is None:
        raise ValueError("应为：省级、市级、县级")
    return level
