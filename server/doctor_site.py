"""What a site of several machines has beside one host's own parts, looked at: Kamailio, Redis' sentinels."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import redis.asyncio as aioredis
from redis.exceptions import RedisError

from hotline.redis import addresses
from hotline.settings import Settings, settings_file
from server.doctor_findings import Finding, fail, ok, warn
from server.provision import kamailio

_SECONDS = 1.0


async def examine_site(settings: Settings) -> AsyncIterator[Finding]:
    """A finding for each part that the settings name."""
    if settings.kamailio.private:
        yield await front(settings)
    if settings.redis.sentinels:
        yield await sentinels(settings)


async def front(settings: Settings) -> Finding:
    """Kamailio answers, and sends calls to every host."""
    log = settings.var_dir / "log" / "kamailio.log"
    seen = await kamailio.hosts_seen(settings)
    if not seen:
        return fail("kamailio", "does not answer on its control socket", f"hotline up kamailio; its log is {log}")
    away = sorted(name for name, there in seen.items() if not there)
    told = f"{len(seen) - len(away)} of {len(seen)} hosts get calls"
    if len(away) == len(seen):
        return fail("kamailio", told, "no host answers its OPTIONS: see each host's `hotline doctor` and its trunk")
    if away:
        return warn(
            "kamailio",
            f"{told}, not {', '.join(away)}",
            "see `hotline doctor` there; its trunk must have identify = "
            f'["{settings.kamailio.bind}:{settings.kamailio.trunk_port}"]',
        )
    if not settings.kamailio.carriers or not settings.kamailio.seats:
        return warn("kamailio", "nobody may call, or register", f"set kamailio.carriers and seats in {settings_file()}")
    return ok("kamailio", told)


async def sentinels(settings: Settings) -> Finding:
    """Every sentinel answers, all name one primary, and it has a replica to go on with."""
    keys = settings.redis
    told = await asyncio.gather(*(_primary_of(host, port, keys.master_name) for host, port in _sentinels(settings)))
    silent = [name for name, state in zip(keys.sentinels, told, strict=True) if state is None]
    states = [state for state in told if state]
    if not states:
        return fail("sentinels", f"none of {len(told)} knows {keys.master_name}", f"see [redis] in {settings_file()}")
    primaries = {f"{state['ip']}:{state['port']}" for state in states}
    if len(primaries) > 1:
        return warn("sentinels", f"two primaries: {', '.join(sorted(primaries))}", "a failover runs; look again")
    seen = f"primary {primaries.pop()}"
    if silent:
        return warn("sentinels", f"{seen}; silent: {', '.join(silent)}", "start them: two must agree on a failover")
    replicas = min(int(state["num-slaves"]) for state in states)
    if replicas == 0:
        return warn("sentinels", f"{seen}, no replica", "add one: without it nothing can take over")
    if len(told) < 3:
        return warn(
            "sentinels", f"{seen}, only {len(told)} sentinels", "three, on machines of their own, decide safely"
        )
    return ok("sentinels", f"{seen}, {replicas} replica{'s' if replicas > 1 else ''}, {len(told)} sentinels")


def _sentinels(settings: Settings) -> list[tuple[str, int]]:
    return addresses(",".join(settings.redis.sentinels))


async def _primary_of(host: str, port: int, name: str) -> dict[str, str] | None:
    """What a sentinel says of the primary of this name; None for silence, empty when it knows none."""
    client = aioredis.Redis(
        host=host, port=port, decode_responses=True, socket_timeout=_SECONDS, socket_connect_timeout=_SECONDS
    )
    try:
        async with asyncio.timeout(_SECONDS):
            known = await client.sentinel_masters()
    except (RedisError, OSError, TimeoutError):
        return None
    finally:
        await client.aclose()
    return dict(known.get(name, {})) if isinstance(known, dict) else None
