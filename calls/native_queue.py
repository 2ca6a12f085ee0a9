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

_TAKES_CALLS = frozenset(
    {AgentState.READY, AgentState.RESERVED, AgentState.RINGING, AgentState.TALKING, AgentState.WRAP_UP}
)


class NativeQueueMirror:
    """Keeps the members of this host's native queue equal to the signed-in agents."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board

    async def run(self) -> None:
        """Follow the ACD's events until cancelled. What is missed is repaired by `reconcile`."""
        while True:
            try:
                async for event in self._board.acd.follow_events():
                    await self._mirror_event(event)
            except (RedisError, HotlineError) as error:
                _log.info("native_queue.mirror_waits", reason=type(error).__name__)
                await asyncio.sleep(1.0)

    async def _mirror_event(self, event: AgentEvent) -> None:
        if event.state is AgentState.SIGNED_OUT:
            await self._board.ami_step(self._board.ami.queue_remove(QUEUE, f"PJSIP/{event.extension}"))
        else:
            await self._place(event)

    async def reconcile(self) -> None:
        """Make the queue's members what the ACD says they are."""
        wanted = {
            f"PJSIP/{agent.extension}": agent
            for agent in await self._board.acd.agents()
            if agent.state is not AgentState.SIGNED_OUT and agent.extension
        }
        present = {member.interface for member in (await self._board.ami.queue_status(QUEUE)).members}
        for ghost in present - wanted.keys():
            _log.warning("native_queue.ghost_removed")
            await self._board.ami_step(self._board.ami.queue_remove(QUEUE, ghost))
        for agent in wanted.values():
            await self._place(agent)

    async def _place(self, agent: AgentView | AgentEvent) -> None:
        interface = f"PJSIP/{agent.extension}"
        paused = agent.state not in _TAKES_CALLS
        ami = self._board.ami
        try:
            added = await ami.queue_add(
                QUEUE, interface, member_name=agent.agent, paused=paused, state_interface=interface
            )
            if not added:
                await ami.queue_pause(QUEUE, interface, paused, agent.reason or "")
        except AmiError as error:
            _log.info("native_queue.not_mirrored", code=error.code)
