"""How often progress may be asked for in vain (查询次数限制): for one ticket, by one caller, and by all of them.

Every question is counted before it is looked at, so that many at once get no further than one after the other, and
taken back when it was right. Counters are in Redis, with an end of their own: they outlive every process of ours.
What is full counts nothing more, so nobody makes a lock longer by knocking at it. Names of tickets and callers never
reach Redis: only what `QueryCodes.tag` makes of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import structlog

from hotline.redis import Redis, key
from hotline.settings import Settings

_log = structlog.get_logger(__name__)

# KEYS: counters. ARGV: for each, how many are allowed, then for how many milliseconds they count.
# A counter that becomes full lives for its whole time from then on. Answers 0, or the first counter that was full.
_COUNT: Final = """
for at, name in ipairs(KEYS) do
    if tonumber(redis.call('GET', name) or '0') >= tonumber(ARGV[at]) then return at end
end
for at, name in ipairs(KEYS) do
    local now = redis.call('INCR', name)
    if now == 1 or now >= tonumber(ARGV[at]) then redis.call('PEXPIRE', name, ARGV[#KEYS + at]) end
end
return 0
"""

# KEYS: counters; ARGV[1]: how many to take back from each. One that ran out meanwhile stays gone.
_TAKE_BACK: Final = """
for _, name in ipairs(KEYS) do
    if tonumber(redis.call('GET', name) or '0') > 0 then redis.call('DECRBY', name, ARGV[1]) end
end
return 0
"""

_WHICH: Final = ("ticket", "caller", "all")
_MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class GuessPolicy:
    """So many questions in vain, then a lock of `lock_ms` for the ticket or the caller."""

    ticket: int = 5
    caller: int = 10
    all_a_minute: int = 20
    lock_ms: int = 60 * _MINUTE_MS

    @classmethod
    def of(cls, settings: Settings) -> GuessPolicy:
        """The limits of `hotline.toml`."""
        keys = settings.progress
        return cls(
            ticket=keys.ticket_failures,
            caller=keys.caller_failures,
            all_a_minute=keys.failures_per_minute,
            lock_ms=int(keys.lock_minutes * _MINUTE_MS),
        )


@dataclass(frozen=True, slots=True)
class Question:
    """Who asks for which ticket, as tags. `way` is phone or web: nobody locks the telephone from a browser."""

    way: str
    ticket: str
    caller: str


class GuessGuard:
    """The counters of one site."""

    def __init__(self, redis: Redis, site: str, policy: GuessPolicy) -> None:
        self._redis = redis
        self._site = site
        self._policy = policy

    async def count(self, question: Question) -> bool:
        """Count a question; False: it is one too many, and nothing was counted. Raises RedisError."""
        policy = self._policy
        limits = (policy.ticket, policy.caller, policy.all_a_minute)
        times = (policy.lock_ms, policy.lock_ms, _MINUTE_MS)
        names = self._names(question)
        full = int(await self._redis.eval(_COUNT, len(names), *names, *map(str, limits), *map(str, times)))
        if full:
            _log.warning("progress.locked", by=_WHICH[full - 1], way=question.way)
        return not full

    async def settle(self, question: Question, *, right: bool) -> None:
        """Take a right one back; a wrong one stays counted, after the same round trip. Raises RedisError."""
        names = self._names(question)
        await self._redis.eval(_TAKE_BACK, len(names), *names, "1" if right else "0")

    async def forget(self, ticket: str) -> None:
        """Lift the lock of a ticket: its code is a new one. Raises RedisError."""
        await self._redis.delete(self._ticket(ticket))

    def _names(self, question: Question) -> tuple[str, str, str]:
        site, way = self._site, question.way
        return (
            self._ticket(question.ticket),
            key(site, "progress", "caller", way, question.caller),
            key(site, "progress", "all", way),
        )

    def _ticket(self, ticket: str) -> str:
        return key(self._site, "progress", "ticket", ticket)
