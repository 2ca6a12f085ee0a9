"""Processor time of a FastAGI command: our server and session, beside a bare asyncio stream in the same dialogue.

Both serve whole calls, from the connection over the header to the close, on uvloop as in production. Asterisk is played
by another process, whose time does not count. The bare side reads lines and writes lines, and checks nothing.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from dataclasses import dataclass

import uvloop

from agi.server import AgiServer
from agi.session import AgiSession
from tests.bench.report import spread

COMMANDS = 16
"""Of one call; a call that waits and is answered has about as many."""
AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Round:
    """Of one server in one round."""

    us_per_command: float
    commands_per_second: float


class Ours:
    """`AgiServer` and `AgiSession`."""

    async def start(self) -> int:
        self._server = AgiServer({"inbound": self._call}, host="127.0.0.1", port=0)
        await self._server.start()
        return self._server.port

    async def close(self) -> None:
        await self._server.close(1.0)

    async def _call(self, session: AgiSession) -> None:
        for _ in range(COMMANDS // 4):
            await session.set_variable("HL_PHASE", "waiting")
            await session.set_music(on=True)
            await session.exec("Wait", "0")
            assert await session.get_full_variable("${DIALSTATUS}") == "ANSWER"


class Bare:
    """`asyncio.start_server` and its streams."""

    async def start(self) -> int:
        self._server = await asyncio.start_server(self._call, "127.0.0.1", 0, backlog=1024)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        env = {}
        while (line := await reader.readline()) != b"\n":
            key, _, value = line.decode().rstrip("\n").partition(": ")
            env[key] = value
        for _ in range(COMMANDS // 4):
            await self._ask(reader, writer, b'SET VARIABLE HL_PHASE "waiting"\n')
            await self._ask(reader, writer, b"SET MUSIC ON hl\n")
            await self._ask(reader, writer, b'EXEC Wait "0"\n')
            assert await self._ask(reader, writer, b'GET FULL VARIABLE "${DIALSTATUS}"\n') == b"200 result=1 (ANSWER)\n"
        writer.close()

    @staticmethod
    async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, command: bytes) -> bytes:
        writer.write(command)
        await writer.drain()
        return await reader.readline()


async def _round(server: Ours | Bare, calls: int) -> Round:
    port = await server.start()
    try:
        peer = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.bench.agi_peer",
            str(port),
            str(calls),
            str(AT_ONCE),
            stdout=asyncio.subprocess.PIPE,
        )
        assert peer.stdout is not None
        try:
            await peer.stdout.readline()  # it is up
            begin, cpu = time.perf_counter(), time.process_time()
            await peer.stdout.readline()  # its calls are over
            took, cpu = time.perf_counter() - begin, time.process_time() - cpu
        finally:
            if peer.returncode is None:
                peer.terminate()
            await peer.wait()
    finally:
        await server.close()
    return Round(1e6 * cpu / (calls * COMMANDS), calls * COMMANDS / took)


async def bench(calls: int = 1_500, rounds: int = 5) -> dict[str, float]:
    """Rounds of both in turn, after one of each that is not counted."""
    for make in (Ours, Bare):
        await _round(make(), max(calls // 10, 1))
    ours, bare = [], []
    for _ in range(rounds):
        ours.append(await _round(Ours(), calls))
        bare.append(await _round(Bare(), calls))
    for name, seen in (("ours", ours), ("bare", bare)):
        print(
            f"{name:<10}{spread([one.us_per_command for one in seen], 'µs a command', 1)}; "
            f"{spread([one.commands_per_second for one in seen], 'commands/s')}"
        )
    mine, other = (statistics.median(one.us_per_command for one in seen) for seen in (ours, bare))
    ratios = [a.us_per_command / b.us_per_command for a, b in zip(ours, bare, strict=True)]
    print(f"ratio     {spread(ratios, 'of the bare time', 2)}; {calls:,} calls of {COMMANDS} commands a round")
    return {
        "us_per_command": round(mine, 2),
        "bare_us_per_command": round(other, 2),
        "ratio": round(statistics.median(ratios), 3),
    }


def run(**smaller: int) -> dict[str, float]:
    """The benchmark; `smaller` as in `bench`."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(bench(**smaller))
