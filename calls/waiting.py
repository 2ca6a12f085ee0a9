"""A citizen waits: music, announcements, keys, offers as they come, and nothing that could delay an offer."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Any

import structlog

from acd.model import Offer
from acd.queues import Overflow
from agi.session import AgiSession
from agi.variables import PHASE, Phase
from calls.announcing import KEYS, Announcements, Choice
from calls.callback_queue import accept
from calls.facts import Kind
from calls.joining import Degraded, History, Joining
from calls.keys import Pressed
from calls.live import LiveCall
from calls.messages import take_message
from calls.offering import OfferResult, carry_out
from calls.playback import Compose, Playback
from calls.switchboard import Switchboard
from hotline.errors import HotlineError, PartUnavailable

_log = structlog.get_logger(__name__)

_TICK_SECONDS = 1.0
_HUSH_SECONDS = 1.0


class Leaving(Exception):
    """This process stops: the dialplan takes the caller to another one, which keeps the place. Not an error either."""


class WaitEnd(StrEnum):
    """How a wait ended."""

    TALKED = "talked"
    CALLER_GONE = "caller_gone"
    CALLBACK = "callback"
    """The citizen will be called back, at the same place. Goodbye is still to be said."""
    MESSAGE = "message"
    """The citizen left a message. Thanks are still to be said."""


async def wait_for_agent(board: Switchboard, live: LiveCall, session: AgiSession, history: History) -> WaitEnd:
    """Queue the call and carry out offers until one becomes a talk, the citizen is gone or chooses something else.

    Raises Degraded when the caller is better off in the native queue, Leaving when another process should go on; the
    place is kept either way. AnsweredCall: it was answered before and is not queued again.
    """
    with board.keys.of(live.uniqueid) as pressed:
        wait = _Wait(board, live, session, history, pressed)
        try:
            return await wait.run()
        finally:
            await wait.close()


class _Wait:
    def __init__(
        self, board: Switchboard, live: LiveCall, session: AgiSession, history: History, pressed: Pressed
    ) -> None:
        self._board = board
        self._live = live
        self._session = session
        self._history = history
        self._pressed = pressed
        self._key: asyncio.Task[str] | None = None
        self._words = Announcements(board, live)
        self._joining = Joining(board, live, self._words)
        self._playback = Playback(board, live, session)
        self._due: float | None = None
        """Monotonic seconds of the next announcement; None while one is being said."""

    async def run(self) -> WaitEnd:
        board = self._board
        await self._music()
        await self._joining.claim(self._history)
        await self._joining.join()
        self._due = board.clock.monotonic() + board.settings.waiting.first_after_seconds
        while True:
            if board.leaving:
                raise Leaving
            match await self._next():
                case None:
                    await self._abandoned()
                    return WaitEnd.CALLER_GONE
                case Choice() as choice:
                    ended = await self._chosen(choice)
                case {"type": "offer"} as message:
                    ended = await self._offer(Offer.from_message(message))
                case message:
                    ended = None
                    self._heard(message)
            if ended is not None:
                return ended

    async def close(self) -> None:
        """Nothing of this wait goes on. Before the channel is given away a prompt has a moment to end."""
        if self._key is not None:
            self._key.cancel()
        await self._playback.close(_HUSH_SECONDS)

    async def _music(self) -> None:
        await self._session.set_variable(PHASE, Phase.WAITING)
        await self._session.set_music(on=True)

    async def _next(self) -> dict[str, Any] | Choice | None:
        """What is to be done next: a word for this call, a choice, None once the citizen has hung up. An offer never
        waits for anything else. Announcements begin here."""
        mail = asyncio.create_task(self._live.mailbox.get())
        gone = asyncio.create_task(self._session.hung_up.wait())
        try:
            while True:
                self._key = self._key or asyncio.create_task(self._pressed.get())
                await asyncio.wait({mail, gone, self._key}, timeout=self._pause(), return_when=asyncio.FIRST_COMPLETED)
                if gone.done():
                    return None
                if mail.done():
                    return mail.result()
                if self._board.degraded:
                    raise Degraded
                if self._key.done():
                    choice, self._key = KEYS.get(self._key.result()), None
                    if choice in self._words.offered:
                        return choice
                self._announce()
        finally:
            mail.cancel()
            gone.cancel()

    def _pause(self) -> float:
        """Seconds until there is something to look at."""
        if self._due is None:
            return _TICK_SECONDS
        return min(max(self._due - self._board.clock.monotonic(), 0.0), _TICK_SECONDS)

    def _announce(self) -> None:
        if not self._playback.silent:
            return
        now = self._board.clock.monotonic()
        if self._due is None:
            self._due = now + self._board.settings.waiting.every_seconds
        elif now >= self._due:
            self._say(self._words.next)

    def _say(self, words: Compose) -> None:
        self._playback.play(words)
        self._due = None

    def _heard(self, message: dict[str, Any]) -> None:
        """What the ACD tells of a call that waits. Anything else is a revocation of an offer that is over already, a
        note for a talk that is, or the word that we leave."""
        board, live = self._board, self._live
        match message:
            case {"type": "late", "queue": queue}:
                rule = board.queues.rules.get(queue)
                self._words.late(rule.when_late if rule else Overflow())
            case {"type": "moved", "queue": queue}:
                live.queue = queue
                live.scribe.write(Kind.MOVED, str(board.clock.now_ms()), queue=queue)
                self._words.moved()
            case _:
                return
        self._due = board.clock.monotonic()

    async def _chosen(self, choice: Choice) -> WaitEnd | None:
        if choice is Choice.AGAIN:
            self._say(self._words.place)
            return None
        self._playback.stop()
        return await (self._call_back() if choice is Choice.CALLBACK else self._message())

    async def _call_back(self) -> WaitEnd | None:
        try:
            await accept(self._board, self._live)
        except HotlineError as error:
            _log.warning("wait.callback_not_taken", call=self._live.call, code=error.code)
            self._say(_sentence("wait.callback.failed"))
            return None
        return WaitEnd.CALLBACK

    async def _message(self) -> WaitEnd | None:
        try:
            result = await take_message(self._board, self._live, self._session)
        except PartUnavailable:
            self._say(_sentence("wait.message.failed"))
            return None
        if result.kept:
            return WaitEnd.MESSAGE
        if not result.caller_here:
            await self._abandoned()
            return WaitEnd.CALLER_GONE
        await self._music()
        await self._joining.join()
        self._say(_sentence("wait.message.failed"))
        return None

    async def _offer(self, offer: Offer) -> WaitEnd | None:
        # The pop goes out while Asterisk ends the prompt; Dial is sent after both.
        self._playback.stop()
        result = await carry_out(self._board, self._live, self._session, offer, self._history)
        if result is OfferResult.TALKED:
            return WaitEnd.TALKED
        if result is OfferResult.CALLER_GONE:
            await self._abandoned()
            return WaitEnd.CALLER_GONE
        await self._music()
        if result is OfferResult.PHONE_LOST:
            await self._joining.join()
        self._due = self._board.clock.monotonic() + self._board.settings.waiting.every_seconds
        return None

    async def _abandoned(self) -> None:
        board, live = self._board, self._live
        if not board.holds(live):
            return
        live.scribe.write(Kind.ABANDONED, waited_ms=board.clock.now_ms() - live.entered_ms)
        await board.acd_step(board.acd.leave(live.call))


def _sentence(prompt: str) -> Compose:
    async def compose() -> tuple[str, ...]:
        return (prompt,)

    return compose
