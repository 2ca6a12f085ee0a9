"""Questions without a login: so many a minute from one address."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import Annotated, Any, Final

from fastapi import Depends, Request

from hotline.errors import TooMany
from hotline.redis import key
from web.access import Parts

_MINUTE_MS: Final = 60_000

# KEYS[1]: counter. ARGV: its life in ms. A counter that ran out begins anew.
_COUNT: Final = """
local now = redis.call('INCR', KEYS[1])
if now == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return now
"""


def _address(request: Request) -> str:
    """Whose question it is: an IPv4 address, or the network of an IPv6 one, for one subscriber has all of it. Behind a
    proxy on this machine the address it names (uvicorn reads X-Forwarded-For of 127.0.0.1 alone)."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host[:64]
    if address.version == 4:
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return f"{ip_address(int(address) >> 64 << 64)}/64"


ClientAddress = Annotated[str, Depends(_address)]


def per_minute(subject: str) -> Any:
    """A route's dependency: raises TooMany once an address has asked `web.public_per_minute` times for `subject`."""

    async def check(services: Parts, address: ClientAddress) -> None:
        settings = services.settings
        # An address is somebody's: the counter is named by a tag of it.
        name = key(settings.site.id, "public", subject, services.progress.codes.tag(address))
        if int(await services.redis.eval(_COUNT, 1, name, str(_MINUTE_MS))) > settings.web.public_per_minute:
            raise TooMany("too many questions from this address in a minute")

    limited: Callable[..., Awaitable[None]] = check
    return Depends(limited)
