"""Third parties of a talk: found in the directory, called number by number, listened to when they have answered."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass
from typing import Final, Self

import structlog

from acd.states import Outcome
from ami.errors import AmiError, AmiRefused
from calls.live import LiveCall
from calls.switchboard import Switchboard
from calls.talk.called_in import CalledIn
from calls.talk.inviting import invite
from calls.talk.parties import Leg, Role
from directory.snapshot import DialTarget
from directory.targets import Destination, target
from hotline.errors import Conflict

_log = structlog.get_logger(__name__)

_PACKETS: Final = "CHANNEL(rtcp,rxcount)"

_serial = itertools.count(1)


@dataclass(slots=True)
class ThirdCall:
    """A third party who is called, or was reached. `tried` counts the numbers that were called."""

    party: Destination | None
    """None: an adopter could not find out who it is."""
    called_in: CalledIn | None = None
    """The call in the ACD by which somebody of ours is asked for; None: numbers are called."""
    tried: int = 0
    leg: Leg | None = None
    joined: bool = False
    brings_citizen: bool = False
    """No agent waits for them: the dialplan brings the citizen to the room when they answer."""
    refused: str = ""
    """DIALSTATUS of the last number that did not answer."""
    why: str = ""
    """Why it did not."""

    @classmethod
    def unknown(cls, leg: Leg, *, joined: bool) -> Self:
        """Somebody who is on the line, and nothing more is known."""
        return cls(None, leg=leg, joined=joined)

    @property
    def next_number(self) -> DialTarget | None:
        """The number to call now; None when all were tried."""
        numbers = self.party.numbers if self.party is not None else ()
        return numbers[self.tried] if self.tried < len(numbers) else None

    @property
    def key(self) -> str:
        return self.party.key if self.party is not None else ""

    @property
    def name(self) -> str:
        return self.party.name if self.party is not None else ""


class NobodyThere(Conflict):
    """There is no number that could be called now."""

    code = "talk.nobody_there"


def third_party(board: Switchboard, key: str) -> Destination:
    """Who can be called by this key of the directory. Raises UnknownTarget."""
    return target(board.directory.snapshot, key, board.clock.now())


class Thirds:
    """Calls third parties of one talk. What becomes of them comes into the talk's mailbox."""

    def __init__(self, board: Switchboard, live: LiveCall) -> None:
        self._board = board
        self._live = live
        self._listening: set[asyncio.Task[None]] = set()

    async def call(self, third: ThirdCall) -> bool:
        """Call the next number. False when there is none, or Asterisk could not begin: nothing more comes of it."""
        number = third.next_number
        if number is None:
            return False
        third.tried += 1
        uniqueid = f"{self._live.call}-{next(_serial)}-{self._board.clock.now_ms()}"
        third.leg = Leg(Role.THIRD, uniqueid, uniqueid)
        third.refused = third.why = ""
        try:
            # Both halves are directory values; nothing of the dial string was sent by a caller.
            await invite(
                self._board,
                self._live,
                uniqueid,
                f"PJSIP/{number.user}@{number.endpoint}",
                key=third.key,
                tried=third.tried,
                brings_citizen=third.brings_citizen,
                ring_seconds=number.ring_seconds,
            )
        except AmiRefused:
            third.leg, third.why = None, Outcome.UNREGISTERED.value
            return False
        return True

    def listen(self, third: ThirdCall) -> None:
        """Tell the talk if this one sends no sound."""
        if third.leg is not None:
            task = asyncio.create_task(self._hear(third.leg))
            self._listening.add(task)
            task.add_done_callback(self._listening.discard)

    async def _hear(self, leg: Leg) -> None:
        await asyncio.sleep(self._board.settings.talk.silent_seconds)
        try:
            packets = await self._board.ami.getvar(_PACKETS, leg.uniqueid)
        except AmiError as error:
            _log.info("talk.third_not_heard", code=error.code)
            return
        if packets == "0":
            told = {"type": "leg", "leg": leg.uniqueid, "event": "silent", "at_ms": self._board.clock.now_ms()}
            self._live.mailbox.put_nowait(told)
