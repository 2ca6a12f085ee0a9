"""A cable that can be cut: a TCP relay between a process of ours and a server, and processes put behind such relays.

A cut relay reads nothing, sends nothing and closes nothing: neither side gets a FIN or a reset, and what is written
into the cut stays on its way, as with a pulled cable. Its accept queue is kept full, so the kernel drops each SYN and a
new connection times out instead of being refused. A firewall's drop rule would do the same; it needs nftables and the
right to use them, which a test must not ask of the machine. A mended relay goes on where it was, as TCP does.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from agi.variables import VOICES
from tests.accept.console import console
from tests.accept.line import Line, eventually, free_ports

CUT_VOICE = "voice-1"
"""The process that can be cut off as a whole."""

_CHUNK = 65_536
_BACKLOG = 256


class Relay:
    """Listens on a loopback port and carries every connection to another one."""

    def __init__(self, to_port: int, *, port: int = 0) -> None:
        self._to_port = to_port
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", port))
        self._listener.setblocking(False)
        self.port = int(self._listener.getsockname()[1])
        self._whole = asyncio.Event()
        self._accepting: asyncio.Task[None] | None = None
        self._carrying: set[asyncio.Task[None]] = set()
        self._stuffing: list[socket.socket] = []

    def open(self) -> Relay:
        """Begin to carry."""
        self._listener.listen(_BACKLOG)
        self._whole.set()
        self._accepting = asyncio.create_task(self._accept())
        return self

    def cut(self) -> None:
        """From now on nothing passes, and nobody is told."""
        self._whole.clear()
        if self._accepting is not None:
            self._accepting.cancel()
        self._listener.listen(0)
        # An accept queue of length 0 takes one connection; the second finds it full for certain.
        for _ in range(2):
            stuffing = socket.socket()
            stuffing.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                stuffing.connect(("127.0.0.1", self.port))
            self._stuffing.append(stuffing)

    def mend(self) -> None:
        """Everything goes on."""
        for stuffing in self._stuffing:
            stuffing.close()
        self._stuffing.clear()
        self._whole.set()
        self._listener.listen(_BACKLOG)
        self._accepting = asyncio.create_task(self._accept())

    async def close(self) -> None:
        """End every connection, and refuse new ones."""
        for stuffing in self._stuffing:
            stuffing.close()
        self._listener.close()
        tasks = [*self._carrying, *([self._accepting] if self._accepting else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            near, _ = await loop.sock_accept(self._listener)
            task = asyncio.create_task(self._carry(near))
            self._carrying.add(task)
            task.add_done_callback(self._carrying.discard)

    async def _carry(self, near: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        far = socket.socket()
        far.setblocking(False)
        with near, far, contextlib.suppress(OSError):
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.sock_connect(far, ("127.0.0.1", self._to_port))
            await asyncio.gather(self._pass(near, far), self._pass(far, near))

    async def _pass(self, source: socket.socket, target: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._whole.wait()
            try:
                data = await loop.sock_recv(source, _CHUNK)
            except ConnectionError:
                data = b""
            # It may have been cut while nothing came.
            await self._whole.wait()
            if not data:
                with contextlib.suppress(OSError):
                    target.shutdown(socket.SHUT_WR)
                return
            await loop.sock_sendall(target, data)


@dataclass(frozen=True)
class Cables:
    """`manager`: what the processes have of Asterisk's manager interface. `one_voice`: everything that CUT_VOICE has of
    the others, its share of the former included."""

    manager: tuple[Relay, ...]
    one_voice: tuple[Relay, ...]


@asynccontextmanager
async def cabled(line: Line) -> AsyncIterator[Cables]:
    """The line with its cables through relays: CUT_VOICE is as if on another machine."""
    keys = line.settings
    others = [name for name in line.stack.names if name.startswith("voice-") and name != CUT_VOICE]
    listed = keys.voice.fastagi_port + int(CUT_VOICE.removeprefix("voice-")) - 1
    (own,) = free_ports(1)
    shared, manager, redis, postgres = (
        Relay(port).open()
        for port in (keys.asterisk.ami_port, keys.asterisk.ami_port, keys.redis.port, keys.postgres.port)
    )
    cut_voice = {
        # The process counts from the first one's port.
        "HOTLINE_VOICE__FASTAGI_PORT": str(own - (listed - keys.voice.fastagi_port)),
        "HOTLINE_REDIS__PORT": str(redis.port),
        "HOTLINE_ASTERISK__AMI_PORT": str(manager.port),
        "HOTLINE_POSTGRES__PORT": str(postgres.port),
    }
    changes = {name: {"HOTLINE_ASTERISK__AMI_PORT": str(shared.port)} for name in (*others, "watchdog")}
    changes[CUT_VOICE] = cut_voice
    programs, names = line.stack._programs, sorted(changes)
    before = {name: programs[name] for name in names}
    await line.in_thread(line.stack.stop, names)
    fastagi = Relay(own, port=listed).open()
    try:
        for name, environment in changes.items():
            # What listens on its port of the settings is the relay.
            programs[name] = dataclasses.replace(before[name], ports=(), environment=environment)
        await line.in_thread(line.stack.start, names)
        yield Cables((shared, manager), (fastagi, redis, manager, postgres))
    finally:
        await line.in_thread(line.stack.stop, names)
        programs.update(before)
        for relay in (shared, manager, redis, postgres, fastagi):
            await relay.close()
        await line.in_thread(line.stack.start, names)


async def on_the_list(line: Line, name: str) -> None:
    """Wait until calls go to a voice process: the watchdog has seen it well."""

    async def look() -> bool:
        listed = [row for row in (await console(line, "dialplan show globals")).splitlines() if VOICES in row]
        return bool(listed) and f"{name}@" in listed[0]

    await eventually(look, f"calls go to {name}", seconds=20, every=0.3)
