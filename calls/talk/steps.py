"""What can be done with the legs of a talk, each step told to the ACD, the journal and the agent's screen."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import suppress
from typing import Any

from acd.model import Offer
from agi.variables import Phase
from ami.errors import AmiError
from calls.facts import Kind
from calls.live import LiveCall
from calls.offer_end import agent_free, give_on
from calls.switchboard import Switchboard
from calls.talk.parties import Leg, Role
from calls.talk.rooms import Place, Rooms
from calls.talk.states import MOVES, OVER, SHOWN, TalkState
from calls.talk.thirds import ThirdCall, Thirds
from hotline.errors import Conflict, HotlineError


class NotNow(Conflict):
    """What was asked for does not go with the state of the talk."""

    code = "talk.not_now"


class Steps:
    """One talk as it stands: its legs, its state, and the steps it is made of. Steps raise AmiError, and what the ACD
    raises where it says so."""

    def __init__(self, board: Switchboard, live: LiveCall, offer: Offer, agent: Leg | None) -> None:
        self._board = board
        self._live = live
        self._offer = offer
        self._citizen = Leg(Role.CITIZEN, live.channel, live.uniqueid)
        self._agent = agent
        self._third: ThirdCall | None = None
        self._thirds = Thirds(board, live)
        self._rooms = Rooms(board.ami, live.call, self._citizen)
        self._numbers = itertools.count(1)
        self._at_ms = board.clock.now_ms()
        self.state = TalkState.TALKING

    @property
    def out(self) -> bool:
        """Whether the legs have left their bridge, so that the end of the Dial is not the end of the talk."""
        return self._rooms.place is not Place.BRIDGE or self.state in OVER

    async def _to_queue(self, queue: str, why: str, *, prefer: str = "") -> None:
        """Another agent, at the place the citizen always had."""
        agent, offer = self._agent, self._live.offer or self._offer
        queue = queue or offer.queue
        if agent is not None:
            lost = why != "asked"
            await give_on(
                self._board,
                self._live,
                offer,
                queue=queue,
                prefer=offer.agent if lost else prefer,
                wrap_up_ms=0 if lost else None,
                at_ms=self._at_ms,
            )
            self._agent = self._live.offer = None
        self._live.answered = self._live.answer_heard = False
        await self._to(TalkState.QUEUED, why=why, queue=queue)
        await self._rooms.give_back(Phase.WAITING)
        if agent is not None:
            await self._rooms.end(agent)

    async def _go_blind(self) -> None:
        """The agent goes before anybody has answered. Whoever is called next, another agent, or the dialplan when
        nobody of ours lives, takes the citizen on: the channel says so, and so does the ACD."""
        agent, offer = self._agent, self._live.offer or self._offer
        await self._rooms.phase(Phase.WAITING)
        await self._rooms.put(Place.BLIND, None)
        if agent is not None:
            # First the phone: after-call work does not begin while the agent still talks.
            await self._rooms.end(agent)
        requeued = await self._board.acd_step(self._board.acd.requeue(offer, offer.queue, prefer=offer.agent))
        if agent is not None:
            await self._agent_left(told=requeued)

    async def _together(self, why: str) -> None:
        await self._put(Place.ROOM)
        await self._to(TalkState.TALKING, why=why)

    async def _put(self, place: Place) -> None:
        await self._rooms.put(place, self._agent)

    async def _agent_left(self, *, told: bool = False, by: str = "agent") -> None:
        offer = self._live.offer or self._offer
        self._agent = self._live.offer = None
        await agent_free(self._board, self._live, offer, by=by, at_ms=self._at_ms, told=told)

    async def _over(self, by: str) -> None:
        third = self._third.leg if self._third is not None else None
        legs = [leg for leg in (self._agent, third) if leg is not None]
        offer = self._offer
        agent = self._live.taken_over_by or offer.agent
        self._live.scribe.write(Kind.ENDED, agent=agent, at_ms=self._at_ms, ended_by=by, outcome="answered")
        if self._third is not None and self._third.called_in is not None:
            await self._third.called_in.over()
        if self._agent is not None:
            await self._agent_left(by=by)
        elif self.state is TalkState.BLIND_CALLING:
            await self._board.acd_step(self._board.acd.leave(self._live.call))
        await self._to(TalkState.ENDED, by=by)
        with suppress(AmiError):
            await asyncio.gather(*map(self._rooms.end, legs))
            if by != "caller":
                await self._rooms.give_back(Phase.TALKED)

    async def _to(self, state: TalkState, **told: Any) -> None:
        if state is self.state:
            return
        if state not in MOVES[self.state]:
            raise NotNow(f"no move from {self.state} to {state}")
        self.state = state
        board, offer = self._board, self._offer
        third = self._third.key if self._third else None
        self._live.scribe.write(
            Kind.TALK,
            f"{board.clock.now_ms()}.{next(self._numbers)}",
            agent=offer.agent if self._agent is not None else None,
            at_ms=self._at_ms,
            state=state.value,
            **({"third": third} if third else {}),
            **told,
        )
        await self.told(**told)

    async def told(self, **more: Any) -> None:
        """Distribution and the agent's screen hear how the talk stands."""
        board = self._board
        if self._agent is not None and self.state in SHOWN:
            await board.acd_step(board.acd.in_talk(self._live.offer or self._offer, SHOWN[self.state]))
        await self._show(**more)

    async def _show(self, **told: Any) -> None:
        third = self._third
        shown = {"call": self._live.call, "state": self.state.value, "third": third.name if third else "", **told}
        await self._board.pops.tell(self._offer.agent, "talk", shown)

    async def _refuse(self, message: dict[str, Any], error: HotlineError) -> None:
        if message.get("type") == "talk":
            told = {"call": self._live.call, "command": message.get("command"), "code": error.code, "why": error.detail}
            await self._board.pops.tell(str(message.get("agent")), "talk_refused", told)
