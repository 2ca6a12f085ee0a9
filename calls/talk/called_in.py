"""The next agent or expert (专家座席) of a group as a third party: a call of its own in the ACD, that no citizen is in.

It waits at the place of the citizen's call, while citizen and agent go on. Whoever it is offered to sees the citizen's
call, and their phone is called into the room. It has no story in the journal: that is the citizen's, and who joined is
told there.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any, Final

from acd.model import Offer
from acd.states import Outcome
from ami.errors import AmiError, AmiRefused
from calls.agent_leg import agent_leg
from calls.callback_ids import called_in_id, leg_id
from calls.caller_record import CallerRecord
from calls.facts import Kind
from calls.live import LiveCall, Scribe
from calls.queueing import request
from calls.switchboard import Switchboard
from calls.talk.inviting import invite
from calls.talk.parties import Leg, Role
from directory.modes import GENERAL_GROUP
from directory.targets import Destination

_SLACK_MS: Final = 2_000
"""For what lies between the pop and the ringing."""

_serial = itertools.count(1)


class Untold(Scribe):
    """Of such a call nothing is written: what there is to tell belongs to the citizen's."""

    def write(
        self, kind: Kind, about: str = "", *, agent: str | None = None, at_ms: int | None = None, **attributes: Any
    ) -> None:
        """Nothing."""


class CalledIn:
    """One such call, from the queue to the expert's wrap-up. Offers come into the talk's mailbox."""

    def __init__(self, board: Switchboard, citizen: LiveCall, party: Destination) -> None:
        self._board = board
        self._citizen = citizen
        self._party = party
        self.id = called_in_id(board.process, board.clock.now_ms(), next(_serial))
        self._live = LiveCall(
            call=self.id,
            channel=leg_id(self.id),
            uniqueid=leg_id(self.id),
            entered_ms=citizen.entered_ms,
            entry=1,
            caller=citizen.caller,
            dialled=citizen.dialled,
            plan=citizen.plan,
            scribe=Untold(board.journal, board.clock, call=self.id, process=board.process),
            mailbox=citizen.mailbox,
            queue=party.queue or GENERAL_GROUP,
            prefer=party.agent,
        )

    async def ask(self, told: dict[str, Any]) -> None:
        """Into the queue; `told` is what goes with the call to whoever it is offered to. Raises what
        `Acd.enqueue` and `Acd.call_out` do."""
        board, live = self._board, self._live
        live.told["handover"] = told
        live.queued_ms = board.clock.now_ms()
        board.live[self.id] = live
        try:
            asked = replace(request(live, board.process), even_if_full=True)
            if self._party.agent:
                # One agent, at once or not at all.
                await board.acd.call_out(replace(asked, only=self._party.agent, prefer=""))
            else:
                await board.acd.enqueue(asked)
        except BaseException:
            del board.live[self.id]
            raise

    async def ring(self, offer: Offer) -> Leg | None:
        """The expert's screen, then their phone; None when it cannot be called: another one will be."""
        board, live = self._board, self._live
        ring_seconds = board.settings.voice.ring_seconds
        phone = agent_leg(board.settings.asterisk, offer.extension, offer.host, self._citizen.call)
        await board.pops.show(live, offer, (self._citizen.record or CallerRecord()).shown())
        if phone is None or not await board.acd_step(board.acd.ringing(offer, ring_seconds * 1000 + _SLACK_MS)):
            await self._failed(offer, Outcome.FAILED)
            return None
        live.offer = offer
        try:
            await invite(
                board,
                self._citizen,
                live.uniqueid,
                phone.destination,
                key=self._party.key,
                ring_seconds=ring_seconds,
            )
        except AmiRefused:
            await self.not_reached(Outcome.UNREGISTERED)
            return None
        except AmiError:
            board.legs.forget(live.uniqueid)
            await self.not_reached(Outcome.FAILED)
            return None
        return Leg(Role.THIRD, live.uniqueid, live.uniqueid)

    def is_offered(self, reservation: str) -> bool:
        """Whether this is the offer that rings."""
        return self._live.offer is not None and self._live.offer.reservation == reservation

    async def joined(self) -> str:
        """They are in the room; returns the work number."""
        live = self._live
        live.answered = True
        if live.offer is None:
            return ""
        live.answer_heard = await self._board.acd_step(self._board.acd.answered(live.offer))
        return live.offer.agent

    async def not_reached(self, outcome: Outcome) -> None:
        """This one's phone did not answer: the call waits on, at its place."""
        offer, self._live.offer = self._live.offer, None
        if offer is not None:
            await self._failed(offer, outcome)

    async def over(self) -> None:
        """The expert has left, or is no longer asked for."""
        board, live = self._board, self._live
        board.live.pop(self.id, None)
        offer, live.offer = live.offer, None
        if live.answered and offer is not None:
            await board.acd_step(board.acd.finished(offer, board.queues.wrap_up_ms(offer.queue), phone_free=True))
            await board.pops.tell(offer.agent, "call_ended", {"call": live.call, "ended_by": "talk"})
            return
        await board.acd_step(board.acd.leave(self.id))
        if offer is not None:
            await self._withdrawn(offer, Outcome.CALLER_GONE)

    async def _failed(self, offer: Offer, outcome: Outcome) -> None:
        await self._board.acd_step(self._board.acd.failed(offer, outcome))
        await self._withdrawn(offer, outcome)

    async def _withdrawn(self, offer: Offer, outcome: Outcome) -> None:
        told = {"reservation": offer.reservation, "call": self.id, "outcome": outcome.value}
        await self._board.pops.tell(offer.agent, "pop_withdrawn", told)
