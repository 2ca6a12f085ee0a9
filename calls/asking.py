"""One question by key press: said, and what came of it. A key counts while the question is still being read out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from agi.session import AgiSession
from calls.keys import Pressed
from calls.live import LiveCall
from calls.playback import Playback
from calls.survey_states import SurveyEvent
from calls.switchboard import Switchboard

_HUSH_SECONDS: Final = 1.0

Meaning = Callable[[str], SurveyEvent]


class Asking:
    """Questions on one channel."""

    def __init__(self, board: Switchboard, live: LiveCall, session: AgiSession, pressed: Pressed) -> None:
        self._session = session
        self._pressed = pressed
        self._wait_seconds = board.settings.survey.wait_seconds
        self._playback = Playback(board, live, session)

    async def ask(self, prompts: Sequence[str], meaning: Meaning) -> SurveyEvent:
        """Say it, and what comes of it: a key at any time, the end of patience, a hang-up."""

        async def said() -> Sequence[str]:
            return prompts

        self._playback.play(said, music=False)
        key = asyncio.create_task(self._pressed.get())
        gone = asyncio.create_task(self._session.hung_up.wait())
        silent = asyncio.create_task(self._silence())
        try:
            await asyncio.wait({key, gone, silent}, return_when=asyncio.FIRST_COMPLETED)
            if key.done():
                self._playback.stop()
                return meaning(key.result())
            return SurveyEvent.HANG_UP if gone.done() else SurveyEvent.SILENCE
        finally:
            for task in (key, gone, silent):
                task.cancel()

    async def close(self) -> None:
        """Nothing is said any more."""
        await self._playback.close(_HUSH_SECONDS)

    async def _silence(self) -> None:
        await self._playback.over()
        await asyncio.sleep(self._wait_seconds)
