"""A supervisor in an agent's call, from the first ring of the supervisor's phone to the end.

The supervisor's leg is ours (context `hl-supervision`) and hears by way of the agent's channel, so it follows the agent
through hold, consult and conference, and ends with the agent's part in the call: a citizen who was passed on is no
longer supervised. Nothing done here touches the talk, save taking over and hanging up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

import structlog
from redis.exceptions import RedisError

from agi.variables import CALL, ROLE
from ami.errors import AmiError
from calls.facts import Kind
from calls.floor_board import LEASE_MS, SHOWN_MS, FloorRecord
from calls.live import Scribe
from calls.supervising_states import (
    SUPERVISION_MOVES,
    WANTED,
    SupervisionCommand,
    SupervisionEnd,
    SupervisionState,
)
from calls.switchboard import Switchboard
from calls.talk_legs import TalkLegs, talk_legs
from hotline.errors import Conflict

_log = structlog.get_logger(__name__)

CONTEXT: Final = "hl-supervision"
_TOGETHER_SECONDS: Final = 3.0
"""From Asterisk's word that citizen and supervisor are being bridged to the event that they are."""

_S = SupervisionState
_EXTENSIONS: Mapping[SupervisionState, str] = {
    _S.LISTENING: "listen",
    _S.WHISPERING: "whisper",
    _S.BARGED: "barge",
}
_JOINED: Final = "join"
"""Barged where the talk is a conference."""
_ROOM: Final = "hl-talk"
"""Where third parties come into a conference."""


class SupervisionMoved(Conflict):
    """The supervision is not in a state from which this is possible."""

    code = "supervision.moved"


