"""Who may supervise whom: by role, as `[supervision]` of the settings says, and by team (班组).

A refusal is written into the audit log by itself, for the request it belongs to is rolled back.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NoReturn

from sqlalchemy.ext.asyncio import AsyncSession

from directory import audit, teams
from directory.models import Role
from directory.sessions import SignedIn
from hotline.errors import NotAllowed
from web.access import actor_of
from web.services import Services

SUPERVISORS = (Role.SUPERVISOR, Role.ADMIN)


class SupervisionNotPermitted(NotAllowed):
    """None of the person's roles may do this to agents."""

    code = "supervision.not_permitted"


class OtherTeam(NotAllowed):
    """The agent is of another supervisor's team, or of none."""

    code = "supervision.other_team"


async def own_agents(session: AsyncSession, services: Services, by: SignedIn) -> frozenset[str] | None:
    """The agents (by work number) whose supervisor this is; None: everybody's."""
    if _is_one_of(by, services.settings.supervision.every_team):
        return None
    own = await teams.led_by(session, by.person.id)
    return frozenset(agent for agent, team in (await teams.team_of_agents(session)).items() if team in own)


async def require(session: AsyncSession, services: Services, by: SignedIn, what: str, agents: Collection[str]) -> None:
    """This person may do `what` (a key of `[supervision]`) to every one of these agents.

    Raises SupervisionNotPermitted, OtherTeam; the refusal is audited.
    """
    allowed = getattr(services.settings.supervision, what)
    subject = f"agent:{next(iter(agents))}" if len(agents) == 1 else "floor"
    if not _is_one_of(by, allowed):
        await _refuse(services, by, subject, what, SupervisionNotPermitted("your roles may not do this"))
    own = await own_agents(session, services, by)
    if own is not None and not own.issuperset(agents):
        await _refuse(services, by, subject, what, OtherTeam("the agent is not of your teams"))


def _is_one_of(by: SignedIn, allowed: Collection[str]) -> bool:
    return any(role.value in allowed for role in by.person.roles)


async def _refuse(services: Services, by: SignedIn, subject: str, what: str, error: NotAllowed) -> NoReturn:
    await note(services, by, "supervision.refused", subject, {"asked": what, "why": error.code})
    raise error


async def note(services: Services, by: SignedIn, action: str, subject: str, after: Any) -> None:
    """An audit row in a transaction of its own: nobody is listened to without one, whatever comes next."""
    async with services.database.transaction() as session:
        await audit.record(
            session, at=services.clock.now(), actor=actor_of(by).user, action=action, subject=subject, after=after
        )
