"""Queues as they are kept: defaults from the directory, versions, one number that tells of every change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from acd import queue_store
from acd.needs import Need
from acd.queue_store import QueueInUse, StaleRule, UnknownQueueRule, load_rules, rules_version, save_rule
from acd.queue_tables import RulesVersion
from acd.queues import Overflow, OverflowAction, QueueRule, QueueStep, TieBreak
from directory import repository
from hotline.database import Database
from hotline.errors import InvalidInput

NOW = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)
LINES = [("12333", 20_000), ("12348", 0)]
KNOWN = {"general", "enterprise", "night", "expert-12333", "expert-12348"}


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


def expert(*steps: tuple[int, str], **changes: object) -> QueueRule:
    """The 12333's queue with other steps."""
    parsed = tuple(
        QueueStep(after, tuple(Need.parse(need) for need in needs.split("|")))
        for after, needs in steps or ((0, "expert-12333:4"), (20_000, "expert-12333:2|general"))
    )
    return QueueRule(**({"queue": "expert-12333", "name": "人社专家", "steps": parsed} | changes))  # type: ignore[arg-type]


async def save(database: Database, rule: QueueRule, version: int) -> int:
    async with database.transaction() as session:
        return await save_rule(session, rule, version=version, known=KNOWN, now=NOW)


async def load(database: Database) -> queue_store.RuleSet:
    async with database.transaction() as session:
        return await load_rules(session, LINES, directory_version=await repository.version(session))


async def test_where_nobody_laid_down_rules_the_directory_suggests_them(database: Database) -> None:
    found = await load(database)
    assert {rule.queue for rule in found.rules} == KNOWN
    asked = {rule.queue: [(s.after_ms, [n.text for n in s.needs]) for s in rule.steps] for rule in found.rules}
    assert asked["general"] == [(0, ["general"])]
    assert asked["expert-12333"] == [(0, ["expert-12333"]), (20_000, ["expert-12333", "general"])]
    # A line whose general agents are asked at once has one step.
    assert asked["expert-12348"] == [(0, ["expert-12348", "general"])]
    assert asked["night"][0] == (0, ["night"])
    assert asked["enterprise"][-1][1] == ["enterprise", "general"]


async def test_a_queue_comes_back_as_it_was_laid_down(database: Database) -> None:
    rule = expert(
        tie_break=TieBreak.MOST_PROFICIENT,
        wrap_up_ms=45_000,
        wrap_up_max_ms=600_000,
        affinity_ms=5_000,
        max_waiting=50,
        when_full=Overflow(OverflowAction.QUEUE, "general"),
        max_wait_ms=120_000,
        when_late=Overflow(OverflowAction.CALLBACK),
        service_level_ms=15_000,
    )
    assert await save(database, rule, 0) == 1
    assert (await load(database)).rule("expert-12333") == rule
    plain = expert((0, "dialect-henan:2+expert-12333:4"))
    assert await save(database, plain, 1) == 2
    assert (await load(database)).rule("expert-12333") == plain
    async with database.transaction() as session:
        stored = await queue_store.stored_rules(session, LINES)
    assert (stored["expert-12333"].version, stored["general"].version) == (2, 0)


async def test_every_change_counts_the_version_up(database: Database) -> None:
    seen = [(await load(database)).version]
    await save(database, expert(), 0)
    seen.append((await load(database)).version)
    await save(database, expert((0, "general")), 1)
    seen.append((await load(database)).version)
    async with database.transaction() as session:
        await queue_store.remove_rule(session, "expert-12333", version=2, is_default=True, now=NOW)
    seen.append((await load(database)).version)
    async with database.transaction() as session:
        # A line of the directory changes: with it the default queues may.
        await repository.begin_change(session, NOW)
        await repository.changed(session, NOW)
    async with database.transaction() as session:
        seen.append(await rules_version(session, await repository.version(session)))
    assert seen == sorted(set(seen))
    assert len(seen) == 5


