"""A private line for acceptance: real Asterisk, PostgreSQL and Redis on free ports, the demonstration directory."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets as token_source
import shutil
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from calls.story import CallStory, story
from directory.demo import PROVINCE_TRUNK, TRUNKS, seed_demo
from directory.passwords import Passwords
from hotline import sealed
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.errors import NotFound
from hotline.settings import Settings
from server.asterisk import secrets
from server.asterisk.layout import find
from server.processes import Stack
from tests.ports import free_port, free_ports

CARRIER = "127.0.0.2"
"""Address the carrier's trunk calls from: the only one whose calls are citizens' calls."""

PROVINCE = "127.0.0.3"
"""Address the province's trunk calls from."""

SURVEYED = "12396"
"""The hotline whose callers are asked after a talk (满意度评价)."""

PASSWORD = "test-" + token_source.token_hex(8)


def free_port_of(address: str) -> int:
    """A UDP port of this loopback address that nobody uses now."""
    return free_port(socket.SOCK_DGRAM, address)


def adjacent_ports(count: int) -> int:
    """The first of so many TCP ports in a row that nobody uses now."""
    return free_port(in_a_row=count)


async def eventually(
    check: Callable[[], Awaitable[Any]], what: str, *, seconds: float = 10.0, every: float = 0.05
) -> Any:
    """Wait until `check` gives something true; fails with `what` did not come about."""
    deadline = time.monotonic() + seconds
    while True:
        found = await check()
        if found:
            return found
        assert time.monotonic() < deadline, f"within {seconds:g} s: {what}"
        await asyncio.sleep(every)


@dataclass
class Line:
    """A running line and what a test needs to look into it."""

    settings: Settings
    config: Path
    stack: Stack
    database: Database
    trunk_ports: dict[str, int]
    cleanup: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    front: tuple[str, int] | None = None
    """Where carriers and phones come to, when it is not Asterisk itself."""

    @property
    def sip(self) -> tuple[str, int]:
        return self.front or (self.settings.asterisk.bind, self.settings.asterisk.sip_port)

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.settings.web.port}"

    def phone_password(self, extension: str) -> str:
        return secrets.load(self.settings).phone(extension)

    async def go_home(self, *, but: int = 0) -> None:
        """Everybody leaves, the last to come first; the first `but` stay."""
        while len(self.cleanup) > but:
            await self.cleanup.pop()()

    async def call_id_of(self, caller: str, *, seconds: float = 10.0) -> str:
        """The id of the newest call of this caller number, once the journal has it."""

        async def look() -> str | None:
            async with self.database.transaction() as session:
                from sqlalchemy import select

                from calls.models import CallRow

                query = (
                    select(CallRow.call_id).where(CallRow.caller_index == caller).order_by(CallRow.entered_at.desc())
                )
                found: str | None = await session.scalar(query.limit(1))
                return found

        call: str = await eventually(look, f"a call of {caller} is in the journal", seconds=seconds)
        return call

    async def story_of(self, call: str, *, until: str = "", seconds: float = 15.0) -> CallStory:
        """The story of a call, once it has a fact of kind `until`."""

        async def look() -> CallStory | None:
            async with self.database.transaction() as session:
                try:
                    told = await story(session, call)
                except NotFound:
                    return None
            return told if not until or any(event.kind == until for event in told.events) else None

        told: CallStory = await eventually(look, f"{call} has a fact {until!r}", seconds=seconds)
        return told

    async def in_thread(self, work: Callable[..., Any], *args: Any) -> Any:
        """Run a blocking step (the stack's) without holding up the phones."""
        return await asyncio.to_thread(work, *args)


Keys = Mapping[str, Mapping[str, Any]]
"""Settings by section and key, as in hotline.toml."""


def _settings(folder: Path, extensions: int) -> tuple[dict[str, dict[str, Any]], dict[str, int]]:
    names = [*TRUNKS.values(), PROVINCE_TRUNK]
    trunk_ports = dict(zip(names, free_ports(len(names), kind=socket.SOCK_DGRAM), strict=True))
    ami, http, web, pg, redis = free_ports(5)
    (sip,) = free_ports(1, kind=socket.SOCK_DGRAM)
    rtp = 30_000 + (os.getpid() % 20) * 1_000
    trunks: list[dict[str, Any]] = [
        {"name": name, "contact": f"127.0.0.1:{port}"} for name, port in trunk_ports.items()
    ]
    trunks[-1].update({"identify": [PROVINCE], "inbound": True})
    trunk_ports["carrier"] = free_port_of(CARRIER)
    trunks.append(
        {
            "name": "carrier",
            "contact": f"{CARRIER}:{trunk_ports['carrier']}",
            "identify": [CARRIER],
            "inbound": True,
        }
    )
    asterisk = {
        "systemname": f"t{os.getpid() % 100_000}",
        "sip_port": sip,
        "http_port": http,
        "ami_port": ami,
        "rtp_start": rtp,
        "rtp_end": rtp + 999,
        "extensions_count": extensions,
        "webrtc_count": 2,
        "trunks": trunks,
    }
    keys: dict[str, dict[str, Any]] = {
        "": {"var_dir": str(folder / "var"), "log_level": "info"},
        "postgres": {"port": pg},
        "redis": {"port": redis},
        "asterisk": asterisk,
        "voice": {"fastagi_port": adjacent_ports(2), "ring_seconds": 6},
        "acd": {"wrap_up_seconds": 2, "general_after_ms": 3000},
        # Who gives up in one item is not called back in the middle of another; who asks for it is, at any hour.
        "callbacks": {
            "quiet_from": "00:00:00",
            "quiet_to": "00:00:00",
            "missed_delay_seconds": 86_400,
            "missed_at_once": 40,
        },
        # Rounds run at whatever hour the tests do.
        "calls_out": {
            "opens": "00:00:00",
            "closes": "00:00:00",
            "ring_seconds": 10,
            "auto_answer": "Answer-Mode: Auto",
        },
        "rounds": {"opens": "00:00:00", "closes": "00:00:00", "ivr_ring_seconds": 10},
        # Citizens are thanked after a talk; those who called this hotline are asked how it was.
        "survey": {"enabled": False, "lines": {SURVEYED: True}, "wait_seconds": 2.0},
        # Not every item listens to a recording; those that do switch it on.
        "recording": {"enabled": False},
        "web": {"port": web},
    }
    return keys, trunk_ports


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(name)} = {_value(inner)}" for name, inner in value.items()) + " }"
    return json.dumps(value)


