"""Agents: sign in and out, ready and not ready, and what their phones can do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from functools import lru_cache
from typing import Any

import orjson

from acd.model import AgentEvent, AgentView, Phone
from acd.needs import HIGHEST, LOWEST
from acd.records import AGENT, pairs, unpackb
from acd.site import Site
from acd.states import AgentState
from hotline.errors import InvalidInput
from hotline.ids import agent_id, extension, group_id
from hotline.redis import stream_entries

_EVENTS_AT_ONCE = 1_000
_VIEWS_KEPT = 4_096


class Agents(Site):
    """The agents' part of distribution."""

    async def sign_in(self, agent: str, seat: str, groups: Mapping[str, int]) -> AgentView:
        """签入: the agent takes the seat's extension and is NOT_READY, reason `signed_in`.

        Ends an older session of the same agent; within a call at the same extension the call goes on untouched, and
        an offer at another extension is taken back. `groups` are skill groups with a level. Raises Conflict if
        another agent holds the extension, or the agent talks at another one; EpochChanged.
        """
        record = await self._run("sign_in", agent_id(agent), extension(seat), _skills(groups))
        return AgentView.from_record(agent, orjson.loads(record))

    async def set_groups(self, agent: str, groups: Mapping[str, int]) -> None:
        """The skill groups with levels (1 to 9) of an agent who is signed in; in a call from the next call on.

        Raises Conflict for an agent who is not, InvalidInput, EpochChanged.
        """
        await self._run("set_groups", agent_id(agent), _skills(groups))

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

    async def extend_wrap_up(self, agent: str, by_ms: int) -> int:
        """So many milliseconds more for after-call work, up to the queue's longest; returns when it ends now.

        Raises Conflict outside wrap-up and at the longest, InvalidInput, EpochChanged.
        """
        if by_ms <= 0:
            raise InvalidInput("a wrap-up is extended by more than nothing")
        return int(await self._run("extend_wrap_up", agent_id(agent), by_ms))

    async def _want(self, agent: str, wanted: str, reason: str = "") -> None:
        """Raises Conflict for an agent that is not signed in, EpochChanged."""
        await self._run("want", agent_id(agent), wanted, reason)

    async def device_state(self, seat: str, reachable: bool, in_use: bool, *, standing: bool = False) -> str:
        """What the phone of an extension can do; only a reachable one that is not in use is offered calls.

        In our own call `in_use` is expected. An offer to a phone that became unreachable is taken back. `standing`: no
        news, but what is found on looking; of two hosts that both have the phone, the one that had news of it last
        counts. Returns that host's systemname; empty when no host reaches the phone, or nobody is signed in there.
        """
        told = (extension(seat), int(reachable), int(in_use), "standing" if standing else "")
        return str(await self._run("device", *told))

    async def phones(self) -> dict[str, Phone]:
        """What this process's host said of phones, by extension."""
        host = self._process.partition("/")[0]
        found = pairs(await self._read("HGETALL", self._devices, packed=True), unpackb)
        return {
            seat: Phone(said[host]["reachable"], said[host]["in_use"], alone=len(said) == 1)
            for seat, said in found
            if host in said
        }

    async def home_of(self, seat: str) -> str:
        """Systemname of a host whose Asterisk reaches the phone of an extension, this process' own if it does; empty:
        none, as far as anybody has said."""
        own = self._process.partition("/")[0]
        packed = await self._read("HGET", self._devices, extension(seat), packed=True)
        told: Mapping[str, Any] = unpackb(packed) if packed else {}
        hosts = [host for host, said in told.items() if said["reachable"]]
        return own if own in hosts else next(iter(sorted(hosts)), "")

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
        await self._run("restore_agent", agent_id(agent), extension(seat), _skills(groups), wanted.value, reason)

    async def agent(self, agent: str) -> AgentView | None:
        """One agent, None if never seen in this epoch."""
        record = await self._read("HGET", self._agents, agent, packed=True)
        return AgentView.from_record(agent, AGENT.unpack(record)) if record else None

    async def agents(self) -> list[AgentView]:
        """All agents, by work number."""
        found = pairs(await self._read("HGETALL", self._agents, packed=True), bytes)
        return [_view(agent, record) for agent, record in sorted(found)]

    async def follow_events(
        self, cursor: str = "$", *, block_ms: int = 1_000, gather_ms: int = 0
    ) -> AsyncIterator[AgentEvent]:
        """Changes of agents after `cursor` (`$`: from now on), for ever. The client's timeout exceeds `block_ms`.

        Who is in no hurry reads only every `gather_ms`: on a busy line each read then brings many changes.
        """
        if cursor == "$":
            newest = await self._redis.xrevrange(self._events, count=1)
            cursor = str(newest[0][0]) if newest else "0-0"
        while True:
            answer = await self._redis.xread({self._events: cursor}, count=_EVENTS_AT_ONCE, block=block_ms)
            for cursor, fields in stream_entries(answer):
                for agent, told in fields.items():
                    state, pending, since, extension, reason = told.split("|", 4)
                    yield AgentEvent(
                        cursor=cursor,
                        agent=agent,
                        extension=extension,
                        state=AgentState(state),
                        reason=reason,
                        pending=AgentState(pending) if pending else None,
                        since_ms=int(since),
                    )
            if gather_ms:
                await asyncio.sleep(gather_ms / 1000)


def _skills(groups: Mapping[str, int]) -> str:
    """Raises InvalidInput for a name or a level (1 to 9) that cannot be."""
    if any(not LOWEST <= level <= HIGHEST for level in groups.values()):
        raise InvalidInput(f"a level is {LOWEST} to {HIGHEST}")
    return orjson.dumps({group_id(group): level for group, level in groups.items()}).decode()


@lru_cache(_VIEWS_KEPT)
def _view(agent: str, record: bytes) -> AgentView:
    """What a record says. Who asks for all agents asks every second, and few have changed since."""
    return AgentView.from_record(agent, AGENT.unpack(record))
