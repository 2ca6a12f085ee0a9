"""The flow under validation: itself, the world around it, and its paths with sub-flows walked into."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from ivr.flow import AnyNode, Entry, Flow, Return, SubFlow
from ivr.nodes import Kind, Way, ways_out
from ivr.validation.graph import reach
from ivr.validation.world import World

LARGEST: Final = 2_000
"""Places that a flow may have with all its sub-flows walked into; beyond, nobody could say what a citizen meets."""


class Place(NamedTuple):
    """A node, and the sub-flow nodes by which the run came into its flow, outermost first."""

    by: tuple[str, ...]
    node: str

    @property
    def here(self) -> str:
        """The node of the flow under validation: the place itself, or the sub-flow's node that leads to it."""
        return self.by[0] if self.by else self.node

    def __str__(self) -> str:
        return " → ".join((*self.by, self.node))


class Step(NamedTuple):
    """A way out of a place and the place it leads to; None: nowhere, because nobody drew it or what it names does not
    exist."""

    way: Way
    to: Place | None


@dataclass(frozen=True)
class Subject:
    """A flow with its world. Everything computed is computed once, and nothing here raises for a broken flow."""

    flow: Flow
    world: World

    @property
    def starts(self) -> list[str]:
        """Where the flow begins: its entry, or, when that names nothing, whatever entry there is."""
        if self.flow.entry in self.flow.nodes:
            return [self.flow.entry]
        return sorted(key for key, node in self.flow.nodes.items() if isinstance(node, Entry))

    @cached_property
    def reached(self) -> frozenset[str]:
        """The nodes that can be come to, sub-flows passed by."""
        return frozenset(reach(self.starts, self.following))

    def following(self, node: str) -> list[str]:
        """The nodes a node's branches lead to."""
        return [one.to for one in ways_out(self.flow.nodes[node]) if one.to in self.flow.nodes]

    @cached_property
    def paths(self) -> Paths:
        return Paths(self)

    @cached_property
    def returns(self) -> bool:
        """Whether it was made to be called by others, or by an agent."""
        return any(isinstance(self.flow.nodes[node], Return) for node in self.reached)

    def flow_at(self, by: tuple[str, ...]) -> Flow:
        flow = self.flow
        for key in by:
            node = flow.nodes[key]
            if isinstance(node, SubFlow):  # only such nodes are walked into
                flow = self.world.flows[node.flow]
        return flow


class Paths:
    """Every place a run of the flow can come to, nearest first, and the ways between them."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self.nodes: dict[Place, AnyNode] = {}
        self.steps: dict[Place, tuple[Step, ...]] = {}
        self.too_large: Place | None = None
        """The first sub-flow's node that was passed by because there were too many places already."""
        self.starts = tuple(Place((), node) for node in subject.starts)
        waiting = deque(self.starts)
        while waiting:
            place = waiting.popleft()
            if place not in self.nodes:
                self.nodes[place] = subject.flow_at(place.by).nodes[place.node]
                self.steps[place] = tuple(self._steps(place))
                waiting.extend(self.following(place))

    def following(self, place: Place) -> list[Place]:
        return [step.to for step in self.steps[place] if step.to is not None]

    def _steps(self, place: Place) -> Iterable[Step]:
        node = self.nodes[place]
        if isinstance(node, SubFlow) and (inner := self._inside(place, node)) is not None:
            return [Step(Way(Kind.NEXT, "flow", inner.node), inner)]
        if isinstance(node, Return) and place.by:
            by, above = place.by[:-1], self.nodes[Place(place.by[:-1], place.by[-1])]
            return [Step(one, self._existing(by, one.to)) for one in ways_out(above)]
        return [Step(one, self._existing(place.by, one.to)) for one in ways_out(node)]

    def _inside(self, place: Place, node: SubFlow) -> Place | None:
        """The first place of a sub-flow; None when it cannot be walked into, then it is passed by."""
        called = self._subject.world.flows.get(node.flow)
        if called is None or called.entry not in called.nodes or node.flow in self._around(place):
            return None
        if len(self.nodes) > LARGEST:
            self.too_large = self.too_large or place
            return None
        return Place((*place.by, place.node), called.entry)

    def _around(self, place: Place) -> set[str]:
        """The flows that have not come back yet where the run is."""
        ends = range(len(place.by) + 1)
        return {self._subject.flow.flow, *(self._subject.flow_at(place.by[:end]).flow for end in ends)}

    def _existing(self, by: tuple[str, ...], node: str | None) -> Place | None:
        return Place(by, node) if node is not None and node in self._subject.flow_at(by).nodes else None
