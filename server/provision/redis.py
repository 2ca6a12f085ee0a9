"""The private Redis under `var/redis`: on loopback, its log of writes synced every second."""

from __future__ import annotations

import pwd
import shutil
from pathlib import Path

from redis.exceptions import BusyLoadingError, RedisError

from hotline.errors import PartUnavailable
from hotline.redis import connect
from hotline.settings import Settings
from server.provision import launch

_OPTIONS = {
    "bind": "127.0.0.1",
    "protected-mode": "yes",
    "daemonize": "no",
    "supervised": "no",
    "dir": launch.FOLDER,
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    # Losing a state silently is worse than refusing: every caller of ours handles a refusal.
    "maxmemory-policy": "noeviction",
    "stop-writes-on-bgsave-error": "no",
    # The state is small and its log grows fast: written anew at 64 MB, a busy line would fork every few seconds.
    "auto-aof-rewrite-min-size": "256mb",
    # A histogram for every command inside a function costs more than the command; our own metrics have the times.
    "latency-tracking": "no",
    # Small ones are searched from their beginning otherwise, and distribution asks one for several fields at a time.
    "hash-max-listpack-entries": "0",
    "zset-max-listpack-entries": "0",
    "set-proc-title": "no",
    "logfile": "",
}


def account() -> str:
    """The unprivileged user the server runs as when we are root: Debian's own for it."""
    try:
        return pwd.getpwnam("redis").pw_name
    except KeyError:
        return "nobody"


def folder(settings: Settings) -> Path:
    """Where its log of writes lies."""
    return settings.var_dir / "redis"


def prepare(settings: Settings) -> list[str]:
    """argv that runs the server in the foreground. Raises PartUnavailable."""
    program = shutil.which("redis-server")
    if program is None:
        raise PartUnavailable("Redis is not installed", remedy="make setup")
    launch.own(account(), folder(settings))
    options = {**_OPTIONS, "port": str(settings.redis.port)}
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    return launch.command(account(), folder(settings), program, *words)


async def answers(settings: Settings) -> bool:
    """Whether a Redis on the port serves commands; one that still loads its data does not yet."""
    client = connect(settings.redis.url, timeout=1.0)
    try:
        return bool(await client.ping())
    except BusyLoadingError:
        return False
    except (RedisError, OSError):
        return False
    finally:
        await client.aclose()
