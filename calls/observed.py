"""Calls that Asterisk carries without us: emergencies, which go straight out, and what the native queue serves.

Their story is written from events alone. Every voice process of the host hears the same events and writes the same
facts, each with numbers of its own; a fact is kept once, so it does not matter how many tell it, only that one is
there to tell it.
"""

from __future__ import annotations

from typing import Final

import structlog

from agi.variables import CALL, DID, ENTERED, PHASE, VOICE, Phase
from ami.errors import AmiError
from ami.events import BridgeEnter, DialBegin, DialEnd, Hangup
from calls.facts import Kind
from calls.live import Scribe
from calls.switchboard import Switchboard
from directory.numbers import caller
from directory.snapshot import LinePlan, UnknownLine
from hotline.clock import from_ms

_log = structlog.get_logger(__name__)

_LANES: Final = 19
_LANE_ENTRIES: Final = 50
"""More facts than one call without us ever has."""


class Observed:
    """Writes the story of calls that no session of ours holds."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board
        self._scribes: dict[str, Scribe] = {}
        self._direct: set[str] = set()
        """Calls that go straight out and have not been with us."""
        board.ami.subscribe(DialBegin, self._dial_begin)
        board.ami.subscribe(DialEnd, self._dial_end)
        board.ami.subscribe(BridgeEnter, self._bridge_enter)
        board.ami.subscribe(Hangup, self._hangup)
        board.ami.on_gap(self._forget)
        board.ami.on_disconnect(self._forget)

    async def _forget(self) -> None:
        """Ends were missed; `calls.hangups` and Asterisk's own records know more than we do now."""
        self._scribes.clear()
        self._direct.clear()

    def _without_us(self, event: DialBegin | DialEnd | BridgeEnter | Hangup) -> str | None:
        """The call id when the event is about a citizen's channel that is with none of our processes."""
        told = event.variables
        call = told.get(CALL)
        if not call or call != event.uniqueid:
            return None
        if told.get(VOICE):
            self._direct.discard(call)
            return None
        return call

    async def _dial_begin(self, event: DialBegin) -> None:
        call = self._without_us(event)
        if call is None:
            return
        # An emergency has never been with us; a call in the native queue may have been.
        if event.variables.get(PHASE) == Phase.ROUTING:
            self._direct.add(call)
            at_ms = self._board.clock.now_ms()
            await self._entered(call, event.channel)
            self._scribe(call).write(Kind.ROUTED, event.dest_uniqueid, at_ms=at_ms, directly=True)
        else:
            self._direct.discard(call)
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

    async def _hangup(self, event: Hangup) -> None:
        call = self._without_us(event)
        if call in self._direct:
            # What ended otherwise is looked after by `calls.hangups`.
            match event.variables.get(PHASE):
                case Phase.TALKED:
                    self._scribe(call).write(Kind.ENDED, outcome="routed", directly=True)
                case Phase.ROUTING:
                    self._scribe(call).write(Kind.ABANDONED, directly=True)
        self._direct.discard(event.uniqueid)
        self._scribes.pop(event.uniqueid, None)

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
        scribe = self._scribes.get(call)
        if scribe is None:
            board = self._board
            scribe = Scribe(board.journal, board.clock, call=call, process=board.process, lane=_lane(board.process))
            self._scribes[call] = scribe
        return scribe


def _lane(process: str) -> int:
    """Voice processes of a host are numbered: each has numbers of its own within a millisecond."""
    number = process.rpartition("-")[2]
    return (int(number) % _LANES if number.isdigit() else 0) * _LANE_ENTRIES + _LANE_ENTRIES
