"""How often each node of a flow was visited, by which branch it was left and how long that took (菜单分析).

A visit is kept once: its key is that of the journal's fact it was told by. Of keys only a menu's own are in it, as its
branch; digits that were collected never are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import BigInteger, DateTime, Double, Integer, Table, Text, bindparam, delete, func, select, tuple_
from sqlalchemy import cast as cast_to
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import TypeEngine

from ivr.tables import MenuFlowRow, MenuVisitRow

_COLUMNS: Final[Mapping[str, TypeEngine[Any]]] = {
    "call_id": Text(),
    "seq": BigInteger(),
    "at": DateTime(timezone=True),
    "flow": Text(),
    "version": Integer(),
    "node": Text(),
    "branch": Text(),
    "ms": Integer(),
}
_GIVEN: Final = (
    func.unnest(*(bindparam(name, type_=ARRAY(kind)) for name, kind in _COLUMNS.items()))
    .table_valued(*_COLUMNS)
    .render_derived(name="given")
)
_KEEP: Final = (
    insert(cast(Table, MenuVisitRow.__table__))
    .from_select(list(_COLUMNS), select(*(_GIVEN.c[name] for name in _COLUMNS)))
    .on_conflict_do_nothing()
)
_LONGEST_MS: Final = 2**31 - 1
_FORGOTTEN_AT_ONCE: Final = 1_000
_STEPS: Final = 20
"""Steps of a time in which it grows by e: each is 5 % longer than the one before."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A call left a node by a branch, after `ms` milliseconds in it."""

    call_id: str
    seq: int
    at: datetime
    flow: str
    version: int
    node: str
    branch: str
    ms: int


@dataclass(frozen=True, slots=True)
class BranchFigures:
    """Of one branch of one node: visits that left by it, and their milliseconds in the node. The median and the 95th
    percentile are right to 3 %: times are counted in steps of 5 %, which a million of them need no sorting for."""

    version: int
    node: str
    branch: str
    visits: int
    mean_ms: float
    p50_ms: float
    p95_ms: float


async def keep(session: AsyncSession, visits: Sequence[Visit]) -> None:
    """Keep visits, in one statement; one that is kept already stays as it is."""
    if not visits:
        return
    values: dict[str, list[Any]] = {name: [getattr(one, name) for one in visits] for name in _COLUMNS}
    values["ms"] = [min(max(ms, 0), _LONGEST_MS) for ms in values["ms"]]
    await session.execute(_KEEP, values)


async def figures(
    session: AsyncSession, flow: str, *, begin: datetime, end: datetime, version: int | None = None
) -> list[BranchFigures]:
    """Every branch of every node that was taken from `begin` until before `end`, by version; what nobody took is not
    in it."""
    step = func.floor(func.ln(cast_to(func.greatest(MenuVisitRow.ms, 1), Double)) * _STEPS)
    way = (MenuVisitRow.version, MenuVisitRow.node, MenuVisitRow.branch)
    taken = (
        select(*way, step, func.count(), func.sum(MenuVisitRow.ms))
        .where(MenuVisitRow.flow == flow, MenuVisitRow.at >= begin, MenuVisitRow.at < end)
        .group_by(*way, step)
    )
    if version is not None:
        taken = taken.where(MenuVisitRow.version == version)
    ways: dict[tuple[int, str, str], dict[int, tuple[int, int]]] = {}
    for number, node, branch, at, visits, ms in await session.execute(taken):
        ways.setdefault((number, node, branch), {})[int(at)] = visits, int(ms)
    found = [_figures(way, dict(sorted(steps.items()))) for way, steps in ways.items()]
    return sorted(found, key=lambda one: (-one.version, one.node, -one.visits, one.branch))


async def calls(session: AsyncSession, flow: str, *, begin: datetime, end: datetime) -> dict[int, int]:
    """How many calls were in each version of a flow from `begin` until before `end`."""
    once = (
        select(MenuVisitRow.version, MenuVisitRow.call_id)
        .where(MenuVisitRow.flow == flow, MenuVisitRow.at >= begin, MenuVisitRow.at < end)
        .group_by(MenuVisitRow.version, MenuVisitRow.call_id)
        .subquery()
    )
    counted = select(once.c.version, func.count()).group_by(once.c.version)
    return {version: count for version, count in await session.execute(counted)}  # noqa: C416 - rows are no pairs


def _figures(way: tuple[int, str, str], steps: Mapping[int, tuple[int, int]]) -> BranchFigures:
    visits = sum(count for count, _ in steps.values())
    return BranchFigures(
        *way,
        visits,
        mean_ms=sum(ms for _, ms in steps.values()) / visits,
        p50_ms=_percentile(steps, visits / 2),
        p95_ms=_percentile(steps, visits * 0.95),
    )


def _percentile(steps: Mapping[int, tuple[int, int]], wanted: float) -> float:
    """The mean of the step in which so many visits are reached. `steps` are in order."""
    reached = 0
    for count, ms in steps.values():
        reached += count
        if reached >= wanted:
            return ms / count
    raise ValueError("no visits")


async def forget(session: AsyncSession, before: datetime) -> int:
    """Remove some of what was visited before a moment; how many rows. 0: nothing is left. The caller commits."""
    # By flow: that is how they are found without looking at all of them.
    for flow in (await session.scalars(select(MenuFlowRow.flow).order_by(MenuFlowRow.flow))).all():
        key = (MenuVisitRow.call_id, MenuVisitRow.seq)
        old = select(*key).where(MenuVisitRow.flow == flow, MenuVisitRow.at < before).limit(_FORGOTTEN_AT_ONCE)
        gone = delete(MenuVisitRow).where(tuple_(*key).in_(old)).returning(MenuVisitRow.seq)
        removed = len((await session.execute(gone.execution_options(synchronize_session=False))).all())
        if removed:
            return removed
    return 0
