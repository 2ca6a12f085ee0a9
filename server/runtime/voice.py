"""A voice process, put together."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from acd.service import Acd
from agi.counters import AgiCounters
from ami.client import AmiClient
from ami.counters import AmiCounters
from calls.dialwatch import DialWatches
from calls.floor_board import FloorBoard
from calls.health import HealthSocket
from calls.journal import Journal
from calls.keys import Keys
from calls.menu.rehearsal_board import RehearsalBoard
from calls.menu_answers import MenuAnswers
from calls.message_files import MessageFolders
from calls.pace import Paces
from calls.pops import Pops
from calls.queueing import CurrentQueues
from calls.recording.pause import Pauses
from calls.recording.room import Gate
from calls.switchboard import Switchboard
from calls.talk.legs import LegWatches
from calls.voice import VoiceProcess
from directory.loader import CurrentDirectory
from hotline import redis
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.errors import SettingsError
from hotline.feed import AgentFeed
from hotline.redis import Redis
from hotline.settings import Settings
from hotline.tasks import never_ending
from ivr.published import Published
from media.spoken import SpokenFiles
from media.store import PromptStore
from media.studio_files import StudioFiles
from server.asterisk import secrets
from server.asterisk.layout import find
from server.asterisk.registrar import unregister
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
    spoken = SpokenFiles(find(settings).sounds)
    prompts = PromptStore(spoken=spoken)
    acd = Acd(live_state, site=settings.site.id, process=process, clock=clock, policy=acd_policy(settings))
    directory = CurrentDirectory(database, settings, settings.var_dir / f"directory-{name}.json")
    journal = Journal(
        spool=settings.var_dir / "spool" / "journal",
        process=process,
        site=settings.site.id,
        redis=live_state,
        database=database,
        clock=clock,
    )
    queues = CurrentQueues(database, directory, acd, wrap_up_ms=settings.acd.wrap_up_seconds * 1000)
    answers = MenuAnswers.of(
        settings, database=database, redis=live_state, acd=acd, queues=queues, clock=clock, prompts=prompts
    )
    board = Switchboard(
        settings=settings,
        process=process,
        clock=clock,
        acd=acd,
        ami=ami,
        watches=DialWatches(ami, clock),
        legs=LegWatches(ami, clock),
        keys=Keys(ami),
        paces=Paces(redis=live_state, site=settings.site.id, clock=clock),
        journal=journal,
        pops=Pops(
            feed=AgentFeed(live_state, settings.site.id, clock),
            database=database,
            clock=clock,
            process=process,
            longest_wait_ms=settings.voice.pop_wait_ms,
            arrival=timedelta(minutes=settings.handovers.arrival_minutes),
        ),
        database=database,
        prompts=prompts,
        rendered=prompts.playable(),
        directory=directory,
        floor=FloorBoard(live_state, settings.site.id, clock),
        rehearsals=RehearsalBoard(live_state, settings.site.id, clock),
        menus=Published(database, clock, settings.var_dir / f"menus-{name}.json"),
        messages=_messages(settings),
        pauses=_pauses(settings, live_state, ami, journal, process),
        queues=queues,
        answers=answers,
    )
    if settings.recording.enabled:
        board.gate = Gate(ami, recorded=find(settings).recordings, stop_free_mb=settings.recording.stop_free_mb)
    voice = VoiceProcess(
        board,
        host=settings.voice.fastagi_bind,
        port=settings.voice.fastagi_port + _index(settings, name),
        counters=AgiCounters(registry),
        unregister=partial(unregister, settings),
    )
    tasks = Gauge("hotline_event_loop_tasks", "Tasks: as many after a rush as before it", registry=registry)
    tasks.set_function(lambda: len(asyncio.all_tasks()))
    health = HealthSocket(
        socket_of(settings, name),
        calls=lambda: len(board.live),
        metrics=lambda: generate_latest(registry).decode(),
    )
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(never_ending(StudioFiles(database, spoken.studio).run))
            group.create_task(voice.run(ready=health.start))
    finally:
        await health.close()
        answers.close()
        await live_state.aclose()
        await database.close()


def _messages(settings: Settings) -> MessageFolders:
    layout = find(settings)
    return MessageFolders(
        recorded=layout.messages, inside=layout.inside(layout.messages), kept=settings.var_dir / "messages"
    )


def _pauses(settings: Settings, redis: Redis, ami: AmiClient, journal: Journal, process: str) -> Pauses | None:
    if not settings.recording.enabled:
        return None
    return Pauses(
        redis=redis,
        ami=ami,
        journal=journal,
        clock=SystemClock(),
        site=settings.site.id,
        process=process,
        longest_seconds=settings.recording.pause_seconds,
    )


def _index(settings: Settings, name: str) -> int:
    """`voice-2` is the second: its port is the second of the range. Raises SettingsError for any other name."""
    known = [f"voice-{number}" for number in range(1, settings.voice.processes + 1)]
    if name not in known:
        raise SettingsError(f"no voice process {name}", remedy=f"start one of {', '.join(known)}")
    return known.index(name)
