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
from ami.events import AgentConnect, BridgeEnter, DialBegin, DialEnd, Hangup
from calls.entry import entry_facts
from calls.facts import Kind
from calls.live import Scribe
from calls.switchboard import Switchboard
from directory.forwarding import diverted_from
from hotline.errors import InvalidInput
from hotline.ids import agent_id

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
        self._known: set[str] = set()
        """Calls whose entry we have told."""
        self._agents: dict[str, str] = {}
        """Whom the native queue connects a call to, until their bridge says when."""
        board.ami.subscribe(DialBegin, self._dial_begin)
        board.ami.subscribe(DialEnd, self._dial_end)
        board.ami.subscribe(AgentConnect, self._agent_connect)
        board.ami.subscribe(BridgeEnter, self._bridge_enter)
        board.ami.subscribe(Hangup, self._hangup)
        board.ami.on_gap(self._forget)
        board.ami.on_disconnect(self._forget)
        board.ami.on_connect(self._look_around)

    async def _look_around(self) -> None:
        """Calls that came while nobody of ours was there, and are served now: their entry is told while their channel
        can be asked. Who only waits comes to us by itself."""
        try:
            channels = await self._board.ami.channels()
        except AmiError as error:
            _log.info("observed.channels_unknown", code=error.code)
            return
        for channel in channels:
            told = channel.variables
            if told.get(CALL) == channel.uniqueid and not told.get(VOICE) and channel.bridge_id:
                await self._entered(channel.uniqueid, channel.channel)

    async def _forget(self) -> None:
        """Ends were missed; `calls.hangups` and Asterisk's own records know more than we do now."""
        self._scribes.clear()
        self._direct.clear()
        self._known.clear()
        self._agents.clear()

    def _without_us(self, event: DialBegin | DialEnd | AgentConnect | BridgeEnter | Hangup) -> str | None:
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
        direct = event.variables.get(PHASE) == Phase.ROUTING
        (self._direct.add if direct else self._direct.discard)(call)
        at_ms = self._board.clock.now_ms()
        await self._entered(call, event.channel)
        if direct:
            self._scribe(call).write(Kind.ROUTED, event.dest_uniqueid, at_ms=at_ms, directly=True)
        else:
            self._scribe(call).write(Kind.RINGING, event.dest_uniqueid, at_ms=at_ms, native_queue=True)

    async def _dial_end(self, event: DialEnd) -> None:
        call = self._without_us(event)
        if call is not None and event.dial_status != "ANSWER":
            routing = event.variables.get(PHASE) == Phase.ROUTING
            kind = Kind.ROUTE_FAILED if routing else Kind.OFFER_FAILED
            self._scribe(call).write(kind, event.dest_uniqueid, dial_status=event.dial_status, unattended=True)

    async def _agent_connect(self, event: AgentConnect) -> None:
        call = self._without_us(event)
        if call is None:
            return
        try:
            self._agents[call] = agent_id(event.member)
        except InvalidInput:
            _log.warning("observed.member_is_no_agent", call=call)

    async def _bridge_enter(self, event: BridgeEnter) -> None:
        call = self._without_us(event)
        if call is not None:
            self._scribe(call).write(Kind.ANSWERED, event.bridge_id, agent=self._agents.get(call), unattended=True)

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
        self._known.discard(event.uniqueid)
        self._agents.pop(event.uniqueid, None)
        self._scribes.pop(event.uniqueid, None)

    async def _entered(self, call: str, channel: str) -> None:
        """Once for each call. Whoever had it before has told the same, and is heard first or not at all."""
        if call in self._known:
            return
        ask = self._board.ami.getvar
        try:
            dialled = await ask(DID, channel)
            entered_ms = int(await ask(ENTERED, channel))
            presented = await ask("CALLERID(num)", channel)
            diversion = await ask("PJSIP_HEADER(read,Diversion)", channel)
            history = await ask("PJSIP_HEADER(read,History-Info)", channel)
            diverted = diverted_from(diversion, history)
            diverted.append(await ask("CALLERID(rdnis)", channel))
        except (AmiError, ValueError):
            # The channel may be gone already; its end is still written, and its entry read back.
            _log.info("observed.channel_gone", call=call)
            return
        self._known.add(call)
        facts = entry_facts(
            self._board.directory.snapshot,
            presented=presented,
            dialled=dialled,
            entered_ms=entered_ms,
            diverted=diverted,
            channel=channel,
        )
        self._scribe(call).write(Kind.ENTERED, at_ms=entered_ms, **facts)

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
