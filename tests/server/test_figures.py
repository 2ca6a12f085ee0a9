"""The figures' part of the jobs process, put together as the process runs it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import select

from acd.model import AcdPolicy
from acd.service import Acd
from calls.facts import Entry, Kind, seq_at
from calls.figure_board import FigureBoard
from calls.figure_tables import AgentStateRow
from calls.ingest import insert_entries
from directory.loader import CurrentDirectory
from hotline import redis
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.settings import Settings
from hotline.tasks import end, never_ending
from server.runtime.figures import figure_jobs

_SOON = 15.0


async def test_a_call_and_an_agent_reach_the_board_and_the_log(
    redis_url: str, database_url: str, tmp_path: Path
) -> None:
    settings, clock = Settings(var_dir=tmp_path), SystemClock()
    client, database = redis.connect(redis_url, timeout=10), Database(database_url)
    directory = CurrentDirectory(database, settings, tmp_path / "directory.json")
    jobs = figure_jobs(settings, redis=client, database=database, directory=directory, process="ast1/jobs")
    running = [asyncio.create_task(never_ending(job)) for job in jobs]
    acd = Acd(client, site="smx", process="ast1/voice-1", clock=clock, policy=AcdPolicy())
    try:
        await acd.load()
        await acd.open_epoch(1)
        await acd.sign_in("1001", "8001", {"general": 1})
        now_ms = clock.now_ms()
        queued = Entry("ast1-1.1", seq_at(now_ms), "queued:1", Kind.QUEUED, now_ms, "ast1/voice-1", None, {})
        async with database.transaction() as session:
            await insert_entries(session, [queued])
        board = FigureBoard(client, "smx")
        async with asyncio.timeout(_SOON):
            while (entries := (await board.read()).entries).get("queue:general", {}).get("offered") != 1:
                await asyncio.sleep(0.05)
            assert entries["agent:1001"]["state"] == "NOT_READY"
            async with database.transaction() as session:
                while await session.scalar(select(AgentStateRow.state)) != "NOT_READY":
                    await asyncio.sleep(0.05)
    finally:
        await end(running)
        await client.aclose()
        await database.close()
