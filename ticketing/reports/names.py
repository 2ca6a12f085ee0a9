"""What units, categories and areas are called in a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Unit
from ticketing.catalogue import categories

UNKNOWN: Final = "未登记"


@dataclass(frozen=True, slots=True)
class Names:
    """As they are now; a report keeps them."""

    units: Mapping[int, str]
    categories: Mapping[str, str]

    @classmethod
    async def of(cls, session: AsyncSession) -> Self:
        """From the directory and the tree of categories."""
        units = {row.id: row.name for row in await session.execute(select(Unit.id, Unit.name))}
        return cls(units, {row.code: row.name for row in await categories.tree(session)})

    def unit(self, unit_id: int | None) -> str:
        """Of the centre, where no unit is named."""
        return "热线中心" if unit_id is None else self.units.get(unit_id, str(unit_id))

    def category(self, code: str) -> str:
        """The code itself where the tree does not have it."""
        return self.categories.get(code, code) if code else UNKNOWN

    def area(self, code: str) -> str:
        """Areas are told by their code (行政区划代码)."""
        return code or UNKNOWN
