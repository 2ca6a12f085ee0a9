"""Changes of agents on their way to the sockets."""

from __future__ import annotations

import asyncio

from acd.service import Acd
from hotline.tasks import end
from tests.web.conftest import SOON
from web.agent_states import AgentStates
from web.services import Services


async def test_a_break_of_the_reader_alone_loses_no_change(services: Services, line: Acd) -> None:
    states = AgentStates(services.acd, services.redis, "smx")
    running = asyncio.create_task(states.run())
    try:
        with states.listen("1001") as changes:
            async with asyncio.timeout(SOON):
                # Signing in again until the reader has begun: it starts at "from now on".
                while changes.empty():
                    await line.sign_in("1001", "8001", {"general": 1})
                    await asyncio.sleep(0)
            while not changes.empty():
                changes.get_nowait()
            await services.redis.client_kill_filter(_type="normal", skipme=False)
            await line.set_not_ready("1001", "小休")
            async with asyncio.timeout(SOON):
                while (await changes.get()).reason != "小休":
                    pass
    finally:
        await end([running])


async def test_a_socket_that_reads_slowly_keeps_the_newest_changes(services: Services, line: Acd) -> None:
    states = AgentStates(services.acd, services.redis, "smx")
    running = asyncio.create_task(states.run())
    try:
        with states.listen("1001") as slow, states.listen("1002") as marks:
            async with asyncio.timeout(SOON):
                while marks.empty():
                    await line.sign_in("1002", "8002", {"general": 1})
                    await asyncio.sleep(0)
            await line.sign_in("1001", "8001", {"general": 1})
            for number in range(300):
                await line.set_not_ready("1001", f"n{number}")
            await line.set_not_ready("1002", "end")
            async with asyncio.timeout(SOON):
                while (await marks.get()).reason != "end":
                    pass
            reasons = [slow.get_nowait().reason for _ in range(slow.qsize())]
        assert reasons[-1] == "n299"
        assert len(reasons) <= 100
    finally:
        await end([running])