class AgentOut(Protocol):
    """What is to be done once the supervisor has the agent's place. `in_room`: the talk has told the ACD."""

    async def __call__(self, supervision: Supervision, /, *, in_room: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class Answered:
    """The supervisor's phone was answered."""


@dataclass(frozen=True, slots=True)
class Over:
    """The supervision is over, or must be: why."""

    why: SupervisionEnd


@dataclass(frozen=True, slots=True)
class Moved:
    """The agent's leg came into another bridge."""


@dataclass(frozen=True, slots=True)
class PartyGone:
    """The citizen's or the agent's leg hung up."""

    leg: str


Input = SupervisionCommand | Answered | Over | Moved | PartyGone


@dataclass(slots=True, eq=False)
class Supervision:
    """One supervisor in one agent's call. `inputs` takes commands and what Asterisk tells, in their order."""

    board: Switchboard
    scribe: Scribe
    record: FloorRecord
    destination: str
    """Dial string of the supervisor's phone."""
    agent_out: AgentOut
    channel: str = ""
    """The supervisor's channel, once it is there."""
    agent_leg: str = ""
    citizen_leg: str = ""
    """Unique ids of the talk's legs."""
    bridges: dict[str, str] = field(default_factory=dict)
    """Unique id -> the bridge it is in, of these legs and the supervisor's."""
    ends_call: bool = False
    """The supervisor has the citizen, and no session does: the end of this is the end of the call's story."""
    inputs: asyncio.Queue[Input] = field(default_factory=asyncio.Queue)
    _wanted: SupervisionState = _S.LISTENING
    _hears: SupervisionState = _S.LISTENING
    """What the extension does that the supervisor's leg is in, or will be in when it is answered."""
    _in_room: bool = False
    _why: SupervisionEnd | None = None
    """Why the supervisor's leg will be gone, if it was not the supervisor who hung up."""
    _steps: int = 0
    _bridged: asyncio.Event = field(default_factory=asyncio.Event)
    _agent_gone: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def state(self) -> SupervisionState:
        return self.record.state

    async def run(self, command: SupervisionCommand) -> None:
        """Call the supervisor's phone, then do what is asked until it is over."""
        self._wanted = WANTED[command]
        await self._tell()
        await self._call()
        await self.go_on()

    async def go_on(self) -> None:
        """Do what is asked until it is over; also where another process began it."""
        while self.state is not _S.ENDED:
            await self._take(await self.inputs.get())

    def entered(self, leg: str, bridge: str) -> None:
        """A leg of this talk, or the supervisor's, came into a bridge."""
        self.bridges[leg] = bridge
        self._bridged.set()
        if leg == self.agent_leg:
            self.inputs.put_nowait(Moved())

    def gone(self, leg: str) -> None:
        """A channel hung up."""
        if leg == self.record.leg:
            self.inputs.put_nowait(Over(SupervisionEnd.SUPERVISOR_LEFT))
        elif leg in (self.agent_leg, self.citizen_leg):
            if leg == self.agent_leg:
                self._agent_gone.set()
            self.inputs.put_nowait(PartyGone(leg))

    async def _take(self, given: Input) -> None:
        match given:
            case PartyGone(leg) if leg == self.citizen_leg or self.state is not _S.TALKING:
                await self._leave(SupervisionEnd.CALL_OVER)
            case Over(why):
                await self._move(_S.ENDED, self._why or why)
            case Answered() if self.state is _S.CALLING:
                await self._answered()
            case Moved() if self.state is _S.BARGED and not self._in_room:
                # Whom ChanSpy spoke to has left the agent's bridge: the supervisor comes into the room.
                await self._hear(_S.BARGED)
            case SupervisionCommand.STOP:
                await self._leave(SupervisionEnd.STOPPED)
            case SupervisionCommand() if self.state is _S.CALLING:
                self._wanted = WANTED[given]
            case SupervisionCommand() if WANTED[given] in SUPERVISION_MOVES[self.state]:
                await self._go_to(WANTED[given])

    async def _leave(self, why: SupervisionEnd) -> None:
        """The supervisor's leg is hung up, if it is not gone by itself; its end is told by an event."""
        self._why = self._why or why
        await self.board.ami_step(self.board.ami.hangup(self.record.leg))

    async def _call(self) -> None:
        legs = await self._legs()
        if legs is None:
            await self._move(_S.ENDED, SupervisionEnd.NO_TALK)
            return
        self.agent_leg, self.citizen_leg = legs.agent.uniqueid, legs.citizen.uniqueid
        # Who takes over hears the talk until then.
        first = _S.LISTENING if self._wanted is _S.TAKING_OVER else self._wanted
        try:
            await self.board.ami.originate(
                self.destination,
                channel_id=self.record.leg,
                context=CONTEXT,
                exten=self._extension(first, legs),
                variables={"HL_SPIED": self.agent_leg, "HL_ROOM": self.record.call},
                caller_id=self.board.settings.callbacks.caller_id,
                ring_seconds=self.board.settings.supervision.ring_seconds,
            )
        except AmiError as error:
            _log.info("supervision.phone_not_called", code=error.code)
            # If nobody knows how it went, it may be there all the same.
            await self.board.ami_step(self.board.ami.hangup(self.record.leg))
            self.inputs.put_nowait(Over(SupervisionEnd.UNREACHABLE))

    async def _answered(self) -> None:
        if self._wanted is self._hears:
            await self._move(self._wanted)
        else:
            await self._go_to(self._wanted)

    async def _go_to(self, wanted: SupervisionState) -> None:
        if wanted is _S.TAKING_OVER:
            await self._take_over()
        else:
            await self._hear(wanted)

    async def _hear(self, wanted: SupervisionState, why: SupervisionEnd | None = None) -> None:
        """The supervisor's leg goes on in another extension of the context; it is the same call of the phone."""
        legs = await self._legs()
        if legs is None:
            return
        extension = self._extension(wanted, legs)
        redirected = await self.board.ami_step(self.board.ami.redirect(self.channel, CONTEXT, extension))
        if redirected and wanted is not self.state:
            await self._move(wanted, why)

    def _extension(self, wanted: SupervisionState, legs: TalkLegs) -> str:
        self._hears = wanted
        self._in_room = wanted is _S.BARGED and bool(legs.room)
        return _JOINED if self._in_room else _EXTENSIONS[wanted]

    async def _take_over(self) -> None:
        """Citizen and supervisor are put together first; the agent is out by that, and not before."""
        before = self._hears
        await self._move(_S.TAKING_OVER)
        legs = await self._legs()
        if legs is not None and await self._together(legs):
            await self._move(_S.TALKING)
            await self.agent_out(self, in_room=bool(legs.room))
        else:
            await self.board.ami_step(self.board.ami.setvar(ROLE, "supervisor", self.channel))
            await self._hear(before, SupervisionEnd.NOT_DONE)

    async def _together(self, legs: TalkLegs) -> bool:
        """Whether they are. In a plain bridge it is one action, which lets go of the agent by itself. In a conference
        the supervisor comes in as a third party does, and the talk (`calls.talk`) sends the agent away."""
        ami = self.board.ami
        # From the time when the supervisor was in the room to barge in.
        self.bridges.pop(self.record.leg, None)
        if not legs.room:
            begun = await self.board.ami_step(ami.bridge(self.channel, legs.citizen.channel))
            return begun and await self._met(self.citizen_leg)
        live = self.board.live.get(self.record.call)
        if live is None or legs.third:
            return False
        self.bridges[self.agent_leg] = legs.agent.bridge_id
        if not await self._into_the_room() or not await self._met(self.agent_leg):
            return False
        live.mailbox.put_nowait(
            {
                "type": "taken_over",
                "supervisor": self.record.supervisor,
                "leg": self.record.leg,
                "channel": self.channel,
            }
        )
        with suppress(TimeoutError):
            async with asyncio.timeout(_TOGETHER_SECONDS):
                await self._agent_gone.wait()
        return self._agent_gone.is_set()

    async def _into_the_room(self) -> bool:
        ami = self.board.ami
        try:
            # Whoever takes the talk up from its channels finds a third party.
            await ami.setvar(CALL, self.record.call, self.channel)
            await ami.setvar(ROLE, "third", self.channel)
            await ami.redirect(self.channel, _ROOM, "third")
        except AmiError as error:
            _log.info("supervision.not_in_the_room", code=error.code)
            return False
        return True

    async def _met(self, other: str) -> bool:
        """Whether that leg and the supervisor's come into one bridge; events say so, or a look at it."""
        try:
            async with asyncio.timeout(_TOGETHER_SECONDS):
                while not self._in_one_bridge(self.bridges, other):
                    self._bridged.clear()
                    await self._bridged.wait()
        except TimeoutError:
            try:
                channels = await self.board.ami.channels()
            except AmiError:
                return False
            return self._in_one_bridge({channel.uniqueid: channel.bridge_id for channel in channels}, other)
        return True

    def _in_one_bridge(self, bridges: Mapping[str, str], other: str) -> bool:
        bridge = bridges.get(self.record.leg)
        return bool(bridge) and bridge == bridges.get(other)

    async def _legs(self) -> TalkLegs | None:
        try:
            return talk_legs(self.record.call, await self.board.ami.channels())
        except AmiError as error:
            _log.info("supervision.channels_unknown", code=error.code)
            return None

    async def _move(self, state: SupervisionState, why: SupervisionEnd | None = None) -> None:
        if state not in SUPERVISION_MOVES[self.state]:
            raise SupervisionMoved(f"from {self.state} to {state}")
        over = state is _S.ENDED
        now_ms = self.board.clock.now_ms()
        lasts_ms = SHOWN_MS if over else LEASE_MS
        was, self.record = (
            self.state,
            replace(self.record, state=state, since_ms=now_ms, until_ms=now_ms + lasts_ms, why=why or ""),
        )
        await self._tell(was)

    async def renew(self) -> None:
        """Say that this goes on. Raises RedisError."""
        self.record = replace(self.record, until_ms=self.board.clock.now_ms() + LEASE_MS)
        await self.board.floor.put(self.record)

    async def _tell(self, was: SupervisionState | None = None) -> None:
        """The journal, the floor and the screens hear of a step."""
        record = self.record
        self._steps += 1
        told: dict[str, Any] = {"supervisor": record.supervisor, "state": record.state.value, "why": record.why}
        self.scribe.write(Kind.SUPERVISION, f"{record.leg}.{record.since_ms}.{self._steps}", agent=record.agent, **told)
        try:
            await self.board.floor.put(record)
        except RedisError:
            _log.warning("supervision.floor_not_told")
        body = {"call": record.call, "agent": record.agent, **told}
        await self.board.pops.tell(record.supervisor, "supervision", body)
        shown = self.board.settings.supervision.shown
        if record.state in shown or (was is not None and was in shown and record.state is not _S.TALKING):
            await self.board.pops.tell(record.agent, "supervised", body)
