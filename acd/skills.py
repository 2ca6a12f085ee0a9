"""Skill groups (技能组): the names and kinds people read. Agents' levels in them are the directory's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from acd.needs import Need
from acd.queue_store import ENTERPRISE, NIGHT, begin_change, changed
from acd.queue_tables import QueueStepRow, SkillGroupRow, SkillKind
from directory.lines import readable_name
from directory.models import AgentGroup
from directory.modes import GENERAL_GROUP, expert_group
from hotline.errors import Conflict, InvalidInput, NotFound
from hotline.ids import group_id


class UnknownSkillGroup(NotFound):
    """No such skill group."""

    code = "skill.unknown"


class SkillGroupInUse(Conflict):
    """An agent has a level in this group, or a queue asks for it."""

    code = "skill.in_use"


@dataclass(frozen=True, slots=True)
class SkillGroup:
    """A skill group."""

    group: str
    name: str
    kind: SkillKind
    stored: bool = True
    """False: nobody laid it down, the directory suggests it."""


def default_groups(lines: Iterable[tuple[str, str]]) -> tuple[SkillGroup, ...]:
    """The groups there are without anybody's word. `lines` are (number, spoken name) of those with expert seats."""
    experts = (
        SkillGroup(expert_group(number), f"{name}专家", SkillKind.EXPERT, stored=False) for number, name in lines
    )
    return (
        SkillGroup(GENERAL_GROUP, "综合", SkillKind.GENERAL, stored=False),
        SkillGroup(ENTERPRISE, "企业服务", SkillKind.ENTERPRISE, stored=False),
        SkillGroup(NIGHT, "夜间", SkillKind.NIGHT, stored=False),
        *experts,
    )


async def groups(session: AsyncSession, lines: Iterable[tuple[str, str]]) -> dict[str, SkillGroup]:
    """Every skill group by its id: those laid down, and the default of each that is not."""
    rows = await session.scalars(select(SkillGroupRow).execution_options(populate_existing=True))
    stored = {row.group: SkillGroup(row.group, row.name, row.kind) for row in rows}
    return dict(sorted(({one.group: one for one in default_groups(lines)} | stored).items()))


async def save_group(session: AsyncSession, group: str, name: str, kind: SkillKind, *, now: datetime) -> None:
    """Enter a skill group, or give it another name or kind. Raises InvalidInput."""
    group_id(group)
    if not readable_name(name):
        raise InvalidInput("a group's name has 1 to 64 printable characters")
    await begin_change(session, now)
    values = {"name": name.strip(), "kind": kind}
    await session.execute(
        insert(SkillGroupRow)
        .values(group=group, **values)
        .on_conflict_do_update(index_elements=["skill_group"], set_=values)
    )
    await changed(session, now)


async def remove_group(session: AsyncSession, group: str, *, is_default: bool, now: datetime) -> None:
    """Take a group away; one with a default goes back to it.

    Raises UnknownSkillGroup, SkillGroupInUse if an agent has a level in it or a queue asks for it.
    """
    await begin_change(session, now)
    if not is_default:
        if await session.scalar(select(AgentGroup.user_id).where(AgentGroup.group == group).limit(1)):
            raise SkillGroupInUse("an agent has a level in this group")
        steps = await session.scalars(select(QueueStepRow).execution_options(populate_existing=True))
        if any(group in Need.parse(need).skills for step in steps for need in step.needs):
            raise SkillGroupInUse("a queue asks for this group")
    gone = await session.execute(
        delete(SkillGroupRow).where(SkillGroupRow.group == group).returning(SkillGroupRow.name)
    )
    if gone.one_or_none() is None:
        raise UnknownSkillGroup("nobody has laid down this group")
    await changed(session, now)
