"""The pushing process is killed between sending and noting: nothing is lost, nothing out of order."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hotline.clock import SystemClock
from hotline.database import Database
from hotline.settings import project_root
from tests.ticketing.conftest import Counter
from tests.ticketing.exchange_peer import Peer, enter, in_order, listening
from ticketing.vocabulary import Action

_JOB = """
import asyncio, sys
from hotline.clock import SystemClock
from hotline.database import Database
from tests.ticketing.exchange_peer import pushing

async def main():
    database = Database(sys.argv[1])
    async with pushing(database, SystemClock(), answer_seconds=1.0):
        await asyncio.Event().wait()

asyncio.run(main())
"""


@asynccontextmanager
async def job(database_url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process that pushes; killed at the end of the block, without a word."""
    process = await asyncio.create_subprocess_exec(
        "setpriv", "--pdeathsig", "KILL", sys.executable, "-c", _JOB, database_url, cwd=project_root()
    )
    try:
        yield process
    finally:
        process.kill()
        await process.wait()


async def _killed(database_url: str, peer: Peer, most: int) -> None:
    """The peer takes one more than `most` and then answers no more: a request hangs when its sender is killed."""
    peer.answers = lambda _body: 204 if len(peer.taken) <= most else None
    before = len(peer.arrived)
    async with job(database_url):
        await peer.until(lambda: len(peer.taken) > most, "nothing was taken")
        await peer.until(lambda: len(peer.arrived) > before + 1, "none hangs")


async def test_killed_again_and_again_it_delivers_everything_in_order(
    database: Database, database_url: str, counter: Counter
) -> None:
    """Each process dies with requests in the air: those the receiver has taken and nobody here has noted."""
    async with listening(Peer(SystemClock())) as peer:
        async with database.transaction() as session:
            await enter(session, "all", peer.url)
        for step in range(6):
            ticket = await counter.register(f"第{step}件")
            await counter.act(ticket, Action.ACCEPT, counter.people.agent)
        await _killed(database_url, peer, 0)
        await _killed(database_url, peer, 3)
        peer.answers = lambda _body: 204
        async with job(database_url):
            await peer.has(12)
    assert in_order(peer.taken)
    assert len(peer.arrived) > 12, "what hung was sent again"
    by_id: dict[str, set[int]] = {}
    for one in peer.arrived:
        by_id.setdefault(one.claim.id, set()).add(one.body["position"])
    assert sorted(position for positions in by_id.values() for position in positions) == list(range(1, 13))
    assert all(len(positions) == 1 for positions in by_id.values())
