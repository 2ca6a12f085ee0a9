"""Loads the Redis scripts and runs them by hash; a restarted or flushed Redis gets them again by itself."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis.exceptions import NoScriptError

from acd.states import AGENT_MOVES, CALL_MOVES, moves_text
from hotline.redis import Redis, key

_FOLDER = Path(__file__).parent / "scripts"
_PRELUDE = "prelude"

KEY_NAMES = (
    "meta",
    "agents",
    "calls",
    "waiting",
    "ready",
    "timers",
    "leases",
    "owned",
    "extensions",
    "devices",
    "events",
)
"""The site's fixed keys, in the order in which every script takes them. Inboxes share their hash tag."""


def site_keys(site: str) -> tuple[str, ...]:
    """`{smx}:acd:meta` and so on."""
    return tuple(key(site, "acd", name) for name in KEY_NAMES)


def read_sources(folder: Path = _FOLDER) -> dict[str, str]:
    """Every script by name, the state tables and the prelude put before it."""
    tables = f"local AGENT_MOVES = '{moves_text(AGENT_MOVES)}'\nlocal CALL_MOVES = '{moves_text(CALL_MOVES)}'\n"
    before = tables + (folder / f"{_PRELUDE}.lua").read_text(encoding="utf-8")
    return {
        path.stem: before + path.read_text(encoding="utf-8")
        for path in sorted(folder.glob("*.lua"))
        if path.stem != _PRELUDE
    }


@dataclass(frozen=True, slots=True)
class _Script:
    text: str
    sha: str


class Scripts:
    """The scripts of one site."""

    def __init__(self, redis: Redis, site: str, sources: Mapping[str, str] | None = None) -> None:
        self._redis = redis
        self._keys = site_keys(site)
        self._scripts = {
            name: _Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())
            for name, text in (sources or read_sources()).items()
        }

    async def load(self) -> None:
        """Give Redis all scripts, so that the first call need not."""
        for script in self._scripts.values():
            await self._redis.script_load(script.text)

    async def run(self, name: str, args: Sequence[str | int]) -> Any:
        """One atomic step. Redis' own errors pass through."""
        script = self._scripts[name]
        try:
            return await self._redis.evalsha(script.sha, len(self._keys), *self._keys, *args)
        except NoScriptError:
            return await self._redis.eval(script.text, len(self._keys), *self._keys, *args)
