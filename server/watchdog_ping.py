"""How the watchdog asks a voice process whether it is well: over its own socket, and over its FastAGI port."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

_CREDENTIALS: Final = struct.Struct("3i")
_PONG: Final = re.compile(rb"pong ([1-9][0-9]{0,9}) ([0-9]{1,7})\n")


class Answer(StrEnum):
    """What a ping came to."""

    WELL = "well"
    GONE = "gone"  # nobody listens: the process is not there, its supervisor starts it again
    SILENT = "silent"  # somebody holds the socket and says nothing, or nonsense: it hangs


@dataclass(frozen=True)
class Ping:
    """One ping. `pid` is who holds the socket, known even of a stopped process; `calls` (sessions) only if WELL."""

    answer: Answer
    pid: int | None = None
    calls: int | None = None


async def ping(path: Path, timeout: float) -> Ping:
    """Send `ping`, read `pong <pid> <calls>`. Never raises for what the other side does."""
    holder: int | None = None
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_unix_connection(path, limit=256)
            try:
                holder = _holder(writer)
                writer.write(b"ping\n")
                await writer.drain()
                line = await reader.readline()
            finally:
                writer.close()
    except (FileNotFoundError, ConnectionRefusedError):
        return Ping(Answer.GONE)
    # OSError: a stopped process takes no more connections once its backlog is full.
    except (TimeoutError, OSError, ValueError):
        return Ping(Answer.SILENT, holder)
    pong = _PONG.fullmatch(line)
    if pong is None:
        return Ping(Answer.SILENT, holder)
    return Ping(Answer.WELL, int(pong[1]), int(pong[2]))


def _holder(writer: asyncio.StreamWriter) -> int | None:
    """Process that opened the listening socket: the kernel's word, so a stopped process has one too."""
    raw = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid = int(_CREDENTIALS.unpack(raw)[0])
    return pid if pid > 0 else None


async def reachable(host: str, port: int, timeout: float) -> bool:
    """Whether Asterisk could reach the FastAGI port. A refusal is an answer: the process is starting or stopping."""
    try:
        async with asyncio.timeout(timeout):
            _, writer = await asyncio.open_connection(host, port)
    except ConnectionRefusedError:
        return True
    except (TimeoutError, OSError):
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True
