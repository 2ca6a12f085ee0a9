"""The native queue's members mirror our agents, so that Asterisk alone can serve citizens when all of ours is dead.

A mirror and never a second master: sign-out removes, not ready pauses, and on every AMI connect the queue is compared
with the ACD and repaired, because members survive a crash of Asterisk (persistentmembers) and would be ghosts.
"""

from __future__ import annotations

import asyncio

import structlog
from redis.exceptions import RedisError

from acd.model import AgentEvent, AgentView
from acd.states import AgentState
from ami.errors import AmiError
from calls.switchboard import Switchboard
from hotline.errors import HotlineError

_log = structlog.get_logger(__name__)

QUEUE = "hl-native"

_GATHER_MS = 250
"""Nobody asks the mirror as long as one of ours lives."""

_TAKES_CALLS = frozenset(
    {AgentState.READY, AgentState.RESERVED, AgentState.RINGING, AgentState.TALKING, AgentState.WRAP_UP}
)


class NativeQueueMirror:
    """Keeps the members of this host's native queue equal to the signed-in agents."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board
        self._paused: dict[str, bool] = {}
        """Members as last seen or made, and whether each is paused: most changes of an agent change nothing here."""

    async def run(self) -> None:
        """Follow the ACD's events until cancelled. What is missed is repaired by `reconcile`."""
        while True:
            try:
                async for event in self._board.acd.follow_events(gather_ms=_GATHER_MS):
                    await self._mirror_event(event)
            except (RedisError, HotlineError) as error:
                _log.info("native_queue.mirror_waits", reason=type(error).__name__)
                await asyncio.sleep(1.0)

    async def _mirror_event(self, event: AgentEvent) -> None:
        if event.state is AgentState.SIGNED_OUT:
            await self._remove(f"PJSIP/{event.extension}")
        else:
            await self._place(event)

    async def reconcile(self) -> None:
        """Make the queue's members what the ACD says they are. While a new epoch is due the ACD knows nobody, and the
        members are all that could serve a citizen."""
        if await self._board.acd.stored_epoch() != self._board.acd.epoch:
            return
        wanted = {
            f"PJSIP/{agent.extension}": agent
            for agent in await self._board.acd.agents()
            if agent.state is not AgentState.SIGNED_OUT and agent.extension
        }
        present = (await self._board.ami.queue_status(QUEUE)).members
        self._paused = {member.interface: member.paused for member in present}
        for member in present:
            agent_there = wanted.get(member.interface)
            if agent_there is None or agent_there.agent != member.member_name:
                _log.warning("native_queue.ghost_removed")
                await self._remove(member.interface)
        for agent in wanted.values():
            await self._place(agent)

    async def _place(self, agent: AgentView | AgentEvent) -> None:
        interface = f"PJSIP/{agent.extension}"
        paused = agent.state not in _TAKES_CALLS
        if self._paused.get(interface) is paused:
            return
        ami = self._board.ami
        try:
            if interface in self._paused or not await ami.queue_add(
                QUEUE, interface, member_name=agent.agent, paused=paused, state_interface=interface
            ):
                await ami.queue_pause(QUEUE, interface, paused, agent.reason or "")
        except AmiError as error:
            self._paused.pop(interface, None)
            _log.info("native_queue.not_mirrored", code=error.code)
        else:
            self._paused[interface] = paused

    async def _remove(self, interface: str) -> None:
        self._paused.pop(interface, None)
        await self._board.ami_step(self._board.ami.queue_remove(QUEUE, interface))
