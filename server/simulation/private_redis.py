"""A Redis for one simulation: on a free loopback port, in a folder of its own, gone with it."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from hotline.errors import PartUnavailable
from hotline.redis import Redis, connect
from hotline.settings import Redis as RedisSettings
from hotline.settings import Settings
from server.provision import redis

_UP_SECONDS = 20.0


@asynccontextmanager
async def private_redis() -> AsyncIterator[Redis]:
    """A client of an empty one. Raises PartUnavailable if Redis is not installed or does not come up."""
    folder = Path(tempfile.mkdtemp(prefix="hotline-simulate-"))
    process = None
    try:
        settings = Settings(var_dir=folder / "var", redis=RedisSettings(port=_free_port()))
        process = _start(settings)
        await _up(settings, process)
        client = connect(settings.redis.url)
        try:
            yield client
        finally:
            await client.aclose()
    finally:
        if process is not None:
            process.terminate()
            process.wait(_UP_SECONDS)
        shutil.rmtree(folder, ignore_errors=True)


def _start(settings: Settings) -> subprocess.Popen[bytes]:
    # What it holds is worth nothing afterwards: no log of writes.
    argv = [*redis.prepare(settings), "--appendonly", "no"]
    return subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


async def _up(settings: Settings, process: subprocess.Popen[bytes]) -> None:
    try:
        async with asyncio.timeout(_UP_SECONDS):
            while not await redis.answers(settings):
                if process.poll() is not None:
                    raise PartUnavailable(f"redis-server ended with {process.returncode}")
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise PartUnavailable("redis-server does not answer") from None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
