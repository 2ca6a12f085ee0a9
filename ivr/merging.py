"""Two people's changes to one flow, put together (三方合并): what only one of them changed is taken, what both changed
alike is taken once, and what they changed differently is told with both sides. Nothing is decided silently.

What belongs together is compared together: a node or an option that one removed and the other changed, or that both
added differently, is one conflict, and so is a node of which one changed the type. Three things are told although
nobody touched what the other did: a node that one removed and the other leads to from somewhere new, a menu of whose
options each removed a part until none is left, and a flow that grew too large by both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from pydantic import ValidationError

from ivr.branches import branches
from ivr.document import Path, Tree, flow_of, holds_parts, is_thing, tree
from ivr.flow import Flow


class Side(StrEnum):
    """Whose text it is."""

    BASE = "base"
    MINE = "mine"
    THEIRS = "theirs"


@dataclass(frozen=True, slots=True)
class Conflict:
    """A place that both changed, or that cannot be as both want it. `at` names it to `merge` (`nodes.menu_1.prompt`; ""
    is the whole flow). `sides`: the part of each document; a side that has nothing there, or the default, is not in it.
    """

    at: str
    sides: Mapping[Side, Any]


@dataclass(frozen=True, slots=True)
class Merge:
    """`flow` is there when nothing is left to decide."""

    flow: Flow | None
    conflicts: tuple[Conflict, ...] = ()


def merge(base: Flow | None, mine: Flow, theirs: Flow, choices: Mapping[str, Side] | None = None) -> Merge:
    """Put two changes of `base` together; without a base every difference is a conflict.

    `choices` decide conflicts by `Conflict.at`; a choice for what is no conflict changes nothing.
    """
    flows = {Side.MINE: mine, Side.THEIRS: theirs}
    if base is not None:
        flows[Side.BASE] = base
    return _Merger(flows, choices or {}).merge()


class _Nothing:
    """What stands where nothing stands: None is a value."""


_NOTHING: Final = _Nothing()
_Sides = Mapping[Side, Any]
"""By side, without those that have nothing."""


class _Merger:
    def __init__(self, flows: Mapping[Side, Flow], choices: Mapping[str, Side]) -> None:
        self._sides = {side: tree(flow) for side, flow in flows.items()}
        self._led_to = {side: _led_to(flow) for side, flow in flows.items()}
        self._choices = choices
        self._conflicts: list[Conflict] = []

    def merge(self) -> Merge:
        found: Tree = self._together((), self._sides)
        self._menus_without_options(found)
        if self._conflicts:
            return Merge(None, tuple(self._conflicts))
        flow = self._flow(found)
        while flow is not None and self._led_to_nothing(found, flow):
            flow = self._flow(found)
        return Merge(None if self._conflicts else flow, tuple(self._conflicts))

    def _together(self, path: Path, sides: _Sides) -> Any:
        base, mine, theirs = (sides.get(side, _NOTHING) for side in (Side.BASE, Side.MINE, Side.THEIRS))
        if theirs in (mine, base):
            return mine
        if base == mine:
            return theirs
        if not holds_parts(path) or (is_thing(path) and not _one_thing(sides)):
            return self._decided(path, sides)
        found: Tree = {}
        for key in dict.fromkeys(key for side in (theirs, mine) if side is not _NOTHING for key in side):
            parts = {side: tree_[key] for side, tree_ in sides.items() if key in tree_}
            value = self._together((*path, key), parts)
            if value is not _NOTHING:
                found[key] = value
        return found

    def _decided(self, path: Path, sides: _Sides) -> Any:
        """The side that was chosen; else a conflict."""
        at = ".".join(path)
        if at in self._choices:
            return sides.get(self._choices[at], _NOTHING)
        self._conflicts.append(Conflict(at, sides))
        return sides.get(Side.MINE, sides.get(Side.THEIRS, _NOTHING))

    def _menus_without_options(self, found: Tree) -> None:
        for key, node in found["nodes"].items():
            if node["type"] == "menu" and not node.get("options"):
                node["options"] = self._decided(("nodes", key, "options"), self._at("nodes", key, "options"))

    def _led_to_nothing(self, found: Tree, flow: Flow) -> bool:
        """Whether something was put back: it was removed by one, is led to by the other, and was chosen to be there."""
        back = False
        for key in sorted(_led_to(flow) - flow.nodes.keys()):
            sides = self._at("nodes", key)
            gone = [side for side in (Side.MINE, Side.THEIRS) if side not in sides]
            if len(gone) != 1 or key in self._led_to[gone[0]]:
                continue  # nobody took it from the other: it leads to nothing in one text already
            undecided = len(self._conflicts)
            node = self._decided(("nodes", key), sides)
            if node is not _NOTHING and len(self._conflicts) == undecided:
                found["nodes"][key] = node
                back = True
        return back

    def _flow(self, found: Tree) -> Flow | None:
        """The flow; where each text is one and both together are not (too many nodes), the one that was chosen."""
        try:
            return flow_of(found)
        except ValidationError:
            whole = self._decided((), self._sides)
            return None if self._conflicts else flow_of(whole)

    def _at(self, *path: str) -> _Sides:
        found = self._sides
        for step in path:
            found = {side: part[step] for side, part in found.items() if step in part}
        return found


def _led_to(flow: Flow) -> set[str]:
    """The nodes that a flow leads to, there or not."""
    return {to for node in flow.nodes.values() for to in branches(node).values() if to is not None} | {flow.entry}


def _one_thing(sides: _Sides) -> bool:
    """Whether all have it, of one type: then its parts can be put together."""
    return len(sides) == len(Side) and len({part.get("type") for part in sides.values()}) == 1
