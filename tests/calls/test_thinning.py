"""Callers' ways through menus are kept so long, and removed a batch at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from calls.thinning import Thinning
from hotline.clock import ManualClock
from hotline.database import Database
from hotline.settings import Privacy
from ivr import visits
from ivr.tables import MenuFlowRow, MenuVisitRow
from ivr.visits import Visit

NOW = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)


async def test_old_visits_of_every_flow_go(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visits, "_FORGOTTEN_AT_ONCE", 3)
    database = Database(database_url)
    try:
        async with database.transaction() as session:
            for flow in ("main", "social"):
                session.add(MenuFlowRow(flow=flow, revision=1, created_by="admin", created_at=NOW))
            old, young = NOW - timedelta(days=801), NOW - timedelta(days=799)
            told = [
                Visit(f"ast1-{number}.1", seq, at, flow, 1, "ask", "1", 900)
                for number, (flow, at) in enumerate(
                    [("main", old), ("main", young), ("social", old), ("social", young)]
                )
                for seq in range(5)
            ]
            await visits.keep(session, told)
        job = Thinning(database, ManualClock(NOW), Privacy())
        assert await job.step() == 10
        assert await job.step() == 0
        async with database.transaction() as session:
            left = set((await session.execute(select(MenuVisitRow.flow, MenuVisitRow.at))).all())
        assert left == {("main", young), ("social", young)}
    finally:
        await database.close()
