"""Loads the scripts into Redis as one library of functions, and calls them; a Redis without it gets it by itself.

A library is made once, and each call runs only its own lines: as scripts sent by hash, the shared part of them took a
fifth of a match (docs/decisions/0015-acd-as-redis-functions.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Any

from redis.exceptions import ResponseError

from acd.model import AcdPolicy
from acd.records import AGENT, CALL, LAYOUT
from acd.states import AGENT_MOVES, CALL_MOVES, OCCUPIED, TALKS
from hotline.feed import inbox_key
from hotline.redis import Redis, key

_FOLDER = Path(__file__).parent / "scripts"
_SHARED = ("site", "agents", "calls", "matching", "reservations")
"""Parts in `scripts/shared`, in this order."""

KEY_NAMES = (
    "meta",
    "agents",
    "calls",
    "waiting",
    "ready",
    "timers",
    "extensions",
    "devices",
    "events",
    "ended",
    "queues",
    "pools",
)
"""The site's fixed keys. Inboxes share their hash tag."""


def site_keys(site: str) -> tuple[str, ...]:
    """`{smx}:acd:meta` and so on."""
    return tuple(key(site, "acd", name) for name in KEY_NAMES)


def owned_key(site: str, process: str) -> str:
    """The set of a process's calls."""
    return key(site, "acd", "owned", process)


def read_sources(folder: Path = _FOLDER) -> dict[str, str]:
    """Every file by name; the shared ones as `shared/site` and so on."""
    files = [*sorted(folder.glob("*.lua")), *(folder / "shared" / f"{part}.lua" for part in _SHARED)]
    return {path.relative_to(folder).with_suffix("").as_posix(): path.read_text(encoding="utf-8") for path in files}


def constants(site: str, policy: AcdPolicy) -> str:
    """What a site's library knows by heart."""
    names = {name.upper(): f"'{full}'" for name, full in zip(KEY_NAMES, site_keys(site), strict=True)}
    names["INBOX"] = f"'{inbox_key(site, '')}'"
    names["OWNED"] = f"'{owned_key(site, '')}'"
    names["LAYOUT"] = f"'{LAYOUT}'"
    names["POLICY"] = _table({name: str(value).lower() for name, value in asdict(policy).items()})
    names["AGENT_MOVES"] = _table({state: _set(targets) for state, targets in AGENT_MOVES.items()})
    names["CALL_MOVES"] = _table({state: _set(targets) for state, targets in CALL_MOVES.items()})
    names["TALKS"], names["OCCUPIED"] = _set(TALKS), _set(OCCUPIED)
    return "".join(f"local {name} = {value}\n" for name, value in names.items()) + AGENT.lua() + CALL.lua()


def _table(fields: Mapping[Any, str]) -> str:
    return "{ " + ", ".join(f"{name} = {value}" for name, value in fields.items()) + " }"


def _set(states: Iterable[StrEnum]) -> str:
    return _table(dict.fromkeys(sorted(states), "true"))


class Scripts:
    """The scripts of one site under one policy: a library whose name is made from its text, so that processes of two
    versions or policies each have their own."""

    def __init__(self, redis: Redis, site: str, policy: AcdPolicy, sources: Mapping[str, str] | None = None) -> None:
        self._redis = redis
        self._key = site_keys(site)[0]
        """Tells a cluster where to run them; all other keys are in the same slot."""
        sources = sources or read_sources()
        shared = constants(site, policy) + "".join(sources[f"shared/{part}"] for part in _SHARED)
        bodies = {name: text for name, text in sources.items() if "/" not in name}
        digest = hashlib.sha256((shared + "".join(bodies.values())).encode()).hexdigest()[:16]
        self._prefix = f"acd_{digest}_"
        functions = "".join(
            f"redis.register_function('{self._prefix}{name}', function(_, ARGV)\nbegin(ARGV)\n{text}end)\n"
            for name, text in bodies.items()
        )
        self._library = f"#!lua name=acd_{digest}\n{shared}{functions}"

    async def load(self) -> None:
        """Give Redis the library, so that the first call need not."""
        try:
            await self._redis.function_load(self._library)
        except ResponseError as error:
            if "already exists" not in str(error):
                raise

    async def run(self, name: str, args: Sequence[str | int]) -> Any:
        """One atomic step. Redis' own errors pass through."""
        function = self._prefix + name
        try:
            return await self._redis.fcall(function, 1, self._key, *args)
        except ResponseError as error:
            if "Function not found" not in str(error):
                raise
        await self.load()
        return await self._redis.fcall(function, 1, self._key, *args)
