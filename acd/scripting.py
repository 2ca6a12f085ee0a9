"""Loads the Redis scripts and runs them by hash; a restarted or flushed Redis gets them again by itself."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from redis.exceptions import NoScriptError

from acd.model import AcdPolicy
from acd.states import AGENT_MOVES, CALL_MOVES, moves_text
from hotline.feed import inbox_key
from hotline.redis import Redis, key

_FOLDER = Path(__file__).parent / "scripts"
_SHARED = ("site", "agents", "calls", "matching", "reservations")
"""Parts in `scripts/shared` that every script has before it, in this order."""

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
"""The site's fixed keys. Inboxes share their hash tag."""


def site_keys(site: str) -> tuple[str, ...]:
    """`{smx}:acd:meta` and so on."""
    return tuple(key(site, "acd", name) for name in KEY_NAMES)


def read_sources(folder: Path = _FOLDER) -> dict[str, str]:
    """Every script by name, the shared parts put before it."""
    shared = "".join((folder / "shared" / f"{part}.lua").read_text(encoding="utf-8") for part in _SHARED)
    return {path.stem: shared + path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.lua"))}


def constants(site: str, policy: AcdPolicy) -> str:
    """What a site's scripts know by heart: as arguments, keys and policy would cost a tenth of the time of a match."""
    names = {name.upper(): f"'{full}'" for name, full in zip(KEY_NAMES, site_keys(site), strict=True)}
    names["INBOX"] = f"'{inbox_key(site, '')}'"
    limits = ", ".join(f"{name} = {str(value).lower()}" for name, value in asdict(policy).items())
    names["POLICY"] = f"{{ {limits} }}"
    names["AGENT_MOVES"], names["CALL_MOVES"] = f"'{moves_text(AGENT_MOVES)}'", f"'{moves_text(CALL_MOVES)}'"
    return "".join(f"local {name} = {value}\n" for name, value in names.items())


@dataclass(frozen=True, slots=True)
class _Script:
    text: str
    sha: str


class Scripts:
    """The scripts of one site under one policy."""

    def __init__(self, redis: Redis, site: str, policy: AcdPolicy, sources: Mapping[str, str] | None = None) -> None:
        self._redis = redis
        self._key = site_keys(site)[0]
        """Tells a cluster where to run them; all other keys are in the same slot."""
        before = constants(site, policy)
        self._scripts = {}
        for name, source in (sources or read_sources()).items():
            text = before + source
            self._scripts[name] = _Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())

    async def load(self) -> None:
        """Give Redis all scripts, so that the first call need not."""
        for script in self._scripts.values():
            await self._redis.script_load(script.text)

    async def run(self, name: str, args: Sequence[str | int]) -> Any:
        """One atomic step. Redis' own errors pass through."""
        script = self._scripts[name]
        try:
            return await self._redis.evalsha(script.sha, 1, self._key, *args)
        except NoScriptError:
            return await self._redis.eval(script.text, 1, self._key, *args)
