"""Calls that Asterisk carries without us: emergencies, which go straight out, and what the native queue serves.

Their story is written from events alone. Every voice process of the host hears the same events and writes the same
facts; a fact is kept once, so it does not matter how many tell it, only that one is there to tell it.
"""

from __future__ import annotations

import structlog

from agi.variables import CALL, DID, ENTERED, PHASE, VOICE, Phase
from ami.errors import AmiError
from ami.events import BridgeEnter, DialBegin, DialEnd
from calls.facts import Kind
from calls.live import Scribe
from calls.switchboard import Switchboard
from directory.numbers import caller
from directory.snapshot import LinePlan, UnknownLine
from hotline.clock import from_ms

_log = structlog.get_logger(__name__)


class Observed:
    """Writes the story of calls that no session of ours holds."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board
        board.ami.subscribe(DialBegin, self._dial_begin)
        board.ami.subscribe(DialEnd, self._dial_end)
        board.ami.subscribe(BridgeEnter, self._bridge_enter)

    def _without_us(self, event: DialBegin | DialEnd | BridgeEnter) -> str | None:
        """The call id when the event is about a citizen's channel that is with none of our processes."""
        told = event.variables
        call = told.get(CALL)
        if not call or call != event.uniqueid or told.get(VOICE):
            return None
        return call

    async def _dial_begin(self, event: DialBegin) -> None:
        call = self._without_us(event)
        if call is None:
            return
        # An emergency has never been with us; a call in the native queue may have been.
        if event.variables.get(PHASE) == Phase.ROUTING:
            await self._entered(call, event.channel)
            self._scribe(call).write(Kind.ROUTED, event.dest_uniqueid, directly=True)
        else:
            self._scribe(call).write(Kind.RINGING, event.dest_uniqueid, native_queue=True)

    async def _dial_end(self, event: DialEnd) -> None:
        call = self._without_us(event)
        if call is not None and event.dial_status != "ANSWER":
            routing = event.variables.get(PHASE) == Phase.ROUTING
            kind = Kind.ROUTE_FAILED if routing else Kind.OFFER_FAILED
            self._scribe(call).write(kind, event.dest_uniqueid, dial_status=event.dial_status, unattended=True)

    async def _bridge_enter(self, event: BridgeEnter) -> None:
        call = self._without_us(event)
        if call is not None:
            self._scribe(call).write(Kind.ANSWERED, event.bridge_id, unattended=True)

    async def _entered(self, call: str, channel: str) -> None:
        board = self._board
        try:
            dialled = await board.ami.getvar(DID, channel)
            entered_ms = int(await board.ami.getvar(ENTERED, channel))
            presented = await board.ami.getvar("CALLERID(num)", channel)
        except (AmiError, ValueError):
            # The channel may be gone already; its end is still written.
            _log.info("observed.channel_gone", call=call)
            return
        plan = self._plan(dialled, entered_ms)
        self._scribe(call).write(
            Kind.ENTERED,
            at_ms=entered_ms,
            caller=caller(presented, board.settings.site.area_code).number,
            dialled=dialled,
            line=plan.number,
            unit=plan.unit,
            mode=plan.mode.value,
            platform=plan.platform.value,
            path=plan.path.value,
            known_by=plan.known_by.value,
        )

    def _plan(self, dialled: str, entered_ms: int) -> LinePlan:
        directory, at = self._board.directory.snapshot, from_ms(entered_ms)
        try:
            return directory.plan(dialled, at)
        except UnknownLine:
            return directory.main_plan(at)

    def _scribe(self, call: str) -> Scribe:
        return Scribe(self._board.journal, self._board.clock, call=call, process=self._board.process)
