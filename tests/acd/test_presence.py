"""What agents asked for outlives Redis."""

from __future__ import annotations

from dataclasses import replace

import pytest

from acd import presence
from acd.presence import Presence
from acd.states import AgentState
from hotline.clock import ManualClock
from hotline.database import Database
from hotline.errors import InvalidInput
from tests.acd.line import START

CLOCK = ManualClock(START)
LI = Presence("1001", "8001", {"general": 1, "expert-12333": 2}, AgentState.READY)


async def test_the_last_wish_is_kept_and_signing_out_removes_it(database_url: str) -> None:
    database = Database(database_url)
    try:
        async with database.transaction() as session:
            await presence.save(session, LI, CLOCK)
            await presence.save(session, replace(LI, wanted=AgentState.NOT_READY, reason="lunch"), CLOCK)
            await presence.save(session, replace(LI, agent="1002", extension="8002"), CLOCK)
        async with database.transaction() as session:
            first, second = await presence.load(session)
            assert (first.wanted, first.reason, first.groups) == (AgentState.NOT_READY, "lunch", LI.groups)
            assert second.agent == "1002"
            await presence.save(session, replace(LI, wanted=AgentState.SIGNED_OUT), CLOCK)
            assert [row.agent for row in await presence.load(session)] == ["1002"]
    finally:
        await database.close()


async def test_a_seat_belongs_to_who_took_it_last(database_url: str) -> None:
    database = Database(database_url)
    try:
        async with database.transaction() as session:
            await presence.save(session, LI, CLOCK)
            await presence.save(session, replace(LI, agent="1002"), CLOCK)
            assert [row.agent for row in await presence.load(session)] == ["1002"]
            with pytest.raises(InvalidInput):
                await presence.save(session, replace(LI, wanted=AgentState.TALKING), CLOCK)
    finally:
        await database.close()
