"""Two editors at one draft, in a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from hotline.database import Database
from ivr import drafts
from ivr.drafts import Clash, Draft
from ivr.menu_errors import UnknownDraft, UnknownMenu, UnreadableText
from tests.ivr.menus import NOON, flow, saved


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


async def _save(database: Database, text: str, revision: int, editor: str) -> Draft | Clash:
    async with database.transaction() as session:
        return await drafts.save(session, flow(text=text), revision=revision, editor=editor, now=NOON)


async def test_the_second_of_two_editors_sees_both_sides_and_loses_nothing(database: Database) -> None:
    first = await saved(database, flow(text="一"))
    both = await asyncio.gather(
        _save(database, "李的", first.revision, "li"), _save(database, "王的", first.revision, "wang")
    )
    (kept,) = (one for one in both if isinstance(one, Draft))
    (clash,) = (one for one in both if isinstance(one, Clash))
    loser = "wang" if kept.saved_by == "li" else "li"
    assert clash.base == flow(text="一")
    assert clash.theirs.flow == kept.flow
    assert clash.mine == flow(text="王的" if loser == "wang" else "李的")
    async with database.transaction() as session:
        assert (await drafts.draft(session, "main")).flow == kept.flow
        (stash,) = await drafts.stashes(session, "main", loser)
        assert (stash.flow, stash.base_revision) == (clash.mine, first.revision)
        assert await drafts.stashes(session, "main", kept.saved_by) == []


async def test_many_editors_at_once_one_is_first_and_all_others_have_a_stash(database: Database) -> None:
    await saved(database, flow(text="一"))
    answers = await asyncio.gather(*(_save(database, f"稿{n}", 1, f"e{n}") for n in range(8)))
    assert sum(isinstance(one, Draft) for one in answers) == 1
    texts = {one.mine.nodes["hello"] for one in answers if isinstance(one, Clash)}
    async with database.transaction() as session:
        stashed = [await drafts.stashes(session, "main", f"e{n}") for n in range(8)]
    assert {one.flow.nodes["hello"] for of_editor in stashed for one in of_editor} == texts
    assert len(texts) == 7


async def test_a_clash_is_seen_against_the_newest_draft_and_gone_when_it_is_dropped(database: Database) -> None:
    await saved(database, flow(text="一"))
    await _save(database, "二", 1, "li")
    clash = await _save(database, "另", 1, "wang")
    assert isinstance(clash, Clash)
    await _save(database, "三", 2, "li")
    async with database.transaction() as session:
        again = await drafts.clash(session, "main", "wang", clash.stash)
        assert (again.base, again.mine, again.theirs.flow) == (flow(text="一"), flow(text="另"), flow(text="三"))
        with pytest.raises(UnknownDraft):
            await drafts.clash(session, "main", "li", clash.stash)
        await drafts.drop_stash(session, "main", "li", clash.stash)
        assert await drafts.stashes(session, "main", "wang")
        await drafts.drop_stash(session, "main", "wang", clash.stash)
        assert await drafts.stashes(session, "main", "wang") == []


async def test_two_who_make_the_same_flow_clash_with_nothing_as_their_base(database: Database) -> None:
    await _save(database, "一", 0, "li")
    clash = await _save(database, "二", 0, "wang")
    assert isinstance(clash, Clash)
    assert clash.base is None


async def test_a_save_whose_answer_was_lost_may_be_repeated(database: Database) -> None:
    await saved(database, flow(text="一"))
    saves = [await _save(database, "二", 1, "li") for _ in range(2)]
    assert [one.revision for one in saves if isinstance(one, Draft)] == [2, 2]


async def test_every_draft_can_be_read_again(database: Database) -> None:
    for words in ("一", "二", "三"):
        await saved(database, flow(text=words))
    async with database.transaction() as session:
        assert (await drafts.draft(session, "main", 2)).flow == flow(text="二")
        assert (await drafts.draft(session, "main")).revision == 3
        with pytest.raises(UnknownDraft):
            await drafts.draft(session, "main", 4)
        with pytest.raises(UnknownMenu):
            await drafts.draft(session, "none")


async def test_a_revision_of_a_flow_that_is_none_makes_none(database: Database) -> None:
    with pytest.raises(UnknownMenu):
        await _save(database, "一", 3, "li")
    async with database.transaction() as session:
        with pytest.raises(UnknownMenu):
            await drafts.draft(session, "main")


async def test_a_text_of_another_release_is_told_and_can_be_written_over(database: Database) -> None:
    await saved(database, flow(text="一"))
    async with database.transaction() as session:
        await session.execute(text("""UPDATE menu_revisions SET document = '{"flow": "main", "nodes": {}}'"""))
    async with database.transaction() as session:
        with pytest.raises(UnreadableText):
            await drafts.draft(session, "main")
    again = await _save(database, "二", 1, "li")
    assert isinstance(again, Draft)
    assert again.revision == 2
