"""The way of facts into figures, on a real Redis and a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select, text

from acd.model import AcdPolicy, AgentEvent
from acd.service import Acd
from calls.agent_log import AgentLog
from calls.facts import Entry, stream_key
from calls.figure_tables import AgentStateCursorRow, AgentStateRow
from calls.figures import CallCounts, Scope, call_figures
from calls.history import Period, Step, call_history
from calls.ingest import JournalIngest
from calls.intervals import Intervals
from hotline import redis
from hotline.clock import ManualClock, to_ms
from hotline.database import Database
from hotline.redis import key
from hotline.tasks import end
from tests.calls.figure_stories import MORNING, moment

SITE = "smx"
ZONE = ZoneInfo("Asia/Shanghai")
EVENTS = key(SITE, "acd", "events")
HORIZON = 5 * 3600 * 1000
"""Milliseconds after which everything in a made-up day is over, but agents' last states."""


class FigureLine:
    """The figures' part of the jobs process. Time stands where it is put."""

    def __init__(self, redis_url: str, database_url: str) -> None:
        self.redis = redis.connect(redis_url, timeout=10)
        self.database = Database(database_url)
        self.clock = ManualClock(MORNING + timedelta(milliseconds=HORIZON))
        self.ingest = JournalIngest(
            redis=self.redis, database=self.database, site=SITE, stream=stream_key(SITE), consumer="ast1/jobs"
        )
        self.intervals = Intervals(self.database)

    def agent_log(self) -> AgentLog:
        acd = Acd(self.redis, site=SITE, process="ast1/jobs", clock=self.clock, policy=AcdPolicy())
        return AgentLog(acd=acd, redis=self.redis, database=self.database, site=SITE, clock=self.clock)

    async def close(self) -> None:
        await self.redis.aclose()
        await self.database.close()

    async def journal(self, entries: list[Entry]) -> None:
        """Through the stream into PostgreSQL, and counted."""
        async with self.redis.pipeline(transaction=False) as pipe:
            for entry in entries:
                pipe.xadd(stream_key(SITE), {"entry": entry.dump()})
            await pipe.execute()
        while await self.ingest.step():
            pass

    async def count(self) -> None:
        while await self.intervals.step():
            pass

    async def tell_states(self, states: list[tuple[str, str, str, int]]) -> str:
        """Changes of agents as distribution tells them; returns the last one's cursor."""
        cursor = "0-0"
        for agent, state, reason, at in states:
            told = f"{state}||{to_ms(moment(at))}|8001|{reason}"
            cursor = str(await self.redis.xadd(EVENTS, {agent: told}))
        return cursor

    async def logged(self, cursor: str) -> None:
        """Run the log until it is written up to `cursor`."""
        following = asyncio.create_task(self.agent_log().follow())
        try:
            async with asyncio.timeout(20):
                while await self._cursor() != cursor:
                    assert not following.done(), following
                    await asyncio.sleep(0.01)
        finally:
            await end([following])

    async def every_event(self) -> AsyncIterator[AgentEvent]:
        """All that is in distribution's stream now."""
        last = await self._cursor()
        acd = Acd(self.redis, site=SITE, process="ast1/jobs", clock=self.clock, policy=AcdPolicy())
        async for event in acd.follow_events("0-0"):
            yield event
            if event.cursor == last:
                return

    async def _cursor(self) -> str | None:
        async with self.database.transaction() as session:
            return await session.scalar(select(AgentStateCursorRow.cursor))

    async def dump(self) -> list[tuple[object, ...]]:
        """Every row of every table that figures are read from."""
        async with self.database.transaction() as session:
            return [
                (table, *row)
                for table in ("call_stay", "agent_offer", "call_interval", "agent_interval", "agent_time")
                for row in await session.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2, 3, 4"))  # noqa: S608
            ]

    async def open_states(self) -> list[tuple[object, ...]]:
        """Who is in which state now, since when."""
        query = select(AgentStateRow.agent, AgentStateRow.state, AgentStateRow.reason, AgentStateRow.since)
        async with self.database.transaction() as session:
            rows = await session.execute(query.where(AgentStateRow.until.is_(None)).order_by(AgentStateRow.agent))
            return [tuple(row) for row in rows]

    async def by_call(
        self, scope: Scope, step: Step = Step.HALF_HOUR, of: Period | None = None
    ) -> dict[tuple[str, datetime], CallCounts]:
        """History by hotline or queue, of the made-up day or of another period."""
        async with self.database.transaction() as session:
            reports = await call_history(session, scope, of or period(step))
        for report in reports:
            assert report.figures == call_figures(report.counts)
        return {(report.subject, report.starts_at): report.counts for report in reports}


def period(step: Step = Step.HALF_HOUR) -> Period:
    return Period(MORNING, MORNING + timedelta(milliseconds=HORIZON), step, ZONE)
