"""Skill groups: those everybody has, those laid down, and what keeps one from being taken away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from acd.needs import Need
from acd.queue_store import save_rule
from acd.queue_tables import SkillKind
from acd.queues import QueueRule, QueueStep
from acd.skills import SkillGroup, SkillGroupInUse, UnknownSkillGroup, groups, remove_group, save_group
from directory.models import AgentGroup, AgentProfile, User
from hotline.database import Database
from hotline.errors import InvalidInput

NOW = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
LINES = [("12333", "人社热线")]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


async def found(database: Database) -> dict[str, SkillGroup]:
    async with database.transaction() as session:
        return await groups(session, LINES)


async def save(database: Database, group: str, name: str, kind: SkillKind) -> None:
    async with database.transaction() as session:
        await save_group(session, group, name, kind, now=NOW)


async def remove(database: Database, group: str, *, is_default: bool = False) -> None:
    async with database.transaction() as session:
        await remove_group(session, group, is_default=is_default, now=NOW)


async def test_the_directory_suggests_groups_and_administrators_name_them(database: Database) -> None:
    assert {one.group: one.kind for one in (await found(database)).values()} == {
        "general": SkillKind.GENERAL,
        "enterprise": SkillKind.ENTERPRISE,
        "night": SkillKind.NIGHT,
        "expert-12333": SkillKind.EXPERT,
    }
    await save(database, "dialect-henan", "河南话", SkillKind.DIALECT)
    await save(database, "expert-12333", "社保专家", SkillKind.EXPERT)
    known = await found(database)
    assert known["dialect-henan"] == SkillGroup("dialect-henan", "河南话", SkillKind.DIALECT)
    assert known["expert-12333"].name == "社保专家"
    assert list(known) == sorted(known)
    await remove(database, "dialect-henan")
    await remove(database, "expert-12333", is_default=True)
    assert (await found(database))["expert-12333"] == SkillGroup(
        "expert-12333", "人社热线专家", SkillKind.EXPERT, stored=False
    )
    assert "dialect-henan" not in await found(database)


@pytest.mark.parametrize(
    ("group", "name"), [("Dialect", "方言"), ("a b", "方言"), ("dialect", ""), ("dialect", "方\n言")]
)
async def test_no_group(database: Database, group: str, name: str) -> None:
    with pytest.raises(InvalidInput):
        await save(database, group, name, SkillKind.DIALECT)


async def test_a_group_in_use_stays(database: Database) -> None:
    for group in ("lang-en", "dialect-henan", "dialect"):
        await save(database, group, group, SkillKind.LANGUAGE)
    async with database.transaction() as session:
        user = User(login="a", name="甲", password_hash="x", password_changed_at=NOW, created_at=NOW)
        session.add(user)
        await session.flush()
        session.add(AgentProfile(user_id=user.id, work_number="1001"))
        await session.flush()
        session.add(AgentGroup(user_id=user.id, group="lang-en", level=5))
        rule = QueueRule("henan", "河南话", (QueueStep(0, (Need.of({"dialect-henan": 2, "general": 1}),)),))
        await save_rule(session, rule, version=0, known=set(), now=NOW)
    for group in ("lang-en", "dialect-henan"):
        with pytest.raises(SkillGroupInUse):
            await remove(database, group)
    # Its name is part of a longer one only.
    await remove(database, "dialect")
    with pytest.raises(UnknownSkillGroup):
        await remove(database, "dialect")
