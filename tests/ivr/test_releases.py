"""Publishing, approving, scheduling and going back, in a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from hotline.database import Database
from ivr import releases
from ivr.flow import Flow
from ivr.judging import Judge
from ivr.menu_errors import (
    AlreadyProposed,
    BadMoment,
    NotAcknowledged,
    NothingNew,
    NotScheduled,
    NotSound,
    OwnProposal,
    StaleDraft,
    UnknownDraft,
    UnknownMenu,
    UnknownVersion,
    UnreadableText,
)
from ivr.releases import Release
from ivr.tables import MenuVersionRow
from ivr.validation.finding import Severity
from tests.ivr.menus import NOON, flow, published, remark, saved, says, sound

ERROR, WARNING = Severity.ERROR, Severity.WARNING
LATER = NOON + timedelta(hours=1)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


async def _versions(database: Database) -> list[int]:
    async with database.transaction() as session:
        return list(await session.scalars(select(MenuVersionRow.version).order_by(MenuVersionRow.version)))


async def _in_force(database: Database, now: datetime) -> list[int]:
    async with database.transaction() as session:
        return [one.version for one in await releases.in_force_so_far(session, "main", now)]


async def test_a_version_says_who_published_what_and_why(database: Database) -> None:
    draft = await saved(database, flow())
    release = Release("main", draft.revision, "首次发布", "li", frozenset({"slow:hello:prompt"}))
    async with database.transaction() as session:
        await releases.publish(session, release, says(remark("slow", WARNING)), now=NOON, approver="wang")
    async with database.transaction() as session:
        row = await releases.one_version(session, "main", 1)
    assert Flow.model_validate(row.document) == flow()
    assert (row.author, row.approved_by, row.comment, row.revision) == ("li", "wang", "首次发布", 1)
    assert row.acknowledged == [{"id": "slow:hello:prompt", "text": "节点“hello”: 不妥（改一改）"}]
    assert row.effective_at == NOON


@pytest.mark.parametrize(
    ("judge", "refusal"),
    [
        (says(remark("dead_end", ERROR)), NotSound),
        (says(remark("slow", WARNING)), NotAcknowledged),
    ],
)
async def test_errors_refuse_and_warnings_ask(database: Database, judge: Judge, refusal: type[Exception]) -> None:
    draft = await saved(database, flow())
    release = Release("main", draft.revision, "", "li", frozenset({"dead_end:hello:prompt"}))
    async with database.transaction() as session:
        with pytest.raises(refusal, match="hello"):
            await releases.publish(session, release, judge, now=NOON)
    assert await _versions(database) == []


async def test_a_published_version_is_never_changed(database: Database) -> None:
    await published(database, flow())
    for statement in (
        "UPDATE menu_versions SET comment = 'x'",
        "DELETE FROM menu_versions",
        "TRUNCATE menu_versions CASCADE",
    ):
        with pytest.raises(DBAPIError, match="never changed"):
            async with database.transaction() as session:
                await session.execute(text(statement))


async def test_who_has_not_seen_the_newest_draft_does_not_publish_it(database: Database) -> None:
    await saved(database, flow(text="一"))
    await saved(database, flow(text="二"))
    async with database.transaction() as session:
        with pytest.raises(StaleDraft):
            await releases.publish(session, Release("main", 1, "", "li"), sound, now=NOON)
        with pytest.raises(UnknownMenu):
            await releases.publish(session, Release("none", 1, "", "li"), sound, now=NOON)


async def test_two_who_publish_at_once_make_one_version(database: Database) -> None:
    draft = await saved(database, flow())

    async def publish() -> int:
        async with database.transaction() as session:
            row = await releases.publish(session, Release("main", draft.revision, "", "li"), sound, now=NOON)
            return row.version

    answers = await asyncio.gather(publish(), publish(), return_exceptions=True)
    assert sorted(str(type(one).__name__) for one in answers) == ["NothingNew", "int"]
    assert await _versions(database) == [1]


async def test_a_rollback_is_a_new_version_with_the_old_content(database: Database) -> None:
    for at, words in enumerate("一二"):
        await published(database, flow(text=words), NOON + timedelta(minutes=at))
    async with database.transaction() as session:
        row = await releases.roll_back(session, "main", from_version=2, to=None, author="li", comment="急", now=LATER)
    assert (row.version, row.restores, Flow.model_validate(row.document)) == (3, 1, flow(text="一"))
    async with database.transaction() as session:
        with pytest.raises(StaleDraft):
            await releases.roll_back(session, "main", from_version=2, to=None, author="li", comment="", now=LATER)
    assert await _in_force(database, LATER) == [3, 2, 1]


async def test_back_to_an_older_one_by_number(database: Database) -> None:
    for at, words in enumerate("一二三"):
        await published(database, flow(text=words), NOON + timedelta(minutes=at))
    async with database.transaction() as session:
        with pytest.raises(UnknownVersion):
            await releases.roll_back(session, "main", from_version=3, to=7, author="li", comment="", now=LATER)
        row = await releases.roll_back(session, "main", from_version=3, to=1, author="li", comment="", now=LATER)
    assert row.restores == 1


async def test_there_is_nothing_before_the_first(database: Database) -> None:
    await published(database, flow())
    async with database.transaction() as session:
        with pytest.raises(NothingNew):
            await releases.roll_back(session, "main", from_version=1, to=None, author="li", comment="", now=LATER)


async def test_a_scheduled_version_comes_into_force_at_its_time_and_can_be_taken_back_before(
    database: Database,
) -> None:
    await published(database, flow(text="一"))
    await published(database, flow(text="二"), effective_at=LATER)
    await published(database, flow(text="三"), effective_at=LATER + timedelta(hours=1))
    assert await _in_force(database, NOON) == [1]
    assert await _in_force(database, LATER) == [2, 1]
    async with database.transaction() as session:
        await releases.withdraw(session, "main", 3, by="li", now=LATER)
        for version in (2, 3):
            with pytest.raises(NotScheduled):
                await releases.withdraw(session, "main", version, by="li", now=LATER)
    assert await _in_force(database, LATER + timedelta(hours=2)) == [2, 1]


@pytest.mark.parametrize(
    "at",
    [NOON - timedelta(seconds=1), NOON, NOON + timedelta(days=400), datetime(2026, 12, 1)],
)
async def test_a_time_that_is_no_time_to_come_is_refused(database: Database, at: datetime) -> None:
    with pytest.raises(BadMoment):
        await published(database, flow(), effective_at=at)


async def test_a_second_person_approves_and_the_author_cannot(database: Database) -> None:
    draft = await saved(database, flow())
    async with database.transaction() as session:
        proposal = await releases.propose(session, Release("main", draft.revision, "请复核", "li"), sound, now=NOON)
    await saved(database, flow(text="改"))
    async with database.transaction() as session:
        with pytest.raises(OwnProposal):
            await releases.approve(session, proposal.id, sound, approver="li", now=LATER)
        with pytest.raises(AlreadyProposed):
            await releases.propose(session, Release("main", 2, "", "li"), sound, now=NOON)
    async with database.transaction() as session:
        row = await releases.approve(session, proposal.id, sound, approver="wang", now=LATER)
    assert (row.author, row.approved_by, row.published_at) == ("li", "wang", LATER)
    assert Flow.model_validate(row.document) == flow()
    async with database.transaction() as session:
        assert await releases.open_proposal(session, "main") is None
        with pytest.raises(UnknownDraft):
            await releases.approve(session, proposal.id, sound, approver="wang", now=LATER)


async def test_what_broke_since_it_was_proposed_is_not_approved(database: Database) -> None:
    draft = await saved(database, flow())
    async with database.transaction() as session:
        proposal = await releases.propose(session, Release("main", draft.revision, "", "li"), sound, now=NOON)
    with pytest.raises(NotSound):
        async with database.transaction() as session:
            await releases.approve(session, proposal.id, says(remark("gone", ERROR)), approver="wang", now=LATER)
    async with database.transaction() as session:
        assert await releases.open_proposal(session, "main")


async def test_a_proposal_whose_time_has_passed_holds_at_once(database: Database) -> None:
    draft = await saved(database, flow())
    async with database.transaction() as session:
        release = Release("main", draft.revision, "", "li", effective_at=NOON + timedelta(minutes=1))
        proposal = await releases.propose(session, release, sound, now=NOON)
        row = await releases.approve(session, proposal.id, sound, approver="wang", now=LATER)
    assert row.effective_at == LATER


@pytest.mark.parametrize(("by", "decision"), [("li", "withdrawn"), ("wang", "refused")])
async def test_a_proposal_is_declined_and_another_can_be_made(database: Database, by: str, decision: str) -> None:
    draft = await saved(database, flow())
    release = Release("main", draft.revision, "", "li")
    async with database.transaction() as session:
        proposal = await releases.propose(session, release, sound, now=NOON)
        row = await releases.decline(session, proposal.id, by=by, reason="不妥", now=LATER)
        assert (row.decision, row.reason) == (decision, "不妥")
        await releases.propose(session, release, sound, now=LATER)


async def test_all_moments_are_kept_in_utc(database: Database) -> None:
    row = await published(database, flow())
    async with database.transaction() as session:
        again = await session.get(MenuVersionRow, ("main", row.version))
    assert again is not None
    assert again.published_at.tzinfo is UTC


async def test_a_version_that_cannot_be_read_is_not_brought_back(database: Database) -> None:
    for at, words in enumerate("一二"):
        await published(database, flow(text=words), NOON + timedelta(minutes=at))
    async with database.transaction() as session:
        await session.execute(text("ALTER TABLE menu_versions DISABLE TRIGGER immutable"))
        await session.execute(text("""UPDATE menu_versions SET document = '{"flow": "main"}' WHERE version = 1"""))
        with pytest.raises(UnreadableText):
            await releases.roll_back(session, "main", from_version=2, to=None, author="li", comment="", now=LATER)
