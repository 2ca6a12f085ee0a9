"""`python -m tests.bench.agi_peer PORT CALLS AT_ONCE`: plays Asterisk, in a process of its own.

Prints a line when it is up and another when all calls are over.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

import uvloop

from tests.agi.peer import header

_HEADER = header()
_VARIABLE = b'GET FULL VARIABLE "'


class Call(asyncio.Protocol):
    """One session: the header, and a reply to each command until the other side closes."""

    def __init__(self, over: asyncio.Future[None]) -> None:
        self._over = over
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(_HEADER)

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.startswith(_VARIABLE):
                value = line[len(_VARIABLE) : -1].replace(b"${DIALSTATUS}", b"ANSWER")
                self._transport.write(b"200 result=1 (%s)\n" % value)
            else:
                self._transport.write(b"200 result=0\n")

    def connection_lost(self, exc: Exception | None) -> None:
        self._over.set_result(None)


async def _calls(port: int, calls: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(calls):
        over = loop.create_future()
        await loop.create_connection(lambda over=over: Call(over), "127.0.0.1", port)  # type: ignore[misc]
        await over


async def main(port: int, calls: int, at_once: int) -> None:
    """So many calls, so many at once."""
    print("up", flush=True)
    share, more = divmod(calls, at_once)
    await asyncio.gather(*(_calls(port, share + (lane < more)) for lane in range(at_once)))
    print("over", flush=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(*map(int, sys.argv[1:])))
