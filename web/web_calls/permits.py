"""Permits to call from the page: for one call each, used at once, and only so many calls at a time.

A call has its place in Redis from the permit on, and says again that it lives while it lasts: the places of a process
that died are free within seconds, and all of a site's processes count the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import orjson

from hotline import ids
from hotline.errors import NotAllowed, TooMany
from hotline.redis import key
from web.services import Services

PERMIT_SECONDS: Final = 20
"""From the permit to the socket it opens."""

_PLACE_MS: Final = 20_000
_HOUR_MS: Final = 3_600_000

# KEYS: places of all, places of the address, calls of the address in this hour, the permit. ARGV: place, life of a
# place in ms, at once of all, at once of the address, in an hour, life of the hour in ms, what the permit holds.
_GIVE: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then return 1 end
if redis.call('ZCARD', KEYS[2]) >= tonumber(ARGV[4]) then return 2 end
local asked = redis.call('INCR', KEYS[3])
if asked == 1 then redis.call('PEXPIRE', KEYS[3], ARGV[6]) end
if asked > tonumber(ARGV[5]) then return 3 end
for i = 1, 2 do
  redis.call('ZADD', KEYS[i], now + ARGV[2], ARGV[1])
  redis.call('PEXPIRE', KEYS[i], ARGV[2])
end
redis.call('SET', KEYS[4], ARGV[7], 'PX', ARGV[2])
return 0
"""

# KEYS: places of all, places of the address. ARGV: place, life in ms.
_KEEP: Final = """
local time = redis.call('TIME')
for i = 1, 2 do
  redis.call('ZADD', KEYS[i], time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[2], ARGV[1])
  redis.call('PEXPIRE', KEYS[i], ARGV[2])
end
"""

_LET_GO: Final = """
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
"""


class AllLinesTaken(TooMany):
    """As many calls from the page as the city takes."""

    code = "web_call.all_taken"


class AddressCallsAlready(TooMany):
    """As many from one address as it may have at a time."""

    code = "web_call.address_taken"


class CalledTooOften(TooMany):
    """As many from one address as it may ask for in an hour."""

    code = "web_call.too_often"


class NoPermit(NotAllowed):
    """Never given, used already, or too old."""

    code = "web_call.no_permit"


_REFUSALS: Final = {1: AllLinesTaken, 2: AddressCallsAlready, 3: CalledTooOften}


@dataclass(frozen=True, slots=True)
class Permit:
    """One call. `address` is a tag of whence it was asked for, `declared` the number the citizen typed, or empty."""

    place: str
    address: str
    declared: str


class Permits:
    """Those of the site."""

    def __init__(self, services: Services) -> None:
        self._redis = services.redis
        self._limits = services.settings.web_calls
        self._site = services.settings.site.id

    async def give(self, address: str, declared: str) -> str:
        """A new permit's token, for the next PERMIT_SECONDS. Raises AllLinesTaken, AddressCallsAlready,
        CalledTooOften."""
        token, permit = ids.token(24), Permit(ids.token(9), address, declared)
        answer = await self._redis.eval(
            _GIVE,
            4,
            *self._places(permit),
            key(self._site, "web-call", "hour", address),
            self._permit(token),
            permit.place,
            PERMIT_SECONDS * 1000,
            self._limits.at_once,
            self._limits.per_address,
            self._limits.per_hour,
            _HOUR_MS,
            orjson.dumps([permit.place, permit.address, permit.declared]).decode(),
        )
        if refusal := _REFUSALS.get(int(answer)):
            raise refusal("no further call from the page now")
        return token

    async def take(self, token: str) -> Permit:
        """The permit of this token, which is used up by that. Raises NoPermit."""
        held = await self._redis.getdel(self._permit(token)) if token else None
        if held is None:
            raise NoPermit("no such permit", remedy="POST /public/call/permit")
        permit = Permit(*orjson.loads(held))
        await self.keep(permit)
        return permit

    async def keep(self, permit: Permit) -> None:
        """Say that the call lives: more often than every twenty seconds."""
        await self._redis.eval(_KEEP, 2, *self._places(permit), permit.place, _PLACE_MS)

    async def let_go(self, permit: Permit) -> None:
        """The call is over."""
        await self._redis.eval(_LET_GO, 2, *self._places(permit), permit.place)

    def _places(self, permit: Permit) -> tuple[str, str]:
        return key(self._site, "web-call", "places"), key(self._site, "web-call", "places", permit.address)

    def _permit(self, token: str) -> str:
        return key(self._site, "web-call", "permit", token)
