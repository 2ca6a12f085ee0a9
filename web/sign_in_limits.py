"""An address that signs in in vain again and again waits, longer each time, whatever logins it tries.

Only what was in vain counts: a whole shift may share one address. What each login allows is counted by itself, before
its password is looked at (`directory.sessions`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final

import structlog
from fastapi import Depends
from redis.exceptions import RedisError

from directory import audit
from directory.sessions import SignInRefused
from hotline.errors import TooMany
from hotline.redis import key
from web.access import Parts
from web.public_limits import ClientAddress
from web.services import Services

_log = structlog.get_logger(__name__)

_DAY_MS: Final = 86_400_000

# KEYS: attempts in vain, waits of the day, the wait itself. ARGV: how many, their life and the first wait in ms, a day
# in ms. Returns 1 for the one that begins a wait.
_COUNT: Final = """
local now = redis.call('INCR', KEYS[1])
if now == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
if now < tonumber(ARGV[1]) then return 0 end
local waits = redis.call('INCR', KEYS[2])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[3], '1', 'PX', string.format('%d', math.min(ARGV[2] * 2 ^ (waits - 1), ARGV[3])))
return 1
"""


class AddressLimit:
    """Sign-ins from the address of this request."""

    def __init__(self, services: Services, address: str) -> None:
        self._services = services
        # An address is somebody's: its keys are named by a tag of it.
        self._tag = services.progress.codes.tag(address)
        site = services.settings.site.id
        self._keys = [key(site, "sign-in", self._tag, what) for what in ("attempts", "waits", "wait")]

    @asynccontextmanager
    async def counted(self) -> AsyncIterator[None]:
        """An attempt; it counts if it is refused. Raises TooMany while the address must wait."""
        if await self._must_wait():
            raise TooMany("too many sign-ins in vain from this address", remedy="try again later")
        try:
            yield
        except SignInRefused:
            if await self._count():
                await self._note()
            raise

    async def _must_wait(self) -> bool:
        return await _asked(self._services.redis.exists(self._keys[-1]))

    async def _count(self) -> bool:
        """One more in vain; True for the one that begins a wait."""
        keys = self._services.settings.sign_in
        arguments = (str(keys.address_attempts), str(int(keys.lock_minutes * 60_000)), str(_DAY_MS))
        return await _asked(self._services.redis.eval(_COUNT, len(self._keys), *self._keys, *arguments))

    async def _note(self) -> None:
        async with self._services.database.transaction() as session:
            await audit.record(
                session,
                at=self._services.clock.now(),
                actor="sign-in",
                action="address.locked",
                subject=f"address:{self._tag}",
            )


async def _asked(answer: Awaitable[Any]) -> bool:
    """What Redis says. Without it agents still sign in, and write tickets: what each login allows is counted in
    PostgreSQL."""
    try:
        return bool(int(await answer))
    except RedisError as error:
        _log.warning("sign_in.addresses_not_limited", reason=type(error).__name__)
        return False


def _limit(services: Parts, address: ClientAddress) -> AddressLimit:
    return AddressLimit(services, address)


SignInLimit = Annotated[AddressLimit, Depends(_limit)]
