"""Redis servers of a test's own, and sentinels over them: private processes on loopback that end with the test."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import redis

NAME = "hotline"
"""What the sentinels call the primary."""

DOWN_AFTER_MS = 1_000
_DEADLINE = 15.0


def until(true: Callable[[], Any], what: str, *, seconds: float = _DEADLINE) -> Any:
    """Wait until `true` gives something true, and return it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := true():
            return found
        time.sleep(0.02)
    raise AssertionError(f"within {seconds:g} s: {what}")


@dataclass
class Server:
    """One running redis-server, or one sentinel."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def ask(self, *words: str | int) -> Any:
        """One command; None while it does not answer."""
        with redis.Redis(port=self.port, decode_responses=True, socket_timeout=2.0) as client:
            try:
                return client.execute_command(*words)
            except (redis.ConnectionError, redis.TimeoutError):
                return None

    def info(self, name: str) -> Any:
        """A field of INFO; None while it does not answer."""
        found = self.ask("INFO")
        return found and found.get(name)

    def kill(self) -> None:
        """SIGKILL, as a machine that loses power."""
        self.process.kill()
        self.process.wait()


@contextmanager
def server(folder: Path, port: int, *options: str, sentinel: Path | None = None) -> Iterator[Server]:
    """A redis-server that keeps nothing; as a sentinel with that configuration if one is given."""
    folder.mkdir(exist_ok=True)
    words = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), *options]
    program = ["redis-server", str(sentinel), "--sentinel"] if sentinel else ["redis-server", *words, "--save", ""]
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "SIGKILL", *program], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    found = Server(port, folder, process)
    try:
        until(lambda: found.ask("PING"), f"Redis on {port} answers")
        yield found
    finally:
        process.kill()
        process.wait()


@dataclass
class Watched:
    """A primary with its replica, and three sentinels that look after them."""

    primary: Server
    replica: Server
    sentinels: list[Server] = field(default_factory=list)

    @property
    def addresses(self) -> list[str]:
        return [f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels]

    @property
    def url(self) -> str:
        return f"redis+sentinel://{','.join(self.addresses)}/{NAME}"


@contextmanager
def watched(folder: Path, ports: list[int]) -> Iterator[Watched]:
    """Five processes on five free `ports`, ready to fail over."""
    first, second, *others = ports
    with ExitStack() as stack:
        primary = stack.enter_context(server(folder / "primary", first, "--repl-diskless-sync-delay", "0"))
        replica = stack.enter_context(server(folder / "replica", second, "--replicaof", f"127.0.0.1 {first}"))
        until(lambda: replica.info("master_link_status") == "up", "the replica follows")
        found = Watched(primary, replica)
        for port in others[:3]:
            own = folder / f"sentinel-{port}"
            own.mkdir()
            config = own / "sentinel.conf"
            config.write_text(
                f"port {port}\nbind 127.0.0.1\ndir {own}\n"
                f"sentinel monitor {NAME} 127.0.0.1 {first} 2\n"
                f"sentinel down-after-milliseconds {NAME} {DOWN_AFTER_MS}\n"
                f"sentinel failover-timeout {NAME} 10000\n"
            )
            found.sentinels.append(stack.enter_context(server(own, port, sentinel=config)))
        for sentinel in found.sentinels:
            until(partial(_knows, sentinel), "each sentinel knows the replica and the other two")
        yield found


def _knows(sentinel: Server) -> bool:
    state = sentinel.ask("SENTINEL", "MASTER", NAME)
    if not state:
        return False
    told = dict(zip(state[::2], state[1::2], strict=True)) if isinstance(state, list) else state
    return (int(told["num-slaves"]), int(told["num-other-sentinels"])) == (1, 2)
