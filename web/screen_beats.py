"""One pulse for all screens of this process: that they are on, and that nobody's session has ended.

A pulse for each would cost the process more, on a floor of some hundred agents, than all their calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

import structlog

from hotline.errors import NotSignedIn
from web.services import Services

_log = structlog.get_logger(__name__)

BEAT_SECONDS = 5.0
_BEATS_PER_LOGIN_CHECK = 6


@dataclass(frozen=True, eq=False, slots=True)
class _Screen:
    agent: str
    session_id: int
    over: asyncio.Future[NoReturn]


class ScreenBeats:
    """The open screens of this process."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._screens: set[_Screen] = set()

    @contextmanager
    def beating(self, agent: str, session_id: int) -> Iterator[asyncio.Future[NoReturn]]:
        """Keep an agent's screen marked as on. The future never has a result; it raises when the screen cannot go on:
        NotSignedIn once the session has ended, or what was wrong with Redis or PostgreSQL."""
        screen = _Screen(agent, session_id, asyncio.get_running_loop().create_future())
        self._screens.add(screen)
        try:
            yield screen.over
        finally:
            self._screens.discard(screen)
            screen.over.cancel()

    async def run(self) -> None:
        """Beat for ever."""
        beats = 0
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            beats += 1
            screens = list(self._screens)
            try:
                await self._beat(screens, look=beats % _BEATS_PER_LOGIN_CHECK == 0)
            except Exception as error:  # noqa: BLE001 - each socket says it to its page, and the next beat is tried
                _log.warning("web.screens_interrupted", reason=type(error).__name__, screens=len(screens))
                for screen in screens:
                    _end(screen, error)

    async def _beat(self, screens: list[_Screen], *, look: bool) -> None:
        if not screens:
            return
        await self._services.feed.screens_are_on({screen.agent for screen in screens})
        if look:
            async with self._services.database.transaction() as session:
                live = await self._services.sessions.used(session, {screen.session_id for screen in screens})
            for screen in screens:
                if screen.session_id not in live:
                    _end(screen, NotSignedIn("no live session: sign in"))


def _end(screen: _Screen, error: Exception) -> None:
    if not screen.over.done():
        screen.over.set_exception(error)
        screen.over.exception()  # the socket may be closing already: then nobody else asks
