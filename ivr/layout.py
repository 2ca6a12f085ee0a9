"""Where the nodes of a flow are drawn. It is computed from the flow alone and never stored: who edits a flow edits what
it does, and two people never come into each other's way over where a box stood.

Columns by the distance from the entry, so that everything a caller can be at after as many steps stands together; ways
back point left. In a column nodes stand in the order in which those before them lead to them, so ways rarely cross; a
node that is added moves only what stands below it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ivr.flow import Entry, Flow
from ivr.nodes import ways_out


@dataclass(frozen=True, slots=True)
class Spot:
    """A node's place: column from the left and row from the top, both from 0."""

    column: int
    row: int


@dataclass(frozen=True, slots=True)
class Line:
    """A way that is drawn: from a node's field (`options.2.next`) to another node. `back`: it does not lead right."""

    node: str
    field: str
    to: str
    back: bool


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything that is drawn of a flow."""

    spots: dict[str, Spot]
    lines: tuple[Line, ...]


def layout(flow: Flow) -> Layout:
    """The drawing of a flow, however broken it is. What cannot be come to stands to the right, in other columns."""
    columns: dict[str, int] = {}
    _spread(flow, [flow.entry] if flow.entry in flow.nodes else _entries(flow), 0, columns)
    while left := sorted(flow.nodes.keys() - columns.keys()):
        _spread(flow, left[:1], max(columns.values(), default=-1) + 1, columns)
    # `columns` is in the order of the walk, which is the order of rows.
    heights: dict[int, int] = {}
    spots: dict[str, Spot] = {}
    for node, column in columns.items():
        spots[node] = Spot(column, heights.get(column, 0))
        heights[column] = heights.get(column, 0) + 1
    return Layout(spots, tuple(_lines(flow, columns)))


def _entries(flow: Flow) -> list[str]:
    return sorted(key for key, node in flow.nodes.items() if isinstance(node, Entry))


def _spread(flow: Flow, starts: list[str], column: int, columns: dict[str, int]) -> None:
    """Column by column, and in each in the order of the one before."""
    here = starts
    while here:
        columns.update(dict.fromkeys(here, column))
        ahead = (way.to for node in here for way in ways_out(flow.nodes[node]))
        here = list(dict.fromkeys(to for to in ahead if to in flow.nodes and to not in columns))
        column += 1


def _lines(flow: Flow, columns: dict[str, int]) -> Iterator[Line]:
    for node, column in columns.items():
        for way in ways_out(flow.nodes[node]):
            if way.to in columns:
                yield Line(node, way.field, way.to, columns[way.to] <= column)
