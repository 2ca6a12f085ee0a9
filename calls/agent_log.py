"""What agents did when: distribution's changes of state, kept in PostgreSQL, and the time in each state by half hour.

The stream of changes is read from a cursor that is kept in the same transaction as what was read, so a restart or a
second reader neither loses a change nor keeps one twice. Where changes are gone for good (Redis was emptied, or the
stream cut while nobody read), the log says UNKNOWN, from the last change that was read to the next that is known.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from redis.exceptions import RedisError
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from acd.model import AgentEvent, AgentView
from acd.service import Acd
from acd.states import AgentState
from calls.figure_tables import AgentStateCursorRow, AgentStateRow
from calls.figures import UNKNOWN
from calls.interval_counts import (
    INTERVAL,
    AgentKey,
    Touched,
    attribute_wrap_ups,
    count_intervals,
    split,
    take_turn,
)
from hotline.clock import Clock, from_ms
from hotline.database import Database
from hotline.errors import PartUnavailable
from hotline.redis import Redis, key
from hotline.tasks import end

_log = structlog.get_logger(__name__)

_AGAIN_SECONDS = 0.5
_WRITE_SECONDS = 4.0
_GATHER_MS = 500
_LOOK_SECONDS = 30.0
_BATCH = 500
_REASON_LENGTH = 64
_START = "0-0"


class _StreamCut(Exception):
    """What was read last is not in the stream any more: changes may be missing."""


class AgentLog:
    """Copies changes of agents' states from distribution's stream into the log."""

    def __init__(self, *, acd: Acd, redis: Redis, database: Database, site: str, clock: Clock) -> None:
        self._acd = acd
        self._redis = redis
        self._database = database
        self._clock = clock
        self._events = key(site, "acd", "events")

    async def run(self) -> None:
        """Copy until cancelled, through outages of either server."""
        while True:
            try:
                await self.follow()
            except _StreamCut:
                _log.warning("figures.agent_events_lost")
            except (RedisError, SQLAlchemyError, PartUnavailable, OSError, TimeoutError) as error:
                _log.warning("figures.agent_log_waits", reason=type(error).__name__)
            await asyncio.sleep(_AGAIN_SECONDS)

    async def follow(self) -> None:
        """Copy from where the log ends, for ever; closes a gap first, if there is one. Raises when a server is away,
        and when Redis is found emptied."""
        cursor = await self._catch_up()
        fresh: asyncio.Queue[AgentEvent] = asyncio.Queue(_BATCH)
        reading = asyncio.create_task(_fill(fresh, self._acd.follow_events(cursor, gather_ms=_GATHER_MS)))
        try:
            while True:
                batch = await _batch(fresh, reading)
                if batch:
                    await self.keep(batch)
                    cursor = batch[-1].cursor
                    # A transaction in so many seconds, however busy the line.
                    await asyncio.sleep(_WRITE_SECONDS)
                elif await self._in_stream(cursor):
                    await self._read_on(cursor)
                else:
                    raise _StreamCut
        finally:
            await end([reading])

    async def keep(self, events: list[AgentEvent]) -> None:
        """Write changes, in the order of the stream; those already written are passed over."""
        async with self._database.transaction() as session:
            await take_turn(session)
            written = _order(await _cursor(session) or _START)
            events = [event for event in events if _order(event.cursor) > written]
            if not events:
                return
            log = await _OpenStates.of(session, {event.agent for event in events})
            for event in events:
                log.change(event.agent, event.state, event.reason, from_ms(event.since_ms))
            await _write(session, log)
            await self._move_cursor(session, events[-1].cursor)

    async def _in_stream(self, cursor: str) -> bool:
        return cursor == _START or bool(await self._redis.xrange(self._events, cursor, cursor))

    async def _catch_up(self) -> str:
        """Where to go on reading."""
        async with self._database.transaction() as session:
            cursor = await _cursor(session)
        if cursor is None or not await self._in_stream(cursor):
            await self._bridge(cursor)
            cursor = _START
        return cursor

    async def _bridge(self, cursor: str | None) -> None:
        """Go on after a gap, or begin at the first start. Afterwards the stream is read from its oldest entry."""
        entries: Any = await self._redis.xrange(self._events)
        in_stream = {str(agent) for _, fields in entries for agent in fields}
        # Read after the stream: of whom the stream says nothing, this is the last word.
        views = {view.agent: view for view in await self._acd.agents()}
        async with self._database.transaction() as session:
            await take_turn(session)
            row = await session.get(AgentStateCursorRow, 1)
            if (row.cursor if row else None) != cursor:
                return  # somebody else has bridged it
            log = await _OpenStates.of(session)
            if row is not None:
                log.lose_sight(row.read_at, self._clock.now(), views, in_stream)
            for view in views.values():
                if view.agent not in in_stream:
                    log.change(view.agent, view.state, view.reason, from_ms(view.since_ms))
            await _write(session, log)
            await self._move_cursor(session, _START)

    async def _read_on(self, cursor: str) -> None:
        """Nothing has changed: it is known up to now."""
        async with self._database.transaction() as session:
            await take_turn(session)
            row = await session.get(AgentStateCursorRow, 1)
            if row is not None and row.cursor == cursor:
                row.read_at = self._clock.now()

    async def _move_cursor(self, session: AsyncSession, cursor: str) -> None:
        values = {"cursor": cursor, "read_at": self._clock.now()}
        await session.execute(
            insert(AgentStateCursorRow).values(id=1, **values).on_conflict_do_update(index_elements=["id"], set_=values)
        )


async def _fill(queue: asyncio.Queue[AgentEvent], events: AsyncIterator[AgentEvent]) -> None:
    async for event in events:
        await queue.put(event)


async def _batch(queue: asyncio.Queue[AgentEvent], reading: asyncio.Task[None]) -> list[AgentEvent]:
    """What there is, or comes within a while; raises what the reading ended with."""
    first = asyncio.create_task(queue.get())
    try:
        done, _ = await asyncio.wait({first, reading}, timeout=_LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if first in done:
            batch = [first.result()]
            while not queue.empty():
                batch.append(queue.get_nowait())
            return batch
        if reading in done:
            await reading
        return []
    finally:
        first.cancel()


def _order(cursor: str) -> tuple[int, int]:
    milliseconds, serial = cursor.split("-")
    return int(milliseconds), int(serial)


async def _cursor(session: AsyncSession) -> str | None:
    return await session.scalar(select(AgentStateCursorRow.cursor))


@dataclass(slots=True)
class _OpenStates:
    """The state each agent is in, and what has changed about it in this transaction."""

    now: dict[str, AgentStateRow] = field(default_factory=dict)
    ended: list[AgentStateRow] = field(default_factory=list)

    @classmethod
    async def of(cls, session: AsyncSession, agents: Iterable[str] | None = None) -> _OpenStates:
        open_ones = select(AgentStateRow).where(AgentStateRow.until.is_(None))
        if agents is not None:
            open_ones = open_ones.where(AgentStateRow.agent.in_(agents))
        return cls({row.agent: row for row in await session.scalars(open_ones)})

    def change(self, agent: str, state: str, reason: str, at: datetime) -> None:
        """The agent's state from `at` on. Told again, it changes nothing."""
        reason = reason[:_REASON_LENGTH]
        former = self.now.get(agent)
        if former is not None:
            if (former.state, former.reason) == (state, reason):
                return
            # Hosts' clocks differ by a little; the stream's order is the true one.
            at = max(at, former.since)
            if at == former.since:
                former.state, former.reason = state, reason
                return
            former.until = at
            self.ended.append(former)
        self.now[agent] = AgentStateRow(agent=agent, state=state, reason=reason, since=at)

    def lose_sight(
        self, from_: datetime, now: datetime, views: Mapping[str, AgentView], in_stream: Collection[str]
    ) -> None:
        """Changes since `from_` are gone. Whose state is the very same now has not changed; what the stream still
        says of others ends what nobody knows."""
        for agent, row in list(self.now.items()):
            view = views.get(agent)
            same = view is not None and (view.state, view.reason, from_ms(view.since_ms)) == (
                row.state,
                row.reason,
                row.since,
            )
            if agent not in in_stream and (same or (view is None and row.state == AgentState.SIGNED_OUT)):
                continue
            self.change(agent, UNKNOWN, "", from_)
            if view is None and agent not in in_stream:
                self.change(agent, AgentState.SIGNED_OUT, "", now)


