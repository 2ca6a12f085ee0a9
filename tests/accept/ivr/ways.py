"""The way of a call through menus as its journal tells it, read by the test's own queries."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.accept.line import Line, database_rows, eventually, index_of


@dataclass(frozen=True)
class Fact:
    """A fact of a call."""

    kind: str
    at: datetime
    process: str
    told: dict[str, Any]


@dataclass(frozen=True)
class Left:
    """A node that a call left."""

    flow: str
    node: str
    branch: str
    version: int
    at: datetime
    ms: int

    @property
    def step(self) -> tuple[str, str, str]:
        return self.flow, self.node, self.branch


@dataclass(frozen=True)
class Way:
    """All that the journal has of one call in menus so far."""

    facts: list[Fact]

    def of(self, kind: str) -> list[Fact]:
        return [fact for fact in self.facts if fact.kind == kind]

    @property
    def entered(self) -> Fact | None:
        """The (last) menu that was entered."""
        found = self.of("menu_entered")
        return found[-1] if found else None

    @property
    def over(self) -> dict[str, Any] | None:
        """How the (last) menu ended."""
        found = self.of("menu_left")
        return found[-1].told if found else None

    @property
    def nodes(self) -> list[Left]:
        """The nodes that were left, in their order."""
        return [
            Left(f.told["flow"], f.told["node"], f.told["branch"], f.told["version"], f.at, f.told["ms"])
            for f in self.of("menu")
        ]

    @property
    def steps(self) -> list[tuple[str, str, str]]:
        return [left.step for left in self.nodes]

    @property
    def branches(self) -> list[tuple[str, str]]:
        """Node and branch, of a call that stays in one flow."""
        return [(left.node, left.branch) for left in self.nodes]


async def way_of(line: Line, caller: str) -> Way:
    """What is written so far of the newest call of this caller (in the form of the journal)."""
    rows = await database_rows(
        line,
        "select j.kind, j.at, j.process, j.attributes from call_journal j "
        "where j.call_id = (select call_id from call where caller_index = $1 order by entered_at desc limit 1) "
        "order by j.seq",
        index_of(caller),
    )
    return Way([_fact(row) for row in rows])


async def way_until(line: Line, caller: str, kind: str, *, seconds: float = 30.0) -> Way:
    """The same, once it has a fact of this kind."""

    async def look() -> Way | None:
        way = await way_of(line, caller)
        return way if way.of(kind) else None

    way: Way = await eventually(look, f"the call of {caller} has a fact {kind!r}", seconds=seconds)
    return way


async def through(line: Line, caller: str, node: str, *, seconds: float = 20.0) -> Left:
    """The first time this call leaves this node."""

    async def look() -> Left | None:
        return next((left for left in (await way_of(line, caller)).nodes if left.node == node), None)

    left: Left = await eventually(look, f"the call of {caller} leaves {node!r}", seconds=seconds)
    return left


def _fact(row: Any) -> Fact:
    told = row["attributes"]
    return Fact(
        row["kind"], row["at"], row["process"].rpartition("/")[2], json.loads(told) if isinstance(told, str) else told
    )
