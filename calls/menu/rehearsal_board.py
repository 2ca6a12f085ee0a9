"""Rehearsals of menus (彩排) as web and voice processes know of them: one record for each editor, in Redis.

The web process asks, a voice process beside the editor's phone takes it up and says how far it is. A record that nobody
renews is out of date: it was never taken up, or its process died. Nothing of a rehearsal is kept longer than that.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Final

import orjson

from hotline.clock import Clock
from hotline.errors import Conflict
from hotline.redis import Redis, key

LEASE_MS: Final = 10_000
"""A rehearsal that was not taken up or renewed for so long is over."""
_SHOWN_MS: Final = 600_000
"""How long one that has ended is shown."""


class RehearsalState(StrEnum):
    """How far a rehearsal is."""

    ASKED = "asked"
    RINGING = "ringing"
    RUNNING = "running"
    ENDED = "ended"


REHEARSAL_MOVES: Final[Mapping[RehearsalState, frozenset[RehearsalState]]] = {
    RehearsalState.ASKED: frozenset({RehearsalState.RINGING, RehearsalState.ENDED}),
    RehearsalState.RINGING: frozenset({RehearsalState.RUNNING, RehearsalState.ENDED}),
    RehearsalState.RUNNING: frozenset({RehearsalState.ENDED}),
    RehearsalState.ENDED: frozenset(),
}
"""Whence, whither. Who never answers, and who hangs up, ends it."""


class RehearsalUnderWay(Conflict):
    """The editor rehearses already."""

    code = "rehearsal.under_way"


class RehearsalMoved(Conflict):
    """A step that this rehearsal cannot take from where it is."""

    code = "rehearsal.moved"


@dataclass(frozen=True, slots=True)
class Visit:
    """A node that was left, and by which branch."""

    flow: str
    node: str
    branch: str


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """An editor's rehearsal of a draft. Moments are milliseconds since 1970-01-01 UTC."""

    id: str
    """Of its channel as well; has the form of a call id and is none."""
    editor: str
    flow: str
    revision: int
    line: str
    """The number that is taken to have been dialled."""
    extension: str
    host: str
    """Systemname of the Asterisk that the phone is registered with."""
    asked_ms: int
    until_ms: int
    state: RehearsalState = RehearsalState.ASKED
    at: tuple[str, str] | None = None
    """Flow and node the caller is in."""
    path: tuple[Visit, ...] = ()
    told: tuple[str, ...] = ()
    """What was left out, in words."""
    end: str = ""
    """Where a citizen would be now, in words; or why there was no call."""

    def ended(self, words: str) -> Rehearsal:
        """At its end, which these words tell. Raises RehearsalMoved."""
        return replace(self.moved(RehearsalState.ENDED), end=words, at=None)

    def moved(self, state: RehearsalState) -> Rehearsal:
        """In its next state. Raises RehearsalMoved."""
        if state not in REHEARSAL_MOVES[self.state]:
            raise RehearsalMoved(f"from {self.state} to {state}")
        return replace(self, state=state)


def new_id(now_ms: int) -> str:
    """Of a rehearsal that is asked for now."""
    return f"rehearsal-{now_ms // 1000}.{now_ms % 1000:03d}{secrets.randbelow(100_000):05d}"


# KEYS[1]: records by editor. ARGV: editor, record, now. 0: another one goes on.
_ASK: Final = """
local found = redis.call('HGET', KEYS[1], ARGV[1])
if found then
  local known = cjson.decode(found)
  if known.state ~= 'ended' and known.until_ms > tonumber(ARGV[3]) then return 0 end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
return 1
"""

# KEYS[1]: records by editor. ARGV: editor, id, the state it must be in ("": any but ended), record. 0: it is not.
_PUT: Final = """
local found = redis.call('HGET', KEYS[1], ARGV[1])
if not found then return 0 end
local known = cjson.decode(found)
if known.id ~= ARGV[2] or known.state == 'ended' then return 0 end
if ARGV[3] ~= '' and known.state ~= ARGV[3] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[4])
return 1
"""


class RehearsalBoard:
    """The rehearsals of one site. Every method raises RedisError when Redis is away."""

    def __init__(self, redis: Redis, site: str, clock: Clock) -> None:
        self._redis = redis
        self._key = key(site, "rehearsals")
        self._clock = clock

    async def ask(self, rehearsal: Rehearsal) -> None:
        """A new one. Raises RehearsalUnderWay: an editor has one at a time."""
        text, now = _text(rehearsal), str(self._clock.now_ms())
        if not int(await self._redis.eval(_ASK, 1, self._key, rehearsal.editor, text, now)):
            raise RehearsalUnderWay("您已有一个彩排电话在进行。", remedy="请先挂断或结束它。")

    async def take_up(self, rehearsal: Rehearsal) -> Rehearsal | None:
        """Ring for it; None: another process does."""
        ringing = rehearsal.moved(RehearsalState.RINGING)
        return ringing if await self.put(ringing, was=rehearsal.state) else None

    async def put(self, rehearsal: Rehearsal, *, was: RehearsalState | None = None) -> bool:
        """Write it, in date from now; False: it has ended meanwhile (the editor ended it), or is not as it `was`."""
        lasts_ms = _SHOWN_MS if rehearsal.state is RehearsalState.ENDED else LEASE_MS
        text = _text(replace(rehearsal, until_ms=self._clock.now_ms() + lasts_ms))
        return bool(await self._redis.eval(_PUT, 1, self._key, rehearsal.editor, rehearsal.id, was or "", text))

    async def of(self, editor: str) -> Rehearsal | None:
        """The editor's newest, if it is in date."""
        text: Any = await self._redis.hget(self._key, editor)
        return self._in_date(_read(text)) if text else None

    async def asked(self, host: str) -> list[Rehearsal]:
        """Those that wait to be taken up beside this Asterisk. What is out of date is thrown away."""
        found: Any = await self._redis.hgetall(self._key)
        rehearsals = [_read(text) for text in found.values()]
        if stale := [one.editor for one in rehearsals if self._in_date(one) is None]:
            await self._redis.hdel(self._key, *stale)
        waiting = (one for one in rehearsals if one.state is RehearsalState.ASKED and one.host == host)
        return [one for one in waiting if self._in_date(one)]

    def _in_date(self, rehearsal: Rehearsal) -> Rehearsal | None:
        return rehearsal if rehearsal.until_ms > self._clock.now_ms() else None


def _text(rehearsal: Rehearsal) -> str:
    return orjson.dumps(asdict(rehearsal)).decode()


def _read(text: str | bytes) -> Rehearsal:
    told: dict[str, Any] = orjson.loads(text)
    at = told.pop("at")
    return Rehearsal(
        **told
        | {
            "state": RehearsalState(told["state"]),
            "at": (at[0], at[1]) if at else None,
            "path": tuple(Visit(**one) for one in told["path"]),
            "told": tuple(told["told"]),
        }
    )
