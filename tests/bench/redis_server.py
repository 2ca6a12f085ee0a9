"""A private Redis as production runs it, its log of writes included, on a free port; it ends with the benchmark."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from hotline.settings import Redis as RedisSettings
from hotline.settings import Settings
from server.provision import redis
from tests.conftest import free_port


@dataclass(frozen=True, slots=True)
class PrivateRedis:
    """Where it is."""

    port: int
    pid: int


@asynccontextmanager
async def private_redis() -> AsyncIterator[PrivateRedis]:
    """An empty Redis with the options of `server.provision.redis`."""
    folder = Path(tempfile.mkdtemp(prefix="hotline-bench-"))
    settings = Settings(var_dir=folder / "var", redis=RedisSettings(port=free_port()))
    process = subprocess.Popen(redis.prepare(settings), stdout=subprocess.DEVNULL)
    try:
        async with asyncio.timeout(20):
            while not await redis.answers(settings):
                if process.poll() is not None:
                    raise RuntimeError(f"redis-server ended with {process.returncode}")
                await asyncio.sleep(0.02)
        yield PrivateRedis(settings.redis.port, process.pid)
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)
