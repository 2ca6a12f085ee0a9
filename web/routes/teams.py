"""Teams (班组): who is in which, and who supervises it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, status
from pydantic import BaseModel, ConfigDict, Field

from directory import teams
from directory.models import Role
from web.access import Transaction, roles
from web.administration import Administration, GroupId, Name
from web.problems import DOCUMENTED

router = APIRouter(prefix="/api/teams", tags=["supervision"], responses=DOCUMENTED)

WorkNumber = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
Login = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,31}$")]


class TeamOut(BaseModel):
    """A team: agents by work number (工号), supervisors by login."""

    model_config = ConfigDict(from_attributes=True)

    team: str
    name: str
    agents: list[str]
    supervisors: list[str]
    version: int
    """Changes with what the team is, and has no order."""


class TeamIn(BaseModel):
    """What a team is to be. Agents who are in another one leave that."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    agents: Annotated[list[WorkNumber], Field(max_length=500)]
    supervisors: Annotated[list[Login], Field(max_length=20)]
    version: Annotated[int | None, Field(ge=0, lt=2**32)] = None
    """The one that was read, 0 for a new team; without one whatever there is by now is replaced."""


@router.get("", dependencies=[roles(Role.SUPERVISOR, Role.ADMIN, Role.AUDITOR)])
async def list_teams(session: Transaction) -> list[TeamOut]:
    """Every team."""
    return [TeamOut.model_validate(one) for one in await teams.teams(session)]


@router.put("/{group}", dependencies=[roles(Role.ADMIN)])
async def save(group: GroupId, body: TeamIn, change: Administration) -> TeamOut:
    """Enter a team, or replace what it is; it counts from the next request on."""
    session = change.session
    before = next((one for one in await teams.teams(session) if one.team == group), None)
    await teams.save_team(session, group, body.name, body.agents, body.supervisors, version=body.version)
    after = await teams.team(session, group)
    await change.record("team.saved", f"team:{group}", before, after)
    return TeamOut.model_validate(after)


@router.delete("/{group}", status_code=status.HTTP_204_NO_CONTENT, dependencies=[roles(Role.ADMIN)])
async def remove(group: GroupId, change: Administration) -> None:
    """Take a team away; its agents are in none then."""
    before = await teams.team(change.session, group)
    await teams.remove_team(change.session, group)
    await change.record("team.removed", f"team:{group}", before)
