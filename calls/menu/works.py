"""What a menu's nodes ask of the world: of distribution, of a ticket, of a unit's system, of the channel itself."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from agi.errors import AgiHangup
from agi.session import AgiSession
from agi.variables import PHASE, Phase
from calls import survey
from calls.callback_queue import accept
from calls.live import LiveCall
from calls.menu_answers import AskedOf
from calls.messages import take_message
from calls.routing import RouteResult, connect_to
from calls.survey_states import SurveyState
from calls.switchboard import Switchboard
from directory.snapshot import DialTarget
from directory.targets import Destination, emergency, target
from hotline.errors import HotlineError, PartUnavailable
from ivr.events import (
    AskSatisfaction,
    DialEmergency,
    PromiseCallback,
    TakeMessage,
    Work,
)
from ivr.events import (
    DialTarget as DialTargetOf,
)

ON_CHANNEL: Final = (DialTargetOf, DialEmergency, PromiseCallback, TakeMessage, AskSatisfaction)
"""Work that needs the caller's channel for itself, and hears the keys pressed meanwhile; or ends the menu."""


@dataclass(frozen=True, slots=True)
class NotDone:
    """It went wrong; `why` as in `ivr.events.Failed`."""

    why: str


@dataclass(frozen=True, slots=True)
class Talked:
    """The caller talked with somebody elsewhere."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The caller hung up, and that is on record."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The call's story is told; `goodbye` is the prompt that is left to say, none: the flow says it."""

    goodbye: str = ""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A group of ours, by its queue."""

    queue: str


Outcome = Mapping[str, str] | NotDone | Talked | Gone | Finished | Elsewhere


class NobodyAnswers(PartUnavailable):
    """Nothing here can look that up."""

    code = "menu.nobody_answers"


def destination(board: Switchboard, key: str) -> Destination:
    """Whom a menu's transfer names at this moment; a key without a kind is a line's. Raises HotlineError."""
    full = key if ":" in key else f"line:{key}"
    return target(board.directory.snapshot, full, board.clock.now(), queues=dict.fromkeys(board.queues.rules, ""))


class ChannelWorks:
    """Work on one caller's channel, one at a time, with nothing being said. `in_talk`: the caller is in a talk, whose
    agent waits; what would end that is not done."""

    def __init__(self, board: Switchboard, live: LiveCall, session: AgiSession, *, in_talk: bool) -> None:
        self._board = board
        self._live = live
        self._session = session
        self._in_talk = in_talk
        self._dials = itertools.count(1)

    async def look_up(self, work: AskedOf) -> Mapping[str, str]:
        """What is found out beside the channel. Raises MenuWorkFailed, NobodyAnswers."""
        if self._board.answers is None:
            raise NobodyAnswers("no answers for menus")
        return await self._board.answers.answer(work, call=self._live.call, caller=self._live.caller or "")

    async def do(self, work: Work) -> Outcome:
        """Raises AgiHangup, AgiConnectionLost, and AgiError as the session does."""
        if self._in_talk and not isinstance(work, AskSatisfaction):
            return NotDone("in_talk")
        # Keys that are pressed meanwhile are not for the menu.
        with self._board.keys.of(self._live.uniqueid):
            match work:
                case DialTargetOf(key):
                    return await self._dial_target(key)
                case DialEmergency(number):
                    return await self._dial_emergency(number)
                case PromiseCallback():
                    return await self._promise()
                case TakeMessage():
                    return await self._message()
                case _:
                    return await self._ask()

    async def _dial_target(self, key: str) -> Outcome:
        try:
            party = destination(self._board, key)
        except HotlineError as error:
            return NotDone(error.code)
        if party.queue:
            return Elsewhere(party.queue)
        if not party.numbers:
            return NotDone("nobody_there")
        return await self._dial(party.numbers)

    async def _dial_emergency(self, number: str) -> Outcome:
        board = self._board
        try:
            desk = emergency(board.directory.snapshot, number, board.clock.now())
        except HotlineError as error:
            return NotDone(error.code)
        return await self._dial(desk.numbers, own_tones=True)

    async def _dial(self, numbers: tuple[DialTarget, ...], *, own_tones: bool = False) -> Outcome:
        about = f"{self._live.entry}.menu.{next(self._dials)}"
        result = await connect_to(self._board, self._live, self._session, numbers, about=about, own_tones=own_tones)
        if result is RouteResult.TALKED:
            return Talked()
        if result is RouteResult.CALLER_GONE:
            return Gone()
        await self._session.set_variable(PHASE, Phase.MENU)
        return NotDone("not_reached")

    async def _promise(self) -> Outcome:
        try:
            await accept(self._board, self._live)
        except HotlineError as error:
            return NotDone(error.code)
        return Finished("wait.callback.accepted")

    async def _message(self) -> Outcome:
        try:
            result = await take_message(self._board, self._live, self._session)
        except HotlineError as error:
            return NotDone(error.code)
        if result.kept:
            return Finished("wait.message.thanks")
        if not result.caller_here:
            raise AgiHangup()
        return NotDone("not_kept")

    async def _ask(self) -> Outcome:
        state = await survey.ask(self._board, self._live, self._session)
        return {"answered": "yes" if state is SurveyState.RATED else "no"}
