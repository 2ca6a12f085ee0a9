"""The shared servers of the test run do what every other test relies on."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from hotline.database import Database
from hotline.redis import connect


@pytest.mark.parametrize("turn", [1, 2])
async def test_each_test_gets_an_empty_redis(redis_url: str, turn: int) -> None:
    client = connect(redis_url)
    assert await client.dbsize() == 0
    await client.set("left", str(turn))
    await client.aclose()


@pytest.mark.parametrize("turn", [1, 2])
async def test_each_test_gets_a_database_of_its_own(database_url: str, turn: int) -> None:
    database = Database(database_url)
    async with database.transaction() as session:
        found = await session.scalar(text("SELECT count(*) FROM information_schema.tables WHERE table_name = 'left'"))
        assert found == 0
        await session.execute(text('CREATE TABLE "left" (turn int)'))
    await database.close()
