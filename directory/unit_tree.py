"""The tree of units (单位层级): who lies below whom, and which county's each is."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Integer, literal, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession

from directory.models import Unit, UnitLevel

_DEEPEST: Final = 20
"""Steps up; a circle in the directory ends there."""


async def with_those_below(session: AsyncSession, units: Collection[int]) -> frozenset[int]:
    """The units and all below them, at any depth."""
    if not units:
        return frozenset()
    tree = select(Unit.id).where(Unit.id.in_(units)).cte("tree", recursive=True)
    # UNION, not UNION ALL: a circle in the directory ends.
    tree = tree.union(select(Unit.id).join(tree, Unit.parent_id == tree.c.id))
    return frozenset(await session.scalars(select(tree.c.id)))


async def below(session: AsyncSession, unit: int | None) -> frozenset[int]:
    """All units below this one, without itself."""
    return frozenset() if unit is None else await with_those_below(session, [unit]) - {unit}


def counties() -> Any:
    """Rows (`unit_id`, `county_id`) as part of a greater question: of each unit of a county the highest of the
    county's units that it lies below, or is. Units of the city and the province have none."""
    up = select(
        Unit.id.label("unit_id"),
        Unit.id.label("above_id"),
        Unit.parent_id.label("next_id"),
        Unit.level.label("level"),
        literal(0, Integer).label("steps"),
    ).cte("up", recursive=True)
    up = up.union_all(
        select(up.c.unit_id, Unit.id, Unit.parent_id, Unit.level, up.c.steps + 1)
        .join(Unit, Unit.id == up.c.next_id)
        .where(up.c.steps < _DEEPEST)
    )
    return (
        select(up.c.unit_id, up.c.above_id.label("county_id"))
        .ext(distinct_on(up.c.unit_id))
        .where(up.c.level == UnitLevel.COUNTY)
        .order_by(up.c.unit_id, up.c.steps.desc())
        .subquery("counties")
    )
