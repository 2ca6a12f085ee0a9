"""Out of a talk into a menu and back (身份核验, 评价): the citizen goes alone, the agent waits in the room."""

from __future__ import annotations

from typing import Any

from acd.model import Offer
from calls.live import Away, LiveCall
from calls.switchboard import Switchboard
from calls.talk.parties import Leg
from calls.talk.rooms import Place
from calls.talk.states import TalkState
from calls.talk.steps import Steps
from hotline.errors import NotFound, PartUnavailable


class NoSuchMenu(NotFound):
    """The citizen cannot be sent into a menu of this name."""

    code = "talk.no_such_menu"


class ToMenu(Steps):
    """The steps of a talk that lead into a menu. `calls.menu.out_of_talk` runs it."""

    def __init__(self, board: Switchboard, live: LiveCall, offer: Offer, agent: Leg | None) -> None:
        super().__init__(board, live, offer, agent)
        self._came_of_it: dict[str, Any] = {}

    async def _to_menu(self, flow: str) -> None:
        """The dialplan brings the citizen back, whatever becomes of the menu and of us."""
        board, live = self._board, self._live
        menu = board.menus.of(flow) if board.menus is not None else None
        if menu is None:
            raise NoSuchMenu("there is no such menu in force")
        if not board.ami.connected:
            raise PartUnavailable("nobody would hear the keys")
        live.away, self._came_of_it = Away(next(self._numbers), menu), {}
        await self._rooms.led_to(board.address, board.process.rpartition("/")[2])
        await self._put(Place.MENU)
        await self._to(TalkState.IN_MENU, menu=flow, version=menu.version)

    def _menu_over(self, message: dict[str, Any]) -> None:
        """It has come to its end, and the citizen is on the way back. A late word of an earlier one is none."""
        away = self._live.away
        if away is not None and message.get("number") == away.number:
            self._came_of_it = message

    async def _back_from_menu(self) -> None:
        """The citizen is in the room. Values are shown, and kept nowhere."""
        self._rooms.place = Place.ROOM
        found, self._live.away = self._came_of_it, None
        outcome = str(found.get("outcome", "failure"))
        await self._to(TalkState.TALKING, why="menu", outcome=outcome)
        if values := found.get("values"):
            await self._show(why="menu", outcome=outcome, values=values)
