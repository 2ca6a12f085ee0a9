"""Pauses: begun and ended by the agent, or by time, whichever process looks; never without an end that is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from ami.client import AmiClient
from ami.errors import AmiRefused
from ami.replies import ChannelInfo
from calls.journal import Journal
from calls.live import LiveCall, Scribe
from calls.recording.pause import NotRecorded, Pauses
from calls.recording.starting import TAPE
from hotline import redis
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.errors import PartUnavailable
from tests.calls.line import DIRECTORY

CALL = "ast1-1763761000.12"
CHANNEL = "PJSIP/carrier-00000001"


@dataclass
class Recorder:
    """Asterisk, as far as its recordings go: which channels are recorded, and which of them are silent."""

    connected: bool = True
    taped: set[str] = field(default_factory=lambda: {CHANNEL})
    silent: set[str] = field(default_factory=set)

    async def getvar(self, variable: str, channel: str) -> str:
        assert variable == TAPE
        return "1763761005000" if channel in self.taped else ""

    async def mixmonitor_mute(self, channel: str, *, on: bool) -> None:
        if channel not in self.taped:
            raise AmiRefused("no such channel")
        (self.silent.add if on else self.silent.discard)(channel)

    async def channels(self) -> list[ChannelInfo]:
        return [ChannelInfo(name, "", "", "Up", "", "", "", "", 1, {}) for name in self.taped]


@dataclass
class Hand(SystemClock):
    """A clock that may be moved on."""

    ahead_ms: int = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.ahead_ms


@dataclass
class Host:
    asterisk: Recorder
    journal: Journal
    clock: Hand
    redis_url: str
    live: LiveCall
    clients: list[redis.Redis] = field(default_factory=list)

    def process(self, name: str = "voice-1", *, redis_url: str = "") -> Pauses:
        client = redis.connect(redis_url or self.redis_url)
        self.clients.append(client)
        return Pauses(
            redis=client,
            ami=cast(AmiClient, self.asterisk),
            journal=self.journal,
            clock=self.clock,
            site="smx",
            process=f"ast1/{name}",
            longest_seconds=120,
        )

    @property
    def told(self) -> list[tuple[object, object]]:
        """What the journal has: state, and why."""
        entries = [entry for _, entry in self.journal._pending.values()]
        return [(entry.attributes["state"], entry.attributes.get("why")) for entry in entries]


@pytest.fixture
async def host(redis_url: str, tmp_path: Path) -> AsyncIterator[Host]:
    clock = Hand()
    client = redis.connect(redis_url)
    database = Database("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    journal = Journal(spool=tmp_path, process="ast1/voice-1", site="smx", redis=client, database=database, clock=clock)
    live = LiveCall(
        call=CALL,
        channel=CHANNEL,
        uniqueid=CALL,
        entered_ms=0,
        entry=1,
        caller=None,
        dialled="12345",
        plan=DIRECTORY.main_plan(clock.now()),
        scribe=Scribe(journal, clock, call=CALL, process="ast1/voice-1"),
    )
    found = Host(Recorder(), journal, clock, redis_url, live)
    yield found
    for one in (*found.clients, client):
        await one.aclose()
    await database.close()


async def test_the_agent_begins_and_ends_it(host: Host) -> None:
    pauses = host.process()
    until_ms = await pauses.begin(host.live, agent="1001", seconds=30)
    assert 29_000 < until_ms - host.clock.now_ms() <= 30_000
    assert host.asterisk.silent == {CHANNEL}
    assert await pauses.step() == 0
    await pauses.end(host.live, agent="1001")
    assert host.asterisk.silent == set()
    assert host.told == [("paused", None), ("resumed", "agent")]
    host.clock.ahead_ms = 200_000
    assert await pauses.step() == 0


async def test_nobody_ends_it_and_it_ends_by_itself(host: Host) -> None:
    pauses = host.process()
    await pauses.begin(host.live, agent="1001")
    host.clock.ahead_ms = 119_000
    assert await pauses.step() == 0
    host.clock.ahead_ms = 120_001
    assert await pauses.step() == 1
    assert host.asterisk.silent == set()
    assert host.told == [("paused", None), ("resumed", "deadline")]
    # The agent's click comes late: nothing is told twice.
    await pauses.end(host.live, agent="1001")
    assert len(host.told) == 2


async def test_a_process_that_died_takes_no_sound_with_it(host: Host) -> None:
    await host.process("voice-1").begin(host.live, agent="1001", seconds=5)
    host.clock.ahead_ms = 5_001
    second = host.process("voice-2")
    assert await second.step() == 1
    assert host.asterisk.silent == set()


async def test_a_second_pause_moves_the_end(host: Host) -> None:
    pauses = host.process()
    await pauses.begin(host.live, agent="1001", seconds=10)
    host.clock.ahead_ms = 8_000
    await pauses.begin(host.live, agent="1001", seconds=10)
    host.clock.ahead_ms = 12_000
    assert await pauses.step() == 0
    host.clock.ahead_ms = 19_000
    assert await pauses.step() == 1


async def test_no_pause_is_longer_than_the_setting(host: Host) -> None:
    until_ms = await host.process().begin(host.live, agent="1001", seconds=9_999)
    assert until_ms - host.clock.now_ms() <= 120_000


async def test_what_is_not_recorded_is_not_paused(host: Host) -> None:
    host.asterisk.taped.clear()
    with pytest.raises(NotRecorded):
        await host.process().begin(host.live, agent="1001")
    assert host.told == []


async def test_without_redis_nothing_falls_silent(host: Host) -> None:
    """A silence whose end nobody keeps might last as long as the talk."""
    with pytest.raises(PartUnavailable):
        await host.process(redis_url="redis://127.0.0.1:1/0").begin(host.live, agent="1001")
    assert host.asterisk.silent == set()


async def test_a_call_that_is_over_is_forgotten(host: Host) -> None:
    pauses = host.process()
    await pauses.begin(host.live, agent="1001", seconds=5)
    host.asterisk.taped.clear()
    host.clock.ahead_ms = 6_000
    assert await pauses.step() == 0
    assert await host.clients[0].zcard("{smx}:recording:paused:ast1") == 0


async def test_while_asterisk_is_away_it_waits(host: Host) -> None:
    pauses = host.process()
    await pauses.begin(host.live, agent="1001", seconds=5)
    host.clock.ahead_ms = 6_000
    host.asterisk.connected = False
    assert await pauses.step() == 0
    host.asterisk.connected = True
    assert await pauses.step() == 1