def _toml(keys: Keys) -> str:
    """Sections with plain values; a list of tables becomes a block for each."""
    lines: list[str] = []
    for section, values in keys.items():
        lines += [f"[{section}]"] if section else []
        tables = {
            name: value
            for name, value in values.items()
            if value and isinstance(value, list) and isinstance(value[0], dict)
        }
        lines += [f"{name} = {_value(value)}" for name, value in values.items() if name not in tables]
        for name, blocks in tables.items():
            for block in blocks:
                lines += [f"[[{section}.{name}]]", *(f"{key} = {json.dumps(value)}" for key, value in block.items())]
    return "\n".join(lines) + "\n"


@contextlib.contextmanager
def prepared(folder: Path, keys: Keys, *, root: Path | None = None) -> Iterator[tuple[Settings, Path]]:
    """A host's settings in a file of its own, which processes and the code here read until the end of the block."""
    from hotline.settings import load_settings, project_root

    folder.chmod(0o711)
    config = folder / "hotline.toml"
    config.write_text(_toml(keys), encoding="utf-8")
    (folder / "var").mkdir(mode=0o711)
    unpacked = root or project_root() / "var" / "asterisk-root"
    if unpacked.exists():
        (folder / "var" / "asterisk-root").symlink_to(unpacked)
    before = os.environ.get("HOTLINE_CONFIG")
    os.environ["HOTLINE_CONFIG"] = str(config)
    sealed.keys.cache_clear()
    settings = load_settings()
    try:
        yield settings, config
    finally:
        if before is None:
            os.environ.pop("HOTLINE_CONFIG", None)
        else:
            os.environ["HOTLINE_CONFIG"] = before
        sealed.keys.cache_clear()
        if not os.environ.get("HOTLINE_KEEP"):
            shutil.rmtree(find(settings).home, ignore_errors=True)
            shutil.rmtree(folder, ignore_errors=True)


@asynccontextmanager
async def running_line(
    *,
    root: Path | None = None,
    extensions: int = 40,
    general_agents: int = 30,
    changes: Keys | None = None,
    carrier: Mapping[str, Any] | None = None,
    only: Collection[str] | None = None,
) -> AsyncIterator[Line]:
    """Start a line of its own, and leave nothing of it behind. Extensions count from 8001, agents from 1001. `changes`
    replace settings, `carrier` those of the carrier's trunk. Of the programs beside PostgreSQL and Redis `only` these
    are started: no Asterisk where none is needed."""
    folder = Path(tempfile.mkdtemp(prefix="hotline-accept-"))
    keys, trunk_ports = _settings(folder, extensions)
    keys["asterisk"]["trunks"][-1].update(carrier or {})
    for section, values in (changes or {}).items():
        keys[section] = keys.get(section, {}) | dict(values)
    with prepared(folder, keys, root=root) as (settings, config):
        stack = Stack(settings, config=config)
        database = Database(settings.postgres.url)
        line = Line(settings, config, stack, database, trunk_ports)
        try:
            await asyncio.to_thread(stack.start, [name for name in ("postgres", "redis") if name in stack.names])
            await seed_demo(
                database,
                settings,
                Passwords(),
                SystemClock(),
                password=PASSWORD,
                general_agents=general_agents,
                ring_seconds=5,
            )
            wanted = stack.names if only is None else only
            await asyncio.to_thread(
                stack.start, [n for n in wanted if n not in os.environ.get("HOTLINE_WITHOUT", "").split(",")]
            )
            yield line
        finally:
            await line.go_home()
            await database.close()
            await asyncio.to_thread(stack.stop)


def index_of(number: str) -> bytes:
    """What the rows of a number are found by, in queries of the test's own."""
    return sealed.keys().index(number)


async def database_rows(line: Line, query: str, *args: Any) -> list[asyncpg.Record]:
    """Rows of a query of the test's own, independent of our code."""
    keys = line.settings.postgres
    connection = await asyncpg.connect(
        host=keys.host, port=keys.port, user=keys.user, password=keys.password, database=keys.database
    )
    try:
        rows: list[asyncpg.Record] = await connection.fetch(query, *args)
        return rows
    finally:
        await connection.close()
