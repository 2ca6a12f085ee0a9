"""Supervision of agents' calls (监听, 密语, 强插, 拦截, 强拆) by the voice process that holds them.

Commands come through this process' inbox: `{"type": "supervise", "call", "agent", "supervisor", "command",
"extension", "reason"}`, written by whoever has checked that the supervisor may (`web/supervision_rights.py`). A
supervisor is in one call at a time. What was begun by a process that died is gone on with by whoever has the call now.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import count
from typing import Any, Final

import structlog
from redis.exceptions import RedisError

from acd.model import Offer
from ami.errors import AmiError
from ami.events import BridgeEnter, DialBegin, DialEnd, Hangup
from calls.agent_leg import agent_leg
from calls.callback_ids import is_outward
from calls.facts import Kind
from calls.floor_board import LEASE_MS, FloorRecord
from calls.live import Scribe
from calls.parting import Intent
from calls.supervising_states import SupervisionCommand, SupervisionEnd, SupervisionState
from calls.supervision import Answered, Over, Supervision
from calls.switchboard import Switchboard
from calls.talk_legs import talk_legs
from hotline.errors import HotlineError, PartUnavailable
from hotline.tasks import end

_log = structlog.get_logger(__name__)

_RENEW_SECONDS: Final = LEASE_MS / 3000
_STALE_MS: Final = 10_000
_LANES: Final = 40
"""Of a millisecond, for those who write into a call's journal without holding it (`calls.live.Scribe`)."""

_NOT_ANSWERED: Mapping[str, SupervisionEnd] = {
    "BUSY": SupervisionEnd.BUSY,
    "NOANSWER": SupervisionEnd.NO_ANSWER,
}
"""DialStatus of the supervisor's leg; any other is a phone that could not be called."""


