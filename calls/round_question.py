"""The question of an automated visit (自动回访), on one channel: 1 to 5 for the five levels, 0 for an agent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from agi.session import AgiSession
from calls.asking import Asking
from calls.keys import Pressed
from calls.live import LiveCall
from calls.round_states import Result
from calls.survey_policy import LEVELS
from calls.survey_states import CLOSED, SurveyEvent, SurveyState, after
from calls.switchboard import Switchboard

_AGENT_KEY: Final = "0"


class RoundQuestion:
    """Asked at most twice; a key counts while it is still being said. The moves are those of every survey."""

    def __init__(self, board: Switchboard, live: LiveCall, session: AgiSession, pressed: Pressed) -> None:
        self._asking = Asking(board, live, session, pressed)
        self._said: Result | None = None

    async def run(self) -> Result | None:
        """The answer; None without one."""
        state = SurveyState.ASKED
        opening: Sequence[str] = ("visit.ask", "visit.levels")
        while state not in CLOSED:
            event = await self._asking.ask(opening, self._meaning)
            state = after(state, event)
            opening = ("survey.wrong" if event is SurveyEvent.WRONG else "survey.silent", "visit.levels")
        return self._said

    async def close(self) -> None:
        """Nothing is said any more."""
        await self._asking.close()

    def _meaning(self, key: str) -> SurveyEvent:
        if key == _AGENT_KEY:
            self._said = Result.TO_AGENT
        elif key.isdecimal() and int(key) in LEVELS:
            self._said = Result(LEVELS[int(key)])
        else:
            return SurveyEvent.WRONG
        # A reason, if there is one, is for an agent to hear.
        return SurveyEvent.SATISFIED
