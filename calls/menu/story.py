"""What is written of a caller's way through a menu: in the journal for the figures, and for the agent's screen.

Keys of menus are in it. Digits that were collected, and values that were found out, never are.
"""

from __future__ import annotations

import itertools

from calls.facts import Kind
from calls.live import LiveCall
from calls.switchboard import Switchboard
from ivr.events import Visited
from ivr.flow import Menu
from ivr.published import Pinned

_KEY = "key "


class Story:
    """One run of one call."""

    def __init__(self, board: Switchboard, live: LiveCall, menu: Pinned) -> None:
        self._clock = board.clock
        self._live = live
        self._menu = menu
        self._began_ms = self._since_ms = board.clock.now_ms()
        self._numbers = itertools.count(1)
        self.chosen: list[str] = []
        """Labels of the keys that were pressed, in their order."""

    def begun(self) -> None:
        """Which menu it is, and in which version."""
        self._live.scribe.write(
            Kind.MENU_ENTERED,
            str(self._began_ms),
            flow=self._menu.flow,
            version=self._menu.version,
            versions=dict(self._menu.versions),
        )

    def at(self, flow: str, node: str) -> None:
        """Nothing is written yet: of a node the journal tells when it is left."""

    def visited(self, left: Visited) -> None:
        """A node was left."""
        self._node(left.flow, left.node, left.branch)
        flow = self._menu.flows.get(left.flow)
        node = flow.nodes.get(left.node) if flow else None
        if isinstance(node, Menu) and left.branch.startswith(_KEY):
            option = node.options.get(left.branch.removeprefix(_KEY))
            self.chosen += [option.label] if option else []

    def cut_off(self, flow: str, node: str, why: str) -> None:
        """The caller is out of a menu that has not come to an end of its own."""
        self._node(flow, node, why)

    def left(self, end: str, why: str, *, queue: str = "", outcome: str = "") -> None:
        """The menu is over."""
        self._live.scribe.write(
            Kind.MENU_LEFT,
            str(self._began_ms),
            flow=self._menu.flow,
            end=end,
            why=why,
            queue=queue or None,
            outcome=outcome or None,
            ms=self._clock.now_ms() - self._began_ms,
        )

    def _node(self, flow: str, node: str, branch: str) -> None:
        now_ms = self._clock.now_ms()
        self._live.scribe.write(
            Kind.MENU,
            f"{self._began_ms}.{next(self._numbers)}",
            flow=flow,
            version=self._menu.versions.get(flow),
            node=node,
            branch=branch,
            ms=now_ms - self._since_ms,
        )
        self._since_ms = now_ms