async def _write(session: AsyncSession, log: _OpenStates) -> None:
    """Keep the changes, then the figures that follow from the states that ended."""
    # Ended before begun: an agent has one open state at a time.
    session.add_all(log.ended)
    await session.flush()
    session.add_all(log.now.values())
    await session.flush()
    times: set[AgentKey] = set()
    for row in log.ended:
        if row.state != AgentState.SIGNED_OUT and row.until is not None:
            times.update((row.agent, starts_at) for starts_at, _ in split(row.since, row.until))
    await _count_times(session, times)
    touched = Touched()
    wrapped_up = [(row.agent, row.since) for row in log.ended if row.state == AgentState.WRAP_UP]
    await attribute_wrap_ups(session, wrapped_up, touched)
    await count_intervals(session, touched)


_FORGET_TIMES = text("""
    DELETE FROM agent_time t
    USING unnest(CAST(:starts AS timestamptz[]), CAST(:agents AS text[])) AS i (starts_at, agent)
    WHERE t.starts_at = i.starts_at AND t.agent = i.agent
""")

_COUNT_TIMES = text("""
    INSERT INTO agent_time (starts_at, agent, state, reason, ms)
    SELECT i.starts_at, i.agent, log.state, log.reason, sum(CAST(extract(
        epoch FROM least(log.until, i.starts_at + CAST(:interval AS interval)) - greatest(log.since, i.starts_at)
    ) * 1000 AS bigint))
    FROM unnest(CAST(:starts AS timestamptz[]), CAST(:agents AS text[])) AS i (starts_at, agent)
    JOIN agent_state_log log ON log.agent = i.agent
        AND log.until > i.starts_at AND log.since < i.starts_at + CAST(:interval AS interval)
    WHERE log.state <> 'SIGNED_OUT'
    GROUP BY i.starts_at, i.agent, log.state, log.reason
""")
"""A state that crosses the border of an interval is split at it."""


async def _count_times(session: AsyncSession, keys: set[AgentKey]) -> None:
    ordered = sorted(keys)
    given = {"agents": [agent for agent, _ in ordered], "starts": [at for _, at in ordered]}
    if ordered:
        await session.execute(_FORGET_TIMES, given)
        await session.execute(_COUNT_TIMES, {**given, "interval": INTERVAL})