class Supervising:
    """The supervisions of this process' calls, by supervisor."""

    def __init__(self, board: Switchboard, release: Callable[[str], None]) -> None:
        """`release` is told of a talk without a session here, whose agent is out: its end is written by us."""
        self._board = board
        self._release = release
        self._under_way: dict[str, Supervision] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._numbers = count(1)
        board.ami.subscribe(DialBegin, self._dial_begin)
        board.ami.subscribe(DialEnd, self._dial_end)
        board.ami.subscribe(BridgeEnter, self._bridge_enter)
        board.ami.subscribe(Hangup, self._hangup)

    async def run(self) -> None:
        """Renew what goes on, and take up what a process that died left; until cancelled."""
        try:
            while True:
                await asyncio.sleep(_RENEW_SECONDS)
                try:
                    await self.step()
                except (RedisError, HotlineError) as error:
                    _log.info("supervising.waits", reason=type(error).__name__)
        finally:
            # The supervisors' legs go on in Asterisk, as the talks do.
            await end(list(self._tasks))

    async def step(self) -> None:
        """One look at the floor."""
        board = self._board
        for supervision in list(self._under_way.values()):
            await supervision.renew()
        now_ms = board.clock.now_ms()
        for record in (await board.floor.all()).values():
            if record.supervisor in self._under_way or record.until_ms > now_ms:
                continue
            if record.over:
                await board.floor.drop(record)
            elif await self._is_ours(record):
                await self._take_up(record)

    async def obey(self, message: dict[str, Any]) -> None:
        """Do what a supervisor asks of a call of this process; returns when it is under way."""
        command = SupervisionCommand(message["command"])
        if self._board.clock.now_ms() - message["asked_ms"] > _STALE_MS:
            # It lay in the inbox of a process that was dead: nobody expects it any more.
            _log.info("supervising.too_late", command=command.value)
            return
        if command is SupervisionCommand.HANG_UP:
            await self._hang_up(message)
            return
        supervision = self._under_way.get(message["supervisor"]) or await self._left_behind(message)
        if supervision is not None and supervision.record.call == message["call"]:
            supervision.inputs.put_nowait(command)
        elif command is SupervisionCommand.STOP:
            _log.info("supervising.nothing_to_stop")
        elif supervision is None:
            await self._begin(message, command)
        else:
            # The web has refused it already, unless two asked at once.
            _log.info("supervising.supervisor_is_elsewhere")

    async def _left_behind(self, message: dict[str, Any]) -> Supervision | None:
        """The supervisor's part in this call as a process that died left it: the phone is in it still."""
        record = (await self._board.floor.all()).get(message["supervisor"])
        if record is None or record.over or record.call != message["call"]:
            return None
        return await self._take_up(record)

    async def _begin(self, message: dict[str, Any], command: SupervisionCommand) -> None:
        board = self._board
        extension = message["extension"]
        leg = agent_leg(board.settings.asterisk, extension, await board.acd.home_of(extension), message["call"])
        now_ms = board.clock.now_ms()
        record = FloorRecord(
            supervisor=message["supervisor"],
            agent=message["agent"],
            call=message["call"],
            state=SupervisionState.CALLING,
            since_ms=now_ms,
            until_ms=now_ms + LEASE_MS,
            extension=extension,
            leg=f"supervision-{board.process.replace('/', '-')}-{now_ms}.{next(self._numbers)}",
            process=board.process,
        )
        self._start(record, leg.destination if leg else "", command)

    def _start(self, record: FloorRecord, destination: str, command: SupervisionCommand | None) -> Supervision:
        board = self._board
        supervision = Supervision(board, self._scribe(record.call), record, destination, self._agent_out)
        self._under_way[record.supervisor] = supervision
        task = asyncio.create_task(self._carry_out(supervision, command))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return supervision

    async def _carry_out(self, supervision: Supervision, command: SupervisionCommand | None) -> None:
        try:
            await (supervision.go_on() if command is None else supervision.run(command))
            if supervision.ends_call:
                by = "caller" if supervision.record.why == SupervisionEnd.CALL_OVER else "agent"
                leader = supervision.record.supervisor
                supervision.scribe.write(Kind.ENDED, agent=leader, ended_by=by, outcome="answered")
        finally:
            if self._under_way.get(supervision.record.supervisor) is supervision:
                del self._under_way[supervision.record.supervisor]

    async def _agent_out(self, supervision: Supervision, /, *, in_room: bool) -> None:
        """拦截: the agent has wrap-up. The call's story goes on, with the supervisor in the agent's place; in
        distribution the call is over."""
        board, record = self._board, supervision.record
        if is_outward(record.call):
            # The agent's own channel carries a call back: its session sees the end of the agent's talk by itself.
            return
        supervision.scribe.write(Kind.ANSWERED, record.leg, agent=record.supervisor, taken_over_from=record.agent)
        live = board.live.get(record.call)
        offer = live.offer if live is not None else await self._offer(record.call)
        if live is None:
            supervision.ends_call = True
            self._release(record.call)
        else:
            live.taken_over_by, live.offer = record.supervisor, None
            live.agent, live.talk_leg = record.supervisor, record.leg
        if offer is not None and not in_room:
            wrap_up_ms = board.queues.wrap_up_ms(offer.queue)
            supervision.scribe.write(Kind.WRAP_UP, offer.reservation, agent=offer.agent, wrap_up_ms=wrap_up_ms)
            await board.acd_step(board.acd.finished(offer, wrap_up_ms))
            await board.pops.tell(offer.agent, "call_ended", {"call": record.call, "ended_by": "supervisor"})

    async def _offer(self, call: str) -> Offer | None:
        try:
            view = await self._board.acd.call(call)
        except PartUnavailable:
            return None
        return view.offer if view is not None else None

    async def _hang_up(self, message: dict[str, Any]) -> None:
        """强拆: the agent's leg goes; the citizen's session goes on to the farewell."""
        board, call = self._board, message["call"]
        try:
            legs = talk_legs(call, await board.ami.channels())
        except AmiError:
            legs = None
        live = board.live.get(call)
        if live is not None:
            live.intent = Intent.FORCED
        done = legs is not None and await board.ami_step(board.ami.hangup(legs.agent.channel))
        self._scribe(call).write(
            Kind.SUPERVISION,
            f"hang_up.{board.clock.now_ms()}",
            agent=message["agent"],
            supervisor=message["supervisor"],
            state="hung_up" if done else "",
            why=message.get("reason", "") if done else SupervisionEnd.NO_TALK.value,
        )

    async def _is_ours(self, record: FloorRecord) -> bool:
        """Whether the call of a supervision that nobody renews is with this process now. Once distribution has no more
        to do with the call (拦截) it is the process that began it, in its next life."""
        view = await self._board.acd.call(record.call)
        owner = view.owner if view is not None and view.offer is not None else record.process
        return owner == self._board.process

    async def _take_up(self, record: FloorRecord) -> Supervision | None:
        """The supervisor's leg is in the call still, or the supervision is over."""
        board = self._board
        try:
            channels = await board.ami.channels()
        except AmiError:
            return None
        leg = next((channel for channel in channels if channel.uniqueid == record.leg), None)
        legs = talk_legs(record.call, channels)
        supervision = self._start(replace(record, process=board.process), "", None)
        if leg is None or legs is None or record.state in (SupervisionState.CALLING, SupervisionState.TAKING_OVER):
            if leg is not None:
                await board.ami_step(board.ami.hangup(leg.channel))
            supervision.inputs.put_nowait(Over(SupervisionEnd.CALL_OVER))
            return supervision
        supervision.channel = leg.channel
        supervision.agent_leg, supervision.citizen_leg = legs.agent.uniqueid, legs.citizen.uniqueid
        return supervision

    def _scribe(self, call: str) -> Scribe:
        board = self._board
        lane = 1 + next(self._numbers) % _LANES
        return Scribe(board.journal, board.clock, call=call, process=board.process, lane=lane)

    # what Asterisk tells

    def _of_leg(self, uniqueid: str) -> Supervision | None:
        return next((one for one in self._under_way.values() if one.record.leg == uniqueid), None)

    async def _dial_begin(self, event: DialBegin) -> None:
        if supervision := self._of_leg(event.dest_uniqueid):
            supervision.channel = event.dest_channel

    async def _dial_end(self, event: DialEnd) -> None:
        supervision = self._of_leg(event.dest_uniqueid)
        if supervision is None:
            return
        if event.dial_status == "ANSWER":
            supervision.inputs.put_nowait(Answered())
        else:
            supervision.inputs.put_nowait(Over(_NOT_ANSWERED.get(event.dial_status, SupervisionEnd.UNREACHABLE)))

    async def _bridge_enter(self, event: BridgeEnter) -> None:
        for supervision in self._under_way.values():
            if event.uniqueid in (supervision.record.leg, supervision.agent_leg, supervision.citizen_leg):
                supervision.entered(event.uniqueid, event.bridge_id)

    async def _hangup(self, event: Hangup) -> None:
        for supervision in self._under_way.values():
            supervision.gone(event.uniqueid)
