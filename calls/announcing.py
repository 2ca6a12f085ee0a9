"""What a waiting citizen is told: the place, the expected wait, what the keys do, and comfort in between."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from acd.queues import Overflow, OverflowAction
from calls.callback_policy import NotCallable, digits_to_dial
from calls.expectation import LONGER, Told, announced, expected_ms
from calls.live import LiveCall
from calls.switchboard import Switchboard
from directory.modes import Fallback
from hotline.errors import HotlineError
from media.digits import cardinal


class Choice(StrEnum):
    """What a citizen can ask for with a key, as the journal has it."""

    AGAIN = "again"
    CALLBACK = "callback"
    MESSAGE = "message"


KEYS: Final = {"1": Choice.AGAIN, "2": Choice.CALLBACK, "3": Choice.MESSAGE}
"""Every other key does nothing."""

_SAID_OF: Final = {
    Choice.AGAIN: "wait.keys.again",
    Choice.CALLBACK: "wait.keys.callback",
    Choice.MESSAGE: "wait.keys.message",
}
_COMFORTS: Final = ("wait.thanks", "wait.comfort")


class Announcements:
    """One citizen's announcements in their order. Numbers are true when they are said, and calm from one to the next:
    a place that has become worse (somebody with a head start came in) is not said unasked, and how an expected wait
    may change is up to `calls.expectation`."""

    def __init__(self, board: Switchboard, live: LiveCall) -> None:
        self._board = board
        self._live = live
        self._turn = 0
        self._news = "wait.no_agent"
        """Said first of all, once."""
        self._position: int | None = None
        """As it was said last."""
        self._told: Told | None = None
        self._overflow: set[OverflowAction] = set()

    @property
    def offered(self) -> tuple[Choice, ...]:
        """What the keys can do now. Nobody whom an emergency desk did not take is led away from a human."""
        if self._live.plan.fallback is Fallback.REDIAL:
            return ()
        keys = self._board.settings.waiting
        offered = [Choice.AGAIN]
        if (keys.offer_callback or OverflowAction.CALLBACK in self._overflow) and self._callable:
            offered.append(Choice.CALLBACK)
        recordable = self._board.messages is not None
        if recordable and (keys.offer_message or OverflowAction.MESSAGE in self._overflow):
            offered.append(Choice.MESSAGE)
        return tuple(offered)

    @property
    def _callable(self) -> bool:
        try:
            digits_to_dial(self._live.caller, self._board.directory.snapshot)
        except NotCallable:
            return False
        return True

    def full(self, overflow: Overflow) -> None:
        """The queue was full, and this is its rule for that."""
        self._tell("wait.full", overflow)

    def late(self, overflow: Overflow) -> None:
        """The citizen has waited for as long as the queue's rule allows, and this is what it says of that."""
        self._tell("wait.late", overflow)

    def moved(self) -> None:
        """The call is in another queue."""
        self._tell("wait.moved", Overflow())

    def _tell(self, news: str, overflow: Overflow) -> None:
        self._news = news
        self._overflow.add(overflow.action)
        self._turn = 0

    async def next(self) -> Sequence[str]:
        """The scheduled announcement: news, the place now and then, comfort otherwise."""
        turn, every = self._turn, self._board.settings.waiting.comforts_between + 1
        prompts = [self._news] if self._news else []
        if turn % every == 0:
            prompts += await self._situation(asked=False)
        # Nothing is said of a turn that was cut off before it could be put together.
        self._turn, self._news = turn + 1, ""
        return prompts or [_COMFORTS[turn % len(_COMFORTS)]]

    async def place(self) -> Sequence[str]:
        """Asked for by key: always true, even if it has become worse."""
        return await self._situation(asked=True) or [_COMFORTS[0]]

    async def _situation(self, *, asked: bool) -> list[str]:
        board, live = self._board, self._live
        try:
            call = await board.acd.call(live.call)
            position = await board.acd.position(live.call)
        except HotlineError:
            return []
        if call is None or position is None:
            return []
        live.queue = call.queue
        prompts = []
        if asked or self._position is None or position <= self._position:
            prompts += _place(position)
            self._position = position
        prompts += await self._expected(position)
        return prompts + [_SAID_OF[choice] for choice in sorted(self.offered, key=_ASKED_LAST.index)]

    async def _expected(self, position: int) -> list[str]:
        board, now_ms = self._board, self._board.clock.now_ms()
        measured = await board.paces.of(self._live.queue, waiting_since_ms=self._live.queued_ms or now_ms)
        expected = None if measured is None else expected_ms(measured, position)
        word = announced(expected, self._told, now_ms=now_ms, longest=board.settings.waiting.longest_minutes)
        if isinstance(word, int):
            self._told = Told(word, now_ms)
            return ["wait.expected.before", *cardinal(word, counting=True), "wait.expected.after"]
        return ["wait.expected.longer"] if word is LONGER else []


_ASKED_LAST: Final = (Choice.CALLBACK, Choice.MESSAGE, Choice.AGAIN)
"""After "it may take longer" comes what else can be done."""


def _place(position: int) -> list[str]:
    ahead = position - 1
    if ahead == 0:
        return ["wait.position.next"]
    return ["wait.position.before", *cardinal(ahead, counting=True), "wait.position.after"]
