"""Skill groups (技能组), and the agents' levels (熟练度) in them."""

from __future__ import annotations

from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Path, status
from pydantic import BaseModel, ConfigDict, Field

from acd import presence, skills
from acd.queue_tables import SkillKind
from directory import users
from directory.models import Role
from hotline.errors import Conflict, InvalidInput
from web.access import Parts, Transaction, roles
from web.administration import Administration, GroupId, Name, known_groups
from web.problems import DOCUMENTED
from web.routes.agents import in_epoch

router = APIRouter(prefix="/api/skills", tags=["skills"], responses=DOCUMENTED)

_LEVELS = (Role.SUPERVISOR, Role.ADMIN)
WorkNumber = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$", description="工号")]


class SkillGroupOut(BaseModel):
    """A skill group. `stored`: laid down by somebody; else suggested by the directory."""

    model_config = ConfigDict(from_attributes=True)

    group: str
    name: str
    kind: SkillKind
    stored: bool


class SkillGroupIn(BaseModel):
    """A group's name and kind."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    kind: SkillKind


class Levels(BaseModel):
    """Skill group -> level, 1 to 9 (the best)."""

    model_config = ConfigDict(extra="forbid")

    levels: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")], Annotated[int, Field(ge=1, le=9)]] = (
        Field(max_length=64)
    )


@router.get("", dependencies=[roles(Role.AGENT, Role.EXPERT, Role.SUPERVISOR, Role.ADMIN, Role.AUDITOR)])
async def list_groups(session: Transaction, services: Parts) -> list[SkillGroupOut]:
    """Every skill group."""
    return [SkillGroupOut.model_validate(one) for one in (await known_groups(session, services)).values()]


@router.put("/{group}", dependencies=[roles(Role.ADMIN)])
async def save_group(group: GroupId, body: SkillGroupIn, change: Administration) -> SkillGroupOut:
    """Enter a group, or give it another name or kind."""
    before = (await known_groups(change.session, change.services)).get(group)
    await skills.save_group(change.session, group, body.name, body.kind, now=change.services.clock.now())
    after = (await known_groups(change.session, change.services))[group]
    await change.record("skill_group.saved", f"skill_group:{group}", before, after)
    return SkillGroupOut.model_validate(after)


@router.delete("/{group}", status_code=status.HTTP_204_NO_CONTENT, dependencies=[roles(Role.ADMIN)])
async def remove_group(group: GroupId, change: Administration) -> None:
    """Take a group away; one that the directory suggests goes back to that."""
    before = (await known_groups(change.session, change.services)).get(group)
    is_default = group in {one.group for one in skills.default_groups(_lines(change))}
    await skills.remove_group(change.session, group, is_default=is_default, now=change.services.clock.now())
    await change.record("skill_group.removed", f"skill_group:{group}", before)


@router.get("/agents/{agent}", dependencies=[roles(*_LEVELS)])
async def levels_of(agent: WorkNumber, session: Transaction) -> Levels:
    """An agent's levels."""
    person = await users.person(session, await users.of_work_number(session, agent))
    return Levels(levels=dict(person.agent.groups) if person.agent else {})


@router.put("/agents/{agent}", dependencies=[roles(*_LEVELS)])
async def set_levels(agent: WorkNumber, body: Levels, change: Administration) -> Levels:
    """Replace an agent's levels; one who is signed in has them from the next call on."""
    session, services = change.session, change.services
    unknown = sorted(body.levels.keys() - (await known_groups(session, services)).keys())
    if unknown:
        raise InvalidInput(f"no such skill group: {', '.join(unknown)}", remedy="enter the group first")
    user = await users.of_work_number(session, agent)
    before = await levels_of(agent, session)
    await users.set_groups(session, user, body.levels)
    await presence.set_groups(session, agent, body.levels)
    await change.record("agent.levels", f"agent:{agent}", before.levels, body.levels)

    async def tell() -> None:
        # Not signed in: the levels count from the next sign-in.
        with suppress(Conflict):
            await services.acd.set_groups(agent, body.levels)

    # Last, for it cannot be taken back: what fails before leaves distribution as it was.
    await in_epoch(services.acd, tell)
    return body


def _lines(change: Administration) -> list[tuple[str, str]]:
    return [(number, number) for number, _ in change.services.directory.snapshot.expert_lines()]
