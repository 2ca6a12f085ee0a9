"""A directory on a real PostgreSQL, and a clock that moves only when told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from argon2 import PasswordHasher

from directory.passwords import Passwords
from hotline.clock import ManualClock
from hotline.database import Database
from hotline.settings import Settings

START = datetime(2026, 11, 20, 1, 0, tzinfo=UTC)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The defaults, whatever the machine's own file says."""
    monkeypatch.setenv("HOTLINE_CONFIG", "/dev/null")
    return Settings()


@pytest.fixture
def passwords() -> Passwords:
    """Real argon2 with the cheapest parameters."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
