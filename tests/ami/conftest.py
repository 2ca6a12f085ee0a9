"""A scripted peer and a client with short deadlines."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from random import Random

import pytest

from ami.client import AmiClient
from ami.limits import AmiLimits
from tests.ami.peer import Peer
from tests.asterisk_fixtures import asterisk_ami, live_asterisk

__all__ = ["asterisk_ami", "live_asterisk"]

QUICK = AmiLimits(backoff_first=0.01, backoff_cap=0.05, ping_interval=0.5, ping_timeout=0.5, gap_delay=0.05)


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = Peer()
    await peer.start()
    yield peer
    await peer.stop()


MakeClient = Callable[..., AmiClient]


@pytest.fixture
async def make_client(peer: Peer) -> AsyncIterator[MakeClient]:
    made: list[AmiClient] = []

    def make(limits: AmiLimits = QUICK) -> AmiClient:
        client = AmiClient(
            host="127.0.0.1", port=peer.port, user="hotline", secret="geheim-4711", limits=limits, random=Random(1)
        )
        made.append(client)
        return client

    yield make
    for client in made:
        await client.close()


@pytest.fixture
async def client(make_client: MakeClient) -> AmiClient:
    """A connected client."""
    client = make_client()
    await client.start()
    await client.wait_connected(5)
    return client
