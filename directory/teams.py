"""Teams (班组): which agents belong together, and who supervises them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from directory import users
from directory.lines import readable_name
from directory.models import AgentProfile, User
from directory.models.teams import TeamMember, TeamRow, TeamSupervisor
from hotline.errors import Conflict, InvalidInput, NotFound, Stale
from hotline.ids import group_id
from hotline.locks import Lock, one_at_a_time
from hotline.versions import version_of


class UnknownTeam(NotFound):
    """No such team."""

    code = "team.unknown"


class TeamNameTaken(Conflict):
    """Another team has this name."""

    code = "team.name_taken"


class StaleTeam(Stale):
    """Somebody else changed this team meanwhile; nothing was changed."""

    code = "team.stale"


@dataclass(frozen=True, slots=True)
class Team:
    """A team: `agents` by work number, `supervisors` by login."""

    team: str
    name: str
    agents: tuple[str, ...]
    supervisors: tuple[str, ...]

    @property
    def version(self) -> int:
        """Of what it is (`hotline.versions`). A member who joins another team changes it too."""
        return version_of(repr((self.name, self.agents, self.supervisors)))


async def teams(session: AsyncSession) -> list[Team]:
    """Every team by its id."""
    rows = list(await session.scalars(select(TeamRow).order_by(TeamRow.team)))
    agents = await session.execute(
        select(TeamMember.team, AgentProfile.work_number)
        .join(AgentProfile, AgentProfile.user_id == TeamMember.user_id)
        .order_by(AgentProfile.work_number)
    )
    leads = await session.execute(
        select(TeamSupervisor.team, User.login).join(User, User.id == TeamSupervisor.user_id).order_by(User.login)
    )
    members: dict[str, list[str]] = {row.team: [] for row in rows}
    supervisors: dict[str, list[str]] = {row.team: [] for row in rows}
    for team, work_number in agents:
        members[team].append(work_number)
    for team, login in leads:
        supervisors[team].append(login)
    return [Team(row.team, row.name, tuple(members[row.team]), tuple(supervisors[row.team])) for row in rows]


async def team(session: AsyncSession, name: str) -> Team:
    """One team; raises UnknownTeam."""
    found = next((one for one in await teams(session) if one.team == name), None)
    if found is None:
        raise UnknownTeam("no such team")
    return found


async def save_team(
    session: AsyncSession,
    name: str,
    shown: str,
    agents: Collection[str],
    supervisors: Collection[str],
    *,
    version: int | None = None,
) -> None:
    """Enter a team, or replace what it is. Agents who were in another one leave that.

    `agents` are work numbers, `supervisors` logins; `version` is the one that was read, 0 of a new team, None of
    whatever there is. Raises InvalidInput, StaleTeam, TeamNameTaken, UnknownUser.
    """
    group_id(name)
    await one_at_a_time(session, Lock.TEAMS)
    before = next((one for one in await teams(session) if one.team == name), None)
    if version is not None and version != (before.version if before else 0):
        raise StaleTeam("the team was changed meanwhile", remedy="read it again")
    if not readable_name(shown):
        raise InvalidInput("a team's name has 1 to 64 printable characters")
    taken = await session.scalar(select(TeamRow.team).where(TeamRow.name == shown.strip(), TeamRow.team != name))
    if taken is not None:
        raise TeamNameTaken("another team has this name")
    members = [(await users.of_work_number(session, agent)).id for agent in sorted(set(agents))]
    leads = [(await users.get(session, login)).id for login in sorted(set(supervisors))]
    entered = insert(TeamRow).values(team=name, name=shown.strip())
    await session.execute(entered.on_conflict_do_update(index_elements=["team"], set_={"name": shown.strip()}))
    await session.execute(delete(TeamMember).where(TeamMember.team == name))
    await session.execute(delete(TeamSupervisor).where(TeamSupervisor.team == name))
    for user_id in members:
        member = insert(TeamMember).values(user_id=user_id, team=name)
        await session.execute(member.on_conflict_do_update(index_elements=["user_id"], set_={"team": name}))
    session.add_all(TeamSupervisor(team=name, user_id=user_id) for user_id in leads)
    await session.flush()


async def remove_team(session: AsyncSession, name: str) -> None:
    """Take a team away; its agents are in none then. Raises UnknownTeam."""
    gone = await session.execute(delete(TeamRow).where(TeamRow.team == name).returning(TeamRow.team))
    if gone.one_or_none() is None:
        raise UnknownTeam("no such team")


async def team_of_agents(session: AsyncSession) -> dict[str, str]:
    """Work number -> team, of everybody who is in one."""
    rows = await session.execute(
        select(AgentProfile.work_number, TeamMember.team).join(AgentProfile, AgentProfile.user_id == TeamMember.user_id)
    )
    return {row.work_number: row.team for row in rows}


async def led_by(session: AsyncSession, user_id: int) -> frozenset[str]:
    """The teams that a user supervises."""
    return frozenset(await session.scalars(select(TeamSupervisor.team).where(TeamSupervisor.user_id == user_id)))
