"""The tree of categories (事项分类)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ticketing.catalogue.errors import CategoryNotFound
from ticketing.catalogue.tables import CategoryRow


async def must_be_usable(session: AsyncSession, code: str) -> None:
    """That a new ticket may have this category, or none (empty). Raises CategoryNotFound."""
    if not code:
        return
    row = await session.get(CategoryRow, code)
    if row is None or not row.active:
        raise CategoryNotFound(code)


async def unknown(session: AsyncSession, codes: Collection[str]) -> set[str]:
    """Those of `codes` that no category has, a retired one neither."""
    wanted = select(CategoryRow.code).where(CategoryRow.code.in_(codes))
    return set(codes) - set(await session.scalars(wanted))


async def tree(session: AsyncSession) -> Sequence[CategoryRow]:
    """Every node, by code."""
    return (await session.scalars(select(CategoryRow).order_by(CategoryRow.code))).all()


async def path(session: AsyncSession, code: str) -> list[CategoryRow]:
    """A category and those above it, itself first; empty for one there is not."""
    found: list[CategoryRow] = []
    here: str | None = code
    while here and (row := await session.get(CategoryRow, here)) is not None and row not in found:
        found.append(row)
        here = row.parent_code
    return found
