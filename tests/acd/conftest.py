from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import redis.asyncio as aioredis

from tests.acd.line import Line


@pytest.fixture
async def line(redis_url: str) -> AsyncIterator[Line]:
    client = aioredis.from_url(redis_url, decode_responses=True)
    try:
        yield Line(client)
    finally:
        await client.aclose()