async def test_of_two_editors_the_second_is_told(database: Database) -> None:
    await save(database, expert(), 0)
    with pytest.raises(StaleRule):
        await save(database, expert((0, "general")), 0)
    answers = await asyncio.gather(
        *(save(database, expert((0, f"expert-12333:{level}")), 1) for level in range(2, 7)), return_exceptions=True
    )
    assert sorted(map(repr, answers)) == sorted(["2", *[repr(StaleRule("the queue was changed meanwhile"))] * 4])


async def test_a_refused_change_leaves_everything_as_it_was(database: Database) -> None:
    await save(database, expert(), 0)
    before = await load(database)
    for wrong in (
        expert(when_full=Overflow(OverflowAction.QUEUE, "nowhere")),
        expert(when_late=Overflow(OverflowAction.QUEUE, "expert-12333")),
        expert(name="\n"),
        expert((0, "general"), (90_000_000, "night")),
        expert(max_waiting=10**9),
    ):
        with pytest.raises(InvalidInput):
            await save(database, wrong, 1)
    assert await load(database) == before


async def test_a_queue_taken_away(database: Database) -> None:
    own = replace(expert((0, "lang-en")), queue="lang-en", name="英语")
    await save(database, own, 0)
    async with database.transaction() as session:
        overflowing = expert(when_full=Overflow(OverflowAction.QUEUE, "lang-en"))
        await save_rule(session, overflowing, version=0, known=KNOWN | {"lang-en"}, now=NOW)
    for queue, version, default, error in (
        ("nowhere", 1, False, UnknownQueueRule),
        ("lang-en", 7, False, StaleRule),
        ("lang-en", 1, False, QueueInUse),
    ):
        with pytest.raises(error):
            async with database.transaction() as session:
                await queue_store.remove_rule(session, queue, version=version, is_default=default, now=NOW)
    async with database.transaction() as session:
        await queue_store.remove_rule(session, "expert-12333", version=1, is_default=True, now=NOW)
        await queue_store.remove_rule(session, "lang-en", version=1, is_default=False, now=NOW)
    rules = await load(database)
    assert {rule.queue for rule in rules.rules} == KNOWN
    assert rules.rule("expert-12333").steps[0].needs == (Need("expert-12333"),)
    with pytest.raises(UnknownQueueRule):
        rules.rule("lang-en")


async def test_a_load_between_two_changes_is_never_newer_than_it_says(database: Database) -> None:
    """A version is read before what it stands for: a change in between is loaded again under the next version."""
    await save(database, expert(), 0)
    async with database.transaction() as session:
        first = await load_rules(session, LINES, directory_version=1)
        async with database.transaction() as other:
            await save_rule(other, expert((0, "general")), version=1, known=KNOWN, now=NOW)
        # The same transaction sees what is committed meanwhile, not what it read before.
        second = await load_rules(session, LINES, directory_version=1)
    assert second.version > first.version
    assert second.rule("expert-12333") == expert((0, "general"))


async def test_writers_take_turns(database: Database) -> None:
    async with database.transaction() as session:
        await queue_store.begin_change(session, NOW)
        waiting = asyncio.create_task(save(database, expert(), 0))
        done, _ = await asyncio.wait([waiting], timeout=0.2)
        assert not done
        await session.execute(update(RulesVersion).values(version=41))
    await waiting
    assert (await load(database)).version == 42


async def test_an_overflow_into_a_queue_that_is_gone_is_none(database: Database) -> None:
    """A line loses its expert seats: its default queue goes, and what led there still stands in the table."""
    rule = expert(when_full=Overflow(OverflowAction.QUEUE, "expert-12348"), when_late=Overflow(OverflowAction.CALLBACK))
    await save(database, rule, 0)
    async with database.transaction() as session:
        without = await load_rules(session, LINES[:1], directory_version=2)
    assert without.rule("expert-12333") == replace(rule, when_full=Overflow())
    assert (await load(database)).rule("expert-12333") == rule
