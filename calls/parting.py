"""How a talk ended on the agent's side, and what a citizen who is still there gets: survey, thanks, or the agent again.

Asterisk gives the agent's leg a cause (Q.850) when it hangs up. A BYE is 16; a phone that stopped sending sound is 44
(rtp_timeout), one that answers nothing any more 18, 19 or 102. Only who hung up has ended the talk: a page that was
closed or reloaded, or a phone without power, is rung again.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from agi.variables import CALL
from ami.client import AmiClient
from ami.errors import AmiError
from ami.events import ContactStatus, Hangup

_KEPT: Final = 4_096
"""So many legs are remembered: more than hang up while one citizen says goodbye."""

_SEAT: Final = re.compile(r"PJSIP/([0-9]{2,8})-[0-9a-f]+")
_SEATS_AOR: Final = re.compile(r"[0-9]{2,8}")
_THERE: Final = frozenset({"Created", "Updated", "Reachable", "NonQualified"})


class Intent(StrEnum):
    """Why we ourselves hang an agent's leg up; recorded before it is done."""

    SURVEY = "survey"
    """送评价: the agent has sent the citizen to the survey."""
    HANG_UP = "hang_up"
    """挂机: the agent hung up on the page."""
    FORCED = "forced"
    """强拆: a supervisor ended the talk."""
    PHONE_LOST = "phone_lost"
    """The page with the phone is gone, and we do not wait for Asterisk to notice."""


class Ending(StrEnum):
    """What a cause says of the party on a leg."""

    HUNG_UP = "hung_up"
    LOST = "lost"


class Next(StrEnum):
    """What follows a talk."""

    SURVEY = "survey"
    THANKS = "thanks"
    RING_AGAIN = "ring_again"
    NOBODY = "nobody"
    """The citizen has hung up."""


CAUSES: Mapping[int, Ending] = {
    16: Ending.HUNG_UP,  # normal clearing: BYE
    18: Ending.LOST,  # 408: no answer to a re-INVITE or a session refresh
    19: Ending.LOST,  # 480
    20: Ending.LOST,  # its contact is gone
    27: Ending.LOST,  # its address cannot be reached
    38: Ending.LOST,  # the network is out of order
    41: Ending.LOST,  # a failure that may pass
    44: Ending.LOST,  # rtp_timeout: no sound for so long
    102: Ending.LOST,  # a timer ran out
}
"""Any other cause is one of a leg that died: nobody pressed anything."""

_BY_INTENT: Mapping[Intent, Next] = {
    Intent.SURVEY: Next.SURVEY,
    Intent.HANG_UP: Next.SURVEY,
    Intent.FORCED: Next.THANKS,
    Intent.PHONE_LOST: Next.RING_AGAIN,
}


@dataclass(frozen=True, slots=True)
class LegEnd:
    """A leg that hung up. `call` is the call it was part of."""

    call: str
    cause: int
    phone_lost: bool


@dataclass(frozen=True, slots=True)
class TalkEnd:
    """The end of a talk with an agent. `cause` is the agent's leg's (None: nobody told us)."""

    caller_here: bool
    cause: int | None = None
    phone_lost: bool = False
    """The phone's registration was gone when its leg ended. A page that is closed says goodbye for its phone first and
    hangs up then, so the cause alone reads like an agent who hung up."""
    intent: Intent | None = None

    @classmethod
    def of(cls, leg: LegEnd | None, *, caller_here: bool, intent: Intent | None) -> Self:
        """By what was told of the agent's leg; None: nothing was."""
        return cls(caller_here, leg.cause if leg else None, leg is not None and leg.phone_lost, intent)


def after_talk(end: TalkEnd) -> Next:
    """What follows. Of a leg whose end nobody told of nothing is concluded: the citizen is thanked."""
    if not end.caller_here:
        return Next.NOBODY
    if end.intent is not None:
        return _BY_INTENT[end.intent]
    if end.phone_lost:
        return Next.RING_AGAIN
    if end.cause is None:
        return Next.THANKS
    return Next.SURVEY if CAUSES.get(end.cause) is Ending.HUNG_UP else Next.RING_AGAIN


def surveyed(end: TalkEnd) -> bool:
    """Whether the citizen is asked: the agent hung up, or sent the citizen to the survey."""
    return after_talk(end) is Next.SURVEY


def rings_again(end: TalkEnd) -> bool:
    """Whether the agent's phone is to be rung again: it was lost, and the citizen is still there."""
    return after_talk(end) is Next.RING_AGAIN


class LegEnds:
    """How the legs on this host ended lately, from AMI. Every voice process knows it of every call, so that a citizen
    who comes back to another one than before is treated alike."""

    def __init__(self, ami: AmiClient) -> None:
        self._ami = ami
        self._ends: OrderedDict[str, LegEnd] = OrderedDict()
        self._waiting: dict[str, asyncio.Future[LegEnd]] = {}
        self._gone: set[str] = set()
        """Extensions that were registered, and are not now."""
        self._at: dict[str, str] = {}
        """Where each extension is registered, as far as we were told."""
        ami.subscribe(Hangup, self._hangup)
        ami.subscribe(ContactStatus, self._contact)
        ami.on_connect(self._begin_anew)

    async def of_leg(self, uniqueid: str, *, within: float) -> LegEnd | None:
        """The end of one leg, waited for `within` seconds; None: nobody told of it."""
        if uniqueid in self._ends or not uniqueid:
            return self._ends.get(uniqueid)
        told = self._waiting.setdefault(uniqueid, asyncio.get_running_loop().create_future())
        await asyncio.wait({told}, timeout=within)
        self._waiting.pop(uniqueid, None)
        return told.result() if told.done() else None

    def last_of(self, call: str) -> LegEnd | None:
        """The leg of a call that ended last; None: nobody told of any."""
        return next((end for end in reversed(self._ends.values()) if end.call == call), None)

    async def _hangup(self, event: Hangup) -> None:
        call = event.variables.get(CALL) or event.linkedid
        if event.uniqueid == call:
            return
        seat = _SEAT.fullmatch(event.channel)
        lost = seat is not None and seat[1] in self._gone
        end = self._ends[event.uniqueid] = LegEnd(call, event.cause, lost)
        if len(self._ends) > _KEPT:
            self._ends.popitem(last=False)
        if (waiting := self._waiting.get(event.uniqueid)) and not waiting.done():
            waiting.set_result(end)

    async def _begin_anew(self) -> None:
        """Nobody told us who registered meanwhile: a phone that is there again must not count as gone for ever."""
        self._gone.clear()
        self._at.clear()

    async def _contact(self, event: ContactStatus) -> None:
        if not _SEATS_AOR.fullmatch(event.aor):
            return
        if event.status in _THERE:
            self._at[event.aor] = event.uri
            self._gone.discard(event.aor)
        elif self._at.get(event.aor, event.uri) != event.uri:
            # A registration that another one has replaced: an answer it owed may be missed long after.
            return
        elif event.status == "Unreachable" or (event.status == "Removed" and await self._unregistered(event.aor)):
            self._gone.add(event.aor)

    async def _unregistered(self, extension: str) -> bool:
        """A phone that registers anew from another address has one registration removed, and another one."""
        try:
            return not await self._ami.getvar(f"PJSIP_AOR({extension},contact)")
        except AmiError:
            return False
