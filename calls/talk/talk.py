"""A talk that left its bridge: one actor per call, which takes commands and events from one mailbox, one at a time.

The citizen's AGI session is over once the legs have left the bridge; from then on the talk is driven by AMI alone, and
another process can take it up from the channels as they are (`calls.talk.adopting`).
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import structlog

from acd.model import Offer
from acd.states import Outcome
from calls.handover import HandoverOrder, hand_over
from calls.live import LiveCall
from calls.outcomes import offer_outcome
from calls.parting import Intent, TalkEnd, rings_again
from calls.switchboard import Switchboard
from calls.talk.called_in import CalledIn
from calls.talk.parties import Leg, Role
from calls.talk.rooms import Place
from calls.talk.states import ALLOWED, CALLING, HELD_CITIZEN, OVER, Command, TalkState
from calls.talk.steps import NotNow
from calls.talk.thirds import NobodyThere, ThirdCall, third_party
from calls.talk.to_menu import ToMenu
from directory.targets import Destination
from hotline.errors import HotlineError

_log = structlog.get_logger(__name__)


_CALLED_BY: Final = {
    Command.CONSULT: TalkState.CONSULT_CALLING,
    Command.THREE_WAY: TalkState.JOIN_CALLING,
    Command.BLIND: TalkState.BLIND_CALLING,
}


class Talk(ToMenu):
    """One citizen, one agent, and whom they call in. `run` takes it from its first command to its end."""

    def __init__(self, board: Switchboard, live: LiveCall, offer: Offer, agent: Leg | None) -> None:
        super().__init__(board, live, offer, agent)
        self._moved = asyncio.Event()

    async def settled(self) -> bool:
        """`out`, once what is being done just now is done."""
        await self._moved.wait()
        return self.out

    def adopted(self, state: TalkState, place: Place, third: ThirdCall | None) -> None:
        """It is found like this: a process that died has brought it so far."""
        self.state, self._third = state, third
        self._rooms.place = place

    async def run(self, first: dict[str, Any] | None = None) -> None:
        """Until the citizen has left or is somebody else's. Nothing here raises for what others do."""
        third = self._third.leg if self._third is not None else None
        legs = [leg.uniqueid for leg in (self._citizen, self._agent, third) if leg is not None]
        mailbox = self._live.mailbox
        with self._board.legs.following(mailbox, *legs):
            message = first or await mailbox.get()
            while True:
                self._moved.clear()
                try:
                    await self._take(message)
                except HotlineError as error:
                    _log.warning("talk.step_failed", call=self._live.call, code=error.code)
                    await self._refuse(message, error)
                self._moved.set()
                if self.state in OVER:
                    return
                message = await mailbox.get()

    async def _take(self, message: dict[str, Any]) -> None:
        self._at_ms = int(message.get("at_ms") or self._board.clock.now_ms())
        match message:
            case {"type": "talk"}:
                await self._command(message)
            case {"type": "alone"}:
                await self._over("agent")
            case {"type": "hangup", "agent": agent} if self._agent is not None and agent == self._offer.agent:
                await self._rooms.end(self._agent)
            case {"type": "phone_lost", "agent": agent} if self._agent is not None and agent == self._offer.agent:
                self._live.intent = Intent.PHONE_LOST
                await self._rooms.end(self._agent)
            case {"type": "offer"}:
                await self._offered(Offer.from_message(message))
            case {"type": "revoked", "reservation": str(reservation)}:
                await self._revoked(reservation)
            case {"type": "menu"}:
                self._menu_over(message)
            case {"type": "taken_over"} if self.state in (TalkState.TALKING, TalkState.HELD):
                await self._taken_over(message)
            case {"type": "leg", "leg": uniqueid, "event": event} if self.out:
                # In the bridge of the Dial the end of the Dial says it all.
                await self._leg(str(uniqueid), str(event), message)

    # what the agent asks for

    async def _command(self, message: dict[str, Any]) -> None:
        command = Command(message["command"])
        if message.get("agent") != self._offer.agent or command not in ALLOWED[self.state]:
            raise NotNow(f"{command} is not possible while {self.state}")
        match command:
            case Command.HOLD:
                await self._put(Place.HELD)
                await self._to(TalkState.HELD)
            case Command.RETRIEVE:
                await self._together("retrieved")
            case Command.TO_MENU:
                await self._to_menu(str(message.get("menu", "")))
            case Command.CONSULT | Command.THREE_WAY | Command.BLIND:
                await self._call_in(command, message)
            case Command.TO_QUEUE:
                await self._to_queue(str(message.get("queue", "")), "asked")
            case Command.JOIN:
                await self._put(Place.ROOM)
                await self._to(TalkState.CONFERENCE)
            case Command.LEAVE | Command.HANG_UP | Command.TO_SURVEY:
                self._live.intent = Intent.SURVEY if command is Command.TO_SURVEY else Intent.HANG_UP
                if self._agent is not None:
                    await self._rooms.end(self._agent)
            case Command.PAUSE if self._board.pauses is not None:
                await self._board.pauses.begin(self._live, agent=self._offer.agent)
            case Command.RESUME if self._board.pauses is not None:
                await self._board.pauses.end(self._live, agent=self._offer.agent)
            case Command.DROP:
                await self._drop("dropped")

    async def _call_in(self, command: Command, message: dict[str, Any]) -> None:
        party = third_party(self._board, str(message.get("target", "")))
        state = _CALLED_BY[command]
        if party.queue or party.agent:
            await self._call_colleague(party, state, message)
            return
        if not party.numbers:
            raise NobodyThere("nobody can be called there now")
        self._third = third = ThirdCall(party, brings_citizen=state is TalkState.BLIND_CALLING)
        await self._hand_over(party, message)
        # An emergency desk rings before anything else is done (SMX 二(三)1): the legs move while it does.
        place = Place.HELD if state in HELD_CITIZEN else Place.ROOM
        move = self._go_blind() if third.brings_citizen else self._put(place)
        called, _ = await asyncio.gather(self._thirds.call(third), move)
        await self._to(state)
        if not called:
            await self._next_number()

    async def _call_colleague(self, party: Destination, state: TalkState, message: dict[str, Any]) -> None:
        """Somebody on our own platform: they are asked for in the ACD, and join when they have answered."""
        told = await self._hand_over(party, message)
        if state is TalkState.BLIND_CALLING:
            await self._to_queue(party.queue, "asked", prefer=party.agent)
            return
        called_in = CalledIn(self._board, self._live, party)
        await called_in.ask(told)
        self._third = ThirdCall(party, called_in=called_in)
        await self._put(Place.HELD if state in HELD_CITIZEN else Place.ROOM)
        await self._to(state)

    async def _offered(self, offer: Offer) -> None:
        """The ACD has somebody who was asked for."""
        third = self._third
        if third is not None and third.called_in is not None and third.called_in.id == offer.call:
            third.leg = await third.called_in.ring(offer)

    async def _hand_over(self, party: Destination, message: dict[str, Any]) -> dict[str, Any]:
        """What is known goes ahead of the call."""
        order = HandoverOrder(
            call=self._live.call,
            target=party,
            step=f"{self._board.clock.now_ms()}.{next(self._numbers)}",
            agent=self._offer.agent,
            caller=self._live.caller,
            **{name: str(message.get(name, "")) for name in ("ticket", "summary", "location")},
        )
        return (await hand_over(self._board, self._live.scribe, order)).body

    async def _revoked(self, reservation: str) -> None:
        """The ACD has taken a colleague back who is rung: another one will be."""
        third = self._third
        if third is None or third.called_in is None or third.leg is None or third.joined:
            return
        if third.called_in.is_offered(reservation):
            await self._rooms.end(third.leg)

    async def _drop(self, why: str) -> None:
        """The third party goes, and citizen and agent are together."""
        third, self._third = self._third, None
        if third is not None and third.leg is not None:
            self._board.legs.forget(third.leg.uniqueid)
            await asyncio.gather(self._rooms.end(third.leg), self._put(Place.ROOM))
        if third is not None and third.called_in is not None:
            await third.called_in.over()
        await self._together(why)

    async def _taken_over(self, message: dict[str, Any]) -> None:
        """拦截 (`calls.supervision`): a supervisor has come into the room as third parties do, and the agent leaves."""
        leg = Leg(Role.THIRD, str(message["channel"]), str(message["leg"]))
        self._third = ThirdCall.unknown(leg, joined=True)
        self._board.legs.follow(leg.uniqueid, self._live.mailbox)
        await self._put(Place.ROOM)
        await self._to(TalkState.CONFERENCE, why="taken_over")
        if self._agent is not None:
            await self._rooms.end(self._agent)

    # what becomes of the legs

    async def _leg(self, uniqueid: str, event: str, message: dict[str, Any]) -> None:
        third = self._third
        if uniqueid == self._citizen.uniqueid:
            if event == "gone":
                await self._over("caller")
            elif event == "in" and self.state is TalkState.IN_MENU and self._rooms.place is Place.MENU:
                await self._back_from_menu()
            elif event == "in" and self.state in HELD_CITIZEN and self._rooms.place is Place.HELD:
                await self._held_too_long()
        elif self._agent is not None and uniqueid == self._agent.uniqueid:
            if event == "gone":
                await self._agent_gone(self._agent)
        elif third is not None and third.leg is not None and uniqueid == third.leg.uniqueid:
            match event:
                case "in" if not third.joined:
                    await self._third_joined(third)
                case "refused":
                    third.refused = str(message["status"])
                case "silent":
                    await self._show(why="third_silent")
                case "gone":
                    await self._third_gone(third, int(message.get("cause") or 0))

    async def _held_too_long(self) -> None:
        """The dialplan has brought the citizen back to the room: nobody is held for ever."""
        self._rooms.place = Place.ROOM
        state = {TalkState.CONSULT: TalkState.CONFERENCE, TalkState.CONSULT_CALLING: TalkState.JOIN_CALLING}
        await self._to(state.get(self.state, TalkState.TALKING), why="held_long_enough")

    async def _agent_gone(self, agent: Leg) -> None:
        third = self._third
        if self.state in CALLING and third is not None and third.called_in is not None:
            # The citizen takes the place of who was to be asked.
            self._third = None
            await third.called_in.over()
            if third.leg is not None:
                await self._rooms.end(third.leg)
            await self._to_queue(third.party.queue if third.party else "", "asked")
        elif self.state in CALLING and third is not None and third.leg is not None:
            third.brings_citizen = await self._board.ami_step(self._rooms.brought_along(third.leg))
            await self._go_blind()
            await self._to(TalkState.BLIND_CALLING)
        elif self.state in (TalkState.CONSULT, TalkState.CONFERENCE):
            await self._put(Place.ROOM)
            await self._agent_left()
            await self._to(TalkState.PASSED)
        elif await self._phone_lost(agent):
            # Of this leg; the next one may be hung up.
            self._live.intent = None
            await self._to_queue("", "phone_lost")
        else:
            await self._over("agent")

    async def _phone_lost(self, agent: Leg) -> bool:
        # It hears of every leg's end before the talk does.
        leg = await self._board.leg_ends.of_leg(agent.uniqueid, within=0.0)
        return rings_again(TalkEnd.of(leg, caller_here=True, intent=self._live.intent))

    async def _third_joined(self, third: ThirdCall) -> None:
        third.joined = True
        self._thirds.listen(third)
        told = {} if third.called_in is None else {"colleague": await third.called_in.joined()}
        if self.state is TalkState.BLIND_CALLING:
            if third.brings_citizen and await self._rooms.brought():
                self._rooms.place = Place.ROOM
            await self._put(Place.ROOM)
            await self._board.acd_step(self._board.acd.leave(self._live.call))
            await self._to(TalkState.PASSED)
        elif self.state is TalkState.CONSULT_CALLING:
            await self._to(TalkState.CONSULT, **told)
        else:
            await self._to(TalkState.CONFERENCE, **told)

    async def _third_gone(self, third: ThirdCall, cause: int) -> None:
        third.why = offer_outcome(third.refused or "CONGESTION", cause).value
        third.leg = None
        if third.called_in is not None and not third.joined:
            # The next one is offered the call, which has kept its place.
            await third.called_in.not_reached(Outcome(third.why))
            await self._show(why=third.why)
        elif third.joined:
            self._third = None
            if third.called_in is not None:
                await third.called_in.over()
            if self.state is TalkState.PASSED:
                await self._over("third")
            else:
                await self._together("third_gone")
        else:
            await self._next_number()

    async def _next_number(self) -> None:
        """The directory's next number; after the last one the citizen is with the agent again, or with the next one."""
        third = self._third
        while third is not None and third.next_number is not None:
            await self._show(why=third.why)
            if self.state is TalkState.BLIND_CALLING:
                # On hold for as long as this number may ring.
                await self._put(Place.BLIND)
            if await self._thirds.call(third):
                return
        self._third = None
        why = third.why if third is not None else ""
        if self.state is TalkState.BLIND_CALLING:
            await self._to_queue("", why or "not_reached")
        else:
            await self._put(Place.ROOM)
            await self._to(TalkState.TALKING, why=why or "not_reached")
