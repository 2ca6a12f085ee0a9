"""A database full of generated histories, for tests of figures and reports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import asyncpg

from directory.models import Unit, UnitLevel
from hotline.database import Database
from tests.ticketing.made_histories import Maker

ZONE: Final = ZoneInfo("Asia/Shanghai")
NOW: Final = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
FIRST: Final = NOW - timedelta(days=420)


@asynccontextmanager
async def histories(database: Database, url: str, *, tickets: int, units: int = 5) -> AsyncIterator[asyncpg.Connection]:
    """So many tickets of fourteen months, and a connection to count them by hand."""
    async with database.transaction() as session:
        names = ("市城管局", "市人社局", "市水利局", "市住建局", "市公安局")
        rows = [Unit(name=name, level=UnitLevel.CITY) for name in names[:units]]
        session.add_all(rows)
        county = Unit(name="湖滨区政府热线办", level=UnitLevel.COUNTY)
        session.add(county)
        await session.flush()
        office = Unit(name="湖滨区城管局", level=UnitLevel.COUNTY, parent_id=county.id)
        session.add(office)
        await session.flush()
        team = Unit(name="湖滨区城管大队", level=UnitLevel.COUNTY, parent_id=office.id)
        session.add(team)
        await session.flush()
        ids = [unit.id for unit in (*rows, county, team)]
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))
    try:
        await Maker(seed=12345, units=ids, first=FIRST, now=NOW).tickets(tickets).write(connection)
        yield connection
    finally:
        await connection.close()
