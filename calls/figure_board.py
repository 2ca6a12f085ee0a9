"""The board of live figures (实时看板): who writes it, who reads it, and what is told of a change.

One process of the site writes, whichever holds the lease. Readers take the whole board once and changed fields from
then on. Moments are milliseconds since 1970: how long something lasts, a reader works out, so that time passing is no
change.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from hotline.redis import Redis, key, stream_entries

Entry = dict[str, Any]
"""The figures of one queue, agent or of the line: field -> value."""

QUEUE: Final = "queue"
AGENT: Final = "agent"
LINE: Final = "line"

_NOTHING: Final = "0-0"
_KEPT_CHANGES = 300
_LEASE_MS = 5_000

_TAKE = """
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then redis.call('PEXPIRE', KEYS[1], ARGV[2]) return 1 end
if holder then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 2
"""

_WRITE = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local at = 5
for _ = 1, tonumber(ARGV[4]) do
    redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 1])
    at = at + 2
end
while ARGV[at] do
    redis.call('HDEL', KEYS[2], ARGV[at])
    at = at + 1
end
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[3], '*', 'change', ARGV[2])
return 1
"""


@dataclass(frozen=True, slots=True)
class Change:
    """What is different: fields by entry, and entries that are gone. An entry's name is `<kind>:<subject>`."""

    changed: Mapping[str, Entry] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    whole: bool = False
    """The board was empty before, as after a flush: what a reader has seen of it does not count any more."""

    def __bool__(self) -> bool:
        return bool(self.changed or self.gone)

    @classmethod
    def between(cls, before: Mapping[str, Entry], after: Mapping[str, Entry]) -> Change:
        """What leads from one board to the other."""
        changed = {}
        for name, entry in after.items():
            known = before.get(name, {})
            fields = {one: value for one, value in entry.items() if one not in known or known[one] != value}
            if fields:
                changed[name] = fields
        return cls(changed, tuple(sorted(before.keys() - after.keys())), whole=not before)


@dataclass(frozen=True, slots=True)
class Board:
    """The whole board. `cursor` is where changes go on; `kept_up` is False when nobody writes it at present."""

    entries: Mapping[str, Entry]
    cursor: str
    kept_up: bool

    def of(self, kind: str) -> dict[str, Entry]:
        """The entries of a kind, by subject."""
        return {name.partition(":")[2]: one for name, one in self.entries.items() if name.partition(":")[0] == kind}


class ChangesLost(Exception):
    """The reader was too slow, or Redis was emptied: read the board anew. Not an error of anybody's."""


class FigureBoard:
    """One process's way to the site's board."""

    def __init__(self, redis: Redis, site: str) -> None:
        self._redis = redis
        self._leader = key(site, "figures", "leader")
        self._now = key(site, "figures", "now")
        self._changes = key(site, "figures", "changes")

    async def take(self, process: str) -> bool | None:
        """Hold or renew the lease to write: False if another process has it, None if it was free and is held now."""
        answer = int(await self._redis.eval(_TAKE, 1, self._leader, process, str(_LEASE_MS)))
        return {0: False, 1: True, 2: None}[answer]

    async def write(self, process: str, change: Change, entries: Mapping[str, Entry]) -> bool:
        """Put a change on the board; `entries` is the whole after it. False if the lease is lost: nothing was done."""
        told = orjson.dumps({"changed": change.changed, "gone": change.gone, "whole": change.whole}).decode()
        given = [process, told, str(_KEPT_CHANGES), str(len(change.changed))]
        for name in change.changed:
            given += [name, orjson.dumps(entries[name]).decode()]
        return bool(await self._redis.eval(_WRITE, 3, self._leader, self._now, self._changes, *given, *change.gone))

    async def read(self) -> Board:
        """The whole board."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hgetall(self._now)
            pipe.xrevrange(self._changes, count=1)
            pipe.exists(self._leader)
            entries, newest, kept_up = await pipe.execute()
        return Board(
            entries={name: orjson.loads(entry) for name, entry in entries.items()},
            cursor=str(newest[0][0]) if newest else _NOTHING,
            kept_up=bool(kept_up),
        )

    async def follow(self, cursor: str, *, block_ms: int = 5_000) -> AsyncIterator[tuple[str, Change]]:
        """Changes after `cursor`, each with its own, for ever. Raises ChangesLost. The client must allow blocking."""
        seen = cursor
        while True:
            if seen != _NOTHING and not await self._redis.xrange(self._changes, seen, seen):
                raise ChangesLost
            answer = await self._redis.xread({self._changes: seen}, count=50, block=block_ms)
            for at, fields in stream_entries(answer):
                told = orjson.loads(fields["change"])
                if told["whole"] and seen != _NOTHING:
                    raise ChangesLost
                seen = at
                yield at, Change(told["changed"], tuple(told["gone"]), told["whole"])
