"""A small line for tests: voice processes on a real Redis and a real PostgreSQL, with Asterisk played on both its
protocols, citizens who call and agents who have screens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, cast

from sqlalchemy import select

from acd.model import AgentView
from acd.service import Acd
from acd.states import AgentState, CallState
from agi.counters import AgiCounters
from ami.client import AmiClient
from ami.events import DeviceState, DeviceStateChange
from calls.dialwatch import DialWatches
from calls.facts import stream_key
from calls.floor_board import FloorBoard
from calls.ingest import JournalIngest
from calls.journal import Journal
from calls.keys import Keys
from calls.menu.rehearsal_board import RehearsalBoard
from calls.menu_answers import MenuAnswers
from calls.models import CallRow, JournalRow
from calls.pace import Paces
from calls.pops import Pops
from calls.queueing import CurrentQueues
from calls.switchboard import Switchboard
from calls.talk.legs import LegWatches
from calls.voice import VoiceProcess
from directory.loader import CurrentDirectory
from directory.modes import Mode, Platform
from directory.snapshot import DialTarget, DirectorySnapshot, Line, ModeInForce, Target, Unit
from hotline import redis
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.feed import AgentFeed, Frame
from hotline.settings import Settings
from ivr.published import Pinned, Published
from media.spoken import SpokenFiles
from media.store import PromptStore
from server.runtime.parts import acd_policy
from tests.agi.peer import AsteriskPeer, header, until
from tests.calls.asterisk import FakeAsterisk, channel_of

SITE = "smx"
_LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def _line(number: str, name: str, mode: Mode, platform: Platform, *targets: Target, experts: bool = False) -> Line:
    modes = (ModeInForce(mode, platform, experts, _LONG_AGO),)
    return Line(number, name, name, True, 1, modes, targets)


def _target(trunk: str, user: str) -> Target:
    return Target(DialTarget(trunk, user, 15))


DIRECTORY = DirectorySnapshot(
    version=1,
    area_code="0398",
    general_after_ms=15_000,
    lines=(
        _line("12345", "政务服务便民热线", Mode.MAIN, Platform.OURS),
        _line("12300", "电信用户申诉热线", Mode.MERGED, Platform.OURS),
        _line("12333", "人力资源社会保障热线", Mode.DUAL, Platform.OURS, experts=True),
        _line("12366", "纳税服务热线", Mode.BRANCH, Platform.OWN, _target("branch-12366", "99012366")),
        _line("120", "急救", Mode.EMERGENCY, Platform.OWN, _target("emergency-120", "990120")),
    ),
    units=(Unit(1, "市人力资源和社会保障局", "city"),),
)


class StandingDirectory:
    """A directory that does not change."""

    snapshot = DIRECTORY

    async def refresh(self) -> bool:
        return False


class StandingMenus:
    """Menus in force, by line, as the test has them."""

    def __init__(self) -> None:
        self.by_line: dict[str, Pinned] = {}
        self.by_flow: dict[str, Pinned] = {}

    def for_line(self, line: str, at: datetime | None = None) -> Pinned | None:
        return self.by_line.get(line)

    def of(self, flow: str, at: datetime | None = None) -> Pinned | None:
        return self.by_flow.get(flow)

    async def refresh(self) -> bool:
        return False

    async def run(self) -> None:
        await asyncio.Event().wait()


class Citizen:
    """One caller: Asterisk's side of the FastAGI session, and the channel it is for."""

    def __init__(self, line: CallLine, call: str, entered_ms: int, dialled: str) -> None:
        self._line = line
        self.call = call
        self.entered_ms = entered_ms
        self.dialled = dialled
        self.entry = 0
        self.peer: AsteriskPeer
        self.number = "13812345678"

    async def enter(
        self, voice: VoiceProcess, phase: str = "entered", *, hold: tuple[str, ...] = ("EXEC Dial",)
    ) -> None:
        """The dialplan's supervisor enters AGI."""
        self.entry += 1
        args = (self.call, str(self.entered_ms), str(self.entry), phase, self.dialled)
        opening = header(
            args,
            agi_uniqueid=self.call,
            agi_channel=channel_of(self.call),
            agi_callerid=self.number,
            agi_dnid=self.dialled,
        )
        self.peer = await AsteriskPeer.connect(voice.server.port, opening)
        self.peer.hold(*hold)
        self._line.peers.append(self.peer)

    @property
    def phases(self) -> list[str]:
        return [c[3] for c in self.peer.commands if c[:3] == ["SET", "VARIABLE", "HL_PHASE"]]

    @property
    def heard(self) -> list[str]:
        """Prompts that were played, in order."""
        return [c[3] for c in self.peer.commands if c[:3] == ["CONTROL", "STREAM", "FILE"]]

    async def dialled_out(self) -> list[str]:
        """The next Dial's destination, seconds and options."""
        return (await self.peer.command("EXEC Dial"))[2].split(",")

    def dial_ends(self, status: str, cause: int = 0) -> None:
        """Dial is over and the caller is still there."""
        self.peer.variables |= {"DIALSTATUS": status, "HANGUPCAUSE": str(cause)}
        self.peer.reply("200 result=0")

    async def hangs_up(self, *, in_dial: bool = False) -> None:
        """The caller's BYE, as Asterisk with AGIEXITONHANGUP tells it."""
        if in_dial:
            self.peer.reply("200 result=-1")
        self.peer.send(b"HANGUP\n")
        self._line.asterisk.live.pop(self.call, None)
        await self._line.asterisk.caller_gone(self.call, "done")
        await self.peer.close()

    async def session_over(self) -> None:
        """Our side has closed: the channel is back in the dialplan."""
        async with asyncio.timeout(15):
            await self.peer.ended.wait()


