"""Calls whose voice process died while a phone rang or a talk ran: adopted, and driven by AMI alone.

Asterisk goes on with what it was told: the phone rings on, the talk goes on. What would be lost is the knowledge of
it. The ACD hands each orphan to one adopter by compare-and-set; the adopter watches the channel, tells the ACD and the
journal what becomes of it, and lets go once the channel is back in AGI at whichever process answers there.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson
import structlog

from acd.model import CallView, Offer
from acd.states import CallState, Outcome
from ami.errors import AmiError
from ami.replies import ChannelInfo
from calls.dialwatch import DialWatch
from calls.facts import Kind
from calls.live import Scribe
from calls.outcomes import offer_outcome
from calls.switchboard import Switchboard
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


class Adoption:
    """Adopts what dead processes of this host left, and sees each call through."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board
        self._orphans: dict[str, Orphan] = {}

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
            await self._advance(orphan, channels.get(orphan.uniqueid))

    def _take(self, view: CallView) -> None:
        board = self._board
        if view.offer is None:
            return
        told: dict[str, Any] = orjson.loads(view.label)
        scribe = Scribe(board.journal, board.clock, call=view.call, process=board.process)
        scribe.write(Kind.ADOPTED, str(board.clock.now_ms()), agent=view.offer.agent, state=view.state.value)
        self._orphans[view.call] = Orphan(
            call=view.call,
            uniqueid=told["uniqueid"],
            entered_ms=view.entered_ms,
            offer=view.offer,
            stage=Stage.TALKING if view.state is CallState.TALKING else Stage.RINGING,
            watch=board.watches.open(told["uniqueid"]),
            scribe=scribe,
        )

    async def _advance(self, orphan: Orphan, channel: ChannelInfo | None) -> None:
        bridged = channel is not None and bool(channel.bridge_id)
        if orphan.stage is Stage.RINGING and (bridged or orphan.watch.talked):
            await self._answered(orphan)
        if orphan.stage is Stage.TALKING:
            if not bridged:
                await self._talk_over(orphan, channel)
            else:
                await self._renew(orphan)
        elif channel is None or channel.application != "Dial":
            await self._not_answered(orphan, channel)

    async def _renew(self, orphan: Orphan) -> None:
        if orphan.stage is Stage.TALKING:
            await self._board.acd_step(self._board.acd.renew(orphan.offer, self._board.talk_until_ms()))

    async def _back(self, orphan: Orphan) -> None:
        """In AGI with us: its session has taken over. It may have enqueued under the offer that nobody else would
        end before its deadline."""
        if orphan.stage is Stage.RINGING:
            await self._offer_over(orphan, self._outcome(orphan))
        self._let_go(orphan)

    async def _answered(self, orphan: Orphan) -> None:
        orphan.stage = Stage.TALKING
        at_ms = orphan.watch.bridged_ms
        orphan.scribe.write(Kind.ANSWERED, orphan.offer.reservation, agent=orphan.offer.agent, at_ms=at_ms)
        await self._board.acd_step(self._board.acd.answered(orphan.offer))

    async def _talk_over(self, orphan: Orphan, channel: ChannelInfo | None) -> None:
        board, offer = self._board, orphan.offer
        ended_by = "caller" if channel is None else "agent"
        wrap_up_ms = board.settings.acd.wrap_up_seconds * 1000
        orphan.scribe.write(
            Kind.ENDED, agent=offer.agent, at_ms=orphan.watch.parted_ms, ended_by=ended_by, outcome="answered"
        )
        orphan.scribe.write(Kind.WRAP_UP, offer.reservation, agent=offer.agent, wrap_up_ms=wrap_up_ms)
        await board.acd_step(board.acd.finished(offer, wrap_up_ms))
        await board.pops.tell(offer.agent, "call_ended", {"call": orphan.call, "ended_by": ended_by})
        self._let_go(orphan)

    async def _not_answered(self, orphan: Orphan, channel: ChannelInfo | None) -> None:
        # With a channel the dialplan has it and brings it to a living process; the place is in HL_ENTERED.
        await self._offer_over(orphan, Outcome.CALLER_GONE if channel is None else self._outcome(orphan))
        if channel is None:
            waited_ms = self._board.clock.now_ms() - orphan.entered_ms
            orphan.scribe.write(Kind.ABANDONED, waited_ms=waited_ms)
            await self._board.acd_step(self._board.acd.leave(orphan.call))
        self._let_go(orphan)

    @staticmethod
    def _outcome(orphan: Orphan) -> Outcome:
        return offer_outcome(orphan.watch.dial_status or "CONGESTION", orphan.watch.callee_cause or 0)

    async def _offer_over(self, orphan: Orphan, outcome: Outcome) -> None:
        board, offer = self._board, orphan.offer
        orphan.scribe.write(Kind.OFFER_FAILED, offer.reservation, agent=offer.agent, outcome=outcome.value)
        await board.acd_step(board.acd.failed(offer, outcome))
        told = {"reservation": offer.reservation, "call": orphan.call, "outcome": outcome.value}
        await board.pops.tell(offer.agent, "pop_withdrawn", told)

    def _let_go(self, orphan: Orphan) -> None:
        self._orphans.pop(orphan.call, None)
        self._board.watches.close(orphan.uniqueid, orphan.watch)
