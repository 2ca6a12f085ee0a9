"""Kind: real. An editor hears a draft on a real phone through Asterisk, by keys, and nothing of it is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from calls.menu.rehearsal_board import LEASE_MS, Rehearsal, RehearsalState, RehearsalUnderWay, Visit, new_id
from calls.models import CallRow, JournalRow
from calls.voice import VoiceProcess
from ivr import drafts
from ivr.flow import Flow
from server.demo.phone import PhoneCall, answer_at_once
from tests.asterisk_config.test_real_hosts import seat_at
from tests.asterisk_fixtures import A_LAW_SILENCE, LiveAsterisk, live_asterisk
from tests.calls.menu.flows import flow, render
from tests.calls.menu.real_line import RealLine, press_by_info

__all__ = ["live_asterisk"]

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]

EDITOR = "editor"
DRAFT = flow(
    top={
        "type": "menu",
        "prompt": "办事请按一",
        "options": {"1": {"label": "社保", "next": "social"}, "2": {"label": "回拨", "next": "promise"}},
        "seconds": 9,
    },
    social={
        "type": "menu",
        "prompt": "社保专家请按一",
        "options": {"1": {"label": "专家", "next": "experts"}},
        "seconds": 9,
    },
    experts={"type": "queue", "queue": "expert-12333"},
    promise={"type": "callback"},
)


@pytest.fixture
async def line(
    redis_url: str, database_url: str, tmp_path: Path, live_asterisk: LiveAsterisk
) -> AsyncIterator[RealLine]:
    line = RealLine(redis_url, database_url, tmp_path, live_asterisk)
    try:
        yield line
    finally:
        await line.close()


async def asked(line: RealLine, process: VoiceProcess, draft: Flow = DRAFT) -> Rehearsal:
    """The draft is saved and rehearsed on extension 8001."""
    render(line, draft)
    for sound in (line.folder / "sounds" / "menus").glob("*.alaw"):
        # Long enough to be heard, so that both sides know of each other's sound before a key is pressed.
        sound.write_bytes(A_LAW_SILENCE * 32_000)
    now_ms = line.clock.now_ms()
    async with line.database.transaction() as session:
        saved = await drafts.save(session, draft, revision=0, editor=EDITOR, now=line.clock.now())
    assert isinstance(saved, drafts.Draft)
    wanted = Rehearsal(
        id=new_id(now_ms),
        editor=EDITOR,
        flow=draft.flow,
        revision=saved.revision,
        line="12345",
        extension="8001",
        host="ast1",
        asked_ms=now_ms,
        until_ms=now_ms + LEASE_MS,
    )
    await process.board.rehearsals.ask(wanted)
    return wanted


async def until(process: VoiceProcess, holds: Callable[[Rehearsal], bool]) -> Rehearsal:
    async with asyncio.timeout(60):
        while True:
            found = await process.board.rehearsals.of(EDITOR)
            assert found is not None, "nobody keeps it"
            if holds(found):
                return found
            await asyncio.sleep(0.05)


def ended(one: Rehearsal) -> bool:
    return one.state is RehearsalState.ENDED


async def nothing_is_kept(line: RealLine, process: VoiceProcess) -> None:
    assert await line.acd.calls() == []
    assert process.board.live == {}
    async with line.database.transaction() as session:
        for table in (JournalRow, CallRow):
            assert await session.scalar(select(func.count()).select_from(table)) == 0


async def test_a_draft_is_played_and_obeys_keys_and_ends_at_a_human_in_words(line: RealLine) -> None:
    async with line.serving() as process, seat_at(line.live, answer_at_once) as phone:
        await asked(line, process)
        call = await asyncio.wait_for(phone.incoming.get(), 30)
        await until(process, lambda one: one.state is RehearsalState.RUNNING and one.at == ("main", "top"))
        await call.audio.hear(0.3)
        with pytest.raises(RehearsalUnderWay):
            await asked_again(line, process)
        press_by_info(call, "1")
        await until(process, lambda one: one.at == ("main", "social"))
        press_by_info(call, "1")
        found = await until(process, ended)
        assert "此处转人工" in found.end
        assert "expert-12333" in found.end
        assert found.path[:2] == (Visit("main", "top", "key 1"), Visit("main", "social", "key 1"))
        await asyncio.wait_for(call.ended.wait(), 15)
        await nothing_is_kept(line, process)


async def asked_again(line: RealLine, process: VoiceProcess) -> None:
    known = await process.board.rehearsals.of(EDITOR)
    assert known is not None
    now_ms = line.clock.now_ms()
    await process.board.rehearsals.ask(
        Rehearsal(
            id=new_id(now_ms),
            editor=EDITOR,
            flow=known.flow,
            revision=known.revision,
            line=known.line,
            extension=known.extension,
            host=known.host,
            asked_ms=now_ms,
            until_ms=now_ms + LEASE_MS,
        )
    )


async def test_a_promise_is_only_told(line: RealLine) -> None:
    async with line.serving() as process, seat_at(line.live, answer_at_once) as phone:
        await asked(line, process)
        call = await asyncio.wait_for(phone.incoming.get(), 30)
        await until(process, lambda one: one.at == ("main", "top"))
        await call.audio.hear(0.3)
        press_by_info(call, "2")
        found = await until(process, ended)
        assert (found.told, found.end) == (("此处登记回拨，彩排不登记。",), "菜单播完，此处挂机。")
        assert process.board.promised.empty()
        await nothing_is_kept(line, process)


async def test_the_editor_ends_it_on_the_page_and_the_phone_is_hung_up(line: RealLine) -> None:
    async with line.serving() as process, seat_at(line.live, answer_at_once) as phone:
        await asked(line, process)
        call = await asyncio.wait_for(phone.incoming.get(), 30)
        running = await until(process, lambda one: one.state is RehearsalState.RUNNING)
        assert await process.board.rehearsals.put(running.ended("已由您在页面上结束。"))
        await asyncio.wait_for(call.ended.wait(), 15)
        found = await process.board.rehearsals.of(EDITOR)
        assert found is not None
        assert (found.state, found.end) == (RehearsalState.ENDED, "已由您在页面上结束。")
        await nothing_is_kept(line, process)


async def test_who_hangs_up_or_refuses_is_told_so(line: RealLine) -> None:
    async def refuse(call: PhoneCall) -> None:
        await call.refuse(486, "Busy Here")

    async with line.serving() as process:
        async with seat_at(line.live, answer_at_once) as phone:
            await asked(line, process)
            call = await asyncio.wait_for(phone.incoming.get(), 30)
            await until(process, lambda one: one.state is RehearsalState.RUNNING)
            await call.hang_up()
            assert (await until(process, ended)).end == "话机已挂断。"
        async with seat_at(line.live, refuse):
            await asked_again(line, process)
            assert (
                await until(process, lambda one: ended(one) and one.end != "话机已挂断。")
            ).end == "话机忙，没有接通。"
        await nothing_is_kept(line, process)


async def test_a_draft_that_leads_into_what_nobody_published_does_not_ring(line: RealLine) -> None:
    draft = flow(top={"type": "subflow", "flow": "nothing"})
    async with line.serving() as process:
        await asked(line, process, draft)
        assert (await until(process, ended)).end == "没有呼叫话机：草稿引用的子菜单尚未发布。"
