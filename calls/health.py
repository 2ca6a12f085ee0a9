"""A voice process' own pulse: a unix socket that answers `ping`, never by way of Redis."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

_LINE_SECONDS = 5.0


class HealthSocket:
    """Answers `ping` with `pong <pid> <live calls>` and `metrics` with the Prometheus exposition text.

    It runs in the event loop that serves the calls: a loop that hangs does not answer, which is the point.
    """

    def __init__(self, path: Path, *, calls: Callable[[], int], metrics: Callable[[], str]) -> None:
        self._path = path
        self._calls = calls
        self._metrics = metrics
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._answer, self._path)
        self._path.chmod(0o600)
        # For the watchdog, should this process hang before it has answered once.
        self._path.with_suffix(".pid").write_text(f"{os.getpid()}\n")

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)
            self._path.with_suffix(".pid").unlink(missing_ok=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_LINE_SECONDS):
                asked = (await reader.readline()).strip()
                if asked == b"ping":
                    writer.write(f"pong {os.getpid()} {self._calls()}\n".encode())
                elif asked == b"metrics":
                    writer.write(self._metrics().encode())
                await writer.drain()
        except (TimeoutError, ConnectionError, ValueError):
            return
        finally:
            writer.close()
