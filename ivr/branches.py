"""The branches of a node, by the names that visits carry, and where each leads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ivr.flow import AnyNode, Condition, Menu, NodeId

END: Final = "end"
"""The branch of a node that ends its flow."""
HUMAN: Final = "human"
"""The branch to a human that nobody drew."""
INTO: Final = "flow"
"""The branch of a sub-flow's node into that flow; when the flow has come back, it is left by `next`."""

_DRAWN: Final = ("next", "on_timeout", "on_wrong", "on_failure")


def branches(node: AnyNode) -> Mapping[str, NodeId | None]:
    """Every branch that can be drawn at this node, and the node of the same flow it leads to; None: nobody drew it, and
    a human takes over there. A node that ends its flow has none but for its failure."""
    found: dict[str, NodeId | None] = {}
    if isinstance(node, Menu):
        found.update({f"key {key}": option.next for key, option in node.options.items()})
    if isinstance(node, Condition):
        found.update({f"case {number}": case.next for number, case in enumerate(node.cases, start=1)})
        found["otherwise"] = node.otherwise
    found.update({name: getattr(node, name) for name in _DRAWN if name in type(node).model_fields})
    return found