class CallLine:
    """The site. Times are short, so that nothing takes longer than it must."""

    def __init__(self, redis_url: str, database_url: str, folder: Path) -> None:
        self.waiting: dict[str, Any] = {}
        """Settings of waiting, for processes that are started afterwards."""
        self.recording: dict[str, Any] = {"enabled": False}
        self.survey: dict[str, Any] = {"enabled": False}
        """The same of surveys: citizens are thanked after a talk, and hung up."""
        self.redis_url = redis_url
        self.database_url = database_url
        self.folder = folder
        self.clock = SystemClock()
        self.asterisk = FakeAsterisk()
        self.menus = StandingMenus()
        self.redis = redis.connect(redis_url)
        self.database = Database(database_url)
        self.feed = AgentFeed(self.redis, SITE, self.clock)
        self.peers: list[AsteriskPeer] = []
        self.frames: dict[str, list[Frame]] = {}
        self.acd = self._acd(self.redis, "ast1/web", self.settings())
        self._running: dict[VoiceProcess, asyncio.Task[None]] = {}
        self._screens: list[asyncio.Task[None]] = []
        self._numbers = count(1)

    def settings(self, **voice: Any) -> Settings:
        return Settings(
            var_dir=self.folder,
            waiting=self.waiting,  # type: ignore[arg-type]
            recording=self.recording,  # type: ignore[arg-type]
            survey=self.survey,  # type: ignore[arg-type]
            voice={"drain_seconds": 0.5, "pop_wait_ms": 300, "redis_grace_seconds": 0.5, **voice},  # type: ignore[arg-type]
            acd={"lease_ms": 600, "rebuild_ms": 50, "wrap_up_seconds": 30},  # type: ignore[arg-type]
        )

    def _acd(self, client: redis.Redis, process: str, settings: Settings) -> Acd:
        return Acd(client, site=SITE, process=process, clock=self.clock, policy=acd_policy(settings))

    def board(self, name: str = "voice-1", *, redis_url: str | None = None, **voice: Any) -> Switchboard:
        """A voice process' services."""
        settings = self.settings(**voice)
        process = f"ast1/{name}"
        client = redis.connect(redis_url or self.redis_url)
        ami = cast(AmiClient, self.asterisk)
        prompts = PromptStore(spoken=SpokenFiles(self.folder / "sounds"))
        acd = self._acd(client, process, settings)
        directory = cast(CurrentDirectory, StandingDirectory())
        queues = CurrentQueues(self.database, directory, acd, wrap_up_ms=settings.acd.wrap_up_seconds * 1000)
        return Switchboard(
            settings=settings,
            process=process,
            clock=self.clock,
            acd=acd,
            ami=ami,
            watches=DialWatches(ami, self.clock),
            legs=LegWatches(ami, self.clock),
            keys=Keys(ami),
            paces=Paces(redis=client, site=SITE, clock=self.clock),
            journal=Journal(
                spool=self.folder / "spool",
                process=process,
                site=SITE,
                redis=client,
                database=self.database,
                clock=self.clock,
            ),
            pops=Pops(
                feed=AgentFeed(client, SITE, self.clock),
                database=self.database,
                clock=self.clock,
                process=process,
                longest_wait_ms=settings.voice.pop_wait_ms,
            ),
            database=self.database,
            prompts=prompts,
            rendered=prompts.playable(),
            directory=directory,
            floor=FloorBoard(client, SITE, self.clock),
            rehearsals=RehearsalBoard(client, SITE, self.clock),
            menus=cast(Published, self.menus),
            queues=queues,
            answers=MenuAnswers.of(
                settings,
                database=self.database,
                redis=client,
                acd=acd,
                queues=queues,
                clock=self.clock,
                prompts=prompts,
            ),
        )

    async def start(self, name: str = "voice-1", *, redis_url: str | None = None, **voice: Any) -> VoiceProcess:
        """A voice process at work: in the epoch, with its lease."""
        process = VoiceProcess(
            self.board(name, redis_url=redis_url, **voice),
            host="127.0.0.1",
            port=0,
            counters=AgiCounters(),
            unregister=self.asterisk.unregister,
        )
        ready = asyncio.Event()

        async def tell() -> None:
            ready.set()

        self._running[process] = asyncio.create_task(process.run(ready=tell))
        async with asyncio.timeout(30):
            await ready.wait()
            if redis_url is None:
                while (await self.acd.stored_epoch() or 0) == 0 or process.board.acd.epoch == 0:
                    await asyncio.sleep(0.005)
                await self.join()
        return process

    async def join(self) -> None:
        """The web process' view of the ACD comes into the epoch."""
        await self.acd.load()
        async with asyncio.timeout(30):
            while (await self.acd.heartbeat()).rebuilding:
                await asyncio.sleep(0.01)

    async def stop(self, process: VoiceProcess) -> None:
        """An orderly stop."""
        task = self._running.pop(process)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    async def kill(self, process: VoiceProcess) -> None:
        """It dies: no clean-up of its own reaches Redis, the journal or a caller; its sessions end with EOF."""
        task = self._running.pop(process)
        board = process.board
        await board.acd._redis.aclose()
        board.acd._redis = redis.connect("redis://127.0.0.1:1/0")
        board.journal._redis = board.acd._redis
        board.pops._feed._redis = board.acd._redis
        board.journal._database = Database("postgresql+asyncpg://nobody@127.0.0.1:1/none")
        for kind, handlers in self.asterisk._handlers.items():
            self.asterisk._handlers[kind] = [h for h in handlers if _owner(h) is not board and _owner(h) is not process]
        server = process.server
        for session in list(server._running.values()):
            session.cancel()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    async def close(self) -> None:
        for task in self._screens:
            task.cancel()
        for process in list(self._running):
            await self.stop(process)
        for peer in self.peers:
            await peer.close()
        await self.redis.aclose()
        await self.database.close()

    # people

    def citizen(self, dialled: str = "12300", *, entered_ms: int | None = None) -> Citizen:
        """A call that has just come in."""
        entered = self.clock.now_ms() if entered_ms is None else entered_ms
        return Citizen(self, f"ast1-1763761000.{next(self._numbers)}", entered, dialled)

    async def agent(self, name: str = "1001", *groups: str, ready: bool = True, screen: bool = True) -> str:
        """An agent at a seat with a good phone and, if told so, a screen that writes what it gets. Returns the seat."""
        seat = ("9" if name.startswith("2") else "8") + name[-3:]
        self.asterisk.devices[f"PJSIP/{seat}"] = DeviceState.NOT_INUSE
        await self.acd.device_state(seat, reachable=True, in_use=False)
        await self.acd.sign_in(name, seat, dict.fromkeys(groups or ("general",), 1))
        if screen:
            await self.screen(name)
        if ready:
            await self.acd.set_ready(name)
        return seat

    async def screen(self, agent: str, on_frame: Callable[[Frame], None] | None = None) -> None:
        """Read an agent's feed and say of each frame that it is written, as the web process does."""
        frames = self.frames.setdefault(agent, [])
        await self.feed.screen_is_on(agent)
        start = await self.feed.latest(agent)

        async def follow() -> None:
            blocking = redis.connect(self.redis_url, timeout=None)
            reader = AgentFeed(blocking, SITE, self.clock)
            try:
                async for frame in reader.follow(agent, start):
                    frames.append(frame)
                    if on_frame is not None:
                        on_frame(frame)
                    await reader.written(frame, agent)
            finally:
                await blocking.aclose()

        self._screens.append(asyncio.create_task(follow()))

    def shown(self, agent: str) -> list[str]:
        return [frame.kind for frame in self.frames.get(agent, [])]

    async def phone(self, seat: str, state: DeviceState) -> None:
        """The phone's state changes, and Asterisk says so."""
        self.asterisk.devices[f"PJSIP/{seat}"] = state
        await self.asterisk.say(DeviceStateChange(f"PJSIP/{seat}", state))

    # what is known afterwards

    async def state(self, agent: str) -> AgentState | None:
        view: AgentView | None = await self.acd.agent(agent)
        return view.state if view else None

    async def agent_is(self, agent: str, *states: AgentState) -> None:
        async with asyncio.timeout(20):
            while await self.state(agent) not in states:
                await asyncio.sleep(0.005)

    async def call_is(self, call: str, *states: CallState) -> None:
        async with asyncio.timeout(20):
            while (view := await self.acd.call(call)) is None or view.state not in states:
                await asyncio.sleep(0.005)

    async def ingest(self) -> None:
        """What the jobs process does, until the stream is empty."""
        jobs = JournalIngest(
            redis=self.redis, database=self.database, site=SITE, stream=stream_key(SITE), consumer="ast1/jobs"
        )
        while await self.redis.xlen(stream_key(SITE)):
            await jobs.step()

    async def facts(self, call: str) -> list[JournalRow]:
        """The journal of a call once everything written so far is in PostgreSQL, in order."""
        for process in list(self._running):
            await process.board.journal.flush()
        await self.ingest()
        async with self.database.transaction() as session:
            rows = await session.scalars(select(JournalRow).where(JournalRow.call_id == call))
            return sorted(rows, key=lambda row: (row.at, row.seq))

    async def fact(self, call: str, kind: str) -> JournalRow:
        """The first fact of this kind, waited for: what a process tells comes a moment after what it did."""
        async with asyncio.timeout(20):
            while True:
                for row in await self.facts(call):
                    if row.kind == kind:
                        return row
                await asyncio.sleep(0.01)

    async def kinds(self, call: str) -> list[str]:
        return [row.kind for row in await self.facts(call)]

    async def summary(self, call: str) -> CallRow:
        await self.facts(call)
        async with self.database.transaction() as session:
            row = await session.get(CallRow, call)
            assert row is not None
            return row


def _owner(handler: Any) -> Any:
    """The process a handler belongs to, by way of its board."""
    part = getattr(handler, "__self__", None)
    return getattr(part, "_board", part)


__all__ = ["DIRECTORY", "SITE", "CallLine", "Citizen", "timedelta", "until"]
