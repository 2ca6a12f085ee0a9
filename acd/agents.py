"""Agents: sign in and out, ready and not ready, and what their phones can do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import orjson

from acd.model import AgentEvent, AgentView
from acd.site import Site
from acd.states import AgentState
from hotline.ids import agent_id, extension, group_id
from hotline.redis import stream_entries


class Agents(Site):
    """The agents' part of distribution."""

    async def sign_in(self, agent: str, seat: str, groups: Mapping[str, int]) -> AgentView:
        """签入: the agent takes the seat's extension and is NOT_READY, reason `signed_in`.

        Ends an older session of the same agent; within a call at the same extension the call goes on untouched, and
        an offer at another extension is taken back. `groups` are skill groups with a level. Raises Conflict if
        another agent holds the extension, or the agent talks at another one; EpochChanged.
        """
        skills = {group_id(group): level for group, level in groups.items()}
        return self._view(agent, await self._run("sign_in", agent_id(agent), extension(seat), _json(skills)))

    async def sign_out(self, agent: str, reason: str = "") -> None:
        """签出. In a call it takes effect after it."""
        await self._want(agent, "SIGNED_OUT", reason)

    async def set_ready(self, agent: str) -> None:
        """示闲. READY if the phone can take a call, else UNREACHABLE until it can; in wrap-up it ends the wrap-up."""
        await self._want(agent, "READY")

    async def set_not_ready(self, agent: str, reason: str) -> None:
        """示忙. In a call it takes effect after it, wrap-up included."""
        await self._want(agent, "NOT_READY", reason)

    async def end_wrap_up(self, agent: str) -> None:
        """The after-call work is done before its time; nothing happens in other states."""
        await self._want(agent, "END_WRAP_UP")

    async def _want(self, agent: str, wanted: str, reason: str = "") -> None:
        """Raises Conflict for an agent that is not signed in, EpochChanged."""
        await self._run("want", agent_id(agent), wanted, reason)

    async def device_state(self, seat: str, reachable: bool, in_use: bool) -> None:
        """What the phone of an extension can do; only a reachable one that is not in use is offered calls.

        In our own call `in_use` is expected. An offer to a phone that became unreachable is taken back.
        """
        await self._run("device", extension(seat), int(reachable), int(in_use))

    async def busy_elsewhere(self, seat: str) -> None:
        """A native queue rings this phone: it is unoffered at once, until `device_state` says it is free."""
        await self._run("device", extension(seat), 1, 1, "elsewhere")

    async def restore_agent(
        self, agent: str, seat: str, groups: Mapping[str, int], wanted: AgentState, reason: str = ""
    ) -> None:
        """After a new epoch: bring back what the agent had asked for (`acd.presence`).

        Safe to repeat and from several processes: an agent already known in this epoch keeps its state; one in a call
        that was sent again gets its groups back and the wish as pending. Raises Conflict if another agent holds the
        extension; EpochChanged.
        """
        await self._run("restore_agent", agent_id(agent), extension(seat), _json(dict(groups)), wanted.value, reason)

    async def agent(self, agent: str) -> AgentView | None:
        """One agent, None if never seen in this epoch."""
        text = await self._read("HGET", self._agents, agent)
        return self._view(agent, text) if text else None

    async def agents(self) -> list[AgentView]:
        """All agents, by work number."""
        return [self._view(agent, text) for agent, text in sorted((await self._read("HGETALL", self._agents)).items())]

    async def follow_events(self, cursor: str = "$", *, block_ms: int = 1_000) -> AsyncIterator[AgentEvent]:
        """Changes of agents after `cursor` (`$`: from now on), for ever. The client's timeout exceeds `block_ms`."""
        if cursor == "$":
            newest = await self._redis.xrevrange(self._events, count=1)
            cursor = str(newest[0][0]) if newest else "0-0"
        while True:
            answer = await self._redis.xread({self._events: cursor}, count=200, block=block_ms)
            for cursor, fields in stream_entries(answer):
                pending = fields["pending"]
                yield AgentEvent(
                    cursor=cursor,
                    agent=fields["agent"],
                    extension=fields["extension"],
                    state=AgentState(fields["state"]),
                    reason=fields["reason"],
                    pending=AgentState(pending) if pending else None,
                    since_ms=int(fields["since_ms"]),
                )

    @staticmethod
    def _view(agent: str, text: Any) -> AgentView:
        return AgentView.from_record(agent, orjson.loads(text))


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
