"""A voice process, put together."""

from __future__ import annotations

import asyncio

from prometheus_client import CollectorRegistry, generate_latest

from acd.service import Acd
from agi.counters import AgiCounters
from ami.client import AmiClient
from ami.counters import AmiCounters
from calls.dialwatch import DialWatches
from calls.health import HealthSocket
from calls.journal import Journal
from calls.pops import Pops
from calls.switchboard import Switchboard
from calls.voice import VoiceProcess
from directory.loader import CurrentDirectory
from hotline import redis
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.errors import SettingsError
from hotline.feed import AgentFeed
from hotline.settings import Settings
from media.store import PromptStore
from server.asterisk import secrets
from server.provision.programs import socket_of
from server.runtime.parts import acd_policy, process_id


async def serve(settings: Settings, name: str) -> None:
    """Be the voice process `name` until cancelled."""
    clock = SystemClock()
    process = process_id(settings, name)
    registry = CollectorRegistry()
    database = Database(settings.postgres.url)
    live_state = redis.connect(settings.redis.url)
    ami = AmiClient(
        host="127.0.0.1",
        port=settings.asterisk.ami_port,
        user=settings.asterisk.ami_user,
        secret=secrets.load(settings).ami,
        counters=AmiCounters(registry),
    )
    prompts = PromptStore()
    board = Switchboard(
        settings=settings,
        process=process,
        clock=clock,
        acd=Acd(live_state, site=settings.site.id, process=process, clock=clock, policy=acd_policy(settings)),
        ami=ami,
        watches=DialWatches(ami, clock),
        journal=Journal(
            spool=settings.var_dir / "spool" / "journal",
            process=process,
            site=settings.site.id,
            redis=live_state,
            database=database,
            clock=clock,
        ),
        pops=Pops(
            feed=AgentFeed(live_state, settings.site.id, clock),
            database=database,
            clock=clock,
            process=process,
            longest_wait_ms=settings.voice.pop_wait_ms,
        ),
        database=database,
        prompts=prompts,
        rendered=prompts.playable(),
        directory=CurrentDirectory(database, settings, settings.var_dir / f"directory-{name}.json"),
    )
    voice = VoiceProcess(
        board,
        host=settings.voice.fastagi_bind,
        port=settings.voice.fastagi_port + _index(settings, name),
        counters=AgiCounters(registry),
    )
    health = HealthSocket(
        socket_of(settings, name),
        calls=lambda: len(board.live),
        metrics=lambda: generate_latest(registry).decode(),
    )
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(voice.run(ready=health.start))
    finally:
        await health.close()
        await live_state.aclose()
        await database.close()


def _index(settings: Settings, name: str) -> int:
    """`voice-2` is the second: its port is the second of the range. Raises SettingsError for any other name."""
    known = [f"voice-{number}" for number in range(1, settings.voice.processes + 1)]
    if name not in known:
        raise SettingsError(f"no voice process {name}", remedy=f"start one of {', '.join(known)}")
    return known.index(name)
