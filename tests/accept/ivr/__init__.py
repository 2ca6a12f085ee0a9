"""Menus (菜单): versions under running calls, planted faults, simulator against line, keys, editors, web requests."""

from __future__ import annotations

from typing import Any

from tests.accept.ivr import generated_flows, key_tones, progress_by_phone, same_path, two_editors, versions, web_node
from tests.accept.scenario import Item, Scale

ITEMS = [
    Item(
        1, "a version is published during a call, which stays on its own; the next has the new one", versions.versions
    ),
    Item(2, "a planted fault is refused and named; valid flows are walked completely", generated_flows.generated_flows),
    Item(3, "the simulator's path is the path on real Asterisk", same_path.same_path),
    Item(4, "keys early, short, of every kind, wrong and none: a human in the end", key_tones.key_tones),
    Item(5, "two editors: a conflict and no loss; killed while publishing: old or new", two_editors.two_editors),
    Item(6, "bad systems of units: they fail in time, leave nothing, and harm no other call", web_node.web_node),
    Item(7, "progress by keys: wrong, unknown and locked sound the same", progress_by_phone.progress_by_phone),
]


def line_of(_scale: Scale) -> dict[str, Any]:
    """The line these items need."""
    # The systems of units that these menus ask are on this machine.
    return {"changes": {"menus": web_node.LINE, "progress": progress_by_phone.LINE}}
