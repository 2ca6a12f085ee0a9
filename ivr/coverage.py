"""Which nodes and branches of a flow its cases walk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, NamedTuple

from ivr.branches import END, INTO, branches
from ivr.events import Visited
from ivr.flow import AnyNode, Collect, Flow, Menu, SubFlow
from ivr.nodes import Last
from ivr.simulator import Simulation

_WRONG_KEYS: Final = "987654321*#"


class Step(NamedTuple):
    """A branch of a flow's node, by the name that visits carry."""

    node: str
    branch: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was walked of a flow, and what was not, of all that can be walked."""

    nodes: frozenset[str]
    nodes_left: frozenset[str]
    branches: frozenset[Step]
    branches_left: frozenset[Step]

    @property
    def share(self) -> float:
        """Of the branches, 0 to 1."""
        every = len(self.branches) + len(self.branches_left)
        return len(self.branches) / every if every else 1.0


def coverage(flow: Flow, simulations: Iterable[Simulation]) -> Coverage:
    """What the simulations walked of this flow, whichever flow they began in."""
    return covered(flow, (visited for one in simulations for visited in one.path))


def covered(flow: Flow, visits: Iterable[Visited]) -> Coverage:
    """What these visits walked of this flow."""
    seen = {Step(one.node, one.branch) for one in visits if one.flow == flow.flow}
    nodes = frozenset(step.node for step in seen if step.node in flow.nodes)
    every = walkable(flow)
    return Coverage(nodes, frozenset(flow.nodes) - nodes, every & seen, every - seen)


def walkable(flow: Flow) -> frozenset[Step]:
    """Every branch somebody drew that can be taken, and the end of each node that ends the flow."""
    return frozenset(Step(key, branch) for key, node in flow.nodes.items() for branch in _of(node))


def _of(node: AnyNode) -> list[str]:
    found = [name for name, to in branches(node).items() if to is not None and _is_possible(node, name)]
    if isinstance(node, SubFlow):
        found.append(INTO)
    if isinstance(node, Last):
        found.append(END)
    return found


def wrong_key(menu: Menu) -> str | None:
    """A key that this menu does not know; None when it knows all of them."""
    return next((key for key in _WRONG_KEYS if key not in menu.options), None)


def wrong_digits(node: Collect) -> str:
    """Keys that are not enough for this collection."""
    return "1" + (node.finish or "") if node.min_digits > 1 else "#"


def _is_possible(node: AnyNode, branch: str) -> bool:
    return branch != "on_wrong" or not isinstance(node, Menu) or wrong_key(node) is not None
