"""What runs on this host and in which order: the private servers, Asterisk, and our own processes."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from hotline.clock import SystemClock
from hotline.settings import Settings, project_root
from server.provision import kamailio, postgres, redis

Ready = Callable[[Settings], Awaitable[bool]]

PONG_SECONDS = 1.0
"""Longest wait for an answer when a process is asked whether it lives."""


@dataclass(frozen=True)
class Port:
    """A port a program listens on, with the key of `hotline.toml` that moves it."""

    number: int
    key: str
    protocol: str = "tcp"


@dataclass(frozen=True)
class Program:
    """One program under the supervisor. `stage`: lower ones start first and stop last."""

    name: str
    stage: int
    prepare: Callable[[Settings], list[str]]
    """Makes what the program needs on disk and gives the argv that runs it in the foreground."""
    ready: Ready
    ports: tuple[Port, ...] = ()
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0
    environment: dict[str, str] = field(default_factory=dict)


def socket_of(settings: Settings, name: str) -> Path:
    """The health socket of one of our own processes."""
    return settings.var_dir / "run" / f"{name}.sock"


def all_programs(settings: Settings) -> list[Program]:
    """Every program of this host, by stage and then name."""
    programs = [
        Program("asterisk", 2, _asterisk, _asterisk_ready, _asterisk_ports(settings), stop_seconds=15.0),
        Program("web", 3, _ours("web"), _web_ready, (Port(settings.web.port, "web.port"),)),
        Program("jobs", 3, _ours("jobs"), _pongs("jobs")),
        Program("watchdog", 4, _ours("watchdog"), _watches),
    ]
    if settings.postgres.private:
        programs.append(
            # SIGINT is its fast shutdown: it does not wait for clients to leave.
            Program(
                "postgres",
                1,
                postgres.prepare,
                postgres.answers,
                (Port(settings.postgres.port, "postgres.port"),),
                signal.SIGINT,
                20.0,
            )
        )
    if settings.kamailio.private:
        ports = (
            Port(settings.kamailio.sip_port, "kamailio.sip_port", "udp"),
            Port(settings.kamailio.trunk_port, "kamailio.trunk_port", "udp"),
        )
        programs.append(Program("kamailio", 3, kamailio.prepare, kamailio.answers, ports))
    if settings.redis.private:
        programs.append(Program("redis", 1, redis.prepare, redis.answers, (Port(settings.redis.port, "redis.port"),)))
    for number in range(1, settings.voice.processes + 1):
        name = f"voice-{number}"
        port = Port(settings.voice.fastagi_port + number - 1, "voice.fastagi_port")
        programs.append(
            Program(
                name,
                3,
                _ours("voice", "--name", name),
                _pongs(name),
                (port,),
                stop_seconds=settings.voice.drain_seconds + 5.0,
            )
        )
    return sorted(programs, key=lambda program: (program.stage, program.name))


def _ours(*words: str) -> Callable[[Settings], list[str]]:
    return lambda _settings: [sys.executable, "-m", "server.runtime", "run", *words]


def _asterisk(settings: Settings) -> list[str]:
    from server.asterisk import instance, layout
    from server.emergency import emergency_routes

    root = settings.var_dir / layout.ROOT_DIRECTORY
    unpacked = project_root() / "var" / layout.ROOT_DIRECTORY
    if unpacked.exists() and not root.exists():
        # A line with a folder of its own shares the unpacked files; each instance has its home inside.
        root.symlink_to(unpacked)
    return instance.prepare(settings, emergency_routes(settings))


def _asterisk_ports(settings: Settings) -> tuple[Port, ...]:
    keys = settings.asterisk
    return (
        Port(keys.ami_port, "asterisk.ami_port"),
        Port(keys.http_port, "asterisk.http_port"),
        Port(keys.sip_port, "asterisk.sip_port", "udp"),
    )


async def _asterisk_ready(settings: Settings) -> bool:
    """Whether every module is loaded: AMI greets earlier than that."""
    if not (await ami_greeting(settings)).startswith("Asterisk Call Manager"):
        return False
    from server.asterisk import layout

    asked = await asyncio.create_subprocess_exec(
        *layout.find(settings).command("-rx", "core waitfullybooted"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await asked.wait() == 0


async def ami_greeting(settings: Settings) -> str:
    """The line AMI opens with, or an empty string."""
    try:
        async with asyncio.timeout(PONG_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", settings.asterisk.ami_port)
            try:
                return (await reader.readline()).decode(errors="replace").strip()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return ""


async def pong(settings: Settings, name: str) -> str:
    """What a process of ours answers to a ping on its health socket: `pong <pid> ...`, or an empty string."""
    try:
        async with asyncio.timeout(PONG_SECONDS):
            reader, writer = await asyncio.open_unix_connection(socket_of(settings, name))
            try:
                writer.write(b"ping\n")
                return (await reader.readline()).decode(errors="replace").strip()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return ""


def _pongs(name: str) -> Ready:
    async def ready(settings: Settings) -> bool:
        return (await pong(settings, name)).startswith("pong")

    return ready


def watchdog_age(settings: Settings) -> float | None:
    """Seconds since the watchdog's last round; None if there was none."""
    from server.watchdog_report import age_seconds

    return age_seconds(settings.var_dir / "run", SystemClock())


def oldest_round(settings: Settings) -> float:
    """Seconds after which a watchdog that reported no round does not watch any more."""
    keys = settings.watchdog
    return 3 * (keys.interval_ms + keys.timeout_ms) / 1000


async def _watches(settings: Settings) -> bool:
    age = watchdog_age(settings)
    return age is not None and age <= oldest_round(settings)


async def web_answers(settings: Settings) -> int:
    """HTTP status of the web process' own view of its health (503: a part behind it is away), 0 for silence."""
    try:
        async with httpx.AsyncClient(timeout=PONG_SECONDS, trust_env=False) as client:
            answer = await client.get(f"http://{settings.web.bind}:{settings.web.port}/healthz")
    except httpx.HTTPError:
        return 0
    return answer.status_code


async def _web_ready(settings: Settings) -> bool:
    return await web_answers(settings) != 0
