"""The browser phones of this process: one line for each extension, which the newest page of its agent has.

A claim in Redis holds it across processes; one pulse for all of them renews the claims and ends the lines of sessions
that have ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, NoReturn

import structlog

from hotline import ids
from hotline.errors import Conflict, HotlineError, NotSignedIn
from hotline.redis import key
from web.phone.seats import SeatTaken
from web.services import Services

_log = structlog.get_logger(__name__)

BEAT_SECONDS: Final = 3.0
_CLAIM_MS: Final = 12_000
_BEATS_PER_LOGIN_CHECK: Final = 2

# KEYS[1]: who has the extension, `agent token`. ARGV: agent, token, life in ms. 0: another agent has it.
_CLAIM: Final = """
local now = redis.call('GET', KEYS[1])
if now and string.match(now, '^(%S+) ') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ' ' .. ARGV[2], 'PX', ARGV[3])
return 1
"""

# 1 while no other page has it, also after Redis lost everything.
_KEEP: Final = """
local now = redis.call('GET', KEYS[1])
local own = ARGV[1] .. ' ' .. ARGV[2]
if now and now ~= own then return 0 end
redis.call('SET', KEYS[1], own, 'PX', ARGV[3])
return 1
"""

_LET_GO: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] .. ' ' .. ARGV[2] then redis.call('DEL', KEYS[1]) end
"""


class PhoneTakenOver(Conflict):
    """A newer page of the same agent has the phone."""

    code = "phone.taken_over"


@dataclass(frozen=True, eq=False, slots=True)
class _Line:
    extension: str
    agent: str
    session_id: int
    token: str
    over: asyncio.Future[NoReturn]


class PhoneLines:
    """The open ones of this process."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._lines: dict[str, _Line] = {}

    @asynccontextmanager
    async def line(self, extension: str, agent: str, session_id: int) -> AsyncIterator[asyncio.Future[NoReturn]]:
        """Have the extension's line; an older page of the same agent loses it. Raises SeatTaken.

        The future never has a result; it raises when the line ends: PhoneTakenOver, NotSignedIn, or what was wrong with
        Redis or PostgreSQL.
        """
        line = _Line(extension, agent, session_id, ids.token(9), asyncio.get_running_loop().create_future())
        if not await self._asked(_CLAIM, line):
            raise SeatTaken("another agent's browser has this extension")
        if before := self._lines.get(extension):
            _end(before, PhoneTakenOver("a newer page has the phone"))
        self._lines[extension] = line
        try:
            yield line.over
        finally:
            if self._lines.get(extension) is line:
                del self._lines[extension]
            line.over.cancel()
            await self._services.redis.eval(_LET_GO, 1, self._key(line), line.agent, line.token)

    async def run(self) -> None:
        """Beat for ever."""
        beats = 0
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            beats += 1
            lines = list(self._lines.values())
            try:
                await self._beat(lines, look=beats % _BEATS_PER_LOGIN_CHECK == 0)
            except Exception as error:  # noqa: BLE001 - calls go on without us; the next beat is tried
                _log.warning("web.phones_interrupted", reason=type(error).__name__, phones=len(lines))

    async def _beat(self, lines: list[_Line], *, look: bool) -> None:
        for line in lines:
            if not await self._asked(_KEEP, line):
                _end(line, PhoneTakenOver("a newer page has the phone"))
        if look and lines:
            async with self._services.database.transaction() as session:
                live = await self._services.sessions.used(session, {line.session_id for line in lines})
            for line in lines:
                if line.session_id not in live:
                    _end(line, NotSignedIn("the session has ended"))

    async def _asked(self, script: str, line: _Line) -> bool:
        life = str(_CLAIM_MS)
        return bool(await self._services.redis.eval(script, 1, self._key(line), line.agent, line.token, life))

    def _key(self, line: _Line) -> str:
        return key(self._services.settings.site.id, "phone", line.extension)


def _end(line: _Line, error: HotlineError) -> None:
    if not line.over.done():
        line.over.set_exception(error)
        line.over.exception()  # the line may be closing already: then nobody else asks
