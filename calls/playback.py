"""Prompts spoken to a citizen beside everything else that goes on, and silent the moment something else is to come."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from agi.errors import AgiCommandFailed, AgiConnectionLost, AgiError, AgiHangup
from agi.session import AgiSession
from calls.live import LiveCall
from calls.switchboard import Switchboard
from hotline.tasks import end

_log = structlog.get_logger(__name__)

_ASK_AGAIN_SECONDS: Final = 0.05
"""Asterisk ends a prompt within milliseconds. If AMI fails just then, it is asked again until the prompt is over."""

Compose = Callable[[], Awaitable[Sequence[str]]]
"""Finds out what there is to say just before it is said: keys of prompts, none for nothing."""


class Playback:
    """The voice on one citizen's channel. Nothing here makes its caller wait but `close`.

    After `stop` any AGI command may be sent at once: it takes its turn as soon as Asterisk has ended the prompt. Only
    AMI can end one, so nothing is begun while AMI is away.
    """

    def __init__(self, board: Switchboard, live: LiveCall, session: AgiSession) -> None:
        self._board = board
        self._live = live
        self._session = session
        self._spoken: _Spoken | None = None
        self._unfinished: set[asyncio.Task[None]] = set()

    @property
    def silent(self) -> bool:
        """Whether nothing is being said."""
        return not self._unfinished

    async def over(self) -> None:
        """Waits until nothing is being said."""
        while self._unfinished:
            await asyncio.wait(self._unfinished)

    def play(self, compose: Compose, *, music: bool = True) -> None:
        """Say something, and have music again afterwards unless told otherwise. What is being said is stopped for
        it."""
        self.stop()
        before = frozenset(self._unfinished)
        spoken = self._spoken = _Spoken(music)
        spoken.task = self._begin(self._speak(spoken, compose, before))

    def stop(self) -> None:
        """End what is being said; no music follows."""
        spoken = self._spoken
        if spoken is None or spoken.stopped or spoken.task.done():
            return
        spoken.stopped = True
        if spoken.on_channel:
            self._begin(self._stop(spoken.task))
        else:
            spoken.task.cancel()

    async def close(self, within: float) -> None:
        """Stop, and let go of what has not ended `within` so many seconds."""
        self.stop()
        if self._unfinished:
            _, remaining = await asyncio.wait(self._unfinished, timeout=within)
            await end(remaining)

    def _begin(self, work: Awaitable[None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self._unfinished.add(task)
        task.add_done_callback(self._unfinished.discard)
        return task

    async def _speak(self, spoken: _Spoken, compose: Compose, before: frozenset[asyncio.Task[None]]) -> None:
        if before:
            await asyncio.wait(before)
        prompts = await compose() if self._board.ami.connected else ()
        spoken.on_channel = True
        try:
            for prompt in prompts:
                if spoken.stopped:
                    return
                await self._prompt(prompt)
            if prompts and spoken.music and not spoken.stopped:
                # Asterisk ended the music when it opened the first prompt.
                await self._session.set_music(on=True)
        except (AgiHangup, AgiConnectionLost):
            # Whoever holds the call hears of it by itself.
            return
        except AgiError as error:
            _log.warning("playback.failed", call=self._live.call, code=error.code)

    async def _prompt(self, prompt: str) -> None:
        if not self._board.has_prompt(prompt):
            _log.error("playback.not_rendered", prompt=prompt)
            return
        try:
            await self._session.control_stream_file(self._board.prompts.path(prompt))
        except AgiCommandFailed:
            _log.error("playback.not_played", prompt=prompt)

    async def _stop(self, speaking: asyncio.Task[None]) -> None:
        while not speaking.done():
            await self._board.ami_step(self._board.ami.stop_playback(self._live.channel))
            await asyncio.wait({speaking}, timeout=_ASK_AGAIN_SECONDS)


class _Spoken:
    """One thing that is said."""

    task: asyncio.Task[None]

    def __init__(self, music: bool) -> None:
        self.music = music
        self.stopped = False
        self.on_channel = False
        """Whether AGI commands have begun: from then on it is Asterisk that must be told to stop."""
