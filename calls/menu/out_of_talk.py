"""The FastAGI route `menu`: a citizen whom an agent has sent out of the talk into a menu, and who comes back.

The dialplan leads the citizen back to the room as soon as this session is over, for whatever reason; what came of the
menu is put into the talk's mailbox before. Inside, a human is the agent who waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import structlog

from agi.errors import AgiError
from agi.session import AgiSession
from calls.live import LiveCall
from calls.menu.entering import facts_of
from calls.menu.running import Left, MenuEnd, OnLine, run_menu
from calls.switchboard import Switchboard
from hotline.ids import call_id
from hotline.privacy import mask_number
from ivr.published import Pinned
from ivr.variables import BUILT_IN

_log = structlog.get_logger(__name__)

_PRIVATE_DIGITS: Final = 3


class OutOfTalk:
    """The handler, bound to its voice process."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board

    async def __call__(self, session: AgiSession) -> None:
        """Run the menu of the talk that is waiting for it; without one the citizen goes straight back."""
        live = self._board.live.get(call_id(session.args[0]))
        away = live.away if live is not None else None
        if live is None or away is None:
            _log.warning("menu.nobody_waits", call=session.args[0])
            return
        try:
            left = await self._run(session, live, away.menu)
        except AgiError as error:
            # Hung up or brought back: what becomes of the talk is seen by its legs.
            _log.info("menu.cut_off", call=live.call, code=error.code)
            return
        live.mailbox.put_nowait(
            {"type": "menu", "number": away.number, "outcome": _outcome(left), "values": masked(left.values)}
        )

    async def _run(self, session: AgiSession, live: LiveCall, menu: Pinned) -> Left:
        seconds = self._board.settings.menus.away_seconds
        with self._board.keys.of(live.uniqueid) as pressed:
            line = OnLine(self._board, live, session, pressed)
            return await run_menu(line, menu, facts_of(live, menu), longest_seconds=seconds, in_talk=True)


def masked(values: Mapping[str, str]) -> dict[str, str]:
    """What a screen shows of what was keyed in or found out: enough to know it again, not to use it. Words and single
    keys are shown as they are; what every flow knows without asking is left out."""
    found = {name: value for name, value in values.items() if name not in BUILT_IN}
    return {name: mask_number(value) if _is_private(value) else value for name, value in found.items()}


def _is_private(value: str) -> bool:
    """Whether it may be a number of somebody: an identity card's ends in an X."""
    return sum(character.isdigit() for character in value) >= _PRIVATE_DIGITS


def _outcome(left: Left) -> str:
    return left.outcome if left.end is MenuEnd.BACK else left.why or left.end.value
