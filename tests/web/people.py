"""Who works with the API in tests, and the voice process that they can sign in at."""

from __future__ import annotations

from dataclasses import dataclass

from argon2 import PasswordHasher

from acd.model import AcdPolicy
from acd.service import Acd
from directory.models import Role, Unit, UnitLevel
from directory.passwords import Passwords
from directory.users import Agent, NewUser, add_user
from web.services import Services

PASSWORD = "hotline-test-1"

POLICY = AcdPolicy(rebuild_ms=0, lease_ms=10**9, host_lease_ms=10**9)
"""No voice process runs here that would say for ever that it lives and sees its Asterisk."""

_SEATS = {
    Role.AGENT: Agent("1001", {"general": 1}, "8001"),
    Role.EXPERT: Agent("2001", {"expert-12333": 1}, "8011"),
}


@dataclass(frozen=True)
class Units:
    """Ids of two units of the city."""

    labour: int
    urban: int


def quick_passwords() -> Passwords:
    """Whether they are hashed slowly is not what is looked at."""
    return Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


async def settle(services: Services) -> Units:
    """One person for each role: the login is the role, agents have a work number beside it."""
    passwords = quick_passwords()
    now = services.clock.now()
    async with services.database.transaction() as session:
        labour, urban = (Unit(name=name, level=UnitLevel.CITY) for name in ("市人社局", "市城管局"))
        session.add_all([labour, urban])
        await session.flush()
        for role in Role:
            unit = labour.id if role.value.startswith("unit_") or role is Role.COUNTY_BODY else None
            await add_user(
                session,
                NewUser(role.value, role.name, frozenset({role}), unit, _SEATS.get(role)),
                PASSWORD,
                passwords,
                now=now,
            )
        await add_user(
            session,
            NewUser("other_unit", "城管", frozenset({Role.UNIT_HANDLER}), urban.id),
            PASSWORD,
            passwords,
            now=now,
        )
        await add_user(
            session,
            NewUser("second_admin", "王", frozenset({Role.ADMIN})),
            PASSWORD,
            passwords,
            now=now,
        )
        visitor = frozenset({Role.VISIT_AGENT, Role.AGENT})
        await add_user(
            session,
            NewUser("visitor", "回访员", visitor, None, Agent("1007", {"general": 1})),
            PASSWORD,
            passwords,
            now=now,
        )
        await add_user(
            session,
            NewUser("second", "二号", frozenset({Role.AGENT}), None, Agent("1002", {"general": 1})),
            PASSWORD,
            passwords,
            now=now,
        )
    return Units(labour.id, urban.id)


async def voice(services: Services) -> Acd:
    """A voice process that has opened the site's epoch: without one nobody can sign in."""
    site = services.settings.site.id
    acd = Acd(services.redis, site=site, process="ast1/voice-1", clock=services.clock, policy=POLICY)
    await acd.load()
    await acd.open_epoch(1)
    while (await acd.heartbeat()).rebuilding:
        await acd.run_timers()
    return acd
