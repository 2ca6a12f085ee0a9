"""Calls whose voice process died while a phone rang or a talk ran: adopted, and driven by AMI alone.

Asterisk goes on with what it was told: the phone rings on, the talk goes on. What would be lost is the knowledge of
it. The ACD hands each orphan to one adopter by compare-and-set; the adopter watches the channel, tells the ACD and the
journal what becomes of it, and lets go once the channel is back in AGI at whichever process answers there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import orjson
import structlog

from acd.model import CallView, Offer
from acd.states import CallState, Outcome
from ami.errors import AmiError
from ami.replies import ChannelInfo
from calls.agent_leg import agent_leg
from calls.callback_ids import is_called_in, is_outward
from calls.dialwatch import DialWatch
from calls.facts import Kind
from calls.live import LiveCall, Scribe
from calls.outcomes import offer_outcome
from calls.switchboard import Switchboard
from calls.talk.adopting import legs_of, live_call, place_of, take_up
from calls.talk.called_in import Untold
from calls.talk.rooms import Place
from calls.talk.talk import Talk
from hotline.errors import HotlineError

_log = structlog.get_logger(__name__)

_LOOK_SECONDS = 0.5


class Stage(StrEnum):
    """What an orphan is doing."""

    RINGING = "ringing"
    TALKING = "talking"


@dataclass(slots=True)
class Orphan:
    """An adopted call. Its session is gone; its channel is not."""

    call: str
    uniqueid: str
    entered_ms: int
    offer: Offer
    stage: Stage
    watch: DialWatch
    scribe: Scribe
    told: dict[str, Any]
    """The label its former owner left."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    """What the agent has asked for since."""


class Adoption:
    """Adopts what dead processes of this host left, and sees each call through."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board
        self._orphans: dict[str, Orphan] = {}
        self._talks: set[asyncio.Task[None]] = set()

    def __contains__(self, call: str) -> bool:
        return call in self._orphans

    async def run(self) -> None:
        """Look around twice a second until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                await self.step()
            except HotlineError as error:
                _log.info("adoption.waits", reason=type(error).__name__)

    async def step(self) -> None:
        """Adopt new orphans, then move every one on as far as its channel has gone."""
        for view in await self._board.acd.adopt_orphans():
            self._take(view)
        for orphan in [orphan for orphan in self._orphans.values() if orphan.call in self._board.live]:
            await self._back(orphan)
        if not self._orphans:
            return
        try:
            channels = {channel.uniqueid: channel for channel in await self._board.ami.channels()}
        except AmiError:
            # Without AMI nothing can be known; the talk lease is renewed meanwhile, so nothing is given up.
            for orphan in self._orphans.values():
                await self._renew(orphan)
            return
        for orphan in list(self._orphans.values()):
            await self._advance(orphan, channels)

    def _take(self, view: CallView) -> None:
        board = self._board
        if view.offer is None:
            return
        told: dict[str, Any] = orjson.loads(view.label)
        make = Untold if is_called_in(view.call) else Scribe
        scribe = make(board.journal, board.clock, call=view.call, process=board.process)
        scribe.write(Kind.ADOPTED, str(board.clock.now_ms()), agent=view.offer.agent, state=view.state.value)
        self._orphans[view.call] = Orphan(
            call=view.call,
            uniqueid=told["uniqueid"],
            entered_ms=view.entered_ms,
            offer=view.offer,
            stage=Stage.TALKING if view.state is CallState.TALKING else Stage.RINGING,
            watch=board.watches.open(told["uniqueid"]),
            scribe=scribe,
            told=told,
        )

    async def _advance(self, orphan: Orphan, channels: Mapping[str, ChannelInfo]) -> None:
        channel = channels.get(orphan.uniqueid)
        bridged = channel is not None and bool(channel.bridge_id)
        if orphan.stage is Stage.RINGING and (bridged or orphan.watch.talked):
            await self._answered(orphan)
        if orphan.stage is Stage.TALKING:
            in_talk = channel is not None and place_of(channel) is not Place.BRIDGE
            # Of a call that began with the agent, the channel that is known is not the citizen's.
            ours = is_called_in(orphan.call) or is_outward(orphan.call)
            if channel is not None and (in_talk or (bridged and orphan.asked)) and not ours:
                await self._take_up(orphan, legs_of(orphan.call, channel, channels.values()))
            elif not bridged:
                await self._talk_over(orphan, "caller" if channel is None else "agent")
                self._let_go(orphan)
            else:
                await self._renew(orphan)
        elif channel is None or (channel.application != "Dial" and not is_called_in(orphan.call)):
            await self._not_answered(orphan, channel)

    def release(self, call: str) -> None:
        """Somebody else has ended the agent's part of an adopted talk, and writes its end (`calls.supervising`)."""
        if orphan := self._orphans.get(call):
            self._let_go(orphan)

    def heard(self, message: dict[str, Any]) -> None:
        """The agent of an adopted talk asks for something: from now on it is a talk like those of our own."""
        if orphan := self._orphans.get(message.get("call", "")):
            orphan.asked.append(message)

    async def _take_up(self, orphan: Orphan, legs: Iterable[str]) -> None:
        """The legs have left their bridge, or are to leave it."""
        board = self._board
        live = live_call(board, orphan.offer, orphan.told, orphan.entered_ms, orphan.scribe)
        talk = None
        # They are followed first and looked at then: nothing that happens after the look is missed. What is heard of
        # before it as well changes nothing.
        for leg in legs:
            board.legs.follow(leg, live.mailbox)
        try:
            channels = await board.ami.channels()
            if any(channel.uniqueid == live.uniqueid for channel in channels):
                talk = await take_up(board, live, orphan.offer, channels)
        finally:
            if talk is None:
                board.legs.leave(live.mailbox)
        if talk is None:
            # The citizen has hung up since: the next look ends the talk.
            return
        for message in orphan.asked:
            live.mailbox.put_nowait(message)
        self._let_go(orphan)
        board.live[live.call] = live
        task = asyncio.create_task(self._talk(talk, live))
        self._talks.add(task)
        task.add_done_callback(self._talks.discard)

    async def _talk(self, talk: Talk, live: LiveCall) -> None:
        try:
            await talk.run()
        finally:
            live.offer = None
            if self._board.holds(live):
                del self._board.live[live.call]

    async def _renew(self, orphan: Orphan) -> None:
        if orphan.stage is Stage.TALKING:
            await self._board.acd_step(self._board.acd.renew(orphan.offer, self._board.talk_until_ms()))

    async def _back(self, orphan: Orphan) -> None:
        """In AGI with us: its session has taken over. It may have enqueued under the offer that nobody else would
        end before its deadline. After a talk it only says goodbye, and the agent is not to wait for that."""
        if orphan.stage is Stage.RINGING:
            await self._offer_over(orphan, self._outcome(orphan))
        elif self._board.live[orphan.call].returned:
            await self._talk_over(orphan, "agent")
        self._let_go(orphan)

    async def _answered(self, orphan: Orphan) -> None:
        orphan.stage = Stage.TALKING
        at_ms = orphan.watch.bridged_ms
        orphan.scribe.write(Kind.ANSWERED, orphan.offer.reservation, agent=orphan.offer.agent, at_ms=at_ms)
        await self._board.acd_step(self._board.acd.answered(orphan.offer))

    async def _talk_over(self, orphan: Orphan, ended_by: str) -> None:
        board, offer = self._board, orphan.offer
        wrap_up_ms = board.queues.wrap_up_ms(offer.queue)
        orphan.scribe.write(
            Kind.ENDED, agent=offer.agent, at_ms=orphan.watch.parted_ms, ended_by=ended_by, outcome="answered"
        )
        orphan.scribe.write(Kind.WRAP_UP, offer.reservation, agent=offer.agent, wrap_up_ms=wrap_up_ms)
        await board.acd_step(board.acd.finished(offer, wrap_up_ms))
        await board.pops.tell(offer.agent, "call_ended", {"call": orphan.call, "ended_by": ended_by})

    async def _not_answered(self, orphan: Orphan, channel: ChannelInfo | None) -> None:
        # With a channel the dialplan has it and brings it to a living process; the place is in HL_ENTERED.
        await self._offer_over(orphan, Outcome.CALLER_GONE if channel is None else self._outcome(orphan))
        if is_outward(orphan.call):
            # The channel is the agent's. Whoever takes the promise over calls an agent anew.
            if channel is not None:
                await self._board.ami_step(self._board.ami.hangup(channel.channel))
        elif channel is None:
            waited_ms = self._board.clock.now_ms() - orphan.entered_ms
            orphan.scribe.write(Kind.ABANDONED, waited_ms=waited_ms)
            await self._board.acd_step(self._board.acd.leave(orphan.call))
        self._let_go(orphan)

    def _outcome(self, orphan: Orphan) -> Outcome:
        offer, watch = orphan.offer, orphan.watch
        if watch.dial_status is None and watch.callee_cause is None:
            # Its process was lost before it rang the phone, or nobody saw what the phone did. Not the agent's fault: it
            # is free for the next call, and a phone that takes none is found out by that one.
            return Outcome.EXPIRED
        leg = agent_leg(self._board.settings.asterisk, offer.extension, offer.host, orphan.call)
        judge = leg.outcome if leg is not None else offer_outcome
        return judge(watch.dial_status or "CONGESTION", watch.callee_cause or 0)

    async def _offer_over(self, orphan: Orphan, outcome: Outcome) -> None:
        board, offer = self._board, orphan.offer
        orphan.scribe.write(Kind.OFFER_FAILED, offer.reservation, agent=offer.agent, outcome=outcome.value)
        await board.acd_step(board.acd.failed(offer, outcome))
        told = {"reservation": offer.reservation, "call": orphan.call, "outcome": outcome.value}
        await board.pops.tell(offer.agent, "pop_withdrawn", told)

    def _let_go(self, orphan: Orphan) -> None:
        self._orphans.pop(orphan.call, None)
        self._board.watches.close(orphan.uniqueid, orphan.watch)
