"""A private line for acceptance: real Asterisk, PostgreSQL and Redis on free ports, the demonstration directory."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets as token_source
import shutil
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from calls.story import CallStory, story
from directory.demo import TRUNKS, seed_demo
from directory.passwords import Passwords
from hotline.clock import SystemClock
from hotline.database import Database
from hotline.errors import NotFound
from hotline.settings import Settings
from server.asterisk import secrets
from server.asterisk.layout import find
from server.processes import Stack

CARRIER = "127.0.0.2"
"""Address the carrier's trunk calls from: the only one whose calls are citizens' calls."""

PASSWORD = "test-" + token_source.token_hex(8)


def free_ports(count: int, *, kind: int = socket.SOCK_STREAM) -> list[int]:
    """So many loopback ports that nobody uses now."""
    probes = [socket.socket(socket.AF_INET, kind) for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def _adjacent_ports(count: int) -> int:
    """The first of `count` free ports in a row."""
    for _ in range(50):
        (first,) = free_ports(1)
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for port in range(first, first + count):
                probe = stack.enter_context(socket.socket())
                probe.bind(("127.0.0.1", port))
            return first
    raise RuntimeError(f"no {count} free ports in a row")


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

    @property
    def sip(self) -> tuple[str, int]:
        return "127.0.0.1", self.settings.asterisk.sip_port

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.settings.web.port}"

    def phone_password(self, extension: str) -> str:
        return secrets.load(self.settings).phone(extension)

    async def call_id_of(self, caller: str, *, seconds: float = 10.0) -> str:
        """The id of the newest call of this caller number, once the journal has it."""

        async def look() -> str | None:
            async with self.database.transaction() as session:
                from sqlalchemy import select

                from calls.models import CallRow

                query = select(CallRow.call_id).where(CallRow.caller == caller).order_by(CallRow.entered_at.desc())
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


def _config(folder: Path) -> tuple[str, dict[str, int]]:
    trunk_ports = dict(zip(TRUNKS.values(), free_ports(len(TRUNKS), kind=socket.SOCK_DGRAM), strict=True))
    ami, http, web, pg, redis = free_ports(5)
    (sip,) = free_ports(1, kind=socket.SOCK_DGRAM)
    rtp = 30_000 + (os.getpid() % 20) * 1_000
    trunks = "".join(
        f'\n[[asterisk.trunks]]\nname = "{name}"\ncontact = "127.0.0.1:{port}"\n' for name, port in trunk_ports.items()
    )
    text = f"""
var_dir = "{folder / "var"}"
log_level = "info"
[postgres]
port = {pg}
[redis]
port = {redis}
[asterisk]
systemname = "t{os.getpid() % 100_000}"
sip_port = {sip}
http_port = {http}
ami_port = {ami}
rtp_start = {rtp}
rtp_end = {rtp + 999}
extensions_count = 40
webrtc_count = 2
[voice]
fastagi_port = {_adjacent_ports(2)}
ring_seconds = 6
[acd]
wrap_up_seconds = 2
general_after_ms = 3000
[web]
port = {web}
{trunks}
[[asterisk.trunks]]
name = "carrier"
contact = "{CARRIER}:5060"
identify = ["{CARRIER}"]
inbound = true
"""
    return text, trunk_ports


@asynccontextmanager
async def running_line(*, root: Path | None = None) -> AsyncIterator[Line]:
    """Start a line of its own, and leave nothing of it behind."""
    from hotline.settings import load_settings, project_root

    folder = Path(tempfile.mkdtemp(prefix="hotline-accept-"))
    folder.chmod(0o711)
    config = folder / "hotline.toml"
    text, trunk_ports = _config(folder)
    config.write_text(text, encoding="utf-8")
    (folder / "var").mkdir(mode=0o711)
    unpacked = root or project_root() / "var" / "asterisk-root"
    if unpacked.exists():
        (folder / "var" / "asterisk-root").symlink_to(unpacked)
    before = os.environ.get("HOTLINE_CONFIG")
    os.environ["HOTLINE_CONFIG"] = str(config)
    settings = load_settings()
    stack = Stack(settings, config=config)
    database = Database(settings.postgres.url)
    line = Line(settings, config, stack, database, trunk_ports)
    try:
        await asyncio.to_thread(stack.start, ["postgres", "redis"])
        await seed_demo(
            database, settings, Passwords(), SystemClock(), password=PASSWORD, general_agents=30, ring_seconds=5
        )
        await asyncio.to_thread(
            stack.start, [n for n in stack.names if n not in os.environ.get("HOTLINE_WITHOUT", "").split(",")]
        )
        yield line
    finally:
        for clean in reversed(line.cleanup):
            await clean()
        await database.close()
        await asyncio.to_thread(stack.stop)
        if before is None:
            os.environ.pop("HOTLINE_CONFIG", None)
        else:
            os.environ["HOTLINE_CONFIG"] = before
        if not os.environ.get("HOTLINE_KEEP"):
            shutil.rmtree(find(settings).home, ignore_errors=True)
            shutil.rmtree(folder, ignore_errors=True)


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
